"""Known defects and unknown ones, joined: one score and one map from the defect head and the memory bank.

The head's word and the bank's are joined by `Fusion`, whose weights are none of them negative; beside that the bank
keeps its own alarm: where it lies farther out than good parts ever do, the part fails whatever the head says, since
a new kind of defect is one nobody has labelled.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from app.vision.head import DefectHead, Evidence, HeadDescription, HeadMaps
from app.vision.head_fusion import Fusion, FusionDescription
from app.vision.look import without_smear
from app.vision.parts import Arrays, Described
from app.vision.regions import Kinds

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

HIGHEST = 8.0
"""Natural logarithm of a score: far beyond every limit."""

PER_ODDS = 0.15
"""Natural logarithm of the map a unit of log-odds."""

STEEP = 4
"""Power of the bank's word in the map: where it does not reach its limit, it hardly counts."""


CALM = -4.0
"""Log-odds that cells have at most where nothing is looked at."""


class KnownDescription(Described):
    """Fields as in `Known`."""

    head: HeadDescription
    fusion: FusionDescription
    gain: float = Field(gt=0, le=1e3)
    level: float = Field(ge=-1e6, le=1e6)
    far: float = Field(gt=0, le=1e6)


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """A picture as the memory bank sees it.

    Attributes:
        evidence: what a defect head looks at; None where there is none.
        views: scores by the bank's views.
        bank: score of the bank.
    """

    evidence: Evidence | None
    views: tuple[float, ...]
    bank: float


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What labelled defects have taught.

    Attributes:
        gain, level: a joined value v of `fusion` is the score exp(gain * (v - level)).
        far: score of the bank alone that no good part reaches.
    """

    head: DefectHead
    fusion: Fusion
    gain: float
    level: float
    far: float

    def scores(self, fused: NDArray[np.floating], bank: NDArray[np.floating]) -> NDArray[np.float64]:
        """(n,) scores of (n,) joined values and (n,) scores of the bank alone."""
        joined = np.exp(np.clip(self.gain * (fused - self.level), -HIGHEST, HIGHEST))
        return np.asarray(np.maximum(joined, np.asarray(bank, np.float64) / self.far), np.float64)

    def judge(
        self,
        evidence: Evidence,
        views: Sequence[float],
        bank: float,
        heat: Array,
        looked: Mask | None = None,
        limit: float = math.inf,
    ) -> tuple[float, Array, Kinds]:
        """
        Args:
            views: scores by the bank's views.
            bank, heat: score and heat map of the bank alone.
            looked: of the fine grid, True where what is seen is evidence; None: everywhere. The heat map is left as it
                is outside.
            limit: of distances, beyond which a cell is unlike good parts.

        Returns:
            Score, heat map at the same size on the scale of the score, and the kinds of its cells.
        """
        maps = self.head.maps(evidence) if looked is None else self._maps_in(evidence, looked, limit)
        fused = self.fusion.score(np.array([views]), np.array([maps.scores(looked)]))
        score = float(self.scores(fused, np.array([bank]))[0])
        return score, self._map(maps, heat), self._kinds(maps, heat.shape)

    def _maps_in(self, evidence: Evidence, looked: Mask, limit: float) -> HeadMaps:
        """The head's word of some cells. The others stay in the means over surroundings, rows and columns, which the
        head was taught with, but for those that are unlike good parts."""
        whole = self.head.maps(evidence)
        good = (evidence.distances <= limit) & (whole.alarm <= 0) & (whole.outline <= 0)
        maps = self.head.maps(_tamed(evidence, looked, self.head.usual), looked | good)
        # Odds are even where a defect may begin: what lies above is what can smear.
        alarm, *kinds = (
            np.where(looked, without_smear(np.where(looked, inside, outside), looked, 0.0), np.minimum(outside, CALM))
            for inside, outside in zip((maps.alarm, *maps.kinds), (whole.alarm, *whole.kinds), strict=True)
        )
        return HeadMaps(np.asarray(alarm, np.float32), np.asarray(np.stack(kinds), np.float32))

    def _kinds(self, maps: HeadMaps, shape: tuple[int, ...]) -> Kinds:
        """Cells of the heat map (rows, columns) = shape, from the cells of the head's coarser grid."""
        index = np.argmax(maps.kinds + self.head.naming[:, None, None], axis=0).astype(np.int16)
        index[maps.outline <= 0] = -1
        finer = cv2.resize(index, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST)
        return Kinds(self.head.kinds, np.asarray(finer, np.int16))

    def _map(self, maps: HeadMaps, heat: Array) -> Array:
        rows, columns = heat.shape
        outline = np.asarray(cv2.resize(maps.outline, (columns, rows), interpolation=cv2.INTER_LINEAR), np.float32)
        # Even odds of a defect are where the outline lies, so that is 1 here as well.
        odds = np.exp(np.clip(np.float32(PER_ODDS) * outline, -HIGHEST, HIGHEST))
        # Where neither reaches its limit, the head, which has seen defects, tells better what is likelier.
        return np.asarray(np.maximum(odds, (heat / np.float32(self.far)) ** STEEP), np.float32)

    def to_parts(self) -> tuple[KnownDescription, Arrays]:
        """The description, and the arrays of head and fusion with `head.` and `fusion.` before their names."""
        head, fusion = self.head.to_parts(), self.fusion.to_parts()
        arrays = {f"head.{name}": array for name, array in head[1].items()}
        arrays |= {f"fusion.{name}": array for name, array in fusion[1].items()}
        described = KnownDescription(head=head[0], fusion=fusion[0], gain=self.gain, level=self.level, far=self.far)
        return described, arrays

    @classmethod
    def from_parts(cls, description: KnownDescription, head: Arrays, fusion: Arrays) -> Known:
        """Raises ModelError where arrays and description do not fit."""
        return cls(
            DefectHead.from_parts(description.head, head),
            Fusion.from_parts(description.fusion, fusion),
            description.gain,
            description.level,
            description.far,
        )


def _tamed(evidence: Evidence, looked: Mask, usual: Array) -> Evidence:
    """The evidence with usual distances where nothing is looked at, since they are averaged over surroundings."""
    coarse = evidence.coarse_distances
    if coarse is not None:
        shape = coarse.shape[1], coarse.shape[0]
        wide = np.asarray(cv2.resize(looked.astype(np.float32), shape, interpolation=cv2.INTER_AREA)) >= _HALF
        coarse = np.where(wide, coarse, np.minimum(coarse, usual[1]))
    fine = np.where(looked, evidence.distances, np.minimum(evidence.distances, usual[0]))
    return replace(evidence, distances=fine, coarse_distances=coarse)


_HALF = 0.5
