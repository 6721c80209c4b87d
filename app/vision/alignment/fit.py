"""Laying the golden part's edge points onto a picture, and how well they agree there."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from app.vision.alignment.edges import Field, Floats, Matrix, Points, after

FULL_AT, NONE_AT = 0.9, 0.5
"""Cosines between the directions of two edges: up to 26 degrees apart they agree fully, from 60 not at all. Two
random directions agree to a fifth."""

_TUKEY = 4.0  # pixels beyond twice the median distance at which an edge no longer pulls
_SETTLED = 0.05  # pixels: a pass that moves no point farther is the last one; a part is placed no better
_PATIENCE = 5  # passes after which a pose that is still moving has to show that there is something to be found:
_HOPE = 0.4  # this much agreement
_HELD = 1e-3  # of the points' weight: what cannot be seen (the turn of a disc) stays as it was
_NEARER = 0.4  # share of its strength that an edge at the end of the reach loses against one in place
_CELLS = 6  # a side of the part's box, for the quality
_INTACT = 0.6  # share of the part the quality is taken over


def pose(angle: float, scale: float, centre: tuple[float, float], to: tuple[float, float]) -> Matrix:
    """The map that turns by `angle` radians (from x towards y), scales, and takes `centre` to `to`."""
    cosine, sine = scale * math.cos(angle), scale * math.sin(angle)
    x, y = to[0] - cosine * centre[0] + sine * centre[1], to[1] - sine * centre[0] - cosine * centre[1]
    return np.array([[cosine, -sine, x], [sine, cosine, y]])


def scale_of(matrix: Matrix) -> float:
    """How much larger the map makes things."""
    (a, b, _), (c, d, _) = matrix.tolist()
    return math.sqrt(abs(a * d - b * c))


def turn_of(matrix: Matrix) -> float:
    """How far the map turns, radians from x towards y."""
    return math.atan2(float(matrix[1, 0] - matrix[0, 1]), float(matrix[0, 0] + matrix[1, 1]))


def similarity(matrix: Matrix, about: tuple[float, float]) -> Matrix:
    """The similarity next to a map, with the same image of `about`. A level's width and height are rounded, so a map
    taken from one level to another is stretched by a trifle, and turning would carry that along."""
    (a, b, x), (c, d, y) = matrix.tolist()
    to = a * about[0] + b * about[1] + x, c * about[0] + d * about[1] + y
    grown, turned_by = (a + d) / 2, (c - b) / 2
    return pose(math.atan2(turned_by, grown), math.hypot(grown, turned_by), about, to)


def moved(places: Floats, matrix: Matrix) -> Floats:
    """(n, 2) places under a map."""
    return _moved(places.T, matrix).T


def turned(normals: Floats, matrix: Matrix) -> Floats:
    """(n, 2) unit vectors under the map's turn."""
    return _turned(normals.T, matrix).T


def sampled(field: Field, x: Floats, y: Floats) -> Field:
    """(rows, columns, 2) slopes at places of (rows, columns), linear between pixels; nothing outside. OpenCV's remap
    takes fewer than 32,768 rows or columns."""
    return np.asarray(cv2.remap(field, x, y, cv2.INTER_LINEAR), np.float32)


def refine(field: Field, points: Points, matrix: Matrix, reach: int, most: int, *, turning: bool = True) -> Matrix:
    """A better pose near `matrix` (golden to picture, both at this level).

    From every point the strongest edge of the same direction is looked for along its normal, and the similarity that
    brings the points there is fitted by least squares with Tukey's weights, so that the edges of a defect are
    outvoted (after Harris & Stennett 1990, "RAPID", and Drummond & Cipolla 2002). That is repeated until the points
    lie still: a part far from where it was looked for creeps at first, then leaps, and only then lies right.

    Args:
        reach: how far along the normal, pixels.
        most: passes, where the points do not come to lie still. Where hardly any edges agree, it is given up earlier.
        turning: False leaves the angle as it is.
    """
    steps = np.arange(-reach, reach + 1, dtype=np.float32)
    # Of two edges alike the nearer one.
    nearness = 1 - _NEARER * (steps / (reach + 1)) ** 2
    place, normal = np.ascontiguousarray(points.place.T), np.ascontiguousarray(points.normal.T)
    rows = np.arange(len(points))
    places = _moved(place, matrix)
    for number in range(1, most + 1):
        normals = _turned(normal, matrix)
        x, y = places[..., None] + normals[..., None] * steps
        along = sampled(field, x, y)
        profile = along[..., 0] * normals[0][:, None] + along[..., 1] * normals[1][:, None]
        best = np.argmax(profile * nearness, axis=1)
        left, right = profile[rows, np.maximum(best - 1, 0)], profile[rows, np.minimum(best + 1, 2 * reach)]
        top = profile[rows, best]
        bend = np.maximum(2 * top - left - right, 1e-6)
        offset = steps[best] + np.clip((right - left) / (2 * bend), -0.5, 0.5)
        weight = points.weight * ((top > 2 * points.quiet) & (top >= left) & (top >= right))
        matrix = _step(places, normals, offset, weight, matrix, turning=turning)
        before, places = places, _moved(place, matrix)
        if float(np.abs(places - before).max()) < _SETTLED:
            break
        if number == _PATIENCE and agreement(field, points, matrix).whole < _HOPE:
            break
    return matrix


