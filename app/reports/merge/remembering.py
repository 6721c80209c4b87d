"""Corrections of columns that a person made once and that hold for the next files of the same name and kind."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT

from app.domain.errors import LinesightError
from app.reports.merge.mapfile import MappingFile, Rule, literal, read_mapping, write_text

Corrections = Mapping[tuple[Path, str], Mapping[str, str]]
"""{(file, sheet): {column: field, or "extra"}}."""

_DATES = re.compile(
    r"\d{1,4}[-._ ]\d{1,2}[-._ ]\d{0,4}|\d{6,8}|\b\d{1,2}\.\d{1,2}\b|(?<=kw)[ _-]?\d{1,2}|(?<=cw)[ _-]?\d{1,2}",
    re.IGNORECASE,
)
_HEADING = """Columns of inspectors' spreadsheets as they were corrected on the screen; they hold for the next ones too.
"*" stands for what changes from day to day. Remove what should no longer hold."""


def pattern_of(name: str) -> str:
    """The name of a file or sheet with "*" for the dates in it, so that tomorrow's fits as well."""
    return re.sub(r"\*+", "*", "*".join(literal(piece) for piece in _DATES.split(name)))


def with_corrections(path: Path, corrections: Corrections) -> MappingFile:
    """What is remembered at `path`, if it is there, after `corrections`, which hold for just their file and sheet.

    Raises:
        LinesightError: what is remembered can't be used.
    """
    remembered = read_mapping(path).rules if path.exists() else []
    own = [
        Rule(literal(os.path.abspath(file)), literal(sheet), dict(columns))
        for (file, sheet), columns in corrections.items()
    ]
    return MappingFile(path, [*own, *remembered], complete=False)


def remember(path: Path, corrections: Corrections) -> None:
    """Adds corrections to what is remembered; a file that can't be used is kept beside under another name.

    Raises:
        LinesightError: it can't be written there.
    """
    document = _document(path)
    tables = document.get("table")
    if not isinstance(tables, AoT):
        tables = tomlkit.aot()
        document["table"] = tables
    for (file, sheet), columns in corrections.items():
        names = {"file": pattern_of(file.name), "sheet": pattern_of(sheet)}
        entry: Any = next((each for each in tables if all(each.get(key) == name for key, name in names.items())), None)
        if entry is None:
            entry = tomlkit.table()
            for key, name in names.items():
                entry.add(key, name)
            tables.append(entry)
            entry = tables[-1]
        if not isinstance(entry.get("columns"), dict):
            entry["columns"] = tomlkit.table()
        for column, field in columns.items():
            entry["columns"][column] = field
    write_text(path, tomlkit.dumps(document))


def _document(path: Path) -> tomlkit.TOMLDocument:
    document = tomlkit.document()
    for line in _HEADING.splitlines():
        document.add(tomlkit.comment(line))
    if not path.exists():
        return document
    try:
        read_mapping(path)
        return tomlkit.parse(path.read_text(encoding="utf-8-sig"))
    except (LinesightError, OSError, UnicodeDecodeError, TOMLKitError):
        with suppress(OSError):
            os.replace(path, path.with_name(f"{path.stem} (not usable){path.suffix}"))
        return document
