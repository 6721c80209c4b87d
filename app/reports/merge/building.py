"""From a table's cells to typed records; what can't be used is set aside with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from app.reports.merge import words
from app.reports.merge.dates import read_date, read_time
from app.reports.merge.dating import Dating
from app.reports.merge.defects import joined, kinds_of
from app.reports.merge.grid import Fault, Row, Value, column_letter
from app.reports.merge.mapping import Proposal, asks_for_defects, is_tick, ticks_a_defect
from app.reports.merge.numbers import decimal_comma, read_number
from app.reports.merge.records import Aside, Record
from app.reports.merge.tables import Table
from app.reports.merge.verdicts import meanings, word_of

_PLAIN = ("serial", "product", "batch", "order", "shift", "station", "checkpoint", "unit", "inspector")
_JOINED = ("remark", "place")
_FINDINGS = ("verdict", "defect", "measure", "quantity", "remark", "checkpoint")


@dataclass(slots=True)
class Built:
    records: list[Record] = field(default_factory=list)
    aside: list[Aside] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def as_text(value: Value) -> str | None:
    """A cell as text: whole numbers without ".0", dates in ISO form."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return value.isoformat(" ")
    return str(value)


def part_text(value: Value) -> str | None:
    """A part number as text: "123.0", as programs save whole numbers, is "123"; leading zeros stay."""
    text = as_text(value)
    if text is None:
        return None
    text = " ".join(text.split())
    whole, sign, rest = text.replace(",", ".").partition(".")
    return whole if sign and whole.isdecimal() and rest and not rest.strip("0") and len(rest) <= 2 else text


def build(table: Table, proposal: Proposal, dating: Dating, file: str, number: int) -> Built:
    """Args:
    dating: how dates of this table are read, and the one for rows without any.
    file: the source file as it is named in the result. number: of the table, among all.
    """
    built = Built()
    for row, reason in table.aside:
        built.aside.append(Aside(reason, file, table.grid.name, row))
    wanted = unusable(table, proposal)
    if wanted:
        built.aside += [Aside(wanted, file, table.grid.name, row) for row in table.rows]
        return built
    _Builder(table, proposal, dating, file, number, built).run()
    return built


def unusable(table: Table, proposal: Proposal) -> str:
    """Why no row of the table can be merged as its columns stand; "" where they can."""
    mapped = set(proposal.fields.values())
    if not table.header_row and not ("part" in mapped and mapped & {"date", "verdict", "defect"}):
        return "no headings were recognised in this sheet; name its columns in a mapping"
    if "part" not in mapped and "part" not in table.context and not any("part" in each for each in table.sections):
        return "no column of the table was recognised as the part; name it in a mapping"
    return ""


