"""Joining what another session labelled (a laptop taken to the bench, another station) into a library.

Pictures are the same when their files are. Every action has a name that is unique everywhere, so both histories tell
what each side already knew: where only one side went on, its word stands; where both did and disagree, the picture's
own word stays and the other is kept beside it until a person chooses.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from app.datasets.library.ledger import Ledger
from app.datasets.library.library import Library, pictures_words
from app.datasets.library.schema import DATABASE, open_to_read, words_for
from app.datasets.library.states import STATE_COLUMNS, TypeNames, from_json, from_row, to_json, to_row
from app.domain.errors import DatasetError
from app.domain.labelling import Conflict, Done, LabelState

Step = Callable[[float | None, str], None]
_History = Sequence[tuple[str, str, str, str, str, str]]
"""Of each action: its name everywhere, when, who, words, state before and after."""

_PICTURE = (
    "digest, suffix, likeness, coarse, name, name_key, folded, width, height, bytes, source, camera, taken_at, "
    "added_at, sharpness"
)


@dataclass(slots=True)
class Joined:
    """What joining did: pictures that were new, brought up to date, left for a person to choose; problems in words."""

    new: int = 0
    updated: int = 0
    same: int = 0
    conflicts: int = 0
    problems: list[str] = field(default_factory=list)


def join(library: Library, other: Path, step: Step = lambda fraction, words: None) -> Joined:
    """Slow: takes over what the library in the folder `other` knows; that one is only read.

    When `step` raises, what was joined until then stays, and joining again goes on.

    Raises:
        DatasetError: `other` is no library, or this one can't be written.
    """
    if other.resolve() == library.root.resolve():
        raise DatasetError(f"{other} is this library itself. Choose the other one's folder.")
    theirs = open_to_read(other)
    try:
        return _Joining(library, theirs, other).run(step)
    finally:
        theirs.close()


def conflicts(library: Library) -> list[Conflict]:
    """Pictures that wait for a person's choice."""
    columns = ", ".join(f"p.{column}" for column in STATE_COLUMNS.split(", "))
    with library.session() as (db, ledger):
        names = ledger.names
        rows = db.execute(
            f"SELECT c.picture, p.name, c.library, c.theirs, c.author, c.at, {columns} FROM conflicts c "
            "JOIN pictures p ON p.id = c.picture ORDER BY p.name_key"
        ).fetchall()
    return [
        Conflict(number, name, where, from_row(tuple(mine), names), from_json(theirs, names), author,
                 datetime.fromisoformat(at))
        for number, name, where, theirs, author, at, *mine in rows
    ]  # fmt: skip


def resolve(library: Library, chosen: Collection[Conflict], take: str) -> Done:
    """Ends conflicts: `take` is "mine", "theirs", or "later" (the later person's word, picture by picture)."""
    edits = {}
    for each in chosen:
        own = [change.at for change in library.history(each.picture) if change.after == each.mine]
        later = not own or each.at > max(own)
        if take == "theirs" or (take == "later" and later):
            edits[each.picture] = _becoming(each.theirs)
    with library.writing() as (db, ledger):
        done = ledger.change(f"{pictures_words(len(edits))} as the other session said", edits)
        db.executemany(
            "DELETE FROM conflicts WHERE picture = ? AND library = ?", ((each.picture, each.library) for each in chosen)
        )
    return done


def _becoming(wanted: LabelState) -> Callable[[LabelState], LabelState]:
    return lambda before: wanted


