"""Checkpoints in a whole model: on parts that move, in the model file, and in the verdict."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.domain.errors import DatasetError, ModelError
from app.domain.frame import Image
from app.domain.inspection import Detection
from app.domain.verdict import Verdict
from app.vision import artefact
from app.vision.alignment import Golden
from app.vision.checkpoints import Wanted, learn_checkpoints
from app.vision.detector import Detector, same_answers
from app.vision.overlay import draw_overlay
from app.vision.survey import Sample
from app.vision.training import Trained, train
from tests.vision.bolted_parts import PLACES, SIZE, TABLE, draw_bolted, posed

NAMES = ("bolt 1", "bolt 2", "label")


def sample(name: str, picture: Image) -> Sample:
    return Sample(name, lambda: picture)


def poses(seed: int, count: int) -> list[tuple[float, tuple[float, float]]]:
    rng = np.random.default_rng(seed)
    values = rng.uniform((-180, -12, -9), (180, 12, 9), (count, 3)).tolist()
    return [(angle, (across, down)) for angle, across, down in values]


def moved(image: Image, angle: float, shift: tuple[float, float]) -> Image:
    return posed(image, angle, shift)[0]


def on_picture(box: tuple[float, ...], matrix: np.ndarray) -> tuple[float, float]:
    """Where a box's middle lies on a moved picture."""
    x, y = matrix @ (box[0] + box[2] / 2 - 0.5, box[1] + box[3] / 2 - 0.5, 1.0) + 0.5
    return float(x), float(y)


@pytest.fixture(scope="module")
def turned() -> Trained:
    """Parts in any pose; the checkpoints were drawn on an upright one, two bare ones are labelled."""
    good = [sample(f"good {seed}", moved(draw_bolted(seed), *pose)) for seed, pose in enumerate(poses(0, 10))]
    upright, there = posed(draw_bolted(90), 0, (3, -2))
    shown = sample("drawn on", upright)
    bare = [
        sample(f"bare {seed}", moved(draw_bolted(seed, label="missing"), *pose))
        for seed, pose in zip((91, 92), poses(1, 2), strict=True)
    ]
    wanted = []
    for name in NAMES:
        box = PLACES[name]
        (x, y), (wide, tall) = on_picture(box, there), (box[2] * 0.8, box[3] * 0.8)
        labels = tuple((each, "missing") for each in bare) if name == "label" else ()
        wanted.append(Wanted(name, (x - wide / 2, y - tall / 2, wide, tall), shown, labels))
    return train(good, name="turned", checkpoints=wanted)


@pytest.fixture(scope="module")
def detector(turned: Trained, tmp_path_factory: pytest.TempPathFactory) -> Detector:
    path = tmp_path_factory.mktemp("model") / "turned.model"
    artefact.write(path, turned.data)
    return Detector.load(path)


def states(result: Detection) -> dict[str, str]:
    return {each.name: each.state for each in result.checkpoints}


def test_checkpoints_are_found_wherever_the_part_lies(detector: Detector) -> None:
    assert detector.model.framing.fixture is not None and detector.model.framing.fixture.always
    for seed, (angle, shift) in enumerate(poses(2, 3)):
        picture, there = posed(draw_bolted(300 + seed), angle, shift)
        result = detector.detect(picture)
        assert states(result) == dict.fromkeys(NAMES, "ok"), (angle, result.checkpoints)
        assert result.verdict is not Verdict.FAIL or result.score >= result.threshold
        for each in result.checkpoints:
            x, y = on_picture(PLACES[each.name], there)
            assert abs(each.x + each.width / 2 - x) < 3 and abs(each.y + each.height / 2 - y) < 3
            assert 0 <= each.x < each.x + each.width <= SIZE[0]


def test_one_that_is_not_ok_fails_the_part_with_its_words(detector: Detector) -> None:
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"heads": {"bolt 2": "missing"}}, "bolt 2", "different"),
        ({"heads": {"bolt 1": "cross"}}, "bolt 1", "wrong"),
        ({"label": "turned"}, "label", "turned"),
        ({"label": "missing"}, "label", "missing"),
        ({"damaged": "bolt 1"}, "bolt 1", "different"),
    ]
    for (changes, name, state), pose in zip(cases, poses(3, len(cases)), strict=True):
        result = detector.detect(moved(draw_bolted(310, **changes), *pose))
        assert states(result) == dict.fromkeys(NAMES, "ok") | {name: state}, (pose, result.checkpoints)
        answer = next(each for each in result.checkpoints if each.name == name)
        assert result.verdict is Verdict.FAIL and answer.words in result.reason


def test_a_part_that_is_not_found_is_a_retest(detector: Detector) -> None:
    empty = np.clip(np.random.default_rng(0).normal(TABLE, 2, (SIZE[1], SIZE[0], 3)), 0, 255).astype(np.uint8)
    result = detector.detect(empty)
    assert set(states(result).values()) == {"unsure"} and result.verdict is Verdict.RETEST
    assert all(each.score is None and "not seen" in each.words for each in result.checkpoints)


def test_trainer_and_file_answer_alike(turned: Trained, detector: Detector) -> None:
    trainer = Detector(turned.model, turned.ref)
    for changes, pose in zip(({}, {"label": "turned"}, {"heads": {"bolt 1": "hex"}}), poses(4, 3), strict=True):
        picture = moved(draw_bolted(320, **changes), *pose)
        first, second = trainer.detect(picture), detector.detect(picture)
        assert same_answers(first, second) and states(first) == states(second)
    assert {each.name: each.states for each in detector.model.checkpoints}["label"] == ("missing",)


