"""The words that the record holds, counting, and what is known about one part."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.domain.records import Offered, RecordQuery
from app.domain.retention import RetentionRule
from app.domain.verdict import Verdict
from app.store import Store
from app.store.retention import Retention
from tests.store.samples import NOON, SCRATCH, alarm, inspection, open_store, raised


@pytest.fixture
def store(tmp_path: Path):  # type: ignore[no-untyped-def]
    with open_store(tmp_path) as made:
        yield made


def test_the_words_are_offered_once_each_by_alphabet(store: Store) -> None:
    assert store.browsing.offered() == Offered()
    for number in range(60):
        store.add_inspection(
            inspection(
                number,
                Verdict.FAIL,
                product=("Plate", "Bracket", "Cover")[number % 3],
                operator=("", "Ben", "Anna")[number % 3],
                lot="" if number < 20 else f"L{number // 20}",
                regions=(replace(SCRATCH, label=("scratch", "dent")[number % 2]),),
            )
        )
    assert store.browsing.offered() == Offered(
        ("Bracket", "Cover", "Plate"), ("dent", "scratch"), ("Anna", "Ben"), ("L2", "L1")
    )


def test_words_are_found_along_an_index(store: Store) -> None:
    """Reading every row for the words would take seconds with a million of them."""
    store.add_inspection(inspection())
    with store._read() as connection:
        for table, column, only in (
            ("inspection", "product", ""),
            ("inspection", "operator", " AND operator != ''"),
            ("region", "label", ""),
        ):
            query = f"EXPLAIN QUERY PLAN SELECT min({column}) FROM {table} WHERE {column} > 'a'{only}"
            plan = " ".join(str(row[3]) for row in connection.exec_driver_sql(query))
            assert "SEARCH" in plan and "INDEX" in plan, plan


def test_counting_ends_where_it_was_told_to(store: Store) -> None:
    for number in range(30):
        store.add_inspection(inspection(number, serial=f"SN-{number:03d}"))
    assert store.browsing.count(RecordQuery(), 100) == 30
    assert store.browsing.count(RecordQuery(code="SN-01"), 100) == 10
    assert store.browsing.count(RecordQuery(), 7) == 7


def test_a_serial_is_exact(store: Store) -> None:
    ids = []
    for number, serial in enumerate(("SN-1", "SN-10", "SN-1", "")):
        one = inspection(number, serial=serial)
        store.add_inspection(one)
        ids.append(one.id)
    assert store.browsing.of_serial("SN-1", 10) == [ids[2], ids[0]]
    assert store.browsing.of_serial("SN-1", 1) == [ids[2]]
    assert store.browsing.of_serial("", 10) == []


def test_alarms_about_a_part_are_its_own_and_those_that_went_on(store: Store) -> None:
    part = inspection(10, Verdict.FAIL)
    store.add_inspection(part, raised(alarm(10, inspection_id=part.id)))
    during = alarm(5, last_at=NOON + timedelta(seconds=20), title="Defect: dent")
    for other in (during, alarm(5, source="usb:0", last_at=NOON + timedelta(seconds=20)), alarm(30)):
        store.alarming.commit(raised(other))
    found = store.browsing.alarms_about(part)
    assert [(one.title, one.inspection_id == part.id) for one in found] == [
        ("Defect: dent", False),
        ("Defect: scratch, upper left", True),
    ]


def test_the_rule_that_took_a_picture_away_is_found(store: Store) -> None:
    parts = []
    for days in (40, 20):
        one = inspection(captured_at=NOON - timedelta(days=days))
        path, digest = store.save_image(one.id, one.captured_at, b"picture", ".jpg")
        one = replace(one, image_path=path, image_sha256=digest)
        store.add_inspection(one)
        parts.append(one)
    retention = Retention(store)
    for days in (30, 10):
        retention.apply(retention.plan(RetentionRule(pass_days=days), NOON, 10**12), "Anna")
    found = [store.browsing.removal_of(store.inspection(one.id) or one) for one in parts]
    assert ['"pass_days": 30' in one.detail for one in found if one] == [True, False]
    assert store.browsing.removal_of(inspection()) is None
