from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.cameras.base import FrameSource
from app.inspection.pipeline import Pipeline
from app.store import Store
from tests.inspection.fakes import FakeDetector, Outcomes, recorder_for
from tests.store.samples import open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path) as store:
        yield store


@pytest.fixture
def outcomes() -> Outcomes:
    return Outcomes()


StartLine = Callable[..., Pipeline]


@pytest.fixture
def start_line(store: Store, outcomes: Outcomes) -> Iterator[StartLine]:
    """Starts a line into `store` that publishes to `outcomes`; ended after the test."""
    lines: list[Pipeline] = []

    def start(source: FrameSource, detector: FakeDetector | None = None, **options: Any) -> Pipeline:
        detector = detector or FakeDetector()
        recorder, _ = recorder_for(store, detector)
        publish = options.pop("publish", outcomes)
        options.setdefault("on_refused", outcomes.refused.append)
        lines.append(Pipeline(source, detector, recorder, publish, **options))
        lines[-1].start()
        return lines[-1]

    yield start
    for line in lines:
        assert line.stop(5), "the line did not end"
