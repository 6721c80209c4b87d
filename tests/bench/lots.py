"""Measures the bench: the station's own time a part, from the press to the verdict on record and the decision, with the
demo line's model on its pictures. `python main.py bench lots [--quick] [--json]`."""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from app.cameras.demo import draw_part
from app.cli.benching import Figure
from app.domain.lot import Choice, Grade, Order
from app.lifecycle.training import train_on_demo
from app.paths import DataFolder
from app.pictures import encode_png
from app.station import Station

Step = Callable[[float, str], None]

ORDER = Order("L-1", "Plate", "Mill", "Drawing 1", 100_000, "II", ((Grade.MAJOR, 1.0),))
PARTS_AN_HOUR = 300


def _wait(condition: Callable[[], object]) -> None:
    until = time.monotonic() + 60
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError("the station gave no verdict")
        threading.Event().wait(0.001)


def run(quick: bool, step: Step) -> list[Figure]:
    count = 40 if quick else PARTS_AN_HOUR
    with tempfile.TemporaryDirectory(prefix="linesight-bench-") as name:
        folder = Path(name)
        pictures = folder / "parts"
        pictures.mkdir()
        for index in range(count):
            step(0.4 * index / count, f"Drawing part {index + 1} of {count}")
            file = pictures / f"{index + 1:04d}.png"
            file.write_bytes(encode_png(draw_part(7, index, None)))
            os.utime(file, (time.time() - 3600,) * 2)
        station = Station(DataFolder(folder / "data"))
        try:
            step(0.4, "Training")
            model = train_on_demo(station.shelf, "Demo plate", 7, lambda fraction, words: None)
            station.lots.open(ORDER)
            station.inspect_source(f"folder:{pictures}", str(model.ref))
            _wait(lambda: station.state().phase.value == "inspecting")
            seconds = _inspect(station, count, step)
        finally:
            station.close()
    seconds.sort()
    return [
        Figure("press to decided part, median", 1000 * statistics.median(seconds), "ms", floor=3000, aim=500),
        Figure("press to decided part, 95 %", 1000 * seconds[int(0.95 * len(seconds))], "ms", floor=6000, aim=1000),
        Figure("parts an hour by the station's own time", 3600 / statistics.mean(seconds), "", PARTS_AN_HOUR,
               3000, better="higher"),
    ]  # fmt: skip


def _inspect(station: Station, count: int, step: Step) -> list[float]:
    desk, trigger = station.lots, station.line.trigger
    seconds = []
    for number in range(1, count + 1):
        step(0.5 + 0.5 * number / count, f"Part {number} of {count}")
        threading.Event().wait(0.2)  # a foot is no faster, and the trigger takes less for a bounce
        begin = time.perf_counter()
        desk.inspect()
        _wait(lambda number=number: len(desk.current().parts) == number and not trigger.busy)  # type: ignore[misc,union-attr]
        waiting = desk.current().waiting  # type: ignore[union-attr]
        assert waiting is not None
        desk.decide(waiting.proposed or Choice.REJECT)
        seconds.append(time.perf_counter() - begin)
    return seconds
