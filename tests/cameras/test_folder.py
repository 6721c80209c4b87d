"""Folders of pictures: those that are there, those that come, and those that are not whole yet."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.cameras.folder import FolderSource
from app.domain.errors import PictureError, SourceError
from app.domain.frame import Frame

OLD = 1_600_000_000


class GrowingClock:
    """A clock a second later at each look, during which a file grew.

    Bytes behind a PNG's end do no harm: only its size tells that it is being written.
    """

    def __init__(self, path: Path, times: int) -> None:
        self.grown = 0
        self._path = path
        self._times = times
        self._now = 1000.0

    def __call__(self) -> float:
        self._now += 1
        if self.grown < self._times:
            self.grown += 1
            with self._path.open("ab") as file:
                file.write(bytes(100))
        return self._now


class Reader:
    """Reads a source in a thread and keeps what comes."""

    def __init__(self, source: FolderSource) -> None:
        self._source = source
        self._came = threading.Condition()
        self.names: list[str] = []
        self.errors: list[str] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                frame = self._source.read()
            except PictureError as error:
                with self._came:
                    self.errors.append(str(error))
                    self._came.notify_all()
                continue
            if frame is None:
                return
            with self._came:
                self.names.append(str(frame.path_in_folder))
                self._came.notify_all()

    def wait_for(self, condition: Callable[[Reader], bool]) -> bool:
        with self._came:
            return self._came.wait_for(lambda: condition(self), 5)

    def end(self) -> None:
        self._source.stop()
        self._thread.join()
        self._source.close()


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    folder = tmp_path / "parts"
    folder.mkdir()
    return folder


@pytest.fixture
def watch(parts: Path) -> Iterator[Callable[..., Reader]]:
    """Opens and reads the folder until the test ends."""
    readers: list[Reader] = []

    def start(**options: Any) -> Reader:
        source = FolderSource(parts, poll=0.02, **options)
        source.open()
        readers.append(Reader(source))
        return readers[-1]

    yield start
    for reader in readers:
        reader.end()


def read_all(folder: Path, **options: Any) -> list[Frame]:
    source = FolderSource(folder, watch=False, poll=0.02, **options)
    source.open()
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    source.close()
    return frames


def aged(path: Path) -> Path:
    os.utime(path, (OLD, OLD))
    return path


def test_pictures_come_in_natural_order_with_their_names(kit: Any, parts: Path) -> None:
    for name in ("part-10.png", "part-2.png", "tray b/1.PNG", "part-1.png"):
        aged(kit.picture(parts / name))
    (parts / "notes.txt").write_text("no picture")
    kit.picture(parts / ".hidden.png")
    frames = read_all(parts)
    assert [frame.path_in_folder for frame in frames] == ["part-1.png", "part-2.png", "part-10.png", "tray b/1.PNG"]
    assert [frame.part_id for frame in frames] == ["part-1", "part-2", "part-10", "tray b/1"]
    assert frames[0].path == parts / "part-1.png"


def test_new_pictures_are_seen_as_they_come(kit: Any, parts: Path, watch: Callable[..., Reader]) -> None:
    kit.picture(parts / "first.png")
    reader = watch()
    assert reader.wait_for(lambda r: r.names == ["first.png"])
    kit.picture(parts / "later" / "second.png")
    assert reader.wait_for(lambda r: r.names == ["first.png", "later/second.png"])


def test_an_empty_folder_is_waited_at(kit: Any, parts: Path, watch: Callable[..., Reader]) -> None:
    reader = watch()
    kit.picture(parts / "first.png")
    assert reader.wait_for(lambda r: r.names == ["first.png"])


def test_a_half_written_file_is_waited_for_and_nobody_waits_with_it(
    kit: Any, parts: Path, watch: Callable[..., Reader]
) -> None:
    data = kit.png()
    half = parts / "a-half.png"
    half.write_bytes(data[: len(data) // 2])
    kit.picture(parts / "b-whole.png")
    reader = watch()
    assert reader.wait_for(lambda r: r.names == ["b-whole.png"])
    with half.open("ab") as file:
        file.write(data[len(data) // 2 :])
    assert reader.wait_for(lambda r: r.names == ["b-whole.png", "a-half.png"])
    assert reader.errors == []


def test_a_file_that_is_made_before_it_is_filled_is_waited_for(
    kit: Any, parts: Path, watch: Callable[..., Reader]
) -> None:
    (parts / "part.png").touch()
    reader = watch()
    (parts / "part.png").write_bytes(kit.png())
    assert reader.wait_for(lambda r: r.names == ["part.png"])
    assert reader.errors == []


def test_a_file_that_keeps_growing_is_not_touched_until_it_rests(kit: Any, parts: Path) -> None:
    path = kit.picture(parts / "growing.png")
    clock = GrowingClock(path, times=5)
    source = FolderSource(parts, watch=False, poll=0.02, clock=clock, wall_clock=lambda: path.stat().st_mtime)
    source.open()
    assert source.read() is not None
    assert clock.grown == 5
    source.close()


def test_a_file_that_stays_truncated_is_named_once_and_the_rest_goes_on(
    kit: Any, parts: Path, watch: Callable[..., Reader]
) -> None:
    (parts / "cut.png").write_bytes(kit.png()[:-20])
    reader = watch(patience=0.3)
    began = time.monotonic()
    assert reader.wait_for(lambda r: len(r.errors) == 1)
    assert time.monotonic() - began >= 0.2
    assert "cut.png" in reader.errors[0] and "truncated" in reader.errors[0]
    kit.picture(parts / "next.png")
    assert reader.wait_for(lambda r: r.names == ["next.png"])
    assert len(reader.errors) == 1
    (parts / "cut.png").write_bytes(kit.png())
    assert reader.wait_for(lambda r: r.names == ["next.png", "cut.png"])


def test_an_old_damaged_file_is_named_at_once(kit: Any, parts: Path) -> None:
    aged(kit.picture(parts / "1.png"))
    bad = parts / "2.png"
    bad.write_bytes(b"no picture")
    aged(bad)
    aged(kit.picture(parts / "3.png"))
    source = FolderSource(parts, watch=False)
    source.open()
    assert getattr(source.read(), "part_id", None) == "1"
    with pytest.raises(PictureError, match=r"2\.png"):
        source.read()
    assert getattr(source.read(), "part_id", None) == "3"
    assert source.read() is None
    source.close()


def test_files_deleted_meanwhile_are_skipped(kit: Any, parts: Path) -> None:
    for name in ("1.png", "2.png", "3.png"):
        aged(kit.picture(parts / name))
    source = FolderSource(parts, watch=False)
    source.open()
    assert getattr(source.read(), "part_id", None) == "1"
    (parts / "2.png").unlink()
    assert getattr(source.read(), "part_id", None) == "3"
    assert source.read() is None
    source.close()


def test_a_picture_written_anew_under_its_name_is_a_new_one(
    kit: Any, parts: Path, watch: Callable[..., Reader]
) -> None:
    kit.picture(parts / "shot.png", 90)
    reader = watch()
    assert reader.wait_for(lambda r: r.names == ["shot.png"])
    kit.picture(parts / "shot.png", 120)
    os.utime(parts / "shot.png", (OLD, OLD))
    assert reader.wait_for(lambda r: r.names == ["shot.png", "shot.png"])


def test_a_drive_that_is_pulled_is_said_so_and_brings_nothing_twice(kit: Any, parts: Path, tmp_path: Path) -> None:
    aged(kit.picture(parts / "1.png"))
    source = FolderSource(parts, poll=0.02)
    source.open()
    assert getattr(source.read(), "part_id", None) == "1"
    parts.rename(tmp_path / "pulled")
    with pytest.raises(SourceError, match="is gone"):
        source.read()
    source.close()
    with pytest.raises(SourceError, match="does not exist"):
        source.open()
    source.close()
    (tmp_path / "pulled").rename(parts)
    aged(kit.picture(parts / "2.png"))
    source.open()
    assert getattr(source.read(), "part_id", None) == "2"
    source.close()


def test_a_folder_inside_that_goes_away_does_no_harm(kit: Any, parts: Path, watch: Callable[..., Reader]) -> None:
    kit.picture(parts / "tray" / "1.png")
    reader = watch()
    assert reader.wait_for(lambda r: r.names == ["tray/1.png"])
    shutil.rmtree(parts / "tray")
    kit.picture(parts / "2.png")
    assert reader.wait_for(lambda r: r.names == ["tray/1.png", "2.png"])


def test_a_missing_folder_a_file_and_an_empty_folder_are_told_apart(parts: Path, kit: Any, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist"):
        FolderSource(tmp_path / "none").open()
    with pytest.raises(SourceError, match="is a file"):
        FolderSource(kit.picture(tmp_path / "one.png")).open()
    with pytest.raises(SourceError, match="holds no pictures"):
        FolderSource(parts, watch=False).open()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="permissions do not bind root")
def test_a_folder_that_may_not_be_read_is_said_so(parts: Path) -> None:
    parts.chmod(0)
    try:
        source = FolderSource(parts)
        source.open()
        with pytest.raises(SourceError, match="permissions"):
            source.read()
    finally:
        parts.chmod(0o700)
