"""Power cuts lose nothing that was answered; a damaged file is set aside, and read as far as it can be."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.errors import StoreError, StoreFullError
from app.domain.inspection import Inspection
from app.domain.parcel import Parcel, ParcelKind
from app.domain.person import Person, Role
from app.domain.verdict import Verdict
from app.paths import DataFolder
from app.station import Station
from app.store.auditing import verify
from app.store.roster import Secrets
from tests.store.samples import MODEL, NOON, alarm, inspection, integrity, open_store, raised
from tests.store.test_migrations import made_by, old_parts

ROOT = Path(__file__).resolve().parents[2]
COUNT = 500


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Inspection]]:
    """A record of 500 parts with audit rows, an alarm and a person, closed; and its parts by id."""
    folder = tmp_path_factory.mktemp("sound")
    with open_store(folder) as store:
        for second in range(COUNT):
            verdict = Verdict.FAIL if second % 5 == 0 else Verdict.PASS
            store.add_inspection(inspection(second, verdict, part_id=f"{store.next_part_number():06d}"))
            if second % 10 == 0:
                store.note("export", str(second), by="Anna", at=NOON)
        store.alarming.commit(raised(alarm()))
        store.people.add(Person("Anna", Role.MANAGER), Secrets("scrypt$", ""), by="", at=NOON)
        store.outbox.add([Parcel.of(f"k/{each}", ParcelKind.ENTRY, "", NOON, b"waits") for each in range(3)])
        store.outbox.sent(store.outbox.waiting(1))
        parts = {part.id: part for part in store.recent(COUNT)}
    return folder, parts


@pytest.fixture
def copy(sound: tuple[Path, dict[str, Inspection]], tmp_path: Path) -> Path:
    folder = tmp_path / "copy"
    shutil.copytree(sound[0], folder)
    return folder


def _overwrite(file: Path, place: int, data: bytes) -> None:
    with file.open("r+b") as opened:
        opened.seek(place)
        opened.write(data)


def _pages(folder: Path, table: str) -> list[int]:
    """Places in the file of the leaf pages of a table, by the order of its keys."""
    with closing(sqlite3.connect(folder / "linesight.db")) as connection:
        root = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()[0]
    data = (folder / "linesight.db").read_bytes()

    def leaves(number: int) -> list[int]:
        start = (number - 1) * 4096
        if data[start] not in (2, 5):
            return [start]
        cells = int.from_bytes(data[start + 3 : start + 5], "big")
        places = [int.from_bytes(data[start + 12 + 2 * n : start + 14 + 2 * n], "big") for n in range(cells)]
        children = [int.from_bytes(data[start + place : start + place + 4], "big") for place in places]
        last = int.from_bytes(data[start + 8 : start + 12], "big")
        return [leaf for child in (*children, last) for leaf in leaves(child)]

    return leaves(root)


def test_a_damaged_page_costs_its_rows_alone(copy: Path, sound: tuple[Path, dict[str, Inspection]]) -> None:
    leaves = _pages(copy, "inspection")
    assert len(leaves) > 10
    for hit in (leaves[0], leaves[7], leaves[8], leaves[-1]):
        _overwrite(copy / "linesight.db", hit, os.urandom(4096))
    damaged = (copy / "linesight.db").read_bytes()
    with open_store(copy) as store:
        told = store.recovery
        assert told is not None
        found = store.recent(COUNT)
        assert told.kept == len(found) and COUNT * 0.6 < told.kept < COUNT
        assert told.unreadable >= 2
        assert all(sound[1][part.id] == part for part in found)
        # Numbers go on behind what was given, alarms and people are there, and it can be written.
        assert store.next_part_number() > COUNT
        assert len(store.active_alarms()) == 1
        assert [person.name for person, _ in store.people.all()] == ["Anna"]
        waits = store.outbox.backlog()
        assert (waits.waiting, waits.sent) == (2, 1), "what waits for the bucket waits on"
        store.add_inspection(inspection(9000))
        (row,) = store.audit_entries(1)
        assert (row.action, row.subject) == (
            "recovery",
            told.set_aside.name,
        ) and f'"inspection": {told.kept}' in row.detail
        assert f"{told.kept} inspections were taken over" in told.words
    assert told.set_aside.read_bytes() == damaged
    assert integrity(copy) == "ok" and verify(copy / "linesight.db").ok
    with open_store(copy) as store:
        assert store.recovery is None


@pytest.mark.parametrize("table", ["inspection", "region", "audit", "sqlite_schema"])
def test_a_damaged_inner_page_hides_no_inspection(
    copy: Path, sound: tuple[Path, dict[str, Inspection]], table: str
) -> None:
    """All that leads to the rows of a table; the rows themselves are sound."""
    with closing(sqlite3.connect(copy / "linesight.db")) as connection:
        found = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
    _overwrite(copy / "linesight.db", (found[0] - 1) * 4096 if found else 100, bytes(3000))
    with open_store(copy) as store:
        assert store.recovery is not None and store.recovery.kept == COUNT
        parts = {part.id: part for part in store.recent(COUNT)}
    if table in ("inspection", "audit"):
        assert {part.id: part for part in parts.values() if part.model} in (parts, {})
        assert all(replace(part, model=MODEL) == sound[1][part.id] for part in parts.values())
    assert set(parts) == set(sound[1])
    assert integrity(copy) == "ok"


def test_rows_lost_in_the_middle_are_counted(copy: Path) -> None:
    leaves = _pages(copy, "inspection")
    _overwrite(copy / "linesight.db", leaves[6], bytes(4096))
    with open_store(copy) as store:
        assert store.recovery is not None
        assert store.recovery.lost == COUNT - store.recovery.kept > 0


def test_a_hole_in_the_audit_log_is_said(copy: Path) -> None:
    leaves = _pages(copy, "audit")
    _overwrite(copy / "linesight.db", leaves[0], os.urandom(4096))
    with open_store(copy) as store:
        (row,) = store.audit_entries(1)
        assert row.action == "recovery" and '"audit": ' in row.detail
    check = verify(copy / "linesight.db")
    assert check.broken is None and not check.ok, "nobody can tell what stood there"
    (hole,) = check.holes
    assert hole.first == 1 and 1 < hole.last < 51 and hole.noted_in == 52 and "rows 1 to" in check.words
    with closing(sqlite3.connect(copy / "linesight.db")) as connection:
        connection.executescript("DROP TRIGGER audit_no_delete; DELETE FROM audit WHERE seq = 51")
        connection.commit()
    later = verify(copy / "linesight.db")
    assert later.broken == 51 and later.holes == (hole,), "a row that goes later is no hole of the damage"


@pytest.mark.parametrize("seed", [1, 4, 9, 14, 19, 22])
def test_random_bytes_anywhere(copy: Path, sound: tuple[Path, dict[str, Inspection]], seed: int) -> None:
    """Whatever is hit: it opens, is sound afterwards, invents nothing, and most is there."""
    chance = random.Random(seed)
    file = copy / "linesight.db"
    for _ in range(chance.randint(1, 6)):
        length = chance.choice((1, 16, 300, 5000))
        _overwrite(file, chance.randrange(4096, file.stat().st_size - length), chance.randbytes(length))
    try:
        with open_store(copy) as store:
            found, told = store.recent(1000), store.recovery
    except StoreError:  # met only now: the next start knows
        with open_store(copy) as store:
            found, told = store.recent(1000), store.recovery
        assert told is not None
    assert len(found) <= COUNT
    # Bytes inside a text are damage that no database can see; a text is then another one, but in no new row.
    assert len({part.id for part in found} & set(sound[1])) >= len(found) - 12
    if told is None:
        assert len(found) == COUNT
    else:
        assert told.kept == len(found) and told.set_aside.is_file()
        assert len(found) > COUNT // 2
        assert integrity(copy) == "ok"
    with open_store(copy) as store:
        store.add_inspection(inspection(9000))


@pytest.mark.parametrize("what", ["no database", "first page", "end cut off", "cut to nothing usable"])
def test_a_file_that_tells_little_or_nothing(copy: Path, what: str) -> None:
    file = copy / "linesight.db"
    if what == "no database":
        file.write_text("Lorem ipsum " * 1000)
    elif what == "first page":
        _overwrite(file, 0, bytes(4096))
    else:
        # The first half is empty tables and indexes: 300 parts are little beside the schema.
        os.truncate(file, file.stat().st_size * 3 // 4 if what == "end cut off" else 5000)
    before = file.read_bytes()
    with open_store(copy) as store:
        assert store.recovery is not None and store.recovery.set_aside.read_bytes() == before
        assert store.recovery.kept == len(store.recent(COUNT))
        if what == "end cut off":
            assert store.recovery.kept > 20
        store.add_inspection(inspection())
    assert integrity(copy) == "ok"
    check = verify(file)
    assert check.broken is None and check.holes, "what is missing of the audit log is noted, and no more"


@pytest.mark.parametrize("step", ["0001", "0002"])
def test_a_damaged_record_of_an_older_schema(tmp_path: Path, step: str) -> None:
    made_by(step, tmp_path)
    (leaf,) = _pages(tmp_path, "alarm")
    _overwrite(tmp_path / "linesight.db", leaf, os.urandom(4096))
    with open_store(tmp_path) as store:
        assert store.recovery is not None and store.recovery.kept == 3
        assert list(reversed(store.recent())) == old_parts()
        assert store.recent()[0].model == MODEL and store.next_part_number() == 4


def test_damage_met_while_running_is_looked_for_at_the_next_start(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files too large to be looked at whole each time."""
    monkeypatch.setattr("app.store.database._CHECKED_BYTES", 0)
    for leaf in _pages(copy, "inspection")[3:9]:
        _overwrite(copy / "linesight.db", leaf, bytes(4096))
    with open_store(copy) as store:
        assert store.recovery is None  # the newest row is well
        with pytest.raises(StoreError, match="Start the station again"):
            store.recent(COUNT)
    with open_store(copy) as store:
        assert store.recovery is not None and 0 < store.recovery.kept < COUNT
    with open_store(copy) as store:
        assert store.recovery is None


