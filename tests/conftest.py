"""What every test stands on: no display, no data of the user's, nothing left running behind."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import app  # noqa: F401 - sets what NumPy and OpenCV read when they are first imported

# isort: split
import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray

from tests.made_once import made_once

# Before anything imports Qt. A test that needs a real window system starts its own Xvfb.
os.environ["QT_QPA_PLATFORM"] = os.environ.get("LINESIGHT_TEST_PLATFORM", "offscreen")
# Whatever asks the platform where to keep things gets a folder of this run's own.
_OWN = tempfile.TemporaryDirectory(prefix="linesight-tests-", ignore_cleanup_errors=True)
for _name in ("LINESIGHT_DATA_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
    os.environ[_name] = str(Path(_OWN.name, _name.lower()))

settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")

ROOT = Path(__file__).resolve().parent.parent
_GRACE = 3.0


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The folder that holds main.py."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The sample data sets beside the project (`aliens`, `cookies`, ...); skips where they are absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the sample data sets are not beside this project ({folder})")
    return folder


@pytest.fixture(autouse=True)
def own_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder that this test's stations use unless told otherwise; not made yet."""
    folder = tmp_path / "linesight-data"
    monkeypatch.setenv("LINESIGHT_DATA_DIR", str(folder))
    return folder


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """A test that starts the program in this process leaves no log handlers behind."""
    yield
    logs = sys.modules.get("app.logs")
    if logs is not None:
        logs.end()


@pytest.fixture(autouse=True)
def nothing_left_running() -> Iterator[None]:
    """Fails a test that leaves a thread, a running QThread or an active QTimer behind."""
    threads = set(threading.enumerate())
    qt = {id(one) for one in _running_qt()}
    yield
    end = time.monotonic() + _GRACE
    left = [thread for thread in threading.enumerate() if thread not in threads and not thread.daemon]
    for thread in left:
        thread.join(max(0.0, end - time.monotonic()))
    words = [f"thread {thread.name}" for thread in left if thread.is_alive()]
    words += [_describe(one) for one in _left_of_qt(qt, end)]
    if words:
        pytest.fail("left running behind this test: " + ", ".join(words), pytrace=False)


def _running_qt() -> list[object]:
    """QThreads that run and QTimers that are active, as far as Python knows them."""
    core, shiboken = sys.modules.get("PySide6.QtCore"), sys.modules.get("shiboken6")
    if core is None or shiboken is None:
        return []
    running: list[object] = []
    for one in shiboken.getAllValidWrappers():
        if isinstance(one, core.QThread):
            if one.isRunning() and one is not core.QThread.currentThread():
                running.append(one)
        elif isinstance(one, core.QTimer) and one.isActive():
            running.append(one)
    return running


def _left_of_qt(before: set[int], end: float) -> list[object]:
    """What still runs of Qt after the garbage and what was to be deleted later are gone."""
    if not [one for one in _running_qt() if id(one) not in before]:
        return []
    core = sys.modules["PySide6.QtCore"]
    gc.collect()
    if core.QCoreApplication.instance() is not None:
        core.QCoreApplication.sendPostedEvents(None, core.QEvent.Type.DeferredDelete)
    left = [one for one in _running_qt() if id(one) not in before]
    for one in left:
        if isinstance(one, core.QThread):
            one.wait(max(0, int((end - time.monotonic()) * 1000)))
    return [one for one in _running_qt() if id(one) not in before]


def _describe(one: object) -> str:
    core = sys.modules["PySide6.QtCore"]
    kind = "QThread" if isinstance(one, core.QThread) else "QTimer"
    parent = one.parent()  # type: ignore[attr-defined]
    name = one.objectName() or "without a name"  # type: ignore[attr-defined]
    return f"{kind} {name} of {type(parent).__name__ if parent else 'nobody'}"


@pytest.fixture(scope="session")
def demo_parts() -> list[NDArray[np.uint8]]:
    """Drawn good parts, (720, 1280, 3) uint8 BGR."""
    from app.cameras.demo import training_parts

    return list(training_parts(16, seed=3))


@pytest.fixture(scope="session")
def demo_model(demo_parts: list[NDArray[np.uint8]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file that learned from the drawn parts."""
    from app.vision import artefact
    from app.vision.survey import Sample
    from app.vision.training import train

    def make(folder: Path) -> None:
        samples = [Sample(f"part {index}", lambda part=part: part) for index, part in enumerate(demo_parts)]
        artefact.write(folder / "plate.model", train(samples, name="plate").data)

    return made_once("model", tmp_path_factory.mktemp("model"), make) / "plate.model"


@pytest.fixture(scope="session")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn parts, 320 x 180: 20 good ones, 10 misprints, without a split."""
    from app.cameras.demo import DefectKind
    from app.cameras.demo.scene import draw

    def make(folder: Path) -> None:
        root = folder / "plates"
        for index in range(20):
            _write(root / "normal" / f"{index}.png", draw(31, index, None).image)
        for index in range(10):
            _write(root / "anomaly" / "misprint" / f"{index}.png", draw(31, index, DefectKind.MISPRINT).image)

    return made_once("set", tmp_path_factory.mktemp("set"), make, copied=False) / "plates"


def _write(path: Path, image: NDArray[np.uint8]) -> None:
    import cv2

    small = cv2.resize(image, (320, 180), interpolation=cv2.INTER_AREA)
    # Not by the product's own encoder: which pictures are held back is drawn by their bytes.
    _, data = cv2.imencode(".png", small, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.tobytes())


@pytest.fixture(scope="session")
def trained(small_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models: plate@1 from good parts and defects, plate@2 from good parts alone."""
    from app.domain.versions import TrainingPlan
    from app.lifecycle.making import make_version
    from app.lifecycle.shelf import ModelShelf
    from app.lifecycle.versions import Registry

    when = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)

    def make(models: Path) -> None:
        for learn in ("good parts and defects", "good parts"):
            plan, registry = TrainingPlan("plate", small_set, learn, 128), Registry(ModelShelf(models))
            make_version(registry, plan, job="", by="Mike", now=lambda: when, step=lambda fraction, words: None)

    return made_once("models", tmp_path_factory.mktemp("models"), make)
