"""The search finds what it is asked for, newest first, page by page."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.domain.checkpoint import CheckpointAnswer
from app.domain.errors import StoreError
from app.domain.inspection import Inspection
from app.domain.records import RecordQuery
from app.domain.verdict import Verdict
from app.domain.wear import Wear, WearLimit
from app.store import Store, searching
from tests.store.samples import NOON, SCRATCH, inspection, open_store

_DENT = replace(SCRATCH, label="dent", x=200)


@pytest.fixture(scope="module")
def parts() -> list[Inspection]:
    """400 parts of two products, three people and five lots; several share a moment, and some come out of order."""
    chance = random.Random(5)
    found = []
    for number in range(400):
        verdict = chance.choices(list(Verdict), (80, 12, 6, 2))[0]
        regions = chance.choice([(SCRATCH,), (SCRATCH, _DENT), (_DENT, _DENT), ()]) if verdict is Verdict.FAIL else ()
        found.append(
            inspection(
                number // 3 + chance.randrange(4),
                verdict,
                id=f"{number:032x}",
                part_id=f"{number:06d}",
                serial="" if number % 4 == 0 else f"SN-{number % 90:04d}-{number}",
                lot="" if number < 100 else f"L{number // 80}",
                product=chance.choice(["Plate", "Bracket"]),
                operator=chance.choice(["", "Anna", "Ben"]),
                station=chance.choice(["Station 1", "Station 2"]),
                regions=regions,
            )
        )
    return found


@pytest.fixture(scope="module")
def full(parts: list[Inspection], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store(tmp_path_factory.mktemp("search")) as store:
        for part in parts:
            store.add_inspection(part)
        yield store


def expected(parts: list[Inspection], query: RecordQuery) -> list[Inspection]:
    """The same by plain reading."""

    def fits(part: Inspection) -> bool:
        return (
            (not query.code or part.part_id.startswith(query.code) or part.serial.startswith(query.code))
            and all(
                not getattr(query, name) or getattr(query, name) == getattr(part, name)
                for name in ("lot", "product", "verdict", "operator", "station")
            )
            and (not query.label or query.label in {region.label for region in part.regions})
            and (query.start is None or part.captured_at >= query.start)
            and (query.end is None or part.captured_at < query.end)
        )

    found = [(part.captured_at, number, part) for number, part in enumerate(parts) if fits(part)]
    return [part for _, _, part in sorted(found, key=lambda each: each[:2], reverse=True)]


_ANSWERS = {
    "code": ("SN-00", "0003", "SN-0089-179", "7"),
    "lot": ("L3", "nothing"),
    "product": ("Plate", "Rivet"),
    "verdict": (Verdict.FAIL, Verdict.ERROR),
    "label": ("scratch", "dent"),
    "operator": ("Anna",),
    "station": ("Station 2",),
    "start": (NOON + timedelta(seconds=40),),
    "end": (NOON + timedelta(seconds=90),),
}


def _queries() -> list[RecordQuery]:
    """Nothing, everything alone, every pair, and some of many conditions."""
    found = [RecordQuery()]
    for size in (1, 2):
        for names in itertools.combinations(_ANSWERS, size):
            found += [
                RecordQuery(**dict(zip(names, values, strict=True)))
                for values in itertools.product(*(_ANSWERS[name] for name in names))
            ]
    chance = random.Random(8)
    for _ in range(60):
        names = chance.sample(list(_ANSWERS), chance.randint(3, 6))
        found.append(RecordQuery(**{name: chance.choice(_ANSWERS[name]) for name in names}))  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize("peek", [searching._PEEK, 10])
def test_it_finds_what_plain_reading_finds(
    parts: list[Inspection], full: Store, peek: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "_PEEK", peek)  # 10: the indexes have to answer
    for query in _queries():
        wanted = [part.id for part in expected(parts, query)]
        assert [part.id for part in full.search(query, limit=1000)] == wanted, query
        assert [part.id for part in full.search(query, limit=7)] == wanted[:7], query


@pytest.mark.parametrize(
    "query",
    [
        RecordQuery(),
        RecordQuery(verdict=Verdict.PASS),
        RecordQuery(code="SN-0"),
        RecordQuery(label="dent"),
        RecordQuery(label="scratch", product="Plate"),
        RecordQuery(code="0", operator="Ben", start=NOON + timedelta(seconds=20)),
    ],
    ids=str,
)
def test_pages_join_without_gap_or_double(
    parts: list[Inspection], full: Store, query: RecordQuery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "_PEEK", 10)
    seen: list[Inspection] = []
    while page := full.search(query, limit=9, before=seen[-1].id if seen else ""):
        seen += page
    assert seen == expected(parts, query)
    assert len(seen) > 9


def test_a_new_part_moves_no_page(store: Store) -> None:
    for second in range(10):
        store.add_inspection(inspection(second))
    first = store.search(RecordQuery(product="Plate"), limit=4)
    store.add_inspection(inspection(20))
    second = store.search(RecordQuery(product="Plate"), limit=4, before=first[-1].id)
    assert [part.part_id for part in (*first, *second)] == ["10", "9", "8", "7", "6", "5", "4", "3"]
    with pytest.raises(StoreError, match="no inspection nowhere"):
        store.search(RecordQuery(), before="nowhere")


def test_odd_words_are_words(store: Store) -> None:
    odd = ["100%", "a_b", "it's", "Größe", "零件", "x\udcff"]
    for number, code in enumerate(odd):
        store.add_inspection(inspection(number, part_id=code, serial=f"s{code}", lot=code, operator=code))
    for number, code in enumerate(odd):
        for query in (RecordQuery(code=code), RecordQuery(lot=code), RecordQuery(operator=code, code=f"s{code}")):
            assert [part.frame_id for part in store.search(query)] == [number], query
    assert store.search(RecordQuery(code="%")) == []


def test_the_row_says_why(store: Store, tmp_path: Path) -> None:
    """Everything a question about one part needs comes back as it was given."""
    limit = WearLimit("corrosion", 12.5, "mm2")
    part = inspection(
        serial="SN-77",
        lot="L-4",
        recipe="plate@2",
        operator="Anna",
        camera='{"exposure_us": 5000}',
        checkpoints=(CheckpointAnswer("bolt 1", "turned", 1.4, 1.0, 3, 4, 48, 48, "bolt 1: turned"),),
        wear=(Wear(limit, 3.25, 0.26),),
    )
    store.add_inspection(part)
    assert store.search(RecordQuery(code="SN-77")) == [part]
    store.note_outputs(part.id, '{"line": "OK"}')
    assert store.inspection(part.id) == replace(part, outputs='{"line": "OK"}')
    with pytest.raises(StoreError, match="no inspection nowhere"):
        store.note_outputs("nowhere", "{}")
