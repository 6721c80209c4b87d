"""Lines of a checklist that people answer: resumable, overruling a model with a reason, and never changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.checkpoint import CheckpointAnswer
from app.domain.errors import PlanError, StoreError
from app.domain.frame import Image
from app.domain.inspection import Detection
from app.domain.plan import FindingKind, PlanCheckpoint, PlanComponent, Round, TickState
from app.domain.verdict import Verdict
from app.station import Station
from tests.inspection.fakes import PASS, FakeDetector
from tests.inspection.stations import Stations
from tests.round_days import DAY, EVENING, Clock, file, morning_round, opened

EYES = PlanComponent("B", "Belt", "", (PlanCheckpoint("not torn"), PlanCheckpoint("tight")))
BOLTED = PlanComponent("F", "Flange", "plate@1", (PlanCheckpoint("bolt there", "bolt 1"), PlanCheckpoint("clean")))


class Checking(FakeDetector):
    """Says that bolt 1 is missing on every picture, which fails the part whatever its score."""

    def detect(self, image: Image) -> Detection:
        found = super().detect(image)
        missing = CheckpointAnswer("bolt 1", "missing", 2.0, 1.0, 10, 10, 20, 20, "bolt 1: missing")
        return replace(found, verdict=Verdict.FAIL, checkpoints=(missing,), reason="bolt 1 is missing")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stations]:
    made = Stations(tmp_path, monkeypatch)
    yield made
    made.close()


@pytest.fixture
def station(stations: Stations, clock: Clock) -> Station:
    return opened(stations, clock)


def tick(station: Station, each: Round, point: str, state: TickState = TickState.GOOD, reason: str = "") -> Round:
    key = next(one.key for one in each.plan.components if point in {each.name for each in one.checkpoints})
    return station.rounds.answer_line(each, key, point, state, reason)


def finding(station: Station, key: str) -> tuple[FindingKind, str]:
    """What the day's list says of a component."""
    found = next(
        each for each in station.rounds.result(DAY).findings if each.component.key == key and each.round.begun_at
    )
    return found.kind, found.words


def test_a_component_that_only_people_judge_is_answered_by_its_lines(
    stations: Stations, station: Station, clock: Clock
) -> None:
    each = morning_round(station, components=(EYES,))
    each = tick(station, each, "not torn")
    assert each.open == (EYES,) and not each.done
    station.close()
    stations.made.remove(station)
    station = stations.open(now=clock)  # resumed where it was left
    each = station.rounds.rounds(DAY)[0]
    assert set(each.ticked("B")) == {"not torn"}
    each = tick(station, each, "tight")
    assert each.done
    clock.now = EVENING
    assert finding(station, "B")[0] is FindingKind.GOOD
    each = tick(station, each, "tight", TickState.NOT_GOOD, "slips  under\nload")
    assert finding(station, "B") == (FindingKind.DEFECT, "tight: not good, slips under load")
    assert [one.state for one in station.store.rounds.ticks(each.id)] == ["good", "good", "not good"], "all stay"


def test_a_picture_beside_the_lines_and_lines_that_can_not_be_looked_at(
    station: Station, clock: Clock, tmp_path: Path
) -> None:
    each = morning_round(station, components=(EYES,))
    station.rounds.take_file(each, "B", file(tmp_path, "belt", PASS)).result(10)
    clock.now = EVENING
    assert finding(station, "B")[0] is FindingKind.UNJUDGED
    with pytest.raises(PlanError, match="Say why not torn can't"):
        tick(station, each, "not torn", TickState.NOT_APPLICABLE)
    tick(station, each, "not torn", TickState.NOT_APPLICABLE, "covered")
    tick(station, each, "tight", TickState.NOT_APPLICABLE, "machine runs")
    words = "not torn: not applicable, covered; tight: not applicable, machine runs"
    assert finding(station, "B") == (FindingKind.NOT_APPLICABLE, words)
    with pytest.raises(PlanError, match="no line loose of B"):
        station.rounds.answer_line(each, "B", "loose", TickState.GOOD)


def test_a_person_overrules_a_models_line_with_a_reason_and_the_first_answer_stays(
    stations: Stations, station: Station, clock: Clock, tmp_path: Path
) -> None:
    stations.detector = Checking()
    each = morning_round(station, components=(BOLTED,))
    station.rounds.take_file(each, "F", file(tmp_path, "flange", PASS)).result(10)
    clock.now = EVENING
    station.rounds.judge(DAY).result(20)
    assert finding(station, "F") == (FindingKind.DEFECT, "bolt 1 is missing")
    with pytest.raises(PlanError, match="Say why the model is wrong about bolt there"):
        tick(station, each, "bolt there")
    each = tick(station, each, "bolt there", reason="painted over, it is there")
    kind, words = finding(station, "F")
    assert kind is FindingKind.GOOD and "bolt there: good, painted over, it is there" in words
    judged = station.store.inspection(each.answers[0].id)
    assert judged is not None and judged.verdict is Verdict.FAIL, "what the model said stays"
    audit = [row for row in station.store.audit_entries(20) if "painted over" in row.detail]
    assert len(audit) == 1 and audit[0].subject == "round Bolts"
    tick(station, each, "clean", TickState.NOT_GOOD)  # no reason is needed where no model answers
    assert finding(station, "F") == (FindingKind.DEFECT, "clean: not good")


def test_a_closed_day_takes_no_tick_and_nothing_changes_one(station: Station, clock: Clock) -> None:
    each = morning_round(station, components=(EYES,))
    tick(station, each, "not torn")
    clock.now = EVENING
    station.rounds.close_day(DAY)
    with pytest.raises(StoreError, match="was closed"):
        tick(station, each, "tight")
    with closing(sqlite3.connect(station.data.database)) as connection:
        for change in ("UPDATE round_tick SET state = 'good'", "DELETE FROM round_tick"):
            with pytest.raises(sqlite3.IntegrityError, match="never changed"):
                connection.execute(change)
