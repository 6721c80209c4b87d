"""File names that every system takes and that do not meet."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

from app.pictures import SUFFIXES

_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\ud800-\udfff]')
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)
_LONGEST = 100
_SIGNATURES = ((b"\x89PNG", ".png"), (b"\xff\xd8\xff", ".jpg"), (b"BM", ".bmp"), (b"II", ".tif"), (b"MM", ".tif"))


class Names:
    """Gives each name once; what would be another name on no system but this one counts as the same."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def free(self, name: str) -> str:
        """`name`, made safe and, where it is taken, with a number behind it."""
        safe = _safe(name)
        found, number = safe, 1
        while (key := unicodedata.normalize("NFC", found).casefold()) in self._taken:
            number += 1
            found = f"{safe}-{number}"
        self._taken.add(key)
        return found


def picture_name(name: str, suffix: str, data: bytes) -> tuple[str, str]:
    """Stem and ending of the file for a picture that people call `name`.

    Args:
        suffix: ending of the file it comes from.
        data: its bytes, which tell the ending where neither does.
    """
    last = PurePosixPath(name.replace("\\", "/")).name
    stem, dot, ending = last.rpartition(".")
    if stem and f"{dot}{ending}".lower() in SUFFIXES:
        return stem, f"{dot}{ending}"
    if suffix.lower() not in SUFFIXES:
        suffix = next((ending for begin, ending in _SIGNATURES if data.startswith(begin)), ".webp")
    return last, suffix


def _safe(name: str) -> str:
    safe = _FORBIDDEN.sub("_", unicodedata.normalize("NFC", name)).strip(" .")
    while len(safe.encode("utf-8")) > _LONGEST:
        safe = safe[:-1]
    # A name that begins with "." is hidden, and "CON.png" is no file on Windows.
    return f"_{safe}" if not safe or _DEVICE.match(safe) else safe.rstrip(" .") or "_"
