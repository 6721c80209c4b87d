"""Alarms among stations: whatever order messages come in, both end alike, and an answer is one to its episode."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.alarms import AlarmBook
from app.alarms.sharing import Heard, UnreadableError, joined, read, told
from app.domain.alarm import CLOUD_RULE, Alarm, AlarmState, Priority
from app.domain.alarm_rule import AlarmConfig, AlarmRule, RuleKind
from app.domain.notice import EscalationStep, Recipient
from app.store import Store
from tests.alarms.clocks import Clock
from tests.store.samples import NOON, alarm, open_store

OTHERS = Recipient("others", "Other stations", "sns", {"topic": "t"}, cleared=True)
SHIFT = Recipient("shift", "Shift lead", "email")
LOST = alarm(kind="camera", title="Camera lost", lasting=True, rule="camera", source="usb:0")
MINUTE = timedelta(minutes=1)


def said(one: Alarm, station: str) -> dict[str, Any]:
    """As a notice of the station says it."""
    plain = {
        "alarm": one.id,
        "kind": one.kind,
        "title": one.title,
        "detail": one.detail,
        "part": one.part_id,
        "priority": one.priority.name.lower(),
        "count": one.count,
        "raised_at": one.raised_at.isoformat(),
        "last_at": one.last_at.isoformat(),
        "station": station,
    }
    return plain | told(one, station)


def book(store: Store, clock: Clock, **config: Any) -> AlarmBook:
    rules = (AlarmRule("defect", RuleKind.DEFECT), AlarmRule("camera", RuleKind.CAMERA))
    made = AlarmBook(store, now=clock.now, config=AlarmConfig(rules=rules, recipients=(SHIFT,), **config))
    made.share_with(OTHERS)
    return made


def test_what_a_station_says_is_read_as_it_stands() -> None:
    one = replace(LOST, acknowledged_at=NOON + MINUTE, acknowledged_by="Susan", cleared_at=NOON + 2 * MINUTE, count=4)
    heard = read(said(one, "Line 1"))
    assert heard.by == heard.alarm.station == "Line 1" and not heard.alarm.own
    assert heard.alarm.source == "Line 1: usb:0"
    assert heard.alarm.acknowledged_by == "Susan at\u00a0Line 1"
    # Passed on by a second station it is still the first one's alarm and Susan's answer.
    assert read(said(heard.alarm, "Line 2")).alarm == heard.alarm


def test_every_order_of_messages_ends_alike() -> None:
    seen = replace(LOST, acknowledged_at=NOON + 3 * MINUTE, acknowledged_by="Mike")
    gone = replace(seen, cleared_at=NOON + 4 * MINUTE, ended_at=NOON + 4 * MINUTE)
    at_two = replace(read(said(LOST, "One")).alarm, acknowledged_at=NOON + 2 * MINUTE, acknowledged_by="Susan")
    messages = [read(said(LOST, "One")), read(said(seen, "One")), read(said(gone, "One")), read(said(at_two, "Two"))]
    ends = set()
    for order in itertools.permutations(messages):
        state: Alarm | None = None
        for heard in (*order, order[0]):  # and one twice
            state = joined(state, heard)
        assert state is not None
        ends.add((state.state, state.acknowledged_at, state.acknowledged_by, state.cleared_at))
    assert ends == {(AlarmState.NORMAL, NOON + 2 * MINUTE, "Susan at\u00a0Two", NOON + 4 * MINUTE)}


@pytest.mark.parametrize(
    "change",
    [{"alarm": "x"}, {"raised_at": "soon"}, {"priority": "urgent"}, {"count": None}, {"title": 5}, {"station": ""}],
)
def test_a_broken_message_says_why(change: dict[str, Any]) -> None:
    with pytest.raises(UnreadableError, match="A message"):
        read(said(LOST, "One") | change)


def test_an_answer_given_elsewhere_ends_a_defect_here_and_is_not_told_again(store: Store, clock: Clock) -> None:
    here = book(store, clock)
    here.raise_alarm("defect", "demo", "Defect: scratch", "Part 7")
    (one,) = here.active()
    assert [notice.recipient for notice in store.alarming.notices.due(NOON)] == ["others", "shift"]
    answer = replace(read(said(one, "One")).alarm, acknowledged_at=NOON + MINUTE, acknowledged_by="Susan")
    heard = read(said(answer, "Two"))
    assert here.hear(heard) and not here.hear(heard)
    assert here.active() == []
    row = store.alarming.alarm(one.id)
    assert row is not None and row.alarm.acknowledged_by == "Susan at\u00a0Two" and row.alarm.rule == "defect"
    assert [event.what for event in store.alarming.events(one.id)] == ["raised", "acknowledged"]
    assert len(store.alarming.notices.due(NOON)) == 2  # no echo


def test_of_two_answers_the_first_by_time_stays_on_both(store: Store, clock: Clock) -> None:
    here = book(store, clock)
    here.raise_alarm("camera", "usb:0", "Camera lost", "No picture")
    (one,) = here.active()
    clock.forward(minutes=5)
    here.acknowledge(one.id, "Mike")
    earlier = replace(read(said(one, "One")).alarm, acknowledged_at=NOON + MINUTE, acknowledged_by="Susan")
    later = replace(earlier, acknowledged_at=NOON + 9 * MINUTE, acknowledged_by="Peter")
    assert not here.hear(read(said(later, "Three")))
    assert here.hear(read(said(earlier, "Two")))
    (now,) = here.active()
    assert (now.acknowledged_by, now.acknowledged_at) == ("Susan at\u00a0Two", NOON + MINUTE)
    row = store.alarming.alarm(one.id)
    assert row is not None and row.alarm == now
    assert "Mike had answered later" in store.alarming.events(one.id)[-1].words


def test_an_answer_to_an_earlier_episode_is_none_to_a_later_one(store: Store, clock: Clock) -> None:
    here = book(store, clock)
    here.raise_alarm("camera", "usb:0", "Camera lost", "No picture")
    (one,) = here.active()
    answer = replace(read(said(one, "One")).alarm, acknowledged_at=NOON + MINUTE, acknowledged_by="Susan")
    here.clear("camera", "usb:0")
    clock.forward(hours=2)
    here.raise_alarm("camera", "usb:0", "Camera lost", "No picture")
    assert not here.hear(read(said(answer, "Two")))
    (again,) = here.active()
    assert again.state is AlarmState.UNACKNOWLEDGED
    # The other station, where it was over, shows it once more.
    over = replace(answer, cleared_at=NOON + MINUTE, ended_at=NOON + MINUTE)
    anew = joined(over, read(said(again, "One")))
    assert anew.state is AlarmState.UNACKNOWLEDGED and anew.count == 2


def test_an_alarm_of_another_station_is_shown_here_and_kept_over_a_restart(
    store: Store, clock: Clock, tmp_path: Any
) -> None:
    here = book(store, clock, escalation=(EscalationStep(1, ("shift",)),))
    assert here.hear(read(said(LOST, "One")))
    (shown,) = here.active()
    assert (shown.id, shown.source, shown.waits) == (LOST.id, "One: usb:0", True)
    clock.forward(minutes=30)
    here.tick()
    assert store.alarming.notices.due(clock.now()) == []  # its own station tells people
    here.use(AlarmConfig(rules=()))  # nor is it one of the rules here
    here.clear("camera")  # the line here was stopped
    assert here.active() == [shown]
    here.acknowledge(shown.id, "Mike")
    assert [(each.recipient, each.reason) for each in store.alarming.notices.due(clock.now())] == [
        ("others", "acknowledged")
    ]
    again = AlarmBook(store, now=clock.now)
    assert [(one.id, one.state) for one in again.active()] == [(LOST.id, AlarmState.ACKNOWLEDGED)]
    gone = replace(LOST, cleared_at=NOON + MINUTE)
    assert again.hear(read(said(gone, "One")))
    assert again.active() == []


def test_a_cause_in_the_cloud_counts_once_however_often_it_is_told(store: Store, clock: Clock) -> None:
    here = book(store, clock)

    def verdict(number: int) -> Heard:
        at = NOON + number * MINUTE
        one = Alarm(f"{number:032x}", "defect", "Defect", f"Part {number}", "L / C", at, at, rule=CLOUD_RULE)
        return Heard(one, "", one.id)

    for number in (1, 2, 2, 1, 3, 3):
        here.hear(verdict(number))
    (one,) = here.active()
    assert (one.count, one.detail, one.priority) == (3, "Part 3", Priority.MEDIUM)
    # Another station, which heard of the second first, answers for all it saw.
    elsewhere = replace(verdict(2).alarm, last_at=NOON + 3 * MINUTE, count=2)
    elsewhere = replace(elsewhere, acknowledged_at=NOON + 4 * MINUTE, acknowledged_by="Susan")
    assert here.hear(read(said(elsewhere, "Two")))
    assert here.active() == []
    assert not here.hear(verdict(3)) and here.active() == []
    assert store.alarming.notices.recent() == []  # what came in is no notice that went out
    assert store.alarming.notices.next_due() is None


def test_what_cant_be_written_is_not_taken(tmp_path: Any, clock: Clock) -> None:
    from app.domain.errors import StoreError

    store = open_store(tmp_path / "other")
    here = book(store, clock)
    store.close()
    with pytest.raises(StoreError):
        here.hear(read(said(LOST, "One")))
    assert here.active() == []
