"""Measures the live workspace: what is displayed and judged, how long the screen's thread is held up, the overlay, and
the presence trigger. `python main.py bench live [--quick] [--json]`. The window is real, drawn without a display."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from itertools import cycle
from pathlib import Path

# Before anything imports Qt: a bench needs no display.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import av
import cv2
import numpy as np
from PySide6.QtCore import QEventLoop, QObject, QTimer, Signal
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QApplication

from app.cameras.base import SourceTraits
from app.cameras.demo import DefectKind, draw_part, training_parts
from app.cameras.demo.belt import Belt
from app.cli.benching import Figure
from app.domain.frame import Frame, Image
from app.domain.inspection import Outcome
from app.inspection.gates import PresenceGate
from app.inspection.pipeline import Pipeline
from app.inspection.presence import EmptyPlace, Presence
from app.inspection.recorder import Recorder
from app.inspection.triggers import Trigger
from app.machine import little_memory
from app.paths import DataFolder
from app.station import Station
from app.status import Change, Phase
from app.vision.detector import Detector
from app.vision.training import Sample, train
from ui.app import SWITCH_INTERVAL, application, set_aside_what_stays
from ui.live.picture import Mode, PictureView
from ui.live.prepare import Prepared, prepare
from ui.window import Window

Step = Callable[[float, str], None]

FULL_HD, HD = (1920, 1080), (1280, 720)
_SEED = 5
_STEADY = 1.5  # seconds that a line runs before the next change-over
_WARM = 3.0  # seconds that are not counted: windows and graphs are made in them
_WARM_FOUR = 6.0
_TAUGHT = 24
_EVERY = 0.005


def run(quick: bool, step: Step) -> list[Figure]:
    seconds = 4.0 if quick else 30.0
    found: list[Figure] = []
    with little_memory(), tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        step(0.0, "Filming parts")
        large = film(root / "large.mp4", FULL_HD, 30, seconds + 2 * _WARM)
        # Cameras of a line see their own parts, each at its own moment.
        small = [
            film(root / f"small{number}.mp4", HD, 15, seconds + 2 * _WARM_FOUR, 10 * number, begins=number / 4)
            for number in range(4)
        ]
        step(0.2, "Training")
        models = {size: trained(root, size) for size in (FULL_HD, HD)}
        step(0.3, "One camera, 1080p30")
        found += _one(root / "one", large, models[FULL_HD], seconds)
        step(0.5, "Four cameras, 720p15")
        found += _four(root / "four", small, models[HD], seconds)
        step(0.65, "Change-over")
        another = trained(root, HD, "another")
        products = [(large, models[FULL_HD]), (small[0], models[HD]), (small[1], another)]
        found += _change_over(root / "change", products)
        step(0.7, "Overlay")
        found.append(_overlay(models[FULL_HD]))
        step(0.75, "Parts by presence")
        found += _presence(root / "presence", models[HD], 25 if quick else 500)
    step(1.0, "Done")
    return found


# -- what is looked at
def film(
    path: Path, size: tuple[int, int], fps: int, seconds: float, seed: int = 0, parts: int = 6, begins: float = 0.0
) -> Path:
    """So many good parts in turn, which lie there for a second each, H.264; the first one since `begins` seconds."""
    looked = [cv2.resize(part, size) for part in training_parts(parts, 100 + seed)]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", fps, options={"preset": "ultrafast", "crf": "18"})
        stream.width, stream.height, stream.pix_fmt = size[0], size[1], "yuv420p"
        stream.time_base = Fraction(1, fps)
        shown = cycle(
            av.VideoFrame.from_ndarray(np.ascontiguousarray(part), format="bgr24").reformat(format="yuv420p")
            for part in looked
        )
        frame = next(shown)
        for number in range(round(fps * seconds)):
            if number and (number + round(begins * fps)) % fps == 0:
                frame = next(shown)
            frame.pts = number
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def trained(root: Path, size: tuple[int, int], name: str = "bench") -> Path:
    """A model of what these films show: good parts at this size, as the codec leaves them."""
    teach = film(root / "teach.mp4", size, 1, _TAUGHT, 50, _TAUGHT)
    samples = [Sample(f"part {number}", lambda image=image: image) for number, image in enumerate(_pictures(teach))]
    path = root / f"{name} {size[0]}.model"
    path.write_bytes(train(samples, name=name).data)
    return path


def _pictures(path: Path) -> list[Image]:
    with av.open(str(path)) as container:
        return [np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in container.decode(video=0)]


# -- the window
class _Delays(QObject):
    """Asks the event loop something every 5 ms and notes how long each answer took; seconds."""

    asked = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []
        self.asked.connect(self._answer)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask, name="delays", daemon=True)

    def _answer(self, at: float) -> None:
        self.seconds.append(time.perf_counter() - at)

    def _ask(self) -> None:
        while not self._over.wait(_EVERY):
            self.asked.emit(time.perf_counter())

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()


@contextmanager
def _station(root: Path) -> Iterator[tuple[Station, Window]]:
    station = Station(DataFolder(root), demo_seed=_SEED)
    station.save_settings(sound=False)
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL)  # as the program does
    application(station)
    window = Window(station)
    window.resize(1920, 1080)
    window.show()
    set_aside_what_stays()
    try:
        yield station, window
    finally:
        window.close_window()
        window.hide()
        window.deleteLater()
        QApplication.processEvents()
        station.close()
        sys.setswitchinterval(before)
        gc.unfreeze()


def _turn(seconds: float, until: Callable[[], bool] = lambda: False, every: float = 0.1) -> None:
    """The event loop as the program runs it; looks `every` so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not until():
        loop = QEventLoop()
        QTimer.singleShot(round(1000 * every), loop.quit)
        loop.exec()


