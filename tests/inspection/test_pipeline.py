"""The way of a frame: one frame id all the way, the newest frame first, nothing out before the commit."""

from __future__ import annotations

import itertools
import math
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from app.cameras import make_source
from app.domain.errors import PictureError, StoreError, StoreFullError
from app.domain.frame import Frame, Image
from app.domain.inspection import Detection, Outcome
from app.domain.verdict import Verdict
from app.inspection.pipeline import Pipeline
from app.store import Store
from tests.cameras.conftest import Kit, kit
from tests.inspection.fakes import (
    ENUMERATED,
    FAIL,
    LIVE_FILE,
    PASS,
    RETEST,
    VIEWING,
    FakeDetector,
    FakeSource,
    Fault,
    Outcomes,
    Ticking,
    detection,
    picture,
    wait_for,
)

__all__ = ["kit"]

StartLine = Callable[..., Pipeline]


def _endless() -> Iterator[Image]:
    """Each picture has a score of its own within a PASS, FAIL, RETEST sequence."""
    return (picture((number % 200 + 20) / 250) for number in itertools.count())


def test_a_slow_detector_gets_the_newest_frame_and_everything_belongs_to_one_frame(
    start_line: StartLine, outcomes: Outcomes, store: Store
) -> None:
    source, detector = Ticking(0.01, _endless()), FakeDetector(0.2)
    newest_at_take: list[int] = []
    line = start_line(source, detector)
    take = line.slot.take

    def taking(timeout: float | None = None) -> object:
        frame = take(timeout)
        # Whatever was given up to the moment of taking: nothing newer may have been there.
        newest_at_take.append(source.given[-1].id if source.given else 0)
        return frame

    line.slot.take = taking  # type: ignore[method-assign, assignment]
    all_of_them = outcomes.wait(6)
    assert line.stop(5)

    for outcome in all_of_them:
        assert outcome.detection is not None and outcome.inspection is not None
        # Map, score and record are those of this very picture.
        score = detector.score(outcome.frame.image)
        assert outcome.detection.score == score
        assert (outcome.detection.heat == np.float32(score)).all()
        assert outcome.inspection.frame_id == outcome.frame.id
        assert outcome.inspection.score == score
        assert outcome.verdict is outcome.inspection.verdict is outcome.detection.verdict
        assert store.inspection(outcome.inspection.id) == outcome.inspection
    ids = [outcome.frame.id for outcome in all_of_them]
    assert ids == sorted(set(ids))
    # From the third on the detector was busy while frames came: it took the newest, or the one before where
    # the camera gave another in the moment of taking.
    for outcome, newest in zip(all_of_them[2:], newest_at_take[1:], strict=False):
        assert newest - outcome.frame.id <= 1
    assert np.diff(ids[1:]).min() > 5, "frames between two detections were not skipped"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread has no niceness of its own")
def test_looking_at_pictures_waits_for_whoever_takes_records_and_shows_them(
    start_line: StartLine, outcomes: Outcomes
) -> None:
    niceness: dict[str, int] = {}

    def note(thread: str) -> None:
        niceness[thread] = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    class Noting(FakeDetector):
        def detect(self, image: Image) -> Detection:
            note("looks")
            return super().detect(image)

    class Taking(FakeSource):
        def read(self) -> Frame | None:
            note("takes")
            return super().read()

    def hear(outcome: Outcome) -> None:
        note("records")
        outcomes(outcome)

    line = start_line(Taking(items=[picture(0.3), None]), Noting(), publish=hear)
    outcomes.wait(1)
    assert line.stop(5)
    assert niceness["looks"] > niceness["takes"] == niceness["records"]


def test_drops_are_counted(start_line: StartLine, outcomes: Outcomes) -> None:
    detector = FakeDetector()
    detector.gate.clear()
    source = FakeSource()
    line = start_line(source, detector)
    source.push(picture())
    wait_for(lambda: detector.begun, what="the detector has the first frame")
    source.push(*(picture(PASS, noise=number) for number in range(5)))
    wait_for(lambda: line.capture.state.captured == 6)
    detector.gate.set()
    first, second = outcomes.wait(2)
    assert [first.frame, second.frame] == [source.given[0], source.given[5]]
    assert line.slot.dropped == 4
    assert line.inspected == 2


def test_nothing_is_published_before_its_row_and_picture_are_there(start_line: StartLine, store: Store) -> None:
    seen: list[tuple[object, bool]] = []
    done = threading.Event()

    def publish(outcome: Outcome) -> None:
        assert outcome.inspection is not None
        row = store.inspection(outcome.inspection.id)
        seen.append((row == outcome.inspection, store.image_file(outcome.inspection.image_path).is_file()))
        if len(seen) == 4:
            done.set()

    start_line(FakeSource(ENUMERATED, [picture(score) for score in (PASS, FAIL, RETEST, PASS)]), publish=publish)
    assert done.wait(10)
    assert seen == [(True, True)] * 4


