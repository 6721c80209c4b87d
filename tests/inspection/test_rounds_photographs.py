"""Photographs find their steps: by code, by name, by order; nothing is guessed in silence."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import cv2
import numpy as np
import pytest
import zxingcpp
from PIL import Image as Exif

from app.domain.errors import SourceError
from app.domain.plan import PlanComponent
from app.inspection.rounds.photographs import Photograph, look_at, match, taken_at

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
STEPS = (PlanComponent("B-1", "Left bolt"), PlanComponent("B-10", "Right bolt"), PlanComponent("G", "Gearbox cover"))


def photo(name: str, number: int = 0, *codes: str) -> Photograph:
    return Photograph(Path(name), name, f"{name}{number}", NOW + timedelta(seconds=number), tuple(codes))


def matched(*photographs: Photograph) -> list[tuple[str, str]]:
    return [(each.component, each.how) for each in match(photographs, STEPS)]


def test_by_name_in_whole_words_and_the_longest() -> None:
    assert matched(photo("IMG_B-10_front.jpg")) == [("B-10", "name")]
    assert matched(photo("b 1.JPG")) == [("B-1", "name")]
    assert matched(photo("gearbox-cover 2.png")) == [("G", "name")]
    assert matched(photo("round/IMG_LEFT_BOLT.jpg")) == [("B-1", "name")]
    # Two steps as clearly in one name: neither by its name.
    two = (PlanComponent("A1", "A1"), PlanComponent("B2", "B2"))
    assert [each.how for each in match([photo("A1 and B2.jpg")], two)] == ["order"]


def test_a_code_counts_before_the_order_and_a_contradiction_proposes_nothing() -> None:
    assert matched(photo("IMG_1.jpg", 0, "4006381333931", "b-10")) == [("B-10", "code")]
    assert matched(photo("IMG_B-10.jpg", 0, "B-10")) == [("B-10", "code")]
    found = match([photo("IMG_B-1.jpg", 0, "G")], STEPS)[0]
    assert found.component == "" and found.words == "The code in it says G, its name says B-1."


def test_what_is_left_goes_by_order_and_says_when_the_numbers_differ() -> None:
    assert matched(photo("1.jpg", 1), photo("2.jpg", 2), photo("3.jpg", 3)) == [
        ("B-1", "order"),
        ("B-10", "order"),
        ("G", "order"),
    ]
    few = match([photo("7.jpg", 1), photo("x B-10.jpg", 2)], STEPS)
    assert [each.component for each in few] == ["B-1", "B-10"]
    assert few[0].words == "By order only: pictures left 1, open steps left 2."
    many = match([photo(f"{number}.jpg", number) for number in range(4)], STEPS)
    assert many[3].component == "" and many[3].words == "No step is left for it."


def test_a_second_picture_of_a_step_and_one_that_was_used_are_left_out() -> None:
    first, second = match([photo("B-1 a.jpg", 1), photo("B-1 b.jpg", 2)], STEPS)
    assert first.component == "B-1"
    assert second.component == "" and second.words == "Another picture of B-1 is proposed already."
    used = photo("B-1.jpg")
    assert match([used], STEPS, {used.sha256})[0].words == "It answered a step already."
    twice = match([used, used], STEPS)
    assert twice[0].component and twice[1].words == "The same picture is here twice."


def write(path: Path, code: str = "", seed: int = 0) -> None:
    picture = np.full((300, 400, 3), 200, np.uint8)
    picture[:40, :40] = np.random.default_rng(seed).integers(0, 255, (40, 40, 3))
    if code:
        drawn = np.array(zxingcpp.create_barcode(code, zxingcpp.BarcodeFormat.QRCode).to_image(scale=6))
        picture[60 : 60 + drawn.shape[0], 100 : 100 + drawn.shape[1]] = drawn[..., None]
    cv2.imwrite(str(path), picture)


def test_a_folder_is_read_with_codes_times_and_what_is_broken(tmp_path: Path) -> None:
    write(tmp_path / "DSC_0002.jpg", "B-10", 1)
    write(tmp_path / "DSC_0001.png", "", 2)
    (tmp_path / "DSC_0003.jpg").write_bytes(b"\xff\xd8\xff\xe0 half")
    (tmp_path / "notes.txt").write_text("no picture")
    for number, name in enumerate(("DSC_0001.png", "DSC_0002.jpg")):
        at = (NOW - timedelta(hours=2 - number)).timestamp()
        os.utime(tmp_path / name, (at, at))
    steps: list[float] = []
    found = look_at(tmp_path, STEPS, zone=BERLIN, now=NOW, step=lambda fraction, words: steps.append(fraction))
    assert [(each.name, each.component, each.how) for each in found.photographs] == [
        ("DSC_0001.png", "B-1", "order"),
        ("DSC_0002.jpg", "B-10", "code"),
    ]
    assert found.photographs[0].taken_at == NOW - timedelta(hours=2)
    assert len(found.unreadable) == 1 and "DSC_0003.jpg is truncated" in found.unreadable[0]
    assert len(steps) == 3


def with_exif(path: Path, taken: str, offset: str = "") -> None:
    write(path)
    picture = Exif.open(path)
    block = Exif.Exif()
    inside = block.get_ifd(0x8769)
    inside[0x9003] = taken
    if offset:
        inside[0x9011] = offset
    block[0x8769] = inside
    picture.save(path, exif=block)
    at = (NOW - timedelta(days=1)).timestamp()
    os.utime(path, (at, at))


@pytest.mark.parametrize(
    ("taken", "offset", "expected"),
    [
        ("2026:11:26 09:30:00", "", datetime(2026, 11, 26, 8, 30, tzinfo=UTC)),  # the station's zone
        ("2026:11:26 09:30:00", "-05:00", datetime(2026, 11, 26, 12, tzinfo=UTC)),  # 14:30, but it is 12:00 now
        ("2026:11:26 09:30:00", "+03:00", datetime(2026, 11, 26, 6, 30, tzinfo=UTC)),
        ("2099:01:01 00:00:00", "", NOW - timedelta(days=1)),  # a camera whose clock was never set
        ("0000:00:00 00:00:00", "", NOW - timedelta(days=1)),
        ("yesterday", "", NOW - timedelta(days=1)),
    ],
)
def test_when_a_picture_was_taken(tmp_path: Path, taken: str, offset: str, expected: datetime) -> None:
    path = tmp_path / "a.jpg"
    with_exif(path, taken, offset)
    assert taken_at(path, BERLIN, NOW) == expected


def test_a_folder_that_gives_nothing_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no folder .*Connect the tablet"):
        look_at(tmp_path / "gone", STEPS, zone=BERLIN, now=NOW)
    with pytest.raises(SourceError, match="no picture in"):
        look_at(tmp_path, STEPS, zone=BERLIN, now=NOW)


def test_real_photographs_of_a_round(shared_data: Path, tmp_path: Path) -> None:
    for number, name in enumerate(("1.png", "10.png", "16.png")):
        target = tmp_path / f"IMG_{number}{' G' if number == 2 else ''}.png"
        shutil.copyfile(shared_data / "aliens" / "normal" / name, target)
        at = (NOW - timedelta(minutes=10 - number)).timestamp()
        os.utime(target, (at, at))
    found = look_at(tmp_path, STEPS, zone=BERLIN, now=NOW)
    assert [each.component for each in found.photographs] == ["B-1", "B-10", "G"]
    assert [each.how for each in found.photographs] == ["order", "order", "name"]
