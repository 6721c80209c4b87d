"""What the rules of the alarms cost a part: `python tests/bench/alarms.py`.

All rules are on, the windows are as long as they may be and full. Told apart: looking at the rules alone, and the whole
of `AlarmBook.raised_by` with what it writes, beside the commit of the inspection itself.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from app.alarms import AlarmBook
from app.domain.alarm_rule import AlarmConfig, default_rules
from app.domain.inspection import Inspection
from app.domain.verdict import Verdict
from app.store import Store
from tests.store.samples import inspection, open_store

SIZE = (640, 480)
PARTS = 3000


def main() -> None:
    rules = tuple(replace(rule, on=True, label="scratch", of=1000, baseline=100) for rule in default_rules())
    chance = random.Random(1)
    rows = [
        inspection(
            second, Verdict.FAIL if chance.random() < 0.03 else Verdict.PASS, score=chance.lognormvariate(-1, 0.2)
        )
        for second in range(PARTS)
    ]
    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder)) as store:
        book = AlarmBook(store, config=AlarmConfig(rules=rules))

        def look(row: Inspection) -> None:
            with book.raised_by(row, SIZE):
                pass

        report("rules alone, nothing written", look, rows)
    for words, with_rules in (("inspection committed, no rule", False), ("inspection committed, all rules", True)):
        with tempfile.TemporaryDirectory() as folder, open_store(Path(folder)) as store:
            book = AlarmBook(store, config=AlarmConfig(rules=rules if with_rules else ()))
            report(words, lambda row, book=book, store=store: commit(book, store, row), rows[:1000])


def commit(book: AlarmBook, store: Store, row: Inspection) -> None:
    with book.raised_by(row, SIZE) as change:
        store.add_inspection(row, change)


def report(words: str, work: Callable[[Inspection], None], rows: list[Inspection]) -> None:
    taken = []
    for row in rows:
        began = time.perf_counter()
        work(row)
        taken.append(1e3 * (time.perf_counter() - began))
    taken.sort()
    middle, high = taken[len(taken) // 2], taken[int(len(taken) * 0.99)]
    print(f"{words}: p50 {middle:.3f} ms, p99 {high:.3f} ms")


if __name__ == "__main__":
    main()
