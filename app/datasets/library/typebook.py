"""The defect types of a library: names and colours in one place; renamed and merged without losing anything."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from app.datasets.library.ledger import Ledger, turn_types
from app.datasets.library.states import numbers_of
from app.domain.errors import DatasetError
from app.domain.labelling import MAX_TYPES, TYPE_COLOURS, DefectType, Done, LabelState

if TYPE_CHECKING:
    from app.datasets.library.library import Library

_LONGEST = 60


class TypeBook:
    """Each change is one action that undo takes back."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def ensure(self, name: str) -> DefectType:
        """The type of this name (upper and lower case alike), made where there is none."""
        name = checked_name(name)
        with self._library.session() as (_, ledger):
            number = ledger.names.number(name)
            if number is not None:
                return next(each for each in ledger.names.used if each.id == number)
        with self._library.writing() as (db, ledger):
            free = next((each for each in range(1, MAX_TYPES + 1) if each not in ledger.names.taken()), None)
            if free is None:
                raise DatasetError(
                    f"The library already had {MAX_TYPES} defect types: merge some before adding {name}."
                )
            colour = TYPE_COLOURS[(free - 1) % len(TYPE_COLOURS)]
            db.execute("INSERT INTO types (id, name, colour) VALUES (?, ?, ?)", (free, name, colour))
            return DefectType(free, name, colour)

    def rename(self, old: str, new: str) -> Done:
        """Raises DatasetError where the new name is another type's: merging is asked for by its own name."""
        new = checked_name(new)
        with self._library.writing() as (_, ledger):
            number = self._number(ledger, old)
            other = ledger.names.number(new)
            if other is not None and other != number:
                raise DatasetError(
                    f"There is a type called {new} already. Merge {old} into it, or choose another name."
                )
            return self._turn(ledger, f"{old} is called {new}", number, "name", ledger.names.name(number), new)

    def merge(self, name: str, into: str) -> Done:
        """What was `name` is `into` from now on, in labels and masks; undo parts them again."""
        with self._library.writing() as (db, ledger):
            number, other = self._number(ledger, name), self._number(ledger, into)
            if number == other:
                raise DatasetError(f"{name} can't be merged into itself.")
            rows = db.execute("SELECT id, types FROM pictures WHERE types LIKE ?", (f"%,{number},%",)).fetchall()
            pictures = [picture for picture, text in rows if number in numbers_of(text)]

            def edit(state: LabelState) -> LabelState:
                return replace(state, types=tuple(into if each == name else each for each in state.types))

            # Labels first: once merged, the old number already reads as the new name.
            done = ledger.change(f"{name} merged into {into}", dict.fromkeys(pictures, edit), renamed=_note(
                number, "merged_into", None, other))  # fmt: skip
            turn_types(db, json.loads(_note(number, "merged_into", None, other)), back=False)
            return done

    def remove(self, name: str) -> Done:
        """Raises DatasetError while pictures have it: nothing is lost silently."""
        with self._library.writing() as (db, ledger):
            number = self._number(ledger, name)
            (used,) = db.execute("SELECT count(*) FROM pictures WHERE types LIKE ?", (f"%,{number},%",)).fetchone()
            if used:
                raise DatasetError(
                    f"{name} is on {used} pictures: merge it into another type, or label them anew first."
                )
            return self._turn(ledger, f"{name} removed", number, "removed", 0, 1)

    def _turn(self, ledger: Ledger, words: str, number: int, column: str, before: object, after: object) -> Done:
        note = _note(number, column, before, after)
        done = ledger.change(words, {}, renamed=note)
        turn_types(ledger.connection, json.loads(note), back=False)
        return done

    @staticmethod
    def _number(ledger: Ledger, name: str) -> int:
        number = ledger.names.number(name)
        if number is None:
            raise DatasetError(f"There is no defect type called {name}.")
        return number


def _note(number: int, column: str, before: object, after: object) -> str:
    return json.dumps({"id": number, "column": column, "before": before, "after": after})


def checked_name(name: str) -> str:
    """Raises DatasetError for a name that no type may have."""
    name = " ".join(name.split())
    if not 1 <= len(name) <= _LONGEST:
        raise DatasetError(f"A defect type's name has 1 to {_LONGEST} characters.")
    if name.casefold() in ("background", "normal", "good", "anomaly"):
        raise DatasetError(f"{name!r} already means something else in data sets: give the defect type another name.")
    return name
