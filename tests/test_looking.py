"""Where to look, through a station: kept in its settings and recipes, and judged by from the next frame on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.challenge import ChallengePart, Expect
from app.domain.errors import LinesightError
from app.domain.frame import Image
from app.domain.inspection import Detection
from app.domain.look import LookOutline, LookRegion, noted_in
from app.domain.verdict import Limits, Verdict, decide
from app.lifecycle.training import train_on_demo
from app.paths import DataFolder
from app.recipe import Recipe, pack, read, unpack
from app.reports.part_words import facts
from app.station import Station
from app.status import Phase
from tests.inspection.fakes import FAIL, PASS, FakeDetector, FakeSource, picture, wait_for
from tests.inspection.stations import CAMERA, MODEL, Stations, camera, inspecting, reaches, rows

PARTS = [ChallengePart("good", Expect.PASS), ChallengePart("bad", Expect.FAIL)]
LOOK = {"x": 0.1, "y": 0.2, "width": 0.5, "height": 0.6, "kind": "look"}
BLIND = {"x": 0.25, "y": 0.25, "width": 0.5, "height": 0.5, "kind": "ignore"}
"""Covers the middle, where the detector of these tests reads its score."""
OTHER = "usb:1"


class Seeing(FakeDetector):
    """Sees nothing wrong where its middle is ignored."""

    def __init__(self, regions: Sequence[LookRegion] = ()) -> None:
        super().__init__()
        self.regions = tuple(regions)

    def with_regions(self, regions: Sequence[LookRegion]) -> Seeing:
        return Seeing(regions)

    def score(self, image: Image) -> float:
        return 0.0 if any(each.kind == "ignore" for each in self.regions) else super().score(image)

    def detect(self, image: Image) -> Detection:
        return replace(super().detect(image), look=tuple(outline(each, image) for each in self.regions))


def outline(region: LookRegion, image: Image) -> LookOutline:
    height, width = image.shape[:2]
    left, top = region.x * width, region.y * height
    right, bottom = left + region.width * width, top + region.height * height
    return LookOutline(region.kind, ((left, top), (right, top), (right, bottom), (left, bottom)))


@pytest.fixture
def stations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stations]:
    made = Stations(tmp_path, monkeypatch)
    made.detector = Seeing()
    yield made
    made.close()


def judged(station: Station, source: FakeSource, number: int, score: float = FAIL) -> Detection:
    """What is said of one more part."""
    source.push(picture(score, noise=number))
    wait_for(lambda: station.session_counts().total == number, what=f"{number} parts on record")
    wait_for(lambda: (latest := station.latest()) is not None and latest.inspection is not None)
    latest = station.latest()
    assert latest is not None and latest.detection is not None
    return latest.detection


def test_they_count_from_the_next_frame_on_and_the_line_does_not_start_anew(stations: Stations) -> None:
    source = camera()
    station = inspecting(stations, source)
    assert judged(station, source, 1).verdict is Verdict.FAIL
    station.save_settings(look_regions=[BLIND])
    found = judged(station, source, 2)
    assert found.verdict is Verdict.PASS and [each.kind for each in found.look] == ["ignore"]
    station.save_settings(look_regions=[LOOK])
    assert judged(station, source, 3).verdict is Verdict.FAIL
    station.save_settings(look_regions=[])
    assert judged(station, source, 4).look == ()
    station.save_settings(product="Another name")  # changed by hand, without a new start
    station.save_settings(look_regions=[BLIND])
    assert judged(station, source, 5).verdict is Verdict.PASS
    assert source.opened == 1


def test_the_record_says_where_was_looked_and_is_looked_at_again_so(stations: Stations) -> None:
    source = camera()
    station = inspecting(stations, source)
    judged(station, source, 1)
    station.save_settings(look_regions=[LOOK, BLIND])
    judged(station, source, 2)
    before, after = (station.store.inspection(row["id"]) for row in rows(station.data.root))
    assert before is not None and after is not None
    assert noted_in(before.camera) == () and "look_regions" not in before.camera
    assert [each.model_dump() for each in noted_in(after.camera)] == [LOOK, BLIND]
    assert json.loads(after.camera)["address"] == CAMERA
    told = dict(fact for _, group in facts(station.searching.part(after.id), station.zone) for fact in group)
    assert "ignored 50.0 x 50.0 % at 25.0, 25.0 %" in told["Where to look"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"look_regions": 3}', '{"look_regions": [["look", 0, 0, 9, 1]]}'])
def test_a_record_that_notes_nothing_to_be_read_looked_everywhere(text: str) -> None:
    assert noted_in(text) == ()


def test_parts_that_pass_during_a_change_over_are_judged_as_before(stations: Stations) -> None:
    source = camera()
    station = inspecting(stations, source)
    station.save_settings(product="Plate", look_regions=[BLIND])  # what a change-over does before it starts the line
    station.save_settings(sound=False)
    assert judged(station, source, 1).verdict is Verdict.FAIL
    station.save_settings(look_regions=[BLIND, LOOK])  # drawn after it: what was waited for is no longer wanted
    assert judged(station, source, 2).verdict is Verdict.PASS


def test_they_are_kept_over_a_restart(stations: Stations) -> None:
    source = camera()
    station = inspecting(stations, source)
    station.save_settings(look_regions=[LOOK, BLIND])
    station.close()
    again = inspecting(stations, source)
    assert [each.model_dump() for each in again.settings.look_regions] == [LOOK, BLIND]
    assert judged(again, source, 1).verdict is Verdict.PASS
    assert any("look_regions" in entry.subject for entry in again.store.audit_entries(20))


@pytest.mark.parametrize(
    ("regions", "words"),
    [
        ([LOOK | {"x": 0.7}], "region 1 lies outside the picture"),
        ([{"x": 0, "y": 0, "width": 1, "height": 1, "kind": "ignore"}], "nothing of the picture is left to judge"),
        ([LOOK] * 33, "at most 32"),
        ([LOOK | {"kind": "elsewhere"}], r"look_regions\.0\.kind"),
        ([LOOK | {"width": 0}], r"look_regions\.0\.width"),
    ],
)
def test_what_can_not_be_is_refused_and_changes_nothing(
    stations: Stations, regions: list[dict[str, object]], words: str
) -> None:
    station = stations.open()
    station.save_settings(look_regions=[LOOK])
    with pytest.raises(LinesightError, match=words):
        station.save_settings(look_regions=regions)
    with pytest.raises(LinesightError):
        station.save_settings(cameras=[{"name": "Left", "source": OTHER, "look_regions": regions}])
    assert [each.model_dump() for each in station.settings.look_regions] == [LOOK]


def test_further_cameras_have_their_own(stations: Stations) -> None:
    source, left = camera(), FakeSource(camera().traits, address=OTHER)
    stations.sources[OTHER] = lambda: left
    station = inspecting(stations, source)
    station.save_settings(look_regions=[BLIND])
    station.beside.add("Left", OTHER)
    wait_for(lambda: len(station.beside.views()) == 1)
    (view,) = station.beside.views()
    wait_for(lambda: view.line.state().phase is Phase.INSPECTING)

    def verdict(number: int) -> Verdict:
        left.push(picture(FAIL, noise=number))
        wait_for(lambda: station.session_counts().total == number)
        latest = view.line.latest()
        assert latest is not None
        return latest.verdict

    assert verdict(1) is Verdict.FAIL
    told = [each.model_dump() for each in station.settings.cameras]
    station.save_settings(cameras=[told[0] | {"look_regions": [BLIND]}])
    assert verdict(2) is Verdict.PASS
    station.save_settings(cameras=told, look_regions=[])
    assert verdict(3) is Verdict.FAIL
    wait_for(lambda: station.beside.views() == (view,))
    assert left.opened == 1 and judged(station, source, 4).verdict is Verdict.FAIL


def test_a_change_over_brings_them_along_and_a_file_takes_them_elsewhere(stations: Stations, tmp_path: Path) -> None:
    source = camera()
    station = inspecting(stations, source)
    station.save_settings(source=CAMERA, model=MODEL, product="Bracket", look_regions=[LOOK, BLIND])
    station.recipes.save("Bracket")
    station.save_settings(product="Plate", look_regions=[])
    station.recipes.save("Plate")
    station.recipes.use("Bracket")
    assert [each.model_dump() for each in station.settings.look_regions] == [LOOK, BLIND]
    wait_for(lambda: source.opened == 2)
    reaches(station, Phase.INSPECTING)
    assert judged(station, source, 1).verdict is Verdict.PASS
    station.recipes.use("Plate")
    wait_for(lambda: source.opened == 3)
    assert judged(station, source, 2).verdict is Verdict.FAIL
    assert [row["recipe"] for row in rows(station.data.root)] == ["Bracket@1", "Plate@1"]
    station.save_settings(look_regions=[LOOK])
    assert station.recipes.running() is None  # changed by hand: no longer what the recipe says
    # Elsewhere: as one file, without a model here.
    file = tmp_path / "bracket.recipe"
    file.write_bytes(pack(station.recipes.all()[0].model_copy(update={"model": ""}), None))
    assert [each.model_dump() for each in unpack(file)[0].look_regions] == [LOOK, BLIND]
    second = stations.open("second")
    second.recipes.import_file(file)
    second.recipes.use("Bracket")
    assert [each.model_dump() for each in second.settings.look_regions] == [LOOK, BLIND]


def test_a_recipe_of_before_reads_and_looks_everywhere(stations: Stations) -> None:
    station = inspecting(stations, camera())
    station.save_settings(source=CAMERA, model=MODEL, look_regions=[LOOK])
    station.recipes.save("Old")
    (path,) = station.data.recipes.glob("*/0001.json")
    told = json.loads(path.read_text())
    del told["look_regions"]
    path.write_text(json.dumps(told))
    assert read(path).look_regions == ()


def test_a_passed_check_is_due_again_after_they_change(stations: Stations) -> None:
    station = inspecting(stations, camera())
    station.challenging.keep(station.state().product, PARTS)
    station.save_settings(check_needed=True)
    station.challenging.release("Trial run")
    assert station.challenging.withheld() == ""
    station.save_settings(look_regions=[LOOK])
    assert "camera" in station.challenging.withheld()


@pytest.mark.slow
def test_a_stored_part_scores_as_it_did(tmp_path: Path) -> None:
    station = Station(DataFolder(tmp_path / "real"), demo_seed=3)
    try:
        station.save_settings(look_regions=[LOOK, BLIND])
        train_on_demo(station.shelf, "Demo plate", 7, lambda fraction, words: None)
        station.save_settings(model="Demo plate@1")
        station.begin()
        wait_for(lambda: station.session_counts().total >= 2, 60)
        part = station.recent()[0]
        again = station.searching.again(part.id)
        assert "not the same" not in again.words and "on record is" in again.words
        assert again.detection is not None and len(again.detection.look) == 2
    finally:
        station.close()


class Strict(FakeDetector):
    """Judges by a threshold that it is given."""

    def __init__(self, threshold: float = 0.6) -> None:
        super().__init__()
        self.threshold = threshold

    def with_threshold(self, threshold: float) -> Strict:
        return Strict(threshold)

    def detect(self, image: Image) -> Detection:
        found, limits = super().detect(image), Limits(self.threshold, 0.9 * self.threshold)
        return replace(
            found, threshold=limits.threshold, retest_from=limits.retest_from, verdict=decide(found.score, limits)
        )


def test_a_threshold_of_ones_own_counts_from_the_next_part_on_and_comes_with_a_recipe(stations: Stations) -> None:
    stations.detector = Strict()
    source = camera()
    station = inspecting(stations, source)
    assert judged(station, source, 1, PASS).verdict is Verdict.PASS
    station.save_settings(threshold=0.1)
    found = judged(station, source, 2, PASS)
    assert found.verdict is Verdict.FAIL and found.threshold == 0.1
    newest = station.recent(1)[0]
    assert newest.threshold == 0.1 and json.loads(newest.camera)["threshold"] == 0.1
    recipe = Recipe.of(station.settings, "Strict")
    assert recipe.threshold == 0.1 and recipe.changes()["threshold"] == 0.1
    station.save_settings(threshold=0)
    assert judged(station, source, 3, PASS).verdict is Verdict.PASS
    station.save_settings(threshold=0.1)
    stations.sources[OTHER] = lambda: FakeSource(address=OTHER)
    station.inspect_source(OTHER, "cover@1", "Cover")
    wait_for(lambda: station.settings.model == "cover@1")
    assert station.settings.threshold == 0, "it was meant for another model"
    with pytest.raises(LinesightError, match="threshold"):
        station.save_settings(threshold=-1)


def test_each_further_camera_has_a_threshold_of_its_own(stations: Stations) -> None:
    stations.detector = Strict()
    first, other = camera(), FakeSource(address=OTHER)
    stations.sources[OTHER] = lambda: other
    station = inspecting(stations, first)
    station.beside.add("Left", OTHER)
    wait_for(lambda: len(station.beside.views()) == 1)
    (view,) = station.beside.views()
    wait_for(lambda: view.line.state().phase is Phase.INSPECTING)
    station.save_settings(cameras=[each.model_dump() | {"threshold": 0.1} for each in station.settings.cameras])
    other.push(picture(PASS))
    wait_for(lambda: (latest := view.line.latest()) is not None and latest.inspection is not None)
    latest = view.line.latest()
    assert latest is not None and latest.verdict is Verdict.FAIL
    assert station.beside.views() == (view,), "it goes on without a new start"
    assert judged(station, first, 2, PASS).verdict is Verdict.PASS
