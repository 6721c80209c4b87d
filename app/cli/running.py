"""`run --headless`: the live way without a window."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType

from app.cli.output import Output
from app.cli.parser import Arguments
from app.domain.errors import LinesightError
from app.domain.inspection import Inspection
from app.line import DEMO
from app.logs import configure
from app.machine import little_memory
from app.paths import data_folder
from app.station import Station
from app.status import Phase

_AT_ONCE = ("video:", "video-fast:", "folder:")  # a wrong path does not come right by waiting, a camera may


def command(options: Arguments, output: Output) -> int:
    with little_memory():
        return _run(options, output)


def _run(options: Arguments, output: Output) -> int:
    data = data_folder(options.data_dir).prepare()
    configure(data.logs)
    station = Station(data)
    watch = _Watch(station, output)
    source = options.source or station.settings.source
    model = options.model or ("" if source == DEMO else station.settings.model)
    before = {number: signal.signal(number, watch.end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        station.reporting.begin()
        station.triggering.begin()
        station.inspect_source(source, model, remember=False)
        watch.wait(options.seconds, give_up_at_once=source.lower().startswith(_AT_ONCE))
        health = station.health()
        watch.look()
    finally:
        station.close()
        for number, handler in before.items():
            signal.signal(number, handler)
    counts, bad = station.session_counts(), station.bad_pictures()
    unrecorded = station.unrecorded()
    state = station.state()
    result = {
        "source": state.source,
        "model": str(state.model) if state.model else None,
        "inspected": health.inspected,
        "recorded": counts.total,
        "pass": counts.passed,
        "fail": counts.failed,
        "retest": counts.retest,
        "error": counts.error,
        "unrecorded": unrecorded,
        "captured": health.captured,
        "dropped": health.dropped,
        "reconnects": health.reconnects,
        "pictures_lost": health.pictures_lost,
        "bad_pictures": [{"path": str(path) if path else None, "error": why} for path, why in bad],
        "data_dir": str(data.root),
    }
    if watch.fault or not health.captured:
        raise LinesightError(watch.fault or health.words)
    output.result(result, f"{counts.total} inspections on record in {data.root}.")
    return 1 if bad or unrecorded else 0


class _Watch:
    """Follows the station until it is to end."""

    def __init__(self, station: Station, output: Output) -> None:
        self._station, self._output = station, output
        self._changed = threading.Event()
        self._ended = False
        self._last_seen = ""
        self._words = ""
        self.fault = ""
        station.subscribe(lambda change: self._changed.set())

    def end(self, _number: int, _frame: FrameType | None) -> None:
        """SIGINT and SIGTERM: end in order."""
        self._ended = True
        self._changed.set()

    def wait(self, seconds: float | None, *, give_up_at_once: bool) -> None:
        """Until the time is over, the source has ended, a signal came, or nothing can come of it."""
        until: float | None = None
        while not self._ended:
            self._changed.wait(0.25)
            self._changed.clear()
            self.look()
            state = self._station.state()
            if state.job is not None:
                self._output.step(state.job.progress.fraction or 0.0, state.job.progress.words)
            elif state.words != self._words:
                self._words = state.words
                self._output.say(state.words)
            if state.phase is Phase.FINISHED:
                return
            hopeless = state.phase is Phase.WAITING and give_up_at_once and not self._station.health().captured
            if state.phase is Phase.FAULT or hopeless:
                self.fault = state.words
                return
            if seconds is not None and state.phase in (Phase.INSPECTING, Phase.WAITING):
                until = until or time.monotonic() + seconds
                if time.monotonic() >= until:
                    return

    def look(self) -> None:
        """Says what was recorded since the last look."""
        new: list[Inspection] = []
        for inspection in self._station.recent():
            if inspection.id == self._last_seen:
                break
            new.append(inspection)
        for inspection in reversed(new):
            self._last_seen = inspection.id
            self._output.say(f"{inspection.verdict:<6} {inspection.part_id}  {inspection.reason}")