class _Builder:
    def __init__(self, table: Table, proposal: Proposal, dating: Dating, file: str, number: int, built: Built) -> None:
        self.table, self.proposal, self.dating, self.built = table, proposal, dating, built
        self.file, self.number = file, number
        self.columns = {column.index: column for column in table.columns}
        self.by_field: dict[str, list[int]] = {}
        for column, name in proposal.fields.items():
            self.by_field.setdefault(name, []).append(column)
        self.extras = [column for column in table.columns if column.index not in proposal.fields]
        self.plain = [(name, columns) for name, columns in self.by_field.items() if name in _PLAIN]
        self.joined = [(name, columns) for name, columns in self.by_field.items() if name in _JOINED]
        ticked = [
            each for each in map(self.columns.get, self.by_field.get("defect", ())) if each and ticks_a_defect(each)
        ]
        self.ticked = {column.index for column in ticked}
        said = {name for section in table.sections for name in section} | set(table.context)
        self.missing = [name for name in _PLAIN if name in said and name not in self.by_field]
        _resolve_dittos(table)

    def run(self) -> None:
        rows = self.table.rows
        days = self.dating.days([self._first("date", row) for row in rows], self.table.sections)
        failing = [any(kinds_of(text) for text in self._defect_texts(row)) for row in rows]
        verdicts = self._verdicts(rows, failing)
        numbers = {name: self._comma(name, rows) for name in ("measure", "quantity")}
        comments = self._comments()
        counters = frozenset(column.name for column in self.table.columns if column.index in self.proposal.counters)
        for index, row in enumerate(rows):
            record = Record(
                source_file=self.file, source_sheet=self.table.grid.name, source_row=row.number, table=self.number
            )
            record.counters = counters
            notes: list[str] = []
            self._plain(record, row, self.table.sections[index])
            reason = self._part(record, row, index)
            day = days[index]
            record.date, record.time = day.date, day.time
            self._time(record, row, notes)
            reason = reason or day.problem
            self._verdict(record, row, verdicts, notes)
            self._defect(record, row)
            self._number(record, "measure", row, numbers["measure"], notes)
            self._number(record, "quantity", row, numbers["quantity"], notes)
            self._extra(record, row)
            reason = reason or self._empty(record)
            if reason:
                self.built.aside.append(Aside(reason, self.file, self.table.grid.name, row))
                continue
            notes += [
                note for note in (day.note, "hidden row" if row.hidden else "", *comments.get(row.number, ())) if note
            ]
            record.merge_note = "; ".join(notes) or None
            self.built.records.append(record)

    def _first(self, name: str, row: Row) -> Value:
        """The first filled cell among a field's columns."""
        for column in self.by_field.get(name, ()):
            value = row.value(column)
            if value is not None:
                return value
        return None

    def _plain(self, record: Record, row: Row, section: dict[str, Value]) -> None:
        for name, columns in self.plain:
            value = row.value(columns[0]) if len(columns) == 1 else self._first(name, row)
            if value is not None:
                setattr(record, name, " ".join((as_text(value) or "").split()))
        for name in self.missing:
            value = section.get(name, self.table.context.get(name))
            if value is not None:
                setattr(record, name, " ".join((as_text(value) or "").split()))
        record.inspector_original = record.inspector
        for name, columns in self.joined:
            texts = [text for column in columns if (text := as_text(row.value(column)))]
            if texts:
                setattr(record, name, "; ".join(dict.fromkeys(texts)))

    def _part(self, record: Record, row: Row, index: int) -> str:
        value = self._first("part", row)
        if value is None and "part" not in self.by_field:
            value = self.table.sections[index].get("part", self.table.context.get("part"))
        if isinstance(value, Fault):
            return f"the part's cell holds {_fault(value)}"
        record.part = part_text(value)
        if record.part is not None and not any(map(str.isalnum, record.part)):
            record.part = None
        if record.part is None and record.serial:
            record.part = record.serial
        if record.part is None:
            only = {self.proposal.fields.get(column) for column, _ in row.own()}
            return "it holds only a remark" if only == {"remark"} else "it names no part"
        return ""

    def _time(self, record: Record, row: Row, notes: list[str]) -> None:
        value = self._first("time", row)
        if value is None:
            return
        found = read_time(value)
        if found is None:
            notes.append(f"the time {as_text(value)!r} could not be read")
            return
        record.time = found
        if "date" not in self.by_field and (day := read_date(value).day("day-first")):
            record.date = day

    def _verdicts(self, rows: Sequence[Row], failing: Sequence[bool]) -> dict[int, dict[Value, str]]:
        found: dict[int, dict[Value, str]] = {}
        for column in self.by_field.get("verdict", ()):
            values = [row.value(column) for row in rows]
            heading = self.columns[column]
            asks = asks_for_defects(heading, values)
            known, why = meanings(values, heading.hint, failing, asks_for_defects=asks)
            found[column] = dict(known)
            if why:
                self.built.notes.append(f"verdicts: {why}")
        return found

    def _verdict(self, record: Record, row: Row, verdicts: dict[int, dict[Value, str]], notes: list[str]) -> None:
        said: list[str] = []
        texts: list[str] = []
        for column, known in verdicts.items():
            value = row.value(column)
            if value is None or value in {"-", "–", "/"}:
                continue
            text = as_text(value) or ""
            texts.append(text)
            if isinstance(value, Fault):
                notes.append(f"the verdict's cell holds {_fault(value)}")
            else:
                said.append(known.get(value, text))
        record.verdict_original = " | ".join(texts) or None
        if not said:
            return
        # Two columns of marks: a cross under one and a plain "no" under the other say the same.
        distinct = list(dict.fromkeys(said))
        if len(distinct) == 1:
            record.verdict = distinct[0]
        else:
            notes.append(f"the verdicts {' and '.join(distinct)} stand in one row")
            record.verdict = " / ".join(distinct)
        if record.verdict not in {"PASS", "FAIL", "REWORK", "RETEST"} and len(distinct) == 1:
            notes.append(f"the verdict {record.verdict!r} is not known")

    def _defect(self, record: Record, row: Row) -> None:
        texts = self._defect_texts(row)
        if not texts:
            return
        record.defect_original = "; ".join(texts)
        record.defect = joined(dict.fromkeys(kind for text in texts for kind in kinds_of(text)))
        if record.verdict is None and "verdict" not in self.by_field and record.defect:
            # "i.O." and "n.i.O." in a column of defects are verdicts; the word itself is no kind.
            kind = word_of(texts[0]) if len(texts) == 1 else ""
            if kind in {"PASS", "FAIL", "REWORK", "RETEST"}:
                record.verdict, record.verdict_original = kind, texts[0]
                record.defect = None

    def _defect_texts(self, row: Row) -> list[str]:
        """What the row's defects are called: in its cells, or in the headings above its ticks."""
        texts = []
        for column in self.by_field.get("defect", ()):
            value = row.value(column)
            if value is None:
                continue
            if column in self.ticked and not (isinstance(value, str) and len(value) > 3):
                texts += [self.columns[column].hint] if is_tick(value) else []
            elif text := as_text(value):
                texts.append(text)
        return texts

    def _comma(self, name: str, rows: Sequence[Row]) -> bool:
        if self.proposal.decimal_comma is not None:
            return self.proposal.decimal_comma
        columns = self.by_field.get(name, ())
        texts = [value for column in columns for row in rows if isinstance(value := row.value(column), str)]
        comma, shown = decimal_comma(texts, self.proposal.language, self.table.grid.delimiter)
        doubtful = [text for text in texts if (number := read_number(text, comma)) and number.doubtful]
        if doubtful and not shown:
            meaning = "decimals" if comma == ("," in doubtful[0]) else "thousands"
            self.built.notes.append(
                f"{name}: {doubtful[0]!r} was read as {meaning}, though nothing shows it; decimal_comma in a mapping "
                "settles it"
            )
        return comma

    def _number(self, record: Record, name: str, row: Row, comma: bool, notes: list[str]) -> None:
        for column in self.by_field.get(name, ()):
            if name == "quantity" and column in row.filled:
                continue  # a number in merged cells counts once
            value = row.value(column)
            if value is None:
                continue
            number = read_number(value, comma)
            if number is None:
                text = _fault(value) if isinstance(value, Fault) else repr(as_text(value))
                notes.append(f"the {name} {text} is no plain number")
                record.extras.setdefault(f"{self.columns[column].name} (as written)", as_text(value))
                continue
            setattr(record, name, number.value)
            if name == "measure":
                record.unit = number.unit or record.unit or self.columns[column].unit or None
            return

    def _extra(self, record: Record, row: Row) -> None:
        for column in self.extras:
            value = row.value(column.index)
            if value is not None:
                record.extras[column.name] = value
        for name, columns in self.by_field.items():
            if len(columns) > 1 and name not in {*_JOINED, "verdict", "defect"}:
                first = self._first(name, row)
                for column_ in columns:
                    value = row.value(column_)
                    if value is not None and value != first:
                        record.extras[self.columns[column_].name] = value

    def _empty(self, record: Record) -> str:
        if "verdict" not in self.by_field or any(getattr(record, name) is not None for name in _FINDINGS):
            return ""
        if record.extras or record.defect_original or record.verdict_original:
            return ""
        return "it says nothing about the part: no verdict, defect, measured value or remark"

    def _comments(self) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        for (row, column), text in sorted(self.table.grid.comments.items()):
            if column in self.columns:
                found.setdefault(row, []).append(f"comment in {column_letter(column)}{row}: {' '.join(text.split())}")
        return found


def _fault(value: Fault) -> str:
    return f"a formula without a value ({value})" if value.formula else f"the error {value}"


def _resolve_dittos(table: Table) -> None:
    """Marks for "as above" become what stands above."""
    signs = words.ditto_words()
    last: dict[int, Value] = {}
    for index, row in enumerate(table.rows):
        for column, value in enumerate(row.cells):
            if isinstance(value, str) and value.casefold() in signs and last.get(column) is not None:
                if table.rows[index] is row:  # the sheet itself may be looked at again
                    table.rows[index] = replace(row, cells=list(row.cells))
                table.rows[index].cells[column] = last[column]
            elif value is not None:
                last[column] = value
