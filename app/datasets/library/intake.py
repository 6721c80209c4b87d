"""An import: pictures into a library, in batches that appear as they come."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from app.datasets.library.adding import Checked, Incoming, Refused, checked
from app.datasets.library.ledger import Edit
from app.datasets.library.library import Library, pictures_words
from app.datasets.library.query import name_key
from app.datasets.library.schema import DATABASE, words_for
from app.datasets.library.states import TypeNames, to_row
from app.datasets.likeness import DISTANCE, TOLERANCE, Look, alike
from app.domain.errors import DatasetError
from app.domain.labelling import LabelState

Step = Callable[[float | None, str], None]

_UNSIGNED = (1 << 64) - 1
_COMMIT_EVERY = 50  # pictures taken in between two commits: what is on the screen grows while an import runs


@dataclass(slots=True)
class Added:
    """What an import did.

    Attributes:
        new: ids of pictures that were not there; `alike` those of them that were set aside as another's duplicate.
        known: names of pictures that were there already, byte by byte.
        refused: in words, what could not be used.
    """

    new: list[int] = field(default_factory=list)
    alike: list[int] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def take_in(
    library: Library,
    incoming: Iterable[Incoming],
    step: Step = lambda fraction, words: None,
    *,
    total: int = 0,
) -> Added:
    """Slow: takes pictures in. What is there already, byte by byte, is counted and not taken again; what looks like
    another is set aside as its duplicate. A picture that can't be used is named; the others go on.

    When `step` raises (the user stopped), what was taken in until then stays.

    Raises:
        DatasetError: the library can't be written.
    """
    return _Intake(library).run(incoming, step, total)


class _Intake:
    def __init__(self, library: Library) -> None:
        self._library, self._added = library, Added()
        with library.session() as (db, _):
            self._looks = _Looks(db)

    def run(self, incoming: Iterable[Incoming], step: Step, total: int) -> Added:
        of = f" of {total}" if total else ""
        batch: list[Checked] = []
        done = 0
        with words_for(self._library.root / DATABASE):
            try:
                for each in checked(incoming, self._library.files, self._knows):
                    done += 1
                    if isinstance(each, Refused):
                        self._added.refused.append(each.words)
                    else:
                        batch.append(each)
                    if len(batch) >= _COMMIT_EVERY:
                        self._take(batch)
                        batch = []
                    step(done / total if total else None, f"Taking in pictures, {done}{of}")
            finally:
                self._take(batch)
        return self._added

    def _knows(self, digest: str) -> bool:
        with self._library.session() as (db, _):
            return db.execute("SELECT 1 FROM pictures WHERE digest = ?", (digest,)).fetchone() is not None

    def _take(self, batch: Sequence[Checked]) -> None:
        if not batch:
            return
        for kind in {kind for each in batch for kind in each.incoming.state.types}:
            self._library.types.ensure(kind)
        masks = {each.digest: self._mask(each) for each in batch}
        with self._library.writing() as (db, ledger):
            names = ledger.names
            labelled: dict[int, Edit] = {}
            for each in batch:
                number = self._insert(db, each, names)
                mask, types = masks[each.digest]
                state = each.incoming.state
                wanted = replace(state, mask=mask, types=(*state.types, *types))
                if number is not None and wanted != LabelState():
                    labelled[number] = _keeping_aside(wanted)
            ledger.change(f"{pictures_words(len(labelled))} taken in with their labels", labelled)

    def _mask(self, each: Checked) -> tuple[str, tuple[str, ...]]:
        """Its mask's digest and the types drawn in it; what is known already keeps its own."""
        if each.incoming.masks is None or not each.width:
            return "", ()
        try:
            areas = each.incoming.masks((each.width, each.height))
        except DatasetError as error:
            self._added.refused.append(f"{error} The picture was taken in without its mask.")
            return "", ()
        plane = np.zeros((each.height, each.width), np.uint8)
        drawn = {name: area for name, area in areas.items() if area.any()}
        for name, area in drawn.items():
            plane[area] = self._library.types.ensure(name).id
        return (self._library.files.keep_mask(plane), tuple(drawn)) if drawn else ("", ())

    def _insert(self, db: sqlite3.Connection, each: Checked, names: TypeNames) -> int | None:
        from_ = each.incoming
        if each.look is None or db.execute("SELECT 1 FROM pictures WHERE digest = ?", (each.digest,)).fetchone():
            self._added.known.append(from_.name)
            return None
        aside = ""
        twin = self._looks.twin(db, each.look)
        if twin is not None:
            (name,) = db.execute("SELECT name FROM pictures WHERE id = ?", (twin,)).fetchone()
            aside = f"looks like {name}"
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        taken = from_.taken_at.astimezone(UTC).isoformat(timespec="milliseconds") if from_.taken_at else None
        number = db.execute(
            "INSERT INTO pictures (digest, suffix, likeness, coarse, name, name_key, folded, width, height, bytes, "
            "source, camera, taken_at, added_at, sharpness, label, types, mask, split, aside, crops) "
            f"VALUES ({', '.join('?' * 21)})",
            (
                each.digest,
                each.suffix,
                _signed(each.look.hash),
                _coarse(each.look).astype(np.uint8).tobytes(),
                from_.name,
                name_key(from_.name),
                from_.name.casefold(),
                each.width,
                each.height,
                each.bytes,
                from_.source,
                from_.camera,
                taken,
                now,
                each.sharpness,
                *to_row(LabelState(aside=aside), names),
            ),
        ).lastrowid
        assert number is not None
        db.execute("INSERT INTO looks VALUES (?, ?)", (number, each.look.thumbnail.tobytes()))
        if twin is None:
            self._looks.add(number, each.look)
        self._added.new.append(number)
        if aside:
            self._added.alike.append(number)
        return number


