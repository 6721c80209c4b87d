"""What raises an alarm, and what ends it again."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace

import pytest

from app.alarms import AlarmBook
from app.alarms.health import GB, Backlog, HealthPorts, look
from app.alarms.rules import MOST_SOURCES, RuleWatch
from app.domain.alarm import Alarm, AlarmState
from app.domain.alarm_rule import AlarmConfig, AlarmRule, RuleKind, default_rules
from app.domain.errors import LinesightError
from app.domain.verdict import Verdict
from app.store import Store
from tests.alarms.clocks import Clock
from tests.store.samples import MODEL, SCRATCH, inspection

SIZE = (640, 480)
WORDS = {"P": Verdict.PASS, "F": Verdict.FAIL, "R": Verdict.RETEST, "E": Verdict.ERROR}


def book_of(store: Store, *rules: AlarmRule, **more: object) -> AlarmBook:
    return AlarmBook(store, config=AlarmConfig(rules=rules), **more)  # type: ignore[arg-type]


def parts(store: Store, book: AlarmBook, verdicts: str, start: int = 0, **changes: object) -> None:
    for second, letter in enumerate(verdicts, start):
        row = inspection(second, WORDS[letter], **changes)
        with book.raised_by(row, SIZE) as change:
            store.add_inspection(row, change)


def of_kind(book: AlarmBook, kind: str) -> list[Alarm]:
    return [one for one in book.active() if one.kind == kind]


@pytest.mark.parametrize(
    ("verdicts", "raised", "state"),
    [
        ("FF", 0, None),
        ("FFPFF", 0, None),
        ("FFF", 1, AlarmState.UNACKNOWLEDGED),
        ("FFFFF", 3, AlarmState.UNACKNOWLEDGED),
        ("FRFEF", 1, AlarmState.UNACKNOWLEDGED),  # RETEST and ERROR say nothing of the part
        ("FFFP", 1, AlarmState.CLEARED),
        ("FFFPFFF", 2, AlarmState.UNACKNOWLEDGED),
    ],
)
def test_fails_in_a_row(store: Store, verdicts: str, raised: int, state: AlarmState | None) -> None:
    book = book_of(store, AlarmRule("row", RuleKind.IN_A_ROW, n=3))
    parts(store, book, verdicts)
    found = of_kind(book, "in_a_row")
    assert [(one.count, one.state) for one in found] == ([(raised, state)] if raised else [])


def test_fails_among_the_last_end_at_half_the_limit(store: Store) -> None:
    book = book_of(store, AlarmRule("last", RuleKind.OF_LAST, n=4, of=10))
    parts(store, book, "FPFPFP")
    assert book.active() == []
    parts(store, book, "F", 6)
    (one,) = book.active()
    assert one.title == "4 FAILs in the last 7 parts"
    parts(store, book, "PPPPP", 7)  # 3 of the last 10: below the limit, above its half
    assert book.active()[0].state is AlarmState.UNACKNOWLEDGED
    parts(store, book, "PP", 12)  # 2 of the last 10
    assert book.active()[0].state is AlarmState.CLEARED


def test_one_defect_type_that_comes_too_often(store: Store) -> None:
    book = book_of(store, AlarmRule("rate", RuleKind.TYPE_RATE, label="dent", percent=10, of=20))
    dent = replace(SCRATCH, label="dent")
    parts(store, book, "F" * 10)  # scratches
    parts(store, book, "FF", 10, regions=(dent,))
    assert book.active() == []
    parts(store, book, "F", 12, regions=(dent,))
    (one,) = book.active()
    assert (one.kind, one.title) == ("type_rate", "dent: 15.0 % of the last 20 parts")
    parts(store, book, "P" * 19, 13)
    assert book.active()[0].state is AlarmState.CLEARED


def scores(count: int, middle: float, chance: random.Random) -> Iterable[float]:
    return (middle * chance.lognormvariate(0, 0.2) for _ in range(count))


def good(store: Store, book: AlarmBook, values: Iterable[float], start: int, **changes: object) -> None:
    for second, score in enumerate(values, start):
        row = inspection(second, score=score, **changes)
        with book.raised_by(row, SIZE) as change:
            store.add_inspection(row, change)


def test_the_drift_of_good_scores_is_found_and_survives_a_restart(store: Store) -> None:
    rule = AlarmRule("drift", RuleKind.DRIFT, baseline=60)
    chance = random.Random(5)
    book = book_of(store, rule)
    good(store, book, scores(160, 0.3, chance), 0)
    assert book.active() == [], "its own scatter is no drift"
    book = book_of(store, rule)  # a restart must not take the drifted level for the usual one
    good(store, book, scores(60, 0.36, chance), 200)
    (one,) = book.active()
    assert one.kind == "drift" and one.title.startswith("The score of good parts has drifted up by")
    assert one.count == 1, "a drift is one cause, however many parts show it"
    good(store, book, scores(80, 0.3, chance), 300)
    assert book.active()[0].state is AlarmState.CLEARED
    other = replace(MODEL, sha256="cd" * 32)
    good(store, book, scores(50, 0.9, chance), 400, model=other)
    assert book.active()[0].state is AlarmState.CLEARED, "another model has scores of its own"


def test_windows_go_on_after_a_restart(store: Store) -> None:
    rule = AlarmRule("row", RuleKind.IN_A_ROW, n=3)
    parts(store, book_of(store, rule), "PFF")
    book = book_of(store, rule)
    assert book.active() == [], "what went before raises nothing by itself"
    parts(store, book, "F", 3)
    assert [one.title for one in book.active()] == ["3 FAILs in a row"]


def test_sources_and_products_are_apart_and_memory_is_bounded() -> None:
    watch = RuleWatch()
    watch.use([AlarmRule("row", RuleKind.IN_A_ROW, n=2), AlarmRule("last", RuleKind.OF_LAST, n=2, of=1000)])
    for number in range(500):
        row = inspection(number, Verdict.FAIL, source=f"usb:{number}")
        findings, states = watch.look(row, SIZE, lambda rule, source: False)
        assert not any(finding.holds for finding in findings)
        watch.keep(states)
    assert watch.kept <= 2 * MOST_SOURCES


def test_a_part_that_is_not_on_record_counts_for_no_rule(store: Store) -> None:
    book = book_of(store, AlarmRule("row", RuleKind.IN_A_ROW, n=2))
    with pytest.raises(OSError, match="full"), book.raised_by(inspection(0, Verdict.FAIL), SIZE):
        raise OSError("full")
    parts(store, book, "F")
    assert book.active() == []


def test_rules_switched_off_raise_nothing_and_end_what_they_raised(store: Store) -> None:
    rules = (AlarmRule("defect", RuleKind.DEFECT), AlarmRule("camera", RuleKind.CAMERA))
    book = book_of(store, *rules)
    parts(store, book, "F")
    book.raise_alarm("camera", "usb:0", "Camera lost", "Check its plug.")
    assert len(book.active()) == 2
    book.use(AlarmConfig(rules=tuple(replace(rule, on=False) for rule in rules)))
    assert book.active() == []
    parts(store, book, "F", 1)
    book.raise_alarm("camera", "usb:0", "Camera lost", "Check its plug.")
    book.raise_alarm("disk", "demo", "Pictures are not kept", "The disk is full.")
    assert [one.kind for one in book.active()] == ["disk"], "what loses data is never switched off"


def test_health_that_is_low_and_well_again(store: Store, clock: Clock) -> None:
    config = AlarmConfig(rules=tuple(replace(rule, on=True, label="dent") for rule in default_rules()))
    book = AlarmBook(store, now=clock.now, config=config)
    free, waiting, model = [1.5 * GB], [Backlog(2000, 60)], ["plate@4"]
    ports = HealthPorts(lambda: int(free[0]), lambda: waiting[0], lambda: model[0])
    for _ in range(3):
        look(book, config, ports)
    assert {one.kind: (one.title, one.count) for one in book.active()} == {
        "disk_low": ("1.5 GB free", 1),
        "backlog": ("2000 results wait for the cloud", 1),
        "unreleased": ("Model plate@4 is not released", 1),
    }
    free[0], waiting[0], model[0] = 2.1 * GB, Backlog(3, 4000), ""
    look(book, config, ports)
    states = {one.kind: one.state for one in book.active()}
    assert states["disk_low"] is AlarmState.UNACKNOWLEDGED, "a little above the limit is not well yet"
    assert states["backlog"] is AlarmState.UNACKNOWLEDGED, "few wait, but one of them too long"
    assert states["unreleased"] is AlarmState.CLEARED
    free[0], waiting[0] = 3 * GB, Backlog(0, 0)
    look(book, config, ports)
    assert {one.state for one in book.active()} == {AlarmState.CLEARED}
    look(book, config, HealthPorts(lambda: None, lambda: None, lambda: None))
    assert HealthPorts().fed() == frozenset()


def test_a_line_that_is_not_reached_and_reached_again(store: Store, clock: Clock) -> None:
    config = AlarmConfig(rules=default_rules())
    book = AlarmBook(store, now=clock.now, config=config)
    lost: dict[str, tuple[float, str]] = {"MQTT": (20.0, "The broker is gone."), "Webhook": (100.0, "It answers 500.")}
    ports = HealthPorts(line=lambda: lost)
    assert ports.fed() == {RuleKind.LINE}
    for _ in range(2):
        look(book, config, ports)
    assert [(one.source, one.title, one.detail, one.count) for one in book.active()] == [
        ("Webhook", "Webhook does not reach the line", "It answers 500.", 1)
    ], "half a minute is not over for the broker"
    lost["MQTT"] = (31.0, "The broker is gone.")
    look(book, config, ports)
    assert {one.source for one in book.active()} == {"MQTT", "Webhook"}
    del lost["Webhook"]
    look(book, config, ports)
    assert {one.source: one.state for one in book.active()} == {
        "MQTT": AlarmState.UNACKNOWLEDGED,
        "Webhook": AlarmState.CLEARED,
    }
    lost.clear()
    look(book, config, ports)
    assert {one.state for one in book.active()} == {AlarmState.CLEARED}


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"kind": RuleKind.IN_A_ROW, "n": 1}, "between 2 and 1000"),
        ({"kind": RuleKind.OF_LAST, "n": 60, "of": 50}, "among the last 50"),
        ({"kind": RuleKind.OF_LAST, "n": 2.5}, "whole number"),
        ({"kind": RuleKind.TYPE_RATE}, "name the defect type"),
        ({"kind": RuleKind.DRIFT, "weight": "much"}, "must be a number"),
    ],
)
def test_numbers_that_make_no_rule_are_refused_in_words(rule: dict[str, object], words: str) -> None:
    with pytest.raises(LinesightError, match=words):
        AlarmRule("mine", **rule)  # type: ignore[arg-type]
