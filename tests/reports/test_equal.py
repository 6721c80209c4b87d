"""One query layer: what the figures, the screen, the workbook, the PDF and the flat files say of three months is what
plain SQL and polars count straight from the database, by other ways and without a look at the figures."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
from pypdf import PdfReader

from app.domain.periods import days_period
from app.reports.control import ControlChart
from app.reports.counting import period_figures
from app.reports.document import write_document
from app.reports.figures import Figures, Targets
from app.reports.flat import COLUMNS, FIGURE_COLUMNS, figures_file, write_flat
from app.reports.summary import Heading
from app.reports.workbook import plan_of, write_period
from app.store import Store
from tests.reports import history
from tests.reports.history import BEGINS, FIRST, LAST, SHIFTS, ZONE, History

VERDICTS = ("PASS", "FAIL", "RETEST", "ERROR")
Counted = dict[Any, tuple[int, int, int, int]]


@dataclass(frozen=True)
class Written:
    figures: Figures
    heading: Heading
    folder: Path
    parts: pl.DataFrame
    places: pl.DataFrame
    reviews: pl.DataFrame


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Written]:
    known = history.make(tmp_path_factory.mktemp("history"), each_day=40)
    parts, places, reviews = _independent(known)
    out = tmp_path_factory.mktemp("reports")
    period = days_period(FIRST, LAST, ZONE, BEGINS)
    targets = Targets(failed=0.04, minutes=12)
    heading = Heading("Press hall", period, ZONE, BEGINS, datetime(2026, 11, 23, 9, tzinfo=UTC), SHIFTS, targets)

    def step(fraction: float, words: str) -> None:
        pass

    def plan(figures: Figures) -> list[Any]:
        return plan_of(figures, targets)

    with Store.open(known.database, known.folder / "images", reserve_bytes=0) as store:
        figures = period_figures(store, period, ZONE, BEGINS, SHIFTS)
        assert write_period(store, heading, out / "r.xlsx", step) == figures
        assert write_document(store, heading, out / "r.pdf", step, plan) == figures
        assert write_flat(store, heading, out / "r.csv", step, plan) == figures
        assert write_flat(store, heading, out / "r.parquet", step, plan) == figures
    yield Written(figures, heading, out, parts, places, reviews)


def _independent(known: History) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Parts, regions and last reviews of the period, read by SQL; days, hours and shifts by polars' own zones."""

    def read(query: str) -> pl.DataFrame:
        with closing(sqlite3.connect(known.database)) as connection:
            return pl.read_database(query, connection, infer_schema_length=None)

    wall = pl.from_epoch("captured_at", "us").dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Berlin")
    parts = read(
        "SELECT i.*, COALESCE(m.name || '@' || m.version, '') AS model_words, COALESCE(m.sha256, '') AS sha "
        "FROM inspection i LEFT JOIN model m ON m.seq = i.model"
    )
    parts = parts.with_columns(wall=wall, hour=wall.dt.hour())
    early = pl.col("hour") < 6
    parts = parts.with_columns(
        day=pl.when(early).then(pl.col("wall").dt.date() - timedelta(days=1)).otherwise(pl.col("wall").dt.date()),
        shift=pl.when(early | (pl.col("hour") >= 22))
        .then(pl.lit("Night"))
        .when(pl.col("hour") >= 14)
        .then(pl.lit("Late"))
        .otherwise(pl.lit("Early")),
    ).filter(pl.col("day").is_between(FIRST, LAST))
    places = read("SELECT inspection AS seq, position, x, y, width AS w, height AS h, label FROM region").join(
        parts.filter(pl.col("verdict") == "FAIL").select("seq", "width", "height"), on="seq"
    )
    x, y = (pl.col("x") + pl.col("w") / 2) / pl.col("width"), (pl.col("y") + pl.col("h") / 2) / pl.col("height")
    places = places.with_columns(
        up=pl.when(y < 1 / 3).then(pl.lit("upper")).when(y > 2 / 3).then(pl.lit("lower")).otherwise(pl.lit("")),
        side=pl.when(x < 1 / 3).then(pl.lit("left")).when(x > 2 / 3).then(pl.lit("right")).otherwise(pl.lit("")),
    ).with_columns(place=pl.concat_str("up", "side", separator=" ").str.strip_chars().replace("", "centre"))
    reviews = read("SELECT seq AS made, inspection AS seq, person, verdict AS said FROM review").join(
        parts.select("seq", "verdict", "product"), on="seq"
    )
    return parts, places, reviews


