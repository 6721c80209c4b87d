"""What the checkpoints say of a picture: each on its own, all through one pass of the network."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.checkpoint import DIFFERENT, OK, TURNED, UNSURE, WRONG, CheckpointAnswer
from app.domain.frame import Image
from app.vision.bank_graph import BankGraph
from app.vision.checkpoints.checkpoint import Checkpoint, Turn, pooled
from app.vision.checkpoints.naming import described
from app.vision.checkpoints.place import UPRIGHT, Cutter, Matrix, Size
from app.vision.geometry import Target
from app.vision.graph import Network, ViewGraph

Array = NDArray[np.float32]

SHIFT = 0.06
"""Of the place's shorter side: what a crop that is not ok is shifted by, in eight directions. A part that has not come
to rest in its place by a few pixels is no defect."""

_SEEN = 0.9  # share of a place that the picture has to show
_FITS, _BETTER = 1.25, 0.75
"""A turned crop, or one compared with another checkpoint's, explains what is wrong where its score is at most _FITS
and at most _BETTER times the one as it is."""

_SURELY = 0.5  # distance to a labelled example over that to the good ones: the label stands whatever else fits
_WORDS: dict[Turn, str] = {
    "90": "turned by 90 degrees clockwise",
    "180": "turned by 180 degrees",
    "270": "turned by 90 degrees anticlockwise",
    "across": "mirrored",
    "down": "mirrored",
}
AT_ONCE = 8
"""Crops that a graph takes in one pass (`app.vision.graph`)."""

SHIFTS = tuple((across, down) for across in (-SHIFT, 0.0, SHIFT) for down in (-SHIFT, 0.0, SHIFT) if across or down)


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Where the frame that the places are drawn in lies in a picture.

    Attributes:
        matrix: (2, 3), pixels of the picture to pixels of the frame.
        frame: size of the frame.
        failed: why the part was not found, or empty.
    """

    matrix: Matrix
    frame: Size
    failed: str = ""

    @classmethod
    def as_it_lies(cls, picture: Image, frame: Size | None = None, failed: str = "") -> Found:
        """The frame is the picture, or was scaled to it."""
        size = picture.shape[1], picture.shape[0]
        if frame is None or frame == size:
            return cls(UPRIGHT, size, failed)
        scale = frame[0] / size[0], frame[1] / size[1]
        matrix = np.array([[scale[0], 0, (scale[0] - 1) / 2], [0, scale[1], (scale[1] - 1) / 2]], np.float64)
        return cls(matrix, frame, failed)


class Eyes:
    """The network on crops; any thread may look."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._lock = threading.Lock()
        self._graphs: dict[tuple[int, int], ViewGraph] = {}

    def look(self, crops: Sequence[Image]) -> list[Array]:
        """(cells, C) float32 of each crop; crops of one size go through in one batch."""
        by_size: dict[tuple[int, int], list[int]] = {}
        for number, crop in enumerate(crops):
            by_size.setdefault((crop.shape[0], crop.shape[1]), []).append(number)
        found: dict[int, Array] = {}
        for size, numbers in by_size.items():
            features = self._graph(size).run(np.stack([crops[number] for number in numbers]))[0]
            assert features is not None
            cells = len(features) // len(numbers)
            for at, number in enumerate(numbers):
                found[number] = features[at * cells : (at + 1) * cells]
        return [found[number] for number in range(len(crops))]

    def prepare(self, canvases: Sequence[Target]) -> None:
        """Compiles for a picture's crops now."""
        for canvas in set(canvases):
            count = min(AT_ONCE, canvases.count(canvas))
            self._graph((canvas.height, canvas.width)).prepare((count, canvas.height, canvas.width, 3))

    def _graph(self, size: tuple[int, int]) -> ViewGraph:
        # One for each size: a graph that is given sizes in turn can't settle on any.
        with self._lock:
            if size not in self._graphs:
                self._graphs[size] = ViewGraph(self.network, 1, None, features=True)
            return self._graphs[size]


