"""The desk: what the gate refuses and why, one tap back, backtests, the shadow, and what the line then uses."""

from __future__ import annotations

import shutil
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from app.domain.errors import ModelError
from app.domain.frame import Frame
from app.domain.inspection import Inspection, ModelRef, Outcome
from app.domain.person import Role
from app.domain.records import Review
from app.domain.verdict import Verdict
from app.domain.versions import Backtest, BacktestRow, Judgement, LineFigures, Trial, Turn
from app.lifecycle import gate, releases
from app.lifecycle.backtest import turn_of
from app.lifecycle.shadow import ShadowRun, read
from app.lifecycle.versions import Registry
from app.people.desk import NotAllowed
from app.pictures import encode_png, read_picture
from app.station import Station
from app.status import Phase
from tests.inspection.fakes import FAIL, PASS, FakeDetector, detection, picture, wait_for
from tests.lifecycle.conftest import WHEN


# -- release
def test_the_first_release_the_history_and_one_tap_back(station: Station) -> None:
    desk = station.improving
    first = desk.release("plate@1").result(60)
    assert (first.number, first.kind, first.version, first.before, first.by) == (
        1,
        "release",
        "plate@1",
        "",
        "operator",
    )
    with pytest.raises(ModelError, match="released already"):
        desk.release("plate@1").result(60)
    with pytest.raises(ModelError, match="Nothing was released before plate@1"):
        desk.rollback("plate").result(60)
    second = desk.release("plate@2", why="for trying out", person="Susan").result(60)
    assert (second.before, second.by) == ("plate@1", "Susan")
    assert [each.name for each in desk.versions() if each.released] == ["plate@2"]
    back = desk.rollback("plate", why="too many rejects").result(60)
    assert (back.kind, back.version, back.before, back.why) == ("rollback", "plate@1", "plate@2", "too many rejects")
    assert [each.number for each in desk.history("plate")] == [3, 2, 1]
    with pytest.raises(ModelError, match="nothing to go back to"):
        desk.rollback("plate").result(60)
    assert releases.broken(desk.registry.shelf.folder("plate")) == ""
    assert sum(entry.action == "release" for entry in station.store.audit_entries()) == 3


def test_a_tampered_file_is_refused_whoever_says_why(station: Station) -> None:
    desk = station.improving
    path = desk.version("plate@1").path
    shutil.copy(path.with_name("2.linesight"), path)
    with pytest.raises(ModelError, match=r"was not released. The file of plate@1 is not the one that was trained"):
        desk.release("plate@1", why="I know it", person="Mike").result(60)
    assert desk.history("plate") == []


