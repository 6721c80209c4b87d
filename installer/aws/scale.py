"""The arithmetic of SCALE.md: rates, quotas, a simulated day, and cost. Prints the tables, or writes them there.

.venv/bin/python installer/aws/scale.py            prints them
.venv/bin/python installer/aws/scale.py --write    puts them into SCALE.md
"""

from __future__ import annotations

import argparse
import math
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stack_deploy import cost

DOCUMENT = Path(__file__).resolve().parent / "SCALE.md"

STATIONS, PICTURES = 1_000, 50_000_000
LOAD = cost.Load(STATIONS, PICTURES)

# Two shifts from 6 to 22 do nine tenths of the work, the night the rest; breaks empty and refill the lines.
DAY_SHARE, DAY_HOURS = 0.9, 16
PEAK = 3.0
"""The busiest minute has so many times the pictures of the average one."""

# What AWS documents as default quotas, in the region with the least where they differ; all but those of S3's and
# DynamoDB's partitions are raised on request.
LAMBDA_CONCURRENCY = 1_000
LAMBDA_MAPPING = 1_000  # MaximumConcurrency of one SQS event source
LAMBDA_RAMP = 300  # further instances a minute that an SQS event source begins
S3_WRITES, S3_READS = 3_500, 5_500  # a second and partitioned prefix
SQS_IN_FLIGHT = 120_000
DYNAMODB_TABLE, DYNAMODB_PARTITION = 40_000, 1_000  # write units a second
DYNAMODB_NEW_TABLE = 4_000
SNS_PUBLISH = 300
KMS = 5_500


@dataclass(frozen=True, slots=True)
class Rates:
    """What happens a second."""

    average: float
    peak: float

    @classmethod
    def of(cls, load: cost.Load) -> Rates:
        average = load.pictures / 86_400
        return cls(average, average * PEAK)

    def instances(self, load: cost.Load) -> tuple[int, int]:
        """Of the function at the same time, on average and at the peak."""
        seconds = load.milliseconds / 1000
        return math.ceil(self.average * seconds), math.ceil(self.peak * seconds)


@dataclass(frozen=True, slots=True)
class Day:
    """What a simulated day came to.

    Attributes:
        most_waiting: pictures in the queue.
        longest_minutes: that a picture waited; None where the queue never gets empty again.
        end: pictures that wait at midnight.
    """

    most_waiting: int
    longest_minutes: float | None
    end: int


def arrivals(load: cost.Load) -> list[float]:
    """Pictures of each minute of a day: two shifts, each hour begun by three minutes at the peak after a short stop."""
    day = load.pictures * DAY_SHARE / (DAY_HOURS * 60)
    night = load.pictures * (1 - DAY_SHARE) / ((24 - DAY_HOURS) * 60)
    peak = load.pictures / 1440 * PEAK
    found = []
    for minute in range(1440):
        busy = 360 <= minute < 360 + DAY_HOURS * 60
        if not busy:
            found.append(night)
            continue
        # What the lines make up for after the stop is what they did not make in it.
        within = minute % 60
        found.append(peak if within < 3 else max(0.0, day - 3 * (peak - day) / 5) if within >= 55 else day)
    return found


def simulate(load: cost.Load, concurrency: int, per_minute: Sequence[float] | None = None) -> Day:
    """A day of the queue before `detect`, minute by minute; instances begin no faster than Lambda begins them."""
    waiting, instances, most, oldest = 0.0, 0.0, 0.0, 0.0
    a_minute = 60_000 / load.milliseconds
    line: list[list[float]] = []  # (minute of arrival, pictures), oldest first
    for minute, come in enumerate(per_minute or arrivals(load)):
        if come:
            line.append([float(minute), come])
        waiting += come
        wanted = min(concurrency, math.ceil(waiting / a_minute))
        instances = min(wanted, instances + LAMBDA_RAMP)
        able = instances * a_minute
        waiting = max(0.0, waiting - able)
        while line and able > 0:
            taken = min(able, line[0][1])
            able -= taken
            line[0][1] -= taken
            if line[0][1] <= 1e-6:
                oldest = max(oldest, minute - line.pop(0)[0])
        most = max(most, waiting)
        if line:
            oldest = max(oldest, minute - line[0][0])
    return Day(round(most), None if waiting > load.pictures * 0.01 else oldest, round(waiting))


