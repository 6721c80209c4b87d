"""A library of pictures for labelling: one folder, one file of what is known, pictures and masks beside it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from app.datasets.library.files import LibraryFiles
from app.datasets.library.ledger import Edit, Ledger
from app.datasets.library.query import count, find
from app.datasets.library.schema import DATABASE, open_file, words_for
from app.datasets.library.states import PICTURE_COLUMNS, picture_of
from app.datasets.library.typebook import TypeBook
from app.domain.errors import DatasetError
from app.domain.frame import Image
from app.domain.labelling import (
    Change,
    DefectType,
    Done,
    Label,
    LabelState,
    LibraryCounts,
    LibraryPicture,
    Place,
    Query,
    Split,
)
from app.masking import Plane

_PAGE = 500  # values a statement
SMALLEST_PLACE = 8
"""Pixels a checkpoint has at least, each way."""


class Library:
    """All calls may be made from any thread; each waits for the one before. Those that read or write pictures are slow.

    Every change is committed when its call returns, or was not made at all. Errors are DatasetError and name the file.
    """

    def __init__(self, root: Path, connection: sqlite3.Connection, author: str | Callable[[], str]) -> None:
        self.root, self.files = root, LibraryFiles(root)
        self._db, self._lock = connection, threading.RLock()
        self._ledger = Ledger(connection, author)
        self._drawn_in: dict[str, list[int]] = {}
        self.types = TypeBook(self)

    @classmethod
    def open(cls, root: Path, author: str | Callable[[], str], *, make: bool = False) -> Library:
        """Opens the library in `root`, or makes one there.

        Args:
            author: who acts, with the station's name, or what says so at each change: undo goes by it.
        """
        return cls(root, open_file(root, make=make), author)

    @staticmethod
    def is_library(root: Path) -> bool:
        return (root / DATABASE).is_file()

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def session(self) -> Iterator[tuple[sqlite3.Connection, Ledger]]:
        """Connection and history under the library's lock, SQLite's errors in words. For the library's own parts."""
        with self._lock, words_for(self.root / DATABASE):
            yield self._db, self._ledger

    @contextmanager
    def writing(self) -> Iterator[tuple[sqlite3.Connection, Ledger]]:
        """The same within one transaction."""
        with self.session() as (db, ledger), ledger.writing():
            yield db, ledger

    # -- looking
    def find(self, query: Query) -> list[int]:
        """Ids of the pictures asked for, in order."""
        with self.session() as (db, ledger):
            return find(db, query, ledger.names)

    def counts(self) -> LibraryCounts:
        with self.session() as (db, ledger):
            return count(db, ledger.names)

    def pictures(self, ids: Sequence[int]) -> list[LibraryPicture]:
        """The pictures of these ids, in this order; unknown ids are left out."""
        found: dict[int, LibraryPicture] = {}
        with self.session() as (db, ledger):
            names = ledger.names
            for start in range(0, len(ids), _PAGE):
                part = ids[start : start + _PAGE]
                marks = ", ".join("?" * len(part))
                for row in db.execute(f"SELECT {PICTURE_COLUMNS} FROM pictures WHERE id IN ({marks})", tuple(part)):
                    found[row[0]] = picture_of(row, names)
        return [found[each] for each in ids if each in found]

    def picture(self, number: int) -> LibraryPicture:
        found = self.pictures([number])
        if not found:
            raise DatasetError(f"The library {self.root} has no picture number {number}.")
        return found[0]

    def by_digest(self, digest: str) -> LibraryPicture | None:
        """The picture whose file has this SHA-256; None where there is none."""
        with self.session() as (db, _):
            row = db.execute("SELECT id FROM pictures WHERE digest = ?", (digest,)).fetchone()
        return self.picture(row[0]) if row is not None else None

    def path(self, number: int) -> Path:
        """The picture's file in the library."""
        with self.session() as (db, _):
            row = db.execute("SELECT digest, suffix FROM pictures WHERE id = ?", (number,)).fetchone()
        if row is None:
            raise DatasetError(f"The library {self.root} has no picture number {number}.")
        return self.files.picture(*row)

    def numbered(self, digest: str) -> int | None:
        """Id of the picture whose file has this SHA-256; None where there is none."""
        with self.session() as (db, _):
            row = db.execute("SELECT id FROM pictures WHERE digest = ?", (digest,)).fetchone()
        return None if row is None else int(row[0])

    def thumbnail(self, number: int) -> Image:
        """Slow: (h, w, 3) uint8 BGR, at most 224 pixels a side. Raises PictureError where the picture is gone."""
        path = self.path(number)
        return self.files.read_thumbnail(path.stem, path.suffix)

    def outlined_thumbnail(self, number: int) -> Image:
        """Slow: the thumbnail with the defects drawn on it in their types' colours. A mask that is damaged is left
        out: the picture can still be told by it."""
        image = self.thumbnail(number)
        state = self.picture(number).state
        if not state.mask:
            return image
        try:
            plane = self.mask_of(state)
        except DatasetError:
            return image
        height, width = image.shape[:2]
        image = image.copy()
        for kind in self.defect_types():
            area = (plane == kind.id).view(np.uint8)
            if not area.any():
                continue
            # By area, so that a thin scratch on a large picture does not fall between the pixels.
            small = np.asarray(cv2.resize(255 * area, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
            outlines, _ = cv2.findContours((small > 8).view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            red, green, blue = bytes.fromhex(kind.colour[1:])
            cv2.drawContours(image, outlines, -1, (0, 0, 0), 3)
            cv2.drawContours(image, outlines, -1, (blue, green, red), 1)
        return image

    def mask(self, number: int) -> Plane | None:
        """Slow: (H, W) uint8 with types' numbers, merged types' pixels already as those they were merged into."""
        state = self.picture(number).state
        return self.mask_of(state) if state.mask else None

    def mask_of(self, state: LabelState) -> Plane:
        plane = self.files.read_mask(state.mask)
        with self.session() as (_, ledger):
            merges = ledger.names.merges()
        if merges:
            table = np.arange(256, dtype=np.uint8)
            for number, other in merges.items():
                table[number] = other
            plane = table[plane]
        return plane

    def history(self, number: int) -> list[Change]:
        with self.session() as (_, ledger):
            return ledger.history(number)

    # -- labelling
    def change(self, words: str, edits: Mapping[int, Edit], seen: Mapping[int, int] | None = None) -> Done:
        """One action of a person over any number of pictures; see `Ledger.change`."""
        with self.writing() as (_, ledger):
            return ledger.change(words, edits, seen)

    def classify(
        self, ids: Collection[int], label: Label | None, kind: str = "", seen: Mapping[int, int] | None = None
    ) -> Done:
        """Says what pictures are. `kind` (of anomalies) is added to the types a picture already has; a defect type that
        is not known yet is made. Without `kind` the types stay."""
        if kind and label == "anomaly":
            self.types.ensure(kind)

        def edit(state: LabelState) -> LabelState:
            types = (*state.types, kind) if kind and label == "anomaly" else state.types
            return replace(state, label=label, types=types)

        what = {"normal": "good", "anomaly": kind or "defect", None: "unlabelled"}[label]
        return self.change(f"{pictures_words(len(ids))} as {what}", dict.fromkeys(ids, edit), seen)

    def set_mask(
        self, number: int, plane: Plane | None, words: str = "Mask", seen: int | None = None, turn: str = ""
    ) -> Done:
        """Slow: keeps the defects drawn on a picture; an empty mask is none. What is drawn is a defect, so the label
        and the types follow; types that were named without being drawn stay.

        Args:
            turn: "undo" or "redo" where the mask came about by taking back, or doing again, a step of drawing. Where
                that step is this author's newest action, the action itself is turned, and so stays one step.

        Raises:
            DatasetError: a mask of another size than its picture.
        """
        picture = self.picture(number)
        if plane is not None and plane.shape != (picture.height, picture.width):
            raise DatasetError(
                f"The mask is {plane.shape[1]} x {plane.shape[0]} pixels, but the picture {picture.name} is "
                f"{picture.width} x {picture.height}. Draw it on this picture."
            )
        drawn = drawn_numbers(plane) if plane is not None else []
        digest = ""
        if plane is not None and drawn:
            with words_for(self.root / DATABASE):
                digest = self.files.keep_mask(plane)
            self._drawn_in[digest] = drawn
        before = self._drawn(picture.state.mask)
        with self.session() as (_, ledger):
            names = ledger.names
        types = [names.name(each) for each in drawn]
        gone = {names.name(each) for each in before} - set(types)

        def edit(state: LabelState) -> LabelState:
            kept = tuple(name for name in state.types if name not in gone)
            label: Label | None = "anomaly" if digest else state.label
            return replace(state, label=label, types=(*kept, *types), mask=digest)

        with self.writing() as (_, ledger):
            if turn and (turned := ledger.turn_to(number, digest, back=turn == "undo")) is not None:
                return turned
            return ledger.change(words, {number: edit}, None if seen is None else {number: seen})

    def _drawn(self, digest: str) -> list[int]:
        """The types' numbers in a mask, remembered: masks never change."""
        if not digest:
            return []
        if digest not in self._drawn_in:
            self._drawn_in[digest] = drawn_numbers(self.files.read_mask(digest))
        return self._drawn_in[digest]

    def set_split(self, ids: Collection[int], split: Split | None, seen: Mapping[int, int] | None = None) -> Done:
        words = (
            f"{pictures_words(len(ids))} for {'training' if split == 'train' else 'testing' if split else 'either set'}"
        )
        return self.change(words, dict.fromkeys(ids, lambda state: replace(state, split=split)), seen)

    def set_aside(self, ids: Collection[int], why: str) -> Done:
        """Leaves pictures out of the set, or takes them in again with `why` "". Nothing is deleted."""
        words = f"{pictures_words(len(ids))} {'left out' if why else 'taken in again'}"
        return self.change(words, dict.fromkeys(ids, lambda state: replace(state, aside=why)))

    def label_crops(self, ids: Collection[int], place: str, word: str) -> Done:
        """Says what one checkpoint is like on these pictures; "" takes the word away."""

        def edit(state: LabelState) -> LabelState:
            crops = dict(state.crops)
            crops.pop(place, None)
            return replace(state, crops=tuple({**crops, **({place: word} if word else {})}.items()))

        return self.change(f"{place} on {pictures_words(len(ids))}: {word or 'not labelled'}", dict.fromkeys(ids, edit))

    # -- checkpoints
    def places(self) -> list[Place]:
        """The checkpoints drawn, by name."""
        with self.session() as (db, _):
            rows = db.execute("SELECT name, picture, x, y, width, height FROM places ORDER BY name").fetchall()
        return [Place(name, picture, (x, y, width, height)) for name, picture, x, y, width, height in rows]

    def draw_place(self, place: Place, instead_of: str = "") -> None:
        """Keeps a checkpoint, or changes the one called `instead_of`, whose labels go with it.

        Raises:
            DatasetError: it lies outside its picture, or another one has its name.
        """
        name = " ".join(place.name.split())
        picture = self.picture(place.picture)
        x, y, width, height = place.box
        inside = x >= 0 and y >= 0 and x + width <= picture.width and y + height <= picture.height
        if not name or min(width, height) < SMALLEST_PLACE or not inside:
            raise DatasetError(
                f"A checkpoint has a name and at least {SMALLEST_PLACE} x {SMALLEST_PLACE} pixels within its picture "
                f"({picture.width} x {picture.height}): draw it again."
            )
        with self.writing() as (db, ledger):
            taken = db.execute("SELECT 1 FROM places WHERE name = ?", (name,)).fetchone() is not None
            if taken and name != instead_of:
                raise DatasetError(f"There is a checkpoint called {name} already: give this one another name.")
            db.execute("DELETE FROM places WHERE name = ?", (instead_of or name,))
            db.execute("INSERT INTO places VALUES (?, ?, ?, ?, ?, ?)", (name, place.picture, x, y, width, height))
            if instead_of and instead_of != name:
                rows = db.execute("SELECT id FROM pictures WHERE instr(crops, ?)", (instead_of,)).fetchall()
                edits = {number: _renaming_crop(instead_of, name) for (number,) in rows}
                ledger.change(f"{instead_of} is called {name}", edits)

    def remove_place(self, name: str) -> None:
        """Its labels stay in the pictures' states: drawing it again brings them back."""
        with self.writing() as (db, _):
            db.execute("DELETE FROM places WHERE name = ?", (name,))

    # -- undo
    def undo(self) -> Done | None:
        """Takes back this author's newest action; also after a restart, and without end."""
        with self.writing() as (_, ledger):
            return ledger.undo()

    def redo(self) -> Done | None:
        with self.writing() as (_, ledger):
            return ledger.redo()

    def undoable(self) -> tuple[str, str]:
        """What undo and redo would do, in words; "" for nothing."""
        with self.session() as (_, ledger):
            return ledger.can_undo(), ledger.can_redo()

    # -- what a model said
    def set_opinions(self, opinions: Mapping[int, tuple[float, float, float]]) -> None:
        """Keeps a model's (score, threshold, doubt 0..1) of pictures."""
        with self.writing() as (db, _):
            db.executemany(
                "UPDATE pictures SET score = ?, threshold = ?, doubt = ? WHERE id = ?",
                ((*opinion, number) for number, opinion in opinions.items()),
            )

    def set_suspicious(self, reasons: Mapping[int, str]) -> None:
        """Marks labels that may be wrong; all others lose their mark."""
        with self.writing() as (db, _):
            db.execute("UPDATE pictures SET suspicious = '' WHERE suspicious != ''")
            db.executemany(
                "UPDATE pictures SET suspicious = ? WHERE id = ?", ((why, number) for number, why in reasons.items())
            )

    def defect_types(self) -> tuple[DefectType, ...]:
        with self.session() as (_, ledger):
            return ledger.names.used


def drawn_numbers(plane: Plane) -> list[int]:
    """The types' numbers that occur in a mask."""
    histogram = cv2.calcHist([plane], [0], None, [256], [0, 256]).reshape(-1)
    return [int(number) for number in np.flatnonzero(histogram[1:]) + 1]


def _renaming_crop(old: str, new: str) -> Edit:
    def edit(state: LabelState) -> LabelState:
        return replace(state, crops=tuple((new if name == old else name, word) for name, word in state.crops))

    return edit


def pictures_words(count: int) -> str:
    """ "1 picture", "12 pictures"."""
    return "1 picture" if count == 1 else f"{count} pictures"
