"""What the plan says of days whose answers are known."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from app.reports.plan import Line, plan_lines

DAY = date(2026, 3, 2)
SCHEMA = {
    "date": pl.Date,
    "inspector": pl.String,
    "verdict": pl.String,
    "defect": pl.String,
    "place": pl.String,
    "station": pl.String,
}
LOOKS = {"look": pl.Int64, "inspector": pl.String, "verdict": pl.String}
NO_LOOKS = pl.DataFrame(schema=LOOKS)


def frame(days: list[tuple[int, int]], station: str = "Line 1") -> pl.DataFrame:
    """For each day so many failed and so many passed parts."""
    rows: list[tuple[object, ...]] = []
    for offset, (bad, good) in enumerate(days):
        day = DAY + timedelta(days=offset)
        rows += [(day, "Ann", "FAIL", "scratch", "left", station)] * bad
        rows += [(day, "Ben", "PASS", None, None, station)] * good
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def about(lines: list[Line], topic: str) -> dict[str, Line]:
    return {line.what: line for line in lines if line.topic == topic}


def test_nothing_is_said_of_nothing() -> None:
    assert plan_lines(frame([]), NO_LOOKS) == []


def test_every_line_says_where_its_figure_comes_from() -> None:
    lines = plan_lines(frame([(5, 45), (6, 44)]), NO_LOOKS)
    assert lines and all(line.basis for line in lines)
    quality = about(lines, "Quality")["failed or to be reworked"]
    assert quality.value == 11 and "11 of 100" in quality.basis
    assert quality.low is not None and quality.high is not None and quality.low < 11 < quality.high
    assert about(lines, "Defects by kind")["scratch"].value == 100
    assert about(lines, "Workload")["Ben"].value == 89


def test_a_rising_share_is_a_trend_and_a_level_one_is_none() -> None:
    rising = about(plan_lines(frame([(1 + 2 * day, 49) for day in range(8)]), NO_LOOKS), "Trend")
    assert "the share of failed rows rises" in rising
    level = about(plan_lines(frame([(5 + day % 2, 45) for day in range(8)]), NO_LOOKS), "Trend")
    assert "no trend to be seen" in level and any("like the days before" in what for what in level)
    few = about(plan_lines(frame([(5, 45), (5, 45)]), NO_LOOKS), "Trend")
    assert "too few days to tell a trend" in few


def test_a_day_that_stands_out_is_told() -> None:
    lines = about(plan_lines(frame([(2, 98), (2, 98), (30, 70)]), NO_LOOKS), "Trend")
    assert "2026-03-04: unlike the days before" in lines


def test_a_station_that_stands_out_is_told() -> None:
    rows = pl.concat([frame([(20, 30)], "Line 1"), frame([(2, 98)], "Line 2")])
    lines = about(plan_lines(rows, NO_LOOKS), "Failed by station")
    assert lines["Line 1"].value == 40 and "than chance gives" in lines["Line 1"].basis


def test_agreement_of_inspectors_who_saw_the_same_parts() -> None:
    looks = []
    for look, (ann, ben) in enumerate([("FAIL", "FAIL")] * 10 + [("PASS", "PASS")] * 8 + [("FAIL", "PASS")] * 2):
        looks += [(look, "Ann", ann), (look, "Ben", ben)]
    looks.append((99, "Cem", "PASS"))
    lines = plan_lines(frame([(1, 1)]), pl.DataFrame(looks, schema=LOOKS, orient="row"))
    (line,) = about(lines, "Agreement").values()
    assert line.what == "Ann and Ben" and line.value == 0.8 and "18 of 20" in line.basis


def test_hours_are_told_only_where_somebody_said_how_long_one_takes() -> None:
    rows = frame([(6, 44), (4, 46), (5, 45)])
    without = about(plan_lines(rows, NO_LOOKS), "Forecast")
    assert list(without) == ["failed parts on a day like these"]
    with_time = about(plan_lines(rows, NO_LOOKS, minutes_per_rework=12), "Forecast")
    parts, hours = with_time["failed parts on a day like these"], with_time["hours of rework"]
    assert parts.value == 5 and hours.value == 1 and hours.high == (parts.high or 0) / 5
