"""One preprocessing path: the same array gets the same score wherever it is asked."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import openvino as ov
import pytest

from app.cameras import make_source
from app.cameras.demo import DefectKind, draw_part
from app.pictures import decode_picture, encode_png, read_picture
from app.vision import artefact
from app.vision.bank_graph import BankGraph
from app.vision.detector import Detector, same_score
from app.vision.looking import Eye
from app.vision.runtime import compile_graph


@pytest.fixture(scope="module")
def part() -> np.ndarray:
    return draw_part(5, 1, DefectKind.SCRATCH)


def test_detect_score_and_reloaded_model_agree(demo_model: Path, part: np.ndarray) -> None:
    first, second = Detector.load(demo_model), Detector.load(demo_model)
    scores = [first.score(part), first.detect(part).score, first.detect(part).score, second.score(part)]
    assert all(same_score(scores[0], score) for score in scores), scores


@pytest.mark.slow
def test_open_and_fixed_size_graphs_agree(demo_model: Path) -> None:
    detector = Detector.load(demo_model)
    rng = np.random.default_rng(0)
    for height, width in ((720, 1280), (333, 517), (90, 120), (1080, 1920)):
        image = rng.integers(0, 255, (height, width, 3), np.uint8)
        seen = [detector.detect(image) for _ in range(5)]  # the first by open graphs, the last by fixed ones
        assert same_score(seen[0].score, seen[-1].score)
        np.testing.assert_allclose(seen[0].heat, seen[-1].heat, atol=1e-4)


def test_for_a_fixed_camera_each_graph_is_compiled_once(
    demo_model: Path, part: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = Detector.load(demo_model).detect(part)
    shapes: list[str] = []

    def counted(model: ov.Model, kernels: dict[str, str]) -> ov.CompiledModel:
        shapes.append(str(model.inputs[0].partial_shape))
        return compile_graph(model, kernels)

    monkeypatch.setattr("app.vision.graph.compile_graph", counted)
    steady = Detector.load(demo_model)
    steady.expect_one_size()
    with ThreadPoolExecutor(3) as pool:  # a line's recorder may be the first to ask as well
        seen = [*pool.map(steady.detect, [part] * 6)]
    # What a change-over adjusts needs nothing anew.
    seen.append(steady.with_threshold(usual.threshold).with_regions(()).detect(part))
    assert all(same_score(usual.score, each.score) and each.verdict is usual.verdict for each in seen)
    assert len(shapes) == len(set(shapes)) == len(steady.model.views)
    assert not any("?" in shape for shape in shapes)
    small = cv2.resize(part, None, fx=0.5, fy=0.5)
    assert same_score(steady.score(small), Detector.load(demo_model).score(small))


def test_training_and_inspection_share_the_nodes(demo_model: Path, part: np.ndarray) -> None:
    """Distances from stored features, as the trainer tests its banks, are those of the live graph."""
    model, _ = artefact.load(demo_model)
    for each in model.views:
        sight = Eye(model.network, [each.view], [each.bank], features=True).look(part)[0]
        cells = sight.cells()
        apart = BankGraph(each.bank).run(cells.features, cells.places)
        assert sight.distances is not None
        np.testing.assert_allclose(apart.reshape(sight.distances.shape), sight.distances, atol=1e-4)


def test_memory_layout_does_not_matter(demo_model: Path, part: np.ndarray) -> None:
    detector = Detector.load(demo_model)
    padded = np.zeros((part.shape[0], part.shape[1] + 7, 3), np.uint8)
    padded[:, 3:-4] = part
    assert same_score(detector.score(part), detector.score(padded[:, 3:-4]))


def test_file_folder_source_command_line_and_memory_agree(
    demo_model: Path, part: np.ndarray, tmp_path: Path, project_root: Path
) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    (folder / "a.png").write_bytes(encode_png(part))
    detector = Detector.load(demo_model)
    expected = detector.score(part)

    source = make_source(f"folder:{folder}", watch=False)
    source.open()
    frame = source.read()
    source.close()
    assert frame is not None
    done = subprocess.run(
        [sys.executable, "main.py", "inspect", "--model", str(demo_model), str(folder)],
        cwd=project_root,
        capture_output=True,
        text=True,
        check=True,
    )
    for score in (
        detector.score(read_picture(folder / "a.png")),
        detector.score(decode_picture(encode_png(part))),
        detector.score(frame.image),
        json.loads(done.stdout)["score"],
    ):
        assert same_score(expected, score)


def test_half_the_size_still_looks_like_the_same_part(demo_model: Path, demo_parts: list[np.ndarray]) -> None:
    """Not an equality: the network sees the same part through another number of pixels."""
    detector = Detector.load(demo_model)
    good = demo_parts[0]
    small = cv2.resize(good, (640, 360), interpolation=cv2.INTER_AREA)
    assert detector.score(small) < detector.model.limits.threshold * 1.5
