"""Backups hold what was there at one moment, and restoring one loses nothing."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from app.domain.errors import Cancelled, LinesightError, StoreError
from app.domain.inspection import Inspection
from app.keeping import back_up_station, restore_station
from app.paths import DataFolder
from app.store import Store
from app.store.auditing import verify
from tests.store.samples import NOON, inspection
from tests.store.test_migrations import made_by, old_parts


def quiet(fraction: float, words: str) -> None:
    pass


def _open(data: DataFolder) -> Store:
    return Store.open(data.database, data.images, reserve_bytes=0)


@pytest.fixture
def data(made: Path, tmp_path: Path) -> DataFolder:
    """A station with twelve parts with pictures, settings, a model and a library."""
    return DataFolder(Path(shutil.copytree(made, tmp_path / "station")))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = DataFolder(tmp_path_factory.mktemp("backup") / "station").prepare()
    data.settings.write_text('station = "Line 7"\n')
    model = data.models / "plate" / "1.linesight"
    model.parent.mkdir()
    model.write_bytes(os.urandom(5000))
    (data.libraries / "plates").mkdir()
    (data.libraries / "plates" / "a.png").write_bytes(b"a picture")
    with _open(data) as store:
        for second in range(12):
            part = inspection(second, id=f"{second:032x}")
            path, digest = store.save_image(part.id, part.captured_at, os.urandom(2000), ".png")
            store.add_inspection(inspection(second, id=part.id, image_path=path, image_sha256=digest))
            store.note("export", str(second), by="Anna", at=NOON)
    return data.root


def _backup(data: DataFolder, out: Path, *, pictures: bool = True) -> Path:
    with _open(data) as store:
        back_up_station(data, store, out, pictures=pictures, by="Anna")
    return out


def _parts(data: DataFolder) -> list[Inspection]:
    with _open(data) as store:
        return store.recent(1000)


def _tree(folder: Path) -> dict[str, bytes]:
    """Every file; what SQLite makes and takes away while it looks is left out."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in (".db-shm", ".db-wal")
    }


@pytest.mark.parametrize("pictures", [True, False])
def test_a_restored_station_is_the_one_that_was_backed_up(data: DataFolder, tmp_path: Path, pictures: bool) -> None:
    out = _backup(data, tmp_path / "b.zip", pictures=pictures)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600 or os.name != "posix"
    new = DataFolder(tmp_path / "new")
    done = restore_station(new, out, by="Ben", step=quiet)
    assert done.inspections == 12 and done.set_aside is None
    assert _parts(new) == _parts(data)
    for name in ("settings.toml", "models/plate/1.linesight"):
        assert (new.root / name).read_bytes() == (data.root / name).read_bytes()
    with _open(new) as store:
        for part in store.recent():
            file = store.image_file(part.image_path)
            assert file.is_file() == pictures
            assert not pictures or hashlib.sha256(file.read_bytes()).hexdigest() == part.image_sha256
        assert [(one.person, one.action) for one in store.audit_entries(1)] == [("Ben", "restore")]
    assert verify(new.database).ok


def test_small_pictures_come_along(data: DataFolder, tmp_path: Path) -> None:
    with _open(data) as store:
        part = store.recent(1)[0]
        store.save_small(part.image_path, b"small")
    out = _backup(data, tmp_path / "b.zip")
    new = DataFolder(tmp_path / "new")
    restore_station(new, out, by="Ben", step=quiet)
    with _open(new) as store:
        assert store.small_file(part.image_path).read_bytes() == b"small"


def test_the_manifest_says_what_is_in_it(data: DataFolder, tmp_path: Path) -> None:
    out = _backup(data, tmp_path / "b.zip")
    with zipfile.ZipFile(out) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        for line in manifest["files"]:
            content = archive.read(line["name"])
            assert (len(content), hashlib.sha256(content).hexdigest()) == (line["size"], line["sha256"])
    assert manifest["inspections"] == 12 and manifest["audit"] == {"rows": 12, "ok": True, "problem": None}
    assert manifest["libraries"] == [{"name": "plates", "files": 1, "bytes": 9}]
    assert list(tmp_path.glob(".b.zip*")) == []


