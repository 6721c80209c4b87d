"""`LabelState` as the library's file holds it: defect types by number, so that renaming one is one change."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from app.domain.labelling import DefectType, LabelState, LibraryPicture

STATE_COLUMNS = "label, types, mask, split, aside, crops"
PICTURE_COLUMNS = (
    "id, digest, name, width, height, source, camera, taken_at, added_at, revision, score, threshold, doubt, "
    f"suspicious, {STATE_COLUMNS}"
)


class TypeNames:
    """Numbers and names of a library's defect types. Merged types lead to the one they were merged into."""

    def __init__(self, rows: Iterable[tuple[int, str, str, int | None, int]]) -> None:
        """`rows` are (id, name, colour, merged_into, removed)."""
        self._all = {row[0]: row for row in rows}
        self.used = tuple(
            DefectType(number, name, colour)
            for number, name, colour, merged, removed in self._all.values()
            if merged is None and not removed
        )
        self._by_name = {each.name.casefold(): each.id for each in self.used}

    @classmethod
    def of(cls, connection: sqlite3.Connection) -> TypeNames:
        return cls(connection.execute("SELECT id, name, colour, merged_into, removed FROM types ORDER BY id"))

    def number(self, name: str) -> int | None:
        """The number of a type by its name, upper and lower case alike."""
        return self._by_name.get(name.casefold())

    def final(self, number: int) -> int:
        """The type that pixels of `number` count as."""
        seen = set()
        while (row := self._all.get(number)) is not None and row[3] is not None and number not in seen:
            seen.add(number)
            number = row[3]
        return number

    def name(self, number: int) -> str:
        row = self._all.get(self.final(number))
        return row[1] if row is not None else f"type {number}"

    def taken(self) -> set[int]:
        """Every number that was ever given away."""
        return set(self._all)

    def merges(self) -> dict[int, int]:
        """Number -> the type it was merged into, for masks."""
        return {number: self.final(number) for number in self._all if self.final(number) != number}


def types_text(numbers: Iterable[int]) -> str:
    """ ",3,7,", so that one can be looked for with LIKE; "" for none."""
    ordered = sorted(set(numbers))
    return "," + ",".join(map(str, ordered)) + "," if ordered else ""


def numbers_of(text: str) -> list[int]:
    return [int(number) for number in text.split(",") if number]


def to_row(state: LabelState, names: TypeNames) -> tuple[str | None, str, str, str | None, str, str]:
    """The values of STATE_COLUMNS. Every type must be known."""
    numbers = [number for name in state.types if (number := names.number(name)) is not None]
    crops = json.dumps(dict(state.crops), ensure_ascii=False, sort_keys=True) if state.crops else ""
    return state.label, types_text(numbers), state.mask, state.split, state.aside, crops


def from_row(row: sqlite3.Row | tuple[Any, ...], names: TypeNames) -> LabelState:
    """The state of the values of STATE_COLUMNS."""
    label, types, mask, split, aside, crops = row
    told = tuple(dict.fromkeys(names.name(number) for number in numbers_of(types)))
    return LabelState(label, told, mask, split, aside, tuple(sorted(json.loads(crops).items())) if crops else ())


def to_json(state: LabelState, names: TypeNames) -> str:
    return json.dumps(to_row(state, names), ensure_ascii=False)


def from_json(text: str, names: TypeNames) -> LabelState:
    return from_row(tuple(json.loads(text)), names)


def picture_of(row: tuple[Any, ...], names: TypeNames) -> LibraryPicture:
    """The picture of the values of PICTURE_COLUMNS."""
    (number, digest, name, width, height, source, camera, taken, added, revision, score, threshold, doubt, odd) = row[
        :14
    ]
    return LibraryPicture(
        number,
        digest,
        name,
        width,
        height,
        source,
        camera,
        datetime.fromisoformat(taken) if taken else None,
        datetime.fromisoformat(added),
        from_row(row[14:], names),
        revision,
        score,
        threshold,
        doubt,
        odd,
    )


def tidy(state: LabelState) -> LabelState:
    """The same without contradictions: only a defect has types and a mask."""
    types = tuple(dict.fromkeys(state.types))
    crops = tuple(sorted(dict(state.crops).items()))
    if state.label != "anomaly":
        return replace(state, types=(), mask="", crops=crops)
    return replace(state, types=types, crops=crops)
