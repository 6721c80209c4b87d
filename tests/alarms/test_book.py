"""Alarms are grouped until somebody has seen them, and are on record with what caused them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.alarms import AlarmBook
from app.domain.alarm_rule import AlarmConfig, AlarmRule, RuleKind
from app.domain.errors import StoreFullError
from app.domain.inspection import Inspection
from app.domain.verdict import Verdict
from app.store import Store
from tests.store.samples import NOON, inspection, open_store

SIZE = (640, 480)
RULES = AlarmConfig(rules=(AlarmRule("defect", RuleKind.DEFECT), AlarmRule("camera", RuleKind.CAMERA)))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path) as store:
        yield store


def record(store: Store, book: AlarmBook, row: Inspection) -> None:
    with book.raised_by(row, SIZE) as alarm:
        store.add_inspection(row, alarm)


def test_a_cause_that_repeats_raises_the_count_and_shows_the_newest(store: Store) -> None:
    book = AlarmBook(store, config=RULES)
    rows = [inspection(second, Verdict.FAIL, image_path=f"images/{second}.png") for second in (0, 5, 9)]
    for row in rows:
        record(store, book, row)
    (alarm,) = book.active()
    assert (alarm.count, alarm.kind, alarm.source) == (3, "defect", "demo")
    assert alarm.title == "Defect: scratch, upper left"
    assert (alarm.raised_at, alarm.last_at) == (NOON, NOON + timedelta(seconds=9))
    assert (alarm.inspection_id, alarm.image_path) == (rows[-1].id, "images/9.png")
    assert f"Part {rows[-1].part_id}" in alarm.detail
    assert store.active_alarms() == [alarm]


def test_other_sources_and_kinds_are_other_alarms(store: Store) -> None:
    book = AlarmBook(store, config=RULES)
    record(store, book, inspection(0, Verdict.FAIL))
    record(store, book, inspection(1, Verdict.FAIL, source="usb:0"))
    record(store, book, inspection(2, Verdict.ERROR, reason="", error="The detector failed."))
    book.raise_alarm("camera", "usb:0", "Camera lost", "usb:0 looks unplugged.")
    assert sorted((alarm.kind, alarm.source) for alarm in book.active()) == [
        ("camera", "usb:0"),
        ("defect", "demo"),
        ("defect", "usb:0"),
        ("error", "demo"),
    ]
    assert "The detector failed." in next(alarm.detail for alarm in book.active() if alarm.kind == "error")


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.RETEST])
def test_nothing_to_look_at_raises_nothing(store: Store, verdict: Verdict) -> None:
    told: list[int] = []
    book = AlarmBook(store, config=RULES, on_change=lambda: told.append(1))
    record(store, book, inspection(0, verdict))
    assert book.active() == [] and told == []
    assert len(store.recent()) == 1


def test_after_an_acknowledgement_the_next_cause_is_a_new_alarm(store: Store) -> None:
    seen_at = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
    book = AlarmBook(store, config=RULES, now=lambda: seen_at)
    record(store, book, inspection(0, Verdict.FAIL))
    (first,) = book.active()
    book.acknowledge(first.id, "operator")
    assert book.active() == [] == store.active_alarms()
    record(store, book, inspection(5, Verdict.FAIL))
    (second,) = book.active()
    assert second.id != first.id and second.count == 1
    kept = {alarm.id: alarm for alarm in store.alarm_history()}
    assert (kept[first.id].acknowledged_by, kept[first.id].acknowledged_at) == ("operator", seen_at)
    book.acknowledge(first.id, "somebody else")  # again, and unknown ones: nothing
    book.acknowledge("nowhere", "operator")
    assert {alarm.id: alarm for alarm in store.alarm_history()}[first.id] == kept[first.id]
    assert book.active() == [second]


def test_open_alarms_survive_a_restart_and_go_on_counting(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        book = AlarmBook(store, config=RULES)
        record(store, book, inspection(0, Verdict.FAIL))
        book.raise_alarm("camera", "usb:0", "Camera lost", "usb:0 looks unplugged.")
        before = book.active()
    with open_store(tmp_path) as store:
        book = AlarmBook(store, config=RULES)
        assert book.active() == before
        record(store, book, inspection(5, Verdict.FAIL))
        (defect,) = (alarm for alarm in book.active() if alarm.kind == "defect")
        assert defect.count == 2
        assert defect.id in {alarm.id for alarm in before}


def test_an_alarm_is_committed_with_its_inspection_or_not_at_all(store: Store) -> None:
    told: list[int] = []
    book = AlarmBook(store, config=RULES, on_change=lambda: told.append(len(store.active_alarms())))
    row = inspection(0, Verdict.FAIL)
    with pytest.raises(StoreFullError), book.raised_by(row, SIZE) as alarm:
        assert alarm is not None
        assert book.active() == []
        raise StoreFullError("There is no room.")
    assert book.active() == [] and store.active_alarms() == [] and told == []
    record(store, book, row)
    assert told == [1], "the alarm is on record before anybody hears of it"
    assert book.active()[0].count == 1


def test_an_alarm_that_cannot_be_written_is_shown_and_kept_when_seen(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(alarm: object) -> None:
        raise StoreFullError("There is no room.")

    book = AlarmBook(store, config=RULES)
    with monkeypatch.context() as patch:
        patch.setattr(store.alarming, "commit", full)
        book.raise_alarm("disk", "demo", "Pictures are not kept", "The disk is full.")
    (alarm,) = book.active()
    assert store.active_alarms() == []
    book.acknowledge(alarm.id, "operator")
    (kept,) = store.alarm_history()
    assert kept.id == alarm.id and kept.acknowledged_by == "operator"


def test_looking_at_the_alarms_never_waits_for_a_commit(store: Store) -> None:
    """The screen looks from its own thread, and a commit on a slow disk takes long."""
    book = AlarmBook(store, config=RULES)
    record(store, book, inspection(0, Verdict.FAIL))
    looked: list[int] = []
    with book.raised_by(inspection(1, Verdict.FAIL), SIZE):
        looker = threading.Thread(target=lambda: looked.append(book.active()[0].count))
        looker.start()
        looker.join(5)
        assert looked == [1]
    assert book.active()[0].count == 2
