"""A whole station linked to AWS: it sends what it inspects, inspects what another sends, and keeps clips of defects."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import av
import pytest

from app.cameras import make_source
from app.cli import entry
from app.cloud.session import CloudError, CloudSession
from app.cloud.video import alarmclips
from app.cloud.video.clips import ClipRing
from app.cloud.video.sender import Sending
from app.domain.errors import SourceError
from app.domain.frame import Frame
from app.domain.person import Role
from app.lifecycle import ModelShelf
from app.people.desk import NotAllowed
from app.station import Station
from app.status import Phase
from tests.cloud.conftest import REGION, START, STREAM, until
from tests.cloud.media_plane import MediaPlane
from tests.cloud.signature import KEY, SECRET
from tests.cloud.test_clips import filled
from tests.cloud.test_sender import Sent
from tests.cloud.test_watcher import Produced
from tests.inspection.fakes import FAIL, PASS, FakeDetector, FakeSource, picture
from tests.inspection.stations import CAMERA, MODEL, WAITING_PARTS, Stations, camera, inspecting, reaches, shows


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


@pytest.fixture
def stations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stations]:
    stations = Stations(tmp_path, monkeypatch)
    yield stations
    stations.close()


def linked(stations: Stations, control_plane: str, source: FakeSource) -> Station:
    station = inspecting(stations, source)
    station.save_settings(aws_region=REGION, aws_endpoint=control_plane, video_stream=STREAM, station="Bench 4")
    until(lambda: station.linking.sending())
    return station


def test_what_is_inspected_is_sent_until_the_settings_say_no_more(
    stations: Stations, control_plane: str, plane: MediaPlane
) -> None:
    source = camera(WAITING_PARTS)
    station = linked(stations, control_plane, source)
    for number in range(3):
        source.push(
            Frame(
                picture(PASS, noise=number),
                CAMERA,
                part_id=f"P-{number}",
                captured_at=START + number * timedelta(seconds=1),
            )
        )
        shows(station, number + 1)
        until(lambda number=number: station.linking.sending().sent_frames == number + 1)
    station.save_settings(video_stream="")
    until(lambda: station.linking.sending() is None and len(plane.stored) == 3)
    assert plane.timecodes() == [
        round((START + number * timedelta(seconds=1)).timestamp() * 1000) for number in range(3)
    ]
    assert [one.tags for one in plane.stored] == [
        {"LINESIGHT_STATION": "Bench 4", "LINESIGHT_PART": f"P-{number}"} for number in range(3)
    ]
    assert plane.violations == []
    source.push(picture(PASS))
    shows(station, 4)
    assert len(plane.stored) == 3


def test_closing_the_station_sends_what_waits(stations: Stations, control_plane: str, plane: MediaPlane) -> None:
    source = camera(WAITING_PARTS)
    station = linked(stations, control_plane, source)
    source.push(picture(PASS))
    shows(station, 1)
    until(lambda: station.linking.sending().waiting.fragments or station.linking.sending().persisted)
    assert station.linking.sending().doing is not Sending.OFF
    station.close()
    assert len(plane.stored) == 1


def test_a_stream_is_inspected_like_a_camera(
    stations: Stations, control_plane: str, plane: MediaPlane, session: CloudSession
) -> None:
    station = stations.open()
    station.save_settings(aws_region=REGION, aws_endpoint=control_plane)
    station.inspect_source(f"kvs:{STREAM}", MODEL)
    sent = Sent(session)
    sent.sender.start()
    try:
        until(lambda: plane._getting)
        sent.gops(1)
        reaches(station, Phase.INSPECTING)
        until(lambda: station.latest() is not None)
    finally:
        sent.sender.stop(5)
    outcome = station.latest()
    assert outcome is not None and outcome.frame.source == f"kvs:{STREAM}"
    assert round(outcome.frame.captured_at.timestamp() * 1000) in sent.camera.taken
    (watched,) = station.linking.watching().items()
    assert watched[0] == f"kvs:{STREAM}" and watched[1].producer_at is not None
    station.stop()
    until(lambda: station.linking.watching() == {})
    (first, *_) = station.recent()
    assert round(first.captured_at.timestamp() * 1000) in sent.camera.taken, "the record has the producer's time"


def test_a_defects_clip_is_found_by_its_alarm(stations: Stations, monkeypatch: pytest.MonkeyPatch) -> None:
    source = camera(WAITING_PARTS)
    station = inspecting(stations, source)
    station.save_settings(video_clips=True)
    until(lambda: station.linking._ring)
    source.push(picture(PASS), picture(FAIL))
    shows(station, 2)
    (alarm,) = station.active_alarms()
    assert station.linking.clips_of(alarm.id) == []
    ring = station.linking._ring
    assert ring is not None
    until(lambda: ring.frames(START, START + timedelta(days=9999)))
    ring.close()  # nothing follows
    (clip,) = until(lambda: station.linking.clips_of(alarm.id))
    with av.open(str(clip)) as container:
        assert 1 <= len(list(container.decode(video=0))) <= 2
    assert station.linking.clips_of("../images") == []


def test_a_clip_from_the_cloud_lies_with_its_alarm(stations: Stations, control_plane: str, plane: MediaPlane) -> None:
    Produced(plane).gops(20)
    station = stations.open()
    station.save_settings(aws_region=REGION, aws_endpoint=control_plane)
    alarm, moment = "cd" * 16, START + timedelta(seconds=12)
    path = station.linking.clip_from_stream(STREAM, moment, alarm_id=alarm).result(20)
    assert station.linking.clips_of(alarm) == [path]
    assert path.name == "20260301T060012000Z-line-1.mp4"
    other = station.linking.clip_from_stream(STREAM, moment).result(20)
    assert other.is_relative_to(station.data.clips) and other.stat().st_size > 1000
    with pytest.raises(CloudError, match="keeps no video"):
        station.linking.clip_from_stream(STREAM, moment - timedelta(days=3)).result(20)


def test_a_repeating_alarm_keeps_its_first_clips(tmp_path: Path) -> None:
    ring, alarm, written = filled(20), "ab" * 16, threading.Semaphore(0)
    ring.close()
    clips = alarmclips.AlarmClips(tmp_path / "clips", written=lambda alarm, clip: written.release())
    asked = [clips.ask(alarm, START + timedelta(seconds=5 + number), ring) for number in range(12)]
    assert asked == [number in (0, 10) for number in range(12)], "one for the same ten seconds"
    clips.close()
    assert [path.name for path in clips.of(alarm)] == ["20260301T060005000Z.mp4", "20260301T060015000Z.mp4"]
    assert sum(clips.ask(alarm, START + timedelta(hours=hour), ring) for hour in range(1, 50)) == 3
    clips.close()


def test_the_oldest_clips_make_room(tmp_path: Path) -> None:
    ring = filled(20)
    ring.close()
    clips = alarmclips.AlarmClips(tmp_path / "clips", most_bytes=1)
    for number in range(3):
        clips.ask(f"{number:032x}", START + timedelta(seconds=10), ring)
        clips.close()
    assert [len(clips.of(f"{number:032x}")) for number in range(3)] == [0, 0, 1]
    assert len(list((tmp_path / "clips").iterdir())) == 1


def test_a_clip_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    ring = ClipRing()
    ring.close()
    clips = alarmclips.AlarmClips(tmp_path / "clips")
    clips.ask("ab" * 16, START, ring)
    clips.close()
    assert "no video of 2026-03-01" in clips.trouble


def test_changing_streams_needs_the_right_and_is_noted(
    stations: Stations, control_plane: str, plane: MediaPlane
) -> None:
    station = stations.open()
    station.save_settings(aws_region=REGION, aws_endpoint=control_plane)
    assert station.linking.make_stream("press-7", 12).result(20).retention_hours == 12
    assert "press-7" in station.linking.find_streams().result(20)
    assert any(entry.subject == "stream press-7" for entry in station.store.audit_entries())
    station.people.add("Anna", Role.ENGINEER, pin="1234567")
    station.people.sign_out()
    with pytest.raises(NotAllowed):
        station.linking.make_stream("press-8")
    with pytest.raises(NotAllowed):
        station.linking.clip_from_stream("press-8", START)


def test_a_stream_needs_a_station() -> None:
    with pytest.raises(SourceError, match="AWS link"):
        make_source(f"kvs:{STREAM}")


def _no_window(*_: object, **__: object) -> int:
    raise AssertionError("no window was asked for")


def test_the_command_line_watches_a_stream(
    plane: MediaPlane,
    control_plane: str,
    session: CloudSession,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(ModelShelf, "load", lambda self, text: FakeDetector())
    data = tmp_path / "data"
    data.mkdir()
    (data / "settings.toml").write_text(f'aws_region = "{REGION}"\naws_endpoint = "{control_plane}"\n')
    sent, over = Sent(session), threading.Event()

    def produce() -> None:
        sent.sender.start()
        while not over.wait(0.03):
            sent.gops(1)
        sent.sender.stop(2)

    producer = threading.Thread(target=produce)
    producer.start()
    try:
        arguments = ["run", "--headless", "--source", f"kvs:{STREAM}", "--model", MODEL]
        code = entry.main([*arguments, "--seconds", "1.5", "--data-dir", str(data), "--json"], _no_window)
    finally:
        over.set()
        producer.join(10)
    told = json.loads(capsys.readouterr().out)
    assert code == 0
    assert told["source"] == f"kvs:{STREAM}" and told["captured"] > 0 and told["inspected"] > 0
