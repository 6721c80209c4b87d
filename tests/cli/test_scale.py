from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.pictures import encode_png
from tests.cli.conftest import Ended

Command = Callable[..., Ended]


def board(path: Path, side: int = 40) -> Path:
    """A chessboard of 9 x 7 squares on a white sheet."""
    rows, columns = np.indices((7 * side, 9 * side)) // side
    squares = np.where((rows + columns) % 2, 235, 25).astype(np.uint8)
    sheet = cv2.copyMakeBorder(squares, 60, 60, 60, 60, cv2.BORDER_CONSTANT, value=(235,))
    path.write_bytes(encode_png(cv2.cvtColor(cv2.GaussianBlur(sheet, (0, 0), 0.8), cv2.COLOR_GRAY2BGR)))
    return path


def test_a_chessboard_tells_the_scale(command: Command, tmp_path: Path) -> None:
    ended = command("scale", board(tmp_path / "board.png"), "--square", "5", "--json")
    assert ended.code == 0, ended.err
    assert ended.json["mm_per_pixel"] == pytest.approx(5 / 40, rel=0.005)
    assert ended.json["spread"] < 0.05


def test_a_known_length_tells_the_scale_and_regions_get_an_area(command: Command, tmp_path: Path, parts: Path) -> None:
    picture = next((parts / "normal").glob("*.png"))
    ended = command("scale", picture, "--start", "10,20", "--end", "210,20", "--length", "50", "--json")
    assert ended.json["mm_per_pixel"] == pytest.approx(0.25)
    out = tmp_path / "part.model"
    trained = command("train", "--dataset", parts, "--out", out, "--mm-per-pixel", "0.25", "--size", "128", "--json")
    assert trained.code == 0, trained.err
    lines = command("inspect", "--model", out, parts / "anomaly").lines
    regions = [region for line in lines for region in line["regions"]]
    assert regions
    for region in regions:
        assert region["area_mm2"] == pytest.approx(region["area"] / 16)


def test_a_picture_without_a_chessboard_says_so(command: Command, parts: Path) -> None:
    ended = command("scale", next((parts / "normal").glob("*.png")), "--square", "5")
    assert ended.code == 1 and "chessboard" in ended.err.lower()


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--square", "0"),
        ("--start", "1,2", "--end", "3,4"),
        ("--square", "5", "--length", "3"),
        ("--start", "one", "--end", "3,4", "--length", "3"),
    ],
)
def test_half_a_question_is_wrong_usage(command: Command, parts: Path, arguments: tuple[str, ...]) -> None:
    assert command("scale", next((parts / "normal").glob("*.png")), *arguments).code == 2


@pytest.mark.slow
def test_regions_of_interest_from_the_command_line(command: Command, parts: Path, tmp_path: Path) -> None:
    out = tmp_path / "part.model"
    asked = ("train", "--dataset", parts, "--out", out, "--size", "128")
    ended = command(*asked, "--roi", "0,0,160,180", "--ignore", "0,0,40,40", "--json")
    assert ended.code == 0, ended.err
    for line in command("inspect", "--model", out, parts / "anomaly").lines:
        assert all(region["x"] + region["width"] <= 161 for region in line["regions"])
    assert command(*asked, "--roi", "0,0,9000,10").code == 1
    assert command(*asked, "--roi", "0,0,90").code == 2
