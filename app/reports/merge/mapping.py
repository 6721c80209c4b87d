"""Which column is which field: proposed from headings and contents, or as a person has said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.reports.merge import content, naming, words
from app.reports.merge.dates import Order
from app.reports.merge.grid import Value
from app.reports.merge.tables import Column, Table
from app.reports.merge.verdicts import word_of

EXTRA = "extra"
"""What a column that is no field is called in a mapping: it is kept under its own name."""

_SEVERAL = {"remark", "defect", "place", "verdict"}
_BY_CONTENT = ("date", "verdict", "defect", "time", "part")


@dataclass(slots=True)
class Proposal:
    """Attributes:
    fields: {index of the column: field}; columns that are not in it are kept under their own names.
    language: of the headings.
    dates, decimal_comma: what a person has said about them.
    counters: columns that only count the rows: two rows are the same whatever stands there.
    """

    fields: dict[int, str]
    language: str = ""
    dates: Order | None = None
    decimal_comma: bool | None = None
    counters: frozenset[int] = frozenset()
    notes: list[str] = field(default_factory=list)

    def columns_of(self, name: str) -> list[int]:
        return [column for column, field_ in self.fields.items() if field_ == name]


def propose(table: Table) -> Proposal:
    """The most likely field of every column, each field once; remarks, defects and places may have several columns."""
    samples = {
        column.index: content.sample([row.value(column.index) for row in table.rows]) for column in table.columns
    }
    marks = _mark_columns(table.columns, samples)
    fields: dict[int, str] = dict.fromkeys(marks, "verdict")
    kinds = [column.index for column in table.columns if _ticks_a_defect(column, samples[column.index])]
    if len(kinds) > 1:  # one column for each kind of defect, ticked where it was found
        fields.update(dict.fromkeys(kinds, "defect"))
    offers: list[tuple[float, int, str]] = []
    languages = []
    for column in table.columns:
        if column.index in fields:
            continue
        values = samples[column.index]
        matches = naming.likely(column.hint) if column.named else ()
        known = [match for match in matches if match.score >= 0.55]
        for match in known:
            fits = content.fit(match.field, values)
            if match.field == "date" and fits < 0.5 and match.score == 1:
                fits = content.fits_short_dates(values)
            if match.field in {"date", "time", "measure", "quantity"} and fits < 0.5:
                continue
            offers.append((match.score * (0.35 + 0.65 * fits), column.index, match.field))
        if _asks_for_defects(column, values):
            offers.append((0.9, column.index, "verdict"))
        if known and known[0].score >= 0.9:
            languages += [match.language for match in known if match.score >= 0.9]
        strange = not known or all(match.field == "counter" for match in known)
        if strange and (len(values) >= 2 or content.is_typed(values)) and not (known and content.is_counter(values)):
            offers += [
                (0.5 * fits, column.index, name)
                for name in _BY_CONTENT
                if (fits := content.clearly(name, values)) >= (0.8 if name != "defect" else 0.6)
                and not (name == "part" and (known or content.is_counter(values)))
            ]
    _assign(offers, fields)
    _part_of_last_resort(table, samples, fields)
    proposal = Proposal(dict(sorted(fields.items())), words.commonest_language(languages))
    proposal.counters = frozenset(column for column, values in samples.items() if content.is_counter(values))
    _note_doubles(table, samples, proposal)
    return proposal


def _part_of_last_resort(table: Table, samples: Mapping[int, list[Value]], fields: dict[int, str]) -> None:
    """Where nothing else names the part: the serial number, or the running number of the line."""
    if "part" in fields.values() or "part" in table.context or any("part" in section for section in table.sections):
        return
    serial = next((column for column, name in fields.items() if name == "serial"), None)
    if serial is None and {"date", "time", "verdict", "defect"} & set(fields.values()):
        serial = next(
            (
                column.index
                for column in table.columns
                if column.named
                and column.index not in fields
                and samples[column.index]
                and any(match.field == "part" for match in naming.likely(column.hint))
            ),
            None,
        )
    if serial is not None:
        fields[serial] = "part"


def ticks_a_defect(column: Column) -> str:
    """The kind of defect a heading names; empty where it names none."""
    kind = words.defect_words().get(words.fold(naming.bare(column.hint)), "") if column.named else ""
    return "" if kind == "none" or naming.exact(column.hint) else kind


def is_tick(value: Value) -> bool:
    """A mark or a count that says "found here"; a zero and a "no" do not."""
    if isinstance(value, bool | int | float):
        return value > 0
    return isinstance(value, str) and (
        (len(value.strip()) == 1 and value.strip() not in "0-–/") or word_of(value) == "YES"
    )


def _ticks_a_defect(column: Column, values: Sequence[Value]) -> bool:
    return bool(ticks_a_defect(column)) and all(
        isinstance(value, int | float) or len(str(value).strip()) == 1 or word_of(value) in {"YES", "NO"}
        for value in values
    )


def _assign(offers: list[tuple[float, int, str]], fields: dict[int, str]) -> None:
    taken = set(fields.values()) - _SEVERAL
    settled = set(fields)
    for score, column, name in sorted(offers, key=lambda offer: (-offer[0], offer[1])):
        if column in settled or score < 0.22:
            continue
        if name in taken and not (name in _SEVERAL - {"verdict"} and score >= 0.6):
            continue
        settled.add(column)
        if name in {"counter", "limits"}:
            continue
        fields[column] = name
        taken.add(name)


def _mark_columns(columns: Sequence[Column], samples: Mapping[int, list[Value]]) -> list[int]:
    """Columns headed by a verdict in which marks stand: "i.O." and "n.i.O." beside each other, or "NOK" alone."""
    found = {}
    for column in columns:
        kind = naming.polarity(column.hint) if column.named else ""
        values = samples[column.index]
        marked = all(
            (isinstance(value, int | float) and value in (0, 1))
            or (isinstance(value, str) and len(value.strip()) == 1)
            or word_of(value) in {"YES", "NO"}
            or word_of(value) == kind
            for value in values
        )
        if kind and marked and (values or len(columns) > 1):
            found[column.index] = kind
    if len(found) > 1 or not any(_is_verdict(column) for column in columns if column.index not in found):
        return [index for index in found if samples[index] or len(found) > 1]
    return []


def _is_verdict(column: Column) -> bool:
    found = naming.exact(column.hint) if column.named else ()
    return bool(found) and found[0].field == "verdict"


def _asks_for_defects(column: Column, values: Sequence[Value]) -> bool:
    named = any(match.field == "defect" for match in naming.likely(column.hint)[:2]) if column.named else False
    answers = [word_of(value) for value in values]
    return named and len(values) > 1 and all(answer in {"YES", "NO"} for answer in answers)


def asks_for_defects(column: Column, values: Sequence[Value]) -> bool:
    """Whether a column of verdicts is headed by a word for defects, so that "yes" is bad."""
    named = any(match.field == "defect" for match in naming.likely(column.hint)[:2]) if column.named else False
    return named and not any(match.field == "verdict" and match.score == 1 for match in naming.likely(column.hint))


def _note_doubles(table: Table, samples: Mapping[int, list[Value]], proposal: Proposal) -> None:
    for column in table.columns:
        if column.index in proposal.fields or not column.named or not samples[column.index]:
            continue
        best = naming.exact(column.hint)
        if best and best[0].score == 1 and best[0].field in proposal.fields.values():
            other = next(c.name for c in table.columns if proposal.fields.get(c.index) == best[0].field)
            proposal.notes.append(
                f"column {column.name!r} could be {best[0].field} as well as {other!r}; it is kept under its own name"
            )
