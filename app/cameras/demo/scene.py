"""One photograph of one part: plate, bolts, label and damage, laid on the belt and seen by a camera."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from app.cameras.demo import bolts, defects, label, plate
from app.cameras.demo.plan import LINE, TRAINING, DefectKind, serial_of, stream
from app.domain.frame import Image

_APPEARANCE, _DEFECT = 2, 3
_TURNS = range(0, 60, 10)


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """A part and where its defect lies.

    Attributes:
        image: (720, 1280, 3) uint8 BGR.
        box: x, y, width, height of the defect in pixels of `image`; None for a good part.
    """

    image: Image
    box: tuple[int, int, int, int] | None


def draw_part(seed: int, index: int, defect: DefectKind | None = None) -> Image:
    """Part `index` of the line as (720, 1280, 3) uint8 BGR; the same arguments give the same bytes.

    Parts that differ in `defect` only have the same pose, light and texture.
    """
    return draw(seed, index, defect).image


def training_parts(count: int, seed: int = 0) -> Iterator[Image]:
    """Good parts for a first model, drawn while they are taken; none of them ever comes on the line."""
    for index in range(count):
        yield draw(seed, index, None, space=TRAINING).image


def prepare() -> None:
    """Draws everything parts share (about a second), so that the first one is not late."""
    plate.plate()
    plate.brushing()
    plate.belt()
    plate.sensor_noise()
    for turn in _TURNS:
        bolts.sprite(bolts.Bolt.SOCKET, turn)


def draw(seed: int, index: int, defect: DefectKind | None, *, space: int = LINE) -> Drawing:
    """Like `draw_part`, with the place of the defect."""
    look = stream(seed, space, index, _APPEARANCE)
    canvas, box = make(seed, index, defect, look, space=space)
    pose = pose_of(look)
    image = _photograph(canvas, pose, look)
    return Drawing(image, _moved(box, pose) if box else None)


def make(
    seed: int, index: int, defect: DefectKind | None, look: np.random.Generator, *, space: int = LINE
) -> tuple[defects.Canvas, defects.Box | None]:
    """The part in its taught place before anything has photographed it, and the place of its defect."""
    harm = stream(seed, space, index, _DEFECT)
    canvas = _brushed(look)
    box = _surface(canvas, defect, harm)
    box = _bolt_on(canvas, defect, look, harm) or box
    box = _stick_label(canvas, serial_of(seed, index, space), defect, look, harm) or box
    return canvas, box


def _brushed(look: np.random.Generator) -> defects.Canvas:
    """The bare plate with its own grain."""
    bare = plate.plate()
    grain = plate.piece(plate.brushing(), look)
    if look.random() < 0.5:
        grain = grain[::-1]
    strength = float(look.uniform(0.020, 0.030))
    gain = cv2.multiply(grain, bare.grain, scale=strength)
    gain += 1
    return np.asarray(cv2.multiply(bare.colour, cv2.merge([gain, gain, gain])), np.float32)


def _surface(canvas: defects.Canvas, defect: DefectKind | None, harm: np.random.Generator) -> defects.Box | None:
    if defect is DefectKind.SCRATCH:
        return defects.scratch(canvas, harm)
    if defect is DefectKind.DENT:
        return defects.dent(canvas, harm)
    if defect is DefectKind.STAIN:
        return defects.stain(canvas, harm)
    return None


def _bolt_on(
    canvas: defects.Canvas, defect: DefectKind | None, look: np.random.Generator, harm: np.random.Generator
) -> defects.Box | None:
    """Sets the six bolts, each turned as it happened to be tightened."""
    faulty = int(harm.integers(len(plate.BOLTS)))
    wrong = bolts.WRONG[int(harm.integers(len(bolts.WRONG)))]
    box = None
    for place, (cx, cy) in enumerate(plate.BOLTS):
        kind = bolts.Bolt.SOCKET
        turn = _TURNS[int(look.integers(len(_TURNS)))]
        dx, dy = look.integers(-1, 2, size=2)
        left, top = round(cx) - bolts.SIDE // 2, round(cy) - bolts.SIDE // 2
        if place == faulty and defect is DefectKind.MISSING_BOLT:
            kind, turn = bolts.Bolt.EMPTY, 0
        elif place == faulty and defect is DefectKind.WRONG_BOLT:
            kind = wrong
        if kind is not bolts.Bolt.SOCKET:
            box = (left + 22, top + 22, bolts.SIDE - 44, bolts.SIDE - 44)
        if kind is not bolts.Bolt.EMPTY:
            left, top = left + int(dx), top + int(dy)
        picture = bolts.sprite(kind, turn)
        area = canvas[top : top + bolts.SIDE, left : left + bolts.SIDE]
        area *= picture.keep
        area += picture.colour
    return box


def _stick_label(
    canvas: defects.Canvas,
    serial: str,
    defect: DefectKind | None,
    look: np.random.Generator,
    harm: np.random.Generator,
) -> defects.Box | None:
    """Sticks the label on, by hand: a pixel or two off, a little turned, its edge throwing a thin shadow."""
    printed = label.print_label(serial)
    box = None
    if defect is DefectKind.MISPRINT:
        printed, box = label.misprint(printed, harm)
    pad = 10
    width, height = label.WIDTH + 2 * pad, label.HEIGHT + 2 * pad
    middle = (label.WIDTH / 2, label.HEIGHT / 2)
    turn = np.asarray(cv2.getRotationMatrix2D(middle, float(look.normal(0, 0.2)), 1), np.float64)
    turn[:, 2] += pad + look.normal(0, 0.8, size=2)
    paper = cv2.warpAffine(printed, turn, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.warpAffine(label.cover(), turn, (width, height))
    shadow = cv2.GaussianBlur(np.roll(cover, (2, 2), (0, 1)), (0, 0), 1.4)
    left, top = round(plate.LABEL[0] - width / 2), round(plate.LABEL[1] - height / 2)
    area = canvas[top : top + height, left : left + width]
    # Satin film: its white leans towards the lamp.
    across, down = np.linspace(0.940, 0.888, width, dtype=np.float32), np.linspace(1.0, 0.97, height, dtype=np.float32)
    area *= np.asarray(1 - 0.42 * shadow, np.float32)[..., None]
    lit = np.asarray(paper * np.outer(down, across)[..., None], np.float32)
    area += np.asarray(cover, np.float32)[..., None] * (lit - area)
    if box is None:
        return None
    return left + pad + box[0], top + pad + box[1], box[2], box[3]


def pose_of(look: np.random.Generator) -> NDArray[np.float64]:
    """(2, 3): up to 1.5 degrees and a few pixels off the taught place."""
    angle = float(np.clip(look.normal(0, 0.5), -1.5, 1.5))
    pose = np.asarray(cv2.getRotationMatrix2D(plate.CENTRE, angle, float(look.normal(1, 0.001))), np.float64)
    pose[:, 2] += np.clip(look.normal(0, 2.5, size=2), -7, 7)
    return pose


def _moved(box: defects.Box, pose: NDArray[np.float64]) -> defects.Box:
    x, y, width, height = box
    corners = np.array([[x, y, 1], [x + width, y, 1], [x, y + height, 1], [x + width, y + height, 1]]) @ pose.T
    left, top = np.clip(np.floor(corners.min(0)), 0, None).astype(int)
    right, bottom = np.ceil(corners.max(0)).astype(int)
    return int(left), int(top), int(min(right, plate.WIDTH) - left), int(min(bottom, plate.HEIGHT) - top)


def _photograph(canvas: defects.Canvas, pose: NDArray[np.float64], look: np.random.Generator) -> Image:
    """Belt and part under this moment's light, through lens and sensor."""
    part = np.asarray(cv2.convertScaleAbs(canvas), np.uint8)
    belt, lit, blur = plate.piece(plate.belt(), look), light_of(look), float(look.uniform(0.35, 0.5))
    return grain(expose(part, pose, belt, lit, blur), look)


