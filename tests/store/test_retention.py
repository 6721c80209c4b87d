"""Pictures go by rule, after it was shown which; rows never do."""

from __future__ import annotations

import json
import uuid
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from app.domain.errors import Cancelled
from app.domain.inspection import Inspection
from app.domain.person import Action, Role
from app.domain.retention import Deletion, RetentionRule
from app.domain.verdict import Verdict
from app.paths import DataFolder
from app.people import NotAllowed
from app.station import Station
from app.store import Store
from app.store import retention as retention_module
from app.store.retention import Retention
from tests.store.samples import NOON, inspection

NOW = NOON + timedelta(days=100)
PLENTY = 1 << 60


def _add(store: Store, days: float, verdict: Verdict, size: int = 1000) -> Inspection:
    """A part captured `days` before NOW, with a picture of `size` bytes."""
    moment = NOW - timedelta(days=days)
    id = uuid.uuid4().hex
    path, digest = store.save_image(id, moment, bytes(size), ".png")
    part = inspection(0, verdict, id=id, captured_at=moment, image_path=path, image_sha256=digest)
    store.add_inspection(part)
    return part


def _kept(store: Store) -> list[float]:
    """Days before NOW of the pictures that are there, oldest first; and the rows say the same."""
    there = []
    for part in reversed(store.recent(10_000)):
        present = store.image_file(part.image_path).is_file()
        assert present == (part.picture_removed_at is None)
        if present:
            there.append((NOW - part.captured_at) / timedelta(days=1))
    return there


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        (RetentionRule(), [50, 40, 30, 20, 10]),
        (RetentionRule(reject_days=35), [50, 30, 20, 10]),
        (RetentionRule(reject_days=15), [50, 30, 10]),
        (RetentionRule(pass_days=25), [40, 20, 10]),
        (RetentionRule(pass_share=0), [40, 20]),
        (RetentionRule(pass_share=0, sample_after_days=35), [40, 30, 20, 10]),
        (RetentionRule(reject_days=0, pass_days=0), []),
    ],
)
def test_by_age_and_verdict(store: Store, rule: RetentionRule, kept: list[float]) -> None:
    for days, verdict in zip((50, 40, 30, 20, 10), ("PASS", "FAIL", "PASS", "RETEST", "PASS"), strict=True):
        _add(store, days, Verdict(verdict))
    desk = Retention(store)
    plan = desk.plan(rule, NOW, PLENTY)
    assert _kept(store) == [50, 40, 30, 20, 10]  # planning deletes nothing
    assert (plan.pictures, plan.size) == (5 - len(kept), 1000 * (5 - len(kept)))
    assert desk.apply(plan, "Anna") == plan.pictures
    assert _kept(store) == kept
    assert len(store.recent(100)) == 5
    assert desk.plan(rule, NOW, PLENTY).pictures == 0


def test_the_plan_says_what_and_how_old(store: Store) -> None:
    old = _add(store, 50, Verdict.FAIL, 700)
    _add(store, 45, Verdict.FAIL, 300)
    new = _add(store, 30, Verdict.PASS, 90)
    plan = Retention(store).plan(RetentionRule(reject_days=40, pass_days=20), NOW, PLENTY)
    assert plan.deletions == (Deletion("FAIL, age", 2, 1000), Deletion("PASS, age", 1, 90))
    assert (plan.oldest, plan.newest) == (old.captured_at, new.captured_at)


def test_the_small_picture_counts_and_goes_with_its_picture(store: Store) -> None:
    kept, gone = _add(store, 10, Verdict.FAIL), _add(store, 40, Verdict.FAIL)
    for part in (kept, gone):
        store.save_small(part.image_path, bytes(300))
    plan = Retention(store).plan(RetentionRule(reject_days=30), NOW, PLENTY)
    assert plan.deletions == (Deletion("FAIL, age", 1, 1300),)
    assert Retention(store).apply(plan, "Anna") == 1
    assert _kept(store) == [10]
    assert [store.small_file(part.image_path).exists() for part in (kept, gone)] == [True, False]


def test_a_share_of_passes_is_a_sample_and_the_same_each_time(store: Store) -> None:
    for number in range(120):
        _add(store, 10 + number / 1000, Verdict.PASS, 1)
    rule, desk = RetentionRule(pass_share=0.25), Retention(store)
    desk.apply(desk.plan(rule, NOW, PLENTY), "")
    assert 12 < len(_kept(store)) < 50
    assert desk.plan(rule, NOW, PLENTY).pictures == 0