def test_small_pictures_are_made_when_the_outcome_is_out(start_line: StartLine, store: Store) -> None:
    early: list[bool] = []
    paths: list[str] = []

    def publish(outcome: Outcome) -> None:
        assert outcome.inspection is not None
        paths.append(outcome.inspection.image_path)
        early.append(store.small_file(paths[-1]).exists())

    pictures = [*(picture(score) for score in (PASS, FAIL, RETEST, PASS)), None]
    line = start_line(FakeSource(ENUMERATED, pictures), publish=publish)
    assert line.join(10)
    assert early == [False] * 4
    assert [store.small_file(path).exists() for path in paths] == [False, True, True, False]


def test_an_enumerated_source_waits_and_drops_nothing(start_line: StartLine, outcomes: Outcomes) -> None:
    source = FakeSource(ENUMERATED, [*(picture(PASS, noise=number) for number in range(12)), None])
    finished = threading.Event()
    line = start_line(source, FakeDetector(0.02), on_finished=finished.set)
    wait_for(lambda: outcomes.all, what="the first outcome")
    # One is judged, one lies in the slot, one waits to get in, and two may wait for the recorder.
    assert len(source.given) <= len(outcomes.all) + 6
    assert line.join(10) and finished.wait(5)
    assert [outcome.frame for outcome in outcomes.all] == source.given
    assert len(source.given) == 12
    assert line.slot.dropped == 0


def test_of_a_film_as_fast_as_it_can_every_picture_is_judged_by_a_slow_detector(
    start_line: StartLine, outcomes: Outcomes, kit: Kit, tmp_path: Path
) -> None:
    line = start_line(
        make_source(f"video-fast:{kit.clip(tmp_path / 'film.mp4', frames=20, fps=400)}"), FakeDetector(0.05)
    )
    assert line.join(20)
    assert len(outcomes.wait(20)) == line.inspected == 20 and line.slot.dropped == 0


def test_stopping_an_enumerated_source_inspects_what_it_has_given(start_line: StartLine, outcomes: Outcomes) -> None:
    source = FakeSource(ENUMERATED, [picture(PASS, noise=number) for number in range(30)])
    line = start_line(source, FakeDetector(0.02))
    outcomes.wait(2)
    assert line.stop(10)
    assert [outcome.frame for outcome in outcomes.all] == source.given
    assert 2 <= len(source.given) < 30


def test_the_last_frame_of_a_finite_live_source_is_inspected(start_line: StartLine, outcomes: Outcomes) -> None:
    for _ in range(20):  # it was a race
        source = FakeSource(LIVE_FILE, [picture(FAIL), None])
        line = start_line(source)
        assert line.join(10)
    assert len(outcomes.all) == 20


def test_continuous_viewing_is_recorded_at_changes_and_now_and_then(
    start_line: StartLine, outcomes: Outcomes, store: Store
) -> None:
    clock = [100.0]
    source = FakeSource(VIEWING)
    line = start_line(source, record_every=10.0, clock=lambda: clock[0])

    def show(score: float, at: float) -> bool:
        """Whether the frame shown at that second was recorded."""
        clock[0] = at
        source.push(picture(score))
        return outcomes.wait(line.inspected + 1)[-1].inspection is not None

    shown = [(PASS, 100), (PASS, 101), (PASS, 109.9), (PASS, 110), (PASS, 111), (FAIL, 111.5), (FAIL, 112)]
    shown += [(PASS, 113), (RETEST, 113.1), (RETEST, 123.1)]
    recorded = [show(score, at) for score, at in shown]
    assert recorded == [True, False, False, True, False, True, False, True, True, True]
    assert [outcome.verdict for outcome in outcomes.all][-3:] == [Verdict.PASS, Verdict.RETEST, Verdict.RETEST]
    assert len(store.recent(100)) == 6
    assert line.inspected == len(shown)
    assert outcomes.refused == []


