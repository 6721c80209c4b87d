"""Photographs from a folder: when each was taken, which codes are in it, and the step each belongs to.

What is proposed is always shown for confirmation; nothing is answered here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import zxingcpp
from PIL import Image as Exif

from app.domain.errors import PictureError, SourceError
from app.domain.frame import Image
from app.domain.plan import PlanComponent
from app.pictures import decode_picture, find_pictures, natural_key, read_picture

MOST_PHOTOGRAPHS = 2000
BY_CODE, BY_NAME, BY_ORDER = "code", "name", "order"

_TAKEN, _OFFSET, _EXIF = 0x9003, 0x9011, 0x8769  # DateTimeOriginal, OffsetTimeOriginal (Exif 2.31)
_AHEAD = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Photograph:
    """One file, and the step it is proposed for.

    Attributes:
        taken_at: UTC; what the camera wrote into it, else the file's time.
        component: key of the step; "" for none.
        how: "code", "name" or "order"; "" without a step.
        words: why it has no step, or what to look at; "" where nothing is to be said.
    """

    path: Path
    name: str
    sha256: str
    taken_at: datetime
    codes: tuple[str, ...] = ()
    component: str = ""
    how: str = ""
    words: str = ""

    def picture(self) -> Image | None:
        """Slow: (H, W, 3) uint8 BGR; None where the file is gone."""
        try:
            return read_picture(self.path)
        except PictureError:
            return None


@dataclass(frozen=True, slots=True)
class Matched:
    """A folder's photographs in the order they were taken, and what can't be read."""

    photographs: tuple[Photograph, ...]
    unreadable: tuple[str, ...] = ()


def look_at(
    folder: Path,
    steps: Sequence[PlanComponent],
    *,
    zone: tzinfo,
    now: datetime,
    used: Collection[str] = (),
    step: Callable[[float, str], None] = lambda fraction, words: None,
) -> Matched:
    """Reads a folder (or one file) and proposes a step for each photograph.

    Args:
        steps: the open ones, in the plan's order.
        zone: of cameras that write no offset.
        used: SHA-256 of pictures that answered something already.
        step: told how far it is; what it raises ends the work.

    Raises:
        SourceError: no such folder, or nothing in it.
    """
    paths = _files(folder)
    found: list[Photograph] = []
    bad: list[str] = []
    for number, path in enumerate(paths):
        step(number / len(paths), f"Photograph {number + 1} of {len(paths)}")
        try:
            found.append(_read(path, folder, zone, now))
        except (PictureError, OSError) as error:
            bad.append(
                str(error) if isinstance(error, PictureError) else f"{path.name} can't be read: {error.strerror}."
            )
    found.sort(key=lambda each: (each.taken_at, natural_key(each.name)))
    return Matched(tuple(match(found, steps, used)), tuple(bad))


def match(
    photographs: Sequence[Photograph], steps: Sequence[PlanComponent], used: Collection[str] = ()
) -> list[Photograph]:
    """Proposes steps: by a code in the picture, by the file's name, and what is left by order of capture.

    A code and a name that contradict each other, and a second picture of a step, propose nothing and say so.
    """
    matched = []
    taken: set[str] = set()
    seen: set[str] = set()
    for each in photographs:
        if each.sha256 in used or each.sha256 in seen:
            same = "It answered a step already." if each.sha256 in used else "The same picture is here twice."
            matched.append(replace(each, words=same))
            continue
        seen.add(each.sha256)
        by_code = _one([key for code in each.codes for key in [_by_code(code, steps)] if key])
        by_name = _by_name(Path(each.name).stem, steps)
        if by_code and by_name and by_code != by_name:
            words = f"The code in it says {by_code}, its name says {by_name}."
            matched.append(replace(each, words=words))
            continue
        key, how = (by_code, BY_CODE) if by_code else (by_name, BY_NAME)
        if key and key in taken:
            matched.append(replace(each, words=f"Another picture of {key} is proposed already."))
        elif key:
            taken.add(key)
            matched.append(replace(each, component=key, how=how))
        else:
            matched.append(each)
    return _by_order(matched, [each.key for each in steps if each.key not in taken])


def _by_order(matched: list[Photograph], left: list[str]) -> list[Photograph]:
    waiting = [number for number, each in enumerate(matched) if not each.component and not each.words]
    same = len(waiting) == len(left)
    words = "" if same else f"By order only: pictures left {len(waiting)}, open steps left {len(left)}."
    for number, key in zip(waiting, left, strict=False):
        matched[number] = replace(matched[number], component=key, how=BY_ORDER, words=words)
    for number in waiting[len(left) :]:
        matched[number] = replace(matched[number], words="No step is left for it.")
    return matched


def _one(keys: list[str]) -> str:
    return keys[0] if len(set(keys)) == 1 else ""


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text.casefold()).strip()


def _by_code(code: str, steps: Sequence[PlanComponent]) -> str:
    return _one([each.key for each in steps if _plain(code) in (_plain(each.key), _plain(each.name))])


def _by_name(stem: str, steps: Sequence[PlanComponent]) -> str:
    """The step whose short name or name stands in the file's name as whole words; the longest, where several do."""
    name = f" {_plain(stem)} "
    fitting = [
        (len(word), each.key)
        for each in steps
        for word in {_plain(each.key), _plain(each.name)}
        if word and f" {word} " in name
    ]
    longest = max((length for length, _ in fitting), default=0)
    return _one([key for length, key in fitting if length == longest])


