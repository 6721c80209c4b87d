"""A full disk: pictures are given up first, then the reserve; what returned is kept, and nothing is claimed."""

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

from app.domain.errors import StoreFullError
from app.domain.verdict import Verdict
from app.store import Store
from tests.store.samples import NOON, SCRATCH, inspection, integrity, open_store

ROOT = Path(__file__).resolve().parents[2]
RESERVE = 512 << 10
DISK = 4 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("this user may not mount a small file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _fill(folder: Path, leave: int = 0) -> Path:
    """Takes all room but `leave` bytes, like another program's file would."""
    filler = folder / "filler"
    with filler.open("ab", buffering=0) as file:
        try:
            while True:
                file.write(b"\xaa" * 4096)
        except OSError as error:
            assert error.errno == errno.ENOSPC
    os.truncate(filler, max(filler.stat().st_size - leave, 0))
    return filler


def _record_until_full(store: Store, first: int = 0) -> int:
    """Adds inspections until there is no room; returns the number of the first that failed."""
    second = first
    with pytest.raises(StoreFullError, match="no room"):
        while True:
            store.add_inspection(inspection(second, Verdict.FAIL, regions=(SCRATCH,) * 20))
            second += 1
            assert second < first + 20_000, "the disk never filled"
    return second


def test_the_reserve_is_really_allocated(tmp_path: Path) -> None:
    with open_store(tmp_path, RESERVE) as store:
        assert store.reserve_ok
    status = (tmp_path / "reserve.bin").stat()
    assert status.st_size == RESERVE
    assert status.st_blocks * 512 >= RESERVE


def test_pictures_go_first_then_the_reserve_then_the_answer_is_an_error(small_disk: Path) -> None:
    with open_store(small_disk, RESERVE) as store:
        filler = _fill(small_disk, leave=100 << 10)

        # Pictures fill the rest, and fail with what the system says; no half picture stays.
        with pytest.raises(OSError) as caught:
            for second in range(1000):
                store.save_image(f"{second:032x}", NOON, os.urandom(30_000), ".png")
        assert caught.value.errno == errno.ENOSPC
        assert not list(small_disk.rglob("*.part"))
        assert store.reserve_ok

        # Rows go on: the reserve is freed for them, and pictures do not get its room.
        _fill(small_disk)
        second = 0
        while store.reserve_ok:
            store.add_inspection(inspection(second))
            second += 1
            assert second < 5000
        with pytest.raises(OSError, match="kept for records"):
            store.save_image("f" * 32, NOON, b"tiny", ".png")
        failed = _record_until_full(store, second)
        assert failed > second

        # Full: nothing is claimed, all that was said is there, and reading goes on.
        with pytest.raises(StoreFullError):
            store.add_inspection(inspection(failed, Verdict.FAIL, regions=(SCRATCH,) * 20))
        assert store.counts(NOON, NOON.replace(year=2027)).total == failed
        store.restore_reserve()
        assert not store.reserve_ok

        # Room again: the same store goes on, and the reserve comes back.
        filler.unlink()
        store.add_inspection(inspection(failed))
        store.restore_reserve()
        assert store.reserve_ok
        path, _ = store.save_image("e" * 32, NOON, b"picture", ".png")
        assert store.image_file(path).read_bytes() == b"picture"
        assert [record.frame_id for record in store.recent(failed + 5)] == list(range(failed, -1, -1))
    assert integrity(small_disk) == "ok"


def test_part_numbers_and_alarms_live_on_the_reserve_too(small_disk: Path) -> None:
    with open_store(small_disk, RESERVE) as store:
        before = [store.next_part_number() for _ in range(64)]
        _record_until_full_without_reserve(small_disk, store)
        assert store.next_part_number() == before[-1] + 1  # the next block is a row
    assert integrity(small_disk) == "ok"


def _record_until_full_without_reserve(folder: Path, store: Store) -> None:
    _fill(folder)
    second = 0
    while store.reserve_ok:
        store.add_inspection(inspection(second))
        second += 1
        assert second < 5000


def test_opening_on_a_full_disk(small_disk: Path) -> None:
    open_store(small_disk, 0).close()
    filler = _fill(small_disk, leave=160 << 10)  # room for a row, whose indexes are pages of their own
    with open_store(small_disk, RESERVE) as store:
        assert not store.reserve_ok
        with pytest.raises(OSError, match="kept for records"):
            store.save_image("a" * 32, NOON, b"tiny", ".png")
        store.add_inspection(inspection())
        filler.unlink()
        store.restore_reserve()
        assert store.reserve_ok
    filler = _fill(small_disk)
    fresh = small_disk / "fresh"
    fresh.mkdir()
    with pytest.raises(StoreFullError, match="no room"):
        open_store(fresh)
    filler.unlink()
    with open_store(fresh) as store:
        store.add_inspection(inspection())


def test_without_a_mount_the_reserve_keeps_room_by_what_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs for every user: only the number of free bytes is made up."""
    usage = shutil.disk_usage(tmp_path)
    free = [RESERVE]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=free[0]))
    with open_store(tmp_path, RESERVE) as store:
        assert not store.reserve_ok  # as much again has to stay free
        with pytest.raises(OSError, match="kept for records"):
            store.save_image("a" * 32, NOON, b"tiny", ".png")
        free[0] = 2 * RESERVE
        store.restore_reserve()
        assert store.reserve_ok
        store.save_image("a" * 32, NOON, b"tiny", ".png")


_LIMITED = """
import json, resource, sys
from pathlib import Path
from app.domain.errors import StoreFullError
from tests.store.samples import NOON, inspection, open_store

folder = Path(sys.argv[1])
store = open_store(folder, 128 << 10)
resource.setrlimit(resource.RLIMIT_FSIZE, (400 << 10, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
answer = {"reserve": store.reserve_ok, "kept": []}
try:
    store.save_image("a" * 32, NOON, bytes(500 << 10), ".png")
except OSError as error:
    answer["picture"] = error.errno
store.save_image("b" * 32, NOON, bytes(1000), ".png")
try:
    for second in range(20000):
        record = inspection(second)
        store.add_inspection(record)
        answer["kept"].append(record.id)
except StoreFullError as error:
    answer["error"] = str(error)
answer["reserve after"] = store.reserve_ok
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
last = inspection(30000)
store.add_inspection(last)
answer["kept"].append(last.id)
store.restore_reserve()
answer["reserve restored"] = store.reserve_ok
store.close()
print(json.dumps(answer))
"""


@pytest.mark.skipif(os.name != "posix", reason="file-size limits of POSIX")
def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _LIMITED, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["reserve"] and not answer["reserve after"] and answer["reserve restored"]
    assert answer["picture"] == errno.EFBIG
    assert "no room to write the record" in answer["error"]
    assert str(tmp_path / "linesight.db") in answer["error"]
    assert [file.name for file in tmp_path.glob("images/*/*/*/*")] == [f"{'b' * 32}.png"]
    with open_store(tmp_path) as store:
        assert [record.id for record in reversed(store.recent(30_000))] == answer["kept"]
        assert len(answer["kept"]) > 100
    assert integrity(tmp_path) == "ok"
