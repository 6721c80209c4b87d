"""The date of every row: from its cell, from what stands above, or from the names of sheet and file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path

from app.reports.merge.dateorder import Decision, decide, order_in
from app.reports.merge.dates import NO_YEAR, NOTHING, Order, Reading, dates_in, read_date
from app.reports.merge.grid import Fault, Value
from app.reports.merge.mapping import Proposal
from app.reports.merge.tables import Table


@dataclass(frozen=True, slots=True)
class Day:
    """A row's date; `problem` where there should be one and is none."""

    date: date | None
    time: time | None = None
    note: str = ""
    problem: str = ""


@dataclass(slots=True)
class Dating:
    """How one table's dates are read.

    Attributes:
        decision: whether day or month comes first.
        fallback: the date of rows without one of their own, and where it stands.
        year: for dates without one.
        dated: whether the table has a column of dates.
    """

    decision: Decision
    fallback: date | None = None
    where: str = ""
    year: int | None = None
    dated: bool = True
    epoch_1904: bool = False
    _cache: dict[Value, Reading] = field(default_factory=dict)

    def days(self, values: Sequence[Value], sections: Sequence[dict[str, Value]]) -> list[Day]:
        """One for every row of the table."""
        own = [self._own(value) for value in values]
        known = [day.date for day in own if day.date]
        single = len(set(known)) == 1 and len(known) > 1
        sparse = bool(own) and bool(own[0].date) and len(known) < 0.6 * len(own)
        after = _next_dates(own)
        found = []
        last: date | None = None
        last_section: Value = None
        for index, day in enumerate(own):
            section = sections[index].get("date")
            if section != last_section:
                last, last_section = None, section
            if day.date is not None:
                last = day.date
                found.append(day)
                continue
            if day.problem:
                found.append(day)
                continue
            if section is not None and last is None and (there := self._date(section)):
                found.append(Day(there, day.time, "date from the heading above"))
            elif last and (sparse or single or after[index] == last):
                found.append(Day(last, day.time, "date as in the row above"))
            elif single and after[index]:
                found.append(Day(after[index], day.time, "date as in the row below"))
            elif self.fallback:
                found.append(Day(self.fallback, day.time, f"date from {self.where}"))
            elif self.dated:
                found.append(Day(None, day.time, problem="it has no date"))
            else:
                found.append(Day(None, day.time))
        return found

    def _own(self, value: Value) -> Day:
        if value is None:
            return Day(None)
        if isinstance(value, Fault):
            kind = "a formula without a value" if value.formula else "the error"
            return Day(None, problem=f"the date's cell holds {kind} {value}")
        reading = self._reading(value)
        found = self._complete(reading.day(self.decision.order))
        if found is None:
            if reading.any is not None:
                return Day(None, problem=f"the date {value!s} has no year, and nothing says which")
            return Day(None, problem=f"the date {str(value)!r} is none that exists")
        return Day(found, reading.time)

    def _reading(self, value: Value) -> Reading:
        known = self._cache.get(value)
        if known is None:
            known = self._cache[value] = read_date(value, self.epoch_1904, short=True)
        return known

    def _date(self, value: Value) -> date | None:
        return self._complete(read_date(value, self.epoch_1904).day(self.decision.order))

    def _complete(self, day: date | None) -> date | None:
        if day is None or day.year != NO_YEAR:
            return day
        try:
            return day.replace(year=self.year) if self.year else None
        except ValueError:
            return None


def _next_dates(days: Sequence[Day]) -> list[date | None]:
    found: list[date | None] = [None] * len(days)
    coming: date | None = None
    for index in range(len(days) - 1, -1, -1):
        found[index] = coming
        coming = days[index].date or coming
    return found


@dataclass(slots=True)
class _Source:
    file: int
    path: Path
    table: Table
    proposal: Proposal
    readings: list[Reading]
    heading: str
    named: list[tuple[Reading, str]]  # from context, titles, sheet and file name


