"""Words, exit codes and places of options: what scripts rely on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.cli import main
from app.cli.parser import Arguments, parse
from tests.cli.conftest import Ended, no_window

Command = Callable[..., Ended]
COMMANDS = {
    "train": ["--dataset", "--out", "--size"],
    "inspect": ["--model", "--overlay", "PATH"],
    "evaluate": ["--model", "--dataset"],
    "dataset": ["check", "convert"],
    "run": ["--headless", "--source", "--model", "--seconds"],
    "report": ["--from", "--to", "--out"],
    "merge": ["FILE", "--out", "--mapping", "--keep", "--rework-minutes"],
    "backup": ["--out", "--with-pictures"],
    "restore": ["FILE.zip"],
    "audit": ["verify"],
    "bench": ["--quick"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(command: Command, name: str) -> None:
    ended = command(name, "--help")
    assert ended.code == 0 and ended.err == ""
    for word in [*COMMANDS[name], "--json", "--data-dir", "Exit codes"]:
        assert word in ended.out


def test_the_program_explains_itself(command: Command) -> None:
    ended = command("--help")
    assert ended.code == 0
    words = [*COMMANDS, "--demo-seconds", "--snapshot", "--data-dir", "LINESIGHT_DATA_DIR", "--kiosk", "--smoke"]
    assert [word for word in words if word not in ended.out] == []


@pytest.mark.parametrize(
    "line",
    [
        "polish",
        "train",
        "train --dataset d",
        "train --dataset d --out m --size 64",
        "train --dataset d --out m --size 1025",
        "train --dataset d --out m --size big",
        "train --dataset d --out m --siz 256",
        "--json train --dataset d --out m",
        "inspect --model m",
        "inspect a.png",
        "evaluate --model m",
        "dataset",
        "dataset look d",
        "dataset check",
        "dataset convert d --out o",
        "dataset convert d --out o --to yaml",
        "run --headless --seconds 0",
        "run --headless --seconds soon",
        "run --headless --seconds nan",
        "report --from 2026-01-01 --to 2026-01-02 --out r.docx",
        "report --from 20260101 --to 2026-01-02 --out r.xlsx",
        "report --from 2026-W01-1 --to 2026-01-02 --out r.xlsx",
        "report --from 2026-02-30 --to 2026-03-02 --out r.xlsx",
        "report --from 2026-01-02 --to 2026-01-01 --out r.xlsx",
        "report --to 2026-01-01 --out r.xlsx",
        "merge --out m.xlsx",
        "merge a.csv",
        "merge a.csv --out m.csv",
        "merge a.csv --out m.xlsx --keep a.csv",
        "merge a.csv --out m.xlsx --keep a.csv:a:0",
        "merge a.csv --out m.xlsx --rework-minutes 0",
        "bench polish",
        "--demo-seconds -1",
        "--quick",
    ],
)
def test_wrong_usage_is_2_and_says_why(command: Command, line: str) -> None:
    ended = command(*line.split())
    assert ended.code == 2
    assert ended.out == ""
    assert "usage:" in ended.err and "error:" in ended.err
    assert "_size" not in ended.err and "_seconds" not in ended.err  # names of this program's insides


@pytest.mark.parametrize("line", ["bench live --splits 2", "bench vision --splits 0", "bench vision --minutes 3"])
def test_what_a_bench_does_not_know_is_named_and_nothing_is_measured(command: Command, line: str) -> None:
    ended = command(*line.split())
    assert ended.code != 0 and ended.out == ""
    assert line.split()[2] in ended.err


def test_the_data_folder_stands_before_or_after_the_command() -> None:
    rest = ["report", "--from", "2026-01-01", "--to", "2026-01-01", "--out", "r.xlsx"]
    assert parse(["--data-dir", "x", *rest]).data_dir == Path("x")
    assert parse([*rest, "--data-dir", "x"]).data_dir == Path("x")
    assert parse(["--data-dir", "x", *rest, "--data-dir", "y"]).data_dir == Path("y")
    assert parse(rest).data_dir is None and not parse(rest).json
    assert parse([*rest, "--json"]).json


def test_without_a_command_the_window_opens_with_what_was_asked() -> None:
    seen: list[Arguments] = []

    def window(options: Arguments) -> int:
        seen.append(options)
        return 7

    assert main(["--demo-seconds", "30", "--snapshot", "out", "--kiosk"], window) == 7
    assert main(["run", "--source", "demo"], window) == 7
    first, second = seen
    assert (first.demo_seconds, first.snapshot, first.kiosk) == (30, Path("out"), True)
    assert second.source == "demo"


@pytest.mark.parametrize("place", ["before", "after", "environment"])
def test_every_place_of_the_data_folder_moves_all_state(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_data_folder: Path, place: str
) -> None:
    data, out = tmp_path / "station", tmp_path / "r.xlsx"
    line: list[object] = ["report", "--from", "2026-01-01", "--to", "2026-01-02", "--out", out, "--json"]
    if place == "before":
        line = ["--data-dir", data, *line]
    elif place == "environment":
        monkeypatch.setenv("LINESIGHT_DATA_DIR", str(data))
    else:
        line += ["--data-dir", data]
    ended = command(*line)
    assert ended.code == 0, ended.err
    assert (data / "linesight.db").exists() and not own_data_folder.exists()
    found = ended.json
    assert found["out"] == str(out) and out.read_bytes().startswith(b"PK")
    assert (found["from"], found["to"], found["inspections"], found["yield"]) == ("2026-01-01", "2026-01-02", 0, None)


@pytest.mark.parametrize(("name", "begins"), [("r.pdf", b"%PDF-"), ("r.CSV", b"id,part_id,"), ("r.parquet", b"PAR1")])
def test_the_ending_chooses_the_format(command: Command, tmp_path: Path, name: str, begins: bytes) -> None:
    out = tmp_path / name
    ended = command("report", "--from", "2026-01-01", "--to", "2026-01-02", "--out", out, "--json")
    assert ended.code == 0, ended.err
    assert out.read_bytes().startswith(begins) and ended.json["inspections"] == 0
    flat = out.suffix != ".pdf"
    assert ("figures" in ended.json) == flat
    assert not flat or Path(ended.json["figures"]).is_file()


def test_a_report_that_can_not_be_written(command: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    out = tmp_path / "file" / "r.xlsx"
    ended = command("report", "--from", "2026-01-01", "--to", "2026-01-01", "--out", out, "--json")
    assert ended.code == 1
    assert str(out) in ended.json["error"] and str(out) in ended.err


def test_whoever_has_read_enough_is_no_failure(monkeypatch: pytest.MonkeyPatch, model: Path, parts: Path) -> None:
    import os
    import sys

    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        monkeypatch.setattr(sys, "stdout", closed)
        assert main(["inspect", "--model", str(model), str(parts / "normal")], no_window) == 0
