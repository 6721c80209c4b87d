"""The report of a period as an Excel workbook."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, tzinfo
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from openpyxl import Workbook
from openpyxl.writer.excel import ExcelWriter

from app.domain.alarm import Alarm
from app.domain.errors import StoreError
from app.domain.inspection import Inspection
from app.domain.periods import Period, Shift, days_period
from app.domain.records import Reviewed
from app.domain.verdict import Verdict
from app.pictures import SMALL
from app.reports import breakdown, columns
from app.reports.counting import Tally
from app.reports.figures import DEFECTS_KEPT, NO_TARGETS, Figures, ModelUse, Records, Targets
from app.reports.placing import replaced
from app.reports.plan_words import Line
from app.reports.rounds import columns as round_columns
from app.reports.rounds import round_rows, round_words
from app.reports.sheets import Table, new_workbook
from app.reports.summary import Heading, hour_words, write_summary, write_times
from app.reports.thumbnails import Thumbnails, place

THUMBNAILS = 500
"""How many of the newest defects are shown with their picture."""

_SHEET_ROWS = 1_000_000  # a sheet of Excel ends at 1,048,576
_STEP_ROWS = 200
_PICTURE_POINTS = (SMALL[1] + 8) * 0.75  # height of a row with a picture

_Place = tuple[str, int]
"""A sheet and a row of it."""

Step = Callable[[float, str], None]


def _no_step(fraction: float, words: str) -> None:
    pass


def write_workbook(
    records: Records,
    first: date,
    last: date,
    out: Path,
    *,
    zone: tzinfo,
    day_starts_at: time = time(0),
    station: str,
    step: Step = _no_step,
) -> Path:
    """Writes the report of the station's days `first` to `last`, both included; see `write_period`."""
    period = days_period(first, last, zone, day_starts_at)
    write_period(records, heading_of(period, zone, day_starts_at, station), out, step)
    return out


def heading_of(
    period: Period,
    zone: tzinfo,
    day_starts_at: time,
    station: str,
    shifts: Sequence[Shift] = (),
    targets: Targets = NO_TARGETS,
) -> Heading:
    """What a report made now is about."""
    return Heading(station, period, zone, day_starts_at, datetime.now(UTC), tuple(shifts), targets)


def write_period(records: Records, heading: Heading, out: Path, step: Step = _no_step) -> Figures:
    """Writes the report of a period to `out`.

    Sheets: Summary, By hour, By day (only of several days), Breakdown (line, product, inspector, camera, shift, model,
    place), Control chart, Plan, Defects (the newest with their picture), Reviews, Models, Inspections (all of them),
    Alarms, Rounds (only where there were any). Every number comes from one pass over the record (`Tally`), so that a
    part recorded meanwhile is in all of the sheets or in none. Rows go to the file as they are read: a long period
    needs hardly more memory than a short one. Pictures are made small meanwhile, on other threads.

    Args:
        records: the store.
        heading: period and station.
        out: the file, replaced whole or not at all; its folder is made.
        step: told how far it is (0..1) and what it does; what it raises ends the work.

    Returns:
        the figures that stand in it.

    Raises:
        LinesightError: the place can't be written, the file is open elsewhere.
        StoreError: the record can't be read.
    """
    with replaced(out) as part:
        step(0.0, "Reading the record")
        with _new_book(f"Inspection report {heading.footer}") as book:
            figures = _fill(book, records, heading, out, step)
            step(0.9, "Writing the file")
            _save(book, part)
        step(1.0, "Done")
    return figures


@contextmanager
def _new_book(title: str) -> Iterator[Workbook]:
    book = new_workbook(title)
    try:
        yield book
    except BaseException:
        _discard(book)
        raise


def _save(book: Workbook, path: Path) -> None:
    """As openpyxl's `save`, with less effort of deflating: a third of the time for a tenth more of bytes."""
    book.properties.modified = datetime.now(UTC).replace(tzinfo=None)  # as openpyxl wants it
    with ZipFile(path, "w", ZIP_DEFLATED, compresslevel=3) as archive:
        ExcelWriter(book, archive).save()


def _discard(book: Workbook) -> None:
    """Ends the sheets' half-written temporary files (openpyxl keeps them until the program's end)."""
    for sheet in book.worksheets:
        writer = sheet._writer
        if writer is None:
            continue
        try:
            if not sheet.closed:
                sheet.close()
            writer.cleanup()
        except (OSError, ValueError):  # the disk may be full, which is why we are here
            pass


