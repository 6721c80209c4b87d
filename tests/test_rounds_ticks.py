"""Lines of a checklist: by hand, by the model, against it; and pictures that nothing needs any more."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, time, timedelta
from pathlib import Path

import pytest
from openpyxl import load_workbook
from pypdf import PdfReader

from app.domain.checkpoint import DIFFERENT, OK, UNSURE, CheckpointAnswer
from app.domain.errors import ModelError, PlanError, StoreError
from app.domain.inspection import Detection
from app.domain.periods import days_period
from app.domain.person import Role
from app.domain.plan import FindingKind, PlanCheckpoint, PlanComponent, Round, TickState
from app.domain.retention import RetentionRule
from app.domain.verdict import Verdict
from app.people.desk import NotAllowed
from app.reports.document import write_document
from app.reports.summary import Heading
from app.reports.workbook import write_period
from app.station import Station
from app.store.retention import Retention
from tests.inspection.fakes import FAIL, PASS, RETEST, FakeDetector, Fault, detection
from tests.inspection.stations import Stations
from tests.round_days import DAY, EVENING, Clock, file, inspections, morning_round, opened

GOOD, BAD, NOT = TickState.GOOD, TickState.NOT_GOOD, TickState.NOT_APPLICABLE
BY_HAND = PlanComponent("H", "Hood", "", (PlanCheckpoint("not torn"), PlanCheckpoint("clean")))
BY_MODEL = PlanComponent("M", "Motor", "plate@1", (PlanCheckpoint("bolt there", "bolt 1"), PlanCheckpoint("no dent")))


class Bolts(FakeDetector):
    """Says of its checkpoint "bolt 1" what the test wants."""

    state = OK

    def detect(self, image) -> Detection:  # type: ignore[no-untyped-def]
        found = super().detect(image)
        answer = CheckpointAnswer("bolt 1", self.state, 0.5, 1.0, 0, 0, 8, 8, f"bolt 1: {self.state}")
        verdict = Verdict.FAIL if answer.failed else found.verdict
        return replace(detection(found.score), verdict=verdict, checkpoints=(answer,))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stations]:
    made = Stations(tmp_path, monkeypatch)
    made.detector = Bolts()
    yield made
    made.close()


@pytest.fixture
def station(stations: Stations, clock: Clock) -> Station:
    return opened(stations, clock)


def listed(station: Station) -> dict[str, tuple[FindingKind, str]]:
    """Of the morning's round, by component."""
    result = station.rounds.result(DAY)
    return {one.component.key: (one.kind, one.words) for one in result.findings if f"{one.round.due_at:%H}" == "07"}


def audited(station: Station) -> list[dict[str, str]]:
    """What the audit log says of lines, newest first."""
    with closing(sqlite3.connect(station.data.database)) as connection:
        found = connection.execute("SELECT person, detail FROM audit WHERE detail LIKE '%line%' ORDER BY seq DESC")
        return [json.loads(detail) | {"by": person} for person, detail in found if '"line"' in detail]


