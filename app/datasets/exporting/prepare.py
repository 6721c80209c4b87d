"""What every layout needs of a picture before it is written: its bytes, size, types and masks."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.datasets.exporting.names import Names, picture_name
from app.datasets.types import NAMELESS, Labelled, Masks
from app.domain.errors import DatasetError, LinesightError, PictureError
from app.pictures import decode_picture


class Notes:
    """What a layout can't carry, told once for all pictures it happened to."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}

    def say(self, words: str, name: str) -> None:
        """Args:
        words: what became of the picture `name`, as a sentence without an end.
        """
        self._found.setdefault(words, []).append(name)

    def told(self) -> tuple[str, ...]:
        return tuple(
            f"{words}: {names[0]}." if len(names) == 1 else f"{words}: {len(names):,} pictures, the first {names[0]}."
            for words, names in self._found.items()
        )


@dataclass(frozen=True, slots=True)
class Ready:
    """A picture to be written.

    Attributes:
        stem, ending: of its file, which no other picture of the export has.
        size: (width, height); None where nothing asked for it.
        masks: areas of its types that are not empty.
        types: those it was given, then others that its masks show; without `NAMELESS`.
    """

    record: Labelled
    stem: str
    ending: str
    data: bytes
    size: tuple[int, int] | None
    masks: Masks
    types: tuple[str, ...]

    @property
    def file(self) -> str:
        return self.stem + self.ending


class Preparing:
    """Reads pictures one after another; those that can't be used are named in `problems`.

    Args:
        sizes: every picture's size is needed.
    """

    def __init__(self, records: Sequence[Labelled], notes: Notes, *, sizes: bool) -> None:
        self._records, self._notes, self._sizes = records, notes, sizes
        self._names = Names()
        self.problems: list[str] = []

    def __iter__(self) -> Iterator[Ready | None]:
        """Each picture, None in place of one that can't be used."""
        for record in self._records:
            try:
                yield self._ready(record)
            except PictureError as why:
                self.problems.append(f"{record.name} is left out: {why}")
                yield None

    def _ready(self, record: Labelled) -> Ready:
        data = _bytes_of(record.path)
        size: tuple[int, int] | None = None
        masks: Masks = {}
        if self._sizes or record.masks:
            height, width = decode_picture(data, str(record.path)).shape[:2]
            size = (width, height)
            if record.masks:
                masks = self._masks(record, size)
        named = (kind for kind in (*record.types, *masks) if kind and kind != NAMELESS)
        stem, ending = picture_name(record.name, record.path.suffix, data)
        return Ready(record, self._names.free(stem), ending, data, size, masks, tuple(dict.fromkeys(named)))

    def _masks(self, record: Labelled, size: tuple[int, int]) -> Masks:
        assert record.masks is not None
        try:
            areas = record.masks(size)
        except LinesightError as why:
            # The label is worth keeping; the mask can't be told.
            self.problems.append(f"{record.name} is exported without its mask: {why}")
            return {}
        for kind, area in areas.items():
            if area.shape != (size[1], size[0]):
                raise DatasetError(
                    f"The mask of {record.name}, type {kind}, is {area.shape[1]} x {area.shape[0]} pixels, but its "
                    f"picture is {size[0]} x {size[1]}."
                )
        found = {kind or NAMELESS: area for kind, area in areas.items() if area.any()}
        if record.label == "anomaly" and not found:
            self._notes.say("An empty mask says nothing of a defect and was left out", record.name)
        if record.label == "normal" and found:
            self._notes.say("Defects drawn on a part that is called normal were left out", record.name)
            return {}
        return found


def _bytes_of(path: Path) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # reading a pipe or a device might never end
            raise PictureError(f"{path} is no file.")
        return path.read_bytes()
    except FileNotFoundError:
        raise PictureError(f"{path} does not exist any more.") from None
    except OSError as error:
        raise PictureError(f"{path} can't be read ({error.strerror or error}).") from error
