"""Which version stands for a product: the alarm while another one judges, and what a round takes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import time, timedelta
from pathlib import Path

import pytest

from app import watching
from app.domain.alarm import Alarm, AlarmQuery
from app.domain.alarm_rule import RuleKind
from app.domain.errors import ModelError
from app.domain.plan import FindingKind, Plan, PlanComponent
from app.domain.recurrence import Frequency
from app.lifecycle.standing import standing_for
from app.paths import DataFolder
from app.station import Station
from app.status import Phase
from tests.inspection.fakes import wait_for
from tests.round_days import DAY, EVENING, MORNING, Clock


def standing(station: Station) -> list[Alarm]:
    """Alarms of the rule whose cause holds."""
    return [one for one in station.active_alarms() if one.kind == "unreleased" and one.cleared_at is None]


def says(station: Station, *titles: str) -> None:
    wait_for(lambda: [one.title for one in standing(station)] == list(titles), 15, f"{titles}: {standing(station)}")


def inspects(station: Station, source: str, model: str, product: str = "plate") -> None:
    station.stop()
    wait_for(lambda: station.state().phase is Phase.STOPPED, 30, str(station.state()))
    station.inspect_source(source, model, product)
    wait_for(lambda: station.state().phase is Phase.INSPECTING, 30, str(station.state()))


def test_the_alarm_stands_while_a_model_that_is_not_released_judges(
    station: Station, small_set: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "TICK", 0.1)
    source = f"folder:{small_set / 'normal'}"
    assert RuleKind.UNRELEASED in station.watching.offered()
    inspects(station, source, "plate@1")
    says(station, "Model plate@1 is not released")
    station.improving.release("plate@1", why="first one", person="Kim").result(60)
    says(station)
    inspects(station, source, "plate@2")
    says(station, "Model plate@2 is not released")
    inspects(station, source, str(station.improving.version("plate@1").path))
    says(station)  # a copy of the released file is the released model
    station.improving.release("plate@2", why="better", person="Kim").result(60)
    says(station, "Model plate from a file is not released")  # it goes around what is released now
    station.improving.rollback("plate").result(60)
    says(station)
    inspects(station, source, "plate@2")
    says(station, "Model plate@2 is not released")
    station.stop()
    says(station)
    assert [one.alarm.source for one in station.watching.history(AlarmQuery(kind="unreleased"))] == ["model"]


def test_what_it_is_silent_about(station: Station, small_set: Path, tmp_path: Path) -> None:
    source, told = f"folder:{small_set / 'normal'}", station.improving.unreleased
    assert told() == ""  # nothing runs
    path = tmp_path / "from elsewhere.model"
    other = DataFolder(tmp_path / "other")
    shutil.copy(station.improving.version("plate@1").path, path)
    with closing(Station(other)) as fresh:  # knows neither the file nor a release: it could not release it
        inspects(fresh, source, str(path))
        assert fresh.improving.unreleased() == ""
    inspects(station, source, str(path))
    assert told() == "plate from a file"  # here it is plate@1, which can be released
    inspects(station, "demo", "plate@1")
    assert told() == ""
    inspects(station, source, "plate@1", product="Another product")
    assert told() == "plate@1"
    station.improving.release("plate@1").result(60)
    assert told() == ""  # its own product's, where nothing of the other one was released
    kept = sorted((station.shelf.folder("plate") / "releases").iterdir())[-1]
    kept.chmod(0o644)
    kept.write_text("{}")
    assert told() is None  # neither raised nor cleared: what is released must not be guessed


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def days(trained: Path, tmp_path: Path, clock: Clock) -> Iterator[Station]:
    data = DataFolder(tmp_path / "days")
    shutil.copytree(trained, data.models)
    with closing(Station(data, now=clock)) as made:
        made.save_settings(zone="Europe/Berlin")
        yield made


def test_a_round_takes_what_is_released_and_keeps_which_version_judged(
    days: Station, clock: Clock, small_set: Path
) -> None:
    components = (PlanComponent("A", "A", "plate"), PlanComponent("B", "B", "plate@1"), PlanComponent("C", "C", "none"))
    frequency = Frequency("FREQ=DAILY", DAY - timedelta(days=3), (time(8), time(14)))
    days.rounds.save_plan(Plan("", 0, "Plates", components, frequency, MORNING))
    first, second = days.rounds.rounds(DAY)

    def judged() -> dict[tuple[str, str], str]:
        result = days.rounds.judge(DAY).result(60)
        return {
            (f"{one.round.due_at:%H}", one.component.key): f"{one.inspection.model} {one.inspection.model.sha256[:8]}"
            for one in result.findings
            if one.inspection is not None and one.inspection.model is not None
        }

    def take(each, *keys: str) -> None:  # type: ignore[no-untyped-def]
        for number, key in enumerate(keys):
            days.rounds.take_file(each, key, small_set / "normal" / f"{number}.png").result(30)

    sha = {number: days.improving.version(f"plate@{number}").sha256[:8] for number in (1, 2)}
    take(first, "A", "B", "C")
    clock.now = EVENING
    assert judged() == {("07", "A"): f"plate@2 {sha[2]}", ("07", "B"): f"plate@1 {sha[1]}"}
    unjudged = days.rounds.result(DAY).of(FindingKind.UNJUDGED)
    assert [one.component.key for one in unjudged] == ["C"] and "There is no model of none" in unjudged[0].words
    days.improving.release("plate@1").result(60)  # the newest is plate@2 still
    take(second, "A")
    assert judged() == {
        ("07", "A"): f"plate@2 {sha[2]}",  # the first verdict stays, and says by which
        ("07", "B"): f"plate@1 {sha[1]}",
        ("13", "A"): f"plate@1 {sha[1]}",
    }
    shutil.copy(days.improving.version("plate@2").path, days.improving.version("plate@1").path)
    with pytest.raises(ModelError, match="was changed after it was released"):
        days.shelf.load(standing_for(days.shelf, "plate"))
