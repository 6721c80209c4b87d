"""A gauge study from a table: one row a judgement, as any program writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from app.domain.errors import LinesightError
from app.reports.gauge import Answer, Study, study_of
from app.reports.merge.grid import Grid, Row
from app.reports.merge.reading import read_book

COLUMNS: Final = ("part", "reference", "appraiser", "trial", "answer")
GOOD: Final = ("good", "pass", "ok", "accept", "1", "true", "yes")
DEFECT: Final = ("defect", "defective", "bad", "fail", "reject", "nok", "ng", "0", "false", "no")

_NAMES = {name: name for name in COLUMNS} | {"inspector": "appraiser"}
_HEAD_WITHIN = 20  # rows
_TOLD = 5


@dataclass(slots=True)
class _Found:
    where: str
    reference: dict[str, bool] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    first: dict[str, int] = field(default_factory=dict)  # the row that gave a part its reference
    rows: dict[tuple[str, str, int], int] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)


def read_study(path: Path) -> Study:
    """The figures of the first sheet that has the columns part, reference, appraiser, trial and answer.

    Raises:
        LinesightError: the file can't be read, has no such sheet, a row can't be used, or the study is not complete;
            names the file and the rows.
    """
    book = read_book(path)
    for grid in book.grids:
        for place, row in enumerate(grid.rows[:_HEAD_WITHIN]):
            columns = _columns(row)
            if len(columns) == len(COLUMNS):
                where = path.name if len(book.grids) == 1 else f"{path.name}, sheet {grid.name}"
                return _study(where, columns, grid.rows[place + 1 :])
    raise LinesightError(
        f"{path} has no table with the columns {', '.join(COLUMNS)}.{_nearest(book.grids)} "
        "Give its first row these names."
    )


def _columns(row: Row) -> dict[str, int]:
    found: dict[str, int] = {}
    for place, value in enumerate(row.cells):
        name = _NAMES.get(value.strip().casefold()) if isinstance(value, str) else None
        if name is not None:
            found.setdefault(name, place)
    return found


def _nearest(grids: list[Grid]) -> str:
    """What is missing where some of the columns are there."""
    best = max((_columns(row) for grid in grids for row in grid.rows[:_HEAD_WITHIN]), key=len, default={})
    missing = [each for each in COLUMNS if each not in best]
    return f" Missing: {', '.join(missing)}." if best else ""


def _study(where: str, columns: Mapping[str, int], rows: list[Row]) -> Study:
    found = _Found(where)
    for row in rows:
        cells = {name: _text(row.value(column)) for name, column in columns.items()}
        if any(cells.values()):
            _take(found, row.number, cells)
    if found.troubles:
        more = len(found.troubles) - _TOLD
        told = "\n".join(found.troubles[:_TOLD])
        raise LinesightError(f"{told}\nand {more} more rows." if more > 0 else told)
    if not found.answers:
        raise LinesightError(f"{where} has no row below its headings.")
    try:
        return study_of(found.reference, found.answers)
    except LinesightError as error:
        raise LinesightError(f"{where}: {error}") from error


def _take(found: _Found, number: int, cells: Mapping[str, str]) -> None:
    def trouble(words: str) -> None:
        found.troubles.append(f"{found.where}, row {number}: {words}")

    missing = [name for name in COLUMNS if not cells[name]]
    if missing:
        trouble(f"{', '.join(missing)} missing.")
        return
    part, appraiser = cells["part"], cells["appraiser"]
    reference, answer = _good(cells["reference"]), _good(cells["answer"])
    for name, value in (("reference", reference), ("answer", answer)):
        if value is None:
            trouble(f'{name} "{cells[name]}" is neither good nor defect. Write good or defect, or 1 or 0.')
    if not cells["trial"].isdecimal() or int(cells["trial"]) < 1:
        trouble(f'trial "{cells["trial"]}" is no whole number from 1.')
        return
    if reference is None or answer is None:
        return
    trial, first = int(cells["trial"]), found.first.setdefault(part, number)
    if found.reference.setdefault(part, reference) is not reference:
        trouble(f"part {part} has another reference than in row {first}.")
    before = found.rows.setdefault((appraiser, part, trial), number)
    if before != number:
        trouble(f"{appraiser} judged part {part} in trial {trial} in row {before} already.")
    found.answers.append(Answer(appraiser, part, trial, answer))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return " ".join(str(value).split()) if value is not None else ""


def _good(text: str) -> bool | None:
    word = text.casefold()
    return True if word in GOOD else False if word in DEFECT else None
