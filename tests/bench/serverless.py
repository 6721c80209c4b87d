"""Measures the Lookout-compatible server: 50 DetectAnomalies at once against one after the other, and whether other
operations are answered meanwhile. `python main.py bench serverless [--quick] [--json]`."""

from __future__ import annotations

import contextlib
import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from app.cli.benching import Figure
from app.domain.errors import LinesightError
from tests.serverless.parts import BUCKET, draw, encoded, lay_in, write_manifest

Step = Callable[[float, str], None]

ROOT = Path(__file__).resolve().parents[2]
AT_ONCE = 50
_SIZE = (640, 480)
_MODEL = "/2020-11-20/projects/bench/models/1"


class _Answer(NamedTuple):
    """Of one request: its status, and how many seconds it took."""

    status: int
    seconds: float


def run(quick: bool, step: Step) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="linesight-bench-") as folder, _server(Path(folder)) as host:
        step(0.0, "Training")
        _prepare(host, Path(folder))
        bodies = [encoded(draw(900 + number, "spot" if number % 2 else "", _SIZE)[0], ".jpg") for number in range(10)]
        for body in bodies:
            _detect(host, body)
        step(0.5, "One after the other")
        begin = time.perf_counter()
        alone = [_detect(host, bodies[number % 10]) for number in range(20 if quick else 100)]
        single = len(alone) / (time.perf_counter() - begin)
        step(0.7, f"{AT_ONCE} at once")
        rounds, described = 2 if quick else 10, []
        with _asking(host, described), ThreadPoolExecutor(AT_ONCE) as pool:
            begin = time.perf_counter()
            together = list(pool.map(lambda number: _detect(host, bodies[number % 10]), range(AT_ONCE * rounds)))
            spent = time.perf_counter() - begin
    done = [answer for answer in together if answer.status == 200]
    throttled = sum(answer.status == 429 for answer in together)
    seconds = sorted(answer.seconds for answer in done)
    p50 = statistics.median(answer.seconds for answer in alone)
    others = sorted(answer.seconds for answer in described)
    at, size = f"{AT_ONCE} DetectAnomalies at once", f"{_SIZE[0]} x {_SIZE[1]}"
    return [
        Figure(f"{at}: errors other than throttling", len(together) - len(done) - throttled, "", floor=0, aim=0),
        Figure(f"{at}: throttled", throttled, f"of {len(together)}"),
        Figure(f"{at}: pictures a second against one by one", len(done) / spent / single, "x", 0.8, 1.2, "higher"),
        Figure(f"{at}: slowest of 20 (p95) against {AT_ONCE} in a row", _p95(seconds) / (AT_ONCE * p50), "x", 1.6, 1.0),
        Figure(f"{at}, {size}: p50", 1000 * statistics.median(seconds), "ms"),
        Figure(f"{at}, {size}: p95", 1000 * _p95(seconds), "ms"),
        Figure(f"one DetectAnomalies, {size}: p50", 1000 * p50, "ms"),
        Figure("DescribeModel meanwhile, p95 against a picture alone", _p95(others) / p50, "x", floor=10, aim=2),
    ]  # fmt: skip


def _p95(ordered: list[float]) -> float:
    return ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]


@contextlib.contextmanager
def _server(folder: Path) -> Iterator[str]:
    (folder / "buckets").mkdir()
    command = [sys.executable, str(ROOT / "main.py"), "lookout-server", "--port", "0"]
    command += ["--data-dir", str(folder / "data"), "--s3-root", str(folder / "buckets")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.startswith("listening on "):
            raise LinesightError("The server did not start; what it said stands above.")
        try:
            yield urlsplit(line.split()[-1]).netloc
        finally:
            process.terminate()
            process.wait(30)


def _prepare(host: str, folder: Path) -> None:
    """A model that shows where defects are, running."""
    source = write_manifest(folder / "buckets", "train.manifest", _lines(folder / "buckets"))
    project = "/2020-11-20/projects/bench"
    _ask(host, "POST", "/2020-11-20/projects", {"ProjectName": "bench"})
    _ask(host, "POST", f"{project}/datasets", {"DatasetType": "train", "DatasetSource": source})
    _until(host, f"{project}/datasets/train", "CREATE_COMPLETE")
    _ask(host, "POST", f"{project}/models", {"OutputConfig": {"S3Location": {"Bucket": BUCKET}}})
    _until(host, _MODEL, "TRAINED")
    _ask(host, "POST", f"{_MODEL}/start", {"MinInferenceUnits": 1})
    _until(host, _MODEL, "HOSTED")


def _lines(root: Path) -> list[str]:
    return lay_in(root, "parts", 20, 10, size=_SIZE)


def _until(host: str, path: str, status: str) -> None:
    while True:
        (described,) = _ask(host, "GET", path).values()
        assert isinstance(described, dict)
        if described["Status"] == status:
            return
        if described["Status"].endswith("FAILED"):
            raise LinesightError(f"{path}: {described['StatusMessage']}")
        time.sleep(0.1)


@contextlib.contextmanager
def _asking(host: str, answers: list[_Answer]) -> Iterator[None]:
    """Describes the model again and again meanwhile."""
    ended = threading.Event()

    def ask() -> None:
        while not ended.wait(0.02):
            answers.append(_request(host, "GET", _MODEL, b"", {})[0])

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield
    finally:
        ended.set()
        asking.join()


def _detect(host: str, body: bytes) -> _Answer:
    return _request(host, "POST", f"{_MODEL}/detect", body, {"Content-Type": "image/jpeg"})[0]


def _ask(host: str, method: str, path: str, value: dict[str, object] | None = None) -> dict[str, object]:
    answer, body = _request(host, method, path, json.dumps(value).encode() if value else b"", {})
    if answer.status >= 300:
        raise LinesightError(f"{method} {path}: {body.decode()}")
    found: dict[str, object] = json.loads(body)
    return found


def _request(host: str, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[_Answer, bytes]:
    begin = time.perf_counter()
    connection = http.client.HTTPConnection(host, timeout=120)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        content = response.read()
    except OSError as error:
        return _Answer(0, time.perf_counter() - begin), str(error).encode()
    finally:
        connection.close()
    return _Answer(response.status, time.perf_counter() - begin), content
