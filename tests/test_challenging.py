"""The golden-sample check at a live line: what is released, what the line is told, and what stays off the record."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from app.cameras.demo import training_parts
from app.domain.challenge import ChallengePart, Expect, Shown
from app.domain.errors import LinesightError
from app.domain.frame import Image
from app.domain.reference import PictureLimits
from app.inspection import capture, challenges, references
from app.keeping import restore_station
from app.pictures import encode_png
from app.signals.codes import ErrorCode
from app.station import Station
from app.status import Phase
from tests.inspection.fakes import FAIL, PASS, FakeSource, picture, wait_for
from tests.inspection.stations import Stations, camera, inspecting, reaches, rows

T = TypeVar("T")

PARTS = [ChallengePart("good 1", Expect.PASS), ChallengePart("bad 1", Expect.FAIL, "anomaly")]


@pytest.fixture
def stations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stations]:
    monkeypatch.setattr(capture, "BACKOFF", (0.01,))
    stations = Stations(tmp_path, monkeypatch)
    yield stations
    stations.close()


def ready_to_check(stations: Stations, source: FakeSource) -> Station:
    station = inspecting(stations, source)
    station.challenging.keep(station.state().product, PARTS)
    station.save_settings(check_needed=True)
    return station


def show(station: Station, source: FakeSource, score: float, noise: int) -> Shown:
    """The part lies there while the button is pressed: pictures go on coming until one is judged."""
    return fed(source, picture(score, noise=noise), station.challenging.show)


def test_a_station_is_released_when_every_part_got_its_verdict(stations: Stations) -> None:
    source = camera()
    station = ready_to_check(stations, source)
    desk = station.challenging
    assert "never checked" in desk.withheld()
    assert desk.begin() == PARTS[0] and "running" in desk.withheld()
    assert show(station, source, PASS, 1).right
    assert desk.waiting() == PARTS[1] and desk.withheld()
    assert show(station, source, FAIL, 2).right
    assert desk.waiting() is None and desk.withheld() == ""
    assert rows(stations.folder / "station") == [] and station.session_counts().total == 0
    assert desk.releases()[0].reason == "" and not station.line.trigger.armed


def test_a_wrong_verdict_releases_nothing_and_is_told(stations: Stations) -> None:
    source = camera()
    station = ready_to_check(stations, source)
    station.challenging.begin()
    show(station, source, PASS, 1)
    assert show(station, source, PASS, 2).words == "Part bad 1: expected FAIL (anomaly), got PASS"
    assert "never checked" in station.challenging.withheld() and station.challenging.releases() == ()


def test_the_line_gets_no_ready_until_the_release(stations: Stations) -> None:
    station = ready_to_check(stations, camera())
    station.save_settings(line_trigger=True)
    station.signalling.begin()
    wait_for(lambda: station.signalling.signals.code == ErrorCode.NOT_RELEASED)
    assert not station.signalling.signals.trigger_ready
    with pytest.raises(LinesightError, match="needs a reason"):
        station.challenging.release(" ")
    station.challenging.release("Parts are at the laboratory")
    wait_for(lambda: station.signalling.signals.trigger_ready)
    station.challenging.begin()
    wait_for(lambda: not station.signalling.signals.trigger_ready)
    station.challenging.give_up()
    wait_for(lambda: station.signalling.signals.trigger_ready)


def test_list_and_release_outlive_the_station(stations: Stations) -> None:
    station = ready_to_check(stations, camera())
    station.challenging.release("Trial run")
    product = station.state().product
    station.close()
    again = stations.open()
    assert again.challenging.parts(product) == tuple(PARTS)
    assert [each.reason for each in again.challenging.releases()] == ["Trial run"]


def test_a_backup_brings_list_and_releases_back(stations: Stations, tmp_path: Path) -> None:
    station = ready_to_check(stations, camera())
    station.challenging.release("Trial run")
    product, backup = station.state().product, tmp_path / "backup.zip"
    station.keeping.back_up(backup).result(20)
    station.challenging.keep(product, [])
    station.close()
    restore_station(station.data, backup, by="", step=lambda fraction, words: None)
    again = stations.open()
    assert again.challenging.parts(product) == tuple(PARTS)
    assert [each.reason for each in again.challenging.releases()] == ["Trial run"]


def test_a_damaged_file_is_kept_and_releases_nothing(stations: Stations) -> None:
    folder = stations.folder / "station"
    folder.mkdir(parents=True)
    (folder / "challenges.json").write_text("{")
    station = inspecting(stations, camera())
    station.save_settings(check_needed=True)
    assert "can't be read" in station.challenging.withheld()
    with pytest.raises(LinesightError, match="backup"):
        station.challenging.keep("plate", PARTS)
    assert (folder / "challenges.json").read_text() == "{"


def test_no_picture_leaves_the_part_waiting(stations: Stations) -> None:
    station = ready_to_check(stations, camera())
    station.challenging.begin()
    with pytest.raises(LinesightError, match="No picture was judged"):
        station.challenging.show(timeout=0.05)
    assert station.challenging.waiting() == PARTS[0]


# -- the picture comes first
@cache
def plate() -> Image:
    return next(iter(training_parts(1, 3)))


def drawn(noise: int, score: float = PASS) -> Image:
    """A part with edges, of which `FakeDetector` reads the score."""
    image = plate().astype(np.float32)
    height, width = image.shape[:2]
    image[height // 2 - 20 : height // 2 + 20, width // 2 - 30 : width // 2 + 30] = round(score * 250)
    image += np.random.default_rng(noise).normal(0, 1.5, image.shape)
    return np.asarray(np.clip(np.rint(image), 0, 255), np.uint8)


def fed(source: FakeSource, image: Image, work: Callable[[], T]) -> T:
    """The picture comes again and again while something looks for one."""
    done = threading.Event()

    def go_on() -> None:
        while not done.wait(0.02):
            source.push(image)

    feeding = threading.Thread(target=go_on)
    feeding.start()
    try:
        return work()
    finally:
        done.set()
        feeding.join()


def with_reference(stations: Stations, source: FakeSource) -> Station:
    station = ready_to_check(stations, source)
    fed(source, drawn(1), station.challenging.take_reference)
    return station


def test_a_check_begins_with_the_picture_and_is_released_with_it(stations: Stations) -> None:
    source = camera()
    station = with_reference(stations, source)
    desk = station.challenging
    assert not station.line.trigger.armed
    desk.begin()
    assert desk.picture_waits()
    with pytest.raises(LinesightError, match="The picture comes first"):
        desk.show()
    moved = np.roll(drawn(2), 26, axis=1)
    step = fed(source, moved, desk.look)
    (wrong,) = step.wrong
    assert "26 px to the right" in wrong.words and "camera has moved left" in wrong.words
    assert desk.picture_waits() and "running" in desk.withheld() and not step.words
    dark = np.asarray(drawn(3) * 0.85, np.uint8)
    assert "15 % less light" in fed(source, dark, desk.look).wrong[0].words and desk.picture_waits()
    step = fed(source, drawn(4), desk.look)
    assert step.wrong == () and step.words.startswith("Picture as at the reference of")
    assert not desk.picture_waits() and desk.waiting() == PARTS[0]
    with pytest.raises(LinesightError, match="No picture is to be compared"):
        desk.look()
    assert fed(source, drawn(5), desk.show).right
    assert fed(source, drawn(6, FAIL), desk.show).right
    assert desk.withheld() == "" and desk.releases()[0].picture == step.words
    told = [row.detail for row in station.store.audit_entries() if row.action == "check"]
    assert sum("26 px to the right" in each for each in told) == 1
    assert sum("passed with 2 parts; Picture as at" in each for each in told) == 1


def test_what_is_off_stays_told_after_giving_up(stations: Stations) -> None:
    source = camera()
    station = with_reference(stations, source)
    station.challenging.begin()
    fed(source, np.roll(drawn(2), 40, axis=0), station.challenging.look)
    station.challenging.give_up()
    step = station.challenging.step()
    assert step is not None and "40 px down" in step.wrong[0].words
    assert "never checked" in station.challenging.withheld() and not station.line.trigger.armed
    station.challenging.begin()
    step = station.challenging.step()
    assert step is not None and step.wrong == ()


def test_reference_and_limits_outlive_the_station_and_come_with_a_backup(stations: Stations, tmp_path: Path) -> None:
    source = camera()
    station = with_reference(stations, source)
    product, taken = station.state().product, station.challenging.reference(station.state().product)
    assert taken is not None and (taken.figures.width, taken.figures.height) == (1280, 720) and taken.figures.placed
    station.challenging.keep_limits(product, PictureLimits(shift=0.05))
    backup = tmp_path / "backup.zip"
    station.keeping.back_up(backup).result(20)
    station.challenging.forget_reference(product)
    assert list((stations.folder / "station" / "references").glob("*.png")) == []
    assert station.challenging.reference_picture(product) is None
    station.close()
    restore_station(station.data, backup, by="", step=lambda fraction, words: None)
    again = inspecting(stations, source)
    assert again.challenging.reference(product) == taken
    assert again.challenging.limits(product) == PictureLimits(shift=0.05)
    picture_ = again.challenging.reference_picture(product)
    assert picture_ is not None and np.array_equal(picture_, drawn(1))
    again.challenging.begin()
    assert fed(source, np.roll(drawn(2), 26, axis=1), again.challenging.look).wrong == ()  # 2 % of 5 allowed


def test_a_new_reference_takes_the_place_of_the_old_one(stations: Stations) -> None:
    source = camera()
    station = with_reference(stations, source)
    fed(source, np.roll(drawn(2), 60, axis=1), station.challenging.take_reference)
    assert len(list((stations.folder / "station" / "references").glob("*.png"))) == 1
    station.challenging.begin()
    assert "60 px to the left" in fed(source, drawn(3), station.challenging.look).wrong[0].words
    with pytest.raises(LinesightError, match="A check is running"):
        station.challenging.take_reference()


def test_a_changed_reference_file_releases_nothing(stations: Stations) -> None:
    source = camera()
    station = with_reference(stations, source)
    product = station.state().product
    (file,) = (stations.folder / "station" / "references").glob("*.png")
    station.close()
    file.write_bytes(encode_png(drawn(9)))
    again = inspecting(stations, source)
    again.challenging.begin()
    with pytest.raises(LinesightError, match=r"was changed after it was taken\. Put it back from a backup, or take"):
        fed(source, drawn(2), again.challenging.look)
    assert again.challenging.picture_waits()
    again.challenging.give_up()
    file.unlink()
    again.challenging.begin()
    with pytest.raises(LinesightError, match="can't be read"):
        fed(source, drawn(2), again.challenging.look)
    again.challenging.give_up()
    fed(source, drawn(3), again.challenging.take_reference)
    assert again.challenging.reference(product) is not None


def test_a_full_disk_takes_no_reference_and_keeps_the_old_one(
    stations: Stations, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = camera()
    station = with_reference(stations, source)
    product = station.state().product
    before = station.challenging.reference(product)

    def full(*_args: object, **_more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(references, "write_whole", full)
    with pytest.raises(LinesightError, match=r"No space left on device\)\. Free some space"):
        fed(source, drawn(2), station.challenging.take_reference)
    monkeypatch.undo()
    monkeypatch.setattr(challenges, "write_whole", full)
    with pytest.raises(LinesightError, match="Free some space"):
        fed(source, drawn(2), station.challenging.take_reference)
    monkeypatch.undo()
    assert station.challenging.reference(product) == before and not station.line.trigger.armed
    assert station.challenging.reference_picture(product) is not None
    assert len(list((stations.folder / "station" / "references").glob("*.png"))) == 1


def test_no_picture_takes_no_reference(stations: Stations) -> None:
    station = ready_to_check(stations, camera())
    with pytest.raises(LinesightError, match="No picture was judged"):
        station.challenging.take_reference(timeout=0.05)
    assert station.challenging.reference(station.state().product) is None and not station.line.trigger.armed
    station.stop()
    reaches(station, Phase.STOPPED)
    with pytest.raises(LinesightError, match="does not inspect"):
        station.challenging.take_reference()


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (PictureLimits(sharpness=1.2), "10 to 100 %"),
        (PictureLimits(brightness=0), "1 to 128 grey levels"),
        (PictureLimits(shift=float("nan")), "0.1 to 50 %"),
        (PictureLimits(angle=-1), "0.1 to 45 degrees"),
    ],
)
def test_limits_that_can_be_none_are_refused(stations: Stations, limits: PictureLimits, words: str) -> None:
    station = stations.open()
    with pytest.raises(LinesightError, match=words):
        station.challenging.keep_limits("plate", limits)
    assert station.challenging.limits("plate") == PictureLimits()