def test_what_comes_behind_a_slow_record_waits_for_it(
    start_line: StartLine, outcomes: Outcomes, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, detector, free = FakeSource(VIEWING), FakeDetector(), threading.Event()
    start_line(source, detector)
    source.push(picture(PASS))
    outcomes.wait(1)
    add = store.add_inspection

    def slow(*given: object) -> object:
        assert free.wait(20)
        return add(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "add_inspection", slow)
    source.push(picture(FAIL))
    wait_for(lambda: len(detector.begun) == 2, what="the second look")
    source.push(picture(PASS))  # as the last one on record, but not once the FAIL is
    wait_for(lambda: len(detector.begun) == 3, what="the third look")
    source.push(picture(PASS))
    wait_for(lambda: len(detector.begun) == 4, what="the fourth look")
    assert len(outcomes.all) == 1
    free.set()
    shown = outcomes.wait(4)
    assert [outcome.verdict for outcome in shown] == [Verdict.PASS, Verdict.FAIL, Verdict.PASS, Verdict.PASS]
    assert [outcome.inspection is not None for outcome in shown] == [True, True, True, False]
    assert [outcome.frame.id for outcome in shown] == [frame.id for frame in source.given]


def test_a_detector_that_raises_is_an_error_on_record_and_the_line_goes_on(
    start_line: StartLine, outcomes: Outcomes, store: Store
) -> None:
    calls = itertools.count()

    def fails(image: Image) -> None:
        if next(calls) == 1:
            raise RuntimeError("out of memory")

    start_line(FakeSource(ENUMERATED, [picture(PASS), picture(PASS), picture(FAIL), None]), FakeDetector(fails=fails))
    good, bad, after = outcomes.wait(3)
    assert [one.verdict for one in (good, bad, after)] == [Verdict.PASS, Verdict.ERROR, Verdict.FAIL]
    assert bad.detection is None and bad.inspection is not None
    row = store.inspection(bad.inspection.id)
    assert row is not None
    assert (row.verdict, row.score) == (Verdict.ERROR, None)
    assert "out of memory" in row.error and "train the model again" in row.error
    assert store.image_file(row.image_path).suffix == ".png"
    titles = {(alarm.kind, alarm.title) for alarm in store.active_alarms()}
    assert ("error", "No verdict") in titles


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_no_number_is_an_error(
    start_line: StartLine, outcomes: Outcomes, store: Store, score: float
) -> None:
    class Lost(FakeDetector):
        def detect(self, image: Image) -> Detection:
            return detection(score)

    start_line(FakeSource(ENUMERATED, [picture(), None]), Lost())
    (outcome,) = outcomes.wait(1)
    assert outcome.verdict is Verdict.ERROR
    assert outcome.inspection is not None
    row = store.inspection(outcome.inspection.id)
    assert row is not None
    assert (row.verdict, row.score) == (Verdict.ERROR, None)
    assert "no score" in row.error
    assert store.active_alarms()


def test_when_rows_cannot_be_committed_viewing_never_passes(
    start_line: StartLine, outcomes: Outcomes, store: Store
) -> None:
    """The second frame of the same verdict would not be recorded anyway: it must not pass for that."""
    fault = Fault(store)
    fault.rows = StoreFullError("There is no room.")
    source = FakeSource(VIEWING)
    line = start_line(source, record_every=1000)
    for number in range(1, 4):
        source.push(picture(PASS))
        assert outcomes.wait(number)[-1].verdict is Verdict.ERROR
    assert len(outcomes.refused) == 3
    fault.rows = None
    source.push(picture(PASS))
    assert outcomes.wait(4)[-1].inspection is not None
    source.push(picture(PASS))
    assert outcomes.wait(5)[-1].verdict is Verdict.PASS
    assert line.inspected == 5
    assert len(store.recent()) == 1


def test_a_record_that_fails_in_any_way_ends_no_thread(start_line: StartLine, outcomes: Outcomes, store: Store) -> None:
    fault = Fault(store)
    fault.rows = StoreError("The record is held by another program.")
    source = FakeSource()
    start_line(source)
    source.push(picture(FAIL))
    refused = outcomes.wait(1)[0]
    assert refused.verdict is Verdict.ERROR
    assert refused.inspection is None
    assert "held by another program" in refused.error
    fault.rows = None
    source.push(picture(FAIL))
    assert outcomes.wait(2)[1].verdict is Verdict.FAIL


def test_a_listener_that_fails_stops_nothing(start_line: StartLine, store: Store) -> None:
    def broken(outcome: Outcome) -> None:
        raise RuntimeError("a broken view")

    line = start_line(FakeSource(ENUMERATED, [picture(), picture(), None]), publish=broken)
    assert line.join(10)
    assert len(store.recent()) == 2


def test_unreadable_pictures_are_told_and_the_rest_is_inspected(start_line: StartLine, outcomes: Outcomes) -> None:
    bad: list[PictureError] = []
    errors = [PictureError("/parts/2.png is truncated", Path("/parts/2.png")), PictureError("/parts/4.png is empty")]
    source = FakeSource(ENUMERATED, [picture(), errors[0], picture(FAIL), errors[1], picture(), None])
    line = start_line(source, on_bad_picture=bad.append)
    assert line.join(10)
    assert bad == errors
    assert [outcome.verdict for outcome in outcomes.all] == [Verdict.PASS, Verdict.FAIL, Verdict.PASS]
    assert source.opened == 1