def test_the_station_goes_on_while_it_is_backed_up(data: DataFolder, tmp_path: Path) -> None:
    """Commits neither wait for the copy nor begin it again, and the copy is of one moment."""
    stop = threading.Event()
    with _open(data) as store:
        kept = [0]

        def record() -> None:
            while not stop.is_set():
                store.add_inspection(inspection(100 + kept[0]))
                kept[0] += 1

        line = threading.Thread(target=record)
        line.start()
        try:
            made = [back_up_station(data, store, tmp_path / f"{n}.zip", pictures=False, by="") for n in range(3)]
        finally:
            stop.set()
            line.join()
        assert kept[0] > 3
    numbers = [one.inspections for one in made]
    assert numbers == sorted(numbers)
    new = DataFolder(tmp_path / "new")
    restore_station(new, made[-1].out, by="", step=quiet)
    parts = _parts(new)
    assert len(parts) == made[-1].inspections
    assert sorted(part.frame_id for part in parts) == sorted([*range(12), *range(100, 100 + len(parts) - 12)])


def test_what_was_there_is_set_aside_not_deleted(data: DataFolder, tmp_path: Path) -> None:
    out = _backup(data, tmp_path / "b.zip")
    with _open(data) as store:
        store.add_inspection(inspection(500))
    data.settings.write_text('station = "Line 8"\n')
    done = restore_station(data, out, by="Ben", step=quiet)
    assert done.set_aside is not None and done.set_aside.parent == data.root
    assert len(_parts(data)) == 12 and "Line 7" in data.settings.read_text()
    aside = DataFolder(done.set_aside)
    assert len(_parts(aside)) == 13 and "Line 8" in aside.settings.read_text()
    assert verify(aside.database).ok
    assert (data.libraries / "plates" / "a.png").is_file()  # libraries stay
    again = restore_station(data, out, by="Ben", step=quiet)
    assert again.set_aside not in (None, done.set_aside) and done.set_aside.is_dir()


@pytest.mark.parametrize("step", ["0001", "0002"])
def test_a_backup_of_an_older_record_is_brought_up(tmp_path: Path, step: str) -> None:
    old = DataFolder(tmp_path / "old").prepare()
    made_by(step, old.root)
    out = tmp_path / "b.zip"
    _repacked(_backup_without_opening(old, tmp_path), out, lambda manifest: manifest.update(schema=step))
    new = DataFolder(tmp_path / "new")
    restore_station(new, out, by="", step=quiet)
    assert list(reversed(_parts(new))) == old_parts()


def _backup_without_opening(data: DataFolder, folder: Path) -> Path:
    from app.store.backup import back_up

    out = folder / "old.zip"
    back_up(data.root, data.database, [], out, made_at=NOON, about={})
    return out


