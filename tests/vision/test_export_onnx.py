"""A model as ONNX: what another runtime makes of the file is what the station shows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

from app.cameras.demo import DefectKind, draw_part
from app.domain.errors import ModelError
from app.domain.inspection import ModelRef
from app.vision import artefact
from app.vision.artefact import Model
from app.vision.detector import Detector, same_score
from app.vision.export_onnx import export
from app.vision.framing import Fixture, Framing, Regions
from tests.vision.exported import SIZE, Exported, agrees, judge, same


@pytest.fixture(scope="module")
def loaded(demo_model: Path) -> tuple[Model, ModelRef]:
    return artefact.load(demo_model)


@pytest.fixture(scope="module")
def plain(loaded: tuple[Model, ModelRef]) -> Model:
    """It judges every picture as it lies."""
    return replace(loaded[0], framing=Framing(None))


@pytest.fixture(scope="module")
def exported(plain: Model) -> Exported:
    return Exported(export(plain, SIZE))


def test_the_file_gives_the_detectors_own_heat_and_score(
    exported: Exported, plain: Model, loaded: tuple[Model, ModelRef]
) -> None:
    detector = Detector(plain, loaded[1])
    unlike = np.full((720, 1280, 3), (10, 90, 200), np.uint8)
    scores = []
    for image in (draw_part(5, 1), draw_part(6, 1, DefectKind.SCRATCH), unlike):
        agrees(exported, image, judge(plain, image))
        found = detector.detect(image)
        assert json.loads(exported.told["heat_box"]) == list(found.heat_box)
        scores.append(found.score)
    assert max(scores) > 2 * min(scores), "pictures that all score alike would show nothing"


def test_pictures_of_odd_sides_are_told_how_to_be_prepared(plain: Model) -> None:
    same(plain, cv2.resize(draw_part(7, 1, DefectKind.SCRATCH), (1003, 601), interpolation=cv2.INTER_AREA))


def test_only_the_regions_of_interest_count(plain: Model) -> None:
    regions = Regions(interest=((0.1, 0.05, 0.7, 0.8),), ignored=((0.3, 0.3, 0.2, 0.3),))
    model = replace(plain, framing=Framing(None, regions))
    file, image = Exported(export(model, SIZE)), draw_part(6, 1, DefectKind.SCRATCH)
    judged = judge(model, image)
    agrees(file, image, judged)
    assert json.loads(file.told["heat_box"]) == list(judged.box)


def test_the_metadata_say_what_a_stranger_needs(exported: Exported, plain: Model) -> None:
    metadata, described = exported.told, plain.description
    assert float(metadata["threshold"]) == plain.limits.threshold
    assert float(metadata["retest_from"]) == plain.limits.retest_from
    assert metadata["name"] == described.name
    assert metadata["fingerprint"] == described.training.fingerprint
    assert json.loads(metadata["labels"]) == list(described.labels)
    assert json.loads(metadata["kinds"]) == [] and "kind_map" not in metadata["answer"]
    assert json.loads(metadata["wear_limits"]) == json.loads(metadata["checkpoints"]) == []
    assert metadata["needs_alignment"] == "no"
    assert "2 x 2" in metadata["preparation"] and "golden" not in metadata["preparation"]


def test_standard_nodes_only_and_always_the_same_bytes(exported: Exported, plain: Model) -> None:
    model = onnx.load_model_from_string(exported.data)
    onnx.checker.check_model(model, full_check=True)
    assert [each.domain for each in model.opset_import] == [""]
    assert not any(node.domain for node in model.graph.node)
    assert export(plain, SIZE) == exported.data


def test_views_share_the_networks_constants(plain: Model) -> None:
    one = len(export(replace(plain, views=plain.views[:1]), SIZE))
    both = len(export(replace(plain, views=plain.views[:1] * 2), SIZE))
    network = sum(array.nbytes for array in plain.network.arrays.values())
    assert both - one < one - network / 2


def test_a_part_that_moves_has_to_be_laid_first(loaded: tuple[Model, ModelRef]) -> None:
    model = loaded[0]
    fixture = model.framing.fixture
    assert fixture is not None, "the drawn parts show a part that can be found"
    # A corner that most training pictures did not show.
    area = np.ones_like(fixture.area)
    area[:20, :20] = 0
    moving = replace(model, framing=Framing(Fixture(fixture.golden, True, area)))
    file = Exported(export(moving, (640, 360)))
    assert file.told["needs_alignment"] == "yes"
    assert json.loads(file.told["picture_size"]) == list(fixture.golden.size)
    assert "golden" in file.told["preparation"]
    image = draw_part(6, 1, DefectKind.SCRATCH)
    found = fixture.golden.register(image)
    assert not found.failed
    laid, _ = fixture.golden.warp(image, found)
    own = file.run(laid)
    assert same_score(judge(moving, laid).score, float(own["score"][0]))
    heat = own["heat"]
    corner = heat[: heat.shape[0] // 5, : heat.shape[1] // 5]
    assert corner.max() < 0.05 * heat.max(), "the corner was not to be judged"


@pytest.mark.parametrize("size", [(720, 1280), (0, 10), (10, -1)])
def test_pictures_that_the_model_does_not_judge_are_refused(plain: Model, size: tuple[int, int]) -> None:
    with pytest.raises(ModelError, match=rf"not judge pictures of {size[0]} x {size[1]} pixels: it was"):
        export(plain, size)
