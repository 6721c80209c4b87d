"""The golden part, and where it lies in a picture."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.errors import ModelError
from app.domain.frame import Image
from app.vision.alignment import edges
from app.vision.alignment.edges import Field, Floats, Matrix, Points
from app.vision.alignment.fit import (
    Agreement,
    agreement,
    agreements,
    moved,
    pose,
    refine,
    scale_of,
    similarity,
    turn_of,
    turned,
)
from app.vision.alignment.results import GoldenDescription, Registration, Spread, Tolerance, require_alignable
from app.vision.alignment.search import Search
from app.vision.alignment.symmetry import LIKE, Symmetry, symmetry_of
from app.vision.halves import Halves
from app.vision.parts import Arrays, taken

_MOST = (250, 400, 900)  # edge points at the coarse, middle and fine level: more place a part no better
_FEWEST = 16  # points of a level that still make a shape
_CANDIDATES = (16, 6, 3)  # poses that each level, coarse to fine, looks at
_CLOSER = ((4, 2), (4, 2), (4, 16))  # reach and passes of `refine` at each level; only the finest has to come to rest
_STILL = 0.3  # pixels at work size: a part that moved less has not moved; warping would only blur it
_SAME = 2.0  # pixels at work size: two poses closer than this will become one
_TIE = 0.01  # of agreement: below it two poses are equally good, and the one nearer to the golden's is taken
_ELSEWHERE = 0.1  # of the part's diagonal: poses farther apart than this are different ones
_BESIDE = 0.3  # of the part's diagonal: with middles farther apart than this, two parts can lie side by side
_ALIKE = 0.8  # of the part's own agreement: what agrees that well is another such part
_APART = math.radians(20)  # poses turned by less are the same one
_SMALLEST, _LARGEST = 0.7, 1.4  # the search covers 0.8 to 1.25, refining reaches a little farther
_VISIBLE = 0.7  # share of the part that has to lie inside the picture
_ROUGHLY, _ROUGH_TURN, _ROUGH_SCALE = 0.5, 0.2, 0.003  # pixels at work size, degrees, share: the middle level errs less
_FOUND = 0.3  # agreement (of the best 60 %) below which there is no part at all

NARROWEST = 8
"""Pixels at work size: a golden part has to be that wide and high at least."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A picture made ready: its slopes at each level, coarse to fine, and the scaling to work size."""

    fields: tuple[Field, Field, Field]
    to_work: Matrix


_AS_IS = np.array([[1, 0, 0], [0, 1, 0]], np.float64)