def test_lines_that_no_model_answers_are_ticked_by_hand(stations: Stations, station: Station, clock: Clock) -> None:
    desk = station.rounds
    each = morning_round(station, components=(BY_HAND, replace(BY_HAND, key="I", name="Inlet")))
    assert [line.state for line in desk.lines(each, "H")] == [None, None] and len(each.open) == 2
    with pytest.raises(PlanError, match="Say why 'clean' can't be looked at"):
        desk.answer_line(each, "H", "clean", NOT, "  ")
    with pytest.raises(PlanError, match="has no line 'bright' of H"):
        desk.answer_line(each, "H", "bright", GOOD)
    each = desk.answer_line(each, "H", "not torn", GOOD)
    assert each.begun_at is not None and [one.name for one in each.unticked(BY_HAND)] == ["clean"]
    assert listed(station)["H"] == (FindingKind.UNJUDGED, "The plan names no model for it. Nobody has answered: clean.")
    root = station.data.root
    station.close()  # and another day it goes on
    again = stations.open(root.name, now=clock)
    desk = again.rounds
    each = desk.rounds(DAY)[0]
    assert [line.state for line in desk.lines(each, "H")] == [GOOD, None]
    each = desk.answer_line(each, "H", "clean", NOT, "under   the cover")
    assert [one.key for one in each.open] == ["I"], "no picture is needed where each line was answered"
    for name in ("not torn", "clean"):
        each = desk.answer_line(each, "I", name, GOOD)
    each = desk.answer_line(each, "I", "clean", BAD, "oil")
    assert each.done
    found = listed(again)
    assert found["H"] == (
        FindingKind.GOOD, "Looked at. clean: not applicable, under the cover (by hand)"
    )  # fmt: skip
    assert found["I"] == (FindingKind.DEFECT, "clean: not good, oil (by hand)")
    kept = again.store.rounds.ticks(each.id)
    assert [(one.point, one.state) for one in kept if one.component == "I"][1:] == [("clean", GOOD), ("clean", BAD)]
    told = next(one for one in audited(again) if one["said"] == "not good")
    assert told == {
        "component": "I", "line": "clean", "said": "not good", "reason": "oil", "by": "operator",
        "before": "good (by hand)",
    }  # fmt: skip
    assert len(audited(again)) == 5 and again.keeping.verify_audit().result(10).ok
    clock.now = EVENING
    desk.close_day(DAY)
    with pytest.raises(StoreError, match="takes no more answers"):
        desk.answer_line(each, "I", "clean", GOOD)
    with pytest.raises(Exception, match="a tick is never changed"):
        again.store._write(lambda connection: connection.exec_driver_sql("DELETE FROM round_tick"))


def walked(station: Station, folder: Path, clock: Clock, score: float) -> Round:
    each = morning_round(station, components=(BY_MODEL,))
    each = station.rounds.take_file(each, "M", file(folder, "m", score)).result(10)
    clock.now = EVENING
    station.rounds.judge(DAY).result(20)
    return each


def test_the_models_answers_and_a_person_who_knows_better(
    stations: Stations, station: Station, clock: Clock, tmp_path: Path
) -> None:
    stations.detector.state = DIFFERENT  # type: ignore[attr-defined]
    desk = station.rounds
    each = walked(station, tmp_path, clock, PASS)
    lines = desk.lines(each, "M")
    assert [(line.name, line.said, line.state) for line in lines] == [
        ("bolt there", BAD, BAD), ("no dent", GOOD, GOOD),  # the whole picture failed for the bolt alone
    ]  # fmt: skip
    assert listed(station)["M"][0] is FindingKind.DEFECT
    with pytest.raises(PlanError, match="'bolt there' is good, whatever the model says"):
        desk.answer_line(each, "M", "bolt there", GOOD)
    desk.answer_line(each, "M", "bolt there", GOOD, "only another colour")
    kind, words = listed(station)["M"]
    assert kind is FindingKind.GOOD
    assert words == "bolt there: good, only another colour (by hand; the model said not good)"
    assert [row.verdict for row in inspections(station)] == [Verdict.FAIL], "the first verdict stays on record"
    assert audited(station)[0]["before"] == "not good (by the model)"
    desk.answer_line(each, "M", "no dent", BAD, "there is one at the edge")
    assert listed(station)["M"][0] is FindingKind.DEFECT
    heading = Heading("bench-1", days_period(DAY, DAY, UTC), UTC, time(0), EVENING)
    write_period(station.store, heading, tmp_path / "day.xlsx")
    sheet = load_workbook(tmp_path / "day.xlsx")["Rounds"]
    rows = [dict(zip([cell.value for cell in sheet[1]], line, strict=True)) for line in sheet.values][1:3]
    told = [(row["Line"], row["Answer"], row["By"], row["Model said"], row["Reason"]) for row in rows]
    assert told == [
        ("bolt there", "good", "by hand", "not good", "only another colour"),
        ("no dent", "not good", "by hand", "good", "there is one at the edge"),
    ]
    write_document(station.store, heading, tmp_path / "day.pdf", lambda *_: None, lambda _figures: [])
    text = " ".join(" ".join(page.extract_text().split()) for page in PdfReader(tmp_path / "day.pdf").pages)
    assert "2 lines answered by people, 2 of them against the model, 1 not good" in text
    # Another picture is another matter: what was said of the one before does not speak for it.
    each = desk.take_file(each, "M", file(tmp_path, "n", PASS, 7)).result(10)
    assert [line.state for line in desk.lines(each, "M")] == [None, None]
    desk.judge(DAY).result(20)
    assert [line.text for line in desk.lines(each, "M")] == ["not good (by the model)", "good (by the model)"]


