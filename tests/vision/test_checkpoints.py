"""Named checkpoints: present, of the right kind, the right way round; each answers on its own."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.domain.checkpoint import CheckpointAnswer
from app.domain.errors import DatasetError, PictureError
from app.domain.frame import Image
from app.vision import backbones
from app.vision.checkpoints import CheckpointJudge, Found, LearnedCheckpoints, Wanted, check_wanted, learn_checkpoints
from app.vision.checkpoints.place import UPRIGHT, Cutter, Place, canvas_of
from app.vision.geometry import Target
from app.vision.graph import Network
from app.vision.survey import Sample
from tests.vision.bolted_parts import HEADS, PLACES, SIZE, Head, draw_bolted, posed

Ask = Callable[[Image], dict[str, CheckpointAnswer]]


def sample(name: str, picture: Image) -> Sample:
    return Sample(name, lambda: picture)


@functools.cache
def network(name: str = "efficientnet-lite0") -> Network:
    extractor = backbones.get(name)
    return Network(extractor, extractor.default_layers, extractor.arrays(extractor.default_layers))


GOOD = [sample(f"good {seed}", draw_bolted(seed)) for seed in range(10)]
ALL: dict[str, Head] = dict.fromkeys(HEADS, "missing")


def learned(wanted: Sequence[Wanted], good: Sequence[Sample] = GOOD, on: Network | None = None) -> LearnedCheckpoints:
    return learn_checkpoints(wanted, good, None, on or network(), 0, lambda fraction, words: None)


def asking(made: LearnedCheckpoints, on: Network | None = None) -> Ask:
    judge = CheckpointJudge(on or network(), made.checkpoints, made.frame)
    return lambda image: {each.name: each for each in judge.judge(image, Found.as_it_lies(image, made.frame))}


def drawn(labels: dict[str, list[tuple[Sample, str]]] | None = None) -> list[Wanted]:
    labels = {name: [] for name in PLACES} if labels is None else labels
    return [Wanted(name, PLACES[name], GOOD[0], tuple(own)) for name, own in labels.items()]


@pytest.fixture(scope="module")
def plain() -> LearnedCheckpoints:
    return learned(drawn())


@pytest.fixture(scope="module")
def ask(plain: LearnedCheckpoints) -> Ask:
    return asking(plain)


def states(answers: dict[str, CheckpointAnswer]) -> dict[str, str]:
    return {name: each.state for name, each in answers.items()}


def test_good_parts_are_ok_also_a_few_pixels_beside_their_place(ask: Ask) -> None:
    for shift in (0.0, 4.0):
        for seed in range(100, 104):
            answers = ask(draw_bolted(seed, shift=shift))
            assert states(answers) == dict.fromkeys(PLACES, "ok"), (seed, shift, answers)
            assert all(each.score is not None and each.score < each.threshold == 1 for each in answers.values())
            assert answers["label"].words == "label: ok"
            box = answers["bolt 2"]
            assert (box.x, box.y, box.width, box.height) == PLACES["bolt 2"]


def test_what_is_not_there_or_scratched_is_different_and_nothing_else_is(ask: Ask) -> None:
    for name in PLACES:
        found = ask(draw_bolted(110, damaged=name))
        assert states(found) == dict.fromkeys(PLACES, "ok") | {name: "different"}
        assert found[name].words == f"{name}: different from the good ones"
    bare = ask(draw_bolted(111, heads=ALL, label="missing"))
    assert states(bare) == dict.fromkeys(PLACES, "different")
    assert all(each.failed for each in bare.values())


def test_another_kind_is_wrong_and_says_which(ask: Ask) -> None:
    found = ask(draw_bolted(120, heads={"bolt 1": "slot", "bolt 2": "round", "bolt 3": "cross", "bolt 4": "hex"}))
    assert found["bolt 1"].words == "bolt 1: wrong kind, like bolt 3"
    assert found["bolt 2"].words in ("bolt 2: wrong kind, like bolt 1", "bolt 2: wrong kind, like bolt 4")
    assert found["bolt 3"].words == "bolt 3: wrong kind, like bolt 2"
    assert states(found) == dict.fromkeys(PLACES, "wrong") | {"bolt 4": "different", "label": "ok"}


def test_a_label_the_wrong_way_round_is_turned(ask: Ask) -> None:
    found = ask(draw_bolted(130, label="turned"))
    assert states(found) == dict.fromkeys(PLACES, "ok") | {"label": "turned"}
    assert found["label"].words == "label: turned by 180 degrees"
    other = ask(draw_bolted(131, label="other"))
    assert other["label"].state == "different"


def test_only_what_good_ones_tell_apart_can_be_turned(plain: LearnedCheckpoints) -> None:
    turns = {each.name: each.turns for each in plain.checkpoints}
    assert turns["bolt 1"] == turns["bolt 4"] == ()  # round
    assert turns["bolt 3"] == ("90",)  # a slot looks the same after half a turn
    assert set(turns["label"]) == {"180", "across", "down"}  # oblong: it can't lie across
    others = {each.name: [plain.checkpoints[other].name for other in each.others] for each in plain.checkpoints}
    assert others["bolt 1"] == ["bolt 2", "bolt 3"] and others["label"] == []


def test_a_slot_across_is_turned(ask: Ask) -> None:
    picture = draw_bolted(140)
    x, y, width, height = PLACES["bolt 3"]
    picture[y : y + height, x : x + width] = np.rot90(picture[y : y + height, x : x + width])
    assert ask(picture)["bolt 3"].words == "bolt 3: turned by 90 degrees"


def test_what_the_picture_does_not_show_is_unsure(plain: LearnedCheckpoints) -> None:
    judge = CheckpointJudge(network(), plain.checkpoints, SIZE)
    away = np.array([[1.0, 0.0, -180.0], [0.0, 1.0, 0.0]])
    found = {each.name: each for each in judge.judge(draw_bolted(150), Found(away, SIZE))}
    assert found["bolt 2"].state == "unsure" and "outside the picture" in found["bolt 2"].words
    assert found["bolt 2"].score is None and not found["bolt 2"].failed
    lost = judge.judge(draw_bolted(150), Found.as_it_lies(draw_bolted(150), SIZE, "part not found"))
    assert {each.state for each in lost} == {"unsure"}
    assert lost[0].words == "bolt 1: not seen, part not found"


def test_a_picture_of_another_size_is_asked_in_the_same_places(plain: LearnedCheckpoints) -> None:
    ask = asking(plain)
    large = np.asarray(cv2.resize(draw_bolted(160, heads={"bolt 4": "slot"}), None, fx=2, fy=2), np.uint8)
    found = ask(large)
    assert states(found) == dict.fromkeys(PLACES, "ok") | {"bolt 4": "wrong"}
    assert (found["bolt 1"].x, found["bolt 1"].width) == (2 * PLACES["bolt 1"][0], 2 * PLACES["bolt 1"][2])


@pytest.mark.slow
def test_labelled_crops_give_their_state_a_name() -> None:
    names = ("bolt 1", "label")
    bare = [sample(f"bare {seed}", draw_bolted(seed, heads=ALL, label="missing")) for seed in range(60, 62)]
    labels = {name: [(each, "missing") for each in bare] for name in names}
    for seed in range(70, 74):
        for name in ("bolt 1", "label"):
            picture = draw_bolted(seed, damaged=name)
            labels[name].append((sample(f"{name} {seed}", picture), "scratched red"))
    made = learned(drawn(labels), GOOD[:8])
    ask = asking(made)
    assert [set(each.states) for each in made.checkpoints] == [{"missing", "scratched red"}] * 2
    assert [each.labelled for each in made.checkpoints] == [6, 6]
    found = ask(draw_bolted(170, heads=ALL, label="missing"))
    assert states(found) == dict.fromkeys(names, "missing")
    assert found["bolt 1"].words == "bolt 1: missing"
    for name in ("bolt 1", "label"):
        named = [ask(draw_bolted(seed, damaged=name))[name].state for seed in (171, 172, 173)]
        assert named.count("scratched red") >= 2
    # What nobody labelled is called by no label.
    strange = ask(draw_bolted(174, heads={"bolt 1": "hex"}, label="turned"))
    assert states(strange) == {"bolt 1": "different", "label": "turned"}
    assert set(states(ask(draw_bolted(175))).values()) == {"ok"}


def pale(seed: int) -> Image:
    """Print that is weaker than it should be, which good parts alone do not tell."""
    picture = draw_bolted(seed)
    x, y, width, height = PLACES["label"]
    own = picture[y : y + height, x : x + width].astype(np.float64)
    dark = own.mean(axis=2) < 120
    own[dark] = own[dark] * 0.55 + 0.45 * 190
    picture[y : y + height, x : x + width] = own.astype(np.uint8)
    return picture


@pytest.mark.slow
def test_labels_sharpen_a_checkpoint() -> None:
    labels = tuple((sample(f"pale {seed}", pale(seed)), "pale") for seed in range(50, 56))
    before, after = (asking(learned([Wanted("label", PLACES["label"], GOOD[0], own)])) for own in ((), labels))
    fresh = [pale(seed) for seed in range(800, 805)]
    assert sum(before(each)["label"].failed for each in fresh) <= 1
    assert sum(after(each)["label"].failed for each in fresh) >= 4
    good = [after(draw_bolted(seed))["label"] for seed in range(180, 187)]
    assert sum(each.failed for each in good) <= 1


def test_a_label_on_a_good_picture_counts_more_than_its_folder() -> None:
    spoiled = [*GOOD[:9], sample("good 9", draw_bolted(9, heads={"bolt 1": "missing"}))]
    wanted = Wanted("bolt 1", PLACES["bolt 1"], GOOD[0])
    silent = learned([wanted], spoiled)
    assert [name for name, _ in silent.suspicious] == ["good 9"] and "bolt 1" in silent.suspicious[0][1]
    assert silent.checkpoints[0].good == 9
    told = learned([Wanted("bolt 1", PLACES["bolt 1"], GOOD[0], ((spoiled[9], "missing"),))], spoiled)
    assert not told.suspicious and told.checkpoints[0].labelled == 1 and told.checkpoints[0].good == 9
    again = draw_bolted(190, heads={"bolt 1": "missing"})
    assert asking(silent)(again)["bolt 1"].state == "different"
    assert asking(told)(again)["bolt 1"].state == "missing"


def test_without_weights_it_works_as_well() -> None:
    on = network("oriented-filters")
    ask = asking(learned([Wanted("bolt 1", PLACES["bolt 1"], GOOD[0])], GOOD[:8], on), on)
    assert sum(ask(draw_bolted(seed))["bolt 1"].state == "ok" for seed in (200, 201, 202)) >= 2
    assert ask(draw_bolted(203, heads=ALL))["bolt 1"].failed


def broken() -> Image:
    raise PictureError("gone.png is empty.")


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ([Wanted("a", (0, 0, 20, 20), GOOD[0])] * 2, "Two checkpoints are called 'a'"),
        ([Wanted("a", (470, 0, 20, 20), GOOD[0])], "'a' lies outside good 0 of 480 x 360 pixels"),
        ([Wanted("a", (0, 0, 0, 20), GOOD[0])], "lies outside"),
        ([Wanted("a", (0, 0, 400, 4), GOOD[0])], "too narrow"),
        ([Wanted("", (0, 0, 20, 20), GOOD[0])], "1 to 60 letters"),
        ([Wanted(str(n), (0, 0, 20, 20), GOOD[0]) for n in range(65)], "65 checkpoints are too many"),
        ([Wanted("a", (0, 0, 20, 20), Sample("gone.png", broken))], "gone.png is empty"),
    ],
)
def test_what_can_not_be_learned_is_told_before(wanted: list[Wanted], words: str) -> None:
    with pytest.raises(DatasetError, match=words):
        check_wanted(wanted)


def test_too_few_good_crops_and_unreadable_labels() -> None:
    label = (Sample("gone.png", broken), "missing")
    made = learned([Wanted("bolt 1", PLACES["bolt 1"], GOOD[0], (label,))], GOOD[:5])
    assert made.skipped == [("gone.png", "gone.png is empty.")] and made.checkpoints[0].good == 5
    with pytest.raises(DatasetError, match="'bolt 1' is seen on 4 pictures of good parts only: it needs 5"):
        learned([Wanted("bolt 1", PLACES["bolt 1"], GOOD[0])], GOOD[:4])


@given(
    angle=st.floats(-180, 180),
    shift=st.tuples(st.floats(-20, 20), st.floats(-20, 20)),
    scale=st.floats(0.7, 1.2),
    name=st.sampled_from(["bolt 2", "label"]),
)
@hypothesis_settings(max_examples=25)
def test_a_crop_is_the_same_wherever_the_part_lies(
    angle: float, shift: tuple[float, float], scale: float, name: str
) -> None:
    x, y, width, height = PLACES[name]
    place = Place(name=name, x=x / SIZE[0], y=y / SIZE[1], width=width / SIZE[0], height=height / SIZE[1])
    cutter = Cutter.of(place, canvas_of(width, height, 32), SIZE)
    part = draw_bolted(1)
    moved, there = posed(part, angle, shift, scale)
    matrix = cv2.invertAffineTransform(there)
    crops = [cutter.cut(part, UPRIGHT), cutter.cut(moved, matrix)]
    if cutter.seen(SIZE, matrix) < 1:
        return
    soft = [cv2.GaussianBlur(crop, (0, 0), 3).astype(int) for crop in crops]
    middle = np.s_[30:-30, 30:-30]  # the corners may lie outside the picture
    assert np.abs(soft[0][middle] - soft[1][middle]).mean() < 4
    left, top, wide, tall = cutter.box(SIZE, matrix)
    corners = place.corners(SIZE) @ there[:, :2].T + there[:, 2] + 0.5
    assert np.allclose((left, top), corners.min(0), atol=1.01)
    assert np.allclose((left + wide, top + tall), corners.max(0), atol=1.01)


@pytest.mark.parametrize("side", [(40_000, 40), (64, 48)])
def test_pictures_of_any_size_are_cut(side: tuple[int, int]) -> None:
    picture = np.zeros((side[1], side[0], 3), np.uint8)
    picture[:, side[0] // 2 :] = 200
    cutter = Cutter.of(Place(name="all", x=0, y=0, width=1, height=1), Target(64, 768), side)
    crop = cutter.cut(picture, UPRIGHT)
    assert crop.shape == (64, 768, 3)
    assert crop[32, 200].max() < 10 and crop[32, 568].min() > 190
