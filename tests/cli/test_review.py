"""`review` as a script uses it."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.domain.person import Role
from app.domain.verdict import Verdict
from app.paths import DataFolder
from app.station import Station
from tests.cli.conftest import Ended
from tests.reviews import PRODUCT, record, tiles

Command = Callable[..., Ended]


@pytest.fixture
def data(tmp_path: Path, shared_data: Path) -> Path:
    folder = tmp_path / "station"
    station = Station(DataFolder(folder))
    station.save_settings(product=PRODUCT)
    record(station.store, tiles(shared_data, 1)[0], Verdict.RETEST, captured_at=datetime.now(UTC))
    station.close()
    return folder


def test_list_answer_undo_and_stats(command: Command, data: Path) -> None:
    listed = command("review", "list", "--data-dir", data, "--json")
    assert listed.code == 0 and listed.json["waiting"] == 1
    (part,) = listed.json["parts"]
    assert part["why"] == "retest"
    answered = command(
        "review", "answer", part["inspection"], "true-defect", "--type", "crack", "--data-dir", data, "--json"
    )
    assert answered.code == 0
    assert answered.json == {
        "inspection": part["inspection"],
        "answer": "true defect",
        "first_verdict": "RETEST",
        "mask": True,
        "waiting": 0,
    }
    stats = command("review", "stats", "--data-dir", data, "--json").json
    assert (stats["reviewed"], stats["labels"], stats["retraining"]["new_labels"]) == (1, 1, 1)
    assert stats["retraining"]["reasons"] == [] and "good pictures" in stats["retraining"]["blocked"]
    again = command("review", "answer", part["inspection"], "unsure", "--data-dir", data, "--json")
    assert again.code == 1 and "does not wait" in again.json["error"]
    assert command("review", "undo", "--data-dir", data, "--json").json == {"inspection": part["inspection"]}
    assert command("review", "list", "--data-dir", data, "--json").json["waiting"] == 1
    drift = command("review", "drift", "--data-dir", data, "--json").json
    assert [each["camera"] for each in drift["cameras"]] == ["usb:0"]


def test_a_station_with_people_asks_who_and_for_the_pin(
    command: Command, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = Station(DataFolder(data))
    station.people.add("Kim", Role.ENGINEER, pin="2846")
    station.close()
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert "PIN" in command("review", "list", "--as", "Kim", "--data-dir", data, "--json").json["error"]
    monkeypatch.setattr("sys.stdin", io.StringIO("2846\n"))
    assert command("review", "list", "--as", "Kim", "--data-dir", data, "--json").json["waiting"] == 1
    refused = command("review", "stats", "--data-dir", data, "--json")
    assert refused.code == 1 and "--as NAME" in refused.json["error"]


def test_wrong_usage_and_no_record(command: Command, tmp_path: Path) -> None:
    assert command("review").code == 2
    assert command("review", "answer", "x", "maybe").code == 2
    ended = command("review", "stats", "--data-dir", tmp_path / "none", "--json")
    assert ended.code == 1 and "There is no record" in ended.json["error"]
    assert not (tmp_path / "none").exists()
