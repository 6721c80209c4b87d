"""The commands as a script runs them: other processes, their bytes, their exit codes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Ended
from tests.handmade import png_header_only

Script = Callable[..., Ended]


@pytest.mark.slow
def test_from_pictures_to_a_report(script: Script, parts: Path, tmp_path: Path) -> None:
    model, data = tmp_path / "part.model", tmp_path / "data"
    trained = script("train", "--dataset", parts, "--out", model, "--size", "128", "--json")
    assert trained.code == 0, trained.err
    assert trained.json["normals"] == 8 and "%" in trained.err

    bomb = tmp_path / "bomb.png"
    bomb.write_bytes(png_header_only(30_000, 30_000))
    latin = tmp_path / "caf\udce9.png"
    latin.write_bytes((parts / "normal" / "part-1.png").read_bytes())
    # A terminal of another language must not turn JSON into something else.
    inspected = script("inspect", "--model", model, parts / "anomaly" / "misprint", bomb, latin,
                       PYTHONIOENCODING="latin-1", PYTHONUTF8="0")  # fmt: skip
    assert inspected.code == 1
    assert [set(line) == {"path", "error"} for line in inspected.lines] == [False, False, False, True, False]
    assert str(bomb) in inspected.lines[3]["error"]
    assert "≥" in inspected.lines[1]["reason"]

    figures = script("evaluate", "--model", model, "--dataset", parts, "--json")
    assert figures.code == 0, figures.err
    assert sum(figures.json["confusion"].values()) == 13

    report = tmp_path / "r.xlsx"
    written = script(
        "report", "--from", "2026-01-01", "--to", "2026-01-31", "--out", report, LINESIGHT_DATA_DIR=str(data)
    )
    assert written.code == 0 and str(report) in written.out and report.is_file() and (data / "linesight.db").is_file()

    usage = script("train", "--dataset", parts, "--out", model, "--size", "64")
    assert usage.code == 2 and usage.out == ""