def expose(part: Image | None, pose: NDArray[np.float64], belt: Image, lit: NDArray[np.uint8], blur: float) -> Image:
    """A part, or none, on the belt as the lens shows it: (720, 1280, 3) uint8 BGR without the sensor's noise.

    Args:
        part: (720, 1280, 3) uint8, the part in its taught place.
        pose: (2, 3), where it lies in the picture.
        belt: (720, 1280, 3) uint8.
        lit: (720, 1280) uint8, 128 = 1.
        blur: of the lens, pixels.
    """
    size = (plate.WIDTH, plate.HEIGHT)
    if part is None:
        image = np.asarray(belt, np.uint8)
    else:
        seen = cv2.warpAffine(plate.plate().behind, pose, size, borderValue=(255,))
        under = cv2.multiply(belt, cv2.merge([seen, seen, seen]), scale=1 / 255)
        image = np.asarray(cv2.add(cv2.warpAffine(part, pose, size), under), np.uint8)
    image = np.asarray(cv2.multiply(image, cv2.merge([lit, lit, lit]), scale=1 / 128), np.uint8)
    return np.asarray(cv2.GaussianBlur(image, (3, 3), blur), np.uint8)


def grain(image: Image, look: np.random.Generator) -> Image:
    """The same with the sensor's noise."""
    noise = plate.piece(plate.sensor_noise(), look)
    return np.ascontiguousarray(cv2.addWeighted(image, 1, noise, 1, -128), dtype=np.uint8)


def light_of(look: np.random.Generator) -> NDArray[np.uint8]:
    """(720, 1280) uint8, 128 = 1: gain, a gradient that wanders, and the lens's darker corners."""
    y, x = np.mgrid[-1:1:9j, -1:1:16j]
    gain = 1 + float(np.clip(look.normal(0, 0.018), -0.045, 0.045))
    slope = look.normal(0, 0.014, size=2)
    field = gain * (1 + slope[0] * x + slope[1] * y) * (1.02 - 0.085 * (x * x + y * y))
    small = np.clip(field * 128, 0, 255).astype(np.float32)
    smooth = cv2.resize(small, (plate.WIDTH // 8, plate.HEIGHT // 8), interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.convertScaleAbs(cv2.resize(smooth, (plate.WIDTH, plate.HEIGHT))), np.uint8)
