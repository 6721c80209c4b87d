"""Zip archives: any layout in them, and nothing that a stranger could do with one."""

from __future__ import annotations

import io
import json
import os
import shutil
import stat
import struct
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import pytest

from app.datasets import opened_dataset, read_dataset
from app.datasets.archive import Limits, unpack
from app.datasets.exporting import KINDS, Kind, export
from app.domain.errors import Cancelled, DatasetError
from tests.conftest import ROOT
from tests.datasets.sets import everything, masks_of, same_masks
from tests.handmade import encoded, texture

PICTURE = encoded(".png", texture())


def packed(path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", method) as archive:
        warnings.simplefilter("ignore")  # names that occur twice are on purpose
        for name, data in entries:
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "in a folder"])
def test_every_layout_in_an_archive(tmp_path: Path, kind: Kind, wrapped: bool) -> None:
    export(everything(tmp_path / "in"), kind, tmp_path / "set" / "out")
    base = tmp_path / "set"
    zipped = shutil.make_archive(str(tmp_path / "set"), "zip", base if wrapped else base / "out")
    plain = {item.path.name: item for item in read_dataset(tmp_path / "set" / "out").items}
    with opened_dataset(Path(zipped)) as dataset:
        assert dataset.problems == () and dataset.layout.endswith(", zipped")
        assert len(dataset.items) == len(plain)
        for item in dataset.items:
            same = plain[item.path.name]
            assert (item.label, item.types, item.split) == (same.label, same.types, same.split)
            same_masks(masks_of(item), masks_of(same))
    assert not dataset.items[0].path.exists()


def link(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


def pipe(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3
    entry.external_attr = (stat.S_IFIFO | 0o666) << 16
    return entry


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../evil.png", "leads out of the archive"),
        ("normal/../../evil.png", "leads out of the archive"),
        ("/evil.png", "leads out of the archive"),
        ("C:\\evil.png", "leads out of the archive"),
        ("C:evil.png", "leads out of the archive"),
        ("..\\evil.png", "leads out of the archive"),
        (link("normal/evil.png"), "is a link"),
        (pipe("normal/evil.png"), "is a device or a pipe"),
        ("normal/CON.png", "name of a device"),
        ("nul/evil.png", "name of a device"),
        ("normal/e?vil.png", "no file can have this name"),
        ("normal/evil /x.png", "no file can have this name"),
        ("normal/" + "x" * 300 + ".png", "no file can have this name"),
        ("normal/GOOD.PNG", "holds a file of this name already"),
        ("normal/good.png", "holds a file of this name already"),
        ("normal/good.png/x.png", "has the name of its folder"),
    ],
)
def test_an_entry_of_ill_will_is_named_and_the_rest_is_used(
    tmp_path: Path, name: str | zipfile.ZipInfo, words: str
) -> None:
    path = packed(tmp_path / "a.zip", ("normal/good.png", PICTURE), (name, b"/etc/passwd"), ("normal/2.png", PICTURE))
    (tmp_path / "room").mkdir()
    dataset = read_dataset(path, room=tmp_path / "room")
    assert [item.name for item in dataset.items] == ["normal/2.png", "normal/good.png"]
    (problem,) = dataset.problems
    assert problem.startswith(f"{path}, ") and words in problem
    assert dataset.items[1].path.read_bytes() == PICTURE
    there = [each for each in tmp_path.rglob("*") if each.is_file() or each.is_symlink()]
    assert sorted(each.name for each in there) == ["2.png", "a.zip", "good.png"]


def test_what_no_dataset_needs_is_passed_over(tmp_path: Path) -> None:
    path = packed(
        tmp_path / "a.zip",
        ("set/normal/1.png", PICTURE), ("set/normal/.2.png", b"x"), ("__MACOSX/set/._1.png", b"x"),
        ("set/run.exe", b"MZ"), ("set/more.zip", b"PK"),
    )  # fmt: skip
    assert unpack(path, tmp_path / "out") == ()
    assert [each.name for each in (tmp_path / "out").rglob("*.*")] == ["1.png"]


def test_a_list_in_an_archive_names_no_file_of_this_computer(tmp_path: Path) -> None:
    outside = tmp_path / "mine.png"
    outside.write_bytes(PICTURE)
    lines = [{"source-ref": str(outside)}, {"source-ref": "1.png"}, {"source-ref": "../../../mine.png"}]
    text = "\n".join(json.dumps(line) for line in lines).encode()
    path = packed(tmp_path / "a.zip", ("set.manifest", text), ("1.png", PICTURE))
    with opened_dataset(path) as dataset:
        assert [item.name for item in dataset.items] == ["1.png"]
        out, away = sorted(dataset.problems, key=lambda problem: "line 1" in problem)
        assert out.startswith("a.zip/set.manifest, line 3: ") and "leads out" in out
        assert away.startswith("a.zip/set.manifest, line 1: ") and away.endswith("leads out of the archive")