def date_all(found: Sequence[tuple[int, Path, Table, Proposal]]) -> tuple[list[Dating], list[str]]:
    """Decides for all tables together, since dates of one file show how another's are meant.

    Returns:
        One `Dating` a table, and notes on what was decided without certainty.
    """
    sources = [_source(*each) for each in found]
    sure_of_file = {
        file: [day for source in sources if source.file == file for day in _sure(source)]
        for file in {source.file for source in sources}
    }
    everywhere = [day for days in sure_of_file.values() for day in days]
    orders = {file: _file_order(source for source in sources if source.file == file) for file in sure_of_file}
    notes: list[str] = []
    datings = []
    for source in sources:
        near = sure_of_file[source.file] or everywhere
        decision = decide(
            source.readings,
            told=source.proposal.dates,
            hint=order_in(source.heading),
            file_order=orders[source.file],
            near=near,
            language=source.proposal.language,
        )
        doubtful = [reading for reading in source.readings if reading.ambiguous]
        if doubtful and decision.why:
            where = f"{source.path.name}, sheet {source.table.grid.name}"
            end = "" if decision.certain else '; dates = "day-first" or "month-first" in a mapping settles it'
            notes.append(f"{where}: dates were read {decision.order} because {decision.why}{end}")
        if any((day := reading.any) and day.year == NO_YEAR for reading in source.readings):
            notes.append(f"{source.path.name}, sheet {source.table.grid.name}: {_year_words(source, near, everywhere)}")
        fallback, where = _fallback(source, decision.order, near, everywhere)
        datings.append(
            Dating(
                decision,
                fallback,
                where,
                _year(source, near, everywhere),
                "date" in source.proposal.fields.values(),
                source.table.grid.epoch_1904,
            )
        )
    return datings, notes


def _source(file: int, path: Path, table: Table, proposal: Proposal) -> _Source:
    columns = proposal.columns_of("date") or proposal.columns_of("time")
    values: dict[Value, None] = {}
    for column in columns:
        for row in table.rows:
            value = row.value(column)
            if value is not None and not isinstance(value, Fault):
                values[value] = None
    readings = [
        reading
        for value in values
        if (reading := read_date(value, table.grid.epoch_1904, short=bool(proposal.columns_of("date")))) is not NOTHING
    ]
    heading = " ".join(column.hint for column in table.columns if column.index in columns)
    named: list[tuple[Reading, str]] = []
    if "date" in table.context and (reading := read_date(table.context["date"])) is not NOTHING:
        named.append((reading, "what stands above the table"))
    named += [(reading, "what stands above the table") for title in table.titles for reading in dates_in(title)]
    named += [(reading, "the sheet's name") for reading in dates_in(table.grid.name)]
    named += [(reading, "the file's name") for reading in dates_in(path.stem)]
    return _Source(file, path, table, proposal, readings, heading, named)


def _sure(source: _Source) -> list[date]:
    readings = [*source.readings, *(reading for reading, _ in source.named)]
    return [
        day
        for reading in readings
        if not reading.ambiguous and (day := reading.any) is not None and day.year != NO_YEAR
    ]


def _file_order(sources: Iterable[_Source]) -> Order | None:
    orders = [reading.order for source in sources for reading in source.readings if reading.order]
    found = set(orders)
    return orders[0] if len(found) == 1 else None


def _fallback(
    source: _Source, order: Order, near: Sequence[date], everywhere: Sequence[date]
) -> tuple[date | None, str]:
    year = _year(source, near, everywhere)
    for reading, where in source.named:
        day = reading.day(order)
        if day and day.year == NO_YEAR:
            try:
                day = day.replace(year=year) if year else None
            except ValueError:
                day = None
        if day:
            return day, where
    return None, ""


def _year_words(source: _Source, near: Sequence[date], everywhere: Sequence[date]) -> str:
    year = _year(source, near, everywhere)
    if year is None:
        return "dates have no year, and nothing says which"
    why = "as other dates say" if near or everywhere else "from the names or the time the file was saved"
    return f"dates without a year were taken as {year}, {why}"


_YEAR = re.compile(r"(?<!\d)(20\d{2})(?!\d)")


def _year(source: _Source, near: Sequence[date], everywhere: Sequence[date]) -> int | None:
    """For dates without one: the file's own, else one in the names, else the other files'."""
    if near:
        return Counter(day.year for day in near).most_common(1)[0][0]
    for text in (*source.table.titles, source.table.grid.name, source.path.stem):
        if found := _YEAR.search(text):
            return int(found[1])
    if everywhere:
        return Counter(day.year for day in everywhere).most_common(1)[0][0]
    return _year_saved(source)


def _year_saved(source: _Source) -> int | None:
    """The year in which the file was last saved, or the one before where its days still lay ahead then."""
    days = [day for reading in source.readings if (day := reading.any) is not None]
    try:
        saved = datetime.fromtimestamp(source.path.stat().st_mtime).astimezone().date()
        ahead = any(day.replace(year=saved.year) > saved for day in days)
    except (OSError, ValueError, OverflowError):
        return None
    return saved.year - 1 if ahead else saved.year
