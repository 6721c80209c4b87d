"""A client of Lookout for Vision's API on today's boto3, and a model behind it as a detector like any other.

Amazon's own service ended in 2025 and boto3 no longer knows it; the description in `resources/aws` brings it back, for
the one session it is given to. Whoever speaks the API can be behind it: `python main.py lookout-server`, the stack, or
another service.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np
from numpy.typing import NDArray

from app.cloud.session import CloudError, CloudSession, in_words
from app.domain.errors import PictureError
from app.domain.frame import Image
from app.domain.inspection import Detection, ModelRef
from app.domain.region import Region, place_words
from app.domain.verdict import Verdict
from app.pictures import decode_picture, encode_jpeg

DESCRIPTIONS = Path(__file__).resolve().parents[2] / "resources" / "aws"
LEAST_SIDE, MOST_SIDE, MOST_BYTES = 64, 4096, 8 << 20
"""Pixels and bytes of a picture that the API takes."""

_THRESHOLD = 0.5
_MOST_REGIONS = 50
_SMALLEST = 4  # pixels of a region; fewer are the mask's edges
_GRID = 64  # cells of the heat map's longer side


@dataclass(frozen=True, slots=True)
class CloudModel:
    """A model that is asked.

    Attributes:
        project, version: as DetectAnomalies wants them.
        endpoint: URL of the server; "" for the session's.
    """

    project: str
    version: str = "1"
    endpoint: str = ""

    def __str__(self) -> str:
        return f"{self.project}@{self.version}"


def client(session: CloudSession, endpoint: str = "") -> Any:
    """boto3's client "lookoutvision". Nothing outside the session changes.

    Raises:
        CloudError: no such profile, or no region.
    """
    with session._lock:  # the session may be used by one thread at a time
        # There is no public way to the loader of a session that is there already.
        places: list[str] = session._boto()._session.get_component("data_loader").search_paths
        if str(DESCRIPTIONS) not in places:
            places.append(str(DESCRIPTIONS))
    return session.client("lookoutvision", endpoint)


class CloudDetector:
    """`DetectorPort` over DetectAnomalies; any thread. Slow: a call is a request.

    The API gives no score, only the confidence in what it says. The score here is 0.5 at the limit, 1 for what is
    surely anomalous and 0 for what is surely normal, so that FAIL is a score of 0.5 and more.
    """

    def __init__(self, session: CloudSession, model: CloudModel) -> None:
        self.model, self._session = model, session
        version = int(model.version) if model.version.isdecimal() else 0
        place = urlsplit(model.endpoint or session.address.endpoint).hostname or "AWS"
        # There is no artefact here whose bytes could have a hash.
        self.ref = ModelRef(model.project, version, "", f"Lookout for Vision at {place}")

    def detect(self, image: Image) -> Detection:
        """Judges an (H, W, 3) uint8 BGR picture.

        Raises:
            PictureError: it is too small to be asked about.
            CloudError: no answer; says why.
        """
        began = time.perf_counter()
        body, size = packed(image)
        what = f"The model {self.model} can't be asked"
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            found = client(self._session, self.model.endpoint).detect_anomalies(
                ProjectName=self.model.project, ModelVersion=self.model.version, ContentType="image/jpeg", Body=body
            )
        except (BotoCoreError, ClientError) as error:
            raise in_words(error, what, "lookoutvision:DetectAnomalies") from error
        return detection_of(found.get("DetectAnomalyResult"), (image.shape[1], image.shape[0]), size, self.ref, began)

    def score(self, image: Image) -> float:
        """As of `detect`."""
        return self.detect(image).score


def detection_of(result: Any, shown: tuple[int, int], sent: tuple[int, int], ref: ModelRef, began: float) -> Detection:
    """An answer of DetectAnomalies, or of its successor, as a detection.

    Args:
        result: with IsAnomalous and Confidence; Anomalies and AnomalyMask (PNG, bytes or base64) may be missing.
        shown, sent: (width, height) of the original and of the picture that was asked about.
        began: `time.perf_counter` when it was asked.

    Raises:
        CloudError: it is no such answer.
    """
    try:
        anomalous, confidence = result["IsAnomalous"], float(result["Confidence"])
        if not isinstance(anomalous, bool) or not 0 <= confidence <= 1:
            raise ValueError("IsAnomalous is no truth value, or Confidence is not from 0 to 1")
        score = score_of(anomalous, confidence)
        mask = _mask(result.get("AnomalyMask"), sent)
        regions = _regions(mask, result.get("Anomalies") or [], score, shown) if anomalous else ()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CloudError(f"The answer of {ref} can't be read ({type(error).__name__}: {error}).") from error
    return Detection(
        score=score,
        threshold=_THRESHOLD,
        retest_from=_THRESHOLD,
        verdict=Verdict.FAIL if anomalous else Verdict.PASS,
        confidence=confidence,
        regions=regions,
        reason=_reason(anomalous, confidence, regions, shown),
        heat=_heat(mask, score, anomalous),
        heat_box=(0.0, 0.0, float(shown[0]), float(shown[1])),
        milliseconds=(time.perf_counter() - began) * 1000,
        model=ref,
    )


def score_of(anomalous: bool, confidence: float) -> float:
    """0.5 and more exactly where it is anomalous, the further from it the surer (`confidence` 0..1)."""
    if anomalous:
        return _THRESHOLD + confidence / 2
    return float(min(_THRESHOLD - confidence / 2, np.nextafter(_THRESHOLD, 0.0)))


def packed(image: Image) -> tuple[bytes, tuple[int, int]]:
    """(JPEG, (width, height) of it) of an (H, W, 3) uint8 BGR picture, made smaller where it has to be."""
    height, width = image.shape[:2]
    if min(width, height) < LEAST_SIDE:
        raise PictureError(f"A picture of {width} x {height} is too small to be asked about: {LEAST_SIDE} at least.")
    scale = min(1.0, MOST_SIDE / max(width, height))
    if scale < 1:
        width, height = max(LEAST_SIDE, round(width * scale)), max(LEAST_SIDE, round(height * scale))
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    for quality in (95, 85, 70, 50):
        body = encode_jpeg(image, quality)
        if len(body) <= MOST_BYTES:
            return body, (width, height)
    raise PictureError("A picture has more than 8 MB, even as a coarse JPEG.")


def _mask(data: object, size: tuple[int, int]) -> NDArray[np.uint8] | None:
    """(H, W, 3) uint8 BGR; None where there is none or it can't be read: the verdict stands without."""
    try:
        data = base64.b64decode(data, validate=True) if isinstance(data, str) else data
        mask = decode_picture(data) if isinstance(data, bytes) and data else None
    except (PictureError, ValueError):
        return None
    if mask is None:
        return None
    return mask if mask.shape[:2] == (size[1], size[0]) else None


