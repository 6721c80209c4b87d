"""What a part is compared with when people look at it again: its own model, a good part, the training pictures."""

from __future__ import annotations

import logging
import math
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from app.datasets.library import Library
from app.domain.errors import LinesightError, PictureError
from app.domain.frame import Image
from app.domain.inspection import Inspection, ModelRef
from app.domain.labelling import Query
from app.domain.records import RecordQuery
from app.domain.review import Outline, Waiting
from app.domain.verdict import Verdict
from app.lifecycle.drift import Span
from app.lifecycle.feedback import library_folder
from app.lifecycle.queueing import drawn
from app.lifecycle.retraining import Material
from app.lifecycle.shelf import ModelShelf
from app.pictures import read_picture
from app.store import Store
from app.store.reviewing import Figures, Scored
from app.vision.detector import Detector

log = logging.getLogger(__name__)

_MEASURED = 30  # pictures a camera and week whose quality is measured
_AT_ONCE = 400  # pictures measured in one go: the rest follows in the next
_CHOICE = 40  # good pictures of a library among which the nearest is looked for
_SIDE = 32  # pixels of the small grey pictures that are compared
_MODELS = 2  # detectors kept in memory


@dataclass(frozen=True, slots=True, eq=False)
class Golden:
    """A good part: (H, W, 3) uint8 BGR, and what it is, in words."""

    picture: Image
    words: str


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """All that is shown of a part that waits.

    Attributes:
        picture: (H, W, 3) uint8 BGR; None where it is gone.
        golden: a good part to compare it with; None where there is none.
        heat, heat_box: the model's map, as in `Detection`; None where that model is not here any more.
        limit: from which on the map means a defect.
        outlines: the proposed mask.
        types: names of defect types, the one proposed first where there is one.
        proposed: the type the model names; "" for none.
        said: what was said before, in words; nothing for a blind opinion.
        place: (number of this part, of how many) today.
    """

    waiting: Waiting
    inspection: Inspection
    picture: Image | None
    golden: Golden | None
    heat: NDArray[np.float32] | None
    heat_box: tuple[float, float, float, float]
    limit: float
    outlines: tuple[Outline, ...]
    types: tuple[str, ...]
    proposed: str
    said: tuple[str, ...]
    place: tuple[int, int]


