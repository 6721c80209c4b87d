"""Alarms are grouped by id, and seen once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from app.domain.alarm import AlarmChange
from app.store import Store
from tests.store.samples import NOON, acknowledged, alarm, raised


def test_a_repeated_cause_raises_the_count_of_one_alarm(store: Store) -> None:
    first = alarm(inspection_id="a" * 32, image_path="images/2026/11/22/a.png")
    store.alarming.commit(raised(first))
    later = replace(
        first,
        last_at=NOON + timedelta(seconds=30),
        count=3,
        detail="Part 9",
        inspection_id="b" * 32,
        image_path="images/2026/11/22/b.png",
    )
    store.alarming.commit(raised(later))
    assert store.active_alarms() == [later]
    assert store.alarm_history() == [later]


def test_an_older_state_arriving_late_takes_nothing_back(store: Store) -> None:
    newer = alarm(0, last_at=NOON + timedelta(seconds=30), count=3, detail="Part 9")
    store.alarming.commit(raised(newer))
    store.alarming.commit(raised(replace(newer, last_at=NOON + timedelta(seconds=10), count=2, detail="Part 8")))
    assert store.active_alarms() == [newer]


def test_the_first_acknowledgement_stays(store: Store) -> None:
    one = alarm()
    store.alarming.commit(raised(one))
    change = acknowledged(one, "Operator", NOON + timedelta(minutes=1))
    store.alarming.commit(change)
    (seen,) = change.alarms
    store.alarming.commit(AlarmChange(acknowledged(one, "Somebody else", NOON + timedelta(minutes=9)).alarms))
    assert store.alarm_history() == [seen]
    store.alarming.commit(raised(replace(one, count=2)))  # the writer did not know of it yet
    assert store.active_alarms() == []
    assert store.alarm_history() == [replace(seen, count=2)]


def test_active_and_history_are_newest_cause_first(store: Store) -> None:
    alarms = [alarm(second) for second in (3, 9, 1)]
    for one in alarms:
        store.alarming.commit(raised(one))
    store.alarming.commit(acknowledged(alarms[0], "Operator", NOON + timedelta(minutes=1)))
    assert [found.id for found in store.active_alarms()] == [alarms[1].id, alarms[2].id]
    assert [found.id for found in store.alarm_history()] == [alarms[1].id, alarms[0].id, alarms[2].id]
    assert [found.id for found in store.alarm_history(limit=1)] == [alarms[1].id]


def test_alarms_of_a_period_are_those_with_a_cause_in_it(store: Store) -> None:
    before, across, inside, after = alarm(0), alarm(5, last_at=NOON + timedelta(seconds=25)), alarm(15), alarm(20)
    for one in (before, across, inside, after):
        store.alarming.commit(raised(one))
    found = store.alarms(NOON + timedelta(seconds=10), NOON + timedelta(seconds=20))
    assert [one.id for one in found] == [across.id, inside.id]
