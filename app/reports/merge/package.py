"""The ZIP packages that .xlsx and .ods files are, read so that a hostile one can do no harm."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO
from xml.parsers import expat

from app.reports.merge.grid import SheetError

_MAX_PART = 2_000_000_000
_CHUNK = 1 << 18

Start = Callable[[str, dict[str, str]], None]
End = Callable[[str], None]


class Package:
    """A ZIP file whose parts are XML."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise _damaged(path, error) from error
        self.names = {name.lower().lstrip("/"): name for name in self._zip.namelist()}

    def __enter__(self) -> Package:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    def has(self, part: str) -> bool:
        return part.lower().lstrip("/") in self.names

    def parse(self, part: str, start: Start, end: End, text: Callable[[str], None] | None = None) -> None:
        """Streams one part through the handlers; names come without their namespace.

        Raises:
            SheetError: the part is missing, damaged, encrypted, far too large, or declares entities.
        """
        try:
            info = self._zip.getinfo(self.names[part.lower().lstrip("/")])
        except KeyError:
            raise SheetError(f"{self.path} is damaged: its part {part} is missing. Open and save it again.") from None
        if info.flag_bits & 1:
            raise SheetError(f"{self.path} is protected by a password. Save a copy without one.")
        if info.file_size > _MAX_PART:
            raise SheetError(f"{self.path} unpacks to more than 2 GB. Save a copy with only the rows that are used.")
        try:
            with self._zip.open(info) as stream:
                _stream(stream, start, end, text)
        except SheetError:
            raise
        except _Refused:
            raise SheetError(f"{self.path} declares a document type, which no spreadsheet program does.") from None
        except (expat.ExpatError, zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError) as error:
            raise _damaged(self.path, error) from error
        except Exception as error:
            if type(error).__module__ != "zlib":  # zlib.error is no subclass of anything more telling
                raise
            raise _damaged(self.path, error) from error


class _Refused(Exception):
    pass


def _stream(stream: IO[bytes], start: Start, end: End, text: Callable[[str], None] | None) -> None:
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def refuse(*_: object) -> None:
        raise _Refused  # entities that unfold, or that name files: the only use a document type has here

    def root(name: str, attributes: dict[str, str]) -> None:
        """Hands on the handlers as they are where names have no prefix, as in most .xlsx files: millions of calls."""
        prefixed = ":" in name
        local = _Local()
        parser.StartElementHandler = (lambda name, attributes: start(local[name], attributes)) if prefixed else start
        parser.EndElementHandler = (lambda name: end(local[name])) if prefixed else end
        start(local[name], attributes)

    parser.StartElementHandler = root
    parser.StartDoctypeDeclHandler = refuse
    if text is not None:
        parser.CharacterDataHandler = text
    while chunk := stream.read(_CHUNK):
        parser.Parse(chunk, False)
    parser.Parse(b"", True)


class _Local(dict[str, str]):
    """{name: the name without its prefix}."""

    def __missing__(self, name: str) -> str:
        self[name] = found = name.rpartition(":")[2]
        return found


def attribute(attributes: dict[str, str], name: str) -> str | None:
    """An attribute by its local name, whatever its namespace."""
    value = attributes.get(name)
    if value is not None:
        return value
    ending = f":{name}"
    return next((value for key, value in attributes.items() if key.endswith(ending)), None)


def _damaged(path: Path, error: Exception) -> SheetError:
    return SheetError(f"{path} is damaged and can't be read ({error}). Open it in a spreadsheet program and save it.")
