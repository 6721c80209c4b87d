"""Drawing a result over its picture, for files (the screen draws its own from the same data)."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.checkpoint import OK, UNSURE, CheckpointAnswer
from app.domain.frame import Image
from app.domain.inspection import Detection
from app.domain.look import IGNORE, LOOK, LookOutline
from app.domain.verdict import Verdict
from app.vision.regions import enlarge

_COLOURS: dict[Verdict, tuple[int, int, int]] = {  # B, G, R
    Verdict.PASS: (122, 178, 53),
    Verdict.FAIL: (79, 82, 240),
    Verdict.RETEST: (36, 165, 245),
    Verdict.ERROR: (128, 128, 128),
}

_BAND = 256  # rows


def draw_overlay(image: Image, result: Detection, opacity: float = 0.55) -> Image:
    """A copy of the (H, W, 3) uint8 BGR picture with heat map, outlines, checkpoints and verdict.

    The map is transparent below the RETEST band and reaches full `opacity` at 1.5 x the threshold.
    """
    canvas = image.copy()
    _dim(canvas, result.look)
    x, y, width, height = (round(value) for value in result.heat_box)
    heat = enlarge(result.heat, width, height)
    span = max(1.5 * result.threshold - result.retest_from, 1e-6)
    # In bands: a picture of 100 million pixels would take gigabytes for its intermediate values.
    for top in range(0, height, _BAND):
        strength = np.clip((heat[top : top + _BAND] - result.retest_from) / span, 0, 1)
        if strength.any():
            _tint(canvas[y + top : y + top + len(strength), x : x + width], strength, opacity)
    thick = max(2, round(max(image.shape[:2]) / 500))
    scale = max(0.4, max(image.shape[:2]) / 1600)
    for each in result.checkpoints:
        colour = _COLOURS[_verdict_of(each)]
        cv2.rectangle(
            canvas, (each.x, each.y), (each.x + each.width - 1, each.y + each.height - 1), colour, max(1, thick // 2)
        )
        words = each.name if each.state == OK else each.words
        _write(canvas, words, (each.x, each.y - 4), 0.6 * scale, colour)
    colour = _COLOURS[result.verdict]
    for region in result.regions:
        outline: NDArray[np.int32] = np.array(region.outline, np.int32).reshape(-1, 1, 2)
        cv2.polylines(canvas, [outline], True, colour, thick, cv2.LINE_AA)
        _write(canvas, f"{region.label} {region.score:.2f}", (region.x, region.y - 6), scale, colour)
    _write(canvas, f"{result.verdict} {result.score:.3f} / {result.threshold:.3f}", (8, 0), 1.6 * scale, colour)
    return canvas


def _dim(canvas: Image, outlines: tuple[LookOutline, ...]) -> None:
    """Darkens what is not looked at, in place, and outlines the regions."""
    if not outlines:
        return
    height, width = canvas.shape[:2]
    looked = np.full((height, width), not any(each.kind == LOOK for each in outlines), np.uint8)
    shapes = [(each.kind, np.rint(np.array(each.corners)).astype(np.int32)) for each in outlines]
    for kind, value in ((LOOK, 1), (IGNORE, 0)):
        for one, corners in shapes:
            if one == kind:
                cv2.fillConvexPoly(looked, corners, (value,))
    canvas[looked == 0] //= 2
    for _, corners in shapes:
        cv2.polylines(canvas, [corners.reshape(-1, 1, 2)], True, _MUTED, 1, cv2.LINE_AA)


_MUTED = (200, 200, 200)


def _verdict_of(answer: CheckpointAnswer) -> Verdict:
    return {OK: Verdict.PASS, UNSURE: Verdict.RETEST}.get(answer.state, Verdict.FAIL)


def _tint(part: Image, strength: NDArray[np.float32], opacity: float) -> None:
    """Blends the heat map's colours into `part`, in place."""
    colours = cv2.applyColorMap((strength * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    alpha = (np.sqrt(strength) * np.float32(opacity))[..., None]
    part[:] = (part * (1 - alpha) + colours * alpha).astype(np.uint8)


def _write(canvas: Image, text: str, place: tuple[int, int], scale: float, colour: tuple[int, int, int]) -> None:
    """Text with its lower left corner at `place`, moved until all of it lies on the picture."""
    thick = max(1, round(2 * scale))
    (width, height), base = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thick)
    x = max(0, min(place[0], canvas.shape[1] - width))
    y = max(height + base, min(place[1], canvas.shape[0] - base))
    cv2.putText(canvas, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, (20, 23, 26), thick + 3, cv2.LINE_AA)
    cv2.putText(canvas, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, colour, thick, cv2.LINE_AA)
