"""The report of a period as an Excel workbook."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, tzinfo
from pathlib import Path

from openpyxl import Workbook

from app.domain.alarm import Alarm
from app.domain.calendar import day_bounds
from app.domain.errors import PictureError, StoreError
from app.domain.inspection import Inspection
from app.reports import columns
from app.reports.figures import Figures, Records, Tally
from app.reports.placing import replaced
from app.reports.sheets import Table, new_workbook
from app.reports.summary import Heading, hour_words, write_summary, write_times
from app.reports.thumbnails import HEIGHT, Thumbnail, place, thumbnail

THUMBNAILS = 500
"""How many of the newest defects are shown with their picture."""

_SHEET_ROWS = 1_000_000  # a sheet of Excel ends at 1,048,576
_STEP_ROWS = 200
_PICTURE_POINTS = (HEIGHT + 8) * 0.75  # height of a row with a picture


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
    step: Callable[[float, str], None] = _no_step,
) -> Path:
    """Writes the report of the station's days `first` to `last`, both included, to `out`.

    Sheets: Summary, By hour, By day (only of several days), Defects (the newest with their picture),
    Inspections (all of them), Alarms. Every number comes from one pass over the record (`Tally`), so
    that a part recorded meanwhile is in all of the sheets or in none. Rows go to the file as they are
    read: a long period needs hardly more memory than a short one.

    Args:
        records: the store.
        first, last: the station's days.
        out: the file, replaced whole or not at all; its folder is made.
        zone, day_starts_at: what a day is, and the zone of all times in the workbook.
        station: its name.
        step: told how far it is (0..1) and what it does; what it raises ends the work.

    Raises:
        LinesightError: the period is none, the place can't be written, the file is open elsewhere.
        StoreError: the record can't be read.
    """
    start, end = day_bounds(first, last, zone, day_starts_at)
    heading = Heading(station, first, last, zone, day_starts_at, datetime.now(UTC))
    with replaced(out) as part:
        step(0.0, "Reading the record")
        book = new_workbook(f"Inspection report {heading.footer}")
        try:
            _fill(book, records, start, end, heading, step)
            step(0.9, "Writing the file")
            book.save(part)
        except BaseException:
            _discard(book)
            raise
        step(1.0, "Done")
    return out


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


def _fill(
    book: Workbook,
    records: Records,
    start: datetime,
    end: datetime,
    heading: Heading,
    step: Callable[[float, str], None],
) -> None:
    summary = book.create_sheet("Summary")
    by_hour = book.create_sheet("By hour")
    by_day = book.create_sheet("By day") if heading.first != heading.last else None
    defects = Table(book, "Defects", columns.defects(heading.zone), heading.footer)
    alarms = Table(book, "Alarms", columns.alarms(heading.zone), heading.footer)

    figures = _write_inspections(book, records, start, end, heading, step)
    _write_defects(defects, records, figures, step)
    _write_alarms(alarms, records.alarms(start, end))

    hours = [row.counts for row in figures.by_hour]
    trend = (
        by_hour,
        write_times(by_hour, [hour_words(row) for row in figures.by_hour], hours, figures.counts, heading, days=False),
    )
    if by_day is not None:
        days = [datetime.combine(row.day, time(0)) for row in figures.by_day]
        trend = (
            by_day,
            write_times(by_day, days, [row.counts for row in figures.by_day], figures.counts, heading, days=True),
        )
    write_summary(summary, figures, heading, trend)


def _write_inspections(
    book: Workbook,
    records: Records,
    start: datetime,
    end: datetime,
    heading: Heading,
    step: Callable[[float, str], None],
) -> Figures:
    tally = Tally(start, end, heading.zone, heading.day_starts_at)
    shown = columns.inspections(heading.zone)
    table = Table(book, "Inspections", shown, heading.footer, at=len(book.worksheets) - 1)
    total = max(records.counts(start, end).total, 1)
    sheets = 1
    for number, inspection in enumerate(records.inspections(start, end)):
        if number % _STEP_ROWS == 0:
            step(0.6 * min(number / total, 1.0), f"Inspection {number:,} of {total:,}")
        if table.rows > _SHEET_ROWS:
            table.close()
            sheets += 1
            table = Table(book, f"Inspections {sheets}", shown, heading.footer, at=len(book.worksheets) - 1)
        tally.add(inspection)
        table.add(inspection)
    figures = tally.figures()
    table.close("" if figures.counts.total else "No part was inspected in this period.")
    return figures


def _write_defects(
    table: Table[columns.Defect], records: Records, figures: Figures, step: Callable[[float, str], None]
) -> None:
    shown = figures.defects[:THUMBNAILS]

    def picture(inspection: Inspection) -> Thumbnail | str:
        if not inspection.image_path:
            return "The picture was not kept: the disk was full."
        try:
            return thumbnail(records.image_file(inspection.image_path), inspection.regions)
        except (PictureError, StoreError):
            return "The picture is missing or damaged."

    # Two at a time, so that at most two whole pictures are in memory.
    with ThreadPoolExecutor(2, thread_name_prefix="thumbnail") as pool:
        pictures = pool.map(picture, shown)
        try:
            for number, (inspection, found) in enumerate(zip(shown, pictures, strict=True)):
                step(0.6 + 0.3 * number / len(shown), f"Picture {number + 1} of {len(shown)}")
                if isinstance(found, str):
                    table.add(columns.Defect(inspection, found))
                else:
                    place(table.sheet, found, table.add(columns.Defect(inspection), _PICTURE_POINTS), 1)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    for inspection in figures.defects[THUMBNAILS:]:
        table.add(columns.Defect(inspection))
    failed = figures.counts.failed
    if not failed:
        table.close("No part failed in this period.")
    elif failed > len(figures.defects):
        table.close(f"The newest {len(figures.defects):,} of {failed:,} failed parts; Inspections has all of them.")
    else:
        table.close()


def _write_alarms(table: Table[Alarm], alarms: list[Alarm]) -> None:
    for alarm in alarms:
        table.add(alarm)
    table.close("" if alarms else "There was no alarm in this period.")