def _repacked(source: Path, out: Path, change: Callable[[dict], object], **contents: bytes) -> Path:  # type: ignore[type-arg]
    """The backup with another manifest, and files added or replaced."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(out, "w") as new:
        for info in old.infolist():
            if info.filename == "manifest.json":
                manifest = json.loads(old.read(info))
                change(manifest)
                new.writestr("manifest.json", json.dumps(manifest))
            elif info.filename not in contents:
                new.writestr(info.filename, old.read(info))
        for name, content in contents.items():
            new.writestr(name, content)
    return out


def _line(name: str, content: bytes) -> dict[str, object]:
    return {"name": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


@pytest.mark.parametrize(
    "name",
    [
        "../evil.txt", "/evil.txt", "models/../../evil.txt", "models\\..\\..\\evil.txt", "C:evil.txt", "images/./x",
        "models//x", "models/con.linesight", "models/a.", "other.txt", ".bashrc", "models/x:stream",
    ],
)  # fmt: skip
def test_no_file_leaves_the_data_folder(data: DataFolder, tmp_path: Path, name: str) -> None:
    out = _backup(data, tmp_path / "b.zip", pictures=False)
    bad = _repacked(
        out, tmp_path / "bad.zip", lambda found: found["files"].append(_line(name, b"evil")), **{name: b"evil"}
    )
    before = _tree(tmp_path)
    with pytest.raises(StoreError, match=r"Refused|does not hold"):
        restore_station(data, bad, by="", step=quiet)
    assert _tree(tmp_path) == before


def test_a_link_in_the_archive_is_refused(data: DataFolder, tmp_path: Path) -> None:
    out = _backup(data, tmp_path / "b.zip", pictures=False)
    bad = _repacked(out, tmp_path / "bad.zip", lambda found: found["files"].append(_line("models/link", b"/etc")))
    with zipfile.ZipFile(bad, "a") as archive:
        info = zipfile.ZipInfo("models/link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, b"/etc")
    with pytest.raises(StoreError, match="no plain file"):
        restore_station(data, bad, by="", step=quiet)


_CHANGES: dict[str, Callable[[dict], object]] = {  # type: ignore[type-arg]
    "newer format": lambda found: found.update(format=2),
    "newer schema": lambda found: found.update(schema="0999"),
    "a hash": lambda found: found["files"][0].update(sha256="0" * 64),
    "a size too small": lambda found: found["files"][0].update(size=100),
    "a size too large": lambda found: found["files"][0].update(size=found["files"][0]["size"] + 1),
    "a huge size": lambda found: found["files"][0].update(size=1 << 60),
    "a file that is not there": lambda found: found["files"].append(_line("models/b.linesight", b"b")),
    "a file not listed": lambda found: found["files"].pop(),
    "no record": lambda found: found["files"].pop(0),
    "no lines": lambda found: found.update(files=7),
    "no format": lambda found: found.pop("format"),
}


@pytest.mark.parametrize("what", _CHANGES)
def test_a_backup_that_does_not_hold_what_it_says_changes_nothing(data: DataFolder, tmp_path: Path, what: str) -> None:
    out = _backup(data, tmp_path / "b.zip")
    bad = _repacked(out, tmp_path / "bad.zip", _CHANGES[what])
    before = _tree(data.root)
    with pytest.raises(StoreError):
        restore_station(data, bad, by="", step=quiet)
    assert _tree(data.root) == before
    fresh = DataFolder(tmp_path / "fresh")
    with pytest.raises(StoreError):
        restore_station(fresh, bad, by="", step=quiet)
    assert not fresh.root.exists()


def test_damage_anywhere_in_the_file_changes_nothing(data: DataFolder, tmp_path: Path) -> None:
    """Bytes overwritten and ends cut off at many places: either it is refused, or what is restored is right."""
    good = _backup(data, tmp_path / "b.zip").read_bytes()
    before, parts = _tree(data.root), _parts(data)
    refused = 0
    for number in range(16):
        place = len(good) * number // 16
        damaged = (
            good[:place]
            if number % 2
            else good[:place] + bytes(byte ^ 0x5A for byte in good[place : place + 64]) + good[place + 64 :]
        )
        bad = tmp_path / "bad.zip"
        bad.write_bytes(damaged)
        fresh = DataFolder(tmp_path / f"fresh{number}")
        try:
            restore_station(fresh, bad, by="", step=quiet)
        except LinesightError:
            refused += 1
            assert not fresh.root.exists()
        else:
            assert _parts(fresh) == parts
    assert refused >= 13
    bad.write_bytes(good[:1000])
    with pytest.raises(StoreError):
        restore_station(data, bad, by="", step=quiet)
    assert _tree(data.root) == before


def test_a_running_station_is_not_pulled_away(data: DataFolder, tmp_path: Path) -> None:
    out = _backup(data, tmp_path / "b.zip")
    script = "import sys; sys.path[:0] = sys.argv[2:]; from pathlib import Path; from app.store import Store\n"
    script += "s = Store.open(Path(sys.argv[1]) / 'linesight.db', Path(sys.argv[1]) / 'images', reserve_bytes=0)\n"
    script += "print('open', flush=True); sys.stdin.read(); s.close()"
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", script, str(data.root), str(root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root) as other:
        assert other.stdout is not None and other.stdout.readline() == b"open\n"
        with pytest.raises(StoreError, match=r"in use\. Close the station"):
            restore_station(data, out, by="", step=quiet)
        other.communicate(b"")
    assert not list(data.root.glob("set-aside*")) and not list(data.root.glob(".restore*"))
    assert restore_station(data, out, by="", step=quiet).inspections == 12


def test_a_damaged_record_is_no_hindrance(data: DataFolder, tmp_path: Path) -> None:
    out = _backup(data, tmp_path / "b.zip")
    data.database.write_bytes(b"Lorem ipsum " * 1000)
    done = restore_station(data, out, by="", step=quiet)
    assert done.set_aside is not None
    assert (done.set_aside / "linesight.db").read_bytes() == b"Lorem ipsum " * 1000
    assert len(_parts(data)) == 12


@pytest.mark.parametrize("when", [1, 2, 3, 5, 9])
def test_a_cancelled_backup_leaves_the_older_one(data: DataFolder, tmp_path: Path, when: int) -> None:
    out = _backup(data, tmp_path / "b.zip")
    before, calls = out.read_bytes(), [0]

    def step(fraction: float, words: str) -> None:
        calls[0] += 1
        if calls[0] == when:
            raise Cancelled("stopped")

    with _open(data) as store, pytest.raises(Cancelled):
        back_up_station(data, store, out, pictures=True, by="", step=step)
    assert out.read_bytes() == before and not list(tmp_path.glob(".b.zip*"))


def test_no_place_for_a_backup(data: DataFolder, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place, words in ((tmp_path / "file" / "b.zip", "can't be written"), (tmp_path, "is a folder")):
        with _open(data) as store, pytest.raises(StoreError, match=words):
            back_up_station(data, store, place, pictures=False, by="")
    with pytest.raises(StoreError, match="can't be read"):
        restore_station(data, tmp_path / "none.zip", by="", step=quiet)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={1 << 20}", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("this user may not mount a small file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("room", [0, 40_000, 200_000, 330_000])
def test_a_full_disk_leaves_no_half_backup(data: DataFolder, small_disk: Path, room: int) -> None:
    big = data.models / "plate" / "2.linesight"
    big.write_bytes(os.urandom(1 << 20))
    with (small_disk / "filler").open("ab", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(bytes(4096))
    os.truncate(small_disk / "filler", (1 << 20) - room - 8192)
    with _open(data) as store, pytest.raises(StoreError, match=r"room|can't be written"):
        back_up_station(data, store, small_disk / "b.zip", pictures=True, by="")
    assert [path.name for path in small_disk.iterdir()] == ["filler"]


def test_a_full_disk_leaves_the_old_station(
    data: DataFolder, small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = _backup(data, tmp_path / "b.zip")
    small = DataFolder(small_disk / "station")
    with pytest.raises(StoreError, match="Restoring needs"):
        restore_station(small, out, by="", step=quiet)
    assert list(small_disk.iterdir()) == []
    # Also where the room goes while it is unpacked.
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1 << 40, 0, 1 << 40))
    (data.models / "plate" / "2.linesight").write_bytes(os.urandom(1 << 20))
    with pytest.raises(StoreError, match=os.strerror(errno.ENOSPC)):
        restore_station(small, _backup(data, tmp_path / "c.zip"), by="", step=quiet)
    assert list(small_disk.iterdir()) == []
