"""Where the headings of a sheet's tables stand, in one row or in several."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from itertools import pairwise

from app.reports.merge import naming, words
from app.reports.merge.dates import dates_in, parse_text
from app.reports.merge.grid import Grid, Row

_DIGIT = re.compile(r"\d")
_CODE = re.compile(r"[^\W\d_]{0,8}[-_ ./]?\d{2,}.*|\d.*", re.DOTALL)
_TOP = 60
"""Rows in which the first headings are looked for."""


@dataclass(slots=True)
class Head:
    first: int  # indexes into grid.rows
    last: int
    names: dict[int, str]


def find_heads(grid: Grid, named: Set[str]) -> Iterator[Head]:
    merged = _merged_across(grid)
    current: Head | None = None
    index = 0
    while index < len(grid.rows):
        row = grid.rows[index]
        found = False
        if current is not None:
            found = _begins_another(row, named) and not repeats(row, current.names)
        elif index < _TOP and (score := _heading_score(row, named)):
            found = True
            index = _better(grid, index, score, named)
        if found:
            head = _extended(grid, index, merged, current)
            yield head
            current = head
            index = head.last
        index += 1


def _heading_score(row: Row, named: Set[str]) -> float:
    """How well a row names different fields, typing errors allowed; 0 where it is no row of headings."""
    own = row.own()
    texts = [value for _, value in own if isinstance(value, str)]
    if len(texts) < 2 or len(texts) < 0.7 * len(own):
        return 0
    if any(isinstance(value, date | datetime | time) for _, value in own):
        return 0
    fields: set[str] = set()
    hits = 0.0
    for text in texts:
        form = words.fold(text)
        if form in named:
            fields.add(f"named {form}")
            hits += 1
            continue
        found = naming.likely(text) if len(text) <= 80 and not text.endswith((":", "：")) else ()
        if not found or found[0].score < 0.55:
            hits += 0.5 * bool(naming.polarity(text) or words.defect_words().get(form) or says_total(text))
        elif found[0].score >= 0.7 or not (len(form) <= 2 or naming.polarity(text)):  # "ok" and "n" are values as well
            fields.add(found[0].field)
            hits += min(found[0].score + 0.2, 1)
    real = fields - {"counter", "limits"}
    least = 0.2 if len(real) >= 3 or "part" in real else 0.34
    if len(real) < 2 or hits < least * len(texts):
        return 0
    if any(parse_text(text).any is not None for text in texts if _DIGIT.search(text)):
        return 0
    return hits


def _begins_another(row: Row, named: Set[str]) -> bool:
    """Whether a row below a table is surely the heading of another one: every row of data is asked this, and one
    that were taken for a heading would be lost."""
    texts = [value for value in row.cells if value is not None]
    fields: dict[str, str] = {}
    misses = 0
    for text in texts:
        if not isinstance(text, str) or _CODE.fullmatch(text):
            return False
        known = naming.exact(text) if len(text) <= 60 else ()
        if words.fold(text) in named:
            fields[f"named {words.fold(text)}"] = text
        elif known and known[0].score == 1 and known[0].field not in fields:
            fields[known[0].field] = text
        elif (misses := misses + 1) > 0.4 * len(texts):
            return False
    surely = {"part", "serial"} & set(fields) or any(name.startswith("named") for name in fields)
    return bool(surely) and len(fields) >= min(3, max(2, len(texts)))


def _better(grid: Grid, index: int, score: float, named: Set[str]) -> int:
    """Of rows of headings close together the best: a line "Inspector | Date" above the table is none."""
    best, most = index, score
    for other in range(index + 1, min(index + 6, len(grid.rows))):
        found = _heading_score(grid.rows[other], named)
        if found >= most + 1 or (found > most and found >= 2 * len(grid.rows[index].own()) / 2):
            best, most = other, found
    return best


def _extended(grid: Grid, index: int, merged: dict[int, list[tuple[int, int]]], current: Head | None) -> Head:
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
    return Head(first, last, _names(levels))


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
        column: [part for at, part in enumerate(parts) if not part.isdecimal() or at == 0 or len(parts) == 1]
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
            known = naming.exact(name) or naming.polarity(name) or words.defect_words().get(words.fold(name))
            if counts[words.fold(name)] > 1 or not known:
                name = " ".join(distinct)
        found[column] = name
    return found


def repeats(row: Row, names: dict[int, str]) -> bool:
    """Whether a row says the headings once more; where they have two rows, one of them."""
    own = row.own()
    misses = 0
    for column, value in own:
        if not (isinstance(value, str) and _is_heading(value, names.get(column, ""))):
            misses += 1
            if misses > 0.4 * len(own):
                return False
    return len(own) >= 2


@lru_cache(maxsize=50_000)
def _is_heading(text: str, name: str) -> bool:
    form, whole = words.fold(text), words.fold(name)
    return bool(form) and (form == whole or (len(form) >= 3 and f" {form} " in f" {whole} "))


@lru_cache(maxsize=50_000)
def says_total(text: str) -> bool:
    """Whether a text is a word for a total, with a word or two after it at most."""
    form = words.fold(text)
    if form in words.total_words():
        return True
    tokens = form.split()
    return 1 < len(tokens) <= 5 and any(
        " ".join(tokens[:length]) in words.total_words() and len(" ".join(tokens[:length])) > 3 for length in (1, 2)
    )
