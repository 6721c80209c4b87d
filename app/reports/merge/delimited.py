"""Reading .csv in whatever encoding and with whatever delimiter it was saved."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from app.reports.merge import words
from app.reports.merge.grid import MAX_CELLS, Book, Fault, Grid, Row, SheetError, Value, is_error, tidy

_BOMS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_EIGHT_BIT = ("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp850", "mac_roman", "cp932", "gb18030", "cp949")
_SAMPLE = 200_000
_NOTHING = frozenset({"NULL", "NaN", "nan", "<NA>", "<null>", "(null)", "(blank)"})
"""What programs write for an empty cell."""
_AS_TEXT = re.compile(r'="(.*)"', re.DOTALL)
_MOJIBAKE = re.compile("[ÃÂÅÄ][\u0080-\u00bf\u0152-\u2122]")
_LETTERS = re.compile(r"[^\W\d_]+")


def read_csv(path: Path) -> Book:
    """One sheet, named like the file without its ending, as spreadsheet programs name it.

    Rows are counted as these show them: a record with line breaks in its quotes is one row, an empty line is a
    row, and a first line `sep=;` is none.

    Raises:
        SheetError: it can't be read, or is no text.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SheetError(f"{path} can't be read ({error.strerror or error}). Check its permissions.") from error
    text, notes = _decode(path, data)
    text = text.replace("\x00", "")
    told, text = _told_delimiter(text)
    delimiter = told or _delimiter(text)
    records, quoted = _records(text, delimiter)
    if not quoted:
        notes.append("a quotation mark is never closed: quotation marks were read as ordinary signs")
    rows: list[Row] = []
    count = 0
    for number, record in enumerate(records, 1):
        cells = [_cell(part) for part in record]
        while cells and cells[-1] is None:
            cells.pop()
        if cells:
            rows.append(Row(number, cells, width=len(record)))
            count += len(cells)
            if count > MAX_CELLS:
                raise SheetError(f"{path} has more than {MAX_CELLS:,} filled cells. Split it.")
    return Book(path, [Grid(path.stem, rows, text_only=True, delimiter=delimiter)], notes)


