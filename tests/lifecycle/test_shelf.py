"""Versions of models: never overwritten, found by name or file, what is damaged named and passed by."""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.domain.errors import ModelError
from app.domain.frame import Image
from app.domain.versions import TrainingPlan
from app.lifecycle import ModelShelf, gate
from app.lifecycle.making import Made, make_version
from app.lifecycle.shelf import folder_name
from app.lifecycle.training import describe_dataset, train_on_demo
from app.lifecycle.versions import Registry
from app.pictures import encode_png


@pytest.fixture
def shelf(tmp_path: Path) -> ModelShelf:
    return ModelShelf(tmp_path / "models")


@pytest.fixture
def data(demo_model: Path) -> bytes:
    return demo_model.read_bytes()


def test_versions_rise_and_none_is_overwritten(shelf: ModelShelf, data: bytes) -> None:
    first, second = shelf.add("plate", data), shelf.add("plate", data)
    assert [str(stored.ref) for stored in (first, second)] == ["plate@1", "plate@2"]
    assert first.path != second.path and first.path.read_bytes() == data
    first.path.unlink()
    assert str(shelf.add("plate", data).ref) == "plate@3", "a number is not given twice while a later one is there"
    newest = shelf.newest("plate")
    assert newest is not None and newest.ref.version == 3


def test_two_trainings_that_end_at_once_get_a_version_each(shelf: ModelShelf, data: bytes) -> None:
    versions: list[int] = []
    adders = [threading.Thread(target=lambda: versions.append(shelf.add("plate", data).ref.version)) for _ in range(4)]
    for adder in adders:
        adder.start()
    for adder in adders:
        adder.join(20)
    assert sorted(versions) == [1, 2, 3, 4]


def test_a_model_is_found_by_name_and_by_file(shelf: ModelShelf, data: bytes, demo_model: Path) -> None:
    kept = shelf.add("plate", data)
    assert shelf.find("plate@1") == kept
    by_file = shelf.find(str(demo_model))
    assert (by_file.ref.version, by_file.ref.sha256, by_file.path) == (0, kept.ref.sha256, demo_model)
    detector = shelf.load("plate@1")
    assert detector.ref == kept.ref


def test_the_model_that_rests_is_ready_as_long_as_its_file_is_the_same(
    shelf: ModelShelf, data: bytes, tmp_path: Path
) -> None:
    shelf.add("plate", data)
    file = tmp_path / "copied.model"
    file.write_bytes(data)
    plate = shelf.ready("plate@1")
    assert shelf.ready("plate@1") is not plate, "each line has its own"
    shelf.rest(plate)
    assert shelf.ready(str(file)).ref.version == 0, "it is named as it was asked for"
    assert shelf.ready("plate@1") is plate
    shelf.rest(plate)
    other = shelf.ready(str(file))
    shelf.rest(other)
    assert shelf.ready("plate@1") is plate, "there and back"
    shelf.rest(plate)
    shelf.add("plate", data)
    shelf.rest(shelf.ready("plate@2"))
    assert shelf.ready(str(file)) is not other, "only the one before rests"
    file.write_bytes(data[:100])
    with pytest.raises(ModelError, match=r"copied\.model.*damaged"):
        shelf.ready(str(file))
    file.unlink()
    with pytest.raises(ModelError, match=r"copied\.model does not exist|no model file"):
        shelf.ready(str(file))


def test_what_is_not_there_is_named_with_what_is(shelf: ModelShelf, data: bytes) -> None:
    with pytest.raises(ModelError, match=re.escape("no model plate@1 (it has none)")):
        shelf.find("plate@1")
    shelf.add("plate", data)
    with pytest.raises(ModelError, match=re.escape("no model plate@2 (it has plate@1)")):
        shelf.load("plate@2")
    with pytest.raises(ModelError, match=r"no model file /nowhere/x.model.*plate@1"):
        shelf.find("/nowhere/x.model")
    with pytest.raises(ModelError, match="is a folder"):
        shelf.find(str(shelf.root))


