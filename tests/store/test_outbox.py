"""Parcels are committed with what they tell of, and survive a kill -9 neither lost nor doubled."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from app.domain.alarm import AlarmChange
from app.domain.inspection import Inspection
from app.domain.parcel import Backlog, Parcel, ParcelKind, read_hours
from app.domain.records import Review
from app.domain.verdict import Verdict
from app.store import Store
from tests.store.samples import NOON, alarm, inspection, integrity, open_store, raised

ROOT = Path(__file__).resolve().parents[2]
KIND = ParcelKind.INSPECTION_LINE


class Plain:
    """Writes what it is told down as one parcel each."""

    def inspection(self, row: Inspection) -> Iterator[Parcel]:
        yield Parcel.of(f"row/{row.id}", KIND, row.id, row.captured_at, row.part_id.encode())

    def review(self, review: Review, of: Inspection) -> Iterator[Parcel]:
        yield Parcel.of(f"review/{of.id}/{review.seq}", ParcelKind.ENTRY, of.id, review.at, of.part_id.encode())

    def alarms(self, change: AlarmChange) -> Iterator[Parcel]:
        for each in change.alarms:
            yield Parcel.of(f"alarm/{each.id}", ParcelKind.ALARMS, "", each.raised_at, each.title.encode())


def entry(number: int, part: str = "", size: int = 3) -> Parcel:
    return Parcel.of(f"k/{number}", ParcelKind.ENTRY, part, NOON + timedelta(seconds=number), b"x" * size)


def keys(store: Store) -> list[str]:
    return [each.parcel.key for each in store.outbox.waiting(1000)]


def test_nothing_is_written_until_it_is_switched_on(store: Store) -> None:
    store.add_inspection(inspection(1))
    assert store.outbox.backlog() == Backlog()
    store.outbox.connect(Plain())
    store.add_inspection(inspection(2))
    store.outbox.connect(None)
    store.add_inspection(inspection(3))
    assert [each.parcel.body for each in store.outbox.lines(KIND, 10)] == [b"3"]
    assert store.outbox.backlog().waiting == 1 and keys(store) == []


def test_rows_reviews_and_alarms_are_put_in_once(store: Store) -> None:
    store.outbox.connect(Plain())
    row = inspection(1, Verdict.FAIL)
    bell = alarm(1)
    store.add_inspection(row, raised(bell))
    store.add_inspection(row, raised(alarm(2)))  # known already: changes nothing
    number = store.reviewing.add(Review(row.id, NOON, "Susan", Verdict.PASS))
    assert keys(store) == [f"alarm/{bell.id}", f"review/{row.id}/{number}"]
    assert [each.parcel.part for each in store.outbox.lines(KIND, 10)] == [row.id]


def test_what_fails_to_commit_is_not_put_in(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.outbox.connect(Plain())

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(store.alarming, "add", broken)
    with pytest.raises(ZeroDivisionError):
        store.add_inspection(inspection(1), raised(alarm(1)))
    assert store.recent() == [] and store.outbox.backlog().waiting == 0


def test_a_composer_that_fails_never_stops_the_record(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Plain, row: Inspection) -> Iterator[Parcel]:
        yield entry(1)
        raise ValueError(row.id)

    monkeypatch.setattr(Plain, "inspection", broken)
    store.outbox.connect(Plain())
    store.add_inspection(inspection(1))
    assert len(store.recent()) == 1
    (dead,) = store.outbox.dead()
    assert "see the log" in dead.error and keys(store) == []
    assert store.outbox.again() == 0, "there is nothing to be sent"


def test_the_order_and_what_is_left_out(store: Store) -> None:
    box = store.outbox
    assert box.add([entry(1, "a"), entry(2, "b"), entry(3, "a"), entry(4, "c")]) == 4
    assert box.add([entry(1, "a"), entry(5)]) == 1
    assert keys(store) == ["k/1", "k/2", "k/3", "k/4", "k/5"]
    first = box.waiting(1)[0]
    assert [each.parcel.key for each in box.waiting(9, without=[first.seq])] == ["k/2", "k/4", "k/5"]
    last = box.waiting(9)[-1]
    box.add([entry(6)])
    assert box.waiting(9, without=[last.seq])[-1].parcel.key == "k/6", "parcels of no part wait alone"
    box.sent(box.waiting(9)[-1:])
    box.refused(first.seq, "not now", dead=False)
    assert box.waiting(1)[0].attempts == 1 and box.waiting(1)[0].error == "not now"
    box.refused(first.seq, "never", dead=True)
    assert keys(store) == ["k/2", "k/3", "k/4", "k/5"] and [each.error for each in box.dead()] == ["never"]
    assert box.backlog() == Backlog(4, 12, NOON + timedelta(seconds=2), 1, 1, 3)
    assert box.again() == 1 and keys(store)[0] == "k/1"
    box.sent(box.waiting(2))
    box.sent([first])  # again: counted once
    assert box.backlog() == Backlog(3, 9, NOON + timedelta(seconds=3), 0, 3, 9)


def test_lines_are_exchanged_whole_or_not_at_all(store: Store) -> None:
    box = store.outbox
    box.connect(Plain())
    for second in range(5):
        store.add_inspection(inspection(second))
    lines = box.lines(KIND, 3)
    assert box.exchange(lines, [entry(1)]) and keys(store) == ["k/1"]
    assert not box.exchange(lines, [entry(2)]), "another process was first"
    assert keys(store) == ["k/1"] and len(box.lines(KIND, 9)) == 2


@pytest.mark.parametrize("wrong", ["22", "22:00", "a-b", "22:00-22:00", "25:00-06:00"])
def test_hours_that_are_none_are_refused_in_words(wrong: str) -> None:
    with pytest.raises(ValueError, match="22:00-06:00"):
        read_hours(wrong)


_RECORD = """
import itertools, sys
from pathlib import Path
from app.domain.verdict import Verdict
from tests.store.samples import alarm, inspection, open_store, raised
from tests.store.test_outbox import KIND, Plain, entry

