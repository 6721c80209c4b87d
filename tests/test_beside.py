"""Further cameras beside the first, through a station: one record, each with a state and alarms of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.cameras.base import SourceTraits
from app.domain.errors import LinesightError, SourceError
from app.domain.person import Role
from app.domain.verdict import Verdict
from app.people import NotAllowed
from app.station import Station
from app.status import Phase
from tests.inspection.fakes import FAIL, PASS, FakeSource, picture, wait_for
from tests.inspection.stations import CAMERA, MODEL, Stations, camera, inspecting, rows, write_pictures

SECOND, THIRD = "usb:1", "rtsp://mike:secret@10.0.0.7/stream"
LIVE = SourceTraits(live=True, parts=True, endless=True)


@pytest.fixture
def stations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stations]:
    made = Stations(tmp_path, monkeypatch)
    yield made
    made.close()


def cameras_at(stations: Stations, address: str) -> list[FakeSource]:
    """The cameras that are opened at an address, in turn."""
    made: list[FakeSource] = []

    def make() -> FakeSource:
        made.append(FakeSource(LIVE, address=address.replace("mike:secret@", "")))
        return made[-1]

    stations.sources[address] = make
    return made


def runs(station: Station, name: str, phase: Phase = Phase.INSPECTING) -> None:
    def there() -> bool:
        return [view.line.state().phase for view in station.beside.views() if view.name == name] == [phase]

    wait_for(there, what=f"{name} {phase}")


def seen(station: Station, source: FakeSource, score: float, number: int) -> None:
    source.push(picture(score, noise=number))
    wait_for(lambda: station.session_counts().total == number, what=f"{number} parts on record")


def camera_alarms(station: Station) -> set[str]:
    return {alarm.source for alarm in station.active_alarms() if alarm.kind == "camera" and alarm.cleared_at is None}


def test_each_camera_judges_on_its_own_into_one_record(stations: Stations, tmp_path: Path) -> None:
    first, second, third = camera(), cameras_at(stations, SECOND), cameras_at(stations, THIRD)
    station = inspecting(stations, first)
    station.next_serial.expect("SN-1")
    station.beside.add("Left", SECOND, product="Cover")
    station.beside.add("Right", THIRD)
    runs(station, "Left")
    runs(station, "Right")
    seen(station, second[0], FAIL, 1)
    seen(station, third[0], PASS, 2)
    seen(station, first, PASS, 3)
    left, right = station.beside.views()
    outcomes = (left.line.latest(), right.line.latest(), station.latest())
    assert [one.verdict for one in outcomes if one] == [Verdict.FAIL, Verdict.PASS, Verdict.PASS]
    kept = [(row["source"], row["product"], row["serial"]) for row in rows(tmp_path / "station")]
    assert kept == [
        (SECOND, "Cover", ""), ("rtsp://10.0.0.7/stream", "Demo plate", ""), (CAMERA, "Demo plate", "SN-1"),
    ]  # fmt: skip
    assert (station.counts_today().passed, station.counts_today().failed) == (2, 1)
    (alarm,) = (one for one in station.active_alarms() if one.kind == "defect")
    assert alarm.source == SECOND
    assert "secret" not in "".join(entry.detail for entry in station.store.audit_entries(20))


def test_a_lost_camera_leaves_the_others_alone(stations: Stations) -> None:
    first, second, third = camera(), cameras_at(stations, SECOND), cameras_at(stations, THIRD)
    station = inspecting(stations, first)
    station.beside.add("Left", SECOND)
    station.beside.add("Right", THIRD)
    runs(station, "Left")
    runs(station, "Right")
    second[0].opening = [SourceError("The cable is out.")] * 1000
    third[0].opening = [SourceError("The cable is out.")]
    for source in (second[0], third[0]):
        source.push(SourceError("The cable is out."))
    runs(station, "Left", Phase.WAITING)
    wait_for(lambda: camera_alarms(station) == {SECOND, "rtsp://10.0.0.7/stream"})
    seen(station, first, PASS, 1)
    assert station.state().phase is Phase.INSPECTING and station.health().connected
    third[0].push(picture())
    wait_for(lambda: camera_alarms(station) == {SECOND}, what="only the left one lost")
    station.beside.remove("Left")
    wait_for(lambda: camera_alarms(station) == set(), what="nobody misses what is not watched")
    assert [view.name for view in station.beside.views()] == ["Right"]
    wait_for(lambda: second[0].closed)
    seen(station, first, PASS, 2)


def test_stopped_resumed_and_there_again_after_a_restart(stations: Stations) -> None:
    second = cameras_at(stations, SECOND)
    station = inspecting(stations, camera())
    station.beside.add("Left", SECOND, MODEL)
    runs(station, "Left")
    station.stop()
    runs(station, "Left", Phase.STOPPED)
    wait_for(lambda: second[0].closed)
    station.resume()
    runs(station, "Left")
    assert second[0].opened == 2, "a camera goes on where it was"
    station.resume()  # what runs is left as it is
    station.close()
    assert second[0].opened == 2
    stations.sources[CAMERA] = camera
    again = stations.open()
    assert [view.line.state().phase for view in again.beside.views()] == [Phase.IDLE]
    again.begin()
    runs(again, "Left")
    seen(again, second[-1], PASS, 1)
    again.close()
    again.beside.begin()  # after the end nothing begins
    assert again.beside.views() == ()


def test_what_can_not_be_a_further_camera_is_refused_in_words(stations: Stations) -> None:
    cameras_at(stations, SECOND)
    station = inspecting(stations, camera())
    add: Callable[..., None] = station.beside.add
    with pytest.raises(LinesightError, match="usb:0 is watched already, by the first camera"):
        station.inspect_source(CAMERA, MODEL)
        wait_for(lambda: station.settings.source == CAMERA)
        add("Again", CAMERA)
    add("Left", SECOND)
    with pytest.raises(LinesightError, match="watched already, by Left"):
        add("Other", f" {SECOND} ")
    with pytest.raises(LinesightError, match="two cameras are called 'Left'"):
        add("left", "usb:2")
    with pytest.raises(LinesightError, match="cameras"):
        add("", "usb:2")
    for number in range(2, 8):
        stations.sources[f"usb:{number}"] = lambda: FakeSource(LIVE)
        add(f"C{number}", f"usb:{number}")
    with pytest.raises(LinesightError, match="at most 7"):
        add("C8", "usb:8")
    station.people.add("Erik", Role.ENGINEER, pin="2580")
    with pytest.raises(NotAllowed):
        station.beside.remove("Left")
    assert len(station.beside.views()) == 7


def test_pictures_of_a_folder_beside_are_inspected_once(stations: Stations, tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    write_pictures(folder, PASS, FAIL)
    station = inspecting(stations, camera())
    station.beside.add("Folder", f"folder:{folder}")
    wait_for(lambda: station.session_counts().total == 2)
    station.stop()
    runs(station, "Folder", Phase.STOPPED)
    write_pictures(tmp_path / "other", PASS)[0].rename(folder / "part-3.png")
    station.resume()
    wait_for(lambda: station.session_counts().total >= 3)
    assert [Path(row["part_id"]).stem for row in rows(tmp_path / "station")] == ["part-1", "part-2", "part-3"]