def test_what_no_line_speaks_of_is_not_overruled(
    stations: Stations, station: Station, clock: Clock, tmp_path: Path
) -> None:
    only_bolt = replace(BY_MODEL, checkpoints=BY_MODEL.checkpoints[:1])
    stations.detector.state = DIFFERENT  # type: ignore[attr-defined]
    each = morning_round(station, components=(only_bolt,))
    each = station.rounds.take_file(each, "M", file(tmp_path, "m", FAIL)).result(10)
    station.rounds.judge(DAY).result(20)
    station.rounds.answer_line(each, "M", "bolt there", GOOD, "it is")
    assert listed(station)["M"][0] is FindingKind.DEFECT  # the score failed as well


def test_what_the_model_does_not_answer_a_person_does(
    stations: Stations, station: Station, clock: Clock, tmp_path: Path
) -> None:
    stations.detector.state = UNSURE  # type: ignore[attr-defined]
    desk = station.rounds
    each = walked(station, tmp_path, clock, RETEST)
    assert [line.said for line in desk.lines(each, "M")] == [None, None]
    assert listed(station)["M"][0] is FindingKind.DOUBTFUL
    desk.answer_line(each, "M", "bolt there", GOOD)  # nobody is overruled, so no reason is asked for
    assert listed(station)["M"][0] is FindingKind.DOUBTFUL
    desk.answer_line(each, "M", "no dent", GOOD)
    assert listed(station)["M"][0] is FindingKind.GOOD


def test_a_line_said_before_the_model_has_looked_needs_a_reason(station: Station, clock: Clock, tmp_path: Path) -> None:
    each = morning_round(station, components=(BY_MODEL,))
    with pytest.raises(PlanError, match="'no dent' is not good, whatever the model says"):
        station.rounds.answer_line(each, "M", "no dent", BAD)
    each = station.rounds.answer_line(each, "M", "no dent", BAD, "seen by eye")
    assert [one.key for one in each.open] == ["M"], "the model still wants its picture"
    each = station.rounds.take_file(each, "M", file(tmp_path, "m", PASS)).result(10)
    assert listed(station)["M"][0] is FindingKind.DEFECT and station.rounds.result(DAY).waiting == 1
    station.rounds.judge(DAY).result(20)
    assert listed(station)["M"] == (
        FindingKind.DEFECT, "no dent: not good, seen by eye (by hand; the model said good)"
    )  # fmt: skip


def test_rights_and_what_is_not_applicable(station: Station) -> None:
    each = morning_round(station, components=(BY_HAND,))
    each = station.rounds.not_applicable(each, "H", "Not installed")
    assert not each.unticked(BY_HAND)
    with pytest.raises(PlanError, match="H is not applicable"):
        station.rounds.answer_line(each, "H", "clean", GOOD)
    station.people.add("Erik", Role.ENGINEER, pin="2580")
    with pytest.raises(NotAllowed):
        station.rounds.answer_line(each, "H", "clean", GOOD)


# -- pictures that nothing needs any more
def taken_files(station: Station) -> set[str]:
    return {each.name for each in station.data.images.rglob("*-taken.*")}