def test_damaged_files_are_passed_by_and_left(shelf: ModelShelf, data: bytes) -> None:
    shelf.add("plate", data)
    damaged = shelf.add("plate", data).path
    damaged.write_bytes(data[: len(data) // 2])
    assert [str(stored.ref) for stored in shelf.all()] == ["plate@1"]
    newest = shelf.newest("plate")
    assert newest is not None and newest.ref.version == 1
    with pytest.raises(ModelError, match="damaged") as caught:
        shelf.load("plate@2")
    assert str(damaged) in str(caught.value)
    assert damaged.exists()
    assert shelf.newest("other") is None


def test_a_place_that_cannot_be_written_is_named_and_left_empty(shelf: ModelShelf, data: bytes) -> None:
    shelf.root.parent.mkdir(exist_ok=True)
    shelf.root.write_text("in the way")
    with pytest.raises(ModelError, match="can't be written") as caught:
        shelf.add("plate", data)
    assert str(shelf.root) in str(caught.value)


def test_what_is_no_model_does_not_take_a_version(shelf: ModelShelf, data: bytes) -> None:
    with pytest.raises(ModelError):
        shelf.add("plate", b"no model at all")
    assert str(shelf.add("plate", data).ref) == "plate@1"


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("Demo plate", "demo-plate"),
        ("../../etc/passwd", "etc-passwd"),
        ("  ", "model"),
        ("部品", "部品"),
        ("Деталь 7", "деталь-7"),
        ("NUL", "nul-"),
        ("com1.plate", "com1.plate-"),
        ("a/b\\c:d*e", "a-b-c-d-e"),
        ("x" * 200, "x" * 60),
    ],
)
def test_a_name_becomes_a_folder_every_system_takes(name: str, folder: str) -> None:
    assert folder_name(name) == folder


def test_products_of_other_scripts_do_not_share_their_models(shelf: ModelShelf, data: bytes) -> None:
    assert str(shelf.add("部品", data).ref).endswith("@1")
    assert shelf.newest("Деталь") is None


def test_a_dataset_is_described_before_training(tmp_path: Path, demo_parts: list[Image]) -> None:
    for number, part in enumerate(demo_parts[:2]):
        (tmp_path / "normal").mkdir(exist_ok=True)
        (tmp_path / "normal" / f"{number}.png").write_bytes(encode_png(part[::4, ::4].copy()))
    summary = describe_dataset(tmp_path)
    assert (summary.normals, summary.anomalies) == (2, 0)
    assert "too few" in summary.problems[0]
    missing = describe_dataset(tmp_path / "nowhere")
    assert missing.normals == 0 and "does not exist" in missing.problems[0]


@pytest.mark.parametrize("product", ["", "   ", "x" * 61, "a@1"])
def test_a_name_that_is_none_is_refused_before_the_work(shelf: ModelShelf, tmp_path: Path, product: str) -> None:
    with pytest.raises(ModelError, match="1 to 60 characters"):
        _make(shelf, TrainingPlan(product, tmp_path, size=256))


def test_training_on_a_folder_keeps_a_version_and_says_what_was_left_out(
    shelf: ModelShelf, tmp_path: Path, demo_parts: list[Image]
) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    for number, part in enumerate(demo_parts[:8]):
        (folder / f"{number}.png").write_bytes(encode_png(part[::4, ::4].copy()))
    (folder / "broken.png").write_bytes(b"")
    made, steps = _make(shelf, TrainingPlan(" plate ", folder, size=128))
    assert made.version == "plate@1"
    version = Registry(shelf).find("plate@1")
    assert version.normals == 8 and version.metrics is None
    assert any("broken.png" in note for note in made.notes)
    assert steps == sorted(steps) and steps[-1] <= 1
    assert str(shelf.load("plate@1").ref) == "plate@1"


def _make(shelf: ModelShelf, plan: TrainingPlan) -> tuple[Made, list[float]]:
    steps: list[float] = []
    made = make_version(
        Registry(shelf),
        plan,
        job="",
        by="",
        now=lambda: datetime.now(UTC),
        step=lambda fraction, words: steps.append(fraction),
    )
    return made, steps


@pytest.mark.slow
def test_the_demo_lines_model_is_a_version_with_a_card_that_the_gate_lets_through(tmp_path: Path) -> None:
    shelf = ModelShelf(tmp_path / "models")
    train_on_demo(shelf, "Demo plate", 3, lambda fraction, words: None)
    registry = Registry(shelf)
    version = registry.find("Demo plate@1")
    assert "demo line" in version.dataset and version.metrics is None and not version.problem
    asked = gate.ask(registry, version)
    assert asked.ok, asked.words
    assert "3 stored pictures score" in next(check.words for check in asked.checks if check.key == "runtime")
