"""What a period's inspections mean for the plan: where defects come from, whether they grow, who looked at how much.

Every line says which figures it came from, so that it can be checked by hand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import polars as pl

from app.reports.chance import Range, binomial_test, cohens_kappa, mann_kendall, next_count, share
from app.reports.plan_words import Line as Line

_MOST = 10
"""Kinds, places and stations listed."""
_TREND_DAYS = 5
_PAIRS = 5
"""Parts that two inspectors must have seen both before their agreement is told."""
BAD = ("FAIL", "REWORK")


def plan_lines(rows: pl.DataFrame, looks: pl.DataFrame, *, minutes_per_rework: float | None = None) -> list[Line]:
    """What can be said of the inspections.

    Args:
        rows: one row an inspection, with the columns `date` (Date), `inspector`, `verdict`, `defect` ("; " between
            several), `place`, `station` (String); missing values are null.
        looks: every look at a part, those left out of `rows` as duplicates too, with `look` (the same for looks at one
            part at one time), `inspector` and `verdict`.
        minutes_per_rework: how long putting one failed part right takes; without it parts are forecast, not hours.
    """
    if not rows.height:
        return []
    lines = [*totals(rows), *shares(rows), *trend(rows), *people(rows), *agreement(looks)]
    return [*lines, *forecast(rows, minutes_per_rework)]


def _bad(rows: pl.DataFrame) -> pl.Series:
    return rows["verdict"].is_in(BAD).fill_null(False)


def _judged(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(rows["verdict"].is_in(["PASS", *BAD]).fill_null(False))


def line(topic: str, what: str, found: Range, unit: str, basis: str) -> Line:
    scale = 100 if unit == "%" else 1
    value, low, high = (round(scale * number, 2) for number in (found.value, found.low, found.high))
    return Line(topic, what, value, low, high, unit, basis)


def totals(rows: pl.DataFrame, noun: str = "rows") -> Iterator[Line]:
    """How many failed; `noun` is what an entry of `rows` is called, here and below."""
    judged = _judged(rows)
    bad = int(_bad(judged).sum())
    if judged.height:
        basis = f"{bad} of {judged.height} {noun} with a verdict; Wilson interval"
        yield line("Quality", "failed or to be reworked", share(bad, judged.height), "%", basis)
    if rows.height > judged.height:
        without = rows.height - judged.height
        yield Line("Quality", f"{noun} without a plain verdict", without, None, None, noun, f"of {rows.height} {noun}")


def shares(rows: pl.DataFrame, noun: str = "rows") -> Iterator[Line]:
    """Defects by kind, most frequent first with what they add up to (Pareto), then by place and station."""
    named = rows.filter(pl.col("defect").is_not_null())
    kinds = Counter(kind for text in named["defect"].to_list() for kind in text.split("; "))
    total, summed = kinds.total(), 0
    for kind, count in sorted(kinds.items(), key=lambda item: (-item[1], item[0]))[:_MOST]:
        summed += count
        basis = f"{count} of {total} defects named; with those above {summed / total:.0%}"
        yield line("Defects by kind", kind, share(count, total), "%", basis)
    judged = _judged(rows)
    for topic, column in (("Failed by place", "place"), ("Failed by station", "station")):
        if column == "place":
            places = Counter(judged.filter(_bad(judged))["place"].drop_nulls().to_list())
            for place, count in places.most_common(_MOST):
                basis = f"{count} of {places.total()} failed {noun} with a place"
                yield line(topic, place, share(count, places.total()), "%", basis)
        else:
            yield from rates(judged, column, topic, noun)


def rates(judged: pl.DataFrame, column: str, topic: str, noun: str = "rows") -> Iterator[Line]:
    """The share of failed rows of each station or inspector, and whether it differs from that of the others."""
    known = judged.filter(pl.col(column).is_not_null())
    counts = (
        known.with_columns(_bad(known).alias("bad"))
        .group_by(column)
        .agg(pl.len().alias("rows"), pl.col("bad").sum())
        .sort("rows", column, descending=[True, False])
    )
    total, bad_total = known.height, int(counts["bad"].sum())
    for name, size, bad in counts.head(_MOST).iter_rows():
        basis = f"{bad} of {size} {noun} failed"
        if bad_total > 0 and size < total:
            p = binomial_test(bad, bad_total, size / total)
            basis += f"; of all {bad_total} failed {noun} {size / total:.0%} were to be expected here, p = {p:.3g}"
            basis += " (exact binomial)" if p >= 0.05 else " (exact binomial): more or fewer than chance gives"
        yield line(topic, str(name), share(bad, size), "%", basis)


def _by_day(rows: pl.DataFrame) -> pl.DataFrame:
    judged = _judged(rows).filter(pl.col("date").is_not_null())
    return (
        judged.with_columns(_bad(judged).alias("bad"))
        .group_by("date")
        .agg(pl.len().alias("rows"), pl.col("bad").sum().cast(pl.Int64))
        .sort("date")
    )


def trend(rows: pl.DataFrame, noun: str = "rows") -> Iterator[Line]:
    days = _by_day(rows)
    if days.height < 2:
        return
    last = days.row(-1, named=True)
    size, bad = int(days["rows"].sum()), int(days["bad"].sum())
    if bad:
        p = binomial_test(int(last["bad"]), bad, last["rows"] / size)
        words = "unlike the days before" if p < 0.05 else "like the days before"
        basis = (
            f"{last['bad']} of {last['rows']} {noun} failed, {bad - last['bad']} of {size - last['rows']} before; "
            f"p = {p:.3g} (exact test of two Poisson rates, Przyborowski and Wilenski 1940)"
        )
        yield line("Trend", f"{last['date']}: {words}", share(int(last["bad"]), int(last["rows"])), "%", basis)
    if days.height < _TREND_DAYS:
        basis = f"{days.height} days; {_TREND_DAYS} are needed"
        yield Line("Trend", "too few days to tell a trend", None, None, None, "", basis)
        return
    rates = [bad_ / rows_ for bad_, rows_ in days.select("bad", "rows").iter_rows()]
    score, p = mann_kendall(rates)
    words = "no trend to be seen" if p >= 0.05 else f"the share of failed {noun} rises" if score > 0 else "it falls"
    basis = f"daily shares {', '.join(f'{rate:.1%}' for rate in rates[-14:])}; Mann-Kendall S = {score}, p = {p:.3g}"
    yield Line("Trend", words, None, None, None, "", basis)


def people(rows: pl.DataFrame, noun: str = "rows") -> Iterator[Line]:
    known = rows.filter(pl.col("inspector").is_not_null())
    counts = known["inspector"].value_counts(sort=True)
    for name, count in counts.head(2 * _MOST).iter_rows():
        days = known.filter(pl.col("inspector") == name)["date"].n_unique()
        basis = f"{count} of {known.height} {noun} with an inspector, on {days} days"
        yield Line("Workload", str(name), count, None, None, noun, basis)
    yield from rates(_judged(rows), "inspector", "Failed by inspector", noun)


def agreement(looks: pl.DataFrame, shared: str = "both recorded at one time") -> Iterator[Line]:
    """Cohen's kappa of every two inspectors who saw the same parts."""
    judged = looks.filter(looks["verdict"].is_in(["PASS", *BAD]).fill_null(False) & looks["inspector"].is_not_null())
    judged = judged.with_columns(pl.when(_bad(judged)).then(pl.lit("bad")).otherwise(pl.lit("good")).alias("said"))
    judged = judged.unique(["look", "inspector"], keep="first", maintain_order=True)
    pairs = judged.join(judged, on="look", suffix="_2").filter(pl.col("inspector") < pl.col("inspector_2"))
    tables: dict[tuple[str, str], Counter[tuple[str, str]]] = {}
    for one, other, first, second in pairs.select("inspector", "inspector_2", "said", "said_2").iter_rows():
        tables.setdefault((one, other), Counter())[first, second] += 1
    for (one, other), table in sorted(tables.items(), key=lambda item: (-item[1].total(), item[0])):
        seen = table.total()
        if seen < _PAIRS:
            continue
        same = sum(count for (first, second), count in table.items() if first == second)
        kappa = cohens_kappa(table)
        basis = f"the same verdict for {same} of {seen} parts {shared}; Cohen's kappa"
        if kappa is None:
            yield Line("Agreement", f"{one} and {other}", None, None, None, "", f"{basis}: both said the same always")
        else:
            yield line("Agreement", f"{one} and {other}", kappa, "kappa", basis)


def forecast(
    rows: pl.DataFrame, minutes_per_rework: float | None, noun: str = "rows", ahead: int = 1
) -> Iterator[Line]:
    """How many parts the next `ahead` days will bring for rework, if they are like these."""
    counts: Sequence[int] = _by_day(rows)["bad"].to_list()
    if not counts:
        return
    found = next_count(counts, ahead)
    days = "a day like these" if ahead == 1 else f"{ahead} days like these"
    basis = f"failed {noun} of {len(counts)} days: {', '.join(map(str, counts[-14:]))}; negative binomial interval"
    yield line("Forecast", f"failed parts on {days}", found, "parts", basis)
    if minutes_per_rework is not None:
        factor = minutes_per_rework / 60
        hours = Range(found.value * factor, found.low * factor, found.high * factor)
        words = "hours of rework" if ahead == 1 else f"hours of rework on {days}"
        yield line("Forecast", words, hours, "h", f"the line above, {minutes_per_rework:g} min a part")