def _fill(book: Workbook, records: Records, heading: Heading, out: Path, step: Step) -> Figures:
    summary = book.create_sheet("Summary")
    by_hour = book.create_sheet("By hour")
    by_day = book.create_sheet("By day") if heading.several_days else None
    breakdowns = book.create_sheet("Breakdown")
    control = book.create_sheet("Control chart")
    zone, footer = heading.zone, heading.footer
    plan = Table(book, "Plan", breakdown.plan_columns(), footer)
    defects = Table(book, "Defects", columns.defects(zone), footer)
    reviews = Table(book, "Reviews", columns.reviews(zone), footer)
    models = Table(book, "Models", breakdown.model_columns(zone), footer)
    alarms = Table(book, "Alarms", columns.alarms(zone), footer)

    with Thumbnails(records, heading.period, THUMBNAILS) as pictures:
        figures, places = _write_inspections(book, records, heading, step)
        _write_defects(defects, figures, pictures, places, _Links(records, out), step)
    _write_alarms(alarms, records.alarms(heading.period.start, heading.period.end))
    if made := round_rows(records, heading.period.start, heading.period.end):
        table = Table(book, "Rounds", round_columns(zone), footer)
        for line in made:
            table.add(line)
        table.close(round_words(made))
    _write_plan(plan, figures, heading)
    _write_reviews(reviews, figures.reviews.reviews)
    _write_models(models, figures.models)
    breakdown.write_breakdown(breakdowns, figures, heading)
    breakdown.write_control(control, figures, heading)

    hours = [row.counts for row in figures.by_hour]
    names = [hour_words(row) for row in figures.by_hour]
    trend = by_hour, write_times(by_hour, names, hours, figures.counts, heading, days=False)
    if by_day is not None:
        days = [datetime.combine(row.day, time(0)) for row in figures.by_day]
        counts = [row.counts for row in figures.by_day]
        trend = by_day, write_times(by_day, days, counts, figures.counts, heading, days=True)
    write_summary(summary, figures, heading, trend)
    return figures


def _write_inspections(
    book: Workbook, records: Records, heading: Heading, step: Step
) -> tuple[Figures, dict[str, _Place]]:
    """The rows, and where those of the newest failed parts stand, by id."""
    start, end = heading.period.start, heading.period.end
    tally = Tally(start, end, heading.zone, heading.day_starts_at, heading.shifts)
    shown = columns.inspections(heading.zone)
    table = Table(book, "Inspections", shown, heading.footer, at=len(book.worksheets) - 1)
    total = max(records.counts(start, end).total, 1)
    sheets = 1
    places: deque[tuple[str, _Place]] = deque(maxlen=DEFECTS_KEPT)
    for number, inspection in enumerate(records.inspections(start, end)):
        if number % _STEP_ROWS == 0:
            step(0.7 * min(number / total, 1.0), f"Inspection {number:,} of {total:,}")
        if table.rows > _SHEET_ROWS:
            table.close()
            sheets += 1
            table = Table(book, f"Inspections {sheets}", shown, heading.footer, at=len(book.worksheets) - 1)
        tally.add(inspection)
        row = table.add(inspection)
        if inspection.verdict is Verdict.FAIL:
            places.append((inspection.id, (table.sheet.title, row)))
    figures = tally.figures_of(records)
    table.close("" if figures.counts.total else "No part was inspected in this period.")
    return figures, dict(places)


class _Links:
    """Ways from the workbook to the stored pictures: relative, so that they hold when the data folder is moved."""

    def __init__(self, records: Records, out: Path) -> None:
        self._records, self._folder = records, out.absolute().parent

    def to(self, inspection: Inspection) -> str:
        """ "" where there is no picture, or none that can be reached from the workbook."""
        if not inspection.image_path:
            return ""
        try:
            path = self._records.image_file(inspection.image_path)
            return Path(os.path.relpath(path, self._folder)).as_posix()
        except (StoreError, ValueError):  # ValueError: another drive
            return ""


def _write_defects(
    table: Table[columns.Defect],
    figures: Figures,
    pictures: Thumbnails,
    places: dict[str, _Place],
    links: _Links,
    step: Step,
) -> None:
    shown = min(len(figures.defects), THUMBNAILS)
    for number, inspection in enumerate(figures.defects):
        if number < shown:
            step(0.7 + 0.2 * number / shown, f"Picture {number + 1} of {shown}")
            found = pictures.of(inspection)
            if isinstance(found, str):
                row = table.add(columns.Defect(inspection, found))
            else:
                row = table.add(columns.Defect(inspection), _PICTURE_POINTS)
                place(table.sheet, found, row, 1)
        else:
            row = table.add(columns.Defect(inspection))
        if inspection.id in places:
            sheet, line = places[inspection.id]
            table.link(row, 3, place=f"'{sheet}'!A{line}", tip="To its row in Inspections")
        if file := links.to(inspection):
            table.link(row, 2, file=file, tip="Open the picture")
    failed = figures.counts.failed
    if not failed:
        table.close("No part failed in this period.")
    elif failed > len(figures.defects):
        table.close(f"The newest {len(figures.defects):,} of {failed:,} failed parts; Inspections has all of them.")
    else:
        table.close()


def _write_plan(table: Table[Line], figures: Figures, heading: Heading) -> None:
    lines = plan_of(figures, heading.targets)
    for line in lines:
        table.add(line, breakdown.plan_height(line))
    table.close("" if lines else "No part was inspected in this period.")


def plan_of(figures: Figures, targets: Targets) -> list[Line]:
    """What the figures mean; see `record_plan`."""
    from app.reports.record_plan import (
        record_plan,
    )  # brings polars, which a station that asks for no plan need not load

    return record_plan(figures, targets)


def _write_reviews(table: Table[Reviewed], reviews: Sequence[Reviewed]) -> None:
    for review in reviews:
        table.add(review)
    table.close("" if reviews else "No part of this period was reviewed.")


def _write_models(table: Table[ModelUse], models: Sequence[ModelUse]) -> None:
    for model in models:
        table.add(model)
    table.close("" if models else "No part of this period was judged by a model.")


def _write_alarms(table: Table[Alarm], alarms: Sequence[Alarm]) -> None:
    for alarm in alarms:
        table.add(alarm)
    table.close("" if alarms else "There was no alarm in this period.")
