"""Recognising a dataset's layout and reading its labels: no picture is decoded here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from app.datasets.library.schema import DATABASE
from app.datasets.library.snapshots import SUFFIX as SNAPSHOT
from app.datasets.library.snapshots import library_dataset, read_snapshot
from app.datasets.manifest import MANIFEST_SUFFIXES, read_manifest
from app.datasets.types import Dataset, Item, Label, Mask, Split
from app.domain.errors import DatasetError
from app.pictures import find_pictures, is_picture_name

_Candidates = Callable[[Path], list[Path]]

LAYOUTS = (
    "a folder with normal/ and, if there are any, anomaly/ (or anomaly/TYPE/) and masks/; "
    "a folder in MVTec AD's layout (train/good, test/..., ground_truth/...); "
    "a Lookout for Vision manifest (.manifest or .jsonl); or a library of the labelling workspace, or its snapshot"
)


def read_dataset(path: Path, *, plain_is_normal: bool = False) -> Dataset:
    """Reads folders with normal/ and anomaly/, MVTec AD's layout, or a Lookout for Vision manifest.

    Args:
        plain_is_normal: takes a folder of pictures without any such layout for pictures of good parts,
            where a person was asked for just that.

    Raises:
        DatasetError: nothing usable there, or masks without pictures; names files and the way out.
    """
    try:
        if path.is_dir() and (path / DATABASE).is_file():
            dataset = library_dataset(path)
        elif path.suffix == SNAPSHOT and path.is_file():
            dataset = read_snapshot(path).dataset(path)
        elif path.is_file():
            if path.suffix.lower() not in MANIFEST_SUFFIXES:
                raise DatasetError(f"{path} is a file that is no manifest. A dataset is {LAYOUTS}.")
            dataset = read_manifest(path)
        elif path.is_dir():
            dataset = _read_folder(path, plain_is_normal)
        else:
            raise DatasetError(f"The dataset {path} does not exist. Correct the path.")
    except OSError as error:
        where = error.filename or path
        raise DatasetError(f"The dataset {path} can't be read ({where}: {error.strerror or error}).") from error
    if not dataset.items:
        first = f" The first problem: {dataset.problems[0]}" if dataset.problems else ""
        raise DatasetError(f"The dataset {path} holds no usable picture.{first}")
    return dataset


def _read_folder(root: Path, plain_is_normal: bool) -> Dataset:
    if (root / "normal").is_dir() or (root / "anomaly").is_dir():
        return _normal_anomaly(root)
    if (root / "train" / "good").is_dir() or (root / "test" / "good").is_dir():
        return _mvtec(root)
    manifests = [entry for entry in sorted(root.iterdir()) if entry.suffix.lower() in MANIFEST_SUFFIXES]
    if len(manifests) == 1:
        return read_manifest(manifests[0])
    if len(manifests) > 1:
        names = ", ".join(entry.name for entry in manifests)
        raise DatasetError(f"The folder {root} holds several manifests ({names}): name one of them.")
    if plain_is_normal:
        pictures = tuple(_item(root, picture, "normal", "", None, None) for picture in find_pictures(root))
        return Dataset(root, "a folder of good parts", pictures)
    hint = ""
    if any(is_picture_name(entry) for entry in root.iterdir()):
        hint = f" If these pictures are all good parts, move them into {root / 'normal'}."
    raise DatasetError(f"The folder {root} is no dataset: it has no folder normal/. A dataset is {LAYOUTS}.{hint}")


def _normal_anomaly(root: Path) -> Dataset:
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


def _mvtec(root: Path) -> Dataset:
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
