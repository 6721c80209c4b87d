"""What a period of the record means for the plan: `plan.py` for the station's own inspections and reviews."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import polars as pl

from app.domain.verdict import Verdict
from app.reports import plan
from app.reports.chance import binomial_test, fleiss_kappa, mann_kendall, share
from app.reports.figures import NO_TARGETS, Figures, Targets
from app.reports.plan import Line

_NOUN = "parts"
_KINDS = 5
_MOST = 5
_DAYS = 5
_WEEK = 5
"""Days of work that are forecast together."""
STATION = "the station"


def record_plan(figures: Figures, targets: Targets = NO_TARGETS) -> list[Line]:
    """What can be said of the period; empty where nothing was inspected."""
    rows = _rows(figures)
    if not rows.height:
        return []
    return [
        *plan.totals(rows, _NOUN),
        *_against_plan(figures, targets),
        *plan.shares(rows, _NOUN),
        *plan.trend(rows, _NOUN),
        *_kinds(rows),
        *plan.people(rows, _NOUN),
        *_agreement(figures),
        *_more(figures, rows),
        *plan.forecast(rows, targets.minutes, _NOUN),
        *plan.forecast(rows, targets.minutes, _NOUN, _WEEK),
        *_rework_unknown(targets),
    ]


def _rows(figures: Figures) -> pl.DataFrame:
    """As `plan.py` takes them: one row a part; missing values are null."""
    names = ("date", "shift", "inspector", "verdict", "defect", "place", "station", "product", "number")
    schema = {name: pl.Date if name == "date" else pl.Int64 if name == "number" else pl.String for name in names}
    kinds = pl.DataFrame(
        [(*(each[:3]), each.verdict.value, *each[4:]) for each in figures.rows], schema=schema, orient="row"
    )
    kinds = kinds.with_columns(pl.col(pl.String).replace("", None))
    return kinds.select(pl.exclude("number").repeat_by("number").explode())


def _against_plan(figures: Figures, targets: Targets) -> Iterator[Line]:
    planned = targets.failed
    if planned is None or not 0 < planned < 1:
        basis = "set-up of the reports, planned share of failed parts"
        yield Line("Against the plan", "no share of failed parts is planned", None, None, None, "", basis)
        return
    named = [("all parts", figures.counts), *((f"product {row.name}", row.counts) for row in figures.by_product)]
    for words, counts in named[: 1 + _MOST] if len(named) > 2 else named[:1]:
        if not counts.judged:
            continue
        p = binomial_test(counts.failed, counts.judged, planned)
        found = counts.failed / counts.judged
        said = "as planned" if p >= 0.05 else "more than planned" if found > planned else "less than planned"
        basis = (
            f"{counts.failed} of {counts.judged} parts failed, {planned * counts.judged:.1f} planned ({planned:.2%}); "
            f"p = {p:.3g} (exact binomial)"
        )
        yield plan.line("Against the plan", f"{words}: {said}", share(counts.failed, counts.judged), "%", basis)


def _kinds(rows: pl.DataFrame) -> Iterator[Line]:
    """Whether single defect types rise or fall; the level is divided among them (Bonferroni)."""
    judged = rows.filter(rows["verdict"].is_in(["PASS", "FAIL"]))
    days = judged["date"].value_counts(sort=False).sort("date")
    if days.height < _DAYS:
        return
    kinds = Counter(kind for text in judged["defect"].drop_nulls().to_list() for kind in text.split("; "))
    shown = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))[:_KINDS]
    for kind, count in shown:
        having = judged.filter(pl.col("defect").str.split("; ").list.contains(kind))
        found = dict(having["date"].value_counts().iter_rows())
        shares = [found.get(day, 0) / size for day, size in days.iter_rows()]
        score, p = mann_kendall(shares)
        p = min(1.0, p * len(shown))
        words = "no trend to be seen" if p >= 0.05 else "rises" if score > 0 else "falls"
        half = len(shares) // 2
        early, late = (sum(part) / len(part) for part in (shares[:half], shares[half:]))
        basis = (
            f"{count} parts on {days.height} days; mean daily share {early:.2%} in the first half, {late:.2%} in the "
            f"second; Mann-Kendall S = {score}, p = {p:.3g} (times {len(shown)} types looked at)"
        )
        yield Line("Trend by type", f"{kind}: {words}", None, None, None, "", basis)


def _agreement(figures: Figures) -> Iterator[Line]:
    """Of people with each other and with the station, from the reviews."""
    said = {}
    for each in figures.reviews.reviews:
        if each.verdict in (Verdict.PASS, Verdict.FAIL):
            said[each.review.inspection_id, STATION] = each.verdict.value
        said[each.review.inspection_id, each.review.person] = each.review.verdict.value  # the last one counts
    if not said:
        basis = "no part of this period was reviewed"
        yield Line("Agreement", "can't be told without reviews", None, None, None, "", basis)
        return
    looks = pl.DataFrame(
        [(part, person, verdict) for (part, person), verdict in said.items()],
        schema={"look": pl.String, "inspector": pl.String, "verdict": pl.String},
        orient="row",
    )
    yield from plan.agreement(looks, "both judged; of reviewed parts alone")
    parts: dict[str, Counter[str]] = {}
    for (part, person), verdict in said.items():
        if person != STATION and verdict in ("PASS", "FAIL"):
            parts.setdefault(part, Counter())[verdict] += 1
    shared = [words for words in parts.values() if words.total() > 1]
    judges = {person for _, person in said if person != STATION}
    if not shared:
        basis = f"{len(parts)} parts were reviewed, none by two people"
        yield Line("Agreement", "of people with each other can't be told", None, None, None, "", basis)
    elif len(judges) > 2:
        kappa = fleiss_kappa(shared)
        basis = f"{len(shared)} parts reviewed by two and more of {len(judges)} people; Fleiss' kappa"
        value = None if kappa is None else round(kappa, 2)
        yield Line("Agreement", "all who reviewed", value, None, None, "" if kappa is None else "kappa", basis)


def _more(figures: Figures, rows: pl.DataFrame) -> Iterator[Line]:
    """Where one more inspector or an earlier look would catch most."""
    yield from _second_look(figures)
    yield from _busiest(figures, rows)
    for each in figures.passed_before[:_MOST]:
        kind = each.label or "no place found"
        basis = f"failed parts with a serial that {each.earlier} had passed and {each.later} failed for {kind}"
        words = f"look for {kind} at {each.earlier}, before {each.later}"
        yield Line("Earlier stage", words, each.parts, None, None, "parts", basis)
    if not figures.passed_before:
        basis = f"{len(figures.by_station)} stations on record, no failed serial was passed by an earlier one"
        yield Line("Earlier stage", "can't be told from this period", None, None, None, "", basis)


def _second_look(figures: Figures) -> Iterator[Line]:
    """Escapes among the passed parts that people looked at again, and what that makes of all passed parts."""
    last = {each.review.inspection_id: each for each in figures.reviews.reviews}
    seen: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for each in last.values():
        if each.verdict is Verdict.PASS and each.review.verdict is not Verdict.RETEST:
            seen[each.product] += 1
            missed[each.product] += each.review.verdict is Verdict.FAIL
    if not seen:
        basis = "no passed part of this period was reviewed; review a sample of them"
        yield Line("One more inspector", "what slips through can't be told", None, None, None, "", basis)
        return
    passed = {row.name: row.counts.passed for row in figures.by_product}
    order = sorted(seen, key=lambda name: (-missed[name] / seen[name] * passed.get(name, 0), name))
    for name in order[:_MOST]:
        found = share(missed[name], seen[name])
        number = passed.get(name, 0)
        basis = (
            f"{missed[name]} of {seen[name]} reviewed passed parts were bad (Wilson interval), times {number} passed "
            "parts; holds if the reviewed ones were picked at random"
        )
        low, value, high = (round(rate * number, 1) for rate in (found.low, found.value, found.high))
        words = f"a second look at passed {name} would catch"
        yield Line("One more inspector", words, value, low, high, "parts", basis)


def _busiest(figures: Figures, rows: pl.DataFrame) -> Iterator[Line]:
    """The shift with most parts that need a person, for each inspector and day; without shifts, the hour."""
    if not figures.by_shift:
        worst = max(figures.by_hour, key=lambda row: row.counts.total - row.counts.passed)
        handled = worst.counts.total - worst.counts.passed
        if handled:
            days = sum(row.counts.total > 0 for row in figures.by_day)
            basis = f"{handled} FAIL, RETEST and ERROR parts of all {days} days between {worst.hour:02}:00 and "
            basis += f"{(worst.hour + 1) % 24:02}:00, the most of any hour"
            words = f"most to handle from {worst.hour:02}:00, a day"
            yield Line("One more inspector", words, round(handled / days, 2), None, None, "parts", basis)
        return
    known = rows.filter(pl.col("inspector").is_not_null())
    for shift, parts, handled, pairs in (
        known.group_by("shift")
        .agg(
            pl.len().alias("parts"),
            (pl.col("verdict") != "PASS").sum().alias("handled"),
            pl.struct("inspector", "date").n_unique().alias("pairs"),
        )
        .with_columns((pl.col("handled") / pl.col("pairs")).alias("load"))
        .sort("load", "shift", descending=[True, False])
        .drop("load")
        .iter_rows()
    ):
        basis = f"{handled} FAIL, RETEST and ERROR of {parts} parts with an inspector, on {pairs} inspector-days"
        words = f"to handle in the shift {shift}, an inspector and day"
        yield Line("One more inspector", words, round(handled / pairs, 2), None, None, "parts", basis)


def _rework_unknown(targets: Targets) -> Iterator[Line]:
    if targets.minutes is None:
        basis = "set-up of the reports, minutes of rework a part"
        yield Line("Forecast", "no hours: how long a rework takes is not set", None, None, None, "", basis)
