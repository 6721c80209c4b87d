"""Three months of a factory as it could have been: five inspectors, three shifts, a change of the
clocks, seeded errors.

Rows go straight into the database, past the store, so that what the tests count independently is what was written."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from app.domain.inspection import Inspection, ModelRef
from app.domain.periods import Shift
from app.domain.region import Region
from app.domain.verdict import Verdict
from app.store import Store, rows

ZONE = ZoneInfo("Europe/Berlin")
BEGINS = time(6)
SHIFTS = (Shift("Early", time(6)), Shift("Late", time(14)), Shift("Night", time(22)))
FIRST, LAST = date(2026, 8, 24), date(2026, 11, 22)
PEOPLE = ("Adler", "Brandt", "Conti", "Dumont", "Eriksson")
LINES = ("Press 1", "Press 2")
PRODUCTS = ("Plate", "Bracket", "Housing & lid")
KINDS = ("scratch", "dent", "stain", "missing bolt")
MODELS = tuple(ModelRef("plate", version, f"{version:02d}" * 32, "EfficientNet-Lite0") for version in (3, 4))


@dataclass(frozen=True)
class History:
    folder: Path
    rows: int
    reviews: int

    @property
    def database(self) -> Path:
        return self.folder / "linesight.db"


def make(folder: Path, each_day: int = 60, seed: int = 5, pictures: list[bytes] | None = None) -> History:
    """A record of about `each_day` parts a day; the newest failed ones get one of `pictures`."""
    pick = random.Random(seed)
    parts = list(_parts(pick, each_day))
    with Store.open(folder / "linesight.db", folder / "images", reserve_bytes=0) as store:
        shots = {}
        if pictures:
            for number, each in enumerate([p for p in parts if p.verdict is Verdict.FAIL][-60:]):
                data = pictures[number % len(pictures)]
                shots[each.id] = store.save_image(each.id, each.captured_at, data, ".png")
    reviews = 0
    with closing(sqlite3.connect(folder / "linesight.db")) as connection:
        for seq, model in enumerate(MODELS, 1):
            _insert(connection, "model", {"seq": seq, **rows.model_row(model)})
        for seq, part in enumerate(parts, 1):
            row = rows.inspection_row(part)
            if part.id in shots:
                row["image_path"], row["image_sha256"] = shots[part.id]
            model = None if part.model is None else part.model.version - 2
            _insert(connection, "inspection", {"seq": seq, "model": model, **row})
            for region in rows.region_rows(seq, part.regions, rows.moment_to_int(part.captured_at)):
                _insert(connection, "region", region)
            for person, verdict in _reviews(pick, part):
                reviews += 1
                _insert(
                    connection,
                    "review",
                    {
                        "inspection": seq,
                        "at": rows.moment_to_int(part.captured_at) + reviews,
                        "person": person,
                        "verdict": verdict.value,
                        "label": "",
                        "note": "",
                    },
                )
        connection.commit()
    return History(folder, len(parts), reviews)


def _insert(connection: sqlite3.Connection, table: str, row: dict[str, object]) -> None:
    marks = ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))


def _parts(pick: random.Random, each_day: int) -> Iterator[Inspection]:
    # From the evening before the first day to the morning after the last one: some lie outside the period.
    begin = datetime(2026, 8, 23, 20, tzinfo=UTC)
    end = datetime(2026, 11, 23, 8, tzinfo=UTC)
    moment, number = begin, 0
    while True:
        moment += timedelta(seconds=pick.expovariate(each_day / 86_400))
        if moment >= end:
            return
        local = moment.astimezone(ZONE)
        if local.weekday() == 6 and moment < datetime(2026, 10, 1, tzinfo=UTC):
            continue  # no work on Sundays, until October
        number += 1
        product = PRODUCTS[number // 400 % 3]
        # Failures grow slowly, are more frequent at night and on one press; one bad day stands out.
        rate = 0.03 + 0.00035 * (moment - begin).days + 0.02 * (local.hour >= 22) + 0.015 * (number % 2)
        if local.date() == date(2026, 10, 14):
            rate = 0.35
        draw = pick.random()
        verdict = (
            Verdict.FAIL
            if draw < rate
            else Verdict.RETEST
            if draw < rate + 0.02
            else Verdict.ERROR
            if draw < rate + 0.024
            else Verdict.PASS
        )
        judged = verdict is not Verdict.ERROR
        model = MODELS[moment >= datetime(2026, 10, 5, tzinfo=UTC)] if judged else None
        threshold = (0.61 if moment < datetime(2026, 9, 20, tzinfo=UTC) else 0.64) if judged else None
        regions: tuple[Region, ...] = ()
        if verdict is Verdict.FAIL and pick.random() < 0.95:
            regions = tuple(
                Region(
                    x := pick.choice((10, 290, 560)),
                    y := pick.choice((10, 220, 440)),
                    40,
                    30,
                    900,
                    pick.choices(KINDS, (8, 4, 2, 1))[0],
                    0.9,
                    ((x, y), (x + 40, y + 5), (x + 20, y + 30)),
                )
                for _ in range(pick.choice((1, 1, 1, 2, 3)))
            )
        # Every seventh part is seen at Press 1 first and some minutes later at Press 2.
        serial = f"SN{number // 7:06d}" if number % 7 < 2 else ""
        yield Inspection(
            id=f"{seed_of(number):032x}",
            part_id=f"{number:06d}",
            captured_at=moment,
            judged_at=moment + timedelta(milliseconds=15),
            source=("usb:0", "usb:1", "rtsp://camera-3/stream")[number % 3],
            station=LINES[number % 7 if number % 7 < 2 else number % 2],
            product=product,
            frame_id=number,
            width=640,
            height=480,
            verdict=verdict,
            score=None
            if not judged
            else round(pick.uniform(0.65, 1) if verdict is Verdict.FAIL else pick.uniform(0, 0.6), 4),
            threshold=threshold,
            retest_from=0.55 if judged else None,
            confidence=None,
            reason="" if judged else "The detector gave no answer.",
            regions=regions,
            model=model,
            milliseconds=round(pick.uniform(8, 30), 3) if judged else None,
            error="" if judged else "The detector gave no answer.",
            serial=serial,
            lot=f"L{number // 200}",
            recipe="plate@2",
            operator=PEOPLE[(local.toordinal() + local.hour // 8) % 5] if pick.random() < 0.97 else "",
        )


def seed_of(number: int) -> int:
    """An id that does not rise with time."""
    return number * 0x9E3779B97F4A7C15 % (1 << 128)


def _reviews(pick: random.Random, part: Inspection) -> Iterator[tuple[str, Verdict]]:
    chance = {Verdict.FAIL: 0.6, Verdict.RETEST: 0.7, Verdict.ERROR: 0.3, Verdict.PASS: 0.03}[part.verdict]
    if pick.random() >= chance:
        return
    truth = {
        Verdict.FAIL: Verdict.PASS if pick.random() < 0.08 else Verdict.FAIL,
        Verdict.PASS: Verdict.FAIL if pick.random() < 0.05 else Verdict.PASS,
    }.get(part.verdict, Verdict.PASS if pick.random() < 0.6 else Verdict.FAIL)
    for person in pick.sample(PEOPLE, pick.choices((1, 2, 3), (6, 3, 1))[0]):
        wrong = pick.random() < (0.25 if person == "Conti" else 0.06)
        yield person, truth if not wrong else Verdict.PASS if truth is Verdict.FAIL else Verdict.FAIL
