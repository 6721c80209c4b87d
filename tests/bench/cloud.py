"""Measures Kinesis video both ways at 1080p30 against a media plane in a process of its own on the loopback.
`python main.py bench cloud [--quick] [--json]`. What the network and AWS add is not in these figures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from app.cli.benching import Figure
from app.cloud.session import CloudAddress, CloudSession
from app.cloud.video.feed import EncodedFrame, Feed
from app.cloud.video.sender import VideoSender
from app.cloud.video.watcher import KinesisCamera
from app.domain.errors import SourceError
from app.domain.frame import Frame, Image

Step = Callable[[float, str], None]

ROOT = Path(__file__).resolve().parents[2]
SIZE = (1920, 1080)
FPS = 30


def run(quick: bool, step: Step) -> list[Figure]:
    step(0.0, "Drawing pictures")
    pictures = moving_pictures(SIZE, FPS)
    step(0.05, "Starting the media plane")
    with Plane() as plane:
        seconds, cuts = (15, 3) if quick else (600, 10)
        figures = _both_ways(plane, pictures, 12 if quick else 60, step)
        figures += _disconnects(plane, pictures, seconds, cuts, step)
        figures += _outage(plane, step)
    step(1.0, "Done")
    return figures


class Plane:
    """The other side, in a process of its own: its time is not ours."""

    def __enter__(self) -> Plane:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.cloud.serving"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.told = self._answer()
        self._before = {name: os.environ.get(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
        os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"] = self.told["key"], self.told["secret"]
        self.session = CloudSession(CloudAddress(region=self.told["region"], endpoint=self.told["control"]))
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(20)
        for name, value in self._before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value

    @property
    def stream(self) -> str:
        return str(self.told["stream"])

    def ask(self, word: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        return told


class Line:
    """A camera at its own pace, sent and watched; notes when each picture was where.

    Attributes:
        captured, handed: producer's ms: `time.monotonic()`; handed to the socket for the first time.
        shown: producer's ms: seconds from the arrival of its bytes to the reader, and `time.monotonic()` there.
        again: frames handed to a socket more than once.
    """

    def __init__(self, plane: Plane, pictures: list[Image], *, watch: bool, most_seconds: float = 120.0) -> None:
        self.captured: dict[int, float] = {}
        self.handed: dict[int, float] = {}
        self.shown: dict[int, tuple[float, float]] = {}
        self.again = 0
        self._pictures = pictures
        self.feed = Feed("bench")
        self.sender = VideoSender(
            plane.session, plane.stream, self.feed, handed=self._on_handed, most_seconds=most_seconds
        )
        self.camera = KinesisCamera(plane.session, plane.stream) if watch else None
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._capture, name="camera")]
        if watch:
            self._threads.append(threading.Thread(target=self._watch, name="watch"))

    @contextmanager
    def running(self) -> Iterator[None]:
        self.feed.start()
        self.sender.start()
        for thread in reversed(self._threads):
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            self._threads[0].join(5)
            if self.camera is not None:
                self.camera.stop()
            for thread in self._threads[1:]:
                thread.join(10)
            self.feed.stop()
            self.kept_all = self.sender.stop(20)

    def _capture(self) -> None:
        begin, number = time.monotonic(), 0
        while not self._over.is_set():
            number += 1
            if self._over.wait(max(0.0, begin + number / FPS - time.monotonic())):
                return
            frame = Frame(self._pictures[number % len(self._pictures)], "bench")
            self.captured[round(frame.captured_at.timestamp() * 1000)] = frame.monotonic
            self.feed.offer(frame)

    def _on_handed(self, frame: EncodedFrame) -> None:
        if frame.stamp in self.handed:
            self.again += 1
        else:
            self.handed[frame.stamp] = time.monotonic()

    def _watch(self) -> None:
        assert self.camera is not None
        while not self._over.is_set():
            try:
                self.camera.open()
                while (frame := self.camera.read()) is not None:
                    now = time.monotonic()
                    self.shown[round(frame.captured_at.timestamp() * 1000)] = (now - frame.monotonic, now)
            except SourceError:
                self.camera.close()
        self.camera.close()


def _both_ways(plane: Plane, pictures: list[Image], seconds: float, step: Step) -> list[Figure]:
    line = Line(plane, pictures, watch=True)
    with line.running():
        _wait(3.0, step, 0.1, "Warming up")
        first, begin, cpu = len(line.captured), time.perf_counter(), time.process_time()
        _wait(seconds, step, 0.15, f"Sending and watching 1080p30 for {seconds:g} s")
        load = os.getloadavg()[0] / (os.cpu_count() or 1) if hasattr(os, "getloadavg") else 0.0
        cores = (time.process_time() - cpu) / (time.perf_counter() - begin)
        chosen = set(list(line.captured)[first:])
        passed_over, dropped = line.feed.passed_over, line.camera.dropped if line.camera else 0
    out = {at: line.handed[at] - line.captured[at] for at in chosen & line.handed.keys()}
    into = {at: line.shown[at][0] for at in chosen & line.shown.keys()}
    both = [out[at] + into[at] for at in out.keys() & into.keys()]
    through = [line.shown[at][1] - line.captured[at] for at in into]
    return [
        Figure("frames sent and watched at 1080p30", len(both), "frames"),
        *_late("captured to handed to the socket", list(out.values())),
        *_late("arrived from GetMedia to handed to the reader", list(into.values())),
        *_late("added by us, both ways", both, floor=60.0),
        *_late("captured to seen again, over the loopback", through),
        Figure("CPU for one stream both ways", cores, "cores", floor=1.0),
        Figure("programs that wanted a core meanwhile, a core (load)", load, "programs"),
        Figure("frames passed over by the encoder", passed_over, "frames"),
        Figure("frames not read in time by the watcher", dropped, "frames"),
    ]


def _disconnects(plane: Plane, pictures: list[Image], seconds: float, cuts: int, step: Step) -> list[Figure]:
    known = len(plane.ask("told")["timecodes"])
    line = Line(plane, pictures, watch=False)
    with line.running():
        done = 0
        for turn in range(cuts):
            share = 0.3 + 0.5 * turn / cuts
            _wait(seconds / cuts, step, share, f"Disconnecting {cuts} times in {seconds:g} s")
            done += plane.ask("cut")["cut"]
    told = plane.ask("told")
    arrived, waiting = told["timecodes"][known:], line.sender.buffer.waiting()
    accepted, encoded = line.sender.buffer.accepted, line.feed.encoded
    delays = [line.handed[at] - line.captured[at] for at in line.handed.keys() & line.captured.keys()]
    return [
        Figure(f"disconnects while sending for {seconds:g} s", done, "times"),
        Figure("fragments accepted into the buffer", accepted, "fragments"),
        Figure("of these lost", accepted - len(set(arrived)), "fragments", floor=0),
        Figure("of these given up by the buffer", waiting.dropped, "fragments", floor=0),
        Figure("stored twice", len(arrived) - len(set(arrived)), "fragments", floor=0),
        Figure("frames encoded and not stored", encoded - sum(told["frames"][known:]), "frames", floor=0),
        Figure("frames sent again", line.again, "frames"),
        Figure("rules of the service broken", len(told["violations"]), "times", floor=0),
        *_late("captured to handed to the socket, disconnects included", delays),
    ]


def _outage(plane: Plane, step: Step) -> list[Figure]:
    known = len(plane.ask("told")["timecodes"])
    line = Line(plane, moving_pictures((320, 240), FPS), watch=False, most_seconds=2.0)
    with line.running():
        _wait(1.5, step, 0.85, "An outage longer than the buffer")
        plane.ask("down")
        _wait(6.0, step, 0.9, "An outage longer than the buffer")
        plane.ask("up")
    arrived = len(set(plane.ask("told")["timecodes"][known:]))
    waiting = line.sender.buffer.waiting()
    missing = line.sender.buffer.accepted - arrived - waiting.dropped
    return [
        Figure("outage of 6 s with a buffer of 2 s: fragments given up and counted", waiting.dropped, "fragments"),
        Figure("of that outage neither stored nor counted", abs(missing), "fragments", floor=0),
    ]


def _late(name: str, seconds: list[float], floor: float | None = None) -> list[Figure]:
    milliseconds = 1000 * np.array(seconds or [float("nan")])
    return [
        Figure(f"{name}, median", float(np.median(milliseconds)), "ms"),
        Figure(f"{name}, 95th percentile", float(np.percentile(milliseconds, 95)), "ms", floor=floor),
    ]


def _wait(seconds: float, step: Step, share: float, words: str) -> None:
    step(share, words)
    time.sleep(seconds)


def moving_pictures(size: tuple[int, int], count: int) -> list[Image]:
    """A grained surface that moves past, with the noise of a sensor; size is (width, height)."""
    width, height = size
    chance = np.random.default_rng(7)
    rough = chance.integers(60, 200, (height // 10, width // 10, 3), np.uint8)
    surface = cv2.resize(rough, (width + 4 * count, height), interpolation=cv2.INTER_CUBIC)
    pictures = []
    for index in range(count):
        noise = chance.normal(0, 2, (height, width, 1)).astype(np.int16)
        moved = surface[:, 4 * index : 4 * index + width].astype(np.int16)
        pictures.append(np.ascontiguousarray(np.clip(moved + noise, 0, 255).astype(np.uint8)))
    return pictures
