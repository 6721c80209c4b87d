"""The golden-sample check at a live line: what is released, what the line is told, and what stays off the record."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.challenge import ChallengePart, Expect, Shown
from app.domain.errors import LinesightError
from app.domain.frame import Image
from app.inspection import capture
from app.keeping import restore_station
from app.signals.codes import ErrorCode
from app.station import Station
from tests.inspection.fakes import FAIL, PASS, FakeSource, picture, wait_for
from tests.inspection.stations import Stations, camera, inspecting, rows

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
    done = threading.Event()

    def go_on(image: Image) -> None:
        while not done.wait(0.02):
            source.push(image)

    feeding = threading.Thread(target=go_on, args=(picture(score, noise=noise),))
    feeding.start()
    try:
        return station.challenging.show()
    finally:
        done.set()
        feeding.join()


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
