"""What is put into the record comes out of it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.counts import Counts
from app.domain.errors import StoreError
from app.domain.inspection import Inspection, ModelRef
from app.domain.region import Region
from app.domain.verdict import Verdict
from app.store import Store
from tests.store.samples import MODEL, NOON, SCRATCH, alarm, inspection, open_store, raised

FULL = inspection(
    7.123456,
    Verdict.FAIL,
    part_id="Teil \u2116 7 \u00e4\u00f6\u00fc \U0001f529",
    source="folder:/srv/Bilder/\u68c0\u67e5",
    station="Pr\u00fcfplatz 'A'; DROP TABLE inspection;--",
    frame_id=2**40,
    confidence=0.97,
    regions=(
        SCRATCH,
        Region(0, 0, 1, 1, 1, "\u51f9\u75d5", 0.7),
        replace(SCRATCH, x=300, label="dent", area_mm2=12.5, severity=0.4),
    ),
    image_path="images/2026/11/22/x.png",
    image_sha256="0f" * 32,
    stored_score=0.829,
    error="line one\nline two\ttab",
)
ERROR = inspection(
    1, Verdict.ERROR, score=None, threshold=None, retest_from=None, reason="", model=None, milliseconds=None,
    error="The detector gave no answer.",
)  # fmt: skip


@pytest.mark.parametrize("record", [FULL, ERROR, inspection(), inspection(verdict=Verdict.RETEST, regions=(SCRATCH,))])
def test_every_field_comes_back_also_from_a_new_process_view(tmp_path: Path, record: Inspection) -> None:
    with open_store(tmp_path) as store:
        store.add_inspection(record)
    with open_store(tmp_path) as store:
        found = store.inspection(record.id)
        assert found is not None
        for field in fields(Inspection):
            assert getattr(found, field.name) == getattr(record, field.name), field.name
        assert store.recent() == [record]


def test_unknown_id_is_none(store: Store) -> None:
    assert store.inspection("0" * 32) is None


_numbers = st.none() | st.floats(allow_nan=False)
_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
_regions = st.builds(
    Region,
    *[st.integers(0, 20000)] * 5,
    _texts,
    st.floats(allow_nan=False),
    st.lists(st.tuples(st.integers(0, 20000), st.integers(0, 20000)), max_size=5).map(tuple),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    reason=_texts,
    part=_texts,
    score=_numbers,
    confidence=_numbers,
    regions=st.lists(_regions, max_size=4).map(tuple),
    moment=st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1)),  # noqa: DTZ001
    hours=st.integers(-12, 14),
    model=st.none() | st.builds(ModelRef, _texts, st.integers(0, 9), _texts, _texts),
)
def test_any_record_comes_back(
    store: Store,
    reason: str,
    part: str,
    score: float | None,
    confidence: float | None,
    regions: tuple[Region, ...],
    moment: datetime,
    hours: int,
    model: ModelRef | None,
) -> None:
    captured = moment.replace(tzinfo=timezone(timedelta(hours=hours)))
    record = inspection(
        reason=reason,
        part_id=part,
        score=score,
        confidence=confidence,
        regions=regions,
        captured_at=captured,
        model=model,
    )
    store.add_inspection(record)
    found = store.inspection(record.id)
    assert found == record
    assert found is not None and found.captured_at.utcoffset() == timedelta(0)


def test_numbers_of_numpy_and_odd_file_names_are_kept(store: Store) -> None:
    record = inspection(
        verdict=Verdict.FAIL,
        score=np.float32(0.5),
        milliseconds=np.float64(12.0),
        frame_id=np.int64(5),
        source="folder:/srv/\udcff.png",  # a name that is no UTF-8
        regions=(Region(*np.arange(5, dtype=np.int32), "dent", np.float32(0.25), ((np.int32(1), np.int32(2)),)),),
    )
    store.add_inspection(record)
    found = store.inspection(record.id)
    assert found is not None
    assert (found.score, found.milliseconds, found.frame_id) == (0.5, 12.0, 5)
    assert found.regions == (Region(0, 1, 2, 3, 4, "dent", 0.25, ((1, 2),)),)
    assert found.source == "folder:/srv/?.png"
    assert store.recent(source=record.source) == [found]


def test_a_moment_without_a_zone_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="zone"):
        store.add_inspection(inspection(captured_at=NOON.replace(tzinfo=None)))
    assert store.recent() == []


def test_the_first_verdict_stays(store: Store) -> None:
    first = inspection(verdict=Verdict.FAIL)
    store.add_inspection(first)
    store.add_inspection(replace(first, verdict=Verdict.PASS, regions=(), score=0.0), raised(alarm()))
    assert store.recent() == [first]
    assert store.active_alarms() == []


def test_alarm_and_inspection_are_committed_together(store: Store) -> None:
    bad = inspection(verdict=Verdict.FAIL)
    store.add_inspection(bad, raised(alarm(inspection_id=bad.id)))
    assert [found.inspection_id for found in store.active_alarms()] == [bad.id]
    with pytest.raises(OverflowError):  # the alarm can't be written: the inspection is not there either
        store.add_inspection(inspection(1, Verdict.FAIL), raised(alarm(count=2**70)))
    assert store.recent() == [bad]


def test_recent_is_newest_first_by_capture_and_by_source(store: Store) -> None:
    records = [inspection(second, source="usb:0" if second % 3 == 0 else "demo") for second in (5, 1, 9, 3, 3, 0, 7)]
    for record in records:
        store.add_inspection(record)
    newest = sorted(enumerate(records), key=lambda pair: (pair[1].captured_at, pair[0]), reverse=True)
    assert store.recent() == [record for _, record in newest]
    assert store.recent(2) == [record for _, record in newest][:2]
    assert store.recent(source="usb:0") == [record for _, record in newest if record.source == "usb:0"]


def test_a_period_is_streamed_in_order_and_half_open(store: Store) -> None:
    # More than two pieces of the stream, and many rows of one moment across their borders.
    records = [inspection(second // 400) for second in range(1300)]
    for record in reversed(records):
        store.add_inspection(record)
    records += [inspection(-1), inspection(4)]
    for record in records[-2:]:
        store.add_inspection(record)
    found = list(store.inspections(NOON, NOON + timedelta(seconds=4)))
    assert [record.captured_at for record in found] == sorted(record.captured_at for record in records[:1300])
    assert {record.id for record in found} == {record.id for record in records[:1300]}


def test_records_may_be_added_while_a_period_is_read(store: Store) -> None:
    for second in range(600):
        store.add_inspection(inspection(second))
    seen = 0
    for number, _ in enumerate(store.inspections(NOON, NOON + timedelta(hours=1))):
        if number == 10:
            store.add_inspection(inspection(601))
        seen += 1
    assert seen == 601


def test_counts_of_a_period(store: Store) -> None:
    verdicts = [Verdict.PASS] * 5 + [Verdict.FAIL] * 2 + [Verdict.RETEST] + [Verdict.ERROR] * 3
    for second, verdict in enumerate(verdicts):
        store.add_inspection(inspection(second, verdict))
    assert store.counts(NOON, NOON + timedelta(seconds=11)) == Counts(5, 2, 1, 3)
    assert store.counts(NOON + timedelta(seconds=4), NOON + timedelta(seconds=6)) == Counts(1, 1, 0, 0)
    assert store.counts(NOON + timedelta(days=1), NOON + timedelta(days=2)) == Counts()


def test_counts_know_their_total_and_yield() -> None:
    counts = Counts(passed=3, failed=1, retest=5, error=7)
    assert counts.total == 16
    assert counts.yield_ == 0.75
    assert Counts(retest=2, error=1).yield_ is None
    assert counts.plus(Verdict.ERROR) == Counts(3, 1, 5, 8)
    assert [counts.of(verdict) for verdict in (Verdict.PASS, Verdict.FAIL, Verdict.RETEST, Verdict.ERROR)] == [
        3,
        1,
        5,
        7,
    ]
    assert counts + Counts(1, 1, 1, 1) == Counts(4, 2, 6, 8)


def test_part_numbers_rise_and_are_not_used_twice(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        assert [store.next_part_number() for _ in range(70)] == list(range(1, 71))
    with open_store(tmp_path) as store:
        assert store.next_part_number() == 71  # closed properly: no gap
        with open_store(tmp_path) as other:  # a second program at the same record
            theirs = {other.next_part_number() for _ in range(100)}
        ours = {store.next_part_number() for _ in range(100)}
        assert not theirs & ours
    with open_store(tmp_path) as store:
        assert store.next_part_number() > max(theirs | ours)


def test_many_threads_write_and_read_at_once(store: Store) -> None:
    start = threading.Barrier(6)

    def write(worker: int) -> list[int]:
        start.wait(10)
        numbers = []
        for second in range(20):
            store.add_inspection(inspection(second, Verdict.FAIL, frame_id=worker), raised(alarm(second)))
            numbers.append(store.next_part_number())
        return numbers

    def read(_: int) -> list[int]:
        start.wait(10)
        return [store.counts(NOON, NOON + timedelta(hours=1)).total + 0 * len(store.recent()) for _ in range(20)]

    with ThreadPoolExecutor(6) as pool:
        writers = [pool.submit(write, worker) for worker in range(4)]
        readers = [pool.submit(read, worker) for worker in range(2)]
        numbers = [number for writer in writers for number in writer.result(60)]
        for reader in readers:
            assert reader.result(60) == sorted(reader.result())
    assert sorted(numbers) == list(range(1, 81))
    assert store.counts(NOON, NOON + timedelta(hours=1)) == Counts(failed=80)
    assert len(store.active_alarms()) == 80


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.close()
    store.close()
    for call in (lambda: store.add_inspection(inspection()), store.recent, store.next_part_number, store.active_alarms):
        with pytest.raises(StoreError, match="closed"):
            call()


def test_models_are_kept_apart(store: Store) -> None:
    other = replace(MODEL, sha256="cd" * 32)
    records = [inspection(0), inspection(1, model=other), inspection(2, model=None), inspection(3)]
    for record in records:
        store.add_inspection(record)
    assert [record.model for record in reversed(store.recent())] == [MODEL, other, None, MODEL]


def test_any_number_of_parts_is_read_by_the_same_few_statements(store: Store) -> None:
    """Each connection keeps its newest statements: one for each number of parts would fill the memory with them."""
    for second in range(9):
        store.add_inspection(inspection(second, Verdict.FAIL))
    asked: list[str] = []

    def hear(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        asked.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", hear)
    try:
        assert [len(store.recent(number)) for number in (1, 2, 5, 9, 20)] == [1, 2, 5, 9, 9]
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", hear)
    assert len(asked) > len(set(asked)) == len(asked) // 5
