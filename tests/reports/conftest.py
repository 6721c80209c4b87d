from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import cv2
import numpy as np
import pytest

from app.domain.inspection import Inspection
from app.domain.region import Region
from app.domain.verdict import Verdict
from app.pictures import encode_png
from app.store import Store
from tests.store.samples import MODEL, acknowledged, alarm, inspection, open_store, raised

ZONE = ZoneInfo("Europe/Berlin")
BEGINS = time(6)


@dataclass(frozen=True)
class Days:
    """Three days around the end of summer time, with everything a report has to tell apart."""

    store: Store
    rows: list[Inspection]
    first: date
    last: date


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "data") as store:
        yield store


@pytest.fixture
def days(store: Store) -> Days:
    pick = random.Random(11)
    start = datetime(2026, 10, 24, 4, tzinfo=UTC)  # 06:00 of that day in Berlin, the day before the change
    picture = np.full((240, 320, 3), 140, np.uint8)
    cv2.circle(picture, (100, 90), 12, (30, 30, 30), -1)
    rows = []
    for number in range(240):
        verdict = pick.choices(list(Verdict), [70, 20, 6, 4])[0]
        score = None if verdict is Verdict.ERROR else round(pick.uniform(0, 1), 4)
        regions = tuple(
            Region(
                80,
                70,
                40,
                40,
                900,
                pick.choice(["scratch", "dent", "missing bolt"]),
                0.9,
                ((80, 70), (120, 75), (100, 110)),
            )
            for _ in range(pick.choice([0, 1, 1, 2, 3]) if verdict is Verdict.FAIL else 0)
        )
        row = inspection(
            number,
            verdict,
            captured_at=start + timedelta(seconds=pick.uniform(-3600, 74 * 3600)),
            score=score,
            regions=regions,
            product=pick.choice(["Plate", "Cover & lid"]),
            source=pick.choice(["demo", "usb:0", "folder:/srv/parts"]),
            model=pick.choice([MODEL, replace(MODEL, version=4), None]) if score is not None else None,
            milliseconds=round(pick.uniform(8, 30), 3) if score is not None else None,
            error="" if score is not None else "The detector gave no answer.",
            width=320,
            height=240,
        )
        if verdict is Verdict.FAIL:
            path, sha256 = store.save_image(row.id, row.captured_at, encode_png(picture), ".png")
            row = replace(row, image_path=path, image_sha256=sha256)
        rows.append(row)
        store.add_inspection(row)
    at = start + timedelta(hours=3)
    for number in range(4):
        one = alarm(raised_at=at, last_at=at + timedelta(minutes=number), count=number + 1)
        store.alarming.commit(raised(one))
    seen_at = at + timedelta(hours=25, minutes=1)
    store.alarming.commit(acknowledged(store.active_alarms()[0], "Operator", seen_at))
    store.alarming.commit(raised(alarm(raised_at=start - timedelta(days=2), last_at=start - timedelta(days=2))))
    return Days(store, rows, date(2026, 10, 24), date(2026, 10, 26))