store = open_store(Path(sys.argv[1]), 1 << 20)
store.outbox.connect(Plain())
for second in itertools.count():
    record = inspection(second, Verdict.FAIL)
    bell = alarm(second, inspection_id=record.id)
    store.add_inspection(record, raised(bell))
    if second % 7 == 3:
        store.outbox.exchange(store.outbox.lines(KIND, 5), [entry(second)])
    print(record.id, bell.id, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_rows_and_parcels_survive_sigkill_together(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _RECORD, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as recorder:
        assert recorder.stdout is not None
        try:
            for _ in range(60):
                recorder.stdout.readline()
        finally:
            recorder.send_signal(signal.SIGKILL)
        recorder.stdout.read()
        assert recorder.wait(20) == -signal.SIGKILL
    with open_store(tmp_path) as store:
        rows = {each.id for each in store.recent(10_000)}
        bells = {each.id for each in store.alarm_history(10_000)}
        lines = {each.parcel.part for each in store.outbox.lines(KIND, 10_000)}
        objects = keys(store)
    assert len(rows) >= 60 and lines <= rows
    assert {key.removeprefix("alarm/") for key in objects if key.startswith("alarm/")} == bells
    # Five lines went for each object they became.
    assert len(rows) - len(lines) == sum(min(5, 1 + n) if n < 5 else 5 for n in _exchanged(objects))
    assert integrity(tmp_path) == "ok"
    with closing(sqlite3.connect(tmp_path / "linesight.db")) as connection:
        assert connection.execute("SELECT count(*) FROM outbox WHERE dead").fetchone() == (0,)


def _exchanged(objects: list[str]) -> list[int]:
    return [int(key.removeprefix("k/")) for key in objects if key.startswith("k/")]
