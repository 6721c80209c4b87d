"""Several cameras that look at one part, through a station: one verdict, one row, all pictures."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cameras.base import SourceTraits
from app.domain.errors import SourceError
from app.domain.inspection import Inspection
from app.domain.retention import RetentionRule
from app.domain.verdict import Verdict
from app.domain.views import FIRST, join
from app.recipe import Recipe
from app.signals.result import result_json
from app.station import Station
from app.status import Phase
from app.store.retention import Retention
from tests.inspection.fakes import FAIL, PASS, RETEST, VIEWING, FakeSource, Ticking, picture, wait_for
from tests.inspection.stations import CAMERA, MODEL, Stations, camera, inspecting, rows, write_pictures

LIVE = SourceTraits(live=True, parts=False, endless=True)


@pytest.fixture
def stations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stations]:
    made = Stations(tmp_path, monkeypatch)
    yield made
    made.close()


class View(Ticking):
    """A camera that shows one score until the test says another."""

    def __init__(self, address: str, score: float) -> None:
        self.score = score
        super().__init__(0.004, (picture(self.score, noise=number) for number in itertools.count()), LIVE)
        self.address = address

    def open(self) -> None:
        super().open()
        self._stopped.clear()

    def show(self, score: float) -> None:
        """From the next picture on that is asked for."""
        self.score, before = score, len(self.given)
        wait_for(lambda: len(self.given) >= before + 2)


def with_views(stations: Stations, first: FakeSource, *scores: float, **settings: object) -> tuple[Station, list[View]]:
    """A station whose further cameras, Left and Right, look at the first one's part."""
    views = [View(f"usb:{number}", score) for number, score in enumerate(scores, 1)]
    for view in views:
        stations.sources[view.address] = lambda view=view: view
    station = inspecting(stations, first)
    station.save_settings(views="part", **settings)
    for name, view in zip(("Left", "Right"), views, strict=False):
        station.beside.add(name, view.address)
    wait_for(lambda: [each.line.state().phase for each in station.beside.views()] == [Phase.INSPECTING] * len(views))
    return station, views


def part(station: Station, first: FakeSource, score: float, number: int) -> Inspection:
    """The row of the first camera's next part."""
    first.push(picture(score, noise=100 + number))
    wait_for(lambda: station.session_counts().total == number, what=f"{number} parts on record")
    return station.recent(1)[0]


def test_a_part_fails_where_one_view_fails(stations: Stations, tmp_path: Path) -> None:
    first = camera()
    station, (left, right) = with_views(stations, first, PASS, FAIL)
    failed = part(station, first, PASS, 1)
    assert failed.verdict is Verdict.FAIL
    assert failed.reason == "Right: 0.90"
    assert [(each.name, each.verdict) for each in failed.views] == [
        (FIRST, Verdict.PASS), ("Left", Verdict.PASS), ("Right", Verdict.FAIL),
    ]  # fmt: skip
    # The row shows the picture that decided; the line hears of one part.
    assert failed.image_path == failed.views[2].image_path and failed.source == CAMERA
    assert failed.score == pytest.approx(FAIL, abs=0.01) and failed.regions == failed.views[2].regions
    pictures = [each.image_path for each in failed.views]
    assert len(set(pictures)) == 3 and all(station.store.image_file(path).is_file() for path in pictures)
    assert b'"name": "Right"' in result_json(failed)
    (alarm,) = (each for each in station.active_alarms() if each.kind == "defect")
    assert "Right" in alarm.detail

    right.show(PASS)
    passed = part(station, first, PASS, 2)
    assert passed.verdict is Verdict.PASS and passed.reason.startswith("all 3 views pass")
    assert passed.image_path == passed.views[0].image_path and passed.stored_score is not None
    left.show(RETEST)
    assert part(station, first, PASS, 3).verdict is Verdict.RETEST
    assert part(station, first, FAIL, 4).reason == f"{FIRST}: 0.90; Left: 0.58"
    assert len(rows(tmp_path / "station")) == 4, "the views are no parts of their own"
    assert (station.counts_today().passed, station.counts_today().failed) == (1, 2)
    station.close()
    again = stations.open()
    assert [each.views for each in again.recent(4)][3] == failed.views, "as it was kept"


def test_n_of_m_views_must_fail(stations: Stations) -> None:
    first = camera()
    station, (_, right) = with_views(stations, first, PASS, FAIL, views_failing=2)
    one = part(station, first, PASS, 1)
    assert one.verdict is Verdict.PASS and one.reason.startswith("1 of 3 views fail, 2 would fail the part; Right: ")
    assert part(station, first, FAIL, 2).verdict is Verdict.FAIL
    assert part(station, first, RETEST, 3).verdict is Verdict.RETEST, "it would fail if the doubtful one failed"
    right.show(PASS)
    assert part(station, first, RETEST, 4).verdict is Verdict.PASS


@given(st.lists(st.sampled_from(list(Verdict)), min_size=1, max_size=8), st.integers(1, 8))
def test_no_answer_is_never_a_pass(verdicts: list[Verdict], failing: int) -> None:
    verdict = join(verdicts, failing)
    failed, doubtful = verdicts.count(Verdict.FAIL), verdicts.count(Verdict.RETEST)
    assert (verdict is Verdict.FAIL) == (failed >= min(failing, len(verdicts)))
    if verdict is Verdict.PASS:
        assert Verdict.ERROR not in verdicts and failed + doubtful < min(failing, len(verdicts))
    assert join(list(reversed(verdicts)), failing) is verdict
    if failing == 1 and Verdict.FAIL not in verdicts:
        assert (verdict is Verdict.PASS) == (set(verdicts) == {Verdict.PASS})


