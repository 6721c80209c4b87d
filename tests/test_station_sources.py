"""The station: what it says and does when cameras and pictures do what they do."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import logs
from app.domain.alarm import AlarmState
from app.domain.counts import Counts
from app.domain.errors import SourceError
from app.inspection import capture
from app.inspection.pipeline import Pipeline
from app.paths import DataFolder
from app.pictures import encode_png
from app.station import Station
from app.status import Phase
from tests.inspection.fakes import (
    FAIL,
    PASS,
    FakeDetector,
    FakeSource,
    picture,
    wait_for,
)
from tests.inspection.stations import (
    CAMERA,
    MODEL,
    Stations,
    age,
    camera,
    inspecting,
    reaches,
    rows,
    shows,
    write_pictures,
)


@pytest.fixture
def stations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stations]:
    monkeypatch.setattr(capture, "BACKOFF", (0.01,))
    stations = Stations(tmp_path, monkeypatch)
    yield stations
    stations.close()


# -- the camera


def test_a_camera_missing_at_the_start_is_waited_for_and_said(stations: Stations) -> None:
    source = camera()
    source.opening = [SourceError("usb:0 can't be opened. No camera is plugged in: check its plug.")] * 5
    stations.sources[CAMERA] = lambda: source
    station = stations.open()
    words: list[tuple[Phase, str]] = []
    station.subscribe(lambda change: words.append((station.state().phase, station.state().words)))
    source.push(picture())
    station.inspect_source(CAMERA, MODEL)
    reaches(station, Phase.INSPECTING)
    assert (Phase.WAITING, "usb:0 can't be opened. No camera is plugged in: check its plug.") in words
    assert station.state().words == "Inspecting"
    (alarm,) = station.active_alarms()
    assert (alarm.kind, alarm.source, alarm.count) == ("camera", CAMERA, 1), "five tries are one outage"
    assert "check its plug" in alarm.detail
    assert station.health().connected and station.health().reconnects == 1


def test_each_outage_is_one_alarm_until_it_is_seen(stations: Stations) -> None:
    source = camera()
    station = inspecting(stations, source)
    for outage in (1, 2):
        source.opening = [SourceError("usb:0 can't be opened.")] * 4
        source.push(SourceError("usb:0 looks unplugged."), picture())
        shows(station, outage)
        assert [(one.count, one.state) for one in station.active_alarms()] == [(outage, AlarmState.CLEARED)]
        assert station.health().reconnects == outage
    (first,) = station.active_alarms()
    station.acknowledge(first.id)
    wait_for(lambda: not station.active_alarms())
    source.push(SourceError("usb:0 looks unplugged."), picture())
    shows(station, 3)
    (second,) = station.active_alarms()
    assert second.id != first.id and second.count == 1
    assert [alarm.acknowledged_by for alarm in station.alarm_history() if alarm.id == first.id] == ["operator"]


def test_while_the_camera_is_away_the_state_says_what_to_do(stations: Stations) -> None:
    source = camera()
    station = inspecting(stations, source)
    source.opening = [SourceError("usb:0 can't be opened. Check its plug.")] * 100_000
    source.push(SourceError("usb:0 looks unplugged."))
    reaches(station, Phase.WAITING)
    wait_for(lambda: station.state().words == "usb:0 can't be opened. Check its plug.")
    assert not station.health().connected
    source.opening = []
    source.push(picture())
    reaches(station, Phase.INSPECTING)


def test_a_driver_that_hangs_does_not_hold_up_the_close(stations: Stations) -> None:
    class Hanging(FakeSource):
        def stop(self) -> None:
            """Does not help."""

    source = Hanging(address=CAMERA)
    station = inspecting(stations, source)
    source.push(picture(FAIL))
    shows(station, 1)
    began = time.monotonic()
    station.close()
    assert time.monotonic() - began < 5
    source.push(None)
    assert len(rows(station.data.root)) == 1


def test_a_line_that_was_ended_speaks_no_more(stations: Stations, monkeypatch: pytest.MonkeyPatch) -> None:
    class Hanging(FakeSource):
        def stop(self) -> None:
            """Does not help."""

    monkeypatch.setattr("app.inspection.pipeline._DRIVER_PATIENCE", 0.1)
    source = Hanging(address=CAMERA)
    station = inspecting(stations, source)
    station.stop()
    reaches(station, Phase.STOPPED)
    source.push(SourceError("usb:0 looks unplugged."))
    wait_for(lambda: source.closed)
    assert station.state().phase is Phase.STOPPED
    assert station.active_alarms() == []


def test_a_late_answer_of_an_ended_line_is_recorded_and_not_shown(
    stations: Stations, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = Pipeline.stop
    monkeypatch.setattr(Pipeline, "stop", lambda line, timeout=10.0: stop(line, min(timeout, 0.2)))
    stuck, source = FakeDetector(), camera()
    stuck.gate.clear()
    stations.detector = stuck
    station = inspecting(stations, source)
    source.push(picture(FAIL))
    wait_for(lambda: stuck.begun)
    other = FakeSource(address="usb:1")
    stations.sources["usb:1"], stations.detector = lambda: other, FakeDetector()
    station.inspect_source("usb:1", MODEL)
    wait_for(lambda: station.state().source == "usb:1" and station.state().phase is Phase.INSPECTING)
    other.push(picture(PASS))
    shows(station, 1)
    stuck.gate.set()
    shows(station, 2)
    latest = station.latest()
    assert latest is not None and latest.frame.source == "usb:1"
    assert station.counts_today() == Counts(passed=1, failed=1)


def test_a_wrong_rtsp_address_is_said_without_its_password(
    stations: Stations, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]  # nobody listens there
        root = logging.getLogger()
        handlers, level = root.handlers[:], root.level
        station = stations.open()
        logs.configure(station.data.logs)
        try:
            source = f"rtsp://operator:s3cret-word@127.0.0.1:{port}/cam"
            station.inspect_source(source, MODEL, remember=False)
            reaches(station, Phase.WAITING)
            state = station.state()
            assert state.source == f"rtsp://127.0.0.1:{port}/cam"
            assert "refuses the connection" in state.words and "Check the port" in state.words
            wait_for(station.active_alarms)
            test_picture = station.check_source(source)
            with pytest.raises(SourceError, match="refuses the connection"):
                test_picture.result(10)
            everything = [repr(state), repr(station.health()), repr(station.active_alarms()), test_picture.name]
            station.close()
        finally:
            logs.configure(None)
            root.handlers[:] = handlers
            root.setLevel(level)
    files = [path for path in station.data.root.rglob("*") if path.is_file()]
    assert any(path.suffix == ".log" and path.stat().st_size for path in files)
    everything += [path.read_bytes().decode("latin-1") for path in files if path.name != "reserve.bin"]
    assert not [text for text in everything if "s3cret-word" in text or "operator:" in text]


def test_an_address_that_is_none_is_a_fault_with_words(stations: Stations) -> None:
    station = stations.open()
    station.inspect_source("http://operator:s3cret-word@camera/", MODEL)
    reaches(station, Phase.FAULT)
    assert "not a source" in station.state().words and "usb:N" in station.state().words
    assert "s3cret-word" not in repr(station.state())


def test_without_a_model_the_way_out_is_said(stations: Stations, tmp_path: Path) -> None:
    station = Station(DataFolder(tmp_path / "bare"))
    try:
        station.inspect_source(CAMERA)
        reaches(station, Phase.FAULT)
        assert "Train one on pictures of good parts" in station.state().words
        station.inspect_source(CAMERA, "nothing@3")
        wait_for(lambda: "no model nothing@3" in station.state().words)
        assert station.state().model is None
    finally:
        station.close()


# -- pictures


def test_unreadable_pictures_are_named_and_the_rest_is_inspected(stations: Stations, tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    good = write_pictures(folder, PASS, FAIL, PASS)
    (folder / "a-empty.png").write_bytes(b"")
    (folder / "part-2b.png").write_bytes(good[0].read_bytes()[:300])
    (folder / "z.jpg").write_bytes(b"this is text")
    for path in folder.iterdir():
        age(path)
    station = stations.open()
    station.inspect_source(f"folder:{folder}", MODEL)
    wait_for(lambda: len(station.bad_pictures()) == 3)
    shows(station, 3)
    assert {path.name for path, _ in station.bad_pictures() if path} == {"a-empty.png", "part-2b.png", "z.jpg"}
    assert station.session_counts() == Counts(passed=2, failed=1)
    assert [row.part_id for row in station.recent()] == ["part-3", "part-2", "part-1"]
    alarm = next(alarm for alarm in station.active_alarms() if alarm.title == "Picture can't be read")
    assert alarm.count == 3 and "z.jpg" in alarm.detail
    assert station.state().phase is Phase.INSPECTING


def test_a_half_written_picture_is_inspected_once_when_it_is_whole(stations: Stations, tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    write_pictures(folder, PASS)
    station = stations.open()
    station.inspect_source(f"folder:{folder}", MODEL)
    shows(station, 1)
    data = encode_png(picture(FAIL, noise=9))
    with (folder / "late.png").open("wb") as file:
        file.write(data[: len(data) // 2])
        file.flush()
        (folder / "whole.png").write_bytes(encode_png(picture(PASS, noise=5)))
        shows(station, 2)  # the others go ahead
        assert station.recent(1)[0].part_id == "whole"
        file.write(data[len(data) // 2 :])
    shows(station, 3)
    (folder / "last.png").write_bytes(encode_png(picture(PASS, noise=6)))
    shows(station, 4)
    assert sorted(row.part_id for row in station.recent()) == ["last", "late", "part-1", "whole"]
    assert station.bad_pictures() == []


def test_stopped_and_resumed_a_folder_goes_on_where_it_was(stations: Stations, tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    write_pictures(folder, *[PASS] * 12)
    stations.detector = FakeDetector(0.02)
    station = stations.open()
    station.inspect_source(f"folder:{folder}", MODEL)
    for number in (2, 5):
        wait_for(lambda number=number: station.session_counts().total >= number)
        station.stop()
        reaches(station, Phase.STOPPED)
        station.resume()
    shows(station, 12)
    assert sorted(row["part_id"] for row in rows(station.data.root)) == sorted(f"part-{n}" for n in range(1, 13))


def test_a_folder_goes_on_after_a_restart_with_what_is_new(stations: Stations, tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    pictures = write_pictures(folder, PASS, FAIL, PASS)
    for path in folder.iterdir():
        age(path)
    station = stations.open()
    station.inspect_source(f"folder:{folder}", MODEL)
    wait_for(lambda: station.session_counts().total == 3)
    stations.close()

    (folder / "part-9.png").write_bytes(encode_png(picture(PASS)))  # came while the station was off
    pictures[1].write_bytes(encode_png(picture(PASS)))  # was taken anew
    again = stations.open()
    again.begin()
    wait_for(lambda: again.session_counts().total == 2)
    assert [one.part_id for one in again.recent(2)].count("part-9") == 1
    assert pictures[1].stem in {one.part_id for one in again.recent(2)}
    again.inspect_source(f"folder:{folder}", MODEL)  # asked for anew: all of it
    wait_for(lambda: again.session_counts().total == 6)