def _by(parts: pl.DataFrame, column: str) -> Counted:
    found = parts.group_by(column).agg(*[(pl.col("verdict") == each).sum().alias(each) for each in VERDICTS])
    return {row[0]: row[1:] for row in found.iter_rows()}


def _four(counts: Any) -> tuple[int, int, int, int]:
    return counts.passed, counts.failed, counts.retest, counts.error


def _kinds(places: pl.DataFrame, column: str, failed: int) -> dict[str, tuple[int, int]]:
    found = places.group_by(column).agg(pl.col("seq").n_unique(), pl.len().alias("n"))
    kinds = {row[0]: (row[1], row[2]) for row in found.iter_rows()}
    without = failed - places["seq"].n_unique()
    return kinds | ({"": (without, 0)} if without else {})


def test_the_history_has_what_has_to_be_told_apart(made: Written) -> None:
    assert made.parts["operator"].n_unique() == 6 and made.parts["day"].n_unique() > 80  # five, and nobody
    nights = made.parts.filter(pl.col("wall").dt.date() > pl.col("day"))
    assert nights.height > 100 and made.reviews["seq"].n_unique() > 100
    change = made.parts.filter(pl.col("wall").dt.date() == date(2026, 10, 25))
    assert change.height and {offset.total_seconds() for offset in change["wall"].dt.base_utc_offset()} == {3600.0}
    assert change["wall"].dt.dst_offset().n_unique() == 2


def test_the_figures_are_those_of_the_database(made: Written) -> None:
    figures, parts = made.figures, made.parts
    total = tuple(parts.filter(pl.col("verdict") == each).height for each in VERDICTS)
    assert _four(figures.counts) == total and min(total) > 0
    for rows, column in (
        (figures.by_station, "station"),
        (figures.by_product, "product"),
        (figures.by_operator, "operator"),
        (figures.by_source, "source"),
        (figures.by_model, "model_words"),
        (figures.by_shift, "shift"),
    ):
        assert {row.name: _four(row.counts) for row in rows} == _by(parts, column), column
    assert [row.name for row in figures.by_shift] == ["Early", "Late", "Night"]
    assert {row.hour: _four(row.counts) for row in figures.by_hour} == _by(parts, "hour")
    assert {row.day: _four(row.counts) for row in figures.by_day if row.counts.total} == _by(parts, "day")
    assert len(figures.by_day) == 91
    failed = total[1]
    assert {row.label: (row.parts, row.regions) for row in figures.by_label} == _kinds(made.places, "label", failed)
    assert {row.label: (row.parts, row.regions) for row in figures.by_place} == _kinds(made.places, "place", failed)
    for spread, column in ((figures.scores, "score"), (figures.milliseconds, "milliseconds")):
        values = parts[column].drop_nulls()
        assert spread is not None and spread.number == len(values)
        told = (spread.least, spread.median, spread.mean, spread.p95, spread.greatest)
        p95 = values.quantile(0.95, "linear")
        assert told == pytest.approx((values.min(), values.median(), values.mean(), p95, values.max()))
    uses = parts.filter(pl.col("model").is_not_null()).group_by("sha", "threshold").len()
    assert {(use.model.sha256, use.threshold, use.counts.total) for use in figures.models} == set(uses.iter_rows())
    newest = parts.filter(pl.col("verdict") == "FAIL").sort("captured_at", "seq", descending=True)["id"].to_list()
    assert [each.id for each in figures.defects] == newest[: len(figures.defects)]


def test_the_reviews_and_earlier_stages_are_those_of_the_database(made: Written) -> None:
    reviews = made.figures.reviews
    last = made.reviews.sort("made").unique("seq", keep="last")
    assert len(reviews.reviews) == made.reviews.height and reviews.parts == last.height
    moved = {(row[0], row[1]): row[2] for row in last.group_by("verdict", "said").len().iter_rows()}
    assert {(str(first), str(then)): parts for (first, then), parts in reviews.moved.items()} == moved
    assert (reviews.false_rejects, reviews.escapes) == (moved["FAIL", "PASS"], moved["PASS", "FAIL"])
    unsure = made.parts.filter(pl.col("verdict").is_in(["RETEST", "ERROR"]))
    assert reviews.waiting == unsure.height - unsure.join(last, on="seq", how="semi").height

    late = made.parts.filter((pl.col("verdict") == "FAIL") & (pl.col("serial") != ""))
    early = made.parts.filter((pl.col("verdict") == "PASS") & (pl.col("serial") != ""))
    both = late.join(early, on="serial", suffix="_early").filter(
        (pl.col("station") != pl.col("station_early")) & (pl.col("captured_at_early") < pl.col("captured_at"))
    )
    first = made.places.filter(pl.col("position") == 0).select("seq", "label")
    both = both.join(first, on="seq", how="left").with_columns(pl.col("label").fill_null(""))
    counted = both.group_by("station_early", "station", "label").agg(pl.col("serial").n_unique())
    assert {(each.earlier, each.later, each.label, each.parts) for each in made.figures.passed_before} == set(
        counted.iter_rows()
    )
    assert counted.height


