"""Finding the tables of a sheet: where the headings stand, which rows are data, and what the others say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import lru_cache
from itertools import pairwise

from app.reports.merge import naming, words
from app.reports.merge.dates import NOTHING, dates_in, parse_text
from app.reports.merge.grid import Grid, Row, Value, column_letter

_TOP = 60
"""Rows in which headings are looked for with typing errors; below, only known names end a table."""

_RULE = re.compile(r"[-=_*~.·•–—#+|/\s]+")
_LABEL = re.compile(r"\s*([^:：]{2,40})[:：]\s*(\S.*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Column:
    """Args:
    index: from 0.
    name: the heading, unique within the table; "Column C" where there is none.
    unit: the one its heading gives.
    """

    index: int
    name: str
    unit: str = ""
    named: bool = True
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """Something the sheet says that is no row of data: a title, a remark below the table, a comment."""

    row: int
    text: str


@dataclass(slots=True)
class Table:
    """Attributes:
    rows: the data, each with what the section it stands in says ({field: value}).
    aside: rows that are no inspections, with the reason.
    context: what stands above the table ({field: value}), for columns it does not have.
    header_row: 0 where there is none.
    """

    grid: Grid
    columns: list[Column]
    header_row: int
    rows: list[Row] = field(default_factory=list)
    sections: list[dict[str, Value]] = field(default_factory=list)
    aside: list[tuple[Row, str]] = field(default_factory=list)
    context: dict[str, Value] = field(default_factory=dict)
    titles: list[str] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)


@dataclass(slots=True)
class _Head:
    first: int  # indexes into grid.rows
    last: int
    names: dict[int, str]


def find_tables(grid: Grid, named: Set[str] = frozenset()) -> tuple[list[Table], list[Note]]:
    """The tables of a sheet from top to bottom and left to right, and what stands above the first one.

    A sheet without recognisable headings is given as one table without a header row.

    Args:
        named: headings, folded, that a person has named.
    """
    heads = list(_heads(grid, named))
    if not heads:
        return ([_headless(grid)] if grid.rows else []), []
    tables: list[Table] = []
    above = grid.rows[: heads[0].first]
    context, titles, notes = _preamble(above)
    for position, head in enumerate(heads):
        end = heads[position + 1].first if position + 1 < len(heads) else len(grid.rows)
        body = grid.rows[head.last + 1 : end]
        for columns in _side_by_side(_columns(grid, head, body), body):
            table = Table(grid, columns, grid.rows[head.last].number, context=dict(context), titles=list(titles))
            _fill(table, body, grid.rows[head.first : head.last + 1])
            tables.append(table)
            for note in table.notes:
                _learn(note.text, context)
    return tables, notes


# -- headings


def _heads(grid: Grid, named: Set[str]) -> Iterator[_Head]:
    merged = _merged_across(grid)
    current: _Head | None = None
    index = 0
    while index < len(grid.rows):
        row = grid.rows[index]
        first = current is None and index < _TOP
        gap = index > 0 and row.number > grid.rows[index - 1].number + 1
        score = _heading_score(row, named, first=first, mistyped=first or gap)
        if score and not (current and _repeats(row, current.names)):
            if first:
                index = _better(grid, index, score, named)
            head = _extended(grid, index, merged, current)
            yield head
            current = head
            index = head.last
        index += 1


def _heading_score(row: Row, named: Set[str], *, first: bool, mistyped: bool) -> float:
    """How many different fields a row names; 0 where it is no row of headings.

    Args:
        first: no table has begun yet; below one, a row must be sure to end it. mistyped: typing errors are looked for.
    """
    own = row.own()
    texts = [value for _, value in own if isinstance(value, str)]
    if len(texts) < 2 or len(texts) < 0.7 * len(own):
        return 0
    if any(isinstance(value, date | datetime | time) for _, value in own):
        return 0
    fields: set[str] = set()
    hits, misses = 0.0, 0
    for text in texts:
        if named and words.fold(text) in named:
            fields.add(f"named {words.fold(text)}")
            hits += 1
            continue
        found = naming.exact(text) or (naming.likely(text) if mistyped and len(text) <= 80 else ())
        if len(text) > 80 or text.endswith((":", "：")) or not found or found[0].score < 0.55:
            if naming.polarity(text) or words.defect_words().get(words.fold(text)) or _says_total(text):
                hits += 0.5
            elif (misses := misses + 1) > 0.4 * len(texts) and not first:
                return 0
            continue
        fields.add(found[0].field)
        hits += min(found[0].score + 0.2, 1)
    real = fields - {"counter", "limits"}
    least = 0.2 if len(real) >= 3 or "part" in real else 0.34
    if len(real) < 2 or hits < (least if first else 0.6) * len(texts):
        return 0
    if any(parse_text(text).any is not None for text in texts if any(sign.isdigit() for sign in text)):
        return 0
    return hits


def _better(grid: Grid, index: int, score: float, named: Set[str]) -> int:
    """Of rows of headings close together the best: a line "Inspector | Date" above the table is none."""
    best, most = index, score
    for other in range(index + 1, min(index + 6, len(grid.rows))):
        found = _heading_score(grid.rows[other], named, first=True, mistyped=True)
        if found >= most + 1 or (found > most and found >= 2 * len(grid.rows[index].own()) / 2):
            best, most = other, found
    return best


def _extended(grid: Grid, index: int, merged: dict[int, list[tuple[int, int]]], current: _Head | None) -> _Head:
    """The heading with a second row of it below or above, where there is one."""
    row = grid.rows[index]
    levels = [_spread(row, merged)]
    first = last = index
    while last + 1 < len(grid.rows) and last - index < 2 and _is_subheading(grid, last, merged, levels[-1]):
        last += 1
        levels.append(_spread(grid.rows[last], merged))
    above = grid.rows[index - 1] if index else None
    if above is not None and above.number == row.number - 1 and (current is None or index - 1 > current.last):
        across = merged.get(above.number, [])
        own = above.own()
        plain = all(isinstance(value, str) and not value.endswith(":") for _, value in own)
        if plain and len(own) >= 2 and len(own) < len(row.own()) and (across or _groups(above, row)):
            levels.insert(0, _spread(above, merged))
            first = index - 1
    return _Head(first, last, _names(levels))


def _groups(above: Row, row: Row) -> bool:
    """Whether a row names groups of the columns below it, without merged cells: no label with its value."""
    own = [value for _, value in above.own()]
    labels = sum(bool(isinstance(value, str) and naming.exact(value)) for value in own)
    columns = [column for column, _ in above.own()]
    wide = all(later - earlier > 1 for earlier, later in pairwise(columns))
    return wide and labels == 0 and len(own) >= 2 and dates_in(" ".join(map(str, own))) == []


def _is_subheading(grid: Grid, index: int, merged: dict[int, list[tuple[int, int]]], above: dict[int, str]) -> bool:
    row, below = grid.rows[index], grid.rows[index + 1]
    if below.number != row.number + 1:
        return False
    own = below.own()
    if not own:
        return False
    under = {column for left, right in merged.get(row.number, []) for column in range(left, right + 1)}
    numbers = [value for _, value in own]
    if numbers == list(range(1, len(numbers) + 1)) and len(numbers) > 2:
        return True  # the columns counted through
    if not all(isinstance(value, str) for _, value in own):
        return False
    texts = [str(value) for _, value in own]
    if all(naming.is_unit(text) for text in texts):
        return True
    free = all(column in under or column not in above or naming.is_unit(str(value)) for column, value in own)
    known = sum(bool(naming.likely(text)) for text in texts)
    return free and known >= 1 and known >= len(texts) / 2


def _merged_across(grid: Grid) -> dict[int, list[tuple[int, int]]]:
    found: dict[int, list[tuple[int, int]]] = {}
    for first, left, _, right in grid.merges:
        if right > left:
            found.setdefault(first, []).append((left, right))
    return found


def _spread(row: Row, merged: dict[int, list[tuple[int, int]]]) -> dict[int, str]:
    texts = {
        column: " ".join(str(value).split())
        for column, value in enumerate(row.cells)
        if value is not None and column not in row.filled
    }
    for left, right in merged.get(row.number, []):
        if left in texts:
            texts.update(dict.fromkeys(range(left, min(right, left + 200) + 1), texts[left]))
    return texts


def _names(levels: Sequence[dict[int, str]]) -> dict[int, str]:
    """The lowest heading of each column, with those above it where it says nothing by itself or stands twice."""
    columns = sorted({column for level in levels for column in level})
    lists = {column: [level[column] for level in levels if column in level] for column in columns}
    lists = {
        column: [part for at, part in enumerate(parts) if not part.isdigit() or at == 0 or len(parts) == 1]
        for column, parts in lists.items()
    }
    lowest = {}
    for column, parts in lists.items():
        name = parts[-1]
        if len(parts) > 1 and naming.is_unit(name):
            inner = name.strip("[](){} ")
            name = f"{parts[-2]} [{inner}]"
        lowest[column] = name
    counts: dict[str, int] = {}
    for name in lowest.values():
        counts[words.fold(name)] = counts.get(words.fold(name), 0) + 1
    found = {}
    for column, parts in lists.items():
        name = lowest[column]
        distinct = list(dict.fromkeys(parts))
        if len(distinct) > 1 and not naming.is_unit(parts[-1]):
            known = naming.exact(name)
            if counts[words.fold(name)] > 1 or not known:
                name = " ".join(distinct)
        found[column] = name
    return found


def _repeats(row: Row, names: dict[int, str]) -> bool:
    own = row.own()
    same = sum(words.fold(str(value)) in words.fold(names.get(column, "")) for column, value in own)
    return len(own) >= 2 and same >= 0.6 * len(own)


def _columns(grid: Grid, head: _Head, body: Sequence[Row]) -> list[Column]:
    used = {column for row in body for column, value in enumerate(row.cells) if value is not None}
    names: dict[str, int] = {}
    columns = []
    for index in sorted(used | set(head.names)):
        heading = head.names.get(index, "")
        name = heading or f"Column {column_letter(index)}"
        names[name] = names.get(name, 0) + 1
        if names[name] > 1:
            name = f"{name} ({names[name]})"
        columns.append(Column(index, name, naming.unit_in(heading), bool(heading), heading))
    return columns


def _side_by_side(columns: list[Column], body: Sequence[Row]) -> list[list[Column]]:
    """One list of columns for each table that shares these rows."""
    pieces: list[list[Column]] = []
    for column in columns:
        if pieces and column.index == pieces[-1][-1].index + 1:
            pieces[-1].append(column)
        else:
            pieces.append([column])
    if len(pieces) > 1 and all("part" in _fields(piece) and len(_fields(piece)) >= 2 for piece in pieces):
        return pieces
    forms = [words.fold(column.hint) for column in columns]
    for count in (2, 3, 4):
        size, rest = divmod(len(columns), count)
        if rest or size < 2:
            continue
        chunks = [forms[start : start + size] for start in range(0, len(forms), size)]
        if all(chunk == chunks[0] for chunk in chunks) and len(set(chunks[0])) == size:
            return [columns[start : start + size] for start in range(0, len(columns), size)]
    return [columns]


def _fields(columns: Sequence[Column]) -> set[str]:
    return {match.field for column in columns if column.named for match in naming.likely(column.hint)[:1]} | {
        "part" for column in columns if any(match.field == "part" for match in naming.likely(column.hint))
    }


# -- what stands above


def _preamble(rows: Sequence[Row]) -> tuple[dict[str, Value], list[str], list[Note]]:
    context: dict[str, Value] = {}
    titles: list[str] = []
    notes = []
    for row in rows:
        own = row.own()
        _learn_pairs(own, context)
        text = " | ".join(str(value) for _, value in own)
        titles.append(text)
        notes.append(Note(row.number, text))
        dates = [value for _, value in own if isinstance(value, date)]
        if dates:
            context.setdefault("date", dates[0])
    return context, titles, notes


def _learn(text: str, context: dict[str, Value]) -> None:
    found = _LABEL.fullmatch(text)
    if found and found[2]:
        _learn_pair(found[1], found[2].strip(), context)


def _learn_pairs(own: Sequence[tuple[int, Value]], context: dict[str, Value]) -> None:
    """Labels with their values: "Inspector: Ann" in one cell, or in two beside each other."""
    skip = False
    for position, (_, value) in enumerate(own):
        if skip or not isinstance(value, str):
            skip = False
            continue
        found = _LABEL.fullmatch(value)
        if found and found[2]:
            _learn_pair(found[1], found[2].strip(), context)
        elif position + 1 < len(own) and naming.exact(value.rstrip(":： ")):
            skip = _learn_pair(value.rstrip(":： "), own[position + 1][1], context)


def _learn_pair(label: str, value: Value, context: dict[str, Value]) -> bool:
    found = naming.exact(label)
    if not found or found[0].field in {
        "counter",
        "limits",
        "remark",
        "measure",
        "quantity",
        "unit",
        "verdict",
        "defect",
    }:
        return False
    if isinstance(value, str) and naming.exact(value.rstrip(":： ")):
        return False  # two headings beside each other, no value
    context.setdefault(found[0].field, value)
    return True


# -- the body


def _headless(grid: Grid) -> Table:
    columns = sorted({column for row in grid.rows for column, value in enumerate(row.cells) if value is not None})
    table = Table(grid, [Column(index, f"Column {column_letter(index)}", named=False) for index in columns], 0)
    _fill(table, grid.rows, [])
    return table


def _fill(table: Table, body: Sequence[Row], head: Sequence[Row]) -> None:
    names = {column.index: column.hint for column in table.columns}
    wanted = {column.index for column in table.columns}
    guess = {
        column.index: (naming.likely(column.hint) or (naming.Match("", 0, ""),))[0].field for column in table.columns
    }
    part = next((index for index, name in guess.items() if name == "part"), None)
    section: dict[str, Value] = {}
    before = head[-1].number if head else 0
    whole = len(wanted) >= max((len(row.cells) for row in body), default=0)
    for row in body:
        if not whole:
            row = Row(
                row.number,
                [value if column in wanted else None for column, value in enumerate(row.cells)],
                row.hidden,
                row.filled & wanted,
            )
        own = row.own()
        if not own:
            continue
        gap = row.number - before > 1
        before = row.number
        if _is_rule(own) or (head and _repeats(row, names)):
            continue
        if _is_total(own, guess, part, row):
            table.aside.append((row, "a row of totals, no inspection"))
        elif not row.filled and _is_words(own, guess, part, gap, bool(head), len(wanted)):
            text = " | ".join(str(value) for _, value in own)
            table.notes.append(Note(row.number, text))
            section = _section(own, section)
        else:
            table.rows.append(row)
            table.sections.append(section)


def _is_rule(own: Sequence[tuple[int, Value]]) -> bool:
    """A line drawn with signs."""
    return all(isinstance(value, str) and _RULE.fullmatch(value) and len(value) > 2 for _, value in own)


def _is_total(own: Sequence[tuple[int, Value]], guess: dict[int, str], part: int | None, row: Row) -> bool:
    filled = row.value(part) if part is not None and part not in row.filled else None
    if part is not None and filled is not None:
        return isinstance(filled, str) and _says_total(filled)
    return any(
        isinstance(value, str) and guess.get(column) not in {"remark", "defect", "verdict"} and _says_total(value)
        for column, value in own
    )


@lru_cache(maxsize=50_000)
def _says_total(text: str) -> bool:
    form = words.fold(text)
    if form in words.total_words():
        return True
    tokens = form.split()
    return 1 < len(tokens) <= 5 and any(
        " ".join(tokens[:length]) in words.total_words() and len(" ".join(tokens[:length])) > 3 for length in (1, 2)
    )


def _is_words(
    own: Sequence[tuple[int, Value]], guess: dict[int, str], part: int | None, gap: bool, headed: bool, width: int
) -> bool:
    """A heading of a section, a note, a signature: no row of data."""
    if len(own) == 1:
        column, value = own[0]
        if isinstance(value, date | datetime):
            return guess.get(column) != "date" or width > 3
        if not isinstance(value, str):
            return False
        if guess.get(column) == "remark" and not gap:
            return False
        if column == part and _code(value) and not gap:
            return False
        return headed or width > 1 or " " in value
    if len(own) <= 3 and isinstance(own[0][1], str):
        label = own[0][1].rstrip()
        if label.endswith((":", "：")):
            return True
        if gap and len(own) == 2 and all(isinstance(value, str) for _, value in own):
            return bool(naming.exact(label)) or len(label) > 30
    return False


def _code(text: str) -> bool:
    return any(sign.isdigit() for sign in text) and text.count(" ") < 2 and parse_text(text) is NOTHING


def _section(own: Sequence[tuple[int, Value]], before: dict[str, Value]) -> dict[str, Value]:
    """What a row of words says about the rows below it."""
    learned: dict[str, Value] = {}
    _learn_pairs(own, learned)
    for _, value in own:
        if isinstance(value, date):
            learned.setdefault("date", value)
        elif isinstance(value, str) and (found := dates_in(value)):
            learned.setdefault("date", value if parse_text(value) is not NOTHING else _plain_date(found[0].sure))
    return {**before, **{name: value for name, value in learned.items() if value is not None}}


def _plain_date(day: date | None) -> Value:
    return day if day is not None and day.year > 1 else None
