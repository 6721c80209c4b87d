"""The daily report: Athena's rows (moto answers with what it was given) become a workbook and a notice."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import openpyxl
import pytest
from moto.athena.models import QueryResults, athena_backends
from moto.core import DEFAULT_ACCOUNT_ID

from app.serverless import report
from tests.serverless.stack.cloud import RESULTS, Cloud, client

NOW = datetime(2026, 3, 29, 4, 30, tzinfo=UTC)
HEADS = [f"_col{number}" for number in range(10)]
NORTH = ["north", "bench-2", "plate", "90", "8", "1", "1", "2026-03-28T06:00:00", "2026-03-28T23:59:59", "12.5"]
SOUTH = ["south", "=1+1", "gear", "100", "0", "0", "0", "2026-03-28T06:00:00", "2026-03-28T14:00:00", None]


@pytest.fixture
def answers() -> Callable[..., None]:
    """Gives moto what Athena answers, query by query."""

    def give(*tables: list[list[str | None]]) -> None:
        backend = athena_backends[DEFAULT_ACCOUNT_ID]["eu-west-1"]
        for rows in tables:
            data = [{"Data": [{} if cell is None else {"VarCharValue": cell} for cell in row]} for row in rows]
            backend.query_results_queue.append(QueryResults(rows=data, column_info=[]))

    return give


@pytest.fixture
def parts(cloud: Cloud) -> tuple[report.Parts, str]:
    athena = client("athena")
    place = {"ResultConfiguration": {"OutputLocation": "s3://ls-records/athena/"}}
    athena.create_work_group(Name="linesight", Configuration=place)
    topic, heard = cloud.topic("reports")
    zone = "Europe/Berlin"
    made = report.Parts(cloud.s3, cloud.sns, athena, RESULTS, topic, "linesight", "linesight", zone, lambda: NOW)
    return made, heard


def test_the_day_before_becomes_a_workbook(
    parts: tuple[report.Parts, str], cloud: Cloud, answers: Callable[..., None]
) -> None:
    answers([HEADS, NORTH, SOUTH], [HEADS[:3], ["north", "spot", "5"], ["north", "", "3"]])
    answer = report.report(parts[0], {})
    assert answer == {"day": "2026-03-28", "report": f"s3://{RESULTS}/reports/2026/03/fleet-2026-03-28.xlsx"}
    book = openpyxl.load_workbook(io.BytesIO(cloud.read(RESULTS, "reports/2026/03/fleet-2026-03-28.xlsx")))
    assert book.sheetnames == ["Summary", "Stations", "Defects"]
    north, south = list(book["Stations"].iter_rows(min_row=2, values_only=True))
    assert north[:8] == ("north", "bench-2", "plate", 100, 90, 8, 1, 1)
    assert north[8] == pytest.approx(90 / 98) and north[9] == datetime(2026, 3, 28, 7, 0)  # noqa: DTZ001
    assert south[1] == "=1+1" and book["Stations"]["B3"].data_type == "s" and south[11] is None
    assert list(book["Defects"].iter_rows(min_row=2, values_only=True)) == [
        ("north", "spot", 5),
        ("north", "no place found", 3),
    ]
    words = "200 parts inspected by 2 stations of 2 sites, yield 96.0%: 190 passed, 8 failed."
    assert str(book["Summary"]["B4"].value).startswith(words)
    (notice,) = cloud.heard(parts[1])
    assert notice["Subject"] == "Fleet report 2026-03-28" and notice["Message"]["words"].startswith(words)


def test_a_named_day_without_a_part(
    parts: tuple[report.Parts, str], cloud: Cloud, answers: Callable[..., None]
) -> None:
    answers([HEADS], [HEADS[:3]])
    assert report.report(parts[0], {"day": "2026-03-01"})["day"] == "2026-03-01"
    (notice,) = cloud.heard(parts[1])
    assert notice["Message"]["words"] == "No station recorded a part on 2026-03-01."


def test_what_is_no_day_is_told(parts: tuple[report.Parts, str]) -> None:
    with pytest.raises(report.ReportError, match="no day"):
        report.report(parts[0], {"day": "'; DROP TABLE"})


@pytest.mark.parametrize(
    ("state", "words"), [("FAILED", "could not count the day 2026-03-28"), ("RUNNING", "within 240 seconds")]
)
def test_athena_that_does_not_answer_is_told(
    parts: tuple[report.Parts, str], state: str, words: str, cloud: Cloud
) -> None:
    from dataclasses import replace

    import boto3
    from botocore.stub import Stubber

    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    athena: Any = boto3.client("athena", region_name="eu-west-1", **keys)
    waited: list[float] = []
    with Stubber(athena) as stub:
        stub.add_response("start_query_execution", {"QueryExecutionId": "a"})
        for _ in range(481 if state == "RUNNING" else 1):
            stub.add_response("get_query_execution", {"QueryExecution": {"Status": {"State": state}}})
        with pytest.raises(report.ReportError, match=words):
            report.report(replace(parts[0], athena=athena, wait=waited.append), {})
        stub.assert_no_pending_responses()
    assert cloud.keys(RESULTS) == []