class Golden:
    """A golden part. Registering changes nothing in it: several threads may at once."""

    def __init__(self, description: GoldenDescription, picture: Image, weight: NDArray[np.uint8]) -> None:
        """
        Args:
            description: checked.
            picture: (h, w, 3) uint8 BGR, the golden part at work size (`edges.reduced`).
            weight: (h, w) uint8, 255 = every good part shows this edge.

        Raises:
            ModelError: the picture shows no edges that could be found again.
        """
        self.description = description
        self.picture = picture
        self.weight = weight
        self._axis = np.array(description.axis, np.float32)
        fine = picture.shape[1], picture.shape[0]
        self.block = edges.block_between(self.size, fine) or edges.block_of(*self.size)
        """Side of the square of pixels that is one at work size."""
        share: Floats = weight.astype(np.float32) / np.float32(255)
        plane = edges.plane_of(picture, self._axis)
        finest = edges.points_of(edges.field_of(plane, fine), share, _MOST[2])
        if len(finest) < _FEWEST:
            raise ModelError("its golden part shows too few edges to be found again")
        low, high = finest.place.min(0), finest.place.max(0)
        self._box = np.array([low, (high[0], low[1]), high, (low[0], high[1])], np.float32)
        self._middle = float((low[0] + high[0]) / 2), float((low[1] + high[1]) / 2)
        self._coarsening = edges.coarsening_of(fine, float((high - low).max()))
        self._sizes = edges.sizes_of(fine, self._coarsening)
        own = self.view(picture, at_work_size=True)
        self._own = own.fields
        self.points: tuple[Points, Points, Points] = (
            edges.points_of(own.fields[0], edges.weights_at(share, own.fields[2], self._sizes[0]), _MOST[0]),
            edges.points_of(own.fields[1], edges.weights_at(share, own.fields[2], self._sizes[1]), _MOST[1]),
            finest,
        )
        if min(len(points) for points in self.points) < _FEWEST:
            raise ModelError("its golden part shows too few edges to be found again")
        self._symmetry, self.alike_in_every_turn = self._symmetries()
        self._search = Search(self.points[0], self._sizes[0], turning=not description.round)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the golden's picture, the frame that registrations lead to."""
        return self.description.width, self.description.height

    @property
    def roughly(self) -> Tolerance:
        """How far a place is off at most that `register` was told is enough."""
        return Tolerance(_ROUGHLY * self.block, _ROUGH_TURN, _ROUGH_SCALE)

    @property
    def round(self) -> bool:
        """Whether the part's angle means nothing, so that it is shifted and scaled only."""
        return self.description.round

    @property
    def spread(self) -> Spread:
        """How far the training parts moved."""
        found = self.description
        radius = float(np.hypot(*(self._box[2] - self._box[0]))) / 2
        diagonal = float(np.hypot(*self.size))
        reach = found.shift + radius * self.block * math.hypot(math.radians(found.turn), found.scale)
        return Spread(found.shift, found.turn, found.scale, reach / diagonal)

    def described(self, **changes: object) -> Golden:
        """The same golden part with some values of its description changed."""
        description = GoldenDescription.model_validate(self.description.model_dump() | changes)
        if description.round != self.round:
            return Golden(description, self.picture, self.weight)
        other = copy.copy(self)  # the search's templates are by far the most work and stay the same
        other.description = description
        if description.hub != self.description.hub:
            other._symmetry, other.alike_in_every_turn = other._symmetries()
        return other

    def _symmetries(self) -> tuple[Symmetry | None, bool]:
        if self.description.hub is None:
            return None, False
        symmetry, alike = symmetry_of(self._own[2], self.points[2], self.description.hub)
        return (None if self.round else symmetry), alike

    def view(self, picture: Image, *, at_work_size: bool = False, halves: Halves | None = None) -> View:
        """Makes a picture ready for `register_view` (2 to 3 ms for 1280 x 720).

        A picture of another size than the golden's is taken for the same scene with more or fewer pixels.

        Args:
            halves: of the picture, where they are there already.
        """
        height, width = picture.shape[:2]
        if at_work_size:
            to_work, sizes = _AS_IS, self._sizes
        elif (width, height) == self.size:
            small = edges.reduced(halves or Halves(picture), self.block)
            picture, to_work, sizes = small, edges.scaling(1 / self.block, 1 / self.block), self._sizes
        else:
            factor = math.hypot(*self._sizes[2]) / math.hypot(width, height)
            fine = max(NARROWEST, round(width * factor)), max(NARROWEST, round(height * factor))
            sizes = edges.sizes_of(fine, self._coarsening)
            to_work = edges.scaling(fine[0] / width, fine[1] / height)
            way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
            picture = np.asarray(cv2.resize(picture, fine, interpolation=way), np.uint8)
        plane = edges.plane_of(picture, self._axis)
        coarse, middle, full = (edges.field_of(plane, size) for size in sizes)
        return View((coarse, middle, full), to_work)

    def register(
        self, picture: Image, halves: Halves | None = None, *, enough: Callable[[Registration], bool] | None = None
    ) -> Registration:
        """Finds the golden part in a picture: first where it lies in the golden, then, if it does not agree as well
        as good parts do, in every angle, place and size from 0.8 to 1.25.

        Args:
            picture: (H, W, 3) uint8 BGR.
            halves: of it, where they are there already.
            enough: whether a place that is right to `roughly` will do; it is not looked at closer then, which takes
                half the time. Not asked where the part looks alike in several turns.

        Raises:
            PictureError: not such a picture.
        """
        require_alignable(picture)
        return self.register_view(self.view(picture, halves=halves), enough)

    def register_view(self, view: View, enough: Callable[[Registration], bool] | None = None) -> Registration:
        """Like `register`, for a picture made ready."""
        rough = self._refined(view, _AS_IS, 1)
        if enough is not None and self._symmetry is None:
            seen = agreement(view.fields[2], self.points[2], rough)
            if seen.whole >= self.description.level:
                there = self._registration(view, rough, seen)
                if not there.failed and enough(there):
                    return there
        best = self._with_turns(view, [self._closer(view, rough, 2)])
        if max(found.whole for _, found in best) < self.description.level:
            best += self._with_turns(view, self.everywhere(view))
        rank = [self._rank(view, matrix, found) for matrix, found in best]
        equal = [entry for entry, value in zip(best, rank, strict=True) if value >= max(rank) - _TIE]
        matrix, found = min(equal, key=lambda entry: self._moved_by(entry[0]))
        return self._registration(view, matrix, found)

    def _with_turns(self, view: View, poses: list[tuple[Matrix, Agreement]]) -> list[tuple[Matrix, Agreement]]:
        """The poses, and those that the best of them could be mistaken for."""
        if self._symmetry is None or not poses:
            return poses
        matrix = max(poses, key=lambda entry: entry[1].whole)[0]
        return poses + [self._closer(view, other, 2) for other in self._symmetry.others(view.fields[2], matrix)]

    def _rank(self, view: View, matrix: Matrix, found: Agreement) -> float:
        if self._symmetry is None or self._symmetry.telling is None:
            return found.whole
        return (found.whole + self._symmetry.told(view.fields[2], matrix)) / 2

    @property
    def tells_turns(self) -> bool:
        """Whether there are edges that tell turns apart in which the part looks nearly the same."""
        return self._symmetry is not None and self._symmetry.telling is not None

    def told(self, view: View, registration: Registration) -> float | None:
        """0..1: agreement of the few edges that tell the part's turns apart; None where there are none."""
        if self._symmetry is None or self._symmetry.telling is None:
            return None
        return self._symmetry.told(view.fields[2], self._pose_of(view, registration))

    def register_near(self, view: View, before: Registration) -> Registration:
        """Refines a registration found earlier."""
        return self._registration(view, *self._closer(view, self._pose_of(view, before), 1))

    def _pose_of(self, view: View, registration: Registration) -> Matrix:
        """A registration as a pose: golden to picture, both at work size."""
        return edges.after(view.to_work, edges.after(registration.inverse, self._from_work()))

    def _closer(self, view: View, matrix: Matrix, level: int) -> tuple[Matrix, Agreement]:
        """Refines a pose (golden to picture, at work size) from one level to the finest."""
        for number in range(level, 3):
            matrix = self._refined(view, matrix, number)
        if self._moved_by(matrix) < _STILL:
            matrix = _AS_IS
        return matrix, agreement(view.fields[2], self.points[2], matrix)

    def _refined(self, view: View, matrix: Matrix, number: int) -> Matrix:
        """Refines a pose given at work size with one level's points."""
        if self.description.round and self.description.hub is not None:
            hub = self.description.hub
            x, y = matrix[:, :2] @ np.array(hub) + matrix[:, 2]
            matrix = pose(0.0, scale_of(matrix), hub, (float(x), float(y)))
        down, (reach, passes) = self._to_level(number), _CLOSER[number]
        start = self._taken_down(matrix, number)
        here = refine(view.fields[number], self.points[number], start, reach, passes, turning=not self.round)
        return similarity(edges.after(edges.inverted(down), edges.after(here, down)), self._middle)

    def _taken_down(self, matrix: Matrix, number: int) -> Matrix:
        """A pose at work size as one of another level."""
        down = self._to_level(number)
        x, y = down[:, :2] @ np.array(self._middle) + down[:, 2]
        return similarity(edges.after(down, edges.after(matrix, edges.inverted(down))), (float(x), float(y)))

    def _to_level(self, number: int) -> Matrix:
        """From work size to a level."""
        size, fine = self._sizes[number], self._sizes[2]
        return edges.scaling(size[0] / fine[0], size[1] / fine[1])

    def everywhere(self, view: View, *, thorough: bool = False) -> list[tuple[Matrix, Agreement]]:
        """The best few poses of all (golden to picture, both at work size), refined, in no order."""
        down = self._to_level(0)
        found = [
            edges.after(edges.inverted(down), edges.after(matrix, down))
            for matrix in self._search.find(view.fields[0], _CANDIDATES[0], thorough=thorough)
        ]
        for number in (0, 1):
            rated = [self._rated(view, self._refined(view, matrix, number), number) for matrix in found]
            rated.sort(key=lambda entry: -entry[0])
            found = []
            for _, matrix in rated:
                # Small shapes can shrink onto anything.
                if _SMALLEST <= scale_of(matrix) <= _LARGEST and all(
                    self._distance(matrix, other) > _SAME for other in found
                ):
                    found.append(matrix)
            found = found[: _CANDIDATES[number + 1]]
        return [self._closer(view, matrix, 2) for matrix in found]

    def _rated(self, view: View, matrix: Matrix, number: int) -> tuple[float, Matrix]:
        here = self._taken_down(matrix, number)
        return agreement(view.fields[number], self.points[number], here).whole, matrix

    def hub(self) -> tuple[float, float] | None:
        """The point about which this part resembles itself most when it is turned; None where it never does."""
        alike = [
            (found.whole, matrix)
            for matrix, found in self.everywhere(View(self._own, _AS_IS), thorough=True)
            if abs(turn_of(matrix)) > _APART and found.whole > LIKE
        ]
        if not alike:
            return None
        matrix = max(alike, key=lambda entry: entry[0])[1]
        x, y = np.linalg.solve(np.eye(2) - matrix[:, :2], matrix[:, 2])
        return round(float(x), 3), round(float(y), 3)

    def elsewhere(self, view: View, registration: Registration) -> tuple[float, bool]:
        """What else in this picture looks like the part, once it has been found.

        Returns:
            The quality of the best wrong pose, 0..1 (turns of a symmetric part are not wrong); and whether a second
            such part lies beside the found one.
        """
        here = self._pose_of(view, registration)
        middle = np.array([self._middle], np.float32)
        part = float(np.hypot(*(self._box[2] - self._box[0])))
        wrong, second = 0.0, False
        for matrix, found in self.everywhere(view, thorough=True):
            beside = float(np.hypot(*(moved(middle, matrix) - moved(middle, here))[0])) > _BESIDE * part
            second = second or (beside and found.whole >= _ALIKE * registration.agreement)
            if self._distance(matrix, here) > _ELSEWHERE * part and found.whole < registration.agreement - 2 * _TIE:
                wrong = max(wrong, found.intact)
        return wrong, second

    def agreement_map(self, view: View, registration: Registration) -> Floats:
        """(h, w) float32 0..1 at work size: how well each pixel's slope agrees with the picture's."""
        matrix = self._pose_of(view, registration)
        field = self._own[2]
        height, width = field.shape[:2]
        x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
        places = np.stack([x, y], 2).reshape(-1, 2)
        strength = np.maximum(np.hypot(field[..., 0], field[..., 1]), np.float32(1e-6))
        normals: Floats = np.asarray(field / strength[..., None], np.float32).reshape(-1, 2)
        agreed = agreements(view.fields[2], moved(places, matrix), turned(normals, matrix), self.points[2].quiet)
        return agreed.reshape(height, width)

    def warp(self, picture: Image, registration: Registration) -> tuple[Image, NDArray[np.bool_]]:
        """The picture laid over the golden.

        Returns:
            (height, width, 3) uint8 BGR of the golden's `size`, what lies outside the picture filled with its border's
            nearest pixels; and (height, width) bool, True where the pixels really come from the picture. Where the
            part has not moved, the picture itself.
        """
        width, height = self.size
        if picture.shape[:2] == (height, width) and np.array_equal(registration.matrix, _AS_IS):
            return picture, np.ones((height, width), np.bool_)
        matrix = registration.matrix
        laid = cv2.warpAffine(picture, matrix, self.size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        there = np.full(picture.shape[:2], 255, np.uint8)
        mask = cv2.warpAffine(there, matrix, self.size, flags=cv2.INTER_NEAREST, borderValue=(0,))
        return np.asarray(laid, np.uint8), np.asarray(mask, np.uint8) > 0

    def to_parts(self) -> tuple[GoldenDescription, Arrays]:
        """What goes into a model file."""
        return self.description, {"golden.picture": self.picture, "golden.weight": self.weight}

    @classmethod
    def from_parts(cls, description: GoldenDescription, arrays: Mapping[str, NDArray[Any]]) -> Golden:
        """The golden part out of a model file.

        Raises:
            ModelError: the parts do not fit together.
        """
        size = description.width, description.height
        pictures = arrays.get("golden.picture")
        height, width = (0, 0) if pictures is None or pictures.ndim != 3 else pictures.shape[:2]
        if edges.block_between(size, (width, height)) is None:
            block = edges.block_of(*size)
            width, height = size[0] // block, size[1] // block  # which it is not: that is said below
        if min(height, width) < NARROWEST:
            raise ModelError("its golden part is too narrow")
        return cls(
            description,
            taken(arrays, "golden.picture", (height, width, 3), np.uint8),
            taken(arrays, "golden.weight", (height, width), np.uint8),
        )

    def _from_work(self) -> Matrix:
        """From work size to the golden's picture."""
        return edges.scaling(self.block, self.block)

    def _moved_by(self, matrix: Matrix) -> float:
        """How far a pose takes the part's corners at most, pixels at work size."""
        return self._distance(matrix, _AS_IS)

    def _distance(self, one: Matrix, other: Matrix) -> float:
        gap = moved(self._box, one) - moved(self._box, other)
        return float(np.hypot(gap[:, 0], gap[:, 1]).max())

    def _registration(self, view: View, matrix: Matrix, found: Agreement) -> Registration:
        scale, turn = scale_of(matrix), turn_of(matrix)
        centre = moved(np.array([self._middle], np.float32), matrix)[0] - np.array(self._middle)
        inverse = edges.after(edges.inverted(view.to_work), edges.after(matrix, edges.inverted(self._from_work())))
        if np.allclose(inverse, _AS_IS, rtol=0, atol=1e-9):
            inverse = _AS_IS.copy()
        angle = -math.degrees(turn)
        return Registration(
            matrix=edges.inverted(inverse),
            inverse=inverse,
            angle=angle,
            scale=scale,
            shift=(float(centre[0]) * self.block, float(centre[1]) * self.block),
            quality=found.intact,
            agreement=found.whole,
            visible=found.visible,
            failed=self._why_not(found, scale, angle),
        )

    def _why_not(self, found: Agreement, scale: float, angle: float) -> str:
        if found.intact < min(_FOUND, self.description.threshold):
            return f"part not found (agreement {found.intact:.2f})"
        if found.visible < _VISIBLE:
            return f"{1 - found.visible:.0%} of the part lies outside the picture"
        if found.intact < self.description.threshold:
            turned_by = f"part turned by {angle:.0f} degrees, but" if abs(angle) >= 1 else "part not recognised:"
            return f"{turned_by} agreement only {found.intact:.2f} of {self.description.threshold:.2f}"
        if not _SMALLEST <= scale <= _LARGEST:
            return f"part {scale:.2f} times as large as the golden one: check the camera's distance"
        return ""
