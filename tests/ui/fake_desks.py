"""Desks of the fake station that give no parts and write files that are none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.errors import LinesightError
from app.domain.inspection import Outcome
from app.domain.periods import Period
from app.inspection.triggers import Trigger
from app.jobs import Job
from app.reporting import ReportDesk
from app.reports.figures import Figures

if TYPE_CHECKING:
    from tests.ui.fake_station import FakeStation


class FakeReports(ReportDesk):
    """Counts the rows in memory, and writes files that are none."""

    def __init__(self, station: FakeStation) -> None:
        super().__init__(station)  # type: ignore[arg-type]
        self._station = station

    def figures(self, period: Period) -> Figures:
        return self._station.figures(period.first, period.last)

    def export(self, period: Period, endings: Sequence[str] = (".xlsx",), out: Path | None = None) -> Job[list[Path]]:
        station = self._station
        station._note("export", period, tuple(endings))

        def work(job: Job[list[Path]]) -> list[Path]:
            job.step(0.5, "Writing")
            if station.fail_export:
                raise LinesightError(station.fail_export)
            files = [out or station.data.reports / self.file_name(period, ending) for ending in endings]
            for file in files:
                file.write_bytes(b"PK")
            return files

        return station.jobs.start("Report", work)


class FakeLine:
    """A line that gives no parts: the bench is tested with a real station."""

    enumerated = False

    def __init__(self, station: FakeStation) -> None:
        self.trigger = Trigger()
        self.state = station.state

    def part(self) -> Outcome | None:
        return None

    def to_draw_on(self) -> None:
        return None

    def hold_to(self, limits: object) -> None: ...
    def stand_by(self, limits: object) -> None: ...
    def stop(self) -> None: ...
    def resume(self) -> None: ...
