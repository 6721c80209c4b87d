"""Cameras take turns in the order they came, and one that has just had its turn waits for the others."""

from __future__ import annotations

import threading

import pytest

from app.inspection.turns import TakingTurns, Turns, looks_at_once
from tests.inspection.fakes import FakeDetector, picture, wait_for


@pytest.mark.parametrize(
    ("cores", "threads", "at_once"), [(1, 1, 1), (2, 1, 2), (4, 2, 2), (8, 4, 2), (16, 4, 4), (3, 1, 3)]
)
def test_no_more_look_at_a_time_than_there_are_cores(cores: int, threads: int, at_once: int) -> None:
    assert looks_at_once(cores, threads) == at_once


def test_who_came_first_is_next_and_nobody_comes_in_between() -> None:
    turns, order = Turns(1), list[int]()
    holding, may_end = threading.Event(), threading.Event()

    def first() -> None:
        with turns.taken():
            holding.set()
            assert may_end.wait(10)
        with turns.taken():  # at once again, but behind those that wait
            order.append(0)

    def later(number: int) -> None:
        with turns.taken():
            order.append(number)

    threads = [threading.Thread(target=first)]
    threads[0].start()
    assert holding.wait(10)
    for number in (1, 2, 3):
        threads.append(threading.Thread(target=later, args=(number,)))
        threads[-1].start()
        wait_for(lambda number=number: len(turns._waiting) == number)
    may_end.set()
    for thread in threads:
        thread.join(10)
    assert order == [1, 2, 3, 0]
    with turns.taken():
        pass


def test_a_detector_that_fails_gives_its_turn_back() -> None:
    def broken(image: object) -> None:
        raise RuntimeError("no")

    taking = TakingTurns(FakeDetector(fails=broken), Turns(1))
    for _ in range(2):
        with pytest.raises(RuntimeError):
            taking.detect(picture())
    assert taking.ref.name == "plate" and taking.score(picture(0.2)) > 0
