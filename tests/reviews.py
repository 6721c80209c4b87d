"""Stations whose record holds real pictures to be reviewed."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from app.domain.inspection import Inspection, ModelRef
from app.domain.region import Region
from app.domain.verdict import Verdict
from app.store import Store

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
PRODUCT = "Magnetic tile"
MODEL = ModelRef(PRODUCT, 1, "ab" * 32, "EfficientNet-Lite0")
CRACK = Region(40, 30, 60, 40, 2000, "crack", 1.4, ((40, 30), (99, 30), (99, 69), (40, 69)))


def tiles(shared_data: Path, good: int, bad: int = 0) -> list[Path]:
    """Files of magnetic tiles: good ones first."""
    normal = sorted((shared_data / "magnetic-tile" / "normal").iterdir())[:good]
    return normal + sorted((shared_data / "magnetic-tile" / "anomaly" / "crack").iterdir())[:bad]


def record(store: Store, picture: Path, verdict: Verdict = Verdict.RETEST, **changes: Any) -> Inspection:
    """Puts a part with this picture on record, captured a minute before `NOW` for each one there is."""
    number = len(store.reviewing.judged(NOW - timedelta(days=30)))
    import cv2

    image = cv2.imread(str(picture))
    id = uuid.uuid4().hex
    when = changes.pop("captured_at", NOW - timedelta(minutes=200 - number))
    path, digest = store.save_image(id, when, picture.read_bytes(), picture.suffix)
    values = {
        "id": id,
        "part_id": f"T-{number + 1}",
        "captured_at": when,
        "judged_at": when,
        "source": "usb:0",
        "station": "Station 1",
        "product": PRODUCT,
        "frame_id": number,
        "width": image.shape[1],
        "height": image.shape[0],
        "verdict": verdict,
        "score": {Verdict.PASS: 0.4, Verdict.FAIL: 1.6}.get(verdict, 0.97),
        "threshold": 1.0,
        "retest_from": 0.95,
        "confidence": 0.99,
        "reason": "crack, upper left, 1.60 ≥ 1.00",
        "regions": (CRACK,) if verdict is not Verdict.PASS else (),
        "model": MODEL,
        "milliseconds": 20.0,
        "image_path": path,
        "image_sha256": digest,
    } | changes
    inspection = Inspection(**values)
    store.add_inspection(inspection)
    return inspection