def _files(folder: Path) -> list[Path]:
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise SourceError(f"There is no folder {folder}. Connect the tablet, or choose another folder.")
    try:
        paths = list(find_pictures(folder, lambda path, error: None))
    except OSError as error:
        raise SourceError(f"The folder {folder} can't be read ({error.strerror or error}).") from error
    if not paths:
        raise SourceError(f"There is no picture in {folder}. Choose the folder with the photographs.")
    if len(paths) > MOST_PHOTOGRAPHS:
        raise SourceError(f"{folder} holds {len(paths)} pictures. Choose a folder with this round's alone.")
    return paths


def _read(path: Path, folder: Path, zone: tzinfo, now: datetime) -> Photograph:
    data = path.read_bytes()
    picture = decode_picture(data, name=path.name)
    name = path.name if folder.is_file() else path.relative_to(folder).as_posix()
    sha256 = hashlib.sha256(data).hexdigest()
    return Photograph(path, name, sha256, taken_at(path, zone, now), codes_in(picture))


def codes_in(picture: Image) -> tuple[str, ...]:
    """The texts of barcodes and QR codes in an (H, W, 3) uint8 BGR picture."""
    return tuple(dict.fromkeys(each.text for each in zxingcpp.read_barcodes(picture) if each.text))


def taken_at(path: Path, zone: tzinfo, now: datetime) -> datetime:
    """When the camera says it took the picture, UTC; the file's time where it says nothing that can be true."""
    moment = _exif_moment(path, zone)
    if moment is None or moment > now + _AHEAD:
        moment = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return min(moment, now)


def _exif_moment(path: Path, zone: tzinfo) -> datetime | None:
    try:
        with Exif.open(path) as opened:
            told = opened.getexif().get_ifd(_EXIF)
        at = datetime.strptime(str(told[_TAKEN]).strip("\x00 "), "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007 - zone follows
        offset = str(told.get(_OFFSET, "")).strip("\x00 ")
        if re.fullmatch(r"[+-][0-9]{2}:[0-9]{2}", offset):
            return datetime.fromisoformat(f"{at.isoformat()}{offset}").astimezone(UTC)
        return at.replace(tzinfo=zone).astimezone(UTC)
    except Exception:  # noqa: BLE001 - a camera may write anything there, and the file's time is left
        return None