class CheckpointJudge:
    """The checkpoints of a model; any thread may ask."""

    def __init__(self, network: Network, checkpoints: Sequence[Checkpoint], frame: Size | None) -> None:
        """
        Args:
            frame: size of the golden's picture; None where places are shares of the picture itself.
        """
        self._eyes, self._checkpoints, self.frame = Eyes(network), tuple(checkpoints), frame
        self._local = threading.local()

    def prepare(self) -> None:
        """Compiles for the next picture now."""
        self._eyes.prepare([each.canvas for each in self._checkpoints])

    def judge(self, picture: Image, found: Found) -> tuple[CheckpointAnswer, ...]:
        """What each says of an (H, W, 3) uint8 BGR picture in which the frame was found there."""
        size = picture.shape[1], picture.shape[0]
        cutters = [Cutter.of(each.place, each.canvas, found.frame) for each in self._checkpoints]
        shown = [number for number, cutter in enumerate(cutters) if self._unseen(cutter, size, found) == ""]
        features = self._eyes.look([cutters[number].cut(picture, found.matrix) for number in shown])
        seen = dict(zip(shown, features, strict=True))
        answers = []
        for number, cutter in enumerate(cutters):
            box = cutter.box(size, found.matrix)
            if number not in seen:
                words = f"not seen, {self._unseen(cutter, size, found)}"
                answers.append(self._answer(number, UNSURE, None, words, box))
            else:
                answers.append(self._answer(number, *self._state(number, cutter, seen[number], picture, found), box))
        return tuple(answers)

    def _unseen(self, cutter: Cutter, size: Size, found: Found) -> str:
        """Why a place is not seen, or empty."""
        if found.failed:
            return found.failed
        return "" if cutter.seen(size, found.matrix) >= _SEEN else "it lies outside the picture"

    def _state(
        self, number: int, cutter: Cutter, features: Array, picture: Image, found: Found
    ) -> tuple[str, float, str]:
        """State, score and words of one checkpoint, from the features of its crop."""
        own = self._checkpoints[number]
        score = self.scores(number, cutter, [features])[0]
        if score < own.retest_from:
            return OK, score, OK
        shifts = ((0.0, 0.0), *SHIFTS)
        crops = [cutter.cut(picture, found.matrix, shift) for shift in shifts]
        near = [features, *self._eyes.look(crops[1:])]
        scores = self.scores(number, cutter, near)
        best = int(np.argmin(scores))
        score, features = scores[best], near[best]
        if score < own.retest_from:
            return OK, score, OK
        if score < 1:
            return UNSURE, score, f"close to the limit, {_below_one(score)} of 1"
        state, words = self._why(number, cutter, features, near, crops, score)
        return state, score, words

    def scores(self, number: int, cutter: Cutter, crops: Sequence[Array], bank_of: int | None = None) -> list[float]:
        """The scores of crops by their features: 1 is the limit.

        Args:
            bank_of: whose memory is asked, and nothing else than the memory; None: the checkpoint's own.
        """
        inside, where = cutter.cells(self._eyes.network.stride)
        asked = number if bank_of is None else bank_of
        own = self._checkpoints[asked]
        distances = self._bank(asked).run(np.concatenate(crops), np.tile(where, (len(crops), 1)))
        found = [pooled(each, inside) / own.limit for each in distances.reshape(len(crops), -1)]
        if own.naming is None or bank_of is not None:
            return found
        factors = [own.naming.factor(described(each, inside, where, own.bank)) for each in crops]
        return [score * factor for score, factor in zip(found, factors, strict=True)]

    def _why(
        self,
        number: int,
        cutter: Cutter,
        features: Array,
        near: Sequence[Array],
        crops: Sequence[Image],
        score: float,
    ) -> tuple[str, str]:
        """State and words of a crop that is not ok.

        Args:
            features: of the crop with that `score`, the best of `near`, which are those of `crops`.
        """
        own = self._checkpoints[number]
        label, like = "", 1.0
        if own.naming is not None:
            label, like = own.naming.name(described(features, *cutter.cells(self._eyes.network.stride), own.bank))
        limit = min(_FITS, _BETTER * score)
        explained = min(
            [*self._turned(number, cutter, crops, limit), *self._others(number, cutter, near)], default=None
        )
        if explained is not None and explained[0] <= limit:
            state, words = explained[1:]
            if not label or state == label or like > _SURELY:
                return state, words
        return (label, label) if label else (DIFFERENT, "different from the good ones")

    def _turned(
        self, number: int, cutter: Cutter, crops: Sequence[Image], limit: float
    ) -> list[tuple[float, str, str]]:
        """Score, state and words of the turn in which the place is likest to good ones; shifted as well where it is
        not like enough as it lies, since turning doubles how far it lies beside its middle."""
        turns = self._checkpoints[number].turns
        if not turns:
            return []
        looked = self._eyes.look([cutter.turned(crops[0], turn) for turn in turns])
        score, best = min(zip(self.scores(number, cutter, looked, number), turns, strict=True))
        if score > limit:
            looked = self._eyes.look([cutter.turned(crop, best) for crop in crops[1:]])
            score = min(score, *self.scores(number, cutter, looked, number))
        words = _WORDS[best]
        if best == "90" and "270" not in turns:  # it looks the same when turned by half a turn
            words = "turned by 90 degrees"
        return [(score, TURNED, words)]

    def _others(self, number: int, cutter: Cutter, near: Sequence[Array]) -> list[tuple[float, str, str]]:
        """Score, state and words of each other checkpoint that this one can be told apart from."""
        return [
            (
                min(self.scores(number, cutter, near, other)),
                WRONG,
                f"wrong kind, like {self._checkpoints[other].name}",
            )
            for other in self._checkpoints[number].others
        ]

    def _bank(self, number: int) -> BankGraph:
        # A request belongs to one thread at a time.
        banks: dict[int, BankGraph] = self._local.__dict__.setdefault("banks", {})
        if number not in banks:
            banks[number] = BankGraph(self._checkpoints[number].bank)
        return banks[number]

    def _answer(
        self, number: int, state: str, score: float | None, words: str, box: tuple[int, int, int, int]
    ) -> CheckpointAnswer:
        name = self._checkpoints[number].name
        return CheckpointAnswer(name, state, score, 1.0, *box, f"{name}: {words}")


def _below_one(score: float) -> str:
    """As many digits as it takes to be true when read."""
    return next((text for text in (f"{score:.2f}", f"{score:.3f}") if not text.startswith("1")), f"{score:.5f}")
