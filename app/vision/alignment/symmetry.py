"""Parts that look nearly the same when they are turned: a disc with a notch, a plate with one odd hole.

Most of their edges agree in the wrong turn as well. The few that tell the turns apart decide alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from app.vision.alignment.edges import Field, Floats, Matrix, Points, after
from app.vision.alignment.fit import agreements, moved, pose, turn_of, turned

LIKE = 0.4
"""Agreement of the golden part with itself in another turn from which that turn can be mistaken for the right one."""

ROUND = 0.6
"""Agreement with itself that a part keeps in nine of ten turns: it is round, but for what tells the turns apart."""

SAME = 0.9
"""Agreement with itself in another turn from which the part is the same there."""

_STEP = 1  # degree: the rim of a part as wide as the picture moves by three pixels
_APART = 15.0  # degrees
_APART_PIXELS = 6.0  # a smaller turn is not another one but the same, a little off
_COMMON = 0.5  # agreement in nine of ten such turns above which an edge tells nothing
_FEWEST, _SHARE = 6.0, 0.01  # points, and share of all: fewer tell nothing, the part is truly symmetric
_MOST = 150  # points compared in each turn
_SEEN = 0.5  # agreement of the telling points that makes another turn worth a closer look


@dataclass(frozen=True, slots=True, eq=False)
class Symmetry:
    """Turns that can be mistaken, and the points that tell.

    Attributes:
        turns: about the hub, each as a map of the golden's pixels at work size.
        telling: the fine level's points that are different in most of those turns; None where the part is the same in
            all of them (a square plate).
    """

    turns: list[Matrix]
    telling: Points | None

    def told(self, field: Field, matrix: Matrix) -> float:
        """0..1: agreement of the telling points in a pose (golden to picture, work size); 1 where nothing tells."""
        return 1.0 if self.telling is None else float(_told(field, self.telling, [matrix])[0])

    def others(self, field: Field, matrix: Matrix, most: int = 2) -> list[Matrix]:
        """The poses turned against `matrix` in which the telling points agree, best first; where nothing tells, the
        one that turns the part least, if that is another."""
        poses = [after(matrix, turn) for turn in self.turns]
        if self.telling is None:
            least = min(poses, key=lambda other: abs(turn_of(other)))
            return [least] if abs(turn_of(least)) < abs(turn_of(matrix)) else []
        scores = _told(field, self.telling, poses)
        kept: list[int] = []
        for number in np.argsort(-scores, kind="stable"):
            if scores[number] < _SEEN or len(kept) == most:
                break
            # Neighbouring turns would be refined to the same pose.
            if all(abs(int(number) - other) > _APART / _STEP for other in kept):
                kept.append(int(number))
        return [poses[number] for number in kept]


def _told(field: Field, telling: Points, poses: list[Matrix]) -> Floats:
    return _in_turns(field, telling, poses) @ telling.weight / float(telling.weight.sum())


def symmetry_of(field: Field, points: Points, hub: tuple[float, float]) -> tuple[Symmetry | None, bool]:
    """What a part that resembles itself when turned about `hub` has to be asked.

    Args:
        field, points: of the golden part at work size.
        hub: x, y at work size.

    Returns:
        None where nothing is alike; and whether it is alike in nearly every turn.
    """
    radius = max(1.0, float(np.hypot(*(points.place - np.array(hub)).T).max()))
    apart = max(_APART, math.degrees(_APART_PIXELS / radius))
    angles = np.arange(apart, 360 - apart, _STEP)
    turns = [pose(math.radians(float(angle)), 1.0, hub, hub) for angle in angles]
    agreed = _in_turns(field, points, turns)
    likeness = agreed @ points.weight / float(points.weight.sum())
    alike, disc = likeness >= LIKE, float(np.quantile(likeness, 0.1)) >= ROUND
    if not alike.any():
        return None, disc
    usual = np.quantile(agreed[alike], 0.9, axis=0)
    weight = points.weight * np.clip((_COMMON - usual) / _COMMON, 0, 1)
    if float(weight.sum()) < max(_FEWEST, _SHARE * float(points.weight.sum())):
        same = [turn for turn, like in zip(turns, likeness, strict=True) if like >= SAME]
        return (Symmetry(same, None) if same else None), disc
    best = np.sort(np.argsort(-weight, kind="stable")[:_MOST])
    telling = Points(points.place[best], points.normal[best], weight[best].astype(np.float32), points.quiet)
    return Symmetry([turn for turn, like in zip(turns, alike, strict=True) if like], telling), disc


def _in_turns(field: Field, points: Points, poses: list[Matrix]) -> Floats:
    """(poses, points) agreement."""
    places = np.stack([moved(points.place, matrix) for matrix in poses])
    normals = np.stack([turned(points.normal, matrix) for matrix in poses])
    found = agreements(field, places.reshape(-1, 2), normals.reshape(-1, 2), points.quiet)
    return found.reshape(len(poses), -1)
