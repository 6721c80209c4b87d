"""A line that judges with another version than the released one says so; and rounds take the released one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.errors import ModelError
from app.domain.plan import PlanComponent
from app.status import Phase
from tests.inspection.fakes import PASS
from tests.inspection.stations import Stations, camera, inspecting, reaches
from tests.round_days import EVENING, Clock, file, morning_round, opened


@pytest.fixture
def stations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stations]:
    made = Stations(tmp_path, monkeypatch)
    yield made
    made.close()


def test_it_stands_while_the_line_judges_with_another_version(
    stations: Stations, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = inspecting(stations, camera())
    released = {"": ""}
    monkeypatch.setattr(station.shelf, "released", lambda name: released.get(name, ""))
    product = station.state().product
    running = str(station.state().model)
    assert station.improving.unreleased() == "", "nothing of it was ever released: nobody goes by releases"
    released[product] = "plate@2"
    assert station.improving.unreleased() == running
    released[product] = running
    assert station.improving.unreleased() == ""
    released[product] = "plate@2"
    station.stop()
    reaches(station, Phase.STOPPED)
    assert station.improving.unreleased() == "", "no part is judged"


def test_a_damaged_history_is_no_reason_to_say_anything(stations: Stations, monkeypatch: pytest.MonkeyPatch) -> None:
    station = inspecting(stations, camera())

    def damaged(_name: str) -> str:
        raise ModelError("The history of plate is damaged.")

    monkeypatch.setattr(station.shelf, "released", damaged)
    assert station.improving.unreleased() is None


def test_a_round_that_names_a_product_takes_its_released_version(
    stations: Stations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    station = opened(stations, clock)
    asked: list[str] = []

    def load(name: str) -> object:
        asked.append(name)
        return stations.detector

    monkeypatch.setattr(station.shelf, "load", load)
    monkeypatch.setattr(station.shelf, "released", lambda name: "plate@3" if name == "plate" else "")
    each = morning_round(station, components=(PlanComponent("A", "Bolt A", "plate"),))
    station.rounds.take_file(each, "A", file(tmp_path, "a", PASS)).result(10)
    clock.now = EVENING
    station.rounds.judge().result(20)
    assert asked == ["plate@3"]