def test_bombs(tmp_path: Path) -> None:
    zeros = packed(tmp_path / "zeros.zip", ("normal/1.png", bytes(80 << 20)))
    assert zeros.stat().st_size < 100_000
    many = packed(tmp_path / "many.zip", *[(f"normal/{index}.png", b"") for index in range(50)])
    for path, limits, words in (
        (zeros, None, "would become larger than 72 MiB"),
        (many, Limits(entries=49), "holds 50 entries; 49 are the most"),
        (many, Limits(total=-1), "would become larger"),
    ):
        with pytest.raises(DatasetError, match=words) as caught:
            unpack(path, tmp_path / "out", limits)
        assert str(path) in str(caught.value)
    assert not list((tmp_path / "out").rglob("*.png"))


def test_a_directory_that_lies_about_sizes_is_believed_nowhere(tmp_path: Path) -> None:
    """The bytes that come out count, not those announced."""
    path = packed(tmp_path / "a.zip", ("normal/1.png", bytes(3 << 20)))
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\x01\x02") + 24
    data[at : at + 4] = struct.pack("<I", 10)
    data[22:26] = struct.pack("<I", 10)
    path.write_bytes(data)
    (problem,) = unpack(path, tmp_path / "out")
    assert "is damaged" in problem and not list((tmp_path / "out").rglob("*.png"))


def test_encrypted(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", ("normal/1.png", PICTURE))
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(DatasetError, match="is encrypted"):
        unpack(path, tmp_path / "out")


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 99], ids=str
)
def test_a_damaged_entry_costs_that_entry(tmp_path: Path, method: int) -> None:
    first = zipfile.ZipInfo("normal/1.png")
    first.compress_type = method if method != 99 else zipfile.ZIP_STORED
    path = packed(tmp_path / "a.zip", (first, PICTURE), ("normal/2.png", PICTURE))
    data = bytearray(path.read_bytes())
    if method == 99:  # a way of packing that nobody knows
        listed = data.index(b"PK\x01\x02") + 10
        data[8:10] = data[listed : listed + 2] = struct.pack("<H", 99)
    else:
        data[200] ^= 255
    path.write_bytes(data)
    (problem,) = unpack(path, tmp_path / "out")
    assert "normal/1.png" in problem and "is damaged" in problem
    assert [each.name for each in (tmp_path / "out").rglob("*.png")] == ["2.png"]


@pytest.mark.parametrize("cut", [4, 60, -30, -1])
def test_half_an_archive(tmp_path: Path, cut: int) -> None:
    path = packed(tmp_path / "a.zip", ("normal/1.png", PICTURE))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DatasetError, match=r"a\.zip is damaged or no whole zip"), opened_dataset(path):
        pass


def test_an_archive_without_a_dataset(tmp_path: Path) -> None:
    for entries, words in (
        ((), "holds no usable picture|no folder normal"),
        ((("a.txt", b"hello"),), "no folder normal"),
        ((("1.png", PICTURE),), "no folder normal"),
    ):
        path = packed(tmp_path / "a.zip", *entries)
        with pytest.raises(DatasetError, match=words) as caught, opened_dataset(path):
            pass
        assert str(path) in str(caught.value)
    path = packed(tmp_path / "a.zip", ("1.png", PICTURE))
    with opened_dataset(path, plain_is_normal=True) as dataset:
        assert dataset.counts() == {"normal": 1}
    with pytest.raises(DatasetError, match="is a zip archive: unpack it"):
        read_dataset(path)


def test_unpacking_can_be_stopped(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", *[(f"normal/{index}.png", PICTURE) for index in range(9)])
    told: list[str] = []

    def step(fraction: float, words: str) -> None:
        told.append(words)
        if fraction > 0.5:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled), opened_dataset(path, step=step):
        pass
    assert told[0] == "Unpacking 1 of 9" and len(told) == 5


_LIMITED = """
import resource, sys, tempfile
from pathlib import Path
from app.datasets import opened_dataset
from app.domain.errors import DatasetError

tempfile.tempdir = sys.argv[2]
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
try:
    with opened_dataset(Path(sys.argv[1])):
        pass
except DatasetError as error:
    print(error)
"""


@pytest.mark.skipif(os.name != "posix", reason="file-size limits of POSIX")
def test_a_disk_that_fills_up_while_unpacking(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", ("normal/1.png", PICTURE), ("normal/2.png", bytes(50_000)))
    (tmp_path / "temporary").mkdir()
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _LIMITED, str(path), str(tmp_path / "temporary")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert f"{path} can't be unpacked into {tmp_path / 'temporary'}" in done.stdout
    assert not list((tmp_path / "temporary").iterdir())


def test_a_zip_by_any_other_name(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("normal/1.png", PICTURE)
    (tmp_path / "delivery").write_bytes(buffer.getvalue())
    with opened_dataset(tmp_path / "delivery") as dataset:
        assert dataset.counts() == {"normal": 1}
