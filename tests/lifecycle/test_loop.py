"""The whole loop on real pictures: inspect, review, snapshot, train, backtest, release, inspect, and back again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.domain.review import Answer
from app.domain.verdict import Verdict
from app.domain.versions import JobState, TrainingPlan
from app.lifecycle.feedback import library_folder
from app.paths import DataFolder
from app.station import Station
from tests.inspection.fakes import wait_for
from tests.inspection.stations import age

PRODUCT = "Alien"


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    with closing(Station(DataFolder(tmp_path / "station"))) as made:
        yield made


def lay(folder: Path, files: list[Path], word: str) -> Path:
    """Copies of pictures, as the line finds them: their names tell what they are."""
    folder.mkdir(parents=True, exist_ok=True)
    for each in files:
        shutil.copy(each, folder / f"{word}-{each.name}")
    for each in folder.iterdir():
        age(each)
    return folder


def inspected(station: Station, folder: Path, number: int) -> dict[str, tuple[str, Verdict, str]]:
    """By the pictures' names: (id, verdict, model) of the newest `number` parts, once all of the folder are judged."""
    before = station.session_counts().total
    station.inspect_source(f"folder:{folder}", "", PRODUCT)
    wait_for(lambda: station.session_counts().total == before + number, 60, f"{number} parts of {folder.name}")
    return {
        Path(one.part_id).name: (one.id, one.verdict, str(one.model))
        for one in station.recent(20)[:number]
        if one.model is not None
    }


@pytest.mark.slow  # half a minute
def test_what_people_say_of_the_parts_makes_the_next_version(
    station: Station, shared_data: Path, tmp_path: Path
) -> None:
    good = sorted((shared_data / "aliens" / "normal").iterdir())
    bad = sorted((shared_data / "aliens" / "anomaly").iterdir())
    # What is known at first: good parts alone, in the product's library.
    desk = station.labelling
    desk.open(library_folder(station.data.libraries, PRODUCT), make=True)
    desk.add_from([lay(tmp_path / "set" / "normal", good[:16], "good").parent]).result(60)
    desk.close()
    queued = station.improving.train(
        TrainingPlan(PRODUCT, library_folder(station.data.libraries, PRODUCT), size=128)
    ).result(60)

    def trained() -> bool:
        now = next(each for each in station.improving.trainings() if each.id == queued.id)
        assert now.state is not JobState.FAILED, now.error
        return now.state.ended

    wait_for(trained, 120, "the first version")
    station.improving.release(f"{PRODUCT}@1", person="Erik").result(60)

    # inspect
    station.save_settings(
        product=PRODUCT, model=PRODUCT, retrain_after_labels=8, review_pass_rate=1, review_fail_rate=1
    )
    day = lay(tmp_path / "monday", good[16:22], "good")
    first = inspected(station, lay(day, bad[:10], "bad"), 16)
    assert {model for _, _, model in first.values()} == {f"{PRODUCT}@1"}

    # review: a person says of each what it is
    review = station.reviewing
    waiting = {each.inspection_id: each for each in review.waiting()}
    for name, (id, _, _) in first.items():
        defect = name.startswith("bad")
        review.answer(waiting[id], Answer.TRUE_DEFECT if defect else Answer.FALSE_ALARM, kind="bent" if defect else "")
    review.follow()
    case = review.case()
    assert (case.new_good, case.new_bad, case.blocked) == (6, 10, "")
    assert case.reasons, "the rule asked for eight"

    # snapshot, training, backtest: prepared, and nothing is released by itself
    candidate = review.prepare().result(240)
    assert candidate.model == f"{PRODUCT}@2"
    assert candidate.backtest.good + candidate.backtest.bad > 0
    second = station.improving.version(candidate.model)
    kept = Path(candidate.snapshot)
    first_version = station.improving.version(f"{PRODUCT}@1")
    assert kept.exists() and second.dataset_fingerprint != first_version.dataset_fingerprint
    assert (second.parent, second.defects > 0, first_version.defects) == (f"{PRODUCT}@1", True, 0)
    assert [each.version for each in station.improving.history(PRODUCT)] == [f"{PRODUCT}@1"]
    assert str(station.state().model) == f"{PRODUCT}@1"

    # release, by a person, with a reason where the gate asks for one
    assert review.release() == f"{PRODUCT}@2"
    wait_for(lambda: str(station.state().model) == f"{PRODUCT}@2", 30)

    # inspect with it, parts that nobody has seen yet
    tuesday = lay(tmp_path / "tuesday", good[22:28], "good")
    after = inspected(station, lay(tuesday, bad[10:16], "bad"), 12)
    assert {model for _, _, model in after.values()} == {f"{PRODUCT}@2"}
    caught = [verdict for name, (_, verdict, _) in after.items() if name.startswith("bad")]
    assert Verdict.PASS not in caught
    assert sum(verdict is Verdict.FAIL for verdict in caught) >= 5, caught
    passed = [verdict for name, (_, verdict, _) in after.items() if name.startswith("good")]
    assert Verdict.FAIL not in passed, passed

    # the first verdicts stay as they were, with what people said beside them
    for id, verdict, model in first.values():
        row = station.store.inspection(id)
        assert row is not None and (row.verdict, str(row.model)) == (verdict, model)
        assert len(station.store.reviews(id)) == 1

    # and one tap back
    station.improving.rollback(PRODUCT, why="tried").result(60)
    station.improving.use_released()
    wait_for(lambda: str(station.state().model) == f"{PRODUCT}@1", 30)
    assert [each.kind for each in station.improving.history(PRODUCT)].count("rollback") == 1
    actions = [entry.action for entry in station.store.audit_entries(500)]
    assert actions.count("release") == 3 and actions.count("review") == 16
    assert station.keeping.verify_audit().result(20).ok
