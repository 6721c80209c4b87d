"""Picture files: whole or not there, and only where they belong."""

from __future__ import annotations

import errno
import hashlib
import os
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from app.domain.errors import StoreError
from app.pictures import is_picture_name
from app.store import Store
from tests.store.samples import NOON, inspection, open_store

ID = "0123456789abcdef" * 2


def test_a_picture_lies_under_its_day_in_utc(store: Store, tmp_path: Path) -> None:
    data = os.urandom(100_000)
    late = datetime(2026, 11, 23, 0, 30, tzinfo=timezone(timedelta(hours=1)))
    path, sha256 = store.save_image(ID, late, data, ".png")
    assert path == f"images/2026/11/22/{ID}.png"
    assert sha256 == hashlib.sha256(data).hexdigest()
    assert store.image_file(path) == tmp_path / path
    assert store.image_file(path).read_bytes() == data
    assert [file.name for file in (tmp_path / "images").rglob("*") if file.is_file()] == [f"{ID}.png"]


def test_the_images_folder_may_be_called_otherwise(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db", tmp_path / "elsewhere", reserve_bytes=0) as store:
        path, _ = store.save_image(ID, NOON, b"x", ".jpg")
        assert store.image_file(path) == tmp_path / "elsewhere/2026/11/22" / f"{ID}.jpg"
        assert store.image_file(path).read_bytes() == b"x"


@pytest.mark.parametrize(
    "path",
    ["", "images", "images/../linesight.db", "/etc/passwd", "images/2026/../../../x", "other/x.png", "../images/x.png",
     "images\\..\\x", "C:/images/x.png", "images/C:/x", "images/a\x00b"],
)  # fmt: skip
def test_paths_that_leave_the_folder_are_refused(store: Store, path: str) -> None:
    with pytest.raises(StoreError, match="not the path of a picture"):
        store.image_file(path)


@pytest.mark.parametrize(
    ("name", "suffix"), [("../x", ".png"), ("a/b", ".png"), ("", ".png"), (ID, "png"), (ID, "/.png")]
)
def test_names_that_leave_the_folder_are_refused(store: Store, tmp_path: Path, name: str, suffix: str) -> None:
    with pytest.raises(ValueError, match="name of a picture"):
        store.save_image(name, NOON, b"x", suffix)
    assert not (tmp_path / "images").exists()


def test_a_folder_that_can_not_be_made_is_an_os_error(store: Store, tmp_path: Path) -> None:
    (tmp_path / "images").write_text("in the way")
    with pytest.raises(OSError) as caught:
        store.save_image(ID, NOON, b"x", ".png")
    assert caught.value.errno in (errno.ENOTDIR, errno.EEXIST)


def test_only_stale_half_written_pictures_are_swept(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        path, _ = store.save_image(ID, NOON, b"whole", ".png")
        store.add_inspection(inspection())
        whole = store.image_file(path)
    stale, fresh = whole.with_name("a.png.part"), whole.with_name("b.png.part")
    older = tmp_path / "images/2026/11/01/c.png.part"
    older.parent.mkdir()
    for part in (stale, fresh, older):
        part.write_bytes(b"half")
    hour_ago = time.time() - 3600
    for part in (stale, older):
        os.utime(part, (hour_ago, hour_ago))
    with open_store(tmp_path) as store:  # opening looks at the last days only: there may be a million files
        assert not stale.exists()
        assert fresh.exists() and whole.exists() and older.exists()
        assert store.sweep_parts(datetime(2026, 11, 2, tzinfo=UTC).date()) == 0
        assert store.sweep_parts() == 1
    assert fresh.exists() and whole.exists() and not older.exists()


def test_the_small_picture_lies_beside_and_goes_with_it(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        path, _ = store.save_image(ID, NOON, b"whole", ".png")
        store.save_small(path, b"first")
        store.save_small(path, b"small")
        small = store.small_file(path)
        assert small.parent == store.image_file(path).parent and small.read_bytes() == b"small"
        assert not is_picture_name(small), "a folder source would take it for a part"
        assert sorted(small.parent.iterdir()) == sorted([small, store.image_file(path)])
        store.remove_image(path)
        assert list(small.parent.iterdir()) == []
        store.remove_image(path)  # again is fine
        with pytest.raises(StoreError):
            store.small_file("images/../../secret")


def test_half_a_small_picture_is_never_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_store(tmp_path) as store:
        path, _ = store.save_image(ID, NOON, b"whole", ".png")

        def full(*names: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "replace", full)
        with pytest.raises(OSError, match="No space"):
            store.save_small(path, b"small")
        assert list(store.image_file(path).parent.iterdir()) == [store.image_file(path)]