def test_a_runtime_that_scores_otherwise_is_refused(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    version = registry.find("plate@1")
    assert gate.ask(registry, version).ok
    from app.vision.detector import Detector

    honest = Detector.score
    monkeypatch.setattr(Detector, "score", lambda self, image: honest(self, image) + 2e-4)
    asked = gate.ask(registry, version)
    (failed,) = [check for check in asked.checks if not check.ok]
    assert failed.key == "runtime" and not asked.may_override and "instead of" in asked.words


def test_golden_samples_need_a_reason_and_a_name_that_are_kept(station: Station, small_set: Path) -> None:
    desk = station.improving
    desk.add_golden("plate", [small_set / "normal" / "0.png"], Verdict.FAIL)
    for given in ({}, {"why": "one odd sample"}):
        with pytest.raises(ModelError, match=r"0.png is \w+, expected FAIL"):
            desk.release("plate@1", **given).result(60)
    assert desk.history("plate") == []
    release = desk.release("plate@1", why="the sample is mislabelled", person="Mike").result(60)
    assert (release.by, release.why) == ("Mike", "the sample is mislabelled")
    assert "expected FAIL" in release.overridden[0]
    assert desk.history("plate") == [release]


def _backtest(*turns: Turn) -> Backtest:
    judgement = Judgement(1.0, Verdict.FAIL)
    rows = [BacktestRow(str(number), Path(), "", True, judgement, judgement, turn) for number, turn in enumerate(turns)]
    return Backtest(Trial("plate@2"), "plate@1", "", tuple(rows), (), 0.0, "words")


@pytest.mark.parametrize(
    ("turns", "ok"),
    [
        ((Turn.SAME,), True),
        ((Turn.NEWLY_CAUGHT,), True),
        ((Turn.NEWLY_ESCAPED,), False),
        ((Turn.NEWLY_REJECTED,), False),
        ((Turn.NEWLY_CAUGHT, Turn.NEWLY_REJECTED), True),
        ((Turn.NEWLY_CAUGHT, Turn.NEWLY_ESCAPED), True),
        ((Turn.NEWLY_CAUGHT, *[Turn.NEWLY_REJECTED] * 11), False),
        ((Turn.NEWLY_ESCAPED, *[Turn.NEWLY_PASSED] * 11), False),
        ((), False),
    ],
)
def test_what_is_worse(turns: tuple[Turn, ...], ok: bool) -> None:
    check = gate.compared(_backtest(*turns), "plate@1")
    assert check.ok is ok and check.may_override


def test_rights(station: Station) -> None:
    station.people.add("Eva", Role.ENGINEER, pin="739152")
    station.people.sign_in("Eva", "739152")
    station.people.add("Otto", Role.OPERATOR, pin="805316")
    station.people.sign_in("Otto", "805316")
    for call in (
        lambda: station.improving.release("plate@1"),
        lambda: station.improving.rollback("plate"),
        lambda: station.improving.cancel("x"),
        lambda: station.improving.add_golden("plate", [], Verdict.PASS),
    ):
        with pytest.raises(NotAllowed, match="engineer"):
            call()
    station.people.sign_in("Eva", "739152")
    assert station.improving.release("plate@1", person="Somebody").result(60).by == "Eva"


# -- what the line uses
def test_the_line_uses_what_is_released(station: Station, small_set: Path, tmp_path: Path) -> None:
    source = f"folder:{small_set / 'normal'}"
    station.save_settings(source=source, product="plate", model="plate@2")

    def uses(name: str) -> None:
        wait_for(lambda: str(station.state().model) == name, 30, f"{name}, not {station.state()}")
        wait_for(lambda: station.state().phase in (Phase.INSPECTING, Phase.FINISHED), 30)

    station.begin()
    uses("plate@2")  # named in the settings
    station.improving.release("plate@1").result(60)
    assert station.settings.model == "plate", "what named a version follows the releases from now on"
    assert str(station.state().model) == "plate@2", "a release changes nothing while the line runs"
    station.improving.use_released()
    uses("plate@1")
    station.improving.release("plate@2", why="x", person="Mike").result(60)
    station.improving.rollback("plate").result(60)
    station.inspect_source(source, "plate@2")  # said for this start, it holds
    uses("plate@2")
    station.save_settings(model="")
    station.inspect_source(source, "", "plate")
    uses("plate@1")


def test_a_released_file_that_was_changed_is_not_used(station: Station) -> None:
    station.improving.release("plate@1").result(60)
    path = station.improving.version("plate@1").path
    shutil.copy(path.with_name("2.linesight"), path)
    with pytest.raises(ModelError, match="was changed after it was released"):
        station.shelf.load("plate")


# -- backtests
def test_turns() -> None:
    p, f, r = Verdict.PASS, Verdict.FAIL, Verdict.RETEST
    assert [turn_of(True, *pair) for pair in ((p, f), (p, r), (f, p), (r, f))] == [
        Turn.NEWLY_CAUGHT, Turn.NEWLY_CAUGHT, Turn.NEWLY_ESCAPED, Turn.SAME
    ]  # fmt: skip
    assert [turn_of(False, *pair) for pair in ((p, f), (p, r), (f, p), (r, f))] == [
        Turn.NEWLY_REJECTED, Turn.SAME, Turn.NEWLY_PASSED, Turn.NEWLY_REJECTED
    ]  # fmt: skip
    assert turn_of(None, p, f) is Turn.DIFFERS and turn_of(None, f, f) is Turn.SAME


def test_a_backtest_on_the_saved_test_set(station: Station) -> None:
    desk = station.improving
    same = desk.backtest(Trial("plate@1")).result(60)
    assert len(same.rows) == 6 and same.count(Turn.SAME) == 6 and not same.failed
    metrics = desk.version("plate@1").metrics
    assert metrics is not None
    lax = desk.backtest(Trial("plate@1", threshold=1e5)).result(60)
    assert lax.count(Turn.NEWLY_ESCAPED) == sum(
        row.anomalous and row.verdict is not Verdict.PASS for row in metrics.rows
    )
    assert lax.rows[0].turn is not Turn.SAME and "threshold" in lax.words
    nowhere = desk.backtest(Trial("plate@1", regions=((0.0, 0.0, 0.02, 0.02),))).result(60)
    assert all(row.after.score <= row.before.score + 1e-9 for row in nowhere.rows)
    with pytest.raises(ModelError, match="within the picture"):
        desk.backtest(Trial("plate@1", regions=((0.5, 0.5, 0.9, 0.1),))).result(60)
    beside = desk.backtest(Trial("plate@2"), against="plate@1", test_set_of="plate@1").result(60)
    assert beside.running == "plate@1" and len(beside.rows) == 6
    before = {row.name: row.score for row in metrics.rows}
    assert all(row.before.score == before[row.name] for row in beside.rows)


def test_a_backtest_on_production_takes_the_review_for_the_truth(station: Station, small_set: Path) -> None:
    desk, store = station.improving, station.store
    ref = station.shelf.find("plate@1").ref
    good, bad = small_set / "normal" / "0.png", small_set / "anomaly" / "misprint" / "0.png"
    ids = []
    # The record says the opposite of what the version would say, so all of it turns.
    for number, (path, verdict) in enumerate(((good, Verdict.FAIL), (good, Verdict.FAIL), (bad, Verdict.PASS))):
        ids.append(_on_record(store, ref, path, verdict, number))
    _on_record(store, ref, good, Verdict.FAIL, 4, product="another")
    station.store.add_review(Review(ids[0], WHEN, "Susan", Verdict.PASS))
    day = WHEN.date()
    found = desk.backtest_on_production(Trial("plate@1", threshold=1e5), day - timedelta(1), day + timedelta(1)).result(
        60
    )
    turns = {row.inspection_id: (row.truth, row.turn) for row in found.rows}
    assert turns[ids[0]] == (False, Turn.NEWLY_PASSED) and turns[ids[1]] == (None, Turn.DIFFERS)
    assert turns[ids[2]][1] is Turn.SAME and len(found.rows) == 3
    assert [inspection.verdict for inspection in station.store.recent()].count(Verdict.FAIL) == 3, "nothing changes"
    with pytest.raises(ModelError, match="keeps no picture of plate"):
        desk.backtest_on_production(Trial("plate@1"), day + timedelta(9), day + timedelta(9)).result(60)


def _on_record(store: object, ref: ModelRef, path: Path, verdict: Verdict, number: int, product: str = "plate") -> str:
    from app.store import Store

    assert isinstance(store, Store)
    id, when = f"{number:032x}", WHEN + timedelta(minutes=number)
    image, sha = store.save_image(id, when, encode_png(read_picture(path)), ".png")
    store.add_inspection(
        Inspection(
            id=id,
            part_id=str(number),
            captured_at=when,
            judged_at=when,
            source="demo",
            station="S",
            product=product,
            frame_id=number,
            width=320,
            height=180,
            verdict=verdict,
            score=0.5,
            threshold=1.0,
            retest_from=0.9,
            confidence=None,
            reason="",
            regions=(),
            model=ref,
            milliseconds=1.0,
            image_path=image,
            image_sha256=sha,
        )
    )
    return id


def test_consequences_follow_a_slider(station: Station) -> None:
    own = station.improving.consequences("plate@1", None, LineFigures())
    assert own.threshold == station.improving.version("plate@1").threshold
    all_fail = station.improving.consequences("plate@1", 1e-6, LineFigures(100, 0.0))
    assert all_fail.false_rejects.value == 100


# -- shadow
def _outcome(number: int, score: float) -> Outcome:
    frame = Frame(picture(score, noise=number), "usb:0")
    found = detection(score)
    return Outcome(frame, found.verdict, found, None)


def test_the_shadow_takes_the_newest_and_counts_the_rest(tmp_path: Path) -> None:
    detector = FakeDetector(fails=lambda image: None)
    detector.gate.clear()
    told = threading.Event()
    place = tmp_path / "shadow.json"
    run = ShadowRun(detector, place, lambda: WHEN, told.set)  # type: ignore[arg-type]
    run.start()
    outcomes = [_outcome(number, FAIL if number == 3 else PASS) for number in range(1, 5)]
    run.offer(outcomes[0])
    wait_for(lambda: detector.begun)
    for outcome in (*outcomes[1:], outcomes[3]):
        run.offer(outcome)
    detector.gate.set()
    wait_for(lambda: run.told().compared == 2)
    run.stop()
    shadow = run.told()
    assert (shadow.compared, shadow.agreed, shadow.dropped, shadow.running) == (2, 2, 2, False)
    kept = read(place)
    assert kept is not None and kept.compared == 2 and kept.version == "plate@1"


def test_the_shadow_judges_beside_the_line_and_reaches_no_record(station: Station, small_set: Path) -> None:
    desk = station.improving
    assert desk.shadow() is None
    desk.start_shadow("plate@2").result(60)
    station.inspect_source(f"folder:{small_set / 'normal'}", "plate@1", "plate", remember=False)
    wait_for(lambda: station.session_counts().total == 20, 60)
    wait_for(lambda: desk.shadow().compared + desk.shadow().dropped >= 1, 30)  # type: ignore[union-attr]
    desk.stop_shadow()
    shadow = desk.shadow()
    assert shadow is not None and not shadow.running and shadow.version == "plate@2"
    assert shadow.compared + shadow.dropped <= 20 and shadow.live in ("plate@1", "")
    assert {str(each.model) for each in station.store.recent(50)} == {"plate@1"}