def test_a_damaged_record_in_use_or_without_room_stays_as_it_is(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for leaf in _pages(copy, "inspection")[3:9]:
        _overwrite(copy / "linesight.db", leaf, bytes(4096))
    before = (copy / "linesight.db").read_bytes()
    with closing(sqlite3.connect(copy / "linesight.db")) as other:
        other.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        with pytest.raises(StoreError, match="in use"):
            open_store(copy)
    monkeypatch.setattr("app.store.recovery.salvage", _no_room)
    with pytest.raises(StoreFullError):
        open_store(copy)
    assert (copy / "linesight.db").read_bytes() == before
    assert not list(copy.glob("*damaged*")) and not list(copy.glob(".linesight*"))


def _no_room(*_: object) -> None:
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    raise error


# -- power cuts
def test_a_log_cut_anywhere_keeps_every_commit_before_the_cut(tmp_path: Path) -> None:
    """What a disk had written when the power went: the -wal ends at some byte. Every commit that lies whole before
    it is there, and nothing half."""
    live = tmp_path / "live"
    live.mkdir()
    with open_store(live) as store:
        # (bytes of the -wal, parts) after each commit; none of it is in the database yet.
        commits = [(0, 0)]
        for second in range(30):
            store.add_inspection(inspection(second, Verdict.FAIL), raised(alarm(second)))
            store.note("export", str(second), by="Anna", at=NOON)
            commits.append(((live / "linesight.db-wal").stat().st_size, second + 1))
        for name in ("linesight.db", "linesight.db-wal"):
            shutil.copy(live / name, tmp_path / name)
    log, chance = (tmp_path / "linesight.db-wal").read_bytes(), random.Random(11)
    cuts = [chance.randrange(commits[1][0], len(log)) for _ in range(9)] + [commits[4][0], commits[4][0] - 1, len(log)]
    for number, cut in enumerate(cuts):
        folder = tmp_path / f"cut{number}"
        folder.mkdir()
        shutil.copy(tmp_path / "linesight.db", folder)
        (folder / "linesight.db-wal").write_bytes(log[:cut])
        whole = max(parts for size, parts in commits if size <= cut)
        with open_store(folder) as store:
            assert store.recovery is None
            found = sorted(part.frame_id for part in store.recent(100))
            # The commit after the last whole pair may have got in: the part, without its audit row.
            assert found in (list(range(whole)), list(range(whole + 1))), cut
            assert len(store.active_alarms()) == len(found)
            assert len(store.audit_entries()) == whole
        assert integrity(folder) == "ok"


@pytest.mark.parametrize("seed", range(3))
def test_a_log_with_wrong_bytes_in_it_is_read_up_to_there(tmp_path: Path, seed: int) -> None:
    live = tmp_path / "live"
    live.mkdir()
    with open_store(live) as store:
        for second in range(20):
            store.add_inspection(inspection(second))
        shutil.copytree(live, tmp_path / "cut", ignore=shutil.ignore_patterns("*-shm"))
    log = tmp_path / "cut" / "linesight.db-wal"
    chance = random.Random(seed)
    _overwrite(log, chance.randrange(150_000, log.stat().st_size - 64), chance.randbytes(64))
    with open_store(tmp_path / "cut") as store:
        found = sorted(part.frame_id for part in store.recent(100))
        assert found == list(range(len(found))) and len(found) < 20
    assert integrity(tmp_path / "cut") == "ok"


_RECORD = """
import sys, threading
from pathlib import Path
from app.domain.verdict import Verdict
from app.paths import DataFolder
from app.station import Station
from tests.store.samples import NOON, alarm, inspection, open_store, raised

store, said = open_store(Path(sys.argv[1])), threading.Lock()
def work(worker):
    for second in range(100_000):
        part = inspection(second, Verdict.FAIL)
        store.add_inspection(part, raised(alarm(second, inspection_id=part.id)))
        with said:
            print("part", part.id, flush=True)
        store.note("export", part.id, by=str(worker), at=NOON)
        with said:
            print("note", part.id, flush=True)
for worker in range(3):
    threading.Thread(target=work, args=(worker,)).start()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_killed_in_the_middle_of_commits_again_and_again(tmp_path: Path) -> None:
    """Three threads commit without a pause, so that the signal comes in the middle of one. Nothing that was answered
    is ever missing, and the audit log is whole each time."""
    answered: dict[str, set[str]] = {"part": set(), "note": set()}
    for wanted in (7, 60):
        with subprocess.Popen(
            [sys.executable, "-c", _RECORD, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as recorder:
            assert recorder.stdout is not None
            lines = [recorder.stdout.readline() for _ in range(wanted)]
            recorder.send_signal(signal.SIGKILL)
            lines += [line for line in recorder.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
            assert recorder.wait(20) == -signal.SIGKILL
        for line in lines:
            kind, id = line.split()
            answered[kind].add(id)
        assert verify(tmp_path / "linesight.db").ok
        with open_store(tmp_path) as store:
            assert store.recovery is None
            assert answered["part"] <= {part.id for part in store.recent(100_000)}
            assert answered["note"] <= {row.subject for row in store.audit_entries(100_000)}
            assert answered["part"] <= {found.inspection_id for found in store.active_alarms()}
    assert len(answered["part"]) > 15  # about half of the lines that were waited for
    assert integrity(tmp_path) == "ok"


def test_a_person_hears_of_it(copy: Path) -> None:
    for leaf in _pages(copy, "inspection")[3:9]:
        _overwrite(copy / "linesight.db", leaf, bytes(4096))
    station = Station(DataFolder(copy))
    try:
        newest = station.active_alarms()[0]
        assert newest.title == "The record was damaged" and "Restore a backup" in newest.detail
    finally:
        station.close()
