"""Known kinds of defects are exported with the rest."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.cameras.demo import DefectKind, draw_part
from app.cameras.demo.scene import draw
from app.domain.errors import ModelError
from app.domain.frame import Image
from app.vision import artefact
from app.vision.artefact import Model
from app.vision.backbones.onnx import OnnxBackbone
from app.vision.defects import Defect
from app.vision.export_onnx import export
from app.vision.framing import Framing, Regions
from app.vision.head import DefectHead, Evidence, pooled
from app.vision.head_fusion import Fusion
from app.vision.judge import Judge
from app.vision.known import Known
from app.vision.looking import View
from app.vision.survey import Sample
from app.vision.training import train
from tests.vision.exported import NOISY, Exported, agrees, judge, with_backbone
from tests.vision.onnx_nets import small_net

pytestmark = pytest.mark.slow  # it trains several models; test_export_onnx.py tries the way of every export

TAUGHT = (DefectKind.MISPRINT, DefectKind.STAIN)
SMALL = (480, 270)


def small(image: Image) -> Image:
    return np.asarray(cv2.resize(image, SMALL, interpolation=cv2.INTER_AREA), np.uint8)


def shown(kind: DefectKind, seed: int, index: int) -> Image:
    return small(draw(seed, index, kind).image)


@pytest.fixture(scope="module")
def taught(demo_parts: list[Image]) -> Model:
    """It knows two kinds of defects, and judges every picture as it lies."""
    samples = [Sample(str(index), lambda part=part: small(part)) for index, part in enumerate(demo_parts[:10])]
    defects = [
        Defect(f"{kind.value} {index}", lambda kind=kind, index=index: shown(kind, 41, index), kind.value)
        for kind in TAUGHT
        for index in range(3)
    ]
    made = train(samples, name="taught", defects=defects, size=128).model
    assert made.known is not None and len(made.views) == 2
    return replace(made, framing=Framing(None))


@pytest.fixture(scope="module")
def file(taught: Model) -> Exported:
    return Exported(export(taught, SMALL))


def agree_all(model: Model, file: Exported, image: Image) -> dict[str, np.ndarray]:
    judged = judge(model, image)
    found = agrees(file, image, judged)
    assert judged.kinds is not None and json.loads(file.told["kinds"]) == list(judged.kinds.names)
    assert found["kind_map"].shape == found["heat"].shape and found["kind_map"].dtype == np.int32
    # A cell that is as much the one as the other may be either.
    assert np.mean(found["kind_map"] == judged.kinds.index) > 0.99
    assert found["kinds"].shape == (len(judged.kinds.names),)
    return found


def test_a_trained_model_gives_its_score_its_heat_and_the_kinds(taught: Model, file: Exported) -> None:
    names = json.loads(file.told["kinds"])
    assert names == [kind.value for kind in TAUGHT]
    for kind in TAUGHT:
        found = agree_all(taught, file, shown(kind, 43, 11))
        assert found["score"][0] >= float(file.told["threshold"])
        assert names[int(np.argmax(found["kinds"]))] == kind.value
        marked = found["kind_map"][found["kind_map"] >= 0]
        assert names[int(np.bincount(marked).argmax())] == kind.value
    # A kind nobody has labelled, and a good part.
    agree_all(taught, file, shown(DefectKind.MISSING_BOLT, 44, 1))
    agree_all(taught, file, small(draw_part(12, 3)))


def test_the_metadata_say_how_kinds_are_read(file: Exported) -> None:
    assert all(word in file.told["answer"] for word in ("'kinds'", "'kind_map'", "-1", "nobody has labelled"))


def test_the_head_sees_a_fine_view_that_was_cut_into_windows(taught: Model) -> None:
    fine = replace(taught.views[0], view=View(620))
    model = replace(taught, views=(fine, *taught.views[1:]))
    agree_all(model, Exported(export(model, SMALL)), shown(DefectKind.STAIN, 43, 11))


def seen(model: Model, image: Image) -> Evidence:
    evidence = Judge(model.network, model.views, model.framing, evidence=True).look(image)[0].evidence
    assert evidence is not None
    return evidence


def guessing(
    plain: Model, looks: Sequence[tuple[View, float, float, float]], kinds: tuple[str, ...], image: Image
) -> Model:
    """A model whose head and fusion are noise, of which half of this picture looks like one of the kinds."""
    backbone = OnnxBackbone.read(small_net().SerializeToString(), "small-net", ["d"])
    model = with_backbone(plain, backbone, ["d"], looks)
    rng, count, channels = np.random.default_rng(1), 1 + len(kinds), model.network.channels

    def noise(size: float, *shape: int) -> np.ndarray:
        return rng.normal(0, size, shape).astype(np.float32)

    coarse = channels if any(look[0].mean > 1 for look in looks) else 0
    weights = [noise(3, channels, count), noise(3, 3 * channels, count), noise(3, coarse, count), noise(1, 3, count)]
    usual = np.array([0.8, 1.1], np.float32)
    head = DefectHead(kinds, *weights, noise(0.3, count), usual, noise(0.5, count - 1))
    head = replace(head, bias=head.bias - np.median(head.maps(seen(model, image)).outline))
    spread = rng.uniform(0.5, 1.5, len(looks) + 2).astype(np.float32)
    fusion = Fusion(noise(0.5, len(looks) + 2), spread, np.array([0.6, 0.3, 0.4, 0.5], np.float32))
    return replace(model, known=Known(head, fusion, 0.2, 0.5, 1.3))


@pytest.fixture(scope="module")
def plain(demo_model: Path) -> Model:
    return replace(artefact.load(demo_model)[0], framing=Framing(None))


REGIONS = Regions(interest=((0.1, 0.05, 0.8, 0.9),), ignored=((0.3, 0.3, 0.2, 0.3),))


@pytest.mark.parametrize(
    ("looks", "kinds", "regions"),
    [
        (NOISY[:1], ("dent",), REGIONS),
        (NOISY, ("", "dent", "stain"), REGIONS),
        ((NOISY[1], NOISY[0], (View(240), 0.0, 0.9, 1.0)), ("dent", "stain"), Regions()),
    ],
    ids=["one view, one kind", "with a coarse view", "the head does not look at the finest view"],
)
def test_any_head_over_any_views(
    plain: Model, looks: Sequence[tuple[View, float, float, float]], kinds: tuple[str, ...], regions: Regions
) -> None:
    image = shown(DefectKind.SCRATCH, 6, 1)
    model = guessing(replace(plain, framing=Framing(None, regions)), looks, kinds, image)
    found = agree_all(model, Exported(export(model, SMALL)), image)
    assert model.known is not None
    maps = model.known.head.maps(seen(model, image))
    expected = [pooled(each) for each in maps.kinds] + model.known.head.naming
    np.testing.assert_allclose(found["kinds"], expected, rtol=1e-4, atol=1e-4)
    assert kinds[int(np.argmax(found["kinds"]))] == model.known.head.named(maps)
    assert np.ptp(found["heat"]) > 0.1, "a map that is the same all over would show nothing"
    assert len(np.unique(found["kind_map"])) > 1


def test_a_head_of_other_views_is_refused(taught: Model) -> None:
    with pytest.raises(ModelError, match="defect head of the model taught was trained with other views"):
        export(replace(taught, views=taught.views[:1]), SMALL)
