"""The handshake: every trigger gets one answer, and no answer is never an OK."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.verdict import Verdict
from app.signals.codes import ErrorCode
from app.signals.handshake import SignalCounts
from tests.signals.lines import Bench, inspection


@pytest.mark.parametrize(
    ("verdict", "bits"),
    [(Verdict.PASS, (1, 0, 0, 0)), (Verdict.FAIL, (0, 1, 0, 0)), (Verdict.RETEST, (0, 0, 1, 0))],
)
def test_a_part_goes_through_the_handshake(verdict: Verdict, bits: tuple[int, ...]) -> None:
    line = Bench()
    assert line.signals.trigger_ready and not line.signals.error
    line.handshake.trigger(7, "A-17")
    assert line.fired == [("line:1", "A-17")]
    assert line.signals.busy and not line.signals.trigger_ready and not line.signals.result_ready
    line.now += 0.04
    assert line.judged(verdict) == 1
    now = line.signals
    assert (now.ok, now.ng, now.retest, now.error) == bits
    assert now.result_ready and not now.busy and not now.trigger_ready
    assert now.answer is not None and now.answer.milliseconds == pytest.approx(40)
    line.handshake.acknowledge()
    now = line.signals
    assert now.trigger_ready and not (now.result_ready or now.ok or now.ng or now.retest or now.error)


def test_no_verdict_in_time_is_an_error_and_a_late_one_never_becomes_ok() -> None:
    line = Bench(timeout=2.0)
    line.handshake.trigger()
    line.passes(1.9)
    assert line.signals.busy
    line.passes(0.2)
    assert line.signals.result_ready and line.signals.code is ErrorCode.TIMEOUT and not line.signals.ok
    assert line.withdrawn == ["line:1"]
    assert line.judged(Verdict.PASS) == 0
    assert line.signals.code is ErrorCode.TIMEOUT and not line.signals.ok
    line.handshake.acknowledge()
    line.handshake.trigger()
    line.judged(Verdict.PASS, number=1)  # still that of the first part
    assert line.signals.busy and not line.signals.ok
    assert line.signals.counts == SignalCounts(taken=2, missed=1, late=2)


def test_what_is_not_on_record_or_has_no_score_is_an_error() -> None:
    line = Bench()
    line.handshake.trigger()
    line.handshake.outcome("line:1", Verdict.PASS, None, "The disk is full.")
    assert line.signals.code is ErrorCode.NOT_ON_RECORD and not line.signals.ok
    assert line.answers[-1].words == "The disk is full."
    line.handshake.acknowledge()
    line.passes(1)
    line.handshake.trigger()
    line.handshake.outcome("line:2", Verdict.ERROR, inspection(Verdict.ERROR))
    assert line.signals.code is ErrorCode.NO_ANSWER and not line.signals.ok


@pytest.mark.parametrize(
    ("recipe", "code"), [(8, ErrorCode.WRONG_RECIPE), (9, ErrorCode.UNKNOWN_RECIPE), (0, ErrorCode.NONE)]
)
def test_a_wrong_recipe_takes_no_part(recipe: int, code: ErrorCode) -> None:
    line = Bench()
    line.handshake.trigger(recipe)
    assert line.signals.code is code
    assert bool(line.fired) == (code is ErrorCode.NONE)
    assert line.signals.result_ready == (code is not ErrorCode.NONE)
    if code is not ErrorCode.NONE:
        line.handshake.acknowledge()
        assert line.signals.trigger_ready and not line.signals.error


def test_a_station_that_can_not_inspect_says_why_and_answers_all_the_same() -> None:
    line = Bench()
    line.handshake.condition(ErrorCode.NO_CAMERA, 7)
    assert line.signals.error and line.signals.code is ErrorCode.NO_CAMERA and not line.signals.trigger_ready
    line.handshake.trigger()
    assert line.signals.result_ready and line.signals.code is ErrorCode.NO_CAMERA and line.fired == []
    line.handshake.acknowledge()
    line.handshake.condition(ErrorCode.NONE, 7)
    assert line.signals.trigger_ready and not line.signals.error


def test_a_line_that_ends_answers_the_part_under_way() -> None:
    line = Bench()
    line.handshake.trigger()
    line.handshake.condition(ErrorCode.NO_CAMERA)
    assert line.signals.busy  # it may come back before the time is over
    line.handshake.condition(ErrorCode.NOT_RUNNING)
    assert line.signals.result_ready and line.signals.code is ErrorCode.NOT_RUNNING and line.withdrawn == ["line:1"]


def test_the_inspection_may_refuse() -> None:
    line = Bench()
    line.refuses = ErrorCode.IN_USE
    line.handshake.trigger()
    assert line.signals.result_ready and line.signals.code is ErrorCode.IN_USE


def test_a_storm_of_a_thousand_triggers_a_second_is_counted_and_harms_nothing() -> None:
    line = Bench(debounce=0.05)
    for number in range(1000):
        line.now = 100 + number / 1000
        line.handshake.trigger()
        if number == 500:
            line.judged()
        if number == 700:
            line.handshake.acknowledge()
    counts = line.signals.counts
    # Every fiftieth is an edge: 15 until the acknowledgement but the first, 5 after it but the first.
    assert counts == SignalCounts(taken=2, busy=18, debounced=980)
    assert [name for name, _ in line.fired] == ["line:1", "line:2"]
    assert len(line.answers) == 1 and line.signals.busy


def test_a_storm_from_several_threads_gives_each_trigger_one_answer() -> None:
    line = Bench(debounce=0.0)
    begin = threading.Barrier(4)

    def storm() -> None:
        begin.wait()
        for _ in range(250):
            line.handshake.trigger()

    threads = [threading.Thread(target=storm) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert line.signals.counts == SignalCounts(taken=1, busy=999)
    assert len(line.fired) == 1


def test_without_triggers_the_newest_result_stands_and_what_nobody_read_is_counted() -> None:
    line = Bench()
    line.handshake.condition(ErrorCode.TRIGGER_OFF)
    assert not line.signals.trigger_ready and not line.signals.error
    line.handshake.outcome("", Verdict.PASS, inspection())
    line.handshake.outcome("", Verdict.FAIL, inspection(Verdict.FAIL, 2))
    assert line.signals.ng and not line.signals.ok and line.signals.counts.unread == 1
    line.handshake.acknowledge(1)  # about the one that was replaced
    assert line.signals.ng
    line.handshake.acknowledge(2)
    assert not line.signals.result_ready
    line.handshake.trigger()
    assert line.signals.code is ErrorCode.TRIGGER_OFF and line.signals.result_ready


def test_with_triggers_a_part_of_the_bench_is_not_the_line_s() -> None:
    line = Bench()
    assert line.handshake.outcome("", Verdict.PASS, inspection()) == 0
    assert line.handshake.outcome("bench", Verdict.PASS, inspection()) == 0
    assert not line.signals.result_ready


def test_the_heartbeat_beats_once_a_second_and_nothing_else_is_shown_in_between() -> None:
    line = Bench()
    shown = len(line.seen)
    for _ in range(80):
        line.passes(0.0625)
    assert line.signals.heartbeat == 5
    assert len(line.seen) - shown == 5


_STEPS = st.lists(
    st.sampled_from(["trigger", "wrong", "judged", "late", "ack", "wait", "camera", "fine", "stop"]), max_size=40
)


@settings(max_examples=200, deadline=None)
@given(_STEPS)
def test_whatever_happens_ok_stands_for_a_pass_on_record_and_every_trigger_has_one_answer(steps: list[str]) -> None:
    line = Bench(timeout=2.0, debounce=0.0)
    for step in steps:
        if step == "trigger":
            line.handshake.trigger()
        elif step == "wrong":
            line.handshake.trigger(99)
        elif step == "judged" and line.signals.busy:
            line.judged(Verdict.PASS)
        elif step == "late" and line.fired:
            line.judged(Verdict.PASS, number=int(line.fired[0][0].partition(":")[2]))
        elif step == "ack":
            line.handshake.acknowledge()
        elif step == "wait":
            line.passes(1.5)
        elif step == "camera":
            line.handshake.condition(ErrorCode.NO_CAMERA, 7)
        elif step == "stop":
            line.handshake.condition(ErrorCode.NOT_RUNNING, 7)
        else:
            line.handshake.condition(ErrorCode.NONE, 7)
    for now in line.seen:
        assert now.ok + now.ng + now.retest + now.error <= 1
        assert not (now.ok and (now.busy or now.trigger_ready or not now.result_ready))
        if now.ok:
            assert now.answer is not None and now.answer.inspection is not None
            assert now.answer.inspection.verdict is Verdict.PASS
    counts = line.signals.counts
    assert len(line.answers) + line.signals.busy == counts.taken
    assert [answer.number for answer in line.answers] == list(range(1, len(line.answers) + 1))
    assert replace(counts, taken=0, busy=0, late=0, missed=0) == SignalCounts()
