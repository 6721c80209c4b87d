"""Reading layouts that are nothing but folders: where a picture lies is its label."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from app.datasets.types import Dataset, Item, Label, Mask, Split
from app.domain.errors import DatasetError
from app.pictures import find_pictures

_Candidates = Callable[[Path], list[Path]]


def read_plain(root: Path) -> Dataset:
    """Every picture of a folder as one of a good part."""
    pictures = tuple(_item(root, picture, "normal", "", None, None) for picture in find_pictures(root))
    return Dataset(root, "a folder of good parts", pictures)


def read_normal_anomaly(root: Path) -> Dataset:
    """A folder with normal/, anomaly/ (or anomaly/TYPE/) and masks/ as each is there."""
    masks = _Masks(root / "masks", lambda relative: [relative.with_suffix(".png")])
    defects = [
        (picture, picture.relative_to(root / "anomaly"), masks.of(picture.relative_to(root / "anomaly")))
        for picture in _pictures_in(root / "anomaly")
    ]
    anomalies = [
        _item(root, picture, "anomaly", relative.parts[0] if len(relative.parts) > 1 else "", None, mask)
        for picture, relative, mask in defects
    ]
    # normal/1.jpg and anomaly/1.jpg may both be there: masks/1.png then shows the defect of the second.
    masks.give_away()
    normals = [
        _item(root, picture, "normal", "", None, masks.of(picture.relative_to(root / "normal")))
        for picture in _pictures_in(root / "normal")
    ]
    masks.check_all_used()
    return Dataset(root, "folders normal and anomaly", (*normals, *anomalies))


def _pictures_in(folder: Path) -> Iterator[Path]:
    return find_pictures(folder) if folder.is_dir() else iter(())


def read_mvtec(root: Path) -> Dataset:
    """MVTec AD's layout: train/good, test/good, test/TYPE, ground_truth/TYPE."""
    items: list[Item] = []
    masks = _Masks(
        root / "ground_truth",
        lambda relative: [relative.with_name(f"{relative.stem}_mask.png"), relative.with_suffix(".png")],
    )
    splits: tuple[Split, ...] = ("train", "test")
    for split in splits:
        folder = root / split
        if not folder.is_dir():
            continue
        for picture in find_pictures(folder):
            relative = picture.relative_to(folder)
            if len(relative.parts) < 2:
                continue  # a picture outside every class folder has no label
            kind = relative.parts[0]
            label: Label = "normal" if kind == "good" else "anomaly"
            mask = masks.of(relative) if split == "test" else None
            items.append(_item(root, picture, label, "" if label == "normal" else kind, split, mask))
    masks.check_all_used()
    return Dataset(root, "MVTec AD", tuple(items))


def _item(root: Path, picture: Path, label: str, kind: str, split: Split | None, mask: Path | None) -> Item:
    known: Label = "normal" if label == "normal" else "anomaly"
    return Item(picture, picture.relative_to(root).as_posix(), known, kind, split, Mask(mask) if mask else None)


class _Masks:
    """The masks of a folder, each to be claimed by a picture."""

    def __init__(self, folder: Path, candidates: _Candidates) -> None:
        self._folder, self._candidates = folder, candidates
        # By the name with a small ending: ".PNG" is as good.
        self._all = {path.with_suffix(path.suffix.lower()): path for path in _pictures_in(folder)}
        self._unused = set(self._all.values())

    def of(self, relative: Path) -> Path | None:
        for candidate in self._candidates(relative):
            path = self._all.get(self._folder / candidate)
            if path is not None:
                self._unused.discard(path)
                return path
        return None

    def give_away(self) -> None:
        """What was claimed so far may not be claimed again."""
        self._all = {name: path for name, path in self._all.items() if path in self._unused}

    def check_all_used(self) -> None:
        if not self._unused:
            return
        first = min(self._unused)
        more = f" ({len(self._unused) - 1} more are like it)" if len(self._unused) > 1 else ""
        if first.suffix.lower() != ".png":
            raise DatasetError(
                f"The mask {first} is not a PNG{more}. Save masks as PNG: JPEG blurs the border of a defect."
            )
        missing = first.relative_to(self._folder).with_suffix("").as_posix()
        raise DatasetError(
            f"The mask {first} has no picture: none called {missing} was found among the pictures of "
            f"{self._folder.parent}{more}. Add the picture, or remove the mask."
        )
