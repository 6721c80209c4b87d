"""Measures the record: searches over a million inspections, a commit into it, and reports of 100,000 in a process of
their own: the workbook with small pictures, without them (an older record), and by the command line.
`python main.py bench records [--quick] [--json]`."""

from __future__ import annotations

import json
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from app.cameras.demo import draw_part
from app.cli.benching import Figure
from app.domain.inspection import Inspection, ModelRef
from app.domain.records import RecordQuery
from app.domain.region import Region
from app.domain.verdict import Verdict
from app.pictures import encode_png, encode_small
from app.store import Store, rows
from app.store.pictures import SMALL_SUFFIX

Step = Callable[[float, str], None]

ROOT = Path(__file__).resolve().parents[2]
START = datetime(2026, 1, 1, tzinfo=UTC)
APART = timedelta(seconds=20)
MODEL = ModelRef("plate", 3, "ab" * 32, "EfficientNet-Lite0")
PRODUCTS = ("Plate", "Bracket", "Housing", "Cover")
PEOPLE = ("Anna", "Ben", "Carla", "Dilek", "")
KINDS = ("scratch", "dent", "stain", "misprint")
WORKBOOK_ROWS = 100_000
PICTURES = 500


def run(quick: bool, step: Step) -> list[Figure]:
    count = 60_000 if quick else 1_000_000
    with tempfile.TemporaryDirectory(prefix="linesight-bench-") as name:
        folder = Path(name)
        step(0.0, f"Making {count:,} inspections")
        begin = time.perf_counter()
        fill(folder, count)
        made = time.perf_counter() - begin
        size = (folder / "linesight.db").stat().st_size
        figures = [
            Figure(f"making the record of {count:,} inspections", made, "s"),
            Figure("database file for 1,000 inspections", size / count * 1000 / 1e6, "MB"),
        ]
        step(0.4, "Searching")
        figures += _searches(folder, count, 5 if quick else 40)
        step(0.6, "Committing")
        figures += _commits(folder, 50 if quick else 300)
    step(
        0.7, "Writing the workbook of 100,000 inspections" if not quick else "Writing a workbook of 20,000 inspections"
    )
    return figures + (_workbook(20_000, 50) if quick else _workbook(WORKBOOK_ROWS, PICTURES))


def fill(folder: Path, count: int, pictures: int = 0) -> None:
    """A record of `count` inspections of one every 20 s, written past the store (which commits each durably); the
    newest `pictures` FAIL parts have a picture of 1280 x 720, with the small one beside it."""
    with Store.open(folder / "linesight.db", folder / "images", reserve_bytes=0) as store:
        shots = {}
        if pictures:
            drawn = [encode_png(draw_part(21, index)) for index in range(12)]
            failed = [number for number in range(count) if _verdict(number) is Verdict.FAIL][-pictures:]
            small = [encode_small(draw_part(21, index)) for index in range(12)]
            for number in failed:
                shots[number] = store.save_image(f"{number:032x}", START + number * APART, drawn[number % 12], ".png")
                store.save_small(shots[number][0], small[number % 12])
    with closing(sqlite3.connect(folder / "linesight.db")) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA cache_size=-200000")
        _insert(connection, "model", [{"seq": 1, **rows.model_row(MODEL)}])
        found: list[Inspection] = []
        first = 1
        for part in _parts(count, shots):
            found.append(part)
            if len(found) == 20_000:
                _write(connection, first, found)
                first, found = first + len(found), []
        _write(connection, first, found)
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _verdict(number: int) -> Verdict:
    draw = number * 2654435761 % 1000
    return Verdict.FAIL if draw < 30 else Verdict.RETEST if draw < 45 else Verdict.ERROR if draw < 46 else Verdict.PASS