def test_a_camera_that_gives_no_picture_makes_an_error(stations: Stations) -> None:
    first = camera()
    station, (left, right) = with_views(stations, first, PASS, PASS, line_timeout=0.5)
    left.opening = [SourceError("The cable is out.")] * 1000
    left._images = iter(())  # the next picture never comes
    wait_for(lambda: station.beside.views()[0].line.state().phase is Phase.WAITING, what="Left lost")
    lost = part(station, first, PASS, 1)
    assert lost.verdict is Verdict.ERROR and "Left: it does not inspect" in lost.reason
    assert lost.image_path and lost.views[1].image_path == "" and lost.views[1].error
    assert [each.verdict for each in lost.views] == [Verdict.PASS, Verdict.ERROR, Verdict.PASS]
    right.show(FAIL)
    assert part(station, first, PASS, 2).verdict is Verdict.FAIL, "what is known to be bad is bad"


def test_a_late_answer_is_not_taken_for_one_about_the_next_part(stations: Stations) -> None:
    first = camera()
    station, (left,) = with_views(stations, first, PASS, line_timeout=0.5)
    line = station.beside.views()[0].line
    detector = stations.detector
    slow = type(detector)()
    slow.gate.clear()
    assert line._pipeline is not None
    line._pipeline.detector = slow  # type: ignore[assignment]
    late = part(station, first, PASS, 1)
    assert late.verdict is Verdict.ERROR and "Left: it gave no answer within 0.4 s" in late.reason
    busy = part(station, first, PASS, 2)
    assert busy.verdict is Verdict.ERROR and "Left: it is still judging the part before" in busy.reason
    left.show(FAIL)  # of the third part; what is still judged has passed
    slow.gate.set()
    wait_for(lambda: not line.trigger.busy)
    assert part(station, first, PASS, 3).verdict is Verdict.FAIL


def test_what_is_viewed_and_no_part_is_joined_too(stations: Stations, tmp_path: Path) -> None:
    first = FakeSource(VIEWING, address=CAMERA)
    station, _ = with_views(stations, first, FAIL)
    view = station.beside.views()[0]
    wait_for(lambda: (seen := view.latest()) is not None and seen.detection is not None, what="viewed without a part")
    first.push(picture(PASS))
    wait_for(lambda: station.session_counts().total == 1)
    (row,) = rows(tmp_path / "station")
    assert (row["verdict"], row["reason"]) == ("FAIL", "Left: 0.90")
    station.line.trigger.arm(by="test")
    first.push(picture(PASS, noise=9))
    wait_for(lambda: (seen := view.latest()) is not None and seen.waiting != "", what="between parts nothing is judged")


def test_folders_go_picture_by_picture_and_go_on_after_a_restart(stations: Stations, tmp_path: Path) -> None:
    top, side = tmp_path / "top", tmp_path / "side"
    write_pictures(top, PASS, PASS, PASS)
    write_pictures(side, PASS, FAIL, PASS)
    station = stations.open()
    station.save_settings(views="part")
    station.beside.add("Side", f"folder:{side}")
    station.inspect_source(f"folder:{top}", MODEL)
    wait_for(lambda: station.session_counts().total == 3)
    kept = rows(tmp_path / "station")
    assert [(row["part_id"], row["verdict"]) for row in kept] == [
        ("part-1", "PASS"), ("part-2", "FAIL"), ("part-3", "PASS"),
    ]  # fmt: skip
    assert [each.views[1].part_id for each in reversed(station.recent(3))] == ["part-1", "part-2", "part-3"]
    station.close()
    write_pictures(top, PASS, PASS, PASS, PASS)
    write_pictures(side, PASS, FAIL, PASS, RETEST)
    again = stations.open()
    again.begin()
    wait_for(lambda: again.session_counts().total == 1)
    newest = again.recent(1)[0]
    assert (newest.part_id, newest.views[1].part_id, newest.verdict) == ("part-4", "part-4", Verdict.RETEST)


def test_pictures_of_all_views_go_together(stations: Stations) -> None:
    first = camera()
    station, _ = with_views(stations, first, PASS, FAIL)
    row = part(station, first, PASS, 1)
    files = [station.store.image_file(each.image_path) for each in row.views]
    retention = Retention(station.store)
    plan = retention.plan(RetentionRule(reject_days=1), datetime.now(UTC) + timedelta(days=2), 1 << 40)
    assert plan.pictures == 1 and plan.size >= sum(file.stat().st_size for file in files)
    assert retention.apply(plan, "Ann") == 1
    assert not any(file.exists() for file in files)


def test_together_apart_and_in_a_recipe(stations: Stations, tmp_path: Path) -> None:
    first = camera()
    station, (left,) = with_views(stations, first, PASS, views_failing=2)
    recipe = Recipe.of(station.settings, "Bracket")
    assert recipe.views == "part" and recipe.views_failing == 2
    station.save_settings(views="apart")
    wait_for(lambda: left.opened == 2 and station.beside.views()[0].line.state().phase is Phase.INSPECTING)
    wait_for(lambda: station.session_counts().total >= 1, what="a part of its own")
    assert not station.recent(1)[0].views
    station.save_settings(**recipe.changes() | {"source": CAMERA, "model": MODEL})
    wait_for(lambda: left.opened == 3 and station.beside.views()[0].line.state().phase is Phase.INSPECTING)
    number = station.session_counts().total + 1
    assert [each.name for each in part(station, first, PASS, number).views] == [FIRST, "Left"]
