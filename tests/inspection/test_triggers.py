"""The trigger port: one at a time, no bounces, and no waiting for ever."""

from __future__ import annotations

from app.domain.frame import Frame
from app.inspection.triggers import Fired, Trigger
from tests.inspection.fakes import picture


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def frame(at: float) -> Frame:
    return Frame(picture(), "fake", monotonic=at)


def test_a_contact_that_bounces_fires_once_and_a_busy_one_is_refused() -> None:
    clock = Clock()
    trigger = Trigger(clock=clock)
    assert trigger.fire() is Fired.OFF
    trigger.arm()
    assert trigger.fire() is Fired.TAKEN
    for _ in range(3):
        clock.now += 0.02
        assert trigger.fire() is Fired.BOUNCED
    clock.now += 0.2
    assert trigger.fire() is Fired.BUSY
    part = frame(clock.now)
    assert trigger.claim(part, live=True) and not trigger.claim(frame(clock.now), live=True)
    assert trigger.owned == part.id and trigger.busy
    trigger.release(part.id + 1)
    assert trigger.busy
    trigger.release(part.id)
    assert not trigger.busy
    counts = trigger.counts
    assert (counts.taken, counts.busy, counts.bounced, counts.missed) == (1, 1, 3, 0)


def test_a_live_frame_from_before_is_not_taken() -> None:
    clock = Clock()
    trigger = Trigger(clock=clock)
    trigger.arm()
    trigger.fire()
    assert not trigger.claim(frame(clock.now - 0.01), live=True)
    assert trigger.claim(frame(clock.now + 0.01), live=True)


def test_a_trigger_that_gets_no_frame_is_given_up() -> None:
    clock = Clock()
    trigger = Trigger(clock=clock, patience=5.0)
    trigger.arm()
    trigger.fire()
    clock.now += 5.1
    assert not trigger.busy
    assert not trigger.claim(frame(clock.now), live=True)  # the camera is back, and nobody waits
    assert trigger.counts.missed == 1
    assert trigger.fire() is Fired.TAKEN
    clock.now += 60
    assert trigger.claim(frame(clock.now), live=False)  # a folder's picture is the part whenever it comes


def test_disarmed_nothing_is_taken() -> None:
    trigger = Trigger()
    trigger.arm()
    trigger.fire()
    trigger.arm(False)
    assert not trigger.busy and not trigger.claim(frame(1e12), live=True)
    assert trigger.wait(0.0)  # an enumerated source goes on by itself