def test_what_was_taken_again_goes_and_what_counts_stays(
    stations: Stations, station: Station, clock: Clock, tmp_path: Path
) -> None:
    desk = station.rounds
    components = (BY_MODEL, replace(BY_HAND, checkpoints=()))
    each = morning_round(station, components=components)
    for number in range(3):
        each = desk.take_file(each, "M", file(tmp_path, "m", PASS, number)).result(10)
    each = desk.take_file(each, "H", file(tmp_path, "h", PASS, 9)).result(10)
    each = desk.take_file(each, "H", file(tmp_path, "h", PASS, 10)).result(10)
    assert len(taken_files(station)) == 5
    kept = {f"{answer.id}-taken.png" for answer in each.answers}
    folder = station.store.image_file(each.answers[0].image_path).parent
    young, old = folder / f"{'a' * 32}-taken.png", folder / f"{'b' * 32}-taken.png"
    for path in (young, old):
        path.write_bytes(b"x")
    moment = clock.now.timestamp() - 2 * 86400
    os.utime(old, (moment, moment))
    os.utime(young, (clock.now.timestamp(),) * 2)
    assert desk.tidy() == 4  # three that were replaced, one that never became an answer
    assert taken_files(station) == kept | {young.name}
    assert desk.tidy() == 0
    desk.judge(DAY).result(20)  # M's is an inspection now, with a picture of its own
    clock.now = EVENING
    desk.close_day(DAY)
    hood = next(answer for answer in desk.rounds(DAY)[0].answers if answer.component == "H")
    assert taken_files(station) == {f"{hood.id}-taken.png", young.name}
    assert desk.picture(hood) is not None


def test_the_only_picture_of_an_inspection_stays(station: Station, clock: Clock, tmp_path: Path) -> None:
    desk = station.rounds
    each = morning_round(station, components=(BY_MODEL,))
    each = desk.take_file(each, "M", file(tmp_path, "m", PASS)).result(10)
    fault = Fault(station.store)
    fault.pictures = OSError(errno.ENOSPC, "No space left on device")
    desk.judge(DAY).result(20)
    fault.pictures = None
    assert inspections(station)[0].image_path == ""
    again = desk.take_file(each, "M", file(tmp_path, "n", PASS, 5)).result(10)
    assert desk.tidy() == 0  # it was judged by that picture, and the record has no other
    assert desk.picture(each.answers[0]) is not None and desk.picture(again.answers[0]) is not None


def test_retention_knows_pictures_of_rounds(station: Station, clock: Clock, tmp_path: Path) -> None:
    desk = station.rounds
    each = morning_round(station, components=(replace(BY_HAND, checkpoints=()), replace(BY_MODEL, model="gone@1")))
    each = desk.take_file(each, "H", file(tmp_path, "h", PASS)).result(10)
    each = desk.take_file(each, "M", file(tmp_path, "m", PASS, 2)).result(10)
    retention, later = Retention(station.store), clock.now + timedelta(days=40)
    assert retention.plan(RetentionRule(reject_days=60), later, 1 << 40).pictures == 0
    full = RetentionRule(keep_free_bytes=1 << 50)
    assert retention.plan(full, later, 0).pictures == 0, "the day is open: they wait to be looked at"
    clock.now = EVENING
    station.shelf.load = lambda text: (_ for _ in ()).throw(ModelError("gone"))  # type: ignore[assignment, method-assign]
    desk.judge(DAY).result(20)
    desk.close_day(DAY)
    assert [(one.words, one.pictures) for one in retention.plan(full, later, 0).deletions] == [("round, disk", 2)]
    plan = retention.plan(RetentionRule(reject_days=30), later, 1 << 40)
    assert [(one.words, one.pictures) for one in plan.deletions] == [("round, age", 2)] and plan.size > 0
    assert retention.apply(plan, "Anna") == 2
    assert not taken_files(station) and retention.plan(plan.rule, later, 1 << 40).pictures == 0
    answers = desk.rounds(DAY)[0].answers
    assert [desk.picture(one) for one in answers] == [None, None] and all(one.sha256 for one in answers)
