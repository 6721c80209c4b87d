"""Counting with Athena over the inspections of all stations, the table `inspections` of installer/aws/template.yaml."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from app.domain.errors import LinesightError

LOOK_EVERY = 0.5

STATIONS_QUERY = """
SELECT site, station, product,
       count_if(verdict = 'PASS'), count_if(verdict = 'FAIL'),
       count_if(verdict = 'RETEST'), count_if(verdict = 'ERROR'),
       date_format(min(captured_at), '%Y-%m-%dT%H:%i:%s'), date_format(max(captured_at), '%Y-%m-%dT%H:%i:%s'),
       avg(milliseconds)
FROM inspections WHERE day = ? GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
LABELS_QUERY = """
SELECT site, label, count(*)
FROM (SELECT site, if(cardinality(labels) = 0, ARRAY[''], array_distinct(labels)) AS kinds
      FROM inspections WHERE day = ? AND verdict = 'FAIL')
CROSS JOIN UNNEST(kinds) AS t (label) GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2
"""
STATION_DAYS_QUERY = """
SELECT site, station, product,
       count_if(verdict = 'PASS'), count_if(verdict = 'FAIL'),
       count_if(verdict = 'RETEST'), count_if(verdict = 'ERROR'),
       date_format(max(captured_at), '%Y-%m-%dT%H:%i:%s')
FROM inspections WHERE day BETWEEN ? AND ? GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
STATION_LABELS_QUERY = """
SELECT site, station, label, count(*)
FROM (SELECT site, station, if(cardinality(labels) = 0, ARRAY[''], array_distinct(labels)) AS kinds
      FROM inspections WHERE day BETWEEN ? AND ? AND verdict = 'FAIL')
CROSS JOIN UNNEST(kinds) AS t (label) GROUP BY 1, 2, 3 ORDER BY 1, 2, 4 DESC, 3
"""


class AthenaError(LinesightError):
    """Athena did not count; says why."""


def ask(
    athena: Any,
    query: str,
    days: Sequence[date],
    *,
    database: str,
    workgroup: str,
    patience: float = 240.0,
    wait: Callable[[float], None] = time.sleep,
) -> list[list[str | None]]:
    """The rows of a query's answer, without its heads.

    Args:
        athena: boto3's client.
        days: for the query's question marks, in their order.
        patience: seconds until it is given up.
        wait: for so many seconds; may raise to stop.

    Raises:
        AthenaError: the query failed or takes too long.
        Whatever boto3 raises where Athena refuses or can't be reached.
    """
    told = f"the day {days[0]}" if len(set(days)) == 1 else f"the days {days[0]} to {days[-1]}"
    id = athena.start_query_execution(
        QueryString=query,
        QueryExecutionContext={"Database": database},
        WorkGroup=workgroup,
        ExecutionParameters=[f"'{day}'" for day in days],
    )["QueryExecutionId"]
    waited = 0.0
    while True:
        status = athena.get_query_execution(QueryExecutionId=id)["QueryExecution"]["Status"]
        if status["State"] == "SUCCEEDED":
            break
        if status["State"] in ("FAILED", "CANCELLED"):
            raise AthenaError(f"Athena could not count {told}: {status.get('StateChangeReason', 'cancelled')}.")
        if waited >= patience:
            raise AthenaError(f"Athena has not counted {told} within {patience:.0f} seconds. It is tried again.")
        wait(LOOK_EVERY)
        waited += LOOK_EVERY
    rows: list[list[str | None]] = []
    for page in athena.get_paginator("get_query_results").paginate(QueryExecutionId=id):
        rows += [[cell.get("VarCharValue") for cell in row["Data"]] for row in page["ResultSet"]["Rows"]]
    return rows[1:]
