"""Layouts that are nothing but folders: normal/ and anomaly/TYPE/, and MVTec AD's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.datasets.exporting.names import Names
from app.datasets.exporting.prepare import Notes, Ready
from app.datasets.types import NAMELESS
from app.pictures import encode_png


class Folders:
    """A folder for each type.

    Args:
        reserved: names that mean something else in the layout.
    """

    def __init__(self, notes: Notes, reserved: tuple[str, ...] = ()) -> None:
        self._notes, self._names, self._of = notes, Names(), dict[str, str]()
        for name in reserved:
            self._names.free(name)

    def of(self, kind: str) -> str:
        if kind not in self._of:
            self._of[kind] = self._names.free(kind)
            if self._of[kind] != kind:
                self._notes.say("Types whose name can't be a folder's got another", f"{kind} is {self._of[kind]}")
        return self._of[kind]


def grey(area: NDArray[np.bool_]) -> bytes:
    """A mask's PNG: 255 where there is defect, 0 elsewhere."""
    return encode_png(area.astype(np.uint8) * np.uint8(255))


def write(path: Path, data: bytes) -> None:
    """Writes a file and, where they are missing, its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


class _InFolders:
    """What both layouts share: one type, no dates, nothing unlabelled."""

    sizes = False

    def __init__(self, folder: Path, notes: Notes, reserved: tuple[str, ...]) -> None:
        self._folder, self._notes = folder, notes
        self._kinds = Folders(notes, reserved)

    def _is_told(self, ready: Ready) -> bool:
        record = ready.record
        if record.label is None:
            self._notes.say(
                "Pictures that nobody labelled have no place in these folders and were left out", record.name
            )
            return False
        if record.added_at:
            self._notes.say("Folders can't tell when a picture was labelled", record.name)
        if len(ready.types) > 1:
            self._notes.say(
                "Folders tell one type of a picture: its first was kept, with the areas of all of them", record.name
            )
        return True

    def _area(self, ready: Ready) -> bytes | None:
        """All its types' pixels in one mask."""
        areas = list(ready.masks.values())
        return grey(np.logical_or.reduce(areas)) if areas else None

    def finish(self) -> list[str]:
        return []


class NormalAnomaly(_InFolders):
    """normal/, anomaly/TYPE/ (anomaly/ without a type) and masks/ alike."""

    def __init__(self, folder: Path, notes: Notes) -> None:
        super().__init__(folder, notes, ())
        (folder / "normal").mkdir()

    def add(self, ready: Ready) -> bool:
        if not self._is_told(ready):
            return False
        if ready.record.split:
            self._notes.say("These folders know no train and test split", ready.record.name)
        if ready.record.label == "normal":
            write(self._folder / "normal" / ready.file, ready.data)
            return True
        kind = self._kinds.of(ready.types[0]) if ready.types else "."
        write(self._folder / "anomaly" / kind / ready.file, ready.data)
        mask = self._area(ready)
        if mask is not None:
            write(self._folder / "masks" / kind / f"{ready.stem}.png", mask)
        return True


class MvtecAd(_InFolders):
    """train/good, test/good, test/TYPE and ground_truth/TYPE/NAME_mask.png; without a type, TYPE is `anomaly`."""

    def __init__(self, folder: Path, notes: Notes) -> None:
        super().__init__(folder, notes, ("good",))
        (folder / "train" / "good").mkdir(parents=True)

    def add(self, ready: Ready) -> bool:
        if not self._is_told(ready):
            return False
        record = ready.record
        if record.label == "normal":
            if record.split is None:
                self._notes.say("MVTec AD always has a split: good parts without one went to train", record.name)
            write(self._folder / (record.split or "train") / "good" / ready.file, ready.data)
            return True
        if record.split != "test":
            self._notes.say("MVTec AD has defects in its test part only: they went there", record.name)
        kind = self._kinds.of(ready.types[0] if ready.types else NAMELESS)
        write(self._folder / "test" / kind / ready.file, ready.data)
        mask = self._area(ready)
        if mask is not None:
            write(self._folder / "ground_truth" / kind / f"{ready.stem}_mask.png", mask)
        return True
