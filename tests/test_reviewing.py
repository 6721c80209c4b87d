"""The reviewing desk at a real station: queue, answers, labels, people, drift, retraining."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from app.datasets.library import Library
from app.domain.errors import LinesightError
from app.domain.inspection import Inspection
from app.domain.labelling import LibraryPicture, Query
from app.domain.person import Role
from app.domain.records import Review
from app.domain.review import Answer, Origin, Why
from app.domain.verdict import Verdict
from app.lifecycle.queueing import drawn
from app.paths import DataFolder
from app.people.desk import NotAllowed
from app.reviewing import AnsweredMeanwhile, ReviewDesk
from app.station import Station
from tests.reviews import CRACK, NOW, PRODUCT, record, tiles

PIN = "2846"


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def station(tmp_path: Path, clock: Clock) -> Iterator[Station]:
    made = Station(DataFolder(tmp_path / "data"), now=clock)
    made.save_settings(
        product=PRODUCT, review_pass_rate=0.0, review_fail_rate=0.0, review_second_rate=0.0, zone="Europe/Berlin"
    )
    yield made
    made.close()


def another(station: Station, now: Callable[[], datetime] = lambda: NOW) -> ReviewDesk:
    """A second screen at the same record."""
    return ReviewDesk(station, lambda: None, improver=station.reviewing.improver, now=now)


def library_of(station: Station) -> Path:
    return station.data.libraries / PRODUCT


def labelled(station: Station) -> list[LibraryPicture]:
    library = Library.open(library_of(station), "")
    try:
        return library.pictures(library.find(Query()))
    finally:
        library.close()


def whys(desk: ReviewDesk) -> list[Why]:
    desk.forget()
    return [each.why for each in desk.waiting()]


def people(station: Station, *names: str) -> None:
    station.people.add("Boss", Role.ENGINEER, pin=PIN)
    station.people.sign_in("Boss", PIN)
    for name in names:
        station.people.add(name, Role.INSPECTOR, pin=PIN)


# -- the queue


def test_what_needs_a_look_and_in_which_order(station: Station, shared_data: Path) -> None:
    files = tiles(shared_data, 9)
    record(station.store, files[0], Verdict.PASS)
    record(station.store, files[1], Verdict.FAIL)
    doubtful = record(station.store, files[2], Verdict.FAIL, confidence=0.6)
    retest = record(station.store, files[3], Verdict.RETEST)
    asked = record(station.store, files[4], Verdict.PASS)
    overridden = record(station.store, files[5], Verdict.FAIL)
    close = record(station.store, files[6], Verdict.PASS, confidence=None, score=0.93)
    record(station.store, files[7], Verdict.PASS, confidence=None, score=0.5)
    record(station.store, files[8], Verdict.RETEST, captured_at=NOW - timedelta(days=15))
    station.store.add_review(Review(overridden.id, NOW, "operator", Verdict.PASS, note="only dust"))
    assert station.reviewing.ask(asked.id) and not station.reviewing.ask(asked.id)
    desk = station.reviewing
    assert whys(desk) == [Why.ASKED, Why.OVERRIDE, Why.RETEST, Why.DOUBT, Why.DOUBT]
    assert [each.inspection_id for each in desk.waiting()] == [
        asked.id, overridden.id, retest.id, doubtful.id, close.id,
    ]  # fmt: skip


def test_the_random_sample_follows_from_the_ids_alone(station: Station, shared_data: Path) -> None:
    (file,) = tiles(shared_data, 1)
    parts = [record(station.store, file, Verdict.PASS) for _ in range(60)]
    station.save_settings(review_pass_rate=0.3)
    found = {each.inspection_id for each in station.reviewing.waiting()}
    assert found == {each.id for each in parts if drawn(each.id, 0.3, "PASS")} and 5 < len(found) < 35
    station.save_settings(review_pass_rate=0.6)
    assert set(whys(station.reviewing)) == {Why.PASS_SAMPLE}
    assert found < {each.inspection_id for each in station.reviewing.waiting()}
    share = sum(drawn(str(number), 0.1, "PASS") for number in range(20_000)) / 20_000
    assert share == pytest.approx(0.1, abs=0.008)


def test_an_answer_takes_a_part_out_and_keeps_the_first_verdict(station: Station, shared_data: Path) -> None:
    part = record(station.store, tiles(shared_data, 1)[0], Verdict.RETEST)
    desk = station.reviewing
    look = desk.next()
    assert look is not None and look.picture is not None and look.place == (1, 1)
    assert look.proposed == "crack" and look.outlines == (CRACK.outline,)
    desk.answer(look.waiting, Answer.FALSE_ALARM)
    assert desk.next() is None
    assert station.store.inspection(part.id).verdict is Verdict.RETEST  # type: ignore[union-attr]
    (row,) = station.store.reviews(part.id)
    assert (row.verdict, row.origin, row.why) == (Verdict.PASS, Origin.REVIEW, Why.RETEST)
    assert any(each.action == "review" and each.subject == part.id for each in station.store.audit_entries())


def test_taking_back_is_a_row_of_its_own_and_the_part_waits_again(station: Station, shared_data: Path) -> None:
    part = record(station.store, tiles(shared_data, 1)[0])
    desk = station.reviewing
    desk.answer(desk.waiting()[0], Answer.TRUE_DEFECT, kind="crack", outlines=[CRACK.outline])
    desk.follow()
    assert labelled(station)[0].state.label == "anomaly"
    assert desk.undo() == part.id
    desk.follow()
    assert labelled(station)[0].state.label is None and not labelled(station)[0].state.mask
    assert whys(desk) == [Why.RETEST]
    assert station.store.reviews(part.id) == [] and len(station.store.reviewing.rows(part.id)) == 2
    desk.answer(desk.waiting()[0], Answer.FALSE_ALARM)
    desk.follow()
    assert labelled(station)[0].state.label == "normal"
    assert desk.undo() == part.id and desk.undo() == ""


def test_a_golden_part_is_the_nearest_good_one_of_the_library(station: Station, shared_data: Path) -> None:
    good = tiles(shared_data, 12)
    station.labelling.make(PRODUCT)
    added = station.labelling.add_from(good).result()
    assert len(added.new) == 12
    station.labelling.classify(added.new, "normal").result()
    for _ in range(2):
        record(station.store, good[7])
    look = station.reviewing.next()
    assert look is not None and look.golden is not None and good[7].name in look.golden.words


# -- persons


def test_a_blind_second_opinion_is_for_somebody_else_and_is_reported(station: Station, shared_data: Path) -> None:
    part = record(station.store, tiles(shared_data, 1)[0], Verdict.FAIL, confidence=0.5)
    station.save_settings(review_second_rate=1.0)
    people(station, "Kim", "Lou", "Mo")
    desk = station.reviewing
    station.people.sign_in("Kim", PIN)
    look = desk.next()
    assert look is not None and not look.waiting.blind
    desk.answer(look.waiting, Answer.TRUE_DEFECT, kind="crack")
    assert whys(desk) == []  # nobody gives the second opinion to the own answer
    station.people.sign_in("Lou", PIN)
    second = desk.next()
    assert second is not None and second.waiting.why is Why.SECOND and second.waiting.blind and second.said == ()
    desk.answer(second.waiting, Answer.FALSE_ALARM)
    found = desk.stats()
    assert (found.agreement.pairs, found.agreement.same) == (1, 0)
    desk.follow()
    assert not library_of(station).exists() or labelled(station)[0].state.label is None  # they disagree: no label
    station.people.sign_in("Mo", PIN)
    third = desk.next()
    assert third is not None and third.waiting.why is Why.DISAGREEMENT
    desk.answer(third.waiting, Answer.TRUE_DEFECT, kind="crack")
    desk.follow()
    assert labelled(station)[0].state.label == "anomaly"
    station.people.sign_in("Boss", PIN)
    assert whys(desk) == []
    assert [each.person for each in station.store.reviews(part.id)] == ["Kim", "Lou", "Mo"]


def test_unsure_goes_to_a_second_person(station: Station, shared_data: Path) -> None:
    record(station.store, tiles(shared_data, 1)[0])
    people(station, "Kim")
    desk = station.reviewing
    desk.answer(desk.waiting()[0], Answer.UNSURE)
    assert whys(desk) == []
    station.people.sign_in("Kim", PIN)
    look = desk.next()
    assert look is not None and look.waiting.why is Why.UNSURE and look.said == ("Boss: not sure",)


def test_an_operator_may_send_a_part_but_not_review(station: Station, shared_data: Path) -> None:
    part = record(station.store, tiles(shared_data, 1)[0], Verdict.PASS)
    people(station)
    station.people.add("Op", Role.OPERATOR, pin=PIN)
    station.people.sign_in("Op", PIN)
    desk = station.reviewing
    assert desk.ask(part.id)
    with pytest.raises(NotAllowed, match="inspector"):
        desk.next()
    with pytest.raises(NotAllowed):
        desk.answer(desk.waiting()[0], Answer.FALSE_ALARM)
    with pytest.raises(NotAllowed):
        desk.prepare()


def test_two_persons_at_once_never_get_the_same_part(station: Station, shared_data: Path) -> None:
    (file,) = tiles(shared_data, 1)
    parts = [record(station.store, file) for _ in range(12)]
    desks = [another(station) for _ in range(3)]
    given: list[str] = []
    gate = threading.Barrier(3)

    def review(desk: ReviewDesk) -> None:
        gate.wait(10)
        while (look := desk.next()) is not None:
            given.append(look.waiting.inspection_id)
            desk.answer(look.waiting, Answer.FALSE_ALARM)

    threads = [threading.Thread(target=review, args=(desk,)) for desk in desks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(given) == sorted(each.id for each in parts)
    assert all(len(station.store.reviews(each.id)) == 1 for each in parts)
    for desk in desks:
        desk.close()


def test_who_comes_second_is_told_and_nothing_is_kept_twice(station: Station, shared_data: Path) -> None:
    part = record(station.store, tiles(shared_data, 1)[0])
    first, second = (
        ReviewDesk(station, lambda: None, improver=station.reviewing.improver, now=lambda: NOW) for _ in range(2)
    )
    stale = second.waiting()[0]
    first.answer(first.waiting()[0], Answer.TRUE_DEFECT)
    with pytest.raises(AnsweredMeanwhile, match="Somebody else"):
        second.answer(stale, Answer.FALSE_ALARM)
    assert [each.verdict for each in station.store.reviews(part.id)] == [Verdict.FAIL]
    assert second.next() is None


def test_a_part_that_somebody_left_is_given_to_others_after_a_while(
    station: Station, clock: Clock, shared_data: Path
) -> None:
    record(station.store, tiles(shared_data, 1)[0])
    first, second = (
        ReviewDesk(station, lambda: None, improver=station.reviewing.improver, now=clock) for _ in range(2)
    )
    assert first.next() is not None and second.next() is None
    clock.now = NOW + timedelta(minutes=6)
    assert second.next() is not None
    second.give_back()
    assert first.next() is not None


# -- labels


def test_reviews_become_labels_with_their_origin(station: Station, shared_data: Path) -> None:
    files = tiles(shared_data, 1, 1)
    good, bad = (record(station.store, file, Verdict.FAIL, confidence=0.5) for file in files)
    desk = station.reviewing
    by_id = {each.inspection_id: each for each in desk.waiting()}
    desk.answer(by_id[good.id], Answer.FALSE_ALARM)
    desk.answer(by_id[bad.id], Answer.TRUE_DEFECT, kind="crack", outlines=[CRACK.outline])
    assert desk.follow().labelled == 2
    found = {each.state.label: each for each in labelled(station)}
    assert found["normal"].source == found["anomaly"].source == "review"
    assert good.id in found["normal"].name and bad.id in found["anomaly"].name
    assert found["anomaly"].state.types == ("crack",)
    library = Library.open(library_of(station), "")
    plane = library.mask(found["anomaly"].id)
    library.close()
    assert plane is not None
    wanted = np.zeros((bad.height, bad.width), bool)
    wanted[30:70, 40:100] = True
    np.testing.assert_array_equal(plane > 0, wanted)


def test_without_the_mask_the_type_alone_is_the_label(station: Station, shared_data: Path) -> None:
    record(station.store, tiles(shared_data, 0, 1)[0])
    desk = station.reviewing
    desk.answer(desk.waiting()[0], Answer.TRUE_DEFECT, kind="a new type")
    desk.follow()
    (picture,) = labelled(station)
    assert picture.state.types == ("a new type",) and not picture.state.mask


def test_what_a_person_drew_since_is_kept(station: Station, shared_data: Path) -> None:
    record(station.store, tiles(shared_data, 0, 1)[0])
    people(station, "Kim")
    station.save_settings(review_second_rate=1.0)
    desk = station.reviewing
    desk.answer(desk.waiting()[0], Answer.TRUE_DEFECT, kind="crack", outlines=[CRACK.outline])
    desk.follow()
    station.labelling.open(library_of(station))
    (number,) = station.labelling.find(Query())
    _, _, plane = station.labelling.begin_drawing(number)
    assert plane is not None
    plane[0:10, 0:10] = 1
    station.labelling.draw(number, plane, "brush").result()
    drawn_mask = labelled(station)[0].state.mask
    station.people.sign_in("Kim", PIN)
    desk.forget()
    desk.answer(desk.waiting()[0], Answer.TRUE_DEFECT, kind="crack", outlines=[CRACK.outline])
    desk.follow()
    assert labelled(station)[0].state.mask == drawn_mask


class Killed(BaseException):
    """The program ends here."""


@pytest.mark.parametrize("when", ["before the library", "after the library"])
def test_a_kill_between_review_and_label_loses_and_doubles_nothing(
    tmp_path: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    data = DataFolder(tmp_path / "killed")
    station = Station(data, now=lambda: NOW)
    station.save_settings(product=PRODUCT)
    part = record(station.store, tiles(shared_data, 0, 1)[0])
    desk = station.reviewing
    desk.answer(desk.waiting()[0], Answer.TRUE_DEFECT, kind="crack", outlines=[CRACK.outline])

    def killed(*_args: object, **_named: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        if when == "after the library":
            patch.setattr(station.store.reviewing, "note_label", killed)
        else:
            patch.setattr("app.lifecycle.feedback.take_in", killed)
        with pytest.raises(Killed):
            desk.follow()
    station.close()
    again = Station(data, now=lambda: NOW)
    assert again.reviewing.follow().labelled == 1
    assert again.reviewing.follow().labelled == 0
    (picture,) = labelled(again)
    assert picture.state.types == ("crack",) and picture.state.mask
    library = Library.open(library_of(again), "")
    assert len(library.history(picture.id)) == 1
    library.close()
    assert len(again.store.reviews(part.id)) == 1
    assert again.reviewing.stats().labels == 1
    again.close()


def test_a_library_that_cannot_be_written_now_is_tried_again(station: Station, shared_data: Path) -> None:
    record(station.store, tiles(shared_data, 1)[0])
    desk = station.reviewing
    desk.answer(desk.waiting()[0], Answer.FALSE_ALARM)
    place = library_of(station)
    place.write_text("in the way")
    told = desk.follow()
    assert told.labelled == 0 and "not in the library yet" in told.troubles[0]
    place.unlink()
    assert desk.follow().labelled == 1


def test_a_part_without_a_picture_is_said_and_not_tried_for_ever(station: Station, shared_data: Path) -> None:
    part = record(station.store, tiles(shared_data, 1)[0])
    desk = station.reviewing
    desk.answer(desk.waiting()[0], Answer.FALSE_ALARM)
    station.store.image_file(part.image_path).write_bytes(b"no picture any more")
    assert "can't be a label" in desk.follow().troubles[0]
    assert desk.follow().troubles == ()
    assert "can't be a label" in desk.stats().troubles[0]


# -- drift


def scores(station: Station, days: int, score: Callable[[], float]) -> None:
    rng = np.random.default_rng(days)
    for number in range(210):
        record_without_picture(station, NOW - timedelta(days=days, minutes=number), score() + 0.05 * rng.normal())


def record_without_picture(station: Station, when: datetime, score: float) -> Inspection:
    from tests.store.samples import inspection

    made = inspection(captured_at=when, judged_at=when, score=float(score), source="usb:0", product=PRODUCT)
    station.store.add_inspection(made)
    return made


def test_drift_is_warned_of_once(station: Station) -> None:
    scores(station, 14, lambda: 0.3)
    desk = station.reviewing
    desk.warn(desk.drift())
    assert station.active_alarms() == []
    scores(station, 0, lambda: 0.5)
    for _ in range(3):
        desk.warn(desk.drift())
    (alarm,) = station.active_alarms()
    assert (alarm.kind, alarm.source, alarm.count) == ("trend", "usb:0", 1)
    assert alarm.title == "Score has drifted" and "PSI" in alarm.detail
    station.alarms.acknowledge(alarm.id, "somebody")
    desk.warn(desk.drift())
    assert station.active_alarms() == []


# -- retraining


def test_a_candidate_is_proposed_prepared_and_waits_for_a_person(station: Station, shared_data: Path) -> None:
    files = tiles(shared_data, 10, 2)
    for file in files:
        record(station.store, file)
    station.save_settings(retrain_after_labels=8)
    desk = station.reviewing
    assert desk.case().reasons == () and "good pictures" in desk.case().blocked
    for place, each in enumerate(desk.waiting()):
        said = Answer.FALSE_ALARM if place < 10 else Answer.TRUE_DEFECT
        desk.answer(each, said, kind="crack" if place >= 10 else "")
    desk.follow()
    case = desk.case()
    assert (case.new_good, case.new_bad, case.blocked) == (10, 2, "")
    assert case.reasons == ("12 new labels; the rule is 8.",)
    desk.look_after()  # the line stands still: it is prepared now
    job = desk.prepare()  # the same one
    candidate = job.result(60)
    case = desk.case()
    assert case.state == "ready" and case.candidate == candidate and case.new_labels == 0
    assert candidate.model == f"{PRODUCT}@1" and candidate.backtest.good == 2
    assert station.settings.model == ""  # nothing releases itself
    desk.look_after()
    assert desk.case().candidate == candidate
    assert desk.release() == f"{PRODUCT}@1"
    assert desk.case().state == "released"
    assert [each.action for each in station.store.audit_entries()].count("release") == 1
    with pytest.raises(LinesightError, match="no candidate"):
        desk.release()


def test_what_a_broken_training_said_is_kept(station: Station, shared_data: Path) -> None:
    class Broken:
        def prepare(self, *_args: object) -> None:
            raise LinesightError("The disk is full. Free some room.")

        def release(self, *_args: object) -> None: ...

    for file in tiles(shared_data, 8):
        record(station.store, file)
    station.save_settings(retrain_after_labels=5)
    desk = ReviewDesk(station, lambda: None, improver=Broken(), now=lambda: datetime.now(UTC))  # type: ignore[arg-type]
    station.reviewing.forget()
    for each in station.reviewing.waiting():
        station.reviewing.answer(each, Answer.FALSE_ALARM)
    with pytest.raises(LinesightError, match="disk"):
        desk.prepare().result(20)
    case = desk.case()
    assert case.state == "failed" and "disk is full" in case.words
    assert case.reasons == ()  # not again before there are new labels
