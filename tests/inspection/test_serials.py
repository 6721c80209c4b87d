"""Serials that are scanned or read, and camera settings, come onto the record of their part."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import zxingcpp

from app.cameras.demo import draw_part
from app.cameras.demo.plan import truth_of
from app.cameras.facts import usb_facts
from app.domain.frame import Image
from app.inspection import capture
from app.inspection.serials import LONGEST, NextSerial, read_code
from tests.inspection.fakes import wait_for
from tests.inspection.stations import MODEL, Stations


@pytest.fixture
def stations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stations]:
    monkeypatch.setattr(capture, "BACKOFF", (0.01,))
    made = Stations(tmp_path, monkeypatch)
    yield made
    made.close()


def _code(text: str, kind: zxingcpp.BarcodeFormat = zxingcpp.BarcodeFormat.QRCode) -> Image:
    plane = np.array(zxingcpp.create_barcode(text, kind).to_image(scale=4))
    return cv2.copyMakeBorder(
        cv2.cvtColor(plane, cv2.COLOR_GRAY2BGR), 40, 40, 40, 40, cv2.BORDER_CONSTANT, value=(255,) * 3
    )  # type: ignore[return-value]


def test_a_scan_names_one_part_and_the_newest_scan_counts() -> None:
    serials = NextSerial()
    assert (serials.code, serials.take()) == ("", "")
    serials.expect("SN-1")
    serials.expect(" SN-2\r")
    assert serials.code == "SN-2" and serials.take() == "SN-2" and serials.take() == ""
    serials.expect("SN-3")
    serials.expect("")
    assert serials.take() == ""
    serials.expect("9" * 5000)
    assert len(serials.take()) == LONGEST


@pytest.mark.parametrize(
    "kind", [zxingcpp.BarcodeFormat.QRCode, zxingcpp.BarcodeFormat.DataMatrix, zxingcpp.BarcodeFormat.Code128]
)
def test_a_code_in_the_picture_is_read(kind: zxingcpp.BarcodeFormat) -> None:
    assert read_code(_code("SN-0042", kind)) == "SN-0042"


def test_no_code_and_several_codes_name_no_part() -> None:
    assert read_code(np.full((200, 300, 3), 128, np.uint8)) == ""
    one, other = _code("SN-1"), _code("SN-2")
    height = min(one.shape[0], other.shape[0])
    assert read_code(np.hstack([one[:height], other[:height]])) == ""
    assert read_code(np.hstack([one, one])) == "SN-1"
    assert read_code(draw_part(9, 0)) == truth_of(9, 0).serial


def test_scanned_and_read_serials_are_on_record_with_the_sources_settings(stations: Stations, tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    for number in range(3):
        cv2.imwrite(str(folder / f"part-{number}.png"), _code(f"SN-READ-{number}"))
    station = stations.open()
    station.save_settings(read_codes=True)
    station.next_serial.expect("SN-SCANNED")
    station.inspect_source(f"folder:{folder}", MODEL)
    wait_for(lambda: len(station.recent()) == 3)
    found = sorted(station.recent(), key=lambda one: one.part_id)
    assert [one.serial for one in found] == ["SN-SCANNED", "SN-READ-1", "SN-READ-2"]
    assert json.loads(found[0].camera) == {"kind": "folder", "address": f"folder:{folder}"}


def test_codes_are_not_looked_for_unasked(stations: Stations, tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    cv2.imwrite(str(folder / "part.png"), _code("SN-READ"))
    station = stations.open()
    station.inspect_source(f"folder:{folder}", MODEL)
    wait_for(lambda: len(station.recent()) == 1)
    assert station.recent()[0].serial == ""


def test_a_usb_camera_tells_what_it_has_and_nothing_else() -> None:
    told = {cv2.CAP_PROP_FRAME_WIDTH: 1280.0, cv2.CAP_PROP_EXPOSURE: -6.5, cv2.CAP_PROP_GAIN: -1.0}
    assert usb_facts(lambda number: told.get(number, 0.0)) == {"width": 1280, "exposure": -6.5}
    assert usb_facts(lambda number: float("nan")) == {}
