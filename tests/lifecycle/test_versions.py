"""Versions: measured on what they never saw, immutable, found again; what was changed from outside is named."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from app.datasets import read_dataset
from app.domain.errors import ModelError
from app.domain.verdict import Verdict
from app.domain.versions import LineFigures, TrainingPlan
from app.lifecycle import intervals
from app.lifecycle.evaluating import consequences_at
from app.lifecycle.making import make_version, part
from app.lifecycle.shelf import ModelShelf
from app.lifecycle.versions import Registry
from tests.lifecycle.conftest import WHEN


def test_a_version_knows_what_it_was_made_from_and_how_good_it_is(registry: Registry) -> None:
    second, first = registry.all()
    assert (first.name, second.name) == ("plate@1", "plate@2")
    assert (first.by, first.dataset, first.normals, first.defects) == ("Mike", "plates", 16, 8)
    assert second.defects == 0 and first.dataset_fingerprint == second.dataset_fingerprint
    metrics = first.metrics
    assert metrics is not None and (metrics.normals, metrics.anomalies) == (4, 2)
    assert metrics.tp + metrics.fn == 2 and metrics.fp + metrics.tn == 4
    assert metrics.recall.value is not None and metrics.recall.low is not None
    assert metrics.recall.low < metrics.recall.value or metrics.recall.value == 0
    assert [each.name for each in metrics.types] == ["misprint"]
    assert "Only 2 defects" in metrics.words and "Only 4 good parts" in metrics.words
    assert sum(metrics.histogram.good) == 4 and sum(metrics.histogram.defect) == 2
    assert metrics.roc[0].x == metrics.roc[0].y == 0 and metrics.roc[-1].x == metrics.roc[-1].y == 1


def test_nothing_of_the_test_set_is_learned_from(small_set: Path, tmp_path: Path) -> None:
    root = tmp_path / "set"
    shutil.copytree(small_set, root)
    parted = part(read_dataset(root), "")
    tested = {each.item.name for each in parted.test}
    assert len(tested) == 6 and not tested & {item.name for item in parted.train}
    again = part(read_dataset(root), "")
    assert {each.item.name for each in again.test} == tested and again.fingerprint == parted.fingerprint
    # A copy of a test picture under another name does not come in by the back door.
    chosen = next(each.item.path for each in parted.test if each.item.label == "normal")
    shutil.copy(chosen, chosen.with_name("copy.png"))
    copied = part(read_dataset(root), "")
    assert not {"normal/copy.png", f"normal/{chosen.name}"} & {item.name for item in copied.train}


@pytest.mark.slow
def test_the_sets_own_split_holds(shared_data: Path, tmp_path: Path) -> None:
    registry = Registry(ModelShelf(tmp_path / "models"))
    plan = TrainingPlan("cookie", shared_data / "aliens", size=128)
    made = make_version(registry, plan, job="", by="", now=lambda: WHEN, step=lambda fraction, words: None)
    version = registry.find(made.version)
    assert version.metrics is not None and version.metrics.auroc.value is not None
    assert version.metrics.auroc.value > 0.9
    assert version.metrics.auroc.low is not None and version.metrics.auroc.low < version.metrics.auroc.value
    assert version.normals + version.defects + len(version.metrics.rows) <= 80


def test_what_was_changed_from_outside_is_named_and_not_used(registry: Registry) -> None:
    path = registry.find("plate@1").path
    shutil.copy(path.with_name("2.linesight"), path)
    version = registry.find("plate@1")
    assert "is not the one that was trained" in version.problem
    with pytest.raises(ModelError, match="not the one that was trained"):
        registry.load(version)
    card = path.with_name("2.json")
    content = json.loads(card.read_text())
    content["content"]["by"] = "Somebody else"
    card.write_text(json.dumps(content))
    assert "was changed after it was written" in registry.find("plate@2").problem
    path.write_bytes(b"PK nothing")
    assert "damaged" in registry.find("plate@1").problem
    assert len(registry.all()) == 2


def test_a_model_without_a_card_is_listed_as_not_measured(registry: Registry) -> None:
    data = registry.find("plate@1").path.read_bytes()
    registry.shelf.add("plate", data)
    version = registry.find("plate@3")
    assert version.metrics is None and not version.problem
    with pytest.raises(ModelError, match=re.escape("no model plate@9 (it has plate@")):
        registry.find("plate@9")


def test_intervals_hold_where_everything_is_right() -> None:
    # Newcombe 1998, table I: 81 of 263 by Wilson's score method.
    known = intervals.share(81, 263)
    assert (known.low, known.high) == (pytest.approx(0.2553, abs=1e-4), pytest.approx(0.3662, abs=1e-4))
    assert intervals.share(10, 10).low == pytest.approx(0.7225, abs=1e-4)
    assert intervals.share(0, 0).value is None
    perfect = intervals.auroc(1.0, 20, 10)
    assert perfect.high == 1.0 and perfect.low is not None and 0.8 < perfect.low < 0.97
    few, many = intervals.auroc(0.9, 20, 10), intervals.auroc(0.9, 2000, 1000)
    assert few.low is not None and many.low is not None and few.low < many.low < 0.9
    f1 = intervals.f1(9, 1, 1)
    assert f1.value == pytest.approx(0.9) and f1.low is not None and f1.high is not None and f1.low < 0.9 < f1.high
    assert intervals.overlap([(1, 2), (3, 4)]).value == pytest.approx(4 / 6)
    assert intervals.overlap([]).value is None


def test_a_threshold_is_told_in_parts_and_money(registry: Registry) -> None:
    metrics = registry.find("plate@1").metrics
    assert metrics is not None
    line = LineFigures(1000, 0.1, escape_cost=50, reject_cost=2)
    lowest, highest = min(row.score for row in metrics.rows), max(row.score for row in metrics.rows)
    all_fail = consequences_at(metrics, lowest, line)
    assert (all_fail.escapes.value, all_fail.false_rejects.value, all_fail.money.value) == (0, 900, 1800)
    none_fails = consequences_at(metrics, highest * 1.1, line)
    assert (none_fails.escapes.value, none_fails.false_rejects.value, none_fails.money.value) == (100, 0, 5000)
    assert consequences_at(metrics, lowest, LineFigures()).money.value is None
    assert "900" in all_fail.words and "EUR" in all_fail.words


def test_golden_samples_are_kept_as_copies(registry: Registry, small_set: Path, tmp_path: Path) -> None:
    picture = tmp_path / "sample.png"
    shutil.copy(small_set / "normal" / "0.png", picture)
    registry.add_golden("plate", [picture], Verdict.PASS)
    picture.unlink()
    registry.add_golden("plate", [small_set / "normal" / "0.png"], Verdict.FAIL)
    (kept,) = registry.golden("plate")
    assert kept.path.is_file() and kept.expected is Verdict.FAIL
    with pytest.raises(ModelError, match="PASS or to FAIL"):
        registry.add_golden("plate", [kept.path], Verdict.RETEST)
    registry.remove_golden("plate", kept.sha256)
    assert registry.golden("plate") == []
