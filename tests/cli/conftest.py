from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from app.cameras.demo import DefectKind
from app.cameras.demo.scene import draw
from app.cli import main
from app.cli.parser import Arguments
from app.pictures import encode_png

SMALL = (320, 180)


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.split("\n")[:-1]]

    @property
    def json(self) -> dict[str, Any]:
        (line,) = self.lines
        return line


def no_window(options: Arguments) -> int:
    raise AssertionError("no command opens the window")


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Runs a command in this process; its output is what reached the file descriptors."""

    def run(*arguments: object) -> Ended:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments], no_window)
        out, err = capfd.readouterr()
        return Ended(code, out, err)

    return run


@pytest.fixture(scope="session")
def script(project_root: Path) -> Callable[..., Ended]:
    """Runs a command the way a script does: another process, its bytes read as UTF-8."""

    def run(*arguments: object, **environment: str) -> Ended:
        done = subprocess.run(
            [sys.executable, "main.py", *(os.fsencode(str(argument)) for argument in arguments)],
            cwd=project_root,
            env=os.environ | environment,
            capture_output=True,
            timeout=100,
        )
        return Ended(done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8"))

    return run


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of drawn parts, 320 x 180: 8 good ones, 3 misprints and 2 stains, the misprints with masks."""
    root = tmp_path_factory.mktemp("parts")
    for index in range(8):
        _write(root / "normal" / f"part-{index + 1}.png", draw(31, index, None).image)
    for kind, count in ((DefectKind.MISPRINT, 3), (DefectKind.STAIN, 2)):
        for index in range(count):
            drawn = draw(31, index, kind)
            _write(root / "anomaly" / kind.value / f"{index}.png", drawn.image)
            if kind is DefectKind.MISPRINT:
                assert drawn.box is not None
                x, y, width, height = (round(value / 4) for value in drawn.box)
                mask = np.zeros(SMALL[::-1], np.uint8)
                mask[y : y + height, x : x + width] = 255
                target = root / "masks" / kind.value / f"{index}.png"
                target.parent.mkdir(parents=True, exist_ok=True)
                assert cv2.imwrite(str(target), mask)
    return root


def _write(path: Path, picture: np.ndarray[Any, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_png(cv2.resize(picture, SMALL, interpolation=cv2.INTER_AREA)))


@pytest.fixture(scope="session")
def model(parts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model trained with the command itself."""
    path = tmp_path_factory.mktemp("trained") / "small.model"
    assert main(["train", "--dataset", str(parts), "--out", str(path), "--size", "128"], no_window) == 0
    return path
