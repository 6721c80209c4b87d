"""Reading lists of labelled pictures as CSV: `image,normal|anomaly`, with further columns where there are any.

    picture,label,types,masks,split,labelled_at
    images/1.png,anomaly,crack|stain,masks/crack/1.png|masks/stain/1.png,train,2026-11-02T08:00:00+00:00

A header may name the columns in any order; without one they stand in this order. The separator is a comma, a
semicolon or a tab. Several types, and their masks in the same order, are separated by `|`; a `|` or `\\` that belongs
to a name has a `\\` before it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from app.datasets.references import Unusable, date_of, local, local_mask
from app.datasets.types import Dataset, Drawn, Item, Label, Mask, Split, Stencil
from app.domain.errors import DatasetError

TABLE_SUFFIXES = (".csv", ".tsv")
COLUMNS = ("picture", "label", "types", "masks", "split", "labelled_at")

_MAX_BYTES = 1 << 28
_DELIMITERS = (",", ";", "\t")
_NAMES = {
    "picture": {"picture", "image", "file", "filename", "path", "img", "source-ref"},
    "label": {"label", "class", "class-name", "classification"},
    "types": {"types", "type", "defect", "defects", "defect-type"},
    "masks": {"masks", "mask", "mask-path", "mask-ref"},
    "split": {"split", "set", "subset"},
    "labelled_at": {"labelled-at", "creation-date"},
}
_LABELS: dict[str, Label | None] = {"normal": "normal", "anomaly": "anomaly", "": None}
_SPLITS: dict[str, Split | None] = {"train": "train", "test": "test", "": None}


def joined(names: Sequence[str]) -> str:
    """Several names in one field."""
    return "|".join(re.sub(r"([\\|])", r"\\\1", name) for name in names)


def parted(field: str) -> list[str]:
    """The names of a field; none of an empty one."""
    names, name, escaped = [], "", False
    for sign in field:
        if escaped:
            # Before anything else it is a sign of its own: paths written on Windows.
            name, escaped = name + (sign if sign in "\\|" else "\\" + sign), False
        elif sign == "\\":
            escaped = True
        elif sign == "|":
            names.append(name.strip())
            name = ""
        else:
            name += sign
    names.append((name + "\\" * escaped).strip())
    return [] if names == [""] else names


def is_table(data: bytes) -> bool:
    """Whether the beginning of a text looks like such a list: a row with a class, or a header with the two columns."""
    text = _text(data[: 1 << 16])
    return any(_score(text, delimiter) for delimiter in _DELIMITERS)


def read_table(path: Path) -> Dataset:
    """Reads one list; pictures and masks are relative to its folder.

    Raises:
        DatasetError: no such list, or larger than 256 MiB.
    """
    if path.stat().st_size > _MAX_BYTES:
        raise DatasetError(f"{path} is larger than 256 MiB: split the list of pictures.")
    data = path.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DatasetError(f"The list {path} is UTF-16 text. Save it as UTF-8.")
    text = _text(data)
    delimiter = max(_DELIMITERS, key=lambda sign: _score(text, sign))
    items: dict[Path, Item] = {}
    lines: dict[Path, int] = {}
    problems: list[str] = []
    columns: Mapping[str, int] | None = None
    for number, row in _rows(text, delimiter):
        place = f"{path}, line {number}"
        if isinstance(row, csv.Error):
            problems.append(f"{place}: {row}")
            continue
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if columns is None:
            columns = _header(cells)
            if columns:
                continue
            columns = {name: index for index, name in enumerate(COLUMNS)}
        try:
            item = _item(cells, columns, path.parent, place)
        except Unusable as why:
            problems.append(f"{place}: {why}")
            continue
        if item.path in items:
            first = f"line {lines[item.path]} has it too"
            problems.append(f"{place}: {item.name} occurs again ({first}); the later line counts")
        items[item.path], lines[item.path] = item, number
    return Dataset(path, "CSV list", tuple(items.values()), tuple(problems))


def _text(data: bytes) -> str:
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:  # what spreadsheets on Windows save as CSV
        return data.decode("cp1252", "replace")


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str] | csv.Error]]:
    """Each row with the number of the line that it begins in."""
    reader = csv.reader(re.split(r"(?<=\n)|(?<=\r)(?!\n)", text), delimiter=delimiter, skipinitialspace=True)
    while True:
        number = reader.line_num + 1
        try:
            yield number, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield number, error


def _score(text: str, delimiter: str) -> int:
    """How many of the first rows are of this kind with this separator."""
    found = 0
    for count, (_, row) in enumerate(_rows(text[: 1 << 16], delimiter)):
        if count >= 200:
            break
        if isinstance(row, csv.Error):
            continue
        known = len(row) > 1 and row[1].strip().lower() in ("normal", "anomaly")
        if known or (not found and _header([cell.strip() for cell in row])):
            found += 1
    return found


def _header(cells: Sequence[str]) -> dict[str, int]:
    """Where the columns stand; empty where the row is no header."""
    columns: dict[str, int] = {}
    for index, cell in enumerate(cells):
        word = re.sub(r"[ _]", "-", cell.lower())
        for name, words in _NAMES.items():
            if word in words:
                columns.setdefault(name, index)
    return columns if "picture" in columns and "label" in columns else {}


def _item(cells: Sequence[str], columns: Mapping[str, int], folder: Path, place: str) -> Item:
    def cell(name: str) -> str:
        index = columns.get(name, len(cells))
        return cells[index] if index < len(cells) else ""

    reference = cell("picture")
    if not reference:
        raise Unusable("it names no picture")
    picture = local(reference, folder)
    if not picture.is_file():
        raise Unusable(f"the picture {picture} does not exist")
    word = cell("label").lower()
    if word not in _LABELS:
        raise Unusable(f"the class {cell('label')!r} of {reference} is neither normal nor anomaly")
    if cell("split").lower() not in _SPLITS:
        raise Unusable(f"the split {cell('split')!r} of {reference} is neither train nor test")
    label, types = _LABELS[word], tuple(dict.fromkeys(filter(None, parted(cell("types")))))
    if types and label == "normal":
        raise Unusable(f"{reference} has the type {types[0]}, but is called normal")
    return Item(
        picture,
        reference,
        label,
        split=_SPLITS[cell("split").lower()],
        mask=_mask(parted(cell("masks")), types, folder, place),
        place=place,
        types=types,
        labelled_at=date_of(cell("labelled_at")),
    )


def _mask(references: Sequence[str], types: Sequence[str], folder: Path, place: str) -> Mask | Drawn | None:
    """One mask for all types together, or one for each, "" where a type has none."""
    if not any(references):
        return None
    if len(references) == 1:
        return Mask(local_mask(references[0], folder))
    if len(references) != len(types):
        raise Unusable(f"it has {len(references)} masks for {len(types)} types: name one for each, or one for all")
    stencils = [
        Stencil(kind, local_mask(reference, folder))
        for kind, reference in zip(types, references, strict=True)
        if reference
    ]
    return Drawn(Path(place.rpartition(", line ")[0]), tuple(stencils))
