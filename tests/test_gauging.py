"""The desk of gauge studies: blind turns, answers that survive, the model as an appraiser, figures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from openpyxl import load_workbook

from app.domain.errors import Cancelled, LinesightError, StoreError
from app.domain.gauge import GaugePart, GaugeStudy, checked_study
from app.domain.person import Role
from app.domain.records import Review
from app.domain.review import Origin
from app.domain.verdict import Verdict
from app.gauging import GaugeDesk, Proposed
from app.keeping import restore_station
from app.people import NotAllowed
from app.pictures import encode_png
from app.reports.gauge_table import read_study
from app.station import Station
from tests.inspection.fakes import FAIL, PASS, RETEST, picture
from tests.inspection.stations import Stations
from tests.reviews import NOW, record

SAID = {"good": PASS, "defect": FAIL}


@pytest.fixture
def stations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stations]:
    stations = Stations(tmp_path, monkeypatch)
    yield stations
    stations.close()


@pytest.fixture
def station(stations: Stations) -> Station:
    return stations.open()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three good parts and two defective ones; the last of them looks doubtful."""
    folder = tmp_path / "parts"
    for number, (kind, score) in enumerate((("normal", PASS),) * 3 + (("anomaly", FAIL), ("anomaly", RETEST))):
        place = folder / kind / f"{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(encode_png(picture(score, noise=number)))
    return folder


def made(
    desk: GaugeDesk, folder: Path, appraisers: tuple[str, ...] = ("Ann", "Bob"), trials: int = 2, model: bool = False
) -> GaugeStudy:
    found = [(each, bool(each.good)) for each in desk.propose(folder).result()]
    return desk.make("Bore", found, appraisers, trials, with_model=model).result()


def judge(desk: GaugeDesk, study: GaugeStudy, name: str, wrong: tuple[tuple[int, int], ...] = ()) -> list[int]:
    """All that is left, rightly but for these (part, trial); gives the order of parts."""
    order, turn = [], desk.turn(study.id, name)
    while turn is not None:
        order.append(turn.part)
        right = study.part(turn.part).good
        turn = desk.answer(study.id, name, turn, good=right is not ((turn.part, turn.trial) in wrong))
    return order


def test_folders_tell_the_reference(station: Station, folder: Path) -> None:
    (folder / "unknown.png").write_bytes((folder / "normal" / "0.png").read_bytes())
    (folder / "masks").mkdir()
    (folder / "masks" / "3.png").write_bytes((folder / "normal" / "0.png").read_bytes())
    found = station.gauging.propose(folder).result()
    assert {each.origin: each.good for each in found} == {
        "normal/0.png": True, "normal/1.png": True, "normal/2.png": True,
        "anomaly/3.png": False, "anomaly/4.png": False, "unknown.png": None,
    }  # fmt: skip
    with pytest.raises(LinesightError, match="holds no picture"):
        (folder / "empty").mkdir()
        station.gauging.propose(folder / "empty").result()


def test_parts_whose_review_is_settled_are_offered(station: Station, folder: Path) -> None:
    for place, verdict in (("normal/0.png", Verdict.PASS), ("anomaly/3.png", Verdict.FAIL), ("normal/1.png", None)):
        row = record(station.store, folder / place)
        if verdict is not None:
            review = Review(row.id, row.judged_at, "Ann", verdict, origin=Origin.REVIEW)
            station.store.add_review(review)
    found = station.gauging.propose_reviewed(50).result()
    assert [(each.origin, each.good) for each in found] == [("part T-1", True), ("part T-2", False)]


def test_each_trial_has_an_order_of_its_own_that_a_restart_keeps(station: Station, folder: Path) -> None:
    study = made(station.gauging, folder, trials=6)
    turn = station.gauging.turn(study.id, "Ann")
    assert turn is not None and (turn.trial, turn.place, turn.of, turn.can_undo) == (1, 1, 5, False)
    station.gauging.answer(study.id, "Ann", turn, good=True)
    going_on = station.gauging.turn(study.id, "Ann")
    again = GaugeDesk(station)  # as after a kill: nothing was closed
    assert again.turn(study.id, "Ann") == going_on and going_on is not None and going_on.place == 2
    order = judge(again, study, "Ann")
    trials = [tuple([turn.part, *order][first : first + 5]) for first in range(0, 30, 5)]
    assert all(sorted(each) == [1, 2, 3, 4, 5] for each in trials) and len(set(trials)) > 3
    assert judge(again, study, "Bob") != [turn.part, *order]


