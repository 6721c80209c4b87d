"""What the lists of other programs refer to: files below a folder, and dates."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from app.domain.errors import DatasetError, LinesightError

_PNG = b"\x89PNG\r\n\x1a\n"
_MAX_JSON = 1 << 30
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# What JavaScript's Date.toString gives: Mon Aug 22 2022 13:52:52 GMT-0700 (Pacific Daylight Time)
_JAVASCRIPT = re.compile(
    r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d{1,2}) (\d{4}) (\d{2}):(\d{2}):(\d{2})"
    r"(?: (?:GMT|UTC)(?:([+-])(\d{2}):?(\d{2}))?)?"
)


class Unusable(ValueError):
    """Why one entry of a list can't be used."""


Resolve = Callable[[str], Path]
"""Gives the file of an s3:// reference; raises LinesightError where there is none."""


def local(reference: str, folder: Path, within: Path | None = None, resolve: Resolve | None = None) -> Path:
    """The file that a reference means: absolute, or below `folder`; it need not be there.

    Args:
        within: where a relative reference may lead; None: `folder`.
        resolve: for references to S3; without it they can't be used.

    Raises:
        Unusable: an address of the network, a name that no file can have, or a way out of the folder.
    """
    lowered = reference.lower()
    if lowered.startswith("s3://s3://"):
        raise Unusable(f"{reference} has s3:// twice")
    if lowered.startswith("s3://") and resolve is not None:
        try:
            return resolve(reference)
        except LinesightError as error:
            raise Unusable(str(error)) from error
    if lowered.startswith("s3://"):
        raise Unusable(f"{reference} lies in S3: download the dataset first and use relative references")
    if re.match(r"[a-z][a-z0-9+.-]+://", lowered):
        raise Unusable(f"{reference} is no file: download the dataset first and use relative references")
    path = _below(reference, folder, within or folder)
    if not path.exists() and "\\" in reference:  # written on Windows
        path = _below(reference.replace("\\", "/"), folder, within or folder)
    return path


def _below(reference: str, folder: Path, within: Path) -> Path:
    # By the words of the path, not by where links lead: data folders often consist of links.
    path = Path(os.path.normpath(folder / reference))
    if not Path(reference).is_absolute() and not path.is_relative_to(os.path.normpath(within)):
        raise Unusable(f"{reference} leads out of the {'manifest' if within == folder else 'dataset'}'s folder")
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass  # the caller says what is missing
    except OSError as error:
        raise Unusable(f"{reference} can't be read ({error.strerror or error})") from None
    except ValueError:  # a NUL, or half of a pair of surrogates
        raise Unusable(f"{reference!r} can't be the name of a file") from None
    return path


def local_mask(reference: str, folder: Path, within: Path | None = None, resolve: Resolve | None = None) -> Path:
    """The mask file that a reference means.

    Raises:
        Unusable: as `local`, and where it is missing or no PNG.
    """
    path = local(reference, folder, within, resolve)
    if not path.is_file():
        raise Unusable(f"the mask {path} does not exist")
    try:
        with path.open("rb") as file:
            is_png = file.read(len(_PNG)) == _PNG
    except OSError as error:
        raise Unusable(f"the mask {path} can't be read ({error.strerror or error})") from None
    if not is_png:
        raise Unusable(f"the mask {path} is not a PNG")
    return path


def date_of(value: object) -> datetime | None:
    """A date as manifests have it, in UTC: ISO 8601 (in UTC where it names no zone) or JavaScript's; else None."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    match = _JAVASCRIPT.match(text)
    if not match or match[1].lower() not in _MONTHS:
        return None
    hours, minutes = int(match[8] or 0), int(match[9] or 0)
    away = timedelta(hours=hours, minutes=minutes) * (-1 if match[7] == "-" else 1)
    month = _MONTHS.index(match[1].lower()) + 1
    try:
        clock = int(match[4]), int(match[5]), int(match[6])
        return datetime(int(match[3]), month, int(match[2]), *clock, tzinfo=timezone(away)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def json_of(path: Path) -> Any:
    """What a JSON file holds.

    Raises:
        DatasetError: not readable, too large, or no JSON; names the file and the place in it.
    """
    try:
        if path.stat().st_size > _MAX_JSON:
            raise DatasetError(f"{path} is larger than 1 GiB: split the list of pictures.")
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path} can't be read ({error.strerror or error}).") from error
    try:
        return json.loads(data.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise DatasetError(
            f"{path} is not valid JSON ({error.msg} at line {error.lineno}, column {error.colno}). "
            "Write it again, or correct it there."
        ) from None
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is not UTF-8 text ({error.reason} at byte {error.start + 1}).") from None
    except (ValueError, RecursionError):  # a number of thousands of digits, thousands of brackets
        raise DatasetError(f"{path} is no list of pictures (too deep, or a number too long).") from None