def _step(places: Floats, normals: Floats, offset: Floats, weight: Floats, matrix: Matrix, *, turning: bool) -> Matrix:
    """One weighted least-squares step: grow, turn, shift. `places` and `normals` are (2, n)."""
    total = float(weight.sum())
    if total < 4:  # unknowns; nothing is left to hold on to
        return matrix
    size = np.abs(offset)
    sizes = np.sort(size[weight > 0])
    usual = float(sizes[len(sizes) // 2])  # np.median takes a fifth of the whole step
    off = size / (_TUKEY + 2 * usual)
    weight = weight * np.maximum(1 - off * off, 0) ** 2
    middle = places @ weight / max(float(weight.sum()), 1e-6)
    arm = places - middle[:, None]
    radius = max(1.0, math.sqrt(float(np.vdot(arm, arm)) / len(weight)))
    # Grow and turn in units of the part's radius, so that the four unknowns are all pixels.
    design = np.empty((4, len(weight)), np.float64)
    design[0] = (arm[0] * normals[0] + arm[1] * normals[1]) / radius
    # Without turning the ridge below keeps the equations solvable, with no turn.
    design[1] = (arm[0] * normals[1] - arm[1] * normals[0]) / radius if turning else 0
    design[2:] = normals
    held = design * weight
    normal = held @ design.T + np.eye(4) * _HELD * total
    grow, turn, dx, dy = (float(value) for value in np.linalg.solve(normal, held @ offset.astype(np.float64)))
    x, y = float(middle[0]), float(middle[1])
    grow, turn = (max(-0.3, min(0.3, value / radius)) for value in (grow, turn))  # a step, not a leap
    return after(pose(turn, 1 + grow, (x, y), (x + dx, y + dy)), matrix)


def _moved(place: Floats, matrix: Matrix) -> Floats:
    """(2, n) places under a map."""
    return np.asarray(matrix[:, :2] @ place + matrix[:, 2:], np.float32)


def _turned(normal: Floats, matrix: Matrix) -> Floats:
    """(2, n) unit vectors under the map's turn."""
    return np.asarray((matrix[:, :2] / scale_of(matrix)) @ normal, np.float32)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well edges agree in one pose.

    Attributes:
        whole: 0..1, mean over all points; what lies outside the picture counts half as much as missing edges.
        intact: 0..1, the same over the best agreeing 60 % of the part: a broken-off corner does not lower it, another
            part does.
        visible: share of the points inside the picture.
    """

    whole: float
    intact: float
    visible: float


def agreement(field: Field, points: Points, matrix: Matrix) -> Agreement:
    """Compares directions only, so light and contrast do not matter (Steger 2002, "Occlusion, clutter, and
    illumination invariant object recognition")."""
    place, normal = np.ascontiguousarray(points.place.T), np.ascontiguousarray(points.normal.T)
    (x, y), (across, down) = _moved(place, matrix), _turned(normal, matrix)
    height, width = field.shape[:2]
    inside = (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)
    agreed = _agreed(sampled(field, x[None], y[None])[0], across, down, points.quiet)
    weight = points.weight
    seen, total = float(weight[inside].sum()), float(weight.sum())
    whole = float((agreed * weight)[inside].sum()) / max(seen + 0.5 * (total - seen), 1e-6)
    return Agreement(whole, _intact(points, agreed, inside), seen / max(total, 1e-6))


def agreements(field: Field, places: Floats, normals: Floats, quiet: float) -> Floats:
    """(n,) 0..1: agreement at each of (n, 2) places. Slopes reach about two pixels to each side of an edge, so good
    parts may differ by that much."""
    # One long list is folded.
    wide = min(len(places), 4096)
    folded = np.zeros((2, -(-len(places) // wide) * wide), np.float32)
    folded[:, : len(places)] = places.T
    found = sampled(field, *folded.reshape(2, -1, wide)).reshape(-1, 2)[: len(places)]
    return _agreed(found, normals[:, 0], normals[:, 1], quiet)


def _agreed(found: Field, across: Floats, down: Floats, quiet: float) -> Floats:
    """(n,) 0..1 of (n, 2) slopes and the unit vectors they should lie along."""
    x, y = found[:, 0], found[:, 1]
    cosine = (x * across + y * down) / np.sqrt(x * x + y * y + np.float32(quiet**2))
    return np.asarray(np.clip((cosine - NONE_AT) / (FULL_AT - NONE_AT), 0, 1), np.float32)


def _intact(points: Points, agreed: Floats, inside: NDArray[np.bool_]) -> float:
    low, high = points.place.min(0), points.place.max(0)
    cell = np.minimum((points.place - low) / np.maximum(high - low, 1e-6) * _CELLS, _CELLS - 1).astype(int)
    number = cell[:, 1] * _CELLS + cell[:, 0]
    mass = np.bincount(number[inside], points.weight[inside], _CELLS**2)
    if mass.sum() <= 0:
        return 0.0
    mean = np.bincount(number[inside], (agreed * points.weight)[inside], _CELLS**2) / np.maximum(mass, 1e-6)
    order = np.argsort(-mean, kind="stable")
    upto = np.cumsum(mass[order])
    # A part that lies half outside has no intact 60 % to show: the share is of the whole part.
    wanted = _INTACT * float(points.weight.sum())
    taken = np.clip(wanted - (upto - mass[order]), 0, mass[order])
    return float((taken * mean[order]).sum() / wanted)
