"""The alarm's detail offers the videos of its defects, plays them, and gets what the stream still has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.domain.alarm import Alarm
from app.domain.frame import Frame
from app.station import Station
from tests.cloud.conftest import REGION, START, STREAM, control_plane, moto_address, plane, session
from tests.cloud.media_plane import MediaPlane
from tests.cloud.signature import KEY, SECRET
from tests.cloud.test_clips import filled
from tests.cloud.test_watcher import Produced
from tests.inspection.fakes import FAIL, FakeSource, picture
from tests.inspection.stations import CAMERA, WAITING_PARTS, Stations, camera, inspecting, shows
from tests.ui.conftest import Tap
from tests.ui.test_layout import check
from ui.alarms.detail import AlarmDetail
from ui.window import Window

__all__ = ["control_plane", "moto_address", "plane", "session"]

MOMENT = START + timedelta(seconds=12)


@pytest.fixture
def source() -> FakeSource:
    return camera(WAITING_PARTS)


@pytest.fixture
def station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: FakeSource) -> Iterator[Station]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    stations = Stations(tmp_path, monkeypatch)
    yield inspecting(stations, source)
    stations.close()


@pytest.fixture
def alarm(station: Station, source: FakeSource) -> Alarm:
    """Of a part that failed at MOMENT."""
    source.push(Frame(picture(FAIL), CAMERA, part_id="P-1", captured_at=MOMENT))
    shows(station, 1)
    (found,) = station.active_alarms()
    return found


@pytest.fixture
def detail(qtbot: QtBot, window: Window, alarm: Alarm) -> AlarmDetail:
    window.go("alarms")
    page = window.spaces.alarms
    page.detail.show_alarm(alarm.id)
    qtbot.waitUntil(lambda: page.detail.clips.isVisible() and bool(page.detail.clips.words.text()))
    return page.detail


def keep_clip(station: Station, alarm: Alarm) -> None:
    ring = filled(20)
    ring.close()
    station.linking.clips._asked.clear()
    station.linking.clips.ask(alarm.id, MOMENT, ring)
    station.linking.clips.close()


def test_without_a_video_it_says_how_the_next_one_has_it(window: Window, detail: AlarmDetail) -> None:
    assert "Switch on Clips of defects under Set-up, Cloud" in detail.clips.words.text()
    assert not detail.clips.fetch.isVisible() and not detail.clips.buttons
    check(window, "an alarm without a video")


def test_a_clip_is_played_halted_and_scrubbed(
    qtbot: QtBot, window: Window, station: Station, detail: AlarmDetail, alarm: Alarm, tap: Tap
) -> None:
    keep_clip(station, alarm)
    detail.refresh()
    qtbot.waitUntil(lambda: len(detail.clips.buttons) == 1)
    assert not detail.clips.words.isVisible()
    check(window, "an alarm with a video")
    tap(detail.clips.buttons[0])
    film = detail.film
    qtbot.waitUntil(lambda: film.shot is not None and film.shot.image is not None and film.shot.at > 0.25)
    assert film.playing and film.place.length == pytest.approx(10.1, abs=0.2)
    check(window, "a film")
    tap(film.button)
    assert not film.playing
    film.place.setValue(500)
    qtbot.waitUntil(lambda: abs(film.shot.at - film.place.length / 2) < 0.11)
    assert not film.playing and film.place.words().startswith("5.0 of ")
    film.play(film.place.length - 0.3)
    qtbot.waitUntil(lambda: not film.playing, timeout=3000)
    qtbot.waitUntil(lambda: film.shot.at > 9.8)
    tap(film.button)  # once more, from the beginning
    qtbot.waitUntil(lambda: film.playing and 0 < film.shot.at < 2)
    detail.refresh()
    window.go("live")
    assert not film.playing, "nobody looks"
    window.go("alarms")
    detail.show_alarm("")
    qtbot.waitUntil(lambda: film.shot is None)


def test_the_clip_comes_from_the_stream_where_one_is_set(
    qtbot: QtBot,
    window: Window,
    station: Station,
    detail: AlarmDetail,
    alarm: Alarm,
    control_plane: str,
    plane: MediaPlane,
    tap: Tap,
) -> None:
    station.save_settings(aws_region=REGION, aws_endpoint=control_plane, video_stream=STREAM)
    stream_of = station.linking.stream_of
    assert stream_of(alarm) == STREAM and stream_of(replace(alarm, source="usb:5")) == ""
    assert stream_of(replace(alarm, source="kvs:hall-2")) == "hall-2", "where it was seen"
    detail.refresh()
    qtbot.waitUntil(detail.clips.fetch.isVisible)
    detail.refresh()
    assert detail.clips.fetch.isVisible(), "news of the same alarm take nothing from under a finger"
    tap(detail.clips.fetch)
    qtbot.waitUntil(lambda: "keeps no video" in detail.clips.said.text(), timeout=10_000)
    check(window, "no video in the stream")
    Produced(plane).gops(20)
    qtbot.waitUntil(detail.clips.fetch.isVisible)
    tap(detail.clips.fetch)
    film = detail.film
    qtbot.waitUntil(lambda: film.isVisible() and film.shot is not None and film.shot.image is not None, timeout=10_000)
    (path,) = station.linking.clips_of(alarm.id)
    assert film.shot is not None and film.shot.path == path
    assert [button.text() for button in detail.clips.buttons] == ["06:00:12, stream"]
    assert any(entry.subject == str(path) for entry in station.store.audit_entries())


def test_a_clip_that_made_room_meanwhile_says_so(
    qtbot: QtBot, station: Station, detail: AlarmDetail, alarm: Alarm
) -> None:
    keep_clip(station, alarm)
    detail.refresh()
    qtbot.waitUntil(lambda: len(detail.clips.buttons) == 1)
    (path,) = station.linking.clips_of(alarm.id)
    path.unlink()
    detail.clips.wanted.emit(path)  # what its button says, which goes as soon as the section looks again
    qtbot.waitUntil(lambda: "made room for newer clips" in detail.film.said.text())
    assert not detail.film.playing
