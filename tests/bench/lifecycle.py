"""Measures the lifecycle: what a training costs the live line, how long a backtest takes, and what feeding reviewed
parts back is worth. `python main.py bench lifecycle [--quick] [--json]`."""

from __future__ import annotations

import os
import signal
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from app.cameras.demo import draw_part, training_parts
from app.cli.benching import Figure
from app.datasets import Item, read_dataset
from app.datasets.masks import mask_reader
from app.domain.versions import Judgement, TrainingPlan, Trial
from app.lifecycle import training_process
from app.lifecycle.backtest import Picture, replay
from app.lifecycle.queue import TrainingQueue
from app.pictures import encode_jpeg, read_picture
from app.vision.defects import Defect
from app.vision.detector import Detector
from app.vision.evaluation import Evaluation, TestSample, evaluate
from app.vision.survey import Sample
from app.vision.training import train

Step = Callable[[float, str], None]

TILES = Path(__file__).resolve().parents[3] / "shared" / "data" / "magnetic-tile"
_PAIRS = 3
_EVERY = 0.08  # seconds between two parts on the line
_SEEDS, _DAYS, _A_DAY, _FIRST = 5, 10, 20, 60
_QUICK_DAYS = 4
_TESTED = 0.3
_T4 = 2.776  # Student's t, two-sided 95 %, four degrees of freedom


def run(quick: bool, step: Step) -> list[Figure]:
    step(0.0, "Training a model for the line")
    parts = list(training_parts(8 if quick else 30, seed=3))
    made = train([Sample(str(number), _giver(part)) for number, part in enumerate(parts)], name="line")
    detector = Detector(made.model, made.ref)
    figures: list[Figure] = []
    if TILES.is_dir():
        step(0.1, "Training beside the line")
        figures += _beside(detector, 20 if quick else 100)
    step(0.3, "Backtest")
    figures.append(_backtest(detector, 100 if quick else 1000))
    if TILES.is_dir():
        figures += _loop(quick, step)
    return figures


def _beside(detector: Detector, verdicts: int) -> list[Figure]:
    """Verdicts of parts that come at even times, by turns without and with one training going on, which is halted in
    between; so the pairs see different stages of it."""
    parts = [draw_part(5, number) for number in range(20)]
    for part in parts[:5]:
        detector.detect(part)
    without, beside = [], []
    with tempfile.TemporaryDirectory(prefix="linesight-bench-") as name:
        folder = Path(name)
        queue = TrainingQueue(folder / "trainings", lambda: datetime.now(UTC))
        queue.add(TrainingPlan("tile", TILES), "bench")
        training_process.start(queue.folder, folder / "models")
        while not (pid := queue.standing(queue.jobs()[0].id).pid) or queue.jobs()[0].fraction < 0.1:
            time.sleep(0.1)
        stages = []
        try:
            for _ in range(_PAIRS):
                os.kill(pid, signal.SIGSTOP)
                without.append(_p95(detector, parts, verdicts))
                os.kill(pid, signal.SIGCONT)
                begin = queue.jobs()[0].fraction
                beside.append(_p95(detector, parts, verdicts, training_process.GIVING_WAY.held))  # as the line does
                stages.append((begin, queue.jobs()[0].fraction))
            ended = queue.jobs()[0].state.ended
        finally:
            os.kill(pid, signal.SIGKILL)
            while training_process.alive():
                time.sleep(0.05)
    ratios = [one / other for one, other in zip(beside, without, strict=True)]
    words = f"training at {', '.join(f'{begin:.0%} to {end:.0%}' for begin, end in stages)}{', ended' if ended else ''}"
    return [
        Figure("live verdict p95 without training, median of 3", statistics.median(without), "ms"),
        Figure(f"live verdict p95 while training, median of 3 ({words})", statistics.median(beside), "ms"),
        Figure(
            "live verdict p95 while training against without, median of 3 pairs",
            statistics.median(ratios),
            "x",
            floor=1.5,
            aim=1.3,
        ),
    ]