def test_when_the_disk_is_short_the_oldest_passes_go_first_and_no_more_than_needed(store: Store) -> None:
    for days, verdict in zip((50, 40, 30, 20, 10), ("FAIL", "PASS", "FAIL", "PASS", "PASS"), strict=True):
        _add(store, days, Verdict(verdict))
    desk = Retention(store)
    for short, kept in ((500, [50, 30, 20, 10]), (1500, [50, 30]), (1500, [])):
        plan = desk.plan(RetentionRule(keep_free_bytes=10_000), NOW, 10_000 - short)
        desk.apply(plan, "")
        assert _kept(store) == kept


def test_what_age_frees_counts_for_the_disk(store: Store) -> None:
    _add(store, 50, Verdict.FAIL)
    _add(store, 40, Verdict.PASS)
    plan = Retention(store).plan(RetentionRule(reject_days=45, keep_free_bytes=1000), NOW, 100)
    assert [(each.words, each.pictures) for each in plan.deletions] == [("FAIL, age", 1)]


def test_a_picture_that_is_gone_already_is_noted(store: Store) -> None:
    part = _add(store, 50, Verdict.PASS)
    _add(store, 45, Verdict.PASS)
    store.image_file(part.image_path).unlink()
    desk = Retention(store)
    plan = desk.plan(RetentionRule(pass_days=10), NOW, PLENTY)
    assert (plan.pictures, plan.missing) == (1, 1)
    assert desk.apply(plan, "") == 1
    assert _kept(store) == []


def test_what_came_after_the_plan_stays(store: Store) -> None:
    for days in (50, 49, 48):
        _add(store, days, Verdict.PASS)
    desk = Retention(store)
    plan = desk.plan(RetentionRule(pass_days=10), NOW, PLENTY)
    _add(store, 1, Verdict.PASS)
    assert desk.apply(plan, "") == 3
    assert _kept(store) == [1]


def test_it_can_be_stopped_between_batches_and_the_log_says_what_went(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention_module, "_BATCH", 10)
    for number in range(35):
        _add(store, 50 + number, Verdict.PASS)
    desk = Retention(store)
    plan = desk.plan(RetentionRule(pass_days=10), NOW, PLENTY)

    def step(fraction: float, words: str) -> None:
        if words.startswith("Picture 20"):
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        desk.apply(plan, "Anna", step)
    assert len(_kept(store)) == 15
    (row,) = store.audit_entries(1)
    assert (row.person, row.action) == ("Anna", "retention")
    told = json.loads(row.detail)
    assert (told["pictures"], told["bytes"], told["rule"]["pass_days"]) == (20, 20_000, 10)
    assert desk.apply(desk.plan(plan.rule, NOW, PLENTY), "Anna") == 15


def test_the_station_keeps_by_its_settings_and_asks_who(tmp_path: Path) -> None:
    data = DataFolder(tmp_path / "station")
    data.root.mkdir()
    data.settings.write_text("keep_rejects_days = 30\n")
    station = Station(data)
    try:
        for days in (40, 20):
            moment = datetime.now(NOON.tzinfo) - timedelta(days=days)
            id = uuid.uuid4().hex
            path, digest = station.store.save_image(id, moment, b"picture", ".png")
            station.store.add_inspection(
                inspection(0, Verdict.FAIL, id=id, captured_at=moment, image_path=path, image_sha256=digest)
            )
        plan = station.keeping.plan_retention().result(20)
        assert [(each.words, each.pictures) for each in plan.deletions] == [("FAIL, age", 1)]
        station.people.add("Erik", Role.ENGINEER, pin="2580")
        with pytest.raises(NotAllowed):
            station.keeping.apply_retention(plan)
        with pytest.raises(NotAllowed):
            station.keeping.back_up(tmp_path / "b.zip")
        station.people.sign_in("Erik", "2580")
        assert station.keeping.apply_retention(plan).result(20) == 1
        assert station.keeping.back_up(tmp_path / "b.zip").result(20).inspections == 2
        station.save_settings(sound=False)
        told = [(row.person, row.action) for row in station.store.audit_entries(3)]
        assert told == [("Erik", Action.SETTINGS), ("Erik", Action.BACKUP), ("Erik", Action.RETENTION)]
    finally:
        station.close()
