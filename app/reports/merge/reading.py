"""Any spreadsheet as a book of sheets: what a file is, its content says, not its name."""

from __future__ import annotations

from pathlib import Path

from app.reports.merge.delimited import read_csv
from app.reports.merge.grid import Book, SheetError, spread_merges
from app.reports.merge.ods import read_ods
from app.reports.merge.package import Package
from app.reports.merge.xlsx import read_xlsx

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


def read_book(path: Path) -> Book:
    """All sheets of an .xlsx, .ods or .csv file; merged cells' values stand in every row they cover.

    Raises:
        SheetError: it is missing, damaged, protected by a password or of another kind; the message says which.
    """
    head = _head(path)
    if head.startswith(_OLE):
        raise SheetError(_old_or_protected(path))
    if head.startswith(b"PK"):
        with Package(path) as package:
            is_ods = package.has("content.xml") and not package.has("[Content_Types].xml")
        book = read_ods(path) if is_ods else read_xlsx(path)
    elif not head.strip():
        raise SheetError(f"{path} is empty.")
    elif head.lstrip()[:100].lower().startswith((b"<!doctype", b"<html", b"<?xml", b"<table")):
        raise SheetError(f"{path} is a web page or XML, no spreadsheet. Open it and save it as .xlsx, .ods or .csv.")
    elif head.startswith((b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"{\\rtf")):
        raise SheetError(f"{path} is no spreadsheet. Save the table as .xlsx, .ods or .csv.")
    else:
        book = read_csv(path)
        if path.suffix.lower() not in {".csv", ".txt", ".tsv", ".tab"}:
            book.notes.append(f"is no {path.suffix} workbook but text, and was read as CSV")
    for grid in book.grids:
        spread_merges(grid)
    return book


def _head(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise SheetError(f"{path} is a folder: name the spreadsheets in it.")
        with path.open("rb") as stream:
            return stream.read(4096)
    except FileNotFoundError as error:
        raise SheetError(f"There is no file {path}.") from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise SheetError(f"{path} can't be read ({why}). Check its permissions.") from error


def _old_or_protected(path: Path) -> str:
    try:
        protected = _ENCRYPTED in path.read_bytes()
    except OSError:
        protected = False
    if protected:
        return f"{path} is protected by a password. Save a copy without one."
    return f"{path} is an .xls workbook of Excel 97-2003, whatever its name says. Open it and save it as .xlsx."