def test_the_control_chart_is_that_of_the_formula(made: Written) -> None:
    chart = made.figures.chart
    assert chart is not None and chart.what == "day"
    judged = made.parts.filter(pl.col("verdict").is_in(["PASS", "FAIL"]))
    days = judged.group_by("day").agg(n=pl.len(), bad=(pl.col("verdict") == "FAIL").sum()).sort("day")
    centre = days["bad"].sum() / days["n"].sum()
    sigma = (centre * (1 - centre) / days["n"]).sqrt()
    z = (days["bad"] / days["n"] - centre) / sigma
    wide = (z.diff().drop_nulls().abs().mean() or 0) / 1.128
    assert chart.centre == pytest.approx(centre) and chart.sigma_z == pytest.approx(wide)
    factor = wide if chart.laney else 1.0
    told = {point.name: point for point in chart.points if point.share is not None}
    assert list(told) == [str(day) for day in days["day"]]
    for day, n, bad, deviation in days.with_columns(sigma=sigma).iter_rows():
        point = told[str(day)]
        assert (point.failed, point.judged, point.share) == (bad, n, pytest.approx(bad / n))
        assert point.high == pytest.approx(min(1.0, centre + 3 * deviation * factor))
        assert point.low == pytest.approx(max(0.0, centre - 3 * deviation * factor))
        assert point.out == (abs(bad / n - centre) > 3 * deviation * factor)
    assert "2026-10-14" in [point.name for point in chart.out]  # the bad day


def test_the_workbook_says_the_same(made: Written) -> None:
    book = openpyxl.load_workbook(made.folder / "r.xlsx", read_only=True)
    sheets = {sheet.title: [row or (None,) for row in sheet.iter_rows(values_only=True)] for sheet in book.worksheets}
    book.close()
    total = tuple(made.parts.filter(pl.col("verdict") == each).height for each in VERDICTS)
    assert sheets["Summary"][6][1:11:2] == (made.parts.height, *total)
    assert {row[0].date(): row[2:6] for row in sheets["By day"][1:-1] if row[1]} == _by(made.parts, "day")
    assert {int(row[0][:2]): row[2:6] for row in sheets["By hour"][1:-1]} == _by(made.parts, "hour")
    for head, column, nameless in (
        ("Line", "station", "none"),
        ("Product", "product", "none"),
        ("Inspector", "operator", "nobody signed in"),
        ("Camera", "source", "none"),
        ("Shift", "shift", "none"),
        ("Model", "model_words", "none"),
    ):
        rows = sheets["Breakdown"]
        start = next(number for number, row in enumerate(rows) if len(row) > 1 and row[1] == head) + 1
        found = {}
        for row in rows[start:]:
            if len(row) < 2 or row[1] is None:
                break
            found[row[1]] = row[6:10]
        assert found == {name or nameless: counts for name, counts in _by(made.parts, column).items()}, head
    assert len(sheets["Inspections"]) - 1 == made.parts.height
    record = sheets["Inspections"][0].index("Record")
    assert [row[record] for row in sheets["Inspections"][1:]] == made.parts.sort("captured_at", "seq")["id"].to_list()
    assert len(sheets["Reviews"]) - 1 == made.reviews.height
    chart = made.figures.chart
    assert isinstance(chart, ControlChart)
    assert [row[3] for row in sheets["Control chart"][1 : 1 + len(chart.points)]] == [
        None if point.share is None else pytest.approx(point.share) for point in chart.points
    ]
    plan = plan_of(made.figures, made.heading.targets)
    assert [row[:2] for row in sheets["Plan"][1 : 1 + len(plan)]] == [(line.topic, line.what) for line in plan]
    shas = {(row[12], row[2], row[6]) for row in sheets["Models"][1:]}
    uses = made.parts.filter(pl.col("model").is_not_null()).group_by("sha", "threshold").len()
    assert shas == set(uses.iter_rows())