def test_an_answer_counts_once_and_can_be_taken_back(station: Station, folder: Path) -> None:
    desk = station.gauging
    study = made(desk, folder)
    first = desk.turn(study.id, "Ann")
    assert first is not None
    desk.answer(study.id, "Ann", first, good=True)
    with pytest.raises(LinesightError, match="gone on meanwhile"):
        desk.answer(study.id, "Ann", first, good=False)  # the same button in another window
    assert desk.undo(study.id, "Ann") == first
    with pytest.raises(LinesightError, match="no answer in this trial"):
        desk.undo(study.id, "Ann")
    for _ in range(5):
        turn = desk.turn(study.id, "Ann")
        assert turn is not None
        desk.answer(study.id, "Ann", turn, good=True)
    with pytest.raises(LinesightError, match="no answer in this trial"):
        desk.undo(study.id, "Ann")  # a finished trial stays


def test_figures_come_when_all_have_finished_and_go_into_a_workbook(station: Station, folder: Path) -> None:
    desk = station.gauging
    study = made(desk, folder)
    defect = next(part.number for part in study.parts if not part.good)
    judge(desk, study, "Ann")
    with pytest.raises(LinesightError, match=r"everybody has finished\. Still to judge: Bob"):
        desk.result(study.id)
    judge(desk, study, "Bob", wrong=((defect, 2),))
    found, left = desk.result(study.id)
    assert left == [] and found.disputed == (str(defect),)
    assert [each.effectiveness.count for each in found.inspectors] == [5, 4]
    path = desk.export(study.id).result()
    assert path == station.data.reports / "gauge-bore.xlsx"
    assert desk.export(study.id).result().name == "gauge-bore-2.xlsx"
    book = load_workbook(path)
    assert book.sheetnames == ["Appraisers", "Agreement", "Parts", "Answers"]
    heads = [cell.value for cell in book["Appraisers"][1]]
    bob = dict(zip(heads, (cell.value for cell in book["Appraisers"][3]), strict=True))
    assert (bob["Appraiser"], bob["Effectiveness"], bob["Miss rate"], bob["Miss rate: of"]) == ("Bob", 0.8, 0.25, 4)
    assert book["Appraisers"]["C3"].number_format == "0.0%" and book["Agreement"]["C4"].data_type == "n"
    assert read_study(path) == found  # what the command line makes of it


def test_a_study_that_is_ended_counts_who_has_finished(station: Station, folder: Path) -> None:
    desk = station.gauging
    study = made(desk, folder)
    judge(desk, study, "Ann")
    desk.end(study.id)
    found, left = desk.result(study.id)
    assert [each.name for each in found.inspectors] == ["Ann"] and left == ["Bob"]
    assert desk.turn(study.id, "Bob") is None
    assert any(each.action == "gauge" and "ended" in each.detail for each in station.store.audit_entries())


