"""The history of a library: actions of people, each with what it changed; undo and redo without end.

An undoing is an action of its own, so nothing is ever taken out of the history. What one author can undo is what that
author did; a picture that somebody else has changed since is left as it is and named.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from app.datasets.library.states import STATE_COLUMNS, TypeNames, from_json, from_row, tidy, to_json, to_row
from app.domain.labelling import Change, Done, LabelState

Edit = Callable[[LabelState], LabelState]


class Ledger:
    """Changes of one library's file. Calls must not overlap: the library holds its lock around each.

    Args:
        author: who acts here, for example "Mike, bench 2", or what says so at each change: undo goes by it.
    """

    def __init__(self, connection: sqlite3.Connection, author: str | Callable[[], str]) -> None:
        self.connection = self._db = connection
        self._author = author
        self._session = uuid.uuid4().hex

    @property
    def author(self) -> str:
        """Who acts now."""
        return self._author if isinstance(self._author, str) else self._author()

    @property
    def names(self) -> TypeNames:
        """The defect types as they are now, whoever changed them."""
        return TypeNames.of(self._db)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction that has the write lock from its begin."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self._db.in_transaction:  # SQLite rolls back by itself where the disk is full
                self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def change(
        self, words: str, edits: Mapping[int, Edit], seen: Mapping[int, int] | None = None, renamed: str = ""
    ) -> Done:
        """One action over any number of pictures, within `writing`.

        Args:
            edits: picture -> what becomes of its state.
            seen: picture -> the revision its editor saw. One that has another by now is refused, unless the edit would
                change nothing. Without it the newest state is edited.
            renamed: what happens to a defect type beside, for undo.
        """
        names = self.names
        changed: list[tuple[int, LabelState, LabelState]] = []
        refused = []
        for picture, edit in edits.items():
            row = self._db.execute(
                f"SELECT revision, {STATE_COLUMNS} FROM pictures WHERE id = ?", (picture,)
            ).fetchone()
            if row is None:
                continue
            before = from_row(row[1:], names)
            after = tidy(edit(before))
            if after == before:
                continue
            if seen is not None and self._changed_by_others(picture, seen.get(picture, row[0]), row[0]):
                refused.append(picture)
            else:
                changed.append((picture, before, after))
        if changed or renamed:
            self._db.execute(
                "UPDATE actions SET status = 'gone' WHERE author = ? AND status = 'undone'", (self.author,)
            )
            self._record(words, "done", changed, renamed)
        return Done(words, tuple(picture for picture, _, _ in changed), tuple(refused))

    def _changed_by_others(self, picture: int, seen: int, now: int) -> bool:
        """Whether anybody but this session changed a picture between two of its revisions."""
        if seen >= now:
            return False
        rows = self._db.execute(
            "SELECT a.session FROM events e JOIN actions a ON a.id = e.action WHERE e.picture = ? "
            "ORDER BY a.id DESC LIMIT ?",
            (picture, now - seen),
        ).fetchall()
        return len(rows) < now - seen or any(session != self._session for (session,) in rows)

    def _record(
        self, words: str, status: str, changed: list[tuple[int, LabelState, LabelState]], renamed: str = ""
    ) -> int:
        names = self.names
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        action = self._db.execute(
            "INSERT INTO actions (uid, at, author, session, words, status, renamed) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (uuid.uuid4().hex, now, self.author, self._session, words, status, renamed),
        ).lastrowid
        assert action is not None
        self._db.executemany(
            "INSERT INTO events (action, picture, before, after) VALUES (?, ?, ?, ?)",
            ((action, picture, to_json(before, names), to_json(after, names)) for picture, before, after in changed),
        )
        self._db.executemany(
            "UPDATE pictures SET label = ?, types = ?, mask = ?, split = ?, aside = ?, crops = ?, "
            "revision = revision + 1 WHERE id = ?",
            ((*to_row(after, names), picture) for picture, _, after in changed),
        )
        return action

    # -- undo
    def can_undo(self) -> str:
        """What `undo` would take back, in words; "" for nothing."""
        row = self._next("done")
        return row[1] if row else ""

    def can_redo(self) -> str:
        row = self._next("undone")
        return row[1] if row else ""

    def undo(self) -> Done | None:
        """Takes back this author's newest action that still stands, within `writing`; None where there is none."""
        return self._turn("done", "undone", "Undone: ", back=True)

    def redo(self) -> Done | None:
        """Does again what was undone last; None where there is nothing, or something else was done since."""
        return self._turn("undone", "done", "Done again: ", back=False)

    def turn_to(self, picture: int, mask: str, *, back: bool) -> Done | None:
        """Undo (`back`) or redo, if that would leave just this picture changed, and with this mask; else None."""
        found = self._next("done" if back else "undone")
        if found is None or found[2]:
            return None
        rows = self._db.execute("SELECT picture, before, after FROM events WHERE action = ?", (found[0],)).fetchall()
        if len(rows) != 1 or rows[0][0] != picture:
            return None
        states = [from_json(text, self.names) for text in rows[0][1:]]
        now, then = (states[1], states[0]) if back else (states[0], states[1])
        row = self._db.execute(f"SELECT {STATE_COLUMNS} FROM pictures WHERE id = ?", (picture,)).fetchone()
        if then.mask != mask or now.mask == mask or from_row(row, self.names) != now:
            return None
        return self.undo() if back else self.redo()

    def _next(self, status: str) -> tuple[int, str, str] | None:
        # What was undone last is the oldest of the undone ones.
        order = "DESC" if status == "done" else "ASC"
        row: tuple[int, str, str] | None = self._db.execute(
            f"SELECT id, words, renamed FROM actions WHERE author = ? AND status = ? ORDER BY id {order} LIMIT 1",
            (self.author, status),
        ).fetchone()
        return row

    def _turn(self, status: str, then: str, prefix: str, *, back: bool) -> Done | None:
        found = self._next(status)
        if found is None:
            return None
        action, words, renamed = found
        if renamed:
            turn_types(self._db, json.loads(renamed), back=back)
        names = self.names
        changed, refused = [], []
        rows = self._db.execute(
            f"SELECT e.picture, e.before, e.after, {', '.join(f'p.{c}' for c in STATE_COLUMNS.split(', '))} "
            "FROM events e JOIN pictures p ON p.id = e.picture WHERE e.action = ?",
            (action,),
        ).fetchall()
        for picture, before_text, after_text, *now in rows:
            before, after = from_json(before_text, names), from_json(after_text, names)
            expected, wanted = (after, before) if back else (before, after)
            current = from_row(tuple(now), names)
            if current == wanted:
                continue
            if current == expected:
                changed.append((picture, current, wanted))
            else:
                refused.append(picture)
        self._db.execute("UPDATE actions SET status = ? WHERE id = ?", (then, action))
        self._record(prefix + words, "undo", changed)
        return Done(prefix + words, tuple(picture for picture, _, _ in changed), tuple(refused))

    def history(self, picture: int) -> list[Change]:
        """What people did to one picture, oldest first."""
        names = self.names
        rows = self._db.execute(
            "SELECT a.at, a.author, a.words, e.before, e.after FROM events e JOIN actions a ON a.id = e.action "
            "WHERE e.picture = ? ORDER BY a.at, a.id",
            (picture,),
        )
        return [
            Change(datetime.fromisoformat(at), who, words, from_json(before, names), from_json(after, names))
            for at, who, words, before, after in rows
        ]


def turn_types(connection: sqlite3.Connection, renamed: dict[str, object], *, back: bool) -> None:
    """Does or takes back what an action did to a defect type: {"id", "column", "before", "after"}."""
    column = renamed["column"]
    assert column in ("name", "merged_into", "removed")
    connection.execute(
        f"UPDATE types SET {column} = ? WHERE id = ?", (renamed["before" if back else "after"], renamed["id"])
    )
