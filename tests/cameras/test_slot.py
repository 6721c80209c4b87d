"""The latest-frame slot."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from app.cameras import LatestFrameSlot
from app.domain.frame import Frame


def frame() -> Frame:
    return Frame(np.zeros((16, 16, 3), np.uint8), "demo")


def test_the_newest_frame_wins_and_the_others_are_counted() -> None:
    slot = LatestFrameSlot()
    frames = [frame() for _ in range(5)]
    for one in frames:
        slot.put(one)
    assert slot.take(0) is frames[-1]
    assert slot.dropped == 4


def test_a_taken_frame_is_gone_and_was_not_dropped() -> None:
    slot = LatestFrameSlot()
    slot.put(frame())
    assert slot.take(0) is not None
    assert slot.take(0) is None
    slot.put(frame())
    assert slot.dropped == 0


def test_take_waits_for_a_frame() -> None:
    slot = LatestFrameSlot()
    sent = frame()
    putter = threading.Timer(0.05, slot.put, [sent])
    putter.start()
    assert slot.take(5) is sent
    putter.join()


def test_take_gives_up_in_time() -> None:
    began = time.monotonic()
    assert LatestFrameSlot().take(0.1) is None
    assert 0.09 <= time.monotonic() - began < 2


def test_closing_wakes_every_taker_and_stays() -> None:
    slot = LatestFrameSlot()
    taken: list[Frame | None] = []
    takers = [threading.Thread(target=lambda: taken.append(slot.take())) for _ in range(3)]
    for taker in takers:
        taker.start()
    slot.close()
    for taker in takers:
        taker.join(5)
    assert taken == [None, None, None]
    slot.put(frame())
    assert slot.closed
    assert slot.take() is None


def test_every_frame_is_taken_once_or_counted() -> None:
    slot = LatestFrameSlot()
    taken: list[int] = []

    def take_all() -> None:
        while (one := slot.take()) is not None:
            taken.append(one.id)

    takers = [threading.Thread(target=take_all) for _ in range(2)]
    for taker in takers:
        taker.start()
    put = [frame() for _ in range(500)]
    for one in put:
        slot.put(one)
    # The last frame is taken by somebody before the slot closes.
    end = time.monotonic() + 5
    while len(taken) + slot.dropped < len(put) and time.monotonic() < end:
        threading.Event().wait(0.005)
    slot.close()
    for taker in takers:
        taker.join(5)
    assert len(taken) + slot.dropped == len(put)
    assert len(set(taken)) == len(taken)
    assert put[-1].id in taken


@pytest.mark.parametrize("timeout", [0, 0.01])
def test_an_empty_slot_gives_none(timeout: float) -> None:
    assert LatestFrameSlot().take(timeout) is None
