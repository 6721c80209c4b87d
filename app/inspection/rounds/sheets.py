"""Plans from a workbook: everything that is wrong is found in one go, and nothing is imported by halves.

One row a checkpoint; what is left empty is as in the row above, so a plan and a component are written once.
"""

from __future__ import annotations

import uuid
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

from openpyxl import load_workbook
from openpyxl.utils import get_column_letter

from app.domain.errors import LinesightError, PlanError
from app.domain.plan import Plan, PlanCheckpoint, PlanComponent, check_component
from app.domain.recurrence import Frequency
from app.inspection.rounds.references import Reference, reference_from
from app.inspection.rounds.wording import day_of_cell, minutes_of, rule_of, times_of
from app.pictures import read_picture

T = TypeVar("T")

MOST_ROWS = 20_000
MOST_BYTES = 200_000_000
HEADINGS = {
    "plan": "Plan",
    "often": "How often",
    "times": "At",
    "begins": "First day",
    "grace": "Grace (minutes)",
    "responsible": "Responsible",
    "component": "Component",
    "name": "Component name",
    "model": "Model",
    "reference": "Reference picture",
    "checkpoint": "Checkpoint",
    "of_model": "Model's checkpoint",
}
"""Columns of the workbook; the first and "Component" have to be there."""

_ALSO = {
    "plan": ("inspection plan", "prüfplan"),
    "often": ("frequency", "rrule", "repeats", "häufigkeit", "interval"),
    "times": ("time", "times", "uhrzeit"),
    "begins": ("start", "begins", "starts", "ab"),
    "grace": ("grace", "grace minutes", "grace (min)", "karenz"),
    "responsible": ("who", "inspector", "verantwortlich"),
    "component": ("part", "component key", "bauteil", "komponente"),
    "name": ("name", "description", "bezeichnung"),
    "model": ("modell",),
    "reference": ("reference", "picture", "image", "referenzbild"),
    "checkpoint": ("check", "what to check", "prüfpunkt"),
    "of_model": ("models checkpoint", "model checkpoint", "modellprüfpunkt"),
}
_BY_HEADING = {word.casefold(): key for key, heading in HEADINGS.items() for word in (heading, *_ALSO[key])}
_OF_PLAN = ("often", "times", "begins", "grace", "responsible")
_OF_COMPONENT = ("name", "model", "reference")
_LOOK_FOR_HEADINGS = 30  # rows from the top: titles and logos stand above a table


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong, and where: sheet, row and column as the spreadsheet program shows them; "" and 0 for none."""

    sheet: str
    row: int
    column: str
    words: str

    @property
    def place(self) -> str:
        cell = f"{self.column}{self.row or ''}"
        return f"{self.sheet}, {'cell' if self.column and self.row else 'row'} {cell}" if cell else self.sheet


@dataclass(frozen=True, slots=True)
class Proposed:
    """One plan that would be made: "new", "changed" or "unchanged" against what is there."""

    plan: Plan
    what: str


@dataclass(frozen=True, slots=True)
class PlanImport:
    """What a workbook would make; with troubles nothing may be made of it.

    Attributes:
        pictures: reference pictures that come with it.
        notes: what is odd and stops nothing.
    """

    path: Path
    proposed: tuple[Proposed, ...]
    troubles: tuple[Trouble, ...]
    pictures: tuple[Reference, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def makes(self) -> tuple[Plan, ...]:
        """The versions that importing it adds."""
        return tuple(each.plan for each in self.proposed if each.what != "unchanged")


@dataclass(slots=True)
class _Cell:
    """A value with its place."""

    value: Any
    row: int
    column: str


@dataclass(slots=True)
class _Component:
    key: str
    row: int
    cells: dict[str, _Cell] = field(default_factory=dict)
    checkpoints: list[tuple[PlanCheckpoint, int]] = field(default_factory=list)


@dataclass(slots=True)
class _Plan:
    name: str
    sheet: str
    row: int
    cells: dict[str, _Cell] = field(default_factory=dict)
    components: dict[str, _Component] = field(default_factory=dict)


class _Reader:
    """Reads one workbook; collects troubles instead of stopping at the first."""

    def __init__(self, path: Path, today: date, now: datetime, by: str, existing: Sequence[Plan]) -> None:
        self.path, self.today, self.now, self.by = path, today, now, by
        self.existing = {each.name.casefold(): each for each in existing}
        self.troubles: list[Trouble] = []
        self.pictures: dict[str, Reference] = {}
        self.plans: dict[str, _Plan] = {}
        self._drawn: dict[tuple[str, int, int], bytes] = {}

    def read(self) -> PlanImport:
        values, formulas = _opened(self.path, data_only=True), _opened(self.path, data_only=False)
        tables = 0
        for sheet in values.worksheets:
            found = _headings(sheet)
            if found is None:
                continue
            tables += 1
            self._pictures_of(sheet)
            self._table(sheet, formulas[sheet.title], *found)
        if not tables:
            names = ", ".join(sheet.title for sheet in values.worksheets)
            words = f"no row has the headings Plan and Component (looked at: {names}). Start from the template."
            self.troubles.append(Trouble(self.path.name, 0, "", words))
        elif not self.plans and not self.troubles:
            self.troubles.append(Trouble(self.path.name, 0, "", "there is no row below the headings. Fill in a plan."))
        proposed = [made for each in self.plans.values() if (made := self._plan(each)) is not None]
        return PlanImport(self.path, tuple(proposed), tuple(self.troubles), tuple(self.pictures.values()))

    def _trouble(self, sheet: str, row: int, column: str, words: str) -> None:
        self.troubles.append(Trouble(sheet, row, column, words))

    # -- rows
    def _table(self, sheet: Any, formulas: Any, top: int, columns: dict[str, int], twice: list[str]) -> None:
        for heading in twice:
            self._trouble(sheet.title, top, "", f"the heading {heading} comes twice. Remove one of the columns.")
        # A format given to whole columns makes cells down to the last row there is, all of them empty.
        last = max((row for (row, _), cell in sheet._cells.items() if cell.value is not None), default=top)
        last = max([last, *(row for title, row, _ in self._drawn if title == sheet.title)])
        if last - top > MOST_ROWS:
            self._trouble(sheet.title, 0, "", f"more than {MOST_ROWS} rows. Remove what is empty, or make two files.")
            return
        plan: _Plan | None = None
        component: _Component | None = None
        for row in range(top + 1, last + 1):
            cells: dict[str, _Cell] = {}
            broken = False
            for key, column in columns.items():
                try:
                    value = _value(sheet.cell(row, column).value, formulas.cell(row, column).value)
                except PlanError as error:
                    self._trouble(sheet.title, row, get_column_letter(column), str(error))
                    broken = True
                    continue
                drawn = key == "reference" and (sheet.title, row, column) in self._drawn
                if value is not None or drawn:
                    cells[key] = _Cell(value, row, get_column_letter(column))
            if broken or not cells:
                continue
            if "plan" in cells:
                plan, component = self._plan_row(sheet.title, row, cells, plan, component)
            if plan is None:
                self._trouble(sheet.title, row, get_column_letter(columns["plan"]), "the first row names no plan.")
                continue
            self._merge(sheet.title, plan.cells, cells, _OF_PLAN, f"the plan {plan.name}")
            if "component" in cells:
                key = str(cells["component"].value)
                component = plan.components.setdefault(key, _Component(key, row))
            if component is None:
                if set(cells) - {"plan", *_OF_PLAN}:
                    where = get_column_letter(columns["component"])
                    self._trouble(sheet.title, row, where, f"no component is named for {plan.name} yet.")
                continue
            self._merge(sheet.title, component.cells, cells, _OF_COMPONENT, f"the component {component.key}")
            if "checkpoint" in cells:
                of_model = str(cells["of_model"].value) if "of_model" in cells else ""
                component.checkpoints.append((PlanCheckpoint(str(cells["checkpoint"].value), of_model), row))
            elif "of_model" in cells:
                self._trouble(sheet.title, row, cells["of_model"].column, "a model's checkpoint without a checkpoint.")

    def _plan_row(
        self, sheet: str, row: int, cells: dict[str, _Cell], plan: _Plan | None, component: _Component | None
    ) -> tuple[_Plan, _Component | None]:
        name = str(cells["plan"].value)
        if plan is not None and plan.name.casefold() == name.casefold():
            return plan, component
        known = self.plans.get(name.casefold())
        if known is None:
            known = self.plans[name.casefold()] = _Plan(name, sheet, row)
        return known, None

    def _merge(
        self, sheet: str, kept: dict[str, _Cell], cells: dict[str, _Cell], keys: Sequence[str], what: str
    ) -> None:
        for key in keys:
            if key not in cells:
                continue
            before = kept.setdefault(key, cells[key])
            if before.value != cells[key].value:
                words = (
                    f"{HEADINGS[key]} of {what} is {cells[key].value} here and {before.value} in row {before.row}. "
                    "Write it once."
                )
                self._trouble(sheet, cells[key].row, cells[key].column, words)

    # -- what the rows mean
    def _plan(self, found: _Plan) -> Proposed | None:
        before = len(self.troubles)
        old = self.existing.get(found.name.casefold())
        rule = self._parsed(found, "often", lambda value: rule_of(str(value)))
        times = self._parsed(found, "times", times_of) or ()
        first = old.frequency.begins if old is not None else self.today
        begins = self._parsed(found, "begins", day_of_cell) or first
        grace = self._parsed(found, "grace", minutes_of)
        if "often" not in found.cells:
            self._trouble(found.sheet, found.row, "", f"{HEADINGS['often']} is empty for {found.name}: write daily.")
        components = [self._component(found, each) for each in found.components.values()]
        if len(self.troubles) > before:
            return None
        responsible = str(found.cells["responsible"].value) if "responsible" in found.cells else ""
        try:
            frequency = Frequency(rule or "", begins, times)
        except PlanError as error:
            cell = found.cells["often"]
            self._trouble(found.sheet, cell.row, cell.column, str(error))
            return None
        try:
            plan = Plan(
                id=old.id if old else uuid.uuid4().hex,
                version=old.version + 1 if old else 1,
                name=old.name if old else found.name,
                components=tuple(components),
                frequency=frequency,
                made_at=self.now,
                made_by=self.by,
                responsible=responsible,
                grace_minutes=60 if grace is None else grace,
            )
        except PlanError as error:
            self._trouble(found.sheet, found.row, "", str(error))
            return None
        if old is None:
            return Proposed(plan, "new")
        return Proposed(old, "unchanged") if plan.same_content(old) else Proposed(plan, "changed")

    def _parsed(self, found: _Plan, key: str, read: Callable[[Any], T]) -> T | None:
        cell = found.cells.get(key)
        if cell is None:
            return None
        try:
            return read(cell.value)
        except PlanError as error:
            self._trouble(found.sheet, cell.row, cell.column, str(error))
            return None

    def _component(self, plan: _Plan, found: _Component) -> PlanComponent:
        told = {key: str(cell.value) for key, cell in found.cells.items()}
        reference = self._reference(plan, found.cells.get("reference"))
        name = told.get("name", found.key)
        points = tuple(point for point, _ in found.checkpoints)
        try:  # each by itself, so that the row is named
            check_component(PlanComponent(found.key, name, told.get("model", ""), points, reference))
        except PlanError as error:
            self._trouble(plan.sheet, found.row, "", str(error))
        return PlanComponent(found.key, name, told.get("model", ""), points, reference)

    def _reference(self, plan: _Plan, cell: _Cell | None) -> str:
        if cell is None:
            return ""
        try:
            if cell.value is None:
                column = next(n for n in range(1, 1000) if get_column_letter(n) == cell.column)
                made = reference_from(self._drawn[plan.sheet, cell.row, column], "the picture in the cell")
            else:
                path = Path(str(cell.value).replace("\\", "/"))
                path = path if path.is_absolute() else self.path.parent / path
                made = Reference.of(read_picture(path))
        except LinesightError as error:
            self._trouble(plan.sheet, cell.row, cell.column, f"{error} Correct the path, or leave the cell empty.")
            return ""
        self.pictures[made.sha256] = made
        return made.sha256

    def _pictures_of(self, sheet: Any) -> None:
        for image in getattr(sheet, "_images", []):
            anchor = getattr(image.anchor, "_from", None)
            if anchor is not None:
                self._drawn[sheet.title, anchor.row + 1, anchor.col + 1] = image._data()


def read_plans(path: Path, *, today: date, now: datetime, by: str = "", existing: Sequence[Plan] = ()) -> PlanImport:
    """Reads a workbook. Plans that are there already (by name) get a new version.

    Args:
        today: first day of plans that name none.
        existing: the newest version of each plan in use.

    Raises:
        PlanError: the file is no workbook that can be read.
    """
    return _Reader(path, today, now, by, existing).read()


def _opened(path: Path, *, data_only: bool) -> Any:
    if path.suffix.lower() in (".xls", ".ods", ".csv", ".txt"):
        raise PlanError(f"{path.name} is no .xlsx workbook. Save it as .xlsx in your spreadsheet program.")
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(each.file_size for each in archive.infolist()) > MOST_BYTES:
                raise PlanError(f"{path.name} is too large for a plan ({MOST_BYTES // 1_000_000} MB unpacked).")
        return load_workbook(path, data_only=data_only)
    except PlanError:
        raise
    except FileNotFoundError:
        raise PlanError(f"{path} does not exist. Choose the file again.") from None
    except PermissionError:
        raise PlanError(
            f"{path} may not be read by this user, or another program has it open. Close it there."
        ) from None
    except zipfile.BadZipFile:
        words = "is no .xlsx workbook, is damaged, or has a password. Save it again without a password."
        raise PlanError(f"{path.name} {words}") from None
    except Exception as error:  # openpyxl raises whatever a damaged part makes of it
        raise PlanError(
            f"{path.name} can't be read as a workbook ({type(error).__name__}). Save it again as .xlsx."
        ) from error


def _headings(sheet: Any) -> tuple[int, dict[str, int], list[str]] | None:
    """(row, {field: column}, headings that come twice) of a sheet's table; None where there is none."""
    if not hasattr(sheet, "iter_rows"):
        return None  # a sheet that is a chart
    for number, cells in enumerate(sheet.iter_rows(max_row=_LOOK_FOR_HEADINGS, values_only=True), 1):
        columns: dict[str, int] = {}
        twice: list[str] = []
        for column, value in enumerate(cells, 1):
            key = _BY_HEADING.get(str(value or "").strip().casefold().rstrip("*:"))
            if key is None:
                continue
            if key in columns:
                twice.append(HEADINGS[key])
            columns.setdefault(key, column)
        if "plan" in columns and "component" in columns:
            return number, columns, twice
    return None


def _value(value: Any, formula: Any) -> Any:
    """The value of a cell, None for an empty one.

    Raises:
        PlanError: a formula that was never computed, or an error.
    """
    if value is None and isinstance(formula, str) and formula.startswith("="):
        raise PlanError("the formula has no value. Open the file in a spreadsheet program and save it.")
    if isinstance(value, str):
        value = " ".join(value.replace("\u00a0", " ").split(" ")).strip()
        if value.startswith("#") and value.rstrip("!?").isupper():
            raise PlanError(f"the cell shows the error {value}. Correct its formula.")
        return value or None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
