"""The state machine: raised, seen, gone, put aside, over."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.alarms import AlarmBook, states
from app.domain.alarm import Alarm, AlarmState
from app.domain.errors import LinesightError
from app.store import Store
from tests.alarms.clocks import Clock
from tests.store.samples import NOON, alarm

LASTING = replace(alarm(), kind="camera", lasting=True)


def test_a_cause_that_goes_after_it_was_seen_ends_the_alarm() -> None:
    seen = states.acknowledge(LASTING, "Operator", NOON)
    assert (LASTING.state, seen.state) == (AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED)
    gone = states.clear(seen, NOON + timedelta(minutes=1))
    assert (gone.state, gone.ended_at) == (AlarmState.NORMAL, NOON + timedelta(minutes=1))


def test_a_cause_that_goes_before_it_was_seen_waits_for_somebody() -> None:
    gone = states.clear(LASTING, NOON)
    assert gone.state is AlarmState.CLEARED and gone.waits
    assert states.acknowledge(gone, "Operator", NOON).state is AlarmState.NORMAL
    back = states.again(gone, "Camera lost", "Again.", NOON + timedelta(minutes=5))
    assert (back.state, back.count) == (AlarmState.UNACKNOWLEDGED, 2)
    assert back.waiting_since == NOON + timedelta(minutes=5)


def test_what_happens_in_a_moment_is_over_when_it_was_seen() -> None:
    assert states.clear(alarm(), NOON).state is AlarmState.UNACKNOWLEDGED
    assert states.acknowledge(alarm(), "Operator", NOON).state is AlarmState.NORMAL


def test_off_the_shelf_an_alarm_stands_as_its_cause_does() -> None:
    aside = states.shelve(LASTING, "Operator", "Lens is cleaned", NOON + timedelta(hours=1), NOON)
    assert aside.state is AlarmState.SHELVED and not aside.waits
    assert states.unshelve(aside, NOON + timedelta(hours=1)).state is AlarmState.UNACKNOWLEDGED
    gone = states.clear(aside, NOON + timedelta(minutes=1))
    assert gone.state is AlarmState.SHELVED, "it stays aside, since it may come again"
    assert states.unshelve(gone, NOON + timedelta(hours=1)).state is AlarmState.NORMAL


STEPS = {
    "again": lambda one, at: states.again(one, "T", "D", at),
    "acknowledge": lambda one, at: states.acknowledge(one, "Operator", at),
    "clear": states.clear,
    "shelve": lambda one, at: states.shelve(one, "Operator", "why", at + timedelta(hours=1), at),
    "unshelve": states.unshelve,
}


@given(some.lists(some.sampled_from(sorted(STEPS)), max_size=30), some.booleans())
def test_whatever_comes_in_whatever_order(steps: list[str], lasting: bool) -> None:
    """An end is an end, nothing is over unseen unless it was put aside, and what waits was not seen."""
    one: Alarm = replace(alarm(), lasting=lasting)
    shelved = False
    for minute, step in enumerate(steps):
        if one.ended_at is not None:
            break  # the next cause makes a new alarm
        one = STEPS[step](one, NOON + timedelta(minutes=minute))
        shelved = shelved or step == "shelve"
        assert one.count >= 1 and one.last_at >= one.raised_at
        if one.state is AlarmState.NORMAL:
            assert one.acknowledged_at is not None or shelved
            assert one.cleared_at is not None or not lasting
        assert not (one.waits and one.acknowledged_at is not None)


def test_shelving_ends_by_itself_and_is_on_record(store: Store, clock: Clock) -> None:
    book = AlarmBook(store, now=clock.now)
    book.raise_alarm("rounds", "Cell 4", "A round was missed", "It was due at 12:00.")
    (one,) = book.active()
    with pytest.raises(LinesightError, match="why"):
        book.shelve(one.id, "Operator", "  ", clock.now() + timedelta(minutes=15))
    with pytest.raises(LinesightError, match="a week"):
        book.shelve(one.id, "Operator", "Line is down", clock.now() + timedelta(days=8))
    book.shelve(one.id, "Operator", "Line is down", clock.now() + timedelta(minutes=15))
    assert book.active() == [] and [each.id for each in book.shelved()] == [one.id]
    book.raise_alarm("rounds", "Cell 4", "A round was missed", "It was due at 12:10.")
    clock.forward(minutes=14)
    book.tick()
    assert book.active() == []
    clock.forward(minutes=1)
    book.tick()
    (back,) = book.active()
    assert (back.id, back.count, back.state) == (one.id, 2, AlarmState.UNACKNOWLEDGED)
    events = [(event.what, event.person) for event in store.alarming.events(one.id)]
    assert events == [("raised", ""), ("shelved", "Operator"), ("unshelved", "")]
    assert [(entry.person, entry.action) for entry in store.audit_entries()] == [("Operator", "shelve")]


def test_states_after_a_restart_are_the_ones_before(store: Store, clock: Clock) -> None:
    book = AlarmBook(store, now=clock.now)
    for place in ("seen", "gone", "aside", "waiting"):
        book.raise_alarm("camera", place, "Camera lost", "Check its plug.")
    by_place = {one.source: one for one in book.active()}
    book.acknowledge(by_place["seen"].id, "Operator")
    book.clear("camera", "gone")
    book.shelve(by_place["aside"].id, "Operator", "It is being replaced", clock.now() + timedelta(hours=8))
    again = AlarmBook(store, now=clock.now)
    assert again.active() == book.active() and again.shelved() == book.shelved()
    assert {one.source: one.state for one in (*again.active(), *again.shelved())} == {
        "seen": AlarmState.ACKNOWLEDGED,
        "gone": AlarmState.CLEARED,
        "aside": AlarmState.SHELVED,
        "waiting": AlarmState.UNACKNOWLEDGED,
    }
    again.clear("camera")
    assert sorted(one.source for one in again.active()) == ["gone", "waiting"], "what was seen is over"