def _decode(path: Path, data: bytes) -> tuple[str, list[str]]:
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace"), []
    head = data[:4096]
    if len(head) >= 4 and head.count(0) > len(head) // 5:
        even, odd = head[0::2].count(0), head[1::2].count(0)
        if max(even, odd) < len(head) // 5 or min(even, odd) > len(head) // 10:
            raise SheetError(f"{path} is no text. Save it as .csv, .xlsx or .ods.")
        return data.decode("utf-16-be" if even > odd else "utf-16-le", "replace"), []
    if sum(byte < 9 or 13 < byte < 27 for byte in head) > len(head) // 20:
        raise SheetError(f"{path} is no text. Save it as .csv, .xlsx or .ods.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return _decode_eight_bit(data)
    return (_repaired(text), ["letters that had been encoded twice were repaired"]) if _twice(text) else (text, [])


def _decode_eight_bit(data: bytes) -> tuple[str, list[str]]:
    """By the words it holds: the encoding under which most of them are known."""
    lines = data.split(b"\n")
    marked = [line for line in lines if not line.isascii()]
    proper = [line for line in marked if _is_utf8(line)]
    encoding = _best_encoding(b"\n".join(line for line in marked if not _is_utf8(line)), data)
    if proper:  # two files of different programs joined into one
        whole = "\n".join(line.decode("utf-8" if _is_utf8(line) else encoding, "replace") for line in lines)
        return whole, [f"some lines are UTF-8, others were read as {encoding}"]
    return data.decode(encoding, "replace"), [f"read as {encoding}"]


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _best_encoding(marked: bytes, data: bytes) -> str:
    sample = data[:2000] + b"\n" + marked[:_SAMPLE]
    known = _known_words()

    def points(encoding: str) -> float:
        try:
            text = sample.decode(encoding, "ignore" if encoding in {"cp932", "gb18030", "cp949"} else "strict")
        except UnicodeDecodeError:
            return -1.0
        strange = sum(1 for sign in text if "\x80" <= sign <= "\x9f") * 5
        found = 0.0
        for word, times in Counter(_LETTERS.findall(text)).items():
            if word.isascii():
                continue
            if words.fold(word) in known:
                found += 3 * min(times, 5)
            # "MÜLLER", "Müller" and "müller" are words; "MãLLER" and "mÜller" are none.
            elif not (word.islower() or word.isupper() or word.istitle()) and word[0].isalpha():
                strange += 1
        signs = Counter(sign for sign in text if not sign.isascii() and not sign.isalpha())
        strange += sum(times for sign, times in signs.items() if sign not in "°µ±€–—’“”„«»…×·§²³½²ø№✓")
        return found - 0.5 * strange

    return max(_EIGHT_BIT, key=lambda encoding: (points(encoding), -_EIGHT_BIT.index(encoding)))


def _known_words() -> set[str]:
    tables: tuple[Iterable[str], ...] = (
        words.aliases(),
        words.verdict_words(),
        words.defect_words(),
        words.place_words(),
        words.month_words(),
    )
    return {part for table in tables for name in table for part in name.split()}


def _twice(text: str) -> bool:
    return bool(_MOJIBAKE.search(text[:_SAMPLE])) and _repaired(text) != text


def _repaired(text: str) -> str:
    """Lines that are UTF-8 taken for Windows' encoding and saved as UTF-8 once more."""

    def line(found: str) -> str:
        if not _MOJIBAKE.search(found):
            return found
        try:
            return found.encode("cp1252").decode("utf-8")
        except UnicodeError:
            return found

    return "\n".join(line(each) for each in text.split("\n"))


def _told_delimiter(text: str) -> tuple[str, str]:
    """What Excel's line `sep=;` says, and the text below it."""
    found = re.match(r'"?sep=(.)"?\r?\n', text, re.IGNORECASE)
    return (found[1], text[found.end() :]) if found else ("", text)


def _delimiter(text: str) -> str:
    """The delimiter that cuts the most rows into the same number of cells, and finds the most known names."""
    sample = text[:_SAMPLE]
    if len(text) > _SAMPLE:
        sample = sample[: sample.rfind("\n") + 1]
    names = words.aliases()
    best, most = ",", -1.0
    for delimiter in (",", ";", "\t", "|"):
        records = [record for record in _parse(sample, delimiter)[:400] if any(part.strip() for part in record)]
        widths = Counter(len(record) for record in records if len(record) > 1)
        if not widths:
            continue
        width, times = widths.most_common(1)[0]
        hits = max((sum(words.fold(part) in names for part in record) for record in records[:40]), default=0)
        points = times / len(records) + 0.6 * hits + 0.01 * min(width, 20)
        if points > most:
            best, most = delimiter, points
    return best


def _parse(text: str, delimiter: str, quoting: bool = True) -> list[list[str]]:
    usual = csv.field_size_limit(2**31 - 1)  # the process's own, which others rely on
    try:
        reader = csv.reader(
            io.StringIO(text, newline=""),
            delimiter=delimiter,
            quoting=csv.QUOTE_MINIMAL if quoting else csv.QUOTE_NONE,
            skipinitialspace=True,
        )
        return list(reader)
    finally:
        csv.field_size_limit(usual)


def _records(text: str, delimiter: str) -> tuple[list[list[str]], bool]:
    """The records, and whether quotation marks were heeded: one that is never closed swallows the rest."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    records = _parse(text, delimiter)
    longest = max((part.count("\n") for record in records for part in record if "\n" in part), default=0)
    if longest > 50 and longest > text.count("\n") // 10:
        return _parse(text, delimiter, quoting=False), False
    if records and text.rstrip().count('"') % 2 and any(part.count("\n") > 1 for part in records[-1]):
        return _parse(text, delimiter, quoting=False), False
    return records, True


def _cell(text: str) -> Value:
    if text.startswith('="') and (found := _AS_TEXT.fullmatch(text.strip())):
        text = found[1]  # how programs keep Excel from dropping leading zeros
    value = tidy(text)
    if value is not None and is_error(value):
        return Fault(value)
    return None if value in _NOTHING else value