def _p95(
    detector: Detector,
    parts: list[np.ndarray],
    verdicts: int,
    first: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> float:
    times = []
    due = time.perf_counter()
    for number in range(verdicts):
        due += _EVERY
        time.sleep(max(0.0, due - time.perf_counter()))
        begin = time.perf_counter()
        with first():
            detector.detect(parts[number % len(parts)])
        times.append(time.perf_counter() - begin)
    return float(np.quantile(times, 0.95)) * 1000


def _backtest(detector: Detector, count: int) -> Figure:
    """A candidate on production pictures of 1280 x 720 whose first verdicts are on record."""
    with tempfile.TemporaryDirectory(prefix="linesight-bench-") as name:
        pictures = []
        for number in range(min(count, 100)):
            path = Path(name) / f"{number}.jpg"
            image = draw_part(6, number)
            path.write_bytes(encode_jpeg(image))
            found = detector.detect(image)
            pictures.append(Picture(str(number), path, before=Judgement(found.score, found.verdict)))
        chosen = [pictures[number % len(pictures)] for number in range(count)]
        trial = Trial("line@2")
        done = replay(
            trial, lambda: detector, "line@1", lambda: detector, chosen, "production", lambda part, words: None
        )
    scaled = "" if count == 1000 else f", from {count}"
    return Figure(f"backtest of 1,000 pictures{scaled}", done.seconds * 1000 / count, "s", floor=25)


def _loop(quick: bool, step: Step) -> list[Figure]:
    """Starts with good parts only; each day so many parts as they come are reviewed and learned from as well. Which
    parts are for testing never changes within a seed, and no training sees them."""
    items = [item for item in read_dataset(TILES).items if item.label is not None]
    seeds, days = (1, (0, _QUICK_DAYS)) if quick else (_SEEDS, tuple(range(_DAYS + 1)))
    found: dict[int, list[Evaluation]] = {day: [] for day in days}
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        good, bad = ([item for item in items if item.label == label] for label in ("normal", "anomaly"))
        test: list[Item] = []
        for kind in (good, bad):
            rng.shuffle(kind)  # type: ignore[arg-type]
            tested = round(_TESTED * len(kind))
            test += kind[:tested]
            del kind[:tested]
        known, coming = good[:_FIRST], good[_FIRST:] + bad
        rng.shuffle(coming)  # type: ignore[arg-type]
        for place, day in enumerate(days):
            step(0.4 + 0.6 * (seed + place / len(days)) / seeds, f"Feedback, seed {seed + 1}, day {day}")
            found[day].append(_learned(known + coming[: day * _A_DAY], test))
    figures = []
    for day in days:
        for name, values in (
            ("F1", [each.f1 or 0.0 for each in found[day]]),
            ("AUROC", [each.image_auroc or 0.0 for each in found[day]]),
        ):
            figures.append(
                Figure(f"{name} on day {day}{_interval(values)}", statistics.mean(values), "", better="higher")
            )
    end = days[-1]
    gained = [(last.f1 or 0.0) - (first.f1 or 0.0) for first, last in zip(found[0], found[end], strict=True)]
    title = f"F1 on day {end} minus F1 on day 0{_interval(gained)}"
    return [*figures, Figure(title, statistics.mean(gained), "", floor=0.05, better="higher")]


def _learned(items: list[Item], test: list[Item]) -> Evaluation:
    good = [Sample(item.name, _reader(item)) for item in items if item.label == "normal"]
    bad = [
        Defect(item.name, _reader(item), item.type, mask_reader(item) if item.mask else None)
        for item in items
        if item.label == "anomaly"
    ]
    made = train(good, name="tile", defects=bad)
    samples = [TestSample(item.name, _reader(item), item.label == "anomaly") for item in test]
    return evaluate(Detector(made.model, made.ref), samples)


def _interval(values: list[float]) -> str:
    if len(values) < _SEEDS:
        return f", {len(values)} seed"
    half = _T4 * statistics.stdev(values) / len(values) ** 0.5
    middle = statistics.mean(values)
    return f", mean of {len(values)} seeds (95 %: {middle - half:.3f} to {middle + half:.3f})"


def _reader(item: Item) -> Callable[[], np.ndarray]:
    return lambda: read_picture(item.path)


def _giver(part: np.ndarray) -> Callable[[], np.ndarray]:
    return lambda: part
