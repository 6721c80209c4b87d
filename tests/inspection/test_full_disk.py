"""A full disk, seen from the station: pictures go first, rows go on, and what is not on record is no PASS."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.verdict import Verdict
from app.inspection import recorder
from app.station import Station
from app.status import Phase
from tests.inspection.fakes import FAIL, PASS, FakeSource, picture, wait_for
from tests.inspection.stations import Stations, reaches, rows
from tests.store.samples import integrity

ROOT = Path(__file__).resolve().parents[2]
DISK = 40 << 20


def mount(folder: Path, options: str) -> None:
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("this user may not mount a small file system")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    mount(folder, f"size={DISK}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Takes all room there is, like another program's file would."""
    filler = folder / "filler"
    with filler.open("ab", buffering=0) as file:
        try:
            while True:
                file.write(b"\xaa" * 4096)
        except OSError as error:
            assert error.errno == errno.ENOSPC
    return filler


class Line:
    """A station with one camera, and the parts the test sends along."""

    def __init__(self, stations: Stations) -> None:
        self.source = FakeSource(address="usb:0")
        stations.sources["usb:0"] = lambda: self.source
        self.station: Station = stations.open("data")
        self.station.inspect_source("usb:0", "plate@1")
        reaches(self.station, Phase.INSPECTING)
        self.parts = 0

    def part(self, score: float) -> Verdict:
        """What the line answers to one part."""
        self.parts += 1
        self.source.push(picture(score, noise=self.parts))
        wait_for(lambda: self.station.health().inspected == self.parts)
        wait_for(lambda: (latest := self.station.latest()) and latest.frame is self.source.given[-1])
        latest = self.station.latest()
        assert latest is not None
        return latest.verdict


def test_on_a_full_disk_pictures_go_first_and_what_is_not_on_record_is_an_error(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "_RESTORE_EVERY", 0.0)
    stations = Stations(small_disk, monkeypatch)
    try:
        line = Line(stations)
        station = line.station
        assert line.part(PASS) is Verdict.PASS
        assert station.health().pictures_lost == 0

        filler = fill(small_disk)
        # No room for pictures: given up, counted, shown, and an alarm; the rows live on the reserve.
        for lost in range(1, 6):
            assert line.part(FAIL if lost % 2 else PASS) is (Verdict.FAIL if lost % 2 else Verdict.PASS)
            assert station.health().pictures_lost == lost
        assert "could not be kept" in station.health().disk_words
        newest = station.recent(1)[0]
        assert (newest.image_path, newest.image_sha256) == ("", "")
        alarm = next(alarm for alarm in station.active_alarms() if alarm.kind == "disk")
        assert alarm.count == 5 and "could not be kept" in alarm.detail

        # Somebody takes the reserve's room too: a part that can't be put on record is an ERROR.
        answers = []
        for _ in range(60):
            fill(small_disk)
            answers.append(line.part(PASS))
            if len(answers) > 3 and answers[-3:] == [Verdict.ERROR] * 3:
                break
        assert answers[-3:] == [Verdict.ERROR] * 3
        refused = answers.count(Verdict.ERROR)
        assert station.unrecorded() == refused
        assert station.counts_today().total == line.parts - refused
        latest = station.latest()
        assert latest is not None and "Not on record" in latest.error and "Free space" in latest.error
        assert any(alarm.title == "Not on record" for alarm in station.active_alarms())
        assert "no room" in station.health().disk_words
        assert not list(small_disk.rglob("*.part"))

        # Room again: the same line goes on, with pictures.
        filler.unlink()
        assert line.part(PASS) is Verdict.PASS
        assert line.part(FAIL) is Verdict.FAIL
        kept = station.recent(1)[0]
        assert kept.image_path and station.picture(kept.image_path) is not None
        assert station.health().disk_words == ""
        assert station.store.reserve_ok
        on_record = line.parts - refused
    finally:
        stations.close()
    assert len(rows(small_disk / "data")) == on_record
    assert integrity(small_disk / "data") == "ok"


_LIMITED = """
import json, resource, sys
from pathlib import Path
import pytest
from app.inspection import recorder
from app.domain.verdict import Verdict
from tests.inspection.fakes import PASS, FAIL
from tests.inspection.stations import Stations
from tests.inspection.test_full_disk import Line

recorder._RESTORE_EVERY = 0.0
patch = pytest.MonkeyPatch()
stations = Stations(Path(sys.argv[1]), patch)
line = Line(stations)
answer = {"before": line.part(FAIL)}
size = max(path.stat().st_size for path in line.station.data.root.glob("linesight.db*"))
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))  # less than a picture, and less than the record
answer["full"] = [line.part(score) for score in (PASS, FAIL, PASS)]
answer["lost"] = line.station.health().pictures_lost
answer["unrecorded"] = line.station.unrecorded()
answer["words"] = line.station.latest().error
resource.setrlimit(resource.RLIMIT_FSIZE, (size + (64 << 10), hard))
answer["tight"] = [line.part(FAIL) for _ in range(3)]
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, hard))
answer["after"] = [line.part(score) for score in (PASS, FAIL)]
answer["picture"] = bool(line.station.recent(1)[0].image_path)
answer["reserve"] = line.station.store.reserve_ok
answer["recorded"] = line.station.session_counts().total
stations.close()
patch.undo()
print(json.dumps(answer))
"""


@pytest.mark.skipif(os.name != "posix", reason="there is no limit on the size of files")
def test_where_files_may_not_grow_the_answer_is_error_until_they_may(tmp_path: Path) -> None:
    """Runs for every user; a quota behaves so."""
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["before"] == "FAIL"
    assert answer["full"] == ["ERROR"] * 3
    assert answer["unrecorded"] == answer["lost"] == 3
    assert "Not on record" in answer["words"] and "Free space" in answer["words"]
    assert answer["tight"] == ["FAIL"] * 3
    assert answer["after"] == ["PASS", "FAIL"]
    assert answer["picture"] and answer["reserve"]
    kept = rows(tmp_path / "data")
    assert len(kept) == answer["recorded"] == 6
    assert integrity(tmp_path / "data") == "ok"