class Comparing:
    """Any thread; every method is slow."""

    def __init__(self, store: Store, shelf: ModelShelf, libraries: Path) -> None:
        self._store, self._shelf, self._libraries = store, shelf, libraries
        self._lock = threading.RLock()
        self._detectors: dict[str, Detector | None] = {}
        self._choices: dict[Path, tuple[float, list[tuple[Path, str, NDArray[np.float32]]]]] = {}

    # -- the model
    def detector(self, ref: ModelRef) -> Detector | None:
        """The very model that judged, if its file is still on the shelf."""
        with self._lock:
            if ref.sha256 not in self._detectors:
                while len(self._detectors) >= _MODELS:
                    self._detectors.pop(next(iter(self._detectors)))
                self._detectors[ref.sha256] = self._load(ref.sha256)
            return self._detectors[ref.sha256]

    def _load(self, sha256: str) -> Detector | None:
        for stored in self._shelf.all():
            if stored.ref.sha256 == sha256:
                try:
                    return self._shelf.load(str(stored.path))
                except LinesightError as error:
                    log.warning("%s", error)
        return None

    def learned(self, model: str) -> Material | None:
        """How many pictures a model learned from; None where it is not here."""
        try:
            training = self._shelf.find(model).description.training if model else None
        except LinesightError:
            return None
        if training is None:
            return None
        return Material(training.normals + training.defects, training.normals, training.defects)

    def types(self, inspection: Inspection) -> list[str]:
        """Defect types: those the model knows, then those of the product's library."""
        detector = self.detector(inspection.model) if inspection.model is not None else None
        found = [name for name in (detector.model.description.labels if detector else ()) if name != "anomaly"]
        folder = library_folder(self._libraries, inspection.product)
        if Library.is_library(folder):
            try:
                library = Library.open(folder, "")
                try:
                    found += [each.name for each in library.defect_types()]
                finally:
                    library.close()
            except LinesightError as error:
                log.warning("%s", error)
        return list(dict.fromkeys(found))

    # -- a good part
    def golden(self, inspection: Inspection, picture: Image | None) -> Golden | None:
        """The good picture of the product's library that is most like this one; else the model's golden part; else the
        part of the same camera that passed with the lowest score of late."""
        near = self._nearest(library_folder(self._libraries, inspection.product), picture)
        if near is not None:
            return near
        detector = self.detector(inspection.model) if inspection.model is not None else None
        fixture = detector.model.framing.fixture if detector is not None else None
        if fixture is not None:
            return Golden(fixture.golden.picture, "Golden part of the model")
        return self._best_pass(inspection)

    def _nearest(self, folder: Path, picture: Image | None) -> Golden | None:
        if not Library.is_library(folder):
            return None
        try:
            choice = self._choice(folder)
            if not choice:
                return None
            small = _small(picture) if picture is not None else None
            path, name, _ = min(
                choice, key=lambda each: float(np.abs(each[2] - small).mean()) if small is not None else 0
            )
            return Golden(read_picture(path), f"Good part: {name}")
        except (LinesightError, PictureError) as error:
            log.warning("%s", error)
            return None

    def _choice(self, folder: Path) -> list[tuple[Path, str, NDArray[np.float32]]]:
        stamp = max((path.stat().st_mtime for path in folder.glob("*") if path.is_file()), default=0.0)
        with self._lock:
            kept = self._choices.get(folder)
        if kept is not None and kept[0] == stamp:
            return kept[1]
        library = Library.open(folder, "")
        try:
            numbers = library.find(Query(labels=frozenset({"normal"})))[:_CHOICE]
            found = [
                (library.path(each.id), each.name, _small(library.thumbnail(each.id)))
                for each in library.pictures(numbers)
            ]
        finally:
            library.close()
        with self._lock:
            self._choices[folder] = (stamp, found)
        return found

    def _best_pass(self, inspection: Inspection) -> Golden | None:
        passed = self._store.search(RecordQuery(product=inspection.product, verdict=Verdict.PASS), 200)
        passed = [each for each in passed if each.source == inspection.source and each.image_path and each.score]
        for each in sorted(passed, key=lambda part: part.score or 0.0)[:5]:
            try:
                return Golden(
                    read_picture(self._store.image_file(each.image_path)), f"Part {each.part_id}, passed, lowest score"
                )
            except (LinesightError, PictureError):
                continue
        return None

    # -- picture quality
    def measure(self, scored: Sequence[Scored], week: Callable[[datetime], date]) -> None:
        """Measures pictures that were not measured yet, some of each camera's week, against the model that judged
        there last."""
        newest: dict[str, str] = {each.camera: each.sha256 for each in scored}
        groups: dict[tuple[str, date], list[Scored]] = defaultdict(list)
        for each in scored:
            if newest[each.camera] == each.sha256:
                groups[each.camera, week(each.captured_at)].append(each)
        wanted: dict[str, list[int]] = defaultdict(list)
        for (camera, _), parts in groups.items():
            rate = 2 * _MEASURED / len(parts)
            chosen = [each.seq for each in parts if drawn(str(each.seq), min(1.0, rate), "picture quality")]
            wanted[newest[camera]] += chosen[:_MEASURED]
        left = _AT_ONCE
        for sha256, seqs in wanted.items():
            known = self._store.reviewing.quality(sha256)
            todo = [seq for seq in seqs if seq not in known][:left]
            left -= len(todo)
            if todo:
                self._store.reviewing.add_quality(sha256, self._measured(sha256, todo))

    def _measured(self, sha256: str, seqs: Sequence[int]) -> dict[int, Figures]:
        detector = self.detector(ModelRef("", 0, sha256, ""))
        quality = detector.model.quality if detector is not None else None
        if quality is None:
            return {}
        found = {}
        for seq, path in self._store.reviewing.image_paths(seqs).items():
            try:
                figures = quality.measure(read_picture(self._store.image_file(path)))
            except (PictureError, LinesightError):
                continue
            sharpness = [each for each in (figures.sharpness_across, figures.sharpness_down) if each is not None]
            found[seq] = Figures(min(sharpness, default=None), figures.brightness, figures.blue, figures.red)
        return found

    def spans(self, sha256: str) -> dict[str, Span]:
        """Where pictures are refused by this model, as ratios to its training pictures."""
        detector = self.detector(ModelRef("", 0, sha256, ""))
        quality = detector.model.quality if detector is not None else None
        if quality is None:
            return {}
        spans = quality.description.spans
        # Sharpness is an amplitude, half of the logarithm of an energy; too sharp a picture is never refused.
        soft = math.exp(max((spans[way].low - spans[way].centre) / 2 for way in ("across", "down")))
        found = {"sharpness": Span(soft, None)}
        for name, low, high in (("brightness", "light", "brighter"), ("blue", "blue", "blue"), ("red", "red", "red")):
            found[name] = Span(math.exp(spans[low].low), math.exp(spans[high].high))
        return found


def _small(picture: Image) -> NDArray[np.float32]:
    """(32, 32) grey levels."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.float32)