class _Seen:
    """Which frames a picture has painted."""

    def __init__(self, view: PictureView) -> None:
        self.frames: dict[int, float] = {}
        paint = view.paintEvent

        def painted(event: object) -> None:
            paint(event)
            if view.painted_picture is not None:
                self.frames.setdefault(view.painted_picture, time.monotonic())

        view.paintEvent = painted  # type: ignore[method-assign]

    def rate(self, begun: float, ended: float) -> float:
        return sum(begun <= at < ended for at in self.frames.values()) / (ended - begun)


def _one(root: Path, video: Path, model: Path, seconds: float) -> list[Figure]:
    ages: list[float] = []
    with _station(root) as (station, window):
        view = window.spaces.live.picture
        seen = _Seen(view)

        def judged(change: Change) -> None:
            if change is Change.OUTCOME and (outcome := station.latest()) is not None:
                ages.append(outcome.frame.age())

        station.inspect_source(f"video:{video}", str(model), "Bench")
        _turn(20, lambda: station.latest() is not None and station.state().phase is Phase.INSPECTING)
        _turn(_WARM)
        station.subscribe(judged)
        delays = _Delays()
        delays.start()
        begun = time.monotonic()
        _turn(seconds)
        ended = time.monotonic()
        delays.stop()
        rate = seen.rate(begun, ended)
    return [
        Figure("1080p30 with overlay: frames displayed a second", rate, "1/s", 30, 30, "higher", whole=True),
        Figure("1080p30: frame to verdict, p95", _p(ages, 95) * 1000, "ms", 60, 35),
        Figure("1080p30: event loop's delay, p99", _p(delays.seconds, 99) * 1000, "ms", 16, 8),
    ]


def _four(root: Path, videos: list[Path], model: Path, seconds: float) -> list[Figure]:
    with _station(root) as (station, window):
        names = ("B", "C", "D")
        station.save_settings(
            cameras=[
                {"name": name, "source": f"video:{video}", "model": str(model), "product": "Bench"}
                for name, video in zip(names, videos[1:], strict=True)
            ]
        )
        station.inspect_source(f"video:{videos[0]}", str(model), "Bench")
        live = window.spaces.live
        lines = lambda: [station.line, *(view.line for view in station.beside.views())]  # noqa: E731
        _turn(30, lambda: len(lines()) == 4 and all(line.latest() is not None for line in lines()))
        live.show_all(True)
        _turn(0.5, lambda: len(live.grid.tiles) == 4)
        seen = [_Seen(tile.picture) for tile in live.grid.tiles]
        _turn(_WARM_FOUR)
        delays = _Delays()
        delays.start()
        counted = sum(line.health().inspected for line in lines())
        begun = time.monotonic()
        _turn(seconds)
        ended = time.monotonic()
        counted = sum(line.health().inspected for line in lines()) - counted
        delays.stop()
        rates = [each.rate(begun, ended) for each in seen]
    return [
        Figure("four 720p15: frames displayed a second, slowest tile", min(rates), "1/s", 15, 15, "higher", whole=True),
        Figure("four 720p15: verdicts a second in total", counted / (ended - begun), "1/s", 40, 60, "higher"),
        Figure("four 720p15: event loop's delay, p99", _p(delays.seconds, 99) * 1000, "ms", 16, 8),
    ]


