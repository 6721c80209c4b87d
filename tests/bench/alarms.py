"""What the rules of the alarms cost a part: `python main.py bench alarms [--quick] [--json]`.

All rules are on, the windows are as long as they may be and full. Told apart: looking at the rules alone, and the whole
of `AlarmBook.raised_by` with what it writes, beside the commit of the inspection itself.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from app.alarms import AlarmBook
from app.cli.benching import Figure
from app.domain.alarm_rule import AlarmConfig, AlarmRule, default_rules
from app.domain.inspection import Inspection
from app.domain.verdict import Verdict
from app.store import Store
from tests.store.samples import inspection, open_store

Step = Callable[[float, str], None]

SIZE = (640, 480)


def run(quick: bool, step: Step) -> list[Figure]:
    count = 500 if quick else 3000
    rules = tuple(replace(rule, on=True, label="scratch", of=1000, baseline=100) for rule in default_rules())
    chance = random.Random(1)
    parts = []
    for second in range(count):
        verdict = Verdict.FAIL if chance.random() < 0.03 else Verdict.PASS
        parts.append(inspection(second, verdict, score=chance.lognormvariate(-1, 0.2)))
    figures: list[Figure] = []
    step(0.0, "Looking at the rules")
    with _book(rules) as (book, _):

        def look(part: Inspection) -> None:
            with book.raised_by(part, SIZE):
                pass

        figures += _figures("all rules, nothing written", look, parts, floor=1.0)
    for fraction, words, some in ((0.3, "no rule", ()), (0.6, "all rules", rules)):
        step(fraction, f"Committing with {words}")
        with _book(some) as (book, store):

            def commit(part: Inspection, book: AlarmBook = book, store: Store = store) -> None:
                with book.raised_by(part, SIZE) as change:
                    store.add_inspection(part, change)

            figures += _figures(f"an inspection committed with {words}", commit, parts[:500])
    return figures


@contextmanager
def _book(rules: tuple[AlarmRule, ...]) -> Iterator[tuple[AlarmBook, Store]]:
    with tempfile.TemporaryDirectory(prefix="linesight-bench-") as folder, open_store(Path(folder)) as store:
        yield AlarmBook(store, config=AlarmConfig(rules=rules)), store


def _figures(
    words: str, work: Callable[[Inspection], None], parts: list[Inspection], floor: float | None = None
) -> list[Figure]:
    taken = []
    for part in parts:
        began = time.perf_counter()
        work(part)
        taken.append(1e3 * (time.perf_counter() - began))
    taken.sort()
    return [
        Figure(f"{words}, p50", taken[len(taken) // 2], "ms", floor),
        Figure(f"{words}, p99", taken[int(len(taken) * 0.99)], "ms", floor),
    ]
