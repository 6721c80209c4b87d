"""`main.py run --headless` as a process: its end, its answer, and what is left after a kill -9."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest

from app.domain.frame import Image
from app.pictures import encode_png
from tests.inspection.stations import age, rows
from tests.inspection.test_full_disk import mount
from tests.store.samples import integrity, open_store

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: object, data: Path, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """`main.py run --headless` to its end."""
    command = [sys.executable, "main.py", "run", "--headless", "--json", "--data-dir", str(data)]
    return subprocess.run(
        [*command, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False
    )


def folder_of_parts(folder: Path, parts: list[Image]) -> Path:
    """Smaller copies of drawn parts that have lain there for an hour."""
    folder.mkdir()
    for number, part in enumerate(parts):
        (folder / f"part-{number}.png").write_bytes(encode_png(part[::2, ::2].copy()))
    return folder


@pytest.mark.slow
def test_a_folder_is_inspected_and_bad_pictures_make_the_exit_code(
    tmp_path: Path, demo_model: Path, demo_parts: list[Image]
) -> None:
    good, bad = folder_of_parts(tmp_path / "good", demo_parts[:4]), folder_of_parts(tmp_path / "bad", demo_parts[:4])
    (bad / "empty.jpg").write_bytes(b"")
    (bad / "cut.png").write_bytes((bad / "part-0.png").read_bytes()[:900])
    done: dict[Path, subprocess.CompletedProcess[str]] = {}

    def inspect(folder: Path) -> None:
        for path in folder.iterdir():
            age(path)
        source = ("--source", f"folder:{folder}", "--model", demo_model, "--seconds", 2.5)
        done[folder] = run(*source, data=tmp_path / f"data-{folder.name}")

    both = [threading.Thread(target=inspect, args=[folder]) for folder in (good, bad)]
    for one in both:
        one.start()
    for one in both:
        one.join()

    assert done[good].returncode == 0, done[good].stderr
    answer = json.loads(done[good].stdout)
    assert answer["inspected"] == answer["recorded"] == answer["captured"] == 4
    assert answer["bad_pictures"] == [] and answer["dropped"] == 0
    assert answer["pass"] + answer["fail"] + answer["retest"] == 4

    assert done[bad].returncode == 1, done[bad].stderr
    answer = json.loads(done[bad].stdout)
    assert answer["recorded"] == 4
    words = {Path(one["path"]).name: one["error"] for one in answer["bad_pictures"]}
    assert words.keys() == {"empty.jpg", "cut.png"}
    assert "0 bytes" in words["empty.jpg"] and "truncated" in words["cut.png"]
    assert {row["part_id"] for row in rows(tmp_path / "data-bad")} == {f"part-{number}" for number in range(4)}


def test_a_video_that_is_not_there_ends_at_once(tmp_path: Path, demo_model: Path) -> None:
    began = time.monotonic()
    done = run("--source", f"video:{tmp_path}/missing.mp4", "--model", demo_model, data=tmp_path / "data")
    assert done.returncode == 1
    assert time.monotonic() - began < 15
    assert "missing.mp4 does not exist" in json.loads(done.stdout)["error"]


@pytest.mark.parametrize("way", ["file", "read-only"])
def test_without_write_access_the_folder_and_the_way_out_are_named(tmp_path: Path, way: str) -> None:
    place = tmp_path / "place"
    if way == "file":
        place.write_text("in the way")
        data = place / "data"
    else:
        mount(place, "size=1m,ro")
        data = place
    try:
        done = run("--source", "demo", data=data)
    finally:
        if way == "read-only":
            subprocess.run(["umount", "-l", str(place)], check=True)
    assert done.returncode == 1
    words = json.loads(done.stdout)["error"]
    assert str(data) in words and "can't be written" in words
    assert "--data-dir" in words and "write access" in words
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_after_a_kill_every_row_is_whole_and_the_report_counts_them(tmp_path: Path, demo_model: Path) -> None:
    """Two stations side by side; one is killed in the middle of its work, the other ends in order."""
    places = [tmp_path / "killed", tmp_path / "ended"]
    command = [sys.executable, "main.py", "run", "--headless", "--source", "demo", "--model", str(demo_model)]
    stations = [
        subprocess.Popen(
            [*command, "--data-dir", str(place)],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for place in places
    ]
    said: list[list[str]] = [[], []]
    enough = [threading.Event(), threading.Event()]

    def listen(number: int) -> None:
        stream = stations[number].stderr
        assert stream is not None
        for line in stream:
            if line.split(" ")[0] in ("PASS", "FAIL", "RETEST", "ERROR"):
                said[number].append(line.split()[1])
            if len(said[number]) >= 2:
                enough[number].set()

    listeners = [threading.Thread(target=listen, args=[number]) for number in range(2)]
    for listener in listeners:
        listener.start()
    try:
        assert all(event.wait(50) for event in enough), said
    finally:
        stations[0].send_signal(signal.SIGKILL)
        stations[1].send_signal(signal.SIGTERM)
        codes = [station.wait(20) for station in stations]
        for listener in listeners:
            listener.join(10)
        for station in stations:
            assert station.stderr is not None
            station.stderr.close()
    assert codes == [-signal.SIGKILL, 0]

    kept_of = {}
    for place, answered in zip(places, said, strict=True):
        assert integrity(place) == "ok"
        with open_store(place) as store:
            kept = store.recent(1000)
            for row in kept:
                data = store.image_file(row.image_path).read_bytes()
                assert hashlib.sha256(data).hexdigest() == row.image_sha256
        assert {row.part_id for row in kept} >= set(answered), "what was said is on record"
        kept_of[place] = kept
    kept = kept_of[places[0]]
    # A day's margin: midnight may pass while this runs.
    first = min(row.captured_at for row in kept).date() - timedelta(days=1)
    last = max(row.captured_at for row in kept).date() + timedelta(days=1)
    report = [sys.executable, "main.py", "report", "--json", "--data-dir", str(places[0])]
    done = subprocess.run(
        [*report, "--from", str(first), "--to", str(last), "--out", str(tmp_path / "killed.xlsx")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["inspections"] == len(kept)
    assert [answer[name] for name in ("pass", "fail", "retest", "error")] == [
        sum(row.verdict == name.upper() for row in kept) for name in ("pass", "fail", "retest", "error")
    ]