def rate_table(load: cost.Load = LOAD) -> str:
    rates = Rates.of(load)
    average, peak = rates.instances(load)
    puts, writes = rates.peak * 3, rates.peak * (2 + load.defects)
    camera = rates.peak / load.stations
    rows = [
        ("Lambda: `detect` at once", average, peak, "account", LAMBDA_CONCURRENCY),
        ("S3: new pictures a second", rates.average, rates.peak, "partitioned prefix", S3_WRITES),
        ("S3: results a second, all cameras", rates.average * 3, puts, "partitioned prefix", S3_WRITES),
        ("S3: results a second, one camera", camera / PEAK * 3, camera * 3, "partitioned prefix", S3_WRITES),
        ("S3: pictures read a second", rates.average, rates.peak, "partitioned prefix", S3_READS),
        ("SQS: pictures being judged", average * load.batch, peak * load.batch, "queue", SQS_IN_FLIGHT),
        ("DynamoDB: detections, write units a second", writes / PEAK, writes, "table", DYNAMODB_TABLE),
        ("DynamoDB: the same, of a new table", writes / PEAK, writes, "new table", DYNAMODB_NEW_TABLE),
        ("DynamoDB: defects of one camera a second", camera / PEAK * load.defects, camera * load.defects,
         "partition", DYNAMODB_PARTITION),
        ("SNS: notices a second, 1 % defects", rates.average * load.defects, rates.peak * load.defects, "account",
         SNS_PUBLISH),
        ("SNS: notices a second, every part fails", rates.average, rates.peak, "account", SNS_PUBLISH),
        ("KMS: with bucket keys, 1 % of S3's requests", rates.average * 0.05, rates.peak * 0.05, "account", KMS),
        ("Outboxes: entries a second", load.entries / 86_400, load.entries / 86_400 * PEAK, "partitioned prefix",
         S3_WRITES),
    ]  # fmt: skip
    lines = ["| What | Average | Peak | Documented limit | Peak of it |", "| --- | ---: | ---: | --- | ---: |"]
    for what, usual, most, of, limit in rows:
        lines.append(f"| {what} | {_short(usual)} | {_short(most)} | {limit:,} per {of} | {most / limit:.0%} |")
    return "\n".join(lines)


def day_table(load: cost.Load = LOAD) -> str:
    lines = [
        "| `DetectConcurrency` | Pictures a second | Most waiting | Longest wait | Left at midnight |",
        "| ---: | ---: | ---: | --- | ---: |",
    ]
    for concurrency in (10, 100, 250, 500, LAMBDA_MAPPING):
        found = simulate(load, concurrency)
        wait = "for ever" if found.longest_minutes is None else f"{found.longest_minutes:.0f} min"
        wait = "under a minute" if found.longest_minutes == 0 else wait
        able = concurrency * 1000 / load.milliseconds
        lines.append(f"| {concurrency:,} | {able:,.0f} | {found.most_waiting:,} | {wait} | {found.end:,} |")
    return "\n".join(lines)


def cost_table(load: cost.Load = LOAD) -> str:
    price = cost.prices()
    lines = ["| Service | What | A month | US dollars |", "| --- | --- | ---: | ---: |"]
    items = cost.estimate(load, price)
    for item in items:
        lines.append(f"| {item.service} | {item.what} | {_short(item.quantity)} {item.unit} | {item.dollars:,.2f} |")
    lines.append(f"| **All** | | | **{cost.total(items):,.2f}** |")
    lines.append("")
    each = cost.total(items) / (load.pictures * cost.DAYS) * 1000
    lines.append(f"That is {each:.3f} dollars a thousand pictures. Prices: {price['region']}, {price['as_of']}.")
    return "\n".join(lines)


def variants_table() -> str:
    """What a change of what is done would save."""
    variants = [
        ("As the template does it", LOAD),
        ("Pictures and results kept for 14 days instead of 90", replace(LOAD, picture_days=14)),
        ("Only what the station was not sure of, or failed, is judged again in AWS (2 %)",
         replace(LOAD, pictures=PICTURES // 50)),
        ("The function twice as quick", replace(LOAD, milliseconds=LOAD.milliseconds / 2)),
        ("Pictures of 100 KB instead of 400", replace(LOAD, picture_kb=100)),
        ("20 stations, 100,000 pictures a day", cost.Load(20, 100_000)),
        ("One station, 5,000 pictures a day", cost.Load(1, 5_000)),
    ]  # fmt: skip
    lines = ["| What is done | US dollars a month |", "| --- | ---: |"]
    for words, load in variants:
        lines.append(f"| {words} | {cost.total(cost.estimate(load, cost.prices())):,.0f} |")
    return "\n".join(lines)


def tables() -> Mapping[str, str]:
    """All tables of the document, by their names there."""
    return {"rates": rate_table(), "day": day_table(), "cost": cost_table(), "variants": variants_table()}


def filled(text: str) -> str:
    """The document with its tables computed anew."""
    for name, table in tables().items():
        pattern = re.compile(rf"(?<=<!-- {name} -->\n).*?(?=<!-- end of {name} -->)", re.DOTALL)
        number = len(pattern.findall(text))
        if number != 1:
            raise ValueError(f"The document has {number} places for the table {name}; one is needed.")
        text = pattern.sub(lambda _, table=table: f"{table}\n", text)  # type: ignore[misc]
    return text


def _short(value: float) -> str:
    if value >= 1e6:
        return f"{value / 1e6:,.1f} million"
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="scale.py", description="The arithmetic of SCALE.md.")
    parser.add_argument("--write", action="store_true", help="put the tables into SCALE.md")
    if parser.parse_args().write:
        DOCUMENT.write_text(filled(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
        return 0
    for name, table in tables().items():
        print(f"{name}\n\n{table}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