def _change_over(root: Path, products: Sequence[tuple[Path, Path]]) -> list[Figure]:
    """From the tap to the other product's first verdict on the screen: settings kept, camera and model changed. Each
    product of three in turn has its model read and compiled anew; the one before still has it.

    Args:
        products: film and model of each.
    """
    anew, back = list[float](), list[float]()
    with _station(root) as (station, window):

        def shows(video: Path) -> bool:
            prepared = window.spaces.live.prepared
            return prepared is not None and prepared.outcome.frame.source == f"video:{video}"

        def changed(number: int) -> float:
            _turn(_STEADY)
            begun = time.perf_counter()
            window.bridge.run(lambda: station.recipes.use(f"Product {number}"), lambda _recipe: None)
            _turn(20, lambda: shows(products[number][0]), 0.005)
            return time.perf_counter() - begun

        for number, (video, model) in enumerate(products):
            station.inspect_source(f"video:{video}", str(model), f"Product {number}")
            _turn(20, lambda video=video: shows(video))  # type: ignore[misc]
            station.recipes.save(f"Product {number}")
        for _ in range(2):
            anew += [changed(number) for number in range(len(products))]
            back += [changed(len(products) - 2), changed(len(products) - 1)]
    words = "from the tap to the product's first verdict, slowest"
    return [
        Figure(f"change-over to a product of three: {words}", max(anew), "s", 1),
        Figure(f"change-over to the product before: {words}", max(back), "s", 1),
    ]


def _overlay(model: Path) -> Figure:
    """Colouring the map, laying it and the outlines over a 1080p picture that is there at the screen's size."""
    image = cv2.resize(draw_part(_SEED, 3, DefectKind.SCRATCH), FULL_HD)
    detector = Detector.load(model)
    detection = detector.detect(np.asarray(image, np.uint8))
    outcome = Outcome(Frame(np.asarray(image, np.uint8), "bench"), detection.verdict, detection, None)
    box = (1240, 698)
    view = PictureView()
    view.resize(*box)
    surface = QPixmap(*box)

    def painted(prepared: Prepared, mode: Mode) -> None:
        view.set_mode(mode)
        view.show_prepared(prepared)
        view.render(surface)

    def seconds(work: Callable[[], object]) -> float:
        taken = []
        for _ in range(30):
            begun = time.perf_counter()
            work()
            taken.append(time.perf_counter() - begun)
        return float(np.median(taken))

    whole = prepare(outcome, box)
    assert whole.heat is not None, "the scratch must be found"
    bare = Outcome(outcome.frame, outcome.verdict, None, None)
    without = prepare(bare, box)
    colouring = seconds(lambda: prepare(outcome, box)) - seconds(lambda: prepare(bare, box))
    painting = seconds(lambda: painted(whole, Mode.OVERLAY)) - seconds(lambda: painted(without, Mode.PICTURE))
    taken = (colouring + painting) * 1000
    return Figure("overlay of a 1080p frame: map coloured, laid over, outlined", taken, "ms", 5, 2)


# -- presence
class _Clocked:
    """The belt at sixty parts a minute, 15 pictures a second of its own clock, as fast as they are taken."""

    address = "bench:belt"
    traits = SourceTraits(live=False, parts=False, endless=False)
    dropped = 0

    def __init__(self, parts: int) -> None:
        self._belt = Belt(_SEED, 1.0, gap=0.15)
        self._frames = iter(range(parts * 15 + 3))
        self.index: dict[int, int | None] = {}
        self.empty = EmptyPlace.of([self._belt.at(0.01 * number).image for number in range(12)])
        self._stopped = False

    def open(self) -> None: ...
    def close(self) -> None: ...

    def read(self) -> Frame | None:
        number = next(self._frames, None)
        if number is None or self._stopped:
            return None
        moment = self._belt.at(number / 15)
        frame = Frame(moment.image, self.address, monotonic=1000 + number / 15)
        self.index[frame.id] = moment.index if moment.rests else -1
        return frame

    def stop(self) -> None:
        self._stopped = True


def _presence(root: Path, model: Path, parts: int) -> list[Figure]:
    station = Station(DataFolder(root))
    try:
        source, trigger, detector = _Clocked(parts), Trigger(), Detector.load(model)
        trigger.arm()
        gate = PresenceGate(Presence(source.empty))
        recorder = Recorder(station.store, station.alarms, detector, station="Bench", product="Bench")
        recorded: list[int] = []

        def heard(outcome: Outcome) -> None:
            if outcome.inspection is not None:
                recorded.append(outcome.frame.id)

        line = Pipeline(source, detector, recorder, heard, trigger=trigger, gate=lambda: gate)
        line.start()
        line.join()
        line.stop()
        taken = [source.index[frame] for frame in recorded]
    finally:
        station.close()
    found = [index for index in taken if index is not None and index >= 0]
    missed = parts - len(set(found))
    doubled = len(found) - len(set(found)) + sum(index is None or index < 0 for index in taken)
    words = f"presence, {parts} demo parts at 60 a minute"
    return [
        Figure(f"{words}: missed", missed, "parts", 0, 0),
        Figure(f"{words}: doubled, or taken while moving", doubled, "parts", 0, 0),
    ]


def _p(values: list[float], percent: float) -> float:
    return float(np.percentile(values, percent)) if values else float("inf")
