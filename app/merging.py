"""The merging desk: what the screen asks for when inspectors' spreadsheets become one workbook."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from app.domain.errors import LinesightError
from app.jobs import Job, Jobs
from app.paths import DataFolder

if TYPE_CHECKING:  # the merge brings polars, which a station that merges nothing need not load
    from app.reports.merge import (
        AsideFound,
        ColumnFound,
        ConflictFound,
        DuplicateFound,
        FileFound,
        Findings,
        MergeReport,
        RowFound,
        TableFound,
    )
    from app.reports.merge.grid import Book

ENDINGS = (".xlsx", ".ods", ".csv")
"""What a folder is searched for; a file is told by its content, whatever it is called."""

Corrections = Mapping[tuple[Path, str], Mapping[str, str]]
"""{(file, sheet): {column: field, or "extra"}}."""


class Host(Protocol):
    """What the desk needs of its station."""

    data: DataFolder
    jobs: Jobs

    def today(self) -> date: ...


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found; `trouble` says why remembered columns could not be used or kept, "" where all went well."""

    findings: Findings
    trouble: str = ""


class MergeDesk:
    """All methods may be called from any thread and return at once. Files that have not changed are read only once.

    Args:
        host: the station it stands in; its jobs do the work.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._lock = threading.Lock()
        self._books: dict[Path, tuple[tuple[int, int], Book]] = {}

    @property
    def columns_file(self) -> Path:
        """Where corrected columns are remembered."""
        return self._host.data.root / "merge-columns.toml"

    def look(self, paths: Sequence[Path], corrections: Corrections | None = None) -> Job[Looked]:
        """Examines files and the spreadsheets in folders; `corrections` go before what is remembered, and are
        remembered themselves."""
        told = dict(corrections or {})
        return self._host.jobs.start("Read the spreadsheets", lambda job: self._look(job, paths, told))

    def _look(self, job: Job[Looked], paths: Sequence[Path], corrections: Corrections) -> Looked:
        from app.reports.merge.findings import look_into
        from app.reports.merge.mapfile import MappingFile
        from app.reports.merge.remembering import remember, with_corrections

        trouble = ""
        try:
            told = with_corrections(self.columns_file, corrections)
        except LinesightError as error:
            trouble = f"{error} The columns are as proposed."
            told = MappingFile(self.columns_file, [], complete=False)
        files = _files(paths)
        findings = look_into(files, told, lambda part, words: job.step(min(1.0, part / 0.6), words), self._read)
        with self._lock:
            self._books = {path: kept for path, kept in self._books.items() if path in set(files)}
        if corrections:
            try:
                remember(self.columns_file, corrections)
            except LinesightError as error:
                trouble = f"{error} The corrected columns hold for this merge only."
        return Looked(findings, trouble)

    def _read(self, path: Path) -> Book:
        from app.reports.merge.reading import read_book

        try:
            told = path.stat()
            state = (told.st_mtime_ns, told.st_size)
        except OSError:
            return read_book(path)  # which says what is wrong with it
        with self._lock:
            known = self._books.get(path)
        if known is not None and known[0] == state:
            return known[1]
        book = read_book(path)
        with self._lock:
            self._books[path] = (state, book)
        return book

    def proposed_out(self) -> Path:
        """A new file in the reports folder, named by the day."""
        return _free(self._host.data.reports / f"Merged inspections {self._host.today()}.xlsx")

    def write(self, findings: Findings, kept: Collection[int] = (), out: Path | None = None) -> Job[MergeReport]:
        """Writes the workbook, into the reports folder where no place is given.

        Args:
            kept: numbers of the rows that stay although they were found to be duplicates.
        """
        rows = frozenset(kept)

        def work(job: Job[MergeReport]) -> MergeReport:
            from app.reports.merge import write_found

            place = out if out is not None else self.proposed_out()
            if place.suffix.lower() != ".xlsx":
                place = place.with_name(f"{place.name}.xlsx")
            for file in findings.files:
                if place.exists() and file.path.exists() and place.samefile(file.path):
                    raise LinesightError(f"{place} is one of the files to be merged. Choose another name.")
            return write_found(
                findings.found,
                place,
                rows,
                how="hand",
                step=lambda part, words: job.step(max(0.0, (part - 0.6) / 0.4), words),
            )

        return self._host.jobs.start("Write the merged workbook", work)


def _files(paths: Sequence[Path]) -> list[Path]:
    """Every file once, the spreadsheets of a folder in its place."""
    found: dict[Path, None] = {}
    for path in paths:
        path = Path(os.path.abspath(path.expanduser()))
        inside = []
        if path.is_dir():
            inside = [
                each
                for each in sorted(path.iterdir())
                if each.suffix.lower() in ENDINGS and not each.name.startswith((".", "~$"))
            ]
        found.update(dict.fromkeys(inside or [path]))
    return list(found)


def _free(path: Path) -> Path:
    """The path, or the next one with a number behind it that is not taken."""
    number, free = 2, path
    while free.exists():
        free = path.with_name(f"{path.stem} ({number}){path.suffix}")
        number += 1
    return free


__all__ = [
    "ENDINGS",
    "AsideFound",
    "ColumnFound",
    "ConflictFound",
    "Corrections",
    "DuplicateFound",
    "FileFound",
    "Findings",
    "Looked",
    "MergeDesk",
    "MergeReport",
    "RowFound",
    "TableFound",
]
