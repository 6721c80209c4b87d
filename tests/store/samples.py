"""Inspections, alarms and stores for the tests of the record and the reports."""

from __future__ import annotations

import sqlite3
import uuid
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from app.domain.alarm import Alarm, AlarmChange, AlarmEvent
from app.domain.inspection import Inspection, ModelRef
from app.domain.region import Region
from app.domain.verdict import Verdict
from app.store import Store

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MODEL = ModelRef("plate", 3, "ab" * 32, "EfficientNet-Lite0")
SCRATCH = Region(10, 20, 60, 40, 1234, "scratch", 0.83, ((10, 20), (70, 25), (40, 60)))


def inspection(second: float = 0.0, verdict: Verdict = Verdict.PASS, **changes: Any) -> Inspection:
    """A plain inspection captured `second` seconds after `NOON`."""
    moment = NOON + timedelta(seconds=second)
    plain = Inspection(
        id=uuid.uuid4().hex,
        part_id=str(int(second) + 1),
        captured_at=moment,
        judged_at=moment + timedelta(milliseconds=15),
        source="demo",
        station="Station 1",
        product="Plate",
        frame_id=int(second),
        width=640,
        height=480,
        verdict=verdict,
        score=0.83 if verdict is Verdict.FAIL else 0.31,
        threshold=0.61,
        retest_from=0.55,
        confidence=None,
        reason="scratch, upper left, 0.83 >= 0.61" if verdict is Verdict.FAIL else "0.31 < 0.55",
        regions=(SCRATCH,) if verdict is Verdict.FAIL else (),
        model=MODEL,
        milliseconds=14.5,
    )
    return replace(plain, **changes)


def alarm(second: float = 0.0, **changes: Any) -> Alarm:
    """A plain defect alarm raised `second` seconds after `NOON`."""
    moment = NOON + timedelta(seconds=second)
    plain = Alarm(uuid.uuid4().hex, "defect", "Defect: scratch, upper left", "Part 7", "demo", moment, moment)
    return replace(plain, **changes)


def raised(*alarms: Alarm) -> AlarmChange:
    """What is committed for these alarms."""
    return AlarmChange(alarms)


def acknowledged(alarm: Alarm, by: str, at: datetime) -> AlarmChange:
    """What is committed when somebody has seen an alarm that happened in a moment."""
    seen = replace(alarm, acknowledged_at=at, acknowledged_by=by, ended_at=at)
    return AlarmChange((seen,), (AlarmEvent(alarm.id, at, by, "acknowledged"),))


def open_store(folder: Path, reserve_bytes: int = 0) -> Store:
    return Store.open(folder / "linesight.db", folder / "images", reserve_bytes=reserve_bytes)


def integrity(folder: Path) -> str:
    """SQLite's own word on the closed database: "ok"."""
    with closing(sqlite3.connect(folder / "linesight.db")) as connection:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])