def test_the_pdf_says_the_same(made: Written) -> None:
    reader = PdfReader(made.folder / "r.pdf")
    pages = [page.extract_text() for page in reader.pages]
    text = re.sub(r"\s+", " ", " ".join(pages))
    total = tuple(made.parts.filter(pl.col("verdict") == each).height for each in VERDICTS)
    for number, name in zip((made.parts.height, *total), ("Inspected", *VERDICTS), strict=True):
        assert f"{number:,} {name}" in text
    for column in ("station", "product", "operator", "source", "shift", "model_words", "day", "hour"):
        for name, counts in _by(made.parts, column).items():
            words = f"{name:%a} {name}" if column == "day" else f"{name:02}:00" if column == "hour" else name
            words = words or ("nobody signed in" if column == "operator" else "none")
            assert f"{words} {sum(counts):,} {' '.join(f'{each:,}' for each in counts)}" in text, words
    for label, (parts, regions) in _kinds(made.places, "label", total[1]).items():
        assert re.search(rf"{label or 'no place found'} {parts} [\d.]+% [\d.]+% {regions}\b", text), label
    for number, page in enumerate(pages, 1):
        assert f"Page {number} of {len(pages)}" in page
    fonts = [font.get_object() for page in reader.pages for font in page["/Resources"]["/Font"].values()]  # type: ignore[index, union-attr]
    assert fonts and all("/FontFile2" in font["/FontDescriptor"] for font in fonts)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_flat_files_say_the_same(made: Written, ending: str) -> None:
    out = made.folder / f"r.{ending}"
    read = (lambda path: pl.read_csv(path, infer_schema_length=None)) if ending == "csv" else pl.read_parquet
    rows, figures = read(out), read(figures_file(out))
    assert rows.columns == list(COLUMNS) and figures.columns == list(FIGURE_COLUMNS)
    assert rows.height == made.parts.height
    if ending == "parquet":
        assert rows.schema["captured_at"] == pl.Datetime("us", "UTC") and rows.schema["day"] == pl.Date
        moments = rows["captured_at"].dt.epoch("us")
    else:
        assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", text) for text in rows["captured_at"])
        moments = rows["captured_at"].str.to_datetime("%Y-%m-%dT%H:%M:%S%.6fZ").dt.epoch("us")
    ordered = made.parts.sort("captured_at", "seq")
    assert moments.to_list() == ordered["captured_at"].to_list()
    assert rows["day"].cast(pl.String).to_list() == ordered["day"].cast(pl.String).to_list()
    for name, column in (
        ("id", "id"),
        ("verdict", "verdict"),
        ("shift", "shift"),
        ("score", "score"),
        ("line", "station"),
    ):
        assert rows[name].to_list() == ordered[column].to_list(), name
    last = made.reviews.sort("made").unique("seq", keep="last")
    assert rows.filter(pl.col("reviews") > 0).height == last.height
    assert rows["reviews"].sum() == made.reviews.height
    regions = dict(made.places.group_by("seq").len().iter_rows())
    assert rows["regions"].to_list() == [regions.get(seq, 0) for seq in ordered["seq"]]

    told = {(row[0], row[1] or "", row[2]): row[3] for row in figures.iter_rows()}
    for section, column in (
        ("By line", "station"),
        ("By inspector", "operator"),
        ("By shift", "shift"),
        ("By day", "day"),
    ):
        for name, counts in _by(made.parts, column).items():
            assert tuple(told[section, str(name), verdict] for verdict in VERDICTS) == counts
    for label, (parts, places) in _kinds(made.places, "label", made.figures.counts.failed).items():
        assert (told["Defects by type", label, "parts"], told["Defects by type", label, "places"]) == (parts, places)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="needs LibreOffice")
def test_libreoffice_converts_the_workbook(made: Written, tmp_path: Path) -> None:
    command = ["soffice", "--headless", f"-env:UserInstallation=file://{tmp_path}/profile", "--convert-to", "pdf"]
    done = subprocess.run([*command, "--outdir", str(tmp_path), str(made.folder / "r.xlsx")], capture_output=True)
    assert done.returncode == 0
    text = " ".join(page.extract_text() for page in PdfReader(tmp_path / "r.pdf").pages[:2])
    assert f"{made.parts.height:,}" in text


def test_the_help_names_every_column(project_root: Path) -> None:
    text = (project_root / "resources" / "help" / "12-reports.md").read_text("utf-8")
    for name, (kind, meaning) in COLUMNS.items():
        assert f"| {name} | {kind} | {meaning} |" in text
