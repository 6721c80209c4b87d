"""What is kept of a part, and what is given up when there is no room."""

from __future__ import annotations

import errno
import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from app.domain.errors import StoreFullError
from app.domain.frame import Frame, Image
from app.domain.verdict import Verdict
from app.inspection.recorder import Judged, Recorder
from app.pictures import SMALL, decode_picture, size_within
from app.store import Store
from app.vision.detector import Detector, same_score
from tests.inspection.fakes import FAIL, PASS, RETEST, FakeDetector, Fault, picture, recorder_for, stored_file


def judged(detector: FakeDetector, score: float, **changes: object) -> Judged:
    frame = replace(Frame(picture(score), "fake"), **changes)  # type: ignore[arg-type]
    return Judged(frame, detector.detect(frame.image))


@pytest.fixture
def detector() -> FakeDetector:
    return FakeDetector()


def test_a_pass_is_kept_as_jpeg_with_the_score_of_its_own_bytes(store: Store, detector: FakeDetector) -> None:
    recorder, _ = recorder_for(store, detector)
    part = judged(detector, 0.31)
    outcome = recorder.record(part)
    row = outcome.inspection
    assert row is not None and outcome.verdict is Verdict.PASS
    data = stored_file(store, row.image_path).read_bytes()
    assert row.image_path.endswith(".jpg")
    assert hashlib.sha256(data).hexdigest() == row.image_sha256
    decoded = decode_picture(data)
    assert not np.array_equal(decoded, part.frame.image), "the picture shows no loss: the test proves nothing"
    assert row.stored_score == detector.score(decoded)
    assert row.score == detector.score(part.frame.image)
    assert store.inspection(row.id) == row


@pytest.mark.parametrize(("score", "verdict"), [(FAIL, Verdict.FAIL), (RETEST, Verdict.RETEST)])
def test_what_did_not_pass_is_kept_exactly(
    store: Store, detector: FakeDetector, score: float, verdict: Verdict
) -> None:
    recorder, _ = recorder_for(store, detector)
    part = judged(detector, score)
    row = recorder.record(part).inspection
    assert row is not None and row.verdict is verdict
    data = stored_file(store, row.image_path).read_bytes()
    assert np.array_equal(decode_picture(data), part.frame.image)
    assert hashlib.sha256(data).hexdigest() == row.image_sha256
    assert row.stored_score == row.score


def test_the_real_detector_gives_the_stored_score_again(
    store: Store, demo_model: object, demo_parts: list[Image]
) -> None:
    from pathlib import Path

    real = Detector.load(Path(str(demo_model)))
    recorder, _ = recorder_for(store, real)  # type: ignore[arg-type]
    frame = Frame(demo_parts[0], "demo")
    row = recorder.record(Judged(frame, real.detect(frame.image))).inspection
    assert row is not None and row.verdict is Verdict.PASS
    assert row.stored_score is not None
    again = real.score(decode_picture(stored_file(store, row.image_path).read_bytes()))
    assert same_score(row.stored_score, again)
    assert row.score is not None and row.score != row.stored_score


def test_a_jpeg_that_cannot_be_judged_is_kept_lossless(store: Store) -> None:
    class Shy(FakeDetector):
        def score(self, image: Image) -> float:
            if self.begun and self.seconds:
                raise RuntimeError("busy")
            return super().score(image)

    detector = Shy()
    recorder, _ = recorder_for(store, detector)
    part = judged(detector, PASS)
    detector.seconds = 1.0
    outcome = recorder.record(part)
    assert outcome.verdict is Verdict.PASS and outcome.inspection is not None
    assert outcome.inspection.image_path.endswith(".png")
    assert outcome.inspection.stored_score == outcome.inspection.score


def test_part_numbers_come_from_the_line_or_from_the_station(store: Store, detector: FakeDetector) -> None:
    recorder, _ = recorder_for(store, detector)
    parts = [judged(detector, PASS, part_id="A-17"), judged(detector, PASS), judged(detector, PASS)]
    rows = [recorder.record(part).inspection for part in parts]
    assert [row.part_id for row in rows if row] == ["A-17", "000001", "000002"]
    assert all(row.station == "Bench" and row.product == "Plate" for row in rows if row)