def test_the_overlay_shows_them(detector: Detector) -> None:
    picture = moved(draw_bolted(330, label="turned"), 0, (0, 0))
    result = detector.detect(picture)
    drawn = draw_overlay(picture, result)
    for each in result.checkpoints:
        border = drawn[each.y, each.x + 2 : each.x + each.width - 2].astype(int)
        colour = (79, 82, 240) if each.failed else (122, 178, 53)
        assert (np.abs(border - colour).max(axis=1) < 40).mean() > 0.3, each.name


@pytest.fixture(scope="module")
def still() -> Detector:
    """Parts that lie still: pictures are judged as they are, but laid onto the golden part for the checkpoints."""
    good = [sample(f"good {seed}", draw_bolted(seed, shift=2)) for seed in range(6)]
    wanted = [Wanted(name, PLACES[name], good[0]) for name in ("bolt 2", "bolt 3")]
    made = train(good, name="still", size=128, checkpoints=wanted)
    assert made.model.framing.fixture is not None and not made.model.framing.fixture.always
    return Detector(made.model, made.ref)


def test_a_slipped_part_keeps_its_checkpoints(still: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    register = Golden.register
    monkeypatch.setattr(Golden, "register", lambda self, *given: looked.append(1) or register(self, *given))
    slipped = np.roll(draw_bolted(340), (20, -24), (0, 1))
    result = still.detect(slipped)
    assert len(looked) == 1  # once, whatever it is needed for
    assert states(result) == {"bolt 2": "ok", "bolt 3": "ok"}
    assert abs(result.checkpoints[0].x - (PLACES["bolt 2"][0] - 24)) <= 2
    bad = np.roll(draw_bolted(341, heads={"bolt 2": "slot"}), (20, -24), (0, 1))
    assert states(still.detect(bad)) == {"bolt 2": "wrong", "bolt 3": "ok"}


def test_a_checkpoint_drawn_where_no_part_is_is_told(still: Detector) -> None:
    empty = sample("empty.png", np.full((SIZE[1], SIZE[0], 3), TABLE, np.uint8))
    good = [sample(f"good {seed}", draw_bolted(seed, shift=2)) for seed in range(5)]
    model = still.model
    with pytest.raises(DatasetError, match=r"'a' was drawn on empty\.png, on which the part is not found"):
        learn_checkpoints(
            [Wanted("a", (10, 10, 40, 40), empty)], good, model.framing.fixture, model.network, 0, lambda *_: None
        )


Spoil = Callable[[dict[str, Any], dict[str, np.ndarray]], object]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda raw, arrays: arrays.pop("checkpoint0.vectors"), "vectors.*missing"),
        (lambda raw, arrays: arrays["checkpoint1.mean"].fill(np.nan), "not numbers"),
        (lambda raw, arrays: arrays["checkpoint1.deviation"].fill(0), "must be positive"),
        (lambda raw, arrays: arrays["checkpoint2.naming.examples"].fill(np.inf), "not numbers"),
        (lambda raw, arrays: arrays.update({"checkpoint2.naming.good": np.zeros(3, np.float32)}), "another shape"),
        (lambda raw, arrays: raw["checkpoints"][0].update(rows=100), "canvas that the network does not take"),
        (lambda raw, arrays: raw["checkpoints"][0].update(rows=1024, columns=1024), "canvas that the network"),
        (lambda raw, arrays: raw["checkpoints"][0].update(others=[0]), "one that is not there"),
        (lambda raw, arrays: raw["checkpoints"][0].update(others=[99]), "one that is not there"),
        (lambda raw, arrays: raw["checkpoints"][0].update(others=[2]), "one of another size"),
        (lambda raw, arrays: raw["checkpoints"][1].update(place=raw["checkpoints"][0]["place"]), "two checkpoints"),
        (lambda raw, arrays: raw["checkpoints"][0].update(vectors=10**9), "vectors"),
        (lambda raw, arrays: raw["checkpoints"][0].update(turns=["45"]), "turns"),
        (lambda raw, arrays: raw["checkpoints"][0].update(limit=0), "limit"),
        (lambda raw, arrays: raw["checkpoints"][0]["place"].update(width=1e30), "width"),
        (lambda raw, arrays: raw["checkpoints"][2]["naming"].update(examples=[7, 0]), "no state"),
        (lambda raw, arrays: raw["checkpoints"][2]["naming"].update(frequent=1), "weights.*missing"),
        (lambda raw, arrays: raw.update(checkpoints=raw["checkpoints"] * 20), "checkpoints"),
    ],
)
def test_a_spoiled_file_is_refused(turned: Trained, spoil: Spoil, words: str) -> None:
    arrays = {name: array.copy() for name, array in artefact.arrays_of(turned.model).items()}
    raw = turned.model.description.model_dump(mode="json")
    spoil(raw, arrays)
    with pytest.raises((ModelError, ValueError), match=words) as caught:
        artefact.assemble(artefact.Description.model_validate(raw), arrays)
    assert "checkpoint" in str(caught.value)


def test_a_file_without_checkpoints_answers_without(demo_model: Path) -> None:
    detector = Detector.load(demo_model)
    assert detector.model.checkpoints == ()
    assert detector.detect(np.full((720, 1280, 3), 90, np.uint8)).checkpoints == ()