def test_the_released_model_judges_every_trial(
    stations: Stations, station: Station, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = station.gauging
    station.save_settings(product="plate")
    with pytest.raises(LinesightError, match="Nothing of plate is released"):
        made(desk, folder, model=True)
    monkeypatch.setattr(station.shelf, "released", lambda name: f"{name}@1")
    study = made(desk, folder, (), trials=3, model=True)
    stopped = desk.judge(study.id)
    stopped.listen(lambda job: job.cancel() if (job.progress.fraction or 0) > 0.5 else None)
    with pytest.raises(Cancelled):
        stopped.result()
    assert desk.study(study.id).answers == ()
    judged = desk.judge(study.id).result()
    assert judged.complete and stations.detector.ref.name in judged.answers[0].by
    doubtful = [each for each in judged.answers if each.note]
    assert len(doubtful) == 3 and not any(each.good for each in doubtful)  # no answer is never a PASS
    found, _ = desk.result(study.id)
    assert found.inspectors[0].effectiveness.count == found.inspectors[0].repeated.count == 5
    with pytest.raises(LinesightError, match="nothing left to judge"):
        desk.judge(study.id)
    with pytest.raises(LinesightError, match="no appraiser"):
        desk.turn(study.id, "Ann")


def test_a_damaged_study_is_named_and_the_others_open(station: Station, folder: Path) -> None:
    study, other = (made(station.gauging, folder) for _ in range(2))
    path = station.data.gauges / f"{other.id}.json"
    whole = path.read_text("utf-8")
    kept = json.loads(whole)
    for bad in (whole[:300], "[]", json.dumps(kept | {"trials": "2"}), json.dumps(kept | {"parts": [{"number": 1}]})):
        path.write_text(bad, "utf-8")
        desk = GaugeDesk(station)
        assert [each.id for each in desk.studies()] == [study.id]
        (fault,) = desk.faults()
        assert str(path) in fault and "backup" in fault
        assert path.read_text("utf-8") == bad


def test_nothing_is_left_of_a_study_whose_picture_is_gone(station: Station, folder: Path) -> None:
    desk = station.gauging
    found = [(each, bool(each.good)) for each in desk.propose(folder).result()]
    found[4][0].path.write_bytes(b"no picture")
    with pytest.raises(LinesightError, match=r"2.png .*Take it out of the study"):
        desk.make("Bore", found, ("Ann",), 1).result()
    found[4][0].path.unlink()
    with pytest.raises(StoreError, match=r"2.png can't be read .* Take it out of the study"):
        desk.make("Bore", found, ("Ann",), 1).result()
    assert desk.studies() == [] and list(station.data.gauges.iterdir()) == []


def test_a_disk_that_takes_no_answer_says_so_and_forgets_nothing(
    station: Station, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = station.gauging
    study = made(desk, folder)
    turn = desk.turn(study.id, "Ann")
    assert turn is not None

    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("app.store.gauging.write_whole", full)
        with pytest.raises(StoreError, match=r"json can't be written \(No space left on device\). Free some space"):
            desk.answer(study.id, "Ann", turn, good=True)
    assert desk.turn(study.id, "Ann") == turn


def test_what_can_be_no_study_is_refused() -> None:
    good, bad = GaugePart(1, "1.png", "a", True), GaugePart(2, "2.png", "b", False)
    study = GaugeStudy("0", "Bore", NOW, "", (good, bad), ("Ann",), 2)
    assert checked_study(study) is study
    for change, words in (
        ({"name": " "}, "Give the study a name"),
        ({"appraisers": ()}, "Name 1 to 20 appraisers"),
        ({"appraisers": ("Ann", "ann")}, "stands there twice"),
        ({"trials": 0}, "1 to 20 trials"),
        ({"parts": ()}, "1 to 1000 parts"),
        ({"parts": (good,)}, "There is no defective part"),
    ):
        with pytest.raises(LinesightError, match=words):
            checked_study(replace(study, **change))


def test_only_some_may_make_a_study(station: Station, folder: Path) -> None:
    station.people.add("Eve", Role.ENGINEER, pin="4711")
    station.people.sign_in("Eve", "4711")
    station.people.add("Ina", Role.INSPECTOR, pin="4712")
    station.people.sign_in("Ina", "4712")
    proposed = Proposed(folder / "normal" / "0.png", "0", True)
    assert not station.gauging.may_keep()
    with pytest.raises(NotAllowed):
        station.gauging.make("Bore", [(proposed, True)], ("Ann",), 1)


def test_a_backup_brings_studies_back(stations: Stations, station: Station, folder: Path, tmp_path: Path) -> None:
    study = made(station.gauging, folder)
    judge(station.gauging, study, "Ann")
    kept = station.gauging.study(study.id)
    station.keeping.back_up(tmp_path / "all.zip", pictures=True).result()
    station.close()
    for each in sorted(station.data.gauges.rglob("*"), reverse=True):
        each.unlink() if each.is_file() else each.rmdir()
    restore_station(station.data, tmp_path / "all.zip", by="Eve", step=lambda fraction, words: None)
    again = stations.open()
    assert again.gauging.studies() == [kept]
    assert again.gauging.picture(study.id, 1).shape == picture(PASS).shape
