"""The mapping file: what was proposed, for a person to correct and give again."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from app.domain.errors import LinesightError
from app.reports.merge import words
from app.reports.merge.mapping import EXTRA, Proposal
from app.reports.merge.tables import Table
from app.whole_files import write_whole

_HEADING = f"""Columns of inspectors' spreadsheets. Correct what is wrong and give the file again with --mapping.

Each column goes to one of these fields, or to "{EXTRA}": then it is kept under its own name.
{", ".join(words.FIELDS)}

[columns] is for every file; a [[table]] is for the files and sheets that fit its patterns (* and ?), and goes
before it. In a table, dates = "day-first" or "month-first", and decimal_comma = true or false, settle what the
numbers leave open."""


@dataclass(slots=True)
class Rule:
    """What a person said of the columns of files and sheets that fit two patterns."""

    file: str
    sheet: str
    columns: dict[str, str]
    dates: str = ""
    decimal_comma: bool | None = None
    used: set[str] = field(default_factory=set)
    met: bool = False


@dataclass(slots=True)
class MappingFile:
    """What a person said of columns; the first rule that fits a table and names a column wins.

    Attributes:
        complete: it was made for just these files, so that columns it lacks, or has too many, are worth a note.
    """

    path: Path
    rules: list[Rule]
    complete: bool = True

    def apply(self, path: Path, table: Table, proposal: Proposal) -> Proposal:
        """What the file says of a table's columns; for the others the proposal stands, as far as it does not clash."""
        rules = [rule for rule in self.rules if _fits(rule.file, path) and _fits(rule.sheet, Path(table.grid.name))]
        said: dict[int, str] = {}
        for rule in rules:
            rule.met = True
            forms = {words.fold(name): name for name in rule.columns}
            for column in table.columns:
                name = column.name if column.name in rule.columns else forms.get(words.fold(column.name))
                if name is None:
                    name = next((each for each in rule.columns if each == f"Column {column.index + 1}"), None)
                if name is not None:
                    rule.used.add(name)
                    said.setdefault(column.index, rule.columns[name])
        taken = set(said.values())
        fields = {column: name for column, name in proposal.fields.items() if column not in said and name not in taken}
        fields.update({column: name for column, name in said.items() if name != EXTRA})
        dates = next((rule.dates for rule in rules if rule.dates), "")
        comma = next((rule.decimal_comma for rule in rules if rule.decimal_comma is not None), None)
        new = [column.name for column in table.columns if column.index in proposal.fields and column.index not in said]
        notes = [f"column {name!r} does not stand in {self.path.name}; the proposal was taken" for name in new]
        notes = notes if self.complete else []
        order = proposal.dates
        if dates:
            order = "day-first" if dates == "day-first" else "month-first"
        return Proposal(dict(sorted(fields.items())), proposal.language, order, comma, proposal.counters, notes)

    def named(self, path: Path, sheet: str) -> frozenset[str]:
        """The headings it knows of a sheet, folded: what they stand in is a row of headings."""
        rules = [rule for rule in self.rules if _fits(rule.file, path) and _fits(rule.sheet, Path(sheet))]
        return frozenset(words.fold(name) for rule in rules for name in rule.columns) - {""}

    def unused(self) -> list[str]:
        """What the file says of columns that no table has."""
        found: list[str] = []
        if not self.complete:
            return found
        for rule in self.rules:
            where = f" for {rule.file}, sheet {rule.sheet}" if (rule.file, rule.sheet) != ("*", "*") else ""
            if not rule.met:
                found.append(f"{self.path.name}: no table fits the rules{where}")
                continue
            for name in rule.columns:
                if name not in rule.used:
                    found.append(f"{self.path.name}: no column {name!r} was found{where}")
        return found


def _fits(pattern: str, path: Path) -> bool:
    names = {path.name, os.fspath(path)}
    return any(name == pattern or fnmatch.fnmatch(name.casefold(), pattern.casefold()) for name in names)


def read_mapping(path: Path) -> MappingFile:
    """Raises:
    LinesightError: it can't be read, is no TOML, or names a field there is none of.
    """
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8-sig")).unwrap()
    except (OSError, UnicodeDecodeError) as error:
        raise LinesightError(f"The mapping {path} can't be read ({error}).") from error
    except TOMLKitError as error:
        raise LinesightError(f"The mapping {path} is no TOML: {error}.") from error
    tables = document.get("table", [])
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        raise LinesightError(f"The mapping {path}: tables are written as [[table]].")
    rules = [_rule(path, each) for each in tables]
    rules.append(_rule(path, {"columns": document.get("columns", {})}))
    rules[-1].met = not rules[-1].columns
    return MappingFile(path, rules)


def _rule(path: Path, table: dict[str, Any]) -> Rule:
    columns = table.get("columns", {})
    if not isinstance(columns, dict):
        raise LinesightError(f'The mapping {path}: [columns] holds lines such as "Teile-Nr." = "part".')
    for name, target in columns.items():
        if target not in (*words.FIELDS, EXTRA):
            raise LinesightError(
                f"The mapping {path}: {name!r} = {target!r} names no field. Fields are {', '.join(words.FIELDS)}; "
                f"{EXTRA!r} keeps a column under its own name."
            )
    dates, comma = table.get("dates", ""), table.get("decimal_comma")
    if dates not in {"", "day-first", "month-first"}:
        raise LinesightError(f'The mapping {path}: dates = {dates!r} must be "day-first" or "month-first".')
    if comma is not None and not isinstance(comma, bool):
        raise LinesightError(f"The mapping {path}: decimal_comma = {comma!r} must be true or false.")
    return Rule(str(table.get("file", "*")), str(table.get("sheet", "*")), dict(columns), dates, comma)


def write_mapping(path: Path, found: Sequence[tuple[Path, Table, Proposal]]) -> None:
    """Writes what was proposed for every table.

    Raises:
        LinesightError: it can't be written there.
    """
    document = tomlkit.document()
    for line in _HEADING.splitlines():
        document.add(tomlkit.comment(line) if line else tomlkit.nl())
    document.add(tomlkit.nl())
    document.add("columns", tomlkit.table())
    tables = tomlkit.aot()
    seen = set()
    for file, table, proposal in found:
        columns = tomlkit.table()
        for column in table.columns:
            columns.add(column.name, proposal.fields.get(column.index, EXTRA))
        key = (file.name, table.grid.name, tuple(columns.items()))
        if key in seen:
            continue
        seen.add(key)
        entry = tomlkit.table()
        entry.add("file", literal(file.name))
        entry.add("sheet", literal(table.grid.name))
        entry.add("columns", columns)
        tables.append(entry)
    document.add("table", tables)
    write_text(path, tomlkit.dumps(document))


def write_text(path: Path, text: str) -> None:
    """Writes a mapping whole or not at all.

    Raises:
        LinesightError: it can't be written there.
    """
    try:
        write_whole(path, text.encode("utf-8"))
    except OSError as error:
        raise LinesightError(f"The mapping {path} can't be written ({error.strerror or error}).") from error


def literal(name: str) -> str:
    """A name as a pattern that fits itself."""
    return re.sub(r"[\[]", "[[]", name)