def _parts(count: int, shots: dict[int, tuple[str, str]]) -> Iterator[Inspection]:
    chance = random.Random(3)
    for number in range(count):
        verdict = _verdict(number)
        moment = START + number * APART
        path, digest = shots.get(number, ("", ""))
        regions: tuple[Region, ...] = ()
        if verdict is Verdict.FAIL:
            kind = KINDS[min(int(chance.expovariate(1.2)), 3)]
            outline = ((100, 200), (160, 205), (130, 240))
            regions = (Region(100, 200, 60, 40, 1200, kind, 0.83, outline),) * chance.choice((1, 1, 2))
        yield Inspection(
            id=f"{number:032x}",
            part_id=f"{number:07d}",
            captured_at=moment,
            judged_at=moment,
            source="usb:0",
            station="Station 1" if number % 3 else "Station 2",
            # Runs of one product, as on a line; Cover was made in spring alone.
            product="Cover" if number < count // 50 else PRODUCTS[number // 3000 % 3],
            frame_id=number,
            width=1280,
            height=720,
            verdict=verdict,
            score=0.83 if verdict is Verdict.FAIL else 0.31,
            threshold=0.61,
            retest_from=0.55,
            confidence=0.97,
            reason="scratch, upper left, 0.83 >= 0.61" if verdict is Verdict.FAIL else "0.31 < 0.55",
            regions=regions,
            model=MODEL,
            milliseconds=14.5,
            image_path=path,
            image_sha256=digest or f"{number:064x}",
            serial=f"SN{(number * 7919) % 10_000_000:07d}",
            lot=f"L{number // 500}",
            operator=PEOPLE[number // 1400 % 5],
        )


def _write(connection: sqlite3.Connection, first: int, parts: list[Inspection]) -> None:
    made = [{"seq": seq, "model": 1, **rows.inspection_row(part)} for seq, part in enumerate(parts, first)]
    _insert(connection, "inspection", made)
    regions = [
        row
        for seq, part in enumerate(parts, first)
        for row in rows.region_rows(seq, part.regions, rows.moment_to_int(part.captured_at))
    ]
    _insert(connection, "region", regions)


def _insert(connection: sqlite3.Connection, table: str, values: list[dict[str, object]]) -> None:
    if values:
        names = list(values[0])
        marks = ", ".join("?" * len(names))
        statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"
        connection.executemany(statement, [tuple(row.values()) for row in values])


def _searches(folder: Path, count: int, rounds: int) -> list[Figure]:
    """The 95th percentile and the median of each question's time, and the worst of all; then a page in the middle."""
    day = START + count // 2 * APART
    cover = count // 50
    questions = {
        "newest": RecordQuery(),
        "serial, whole": RecordQuery(code=f"SN{(count // 2 * 7919) % 10_000_000:07d}"),
        "serial that is none": RecordQuery(code="SNX"),
        "part number, whole": RecordQuery(code=f"{count // 3:07d}"),
        "beginning all parts share": RecordQuery(code="0"),
        "beginning of the oldest parts": RecordQuery(code="0000"),
        "lot": RecordQuery(lot="L7"),
        "day": RecordQuery(start=day, end=day + timedelta(days=1)),
        "product": RecordQuery(product="Plate"),
        "product made long ago": RecordQuery(product="Cover"),
        "verdict": RecordQuery(verdict=Verdict.ERROR),
        "type": RecordQuery(label="misprint"),
        "type that is none": RecordQuery(label="crack"),
        "inspector": RecordQuery(operator="Carla"),
        "station": RecordQuery(station="Station 2"),
        "station that is none": RecordQuery(station="Station 9"),
        "day, product, verdict, type, inspector": RecordQuery(
            start=day,
            end=day + timedelta(days=1),
            product="Plate",
            verdict=Verdict.FAIL,
            label="scratch",
            operator="Anna",
        ),
        "old product, FAIL": RecordQuery(product="Cover", verdict=Verdict.FAIL),
        "old product, type": RecordQuery(product="Cover", label="scratch"),
        "old product, later days": RecordQuery(product="Cover", start=START + cover * APART),
        "inspector, product, station, FAIL": RecordQuery(
            operator="Anna", product="Housing", station="Station 2", verdict=Verdict.FAIL
        ),
        "inspector, type, month": RecordQuery(operator="Ben", label="dent", start=day, end=day + timedelta(days=30)),
        "all parts' beginning, old product": RecordQuery(code="SN", product="Cover"),
        "station of other parts, PASS, old product": RecordQuery(
            station="Station 9", verdict=Verdict.PASS, product="Cover"
        ),
    }
    figures: list[Figure] = []
    every: list[float] = []
    worst, work = ("", 0.0), 0.0
    with Store.open(folder / "linesight.db", folder / "images", reserve_bytes=0) as store:
        for words, query in questions.items():
            taken, worked = [], []
            for _ in range(rounds):
                begin, began = time.perf_counter(), time.thread_time()
                page = store.search(query, 50)
                taken.append((time.perf_counter() - begin) * 1e3)
                worked.append((time.thread_time() - began) * 1e3)
            work = max(work, statistics.median(worked))
            every += taken
            late = float(np.quantile(taken, 0.95))
            figures.append(Figure(f"search by {words} ({len(page)} found), p95", late, "ms", floor=100, aim=30))
            figures.append(Figure(f"search by {words}, p50", statistics.median(taken), "ms", floor=100, aim=30))
            worst = max(worst, (words, late), key=lambda each: each[1])
        middle = store.search(RecordQuery(code=f"{count // 2:07d}"))[0].id
        taken = []
        for _ in range(rounds):
            begin = time.perf_counter()
            store.search(RecordQuery(product="Plate", verdict=Verdict.FAIL), 50, middle)
            taken.append((time.perf_counter() - begin) * 1e3)
        figures.append(
            Figure("a page in the middle, product and verdict, p95", float(np.quantile(taken, 0.95)), "ms", 100, 30)
        )
    return [
        Figure(f"slowest search over {count:,} inspections, by {worst[0]}, p95", worst[1], "ms", 100, 50),
        Figure(f"all {len(every)} searches, p95", float(np.quantile(every, 0.95)), "ms", 100, 50),
        Figure("the search with the most work: time of one core, p50", work, "ms"),
        Figure("the longest single one of them", max(every), "ms"),
        *figures,
    ]


def _commits(folder: Path, rounds: int) -> list[Figure]:
    """A durable commit of one FAIL part into the full record."""
    part = next(_parts(1, {}))
    region = Region(1, 2, 3, 4, 12, "scratch", 0.8)
    taken = []
    with Store.open(folder / "linesight.db", folder / "images", reserve_bytes=0) as store:
        for number in range(rounds):
            moment = datetime.now(UTC)
            one = replace(
                part,
                id=uuid.uuid4().hex,
                captured_at=moment,
                serial=f"N{number}",
                regions=(region,),
                part_id=f"N{number}",
            )
            begin = time.perf_counter()
            store.add_inspection(one)
            taken.append((time.perf_counter() - begin) * 1e3)
    return [
        Figure("a durable commit into it, p50", statistics.median(taken), "ms"),
        Figure("a durable commit into it, p95", float(np.quantile(taken, 0.95)), "ms"),
    ]


_WORKBOOK = """
import sys, time
from datetime import UTC
from pathlib import Path
from app.reports import write_workbook
from app.store import Store
from tests.bench.records import APART, START
folder, count = Path(sys.argv[1]), int(sys.argv[2])
last = (START + count * APART).date()
begin = time.perf_counter()
with Store.open(folder / "linesight.db", folder / "images", reserve_bytes=0) as store:
    write_workbook(store, START.date(), last, folder / "report.xlsx", zone=UTC, station="Station 1")
print(time.perf_counter() - begin)
"""

_WATCH = """
import json, resource, subprocess, sys, time
begin = time.perf_counter()
done = subprocess.run([sys.executable, *sys.argv[1:]], capture_output=True, text=True)
seconds = time.perf_counter() - begin
used = resource.getrusage(resource.RUSAGE_CHILDREN)
worked = used.ru_utime + used.ru_stime
print(json.dumps({"seconds": seconds, "worked": worked, "peak": used.ru_maxrss * 1024, "out": done.stdout}))
sys.stderr.write(done.stderr)
sys.exit(done.returncode)
"""


def _told(*command: str) -> dict[str, Any]:
    """What a process took. A small one starts it: the system counts what the starting one holds as the other's."""
    done = subprocess.run([sys.executable, "-c", _WATCH, *command], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the report could not be written:\n{done.stderr}")
    return dict(json.loads(done.stdout))


def _workbook(count: int, pictures: int) -> list[Figure]:
    full = count == WORKBOOK_ROWS
    seconds = {"floor": 20.0, "aim": 15.0} if full else {}
    memory = {"floor": 500.0, "aim": 300.0}
    words = f"workbook of {count:,} inspections with {pictures} pictures"
    with tempfile.TemporaryDirectory(prefix="linesight-bench-") as name:
        folder = Path(name)
        fill(folder, count, pictures)
        made = _told("-c", _WORKBOOK, name, str(count))
        figures = [
            Figure(words, float(made["out"]), "s", **seconds),
            Figure(f"{words}: time of one core, with starting", made["worked"], "s"),
            Figure(f"{words}: highest memory of its process", made["peak"] / 1e6, "MB", **memory),
            Figure(f"{words}: file", (folder / "report.xlsx").stat().st_size / 1e6, "MB"),
        ]
        last = (START + count * APART).date().isoformat()
        ends = ["--from", START.date().isoformat(), "--to", last, "--out", f"{name}/command.xlsx", "--data-dir", name]
        made = _told(str(ROOT / "main.py"), "report", *ends)
        words = f"`report`: {words}"
        figures += [
            Figure(f"{words}, with starting", made["seconds"], "s", **seconds),
            Figure(f"{words}: time of one core, with starting", made["worked"], "s"),
            Figure(f"{words}: highest memory of its process", made["peak"] / 1e6, "MB", **memory),
        ]
        if full:
            for small in (folder / "images").rglob(f"*{SMALL_SUFFIX}"):
                small.unlink()
            made, again = (_told("-c", _WORKBOOK, name, str(count)) for _ in range(2))
            words = "the same workbook of an older record, which has no small pictures"
            figures += [
                Figure(f"{words}: the next time", float(again["out"]), "s", **seconds),
                Figure(words, float(made["out"]), "s"),
                Figure(f"{words}: time of one core, with starting", made["worked"], "s"),
                Figure(f"{words}: highest memory of its process", made["peak"] / 1e6, "MB", **memory),
            ]
    return figures