def _keeping_aside(wanted: LabelState) -> Edit:
    return lambda before: replace(wanted, aside=wanted.aside or before.aside)


class _Looks:
    """What the library's pictures look like, growing. Hashes and 4 x 4 grey levels are in memory and pass over nearly
    all; thumbnails of the few that are left are read."""

    def __init__(self, db: sqlite3.Connection) -> None:
        rows = db.execute(
            "SELECT id, likeness, coarse FROM pictures WHERE aside = '' AND coarse IS NOT NULL"
        ).fetchall()
        self._count = len(rows)
        room = max(1024, 2 * len(rows))
        self._ids = np.zeros(room, np.int64)
        self._hashes = np.zeros(room, np.uint64)
        self._coarse = np.zeros((room, 16), np.int16)
        for place, (number, likeness, coarse) in enumerate(rows):
            self._ids[place] = number
            self._hashes[place] = likeness & _UNSIGNED
            self._coarse[place] = np.frombuffer(coarse, np.uint8)

    def twin(self, db: sqlite3.Connection, look: Look) -> int | None:
        """The id of a picture that shows the same, None if there is none."""
        count = self._count
        far = np.bitwise_count(self._hashes[:count] ^ np.uint64(look.hash)) > DISTANCE
        # Grey levels averaged differ by no more than they do pixel by pixel.
        far |= np.abs(self._coarse[:count] - _coarse(look)).max(axis=1, initial=0) > TOLERANCE + 1
        for place in np.flatnonzero(~far):
            number = int(self._ids[place])
            row = db.execute("SELECT thumbnail FROM looks WHERE picture = ?", (number,)).fetchone()
            thumbnail = np.frombuffer(row[0], np.uint8).reshape(look.thumbnail.shape)
            if alike(look, Look(int(self._hashes[place]), thumbnail)):
                return number
        return None

    def add(self, number: int, look: Look) -> None:
        if self._count == len(self._ids):
            self._ids, self._hashes, self._coarse = (
                np.concatenate([each, np.zeros_like(each)]) for each in (self._ids, self._hashes, self._coarse)
            )
        self._ids[self._count], self._hashes[self._count] = number, look.hash
        self._coarse[self._count] = _coarse(look)
        self._count += 1


def _coarse(look: Look) -> NDArray[np.int16]:
    """(16,) grey levels of 4 x 4 fields."""
    side = look.thumbnail.shape[0] // 4
    fields = look.thumbnail.reshape(4, side, 4, side).mean(axis=(1, 3))
    return np.asarray(np.rint(fields), np.int16).reshape(-1)


def _signed(number: int) -> int:
    """SQLite's integers are signed."""
    return number - (1 << 64) if number >= 1 << 63 else number