def test_without_room_for_the_picture_the_row_goes_on(store: Store, detector: FakeDetector) -> None:
    fault = Fault(store)
    fault.pictures = OSError(errno.ENOSPC, "No space left on device")
    recorder, _ = recorder_for(store, detector)
    outcome = recorder.record(judged(detector, FAIL))
    assert outcome.verdict is Verdict.FAIL and outcome.inspection is not None
    assert "No space left" in outcome.pictures_lost
    row = store.inspection(outcome.inspection.id)
    assert row is not None
    assert (row.image_path, row.image_sha256, row.stored_score) == ("", "", None)
    fault.pictures = None
    assert recorder.record(judged(detector, FAIL)).pictures_lost == ""


@pytest.mark.parametrize("score", [PASS, FAIL])
def test_without_room_for_the_row_the_answer_is_error_and_no_alarm_stays(
    store: Store, detector: FakeDetector, score: float
) -> None:
    fault = Fault(store)
    fault.rows = StoreFullError("There is no room to write the record.")
    recorder, book = recorder_for(store, detector)
    outcome = recorder.record(judged(detector, score))
    assert (outcome.verdict, outcome.inspection) == (Verdict.ERROR, None)
    assert "Not on record" in outcome.error and "no room" in outcome.error
    assert book.active() == [] and store.active_alarms() == []
    fault.rows = None
    assert recorder.record(judged(detector, score)).inspection is not None


def test_the_reserve_is_asked_for_again_soon(store: Store, detector: FakeDetector) -> None:
    class Full:
        """A store whose reserve was freed."""

        reserve_ok = False
        asked = 0

        def restore_reserve(self) -> None:
            self.asked += 1

        def __getattr__(self, name: str) -> object:
            return getattr(store, name)

    full, clock = Full(), [50.0]
    _, book = recorder_for(store, detector)
    recorder = Recorder(full, book, detector, station="Bench", product="Plate", clock=lambda: clock[0])  # type: ignore[arg-type]
    for at, asked in [(50.0, 1), (51.0, 1), (54.9, 1), (55.1, 2)]:
        clock[0] = at
        recorder.record(judged(detector, PASS))
        assert full.asked == asked


def test_times_are_utc(store: Store, detector: FakeDetector) -> None:
    book = recorder_for(store, detector)[1]
    moment = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
    recorder = Recorder(store, book, detector, station="Bench", product="Plate", now=lambda: moment)
    part = judged(detector, PASS)
    row = recorder.record(part).inspection
    assert row is not None
    assert (row.captured_at, row.judged_at) == (part.frame.captured_at, moment)


@pytest.mark.parametrize("score", [FAIL, RETEST])
def test_what_did_not_pass_gets_a_small_picture_beside_it(store: Store, detector: FakeDetector, score: float) -> None:
    recorder, _ = recorder_for(store, detector)
    part = judged(detector, score)
    outcome = recorder.record(part)
    assert outcome.inspection is not None
    file = store.small_file(outcome.inspection.image_path)
    assert not file.exists(), "made before the verdict is published"
    recorder.keep_small(outcome)
    small = decode_picture(file.read_bytes())
    height, width = part.frame.image.shape[:2]
    assert (small.shape[1], small.shape[0]) == size_within((width, height), SMALL)
    assert abs(float(small.mean()) - float(part.frame.image.mean())) < 3
    assert file.stem == stored_file(store, outcome.inspection.image_path).stem


def test_a_pass_gets_none(store: Store, detector: FakeDetector) -> None:
    recorder, _ = recorder_for(store, detector)
    outcome = recorder.record(judged(detector, PASS))
    recorder.keep_small(outcome)
    assert outcome.inspection is not None
    assert not store.small_file(outcome.inspection.image_path).exists()


def test_without_room_for_the_small_picture_all_else_stays(
    store: Store, detector: FakeDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder, _ = recorder_for(store, detector)
    outcome = recorder.record(judged(detector, FAIL))

    def full(path: str, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store, "save_small", full)
    recorder.keep_small(outcome)
    row = outcome.inspection
    assert row is not None and store.inspection(row.id) == row
    assert stored_file(store, row.image_path).is_file()
    assert not store.small_file(row.image_path).exists()