class _Joining:
    def __init__(self, library: Library, theirs: sqlite3.Connection, other: Path) -> None:
        self._mine, self._theirs, self._other = library, theirs, other
        self._joined = Joined()
        with words_for(other / DATABASE):
            self._their_names = TypeNames.of(theirs)
        self._numbers = {each.id: library.types.ensure(each.name).id for each in self._their_names.used}
        self._masks: dict[str, str] = {}  # their digest -> ours

    def run(self, step: Step) -> Joined:
        with words_for(self._other / DATABASE):
            total = self._theirs.execute("SELECT count(*) FROM pictures").fetchone()[0]
            rows = self._theirs.execute(f"SELECT id, {_PICTURE}, {STATE_COLUMNS} FROM pictures ORDER BY id")
            for done, row in enumerate(rows, 1):
                try:
                    self._one(row[0], row[1:16], row[16:])
                except (DatasetError, OSError) as error:
                    self._joined.problems.append(f"{row[5]}: {error}")
                step(done / total, f"Joining pictures, {done} of {total}")
        return self._joined

    def _one(self, their_id: int, picture: tuple[object, ...], state: tuple[object, ...]) -> None:
        digest, suffix = str(picture[0]), str(picture[1])
        events = self._theirs.execute(
            "SELECT a.uid, a.at, a.author, a.words, e.before, e.after FROM events e JOIN actions a ON a.id = e.action "
            "WHERE e.picture = ? ORDER BY a.id",
            (their_id,),
        ).fetchall()
        if self._theirs.execute("SELECT 1 FROM conflicts WHERE picture = ?", (their_id,)).fetchone():
            raise DatasetError("two sessions disagree about it there. Choose in that library first, then join again.")
        theirs = self._translated(from_row(state, self._their_names))
        history = [
            (uid, at, who, words, self._old(before), self._old(after)) for uid, at, who, words, before, after in events
        ]
        with self._mine.session() as (db, _):
            known = db.execute("SELECT id FROM pictures WHERE digest = ?", (digest,)).fetchone()
        if known is None:
            path = self._mine.files.picture(digest, suffix)
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f".{path.name}.part")
            shutil.copyfile(self._other / path.relative_to(self._mine.root), part)
            part.replace(path)
        with self._mine.writing() as (db, ledger):
            if known is None:
                marks = ", ".join("?" * len(picture))
                number = db.execute(f"INSERT INTO pictures ({_PICTURE}) VALUES ({marks})", picture).lastrowid
                assert number is not None
                look = self._theirs.execute("SELECT thumbnail FROM looks WHERE picture = ?", (their_id,)).fetchone()
                if look is not None:
                    db.execute("INSERT INTO looks VALUES (?, ?)", (number, look[0]))
                _take_over(db, ledger, number, theirs, history, set())
                self._joined.new += 1
            else:
                self._merge(db, ledger, known[0], theirs, history)

    def _merge(
        self, db: sqlite3.Connection, ledger: Ledger, number: int, theirs: LabelState, history: _History
    ) -> None:
        names = ledger.names
        mine_uids = {
            uid for (uid,) in db.execute(
                "SELECT a.uid FROM events e JOIN actions a ON a.id = e.action WHERE e.picture = ?", (number,)
            )
        }  # fmt: skip
        their_uids = {each[0] for each in history}
        mine = from_row(db.execute(f"SELECT {STATE_COLUMNS} FROM pictures WHERE id = ?", (number,)).fetchone(), names)
        if their_uids <= mine_uids or mine == theirs:
            self._joined.same += 1
            if not their_uids <= mine_uids:
                _take_over(db, ledger, number, theirs, history, mine_uids)
        elif mine_uids <= their_uids:
            _take_over(db, ledger, number, theirs, history, mine_uids)
            self._joined.updated += 1
        else:
            last = history[-1]
            # Its history is known from now on, so that joining again asks no second time.
            _take_over(db, ledger, number, mine, history, mine_uids)
            db.execute(
                "INSERT OR REPLACE INTO conflicts VALUES (?, ?, ?, ?, ?)",
                (number, self._other.name, to_json(theirs, names), last[2], last[1]),
            )
            self._joined.conflicts += 1

    def _translated(self, state: LabelState) -> LabelState:
        """Their state with our masks; types go by name."""
        return replace(state, mask=self._mask(state.mask)) if state.mask else state

    def _old(self, text: str) -> str:
        """A state of their history as ours. A mask that is gone there is left out: it is history only."""
        state = from_json(text, self._their_names)
        try:
            state = self._translated(state)
        except (DatasetError, OSError):
            state = replace(state, mask="")
        with self._mine.session() as (_, ledger):
            return to_json(state, ledger.names)

    def _mask(self, digest: str) -> str:
        if digest not in self._masks:
            plane = type(self._mine.files)(self._other).read_mask(digest)
            table = np.arange(256, dtype=np.uint8)
            for number in self._their_names.taken():
                table[number] = self._numbers.get(self._their_names.final(number), number)
            self._masks[digest] = self._mine.files.keep_mask(table[plane])
        return self._masks[digest]


def _take_over(
    db: sqlite3.Connection,
    ledger: Ledger,
    number: int,
    state: LabelState,
    history: _History,
    known: set[str],
) -> None:
    """Their history after ours, and their state. Nobody here can undo it: it was done elsewhere."""
    for uid, at, author, words, before, after in history:
        if uid in known:
            continue
        db.execute(
            "INSERT OR IGNORE INTO actions (uid, at, author, session, words, status) "
            "VALUES (?, ?, ?, '', ?, 'elsewhere')",
            (uid, at, author, words),
        )
        (action,) = db.execute("SELECT id FROM actions WHERE uid = ?", (uid,)).fetchone()
        db.execute("INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?)", (action, number, before, after))
    db.execute(
        "UPDATE pictures SET label = ?, types = ?, mask = ?, split = ?, aside = ?, crops = ?, revision = revision + 1 "
        "WHERE id = ?",
        (*to_row(state, ledger.names), number),
    )


def copy_for_session(library: Library, folder: Path) -> None:
    """Slow: a copy of the whole library to take along; `join` brings back what was labelled there.

    Raises:
        DatasetError: the folder is not empty, or has no room.
    """
    with words_for(folder / DATABASE):
        if folder.exists() and any(folder.iterdir()):
            raise DatasetError(f"The folder {folder} is not empty: choose a new one for the copy.")
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("pictures", "masks", "thumbnails"):
            if (library.root / name).is_dir():
                shutil.copytree(library.root / name, folder / name)
        with library.session() as (db, _):
            target = sqlite3.connect(folder / DATABASE)
            try:
                db.backup(target)
            finally:
                target.close()