def _regions(
    mask: NDArray[np.uint8] | None, anomalies: list[Mapping[str, Any]], score: float, shown: tuple[int, int]
) -> tuple[Region, ...]:
    """The mask's areas in pixels of the original, the largest first."""
    if mask is None:
        return ()
    across, down = shown[0] / mask.shape[1], shown[1] / mask.shape[0]
    found = []
    for one in anomalies:
        name, colour = str(one.get("Name", "")), str((one.get("PixelAnomaly") or {}).get("Color", ""))
        if name.lower() == "background" or len(colour) != 7:
            continue
        try:
            bgr = bytes.fromhex(colour[1:])[::-1]
        except ValueError:
            continue
        area = (mask == np.frombuffer(bgr, np.uint8)).all(axis=2).astype(np.uint8)
        outlines, _ = cv2.findContours(area, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        for outline in outlines:
            x, y, width, height = cv2.boundingRect(outline)
            inside = np.zeros((height, width), np.uint8)
            cv2.drawContours(inside, [outline], -1, 1, cv2.FILLED, offset=(-x, -y))
            pixels = int(np.count_nonzero(inside & area[y : y + height, x : x + width]))
            if pixels < _SMALLEST:
                continue
            points = tuple((round(px * across), round(py * down)) for px, py in outline.reshape(-1, 2).tolist())
            found.append(
                Region(
                    round(x * across),
                    round(y * down),
                    max(1, round(width * across)),
                    max(1, round(height * down)),
                    max(1, round(pixels * across * down)),
                    name or "anomaly",
                    score,
                    points if len(points) >= 3 else (),
                )
            )
    return tuple(sorted(found, key=lambda region: -region.area)[:_MOST_REGIONS])


def _heat(mask: NDArray[np.uint8] | None, score: float, anomalous: bool) -> NDArray[np.float32]:
    """The share of each cell that the mask marks, on the scale of the score."""
    if mask is None or not anomalous:
        return np.full((1, 1), score, np.float32)
    marked = (mask != 255).any(axis=2).astype(np.float32)
    scale = min(1.0, _GRID / max(marked.shape))
    size = max(1, round(marked.shape[1] * scale)), max(1, round(marked.shape[0] * scale))
    return np.asarray(cv2.resize(marked, size, interpolation=cv2.INTER_AREA) * score, np.float32)


def _reason(anomalous: bool, confidence: float, regions: tuple[Region, ...], size: tuple[int, int]) -> str:
    if not anomalous:
        return f"normal, {confidence:.2f} sure, judged in the cloud"
    where = f"{regions[0].label}, {place_words(regions[0], size)}" if regions else "anomaly"
    return f"{where}, {confidence:.2f} sure, judged in the cloud"
