"""Alarms are grouped by id, and seen once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.errors import StoreError
from app.store import Store
from tests.store.samples import NOON, alarm


def test_a_repeated_cause_raises_the_count_of_one_alarm(store: Store) -> None:
    first = alarm(inspection_id="a" * 32, image_path="images/2026/11/22/a.png")
    store.upsert_alarm(first)
    later = replace(
        first,
        last_at=NOON + timedelta(seconds=30),
        count=3,
        detail="Part 9",
        inspection_id="b" * 32,
        image_path="images/2026/11/22/b.png",
    )
    store.upsert_alarm(later)
    assert store.active_alarms() == [later]
    assert store.alarm_history() == [later]


def test_an_older_state_arriving_late_takes_nothing_back(store: Store) -> None:
    newer = alarm(0, last_at=NOON + timedelta(seconds=30), count=3, detail="Part 9")
    store.upsert_alarm(newer)
    store.upsert_alarm(replace(newer, last_at=NOON + timedelta(seconds=10), count=2, detail="Part 8"))
    assert store.active_alarms() == [newer]


def test_the_first_acknowledgement_stays(store: Store) -> None:
    raised = alarm()
    store.upsert_alarm(raised)
    seen = store.acknowledge(raised.id, "Operator", NOON + timedelta(minutes=1))
    assert seen == replace(raised, acknowledged_at=NOON + timedelta(minutes=1), acknowledged_by="Operator")
    assert store.acknowledge(raised.id, "Somebody else", NOON + timedelta(minutes=9)) == seen
    store.upsert_alarm(replace(raised, count=2))  # the writer did not know of it yet
    assert store.active_alarms() == []
    assert store.alarm_history() == [replace(seen, count=2)]


def test_active_and_history_are_newest_cause_first(store: Store) -> None:
    alarms = [alarm(second) for second in (3, 9, 1)]
    for raised in alarms:
        store.upsert_alarm(raised)
    store.acknowledge(alarms[0].id, "Operator", NOON + timedelta(minutes=1))
    assert [found.id for found in store.active_alarms()] == [alarms[1].id, alarms[2].id]
    assert [found.id for found in store.alarm_history()] == [alarms[1].id, alarms[0].id, alarms[2].id]
    assert [found.id for found in store.alarm_history(limit=1)] == [alarms[1].id]


def test_alarms_of_a_period_are_those_with_a_cause_in_it(store: Store) -> None:
    before, across, inside, after = alarm(0), alarm(5, last_at=NOON + timedelta(seconds=25)), alarm(15), alarm(20)
    for raised in (before, across, inside, after):
        store.upsert_alarm(raised)
    found = store.alarms(NOON + timedelta(seconds=10), NOON + timedelta(seconds=20))
    assert [raised.id for raised in found] == [across.id, inside.id]


def test_acknowledging_what_is_not_there_says_so(store: Store) -> None:
    with pytest.raises(StoreError, match="no alarm nowhere"):
        store.acknowledge("nowhere", "Operator", NOON)
