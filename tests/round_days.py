"""A day of rounds at a real station whose detector reads its score from the picture."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from app.domain.inspection import Inspection
from app.domain.plan import Plan, PlanComponent, Round
from app.domain.records import RecordQuery
from app.domain.recurrence import Frequency
from app.pictures import encode_png
from app.station import Station
from tests.inspection.fakes import picture
from tests.inspection.stations import Stations

DAY = date(2026, 11, 26)
MORNING = datetime(2026, 11, 26, 6, 30, tzinfo=UTC)  # 07:30 in Berlin
EVENING = datetime(2026, 11, 26, 17, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = MORNING

    def __call__(self) -> datetime:
        return self.now


def opened(stations: Stations, clock: Clock) -> Station:
    made = stations.open(now=clock)
    made.save_settings(zone="Europe/Berlin")
    return made


def plan(*components: PlanComponent, name: str = "Bolts", **changes: object) -> Plan:
    asked = components or tuple(PlanComponent(key, f"Bolt {key}", "plate@1") for key in ("A", "B", "C"))
    frequency = Frequency("FREQ=DAILY", DAY - timedelta(days=30), (time(8), time(14)))
    return replace(Plan("", 0, name, asked, frequency, MORNING), **changes)  # type: ignore[arg-type]


def morning_round(station: Station, **changes: object) -> Round:
    station.rounds.save_plan(plan(**changes))  # type: ignore[arg-type]
    return station.rounds.rounds(DAY)[0]


def file(folder: Path, name: str, score: float, noise: int = 1) -> Path:
    path = folder / f"{name}.png"
    path.write_bytes(encode_png(picture(score, noise=noise)))
    return path


def answered(station: Station, folder: Path, *scores: float) -> Round:
    """The morning's round with pictures of these scores."""
    each = morning_round(station)
    for number, score in enumerate(scores):
        component = each.plan.components[number].key
        each = station.rounds.take_file(each, component, file(folder, component, score, number)).result(10)
    return each


def inspections(station: Station) -> list[Inspection]:
    return station.store.search(RecordQuery())


def desk_answers(station: Station):  # type: ignore[no-untyped-def]
    return {each.component: each for each in station.rounds.rounds(DAY)[0].answers}
