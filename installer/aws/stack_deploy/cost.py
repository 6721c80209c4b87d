"""What a month costs, by the number of stations and pictures: arithmetic on list prices, no promise."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DAYS = 30
_GB = 1024**3
_KEYED = 0.01  # of the requests to S3 ask for the key: a bucket key serves the rest


@dataclass(frozen=True, slots=True)
class Load:
    """What the fleet does. All but the first two are assumptions to be replaced by what is measured.

    Attributes:
        pictures: a day, of all stations, judged in AWS.
        picture_kb, result_kb: of one picture; of its result, mask and overlay together.
        milliseconds: that the function needs for a picture, fetching and writing included.
        memory_gb: of the function.
        batch: pictures that one call is given.
        defects: share of the pictures.
        picture_days: that pictures and results are kept.
        entry_minutes: a station sends its outbox so often.
        row_bytes: of an inspection in Parquet.
        products: that have figures of their own.
    """

    stations: int
    pictures: int
    picture_kb: float = 400.0
    result_kb: float = 100.0
    milliseconds: float = 400.0
    memory_gb: float = 3.0
    batch: int = 5
    defects: float = 0.01
    picture_days: int = 90
    entry_minutes: float = 5.0
    row_bytes: float = 120.0
    products: int = 10

    @property
    def entries(self) -> float:
        """Entries of outboxes a day."""
        return self.stations * 24 * 60 / self.entry_minutes


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the estimate: `quantity` of `unit` a month, and what they cost."""

    service: str
    what: str
    quantity: float
    unit: str
    dollars: float


def prices() -> Mapping[str, Any]:
    """The unit prices that are used, with their region and date."""
    text = (Path(__file__).parent / "prices.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def estimate(load: Load, price: Mapping[str, Any]) -> list[Item]:
    """The cost of a month once the stack has run for as long as it keeps things, the dearest first."""
    pictures, entries = load.pictures * DAYS, load.entries * DAYS
    calls = pictures / load.batch + entries / 10
    seconds = (pictures * load.milliseconds * load.memory_gb + entries * 200 * 1.0) / 1000
    # A picture comes in and becomes three objects; an entry comes in and becomes one.
    puts, gets = pictures * 4 + entries * 2, pictures + entries
    stored = load.pictures * load.picture_days * (load.picture_kb + load.result_kb) * 1024 / _GB
    rows = load.pictures * load.row_bytes * 365 * 5 / _GB
    # Claimed, then done; a defect stands in the index as well.
    writes = pictures * (2 + load.defects) + entries * 3
    table = load.pictures * load.picture_days * 600 / _GB
    metrics = 4 * (1 + load.products) + 4
    items = [
        Item("Lambda", "judging and taking in", seconds, "GB-seconds", seconds * price["lambda_gb_second"]),
        Item("Lambda", "calls", calls, "calls", calls * price["lambda_request"]),
        Item("S3", "writing objects", puts, "requests", puts * price["s3_put"]),
        Item("S3", "reading objects", gets, "requests", gets * price["s3_get"]),
        Item(
            "S3",
            f"pictures and results of {load.picture_days} days",
            stored,
            "GB",
            tiered(stored, price["s3_gb_month"]),
        ),
        Item("S3", "rows of five years", rows, "GB", tiered(rows, price["s3_gb_month"])),
        _item("SQS", "messages", pictures * (1 + 2 / load.batch) + entries * 1.2, "requests", price["sqs_request"]),
        _item("DynamoDB", "writing", writes, "write units", price["dynamodb_write_unit"]),
        _item("DynamoDB", f"what was judged in {load.picture_days} days", table, "GB", price["dynamodb_gb_month"]),
        _item("SNS", "notices of defects", pictures * load.defects, "notices", price["sns_publish"]),
        _item("KMS", "the key", 1, "keys", price["kms_key"]),
        _item("KMS", "its use", (puts + gets) * _KEYED, "requests", price["kms_request"]),
        _item("CloudWatch", "figures", metrics, "metrics", price["cloudwatch_metric"]),
        _item("CloudWatch", "alarms", 11, "alarms", price["cloudwatch_alarm"]),
        _item("CloudWatch", "dashboard", 1, "dashboards", price["cloudwatch_dashboard"]),
        _item("CloudWatch", "logs", calls * 800 / _GB, "GB", price["cloudwatch_logs_gb"]),
        _item("Athena", "daily report", 2 * pictures * load.row_bytes / 1024**4, "TB", price["athena_tb"]),
        _item("ECR", "the image", 1.5, "GB", price["ecr_gb_month"]),
    ]
    return sorted(items, key=lambda item: -item.dollars)


def total(items: Sequence[Item]) -> float:
    """US dollars a month."""
    return sum(item.dollars for item in items)


def tiered(quantity: float, tiers: Sequence[Sequence[float | None]]) -> float:
    """The price of a quantity where the first so many units cost one price and further ones another.

    Args:
        tiers: (up to, price of a unit); the last one's limit is None.
    """
    cost, below = 0.0, 0.0
    for limit, unit in tiers:
        upper = quantity if limit is None else min(quantity, limit)
        cost += max(0.0, upper - below) * (unit or 0.0)
        below = max(below, upper)
    return cost


def _item(service: str, what: str, quantity: float, unit: str, price: float) -> Item:
    return Item(service, what, quantity, unit, quantity * price)
