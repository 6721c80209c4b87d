"""What all stations sent to the account: counted by Athena, or here over the same Parquet files.

The files lie below `inspections/`, by day: `day=D/STATION/KEY.parquet` (taken in by the function `ingest`) or
`site=S/station=T/date=D/NAME.parquet` (sent by a station itself). They are never changed once written, so each is
fetched once and kept; without a network what was fetched is counted again. A part that is in two files counts once.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from app.cloud import fleetalarms
from app.cloud.session import CloudError, CloudSession, in_words
from app.domain.counts import Counts
from app.domain.fleet import Fleet, FleetStation
from app.reports.athena import STATION_DAYS_QUERY, STATION_LABELS_QUERY, AthenaError, ask
from app.whole_files import write_whole

log = logging.getLogger(__name__)

KEEP_DAYS = 31
"""Fetched files of older days are deleted: the account has them."""

_AT_ONCE = 8
_ROOT = "inspections/"
_OWN = re.compile(r"^inspections/site=([^/]+)/station=([^/]+)/date=(\d{4}-\d{2}-\d{2})/[^/]+\.parquet$")
_TAKEN_IN = re.compile(r"^inspections/day=(\d{4}-\d{2}-\d{2})/[^/]+/[^/]+\.parquet$")
_COLUMNS = ("id", "site", "station", "captured_at", "product", "verdict", "labels")

Step = Callable[[float | None, str], None]


@dataclass(frozen=True, slots=True)
class FleetAddress:
    """Where a fleet's records are.

    Attributes:
        bucket: of the Parquet files.
        database, workgroup: of Athena, as the stack made them; "" counts here.
        alarms: bucket that the stations send their alarms to; "" where they are not asked for.
    """

    bucket: str
    database: str = ""
    workgroup: str = ""
    alarms: str = ""


@dataclass(frozen=True, slots=True)
class _File:
    key: str
    mark: str
    day: date
    at: datetime


class FleetReader:
    """Reads a fleet; one thread at a time.

    Args:
        cache: folder for the fetched files; all of it may be deleted at any time.
    """

    def __init__(self, session: CloudSession, address: FleetAddress, cache: Path) -> None:
        self._session, self._address = session, address
        self._cache = cache / hashlib.sha256(address.bucket.encode()).hexdigest()[:16]

    def read(self, first: date, last: date, step: Step, now: datetime) -> Fleet:
        """The fleet on these days, both included, as the account has it now.

        Args:
            step: told how far it is, 0..1; raises to stop.
            now: UTC.

        Raises:
            CloudError: the account can't be read.
        """
        self._fetch_alarms(last, step)
        if self._address.database:
            return self._with_alarms(self._asked(first, last, step, now), last)
        files = self._fetch(first, last, step)
        self._forget(now.date() - timedelta(days=KEEP_DAYS))
        write_whole(self._cache / "read.json", json.dumps({"at": now.isoformat()}).encode(), durable=False)
        found = replace(self._counted(first, last), read_at=now) if files else Fleet(first, last, (), now)
        return self._with_alarms(found, last)

    def known(self, first: date, last: date) -> Fleet:
        """The fleet as it was last read; needs no network."""
        return self._with_alarms(self._counted(first, last), last)

    # -- alarms
    def _fetch_alarms(self, last: date, step: Step) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        bucket = self._address.alarms
        what = f"The fleet's alarms in {bucket} can't be read"
        try:
            if bucket:
                fleetalarms.fetch(self._session, bucket, _alarm_days(last), self._cache, step)
        except (BotoCoreError, ClientError) as error:
            raise in_words(error, what, "s3:ListBucket and s3:GetObject") from error
        except OSError as error:
            raise CloudError(f"{what}: {error.strerror or error}. Make room on the disk and try again.") from error

    def _with_alarms(self, fleet: Fleet, last: date) -> Fleet:
        if not self._address.alarms:
            return fleet
        found = fleetalarms.open_alarms(self._cache, _alarm_days(last))
        stations = [replace(each, alarms=tuple(found.pop((each.site, each.station), ()))) for each in fleet.stations]
        # A station that has alarms and no part is one all the same.
        stations += [FleetStation(*place, Counts(), None, None, alarms=tuple(some)) for place, some in found.items()]
        return replace(fleet, stations=tuple(stations))

    # -- by Athena
    def _asked(self, first: date, last: date, step: Step, now: datetime) -> Fleet:
        from botocore.exceptions import BotoCoreError, ClientError

        address, what = self._address, "Athena can't be asked about the fleet"

        def answer(query: str, at: float) -> list[list[str | None]]:
            step(at, "Athena counts")

            def wait(seconds: float) -> None:
                step(at, "Athena counts")
                time.sleep(seconds)

            return ask(
                self._session.client("athena"),
                query,
                [first, last],
                database=address.database,
                workgroup=address.workgroup or "primary",
                wait=wait,
            )

        try:
            rows, labels = answer(STATION_DAYS_QUERY, 0.1), answer(STATION_LABELS_QUERY, 0.6)
        except AthenaError as error:
            raise CloudError(str(error)) from error
        except (BotoCoreError, ClientError) as error:
            raise in_words(error, what, "athena:StartQueryExecution") from error
        return Fleet(first, last, _of_athena(rows, labels), now)

    # -- by the files
    def _fetch(self, first: date, last: date, step: Step) -> list[_File]:
        from botocore.exceptions import BotoCoreError, ClientError

        what = f"The fleet's records in {self._address.bucket} can't be read"
        try:
            step(0.0, "Looking for what the stations sent")
            files = list(self._list(_days(first, last), step))
            wanted = [each for each in files if not self._place(each).exists()]
            for day in {each.day for each in files}:
                (self._cache / day.isoformat()).mkdir(parents=True, exist_ok=True)
            with ThreadPoolExecutor(_AT_ONCE, "fleet") as pool:
                for number, _ in enumerate(pool.map(self._take, wanted)):
                    step((number + 1) / len(wanted), f"{number + 1:,} of {len(wanted):,} files")
        except ClientError as error:
            raise in_words(error, what, "s3:ListBucket and s3:GetObject") from error
        except BotoCoreError as error:
            raise in_words(error, what) from error
        except OSError as error:
            raise CloudError(f"{what}: {error.strerror or error}. Make room on the disk and try again.") from error
        for day in {each.day for each in files}:
            names = {self._place(each).name: each.at.isoformat() for each in files if each.day == day}
            write_whole(self._cache / day.isoformat() / "arrived.json", json.dumps(names).encode(), durable=False)
        return files

    def _list(self, days: list[date], step: Step) -> Iterator[_File]:
        for day in days:
            yield from self._below(f"{_ROOT}day={day}/")
        stations = [found for site in self._folders(f"{_ROOT}site=") for found in self._folders(f"{site}station=")]
        for number, station in enumerate(stations):
            step(None, f"Looking for what the stations sent, {number + 1:,} of {len(stations):,}")
            for day in days:
                yield from self._below(f"{station}date={day}/")

    def _below(self, prefix: str) -> Iterator[_File]:
        pages = self._session.client("s3").get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._address.bucket, Prefix=prefix):
            for found in page.get("Contents", ()):
                match = _OWN.match(found["Key"]) or _TAKEN_IN.match(found["Key"])
                if match is not None:
                    day = date.fromisoformat(match.groups()[-1])
                    yield _File(found["Key"], found["ETag"].strip('"'), day, found["LastModified"].astimezone(UTC))

    def _folders(self, prefix: str) -> list[str]:
        pages = self._session.client("s3").get_paginator("list_objects_v2")
        return [
            found["Prefix"]
            for page in pages.paginate(Bucket=self._address.bucket, Prefix=prefix, Delimiter="/")
            for found in page.get("CommonPrefixes", ())
        ]

    def _place(self, file: _File) -> Path:
        name = hashlib.sha256(f"{file.key}\n{file.mark}".encode()).hexdigest()[:40]
        return self._cache / file.day.isoformat() / f"{name}.parquet"

    def _take(self, file: _File) -> None:
        body = self._session.client("s3").get_object(Bucket=self._address.bucket, Key=file.key)["Body"].read()
        write_whole(self._place(file), body, durable=False)

    def _forget(self, before: date) -> None:
        for folder in self._cache.glob("????-??-??"):
            if folder.name < before.isoformat():
                for path in folder.iterdir():
                    path.unlink(missing_ok=True)
                folder.rmdir()

    def _counted(self, first: date, last: date) -> Fleet:
        frames, broken, arrived = [], 0, dict[tuple[str, str], datetime]()
        for day in _days(first, last):
            folder = self._cache / day.isoformat()
            times = _times(folder / "arrived.json")
            for path in sorted(folder.glob("*.parquet")):
                frame = _frame(path)
                if frame is None:
                    broken += 1
                    continue
                frames.append(frame)
                at = times.get(path.name)
                for site, station in frame.select("site", "station").unique().iter_rows():
                    if at is not None and at > arrived.get((site, station), datetime.min.replace(tzinfo=UTC)):
                        arrived[site, station] = at
        words = (
            "" if not broken else f"{broken} {'file' if broken == 1 else 'files'} could not be read and is left out."
        )
        return Fleet(first, last, _of_frames(frames, arrived), _read_at(self._cache / "read.json"), words)


def _alarm_days(last: date) -> list[date]:
    """An alarm that nothing has happened to for longer is not looked for."""
    return _days(last - timedelta(days=6), last)


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _times(path: Path) -> dict[str, datetime]:
    try:
        return {name: datetime.fromisoformat(at) for name, at in json.loads(path.read_bytes()).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _read_at(path: Path) -> datetime | None:
    try:
        return datetime.fromisoformat(json.loads(path.read_bytes())["at"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _frame(path: Path) -> Any:
    """The columns that are counted, None for a file that has them not or is damaged."""
    import polars as pl

    try:
        frame = pl.read_parquet(path, columns=list(_COLUMNS), hive_partitioning=False)
        return frame.with_columns(
            pl.col("captured_at").cast(pl.Datetime("ms")), pl.col("labels").cast(pl.List(pl.String))
        )
    except (pl.exceptions.PolarsError, OSError) as error:
        log.warning("%s of the fleet can't be read: %s", path.name, error)
        return None


def _of_frames(frames: list[Any], arrived: Mapping[tuple[str, str], datetime]) -> tuple[FleetStation, ...]:
    import polars as pl

    if not frames:
        return ()
    rows = pl.concat(frames).unique("id", keep="first", maintain_order=True)
    by = rows.group_by("site", "station", "product", maintain_order=True).agg(
        *[(pl.col("verdict") == verdict).sum().alias(verdict) for verdict in ("PASS", "FAIL", "RETEST", "ERROR")],
        pl.col("captured_at").max().alias("newest"),
    )
    unnamed = pl.lit([""], dtype=pl.List(pl.String))
    named = pl.col("labels").list.unique()
    kinds = (
        rows.filter(pl.col("verdict") == "FAIL")
        .select("site", "station", pl.when(named.list.len() > 0).then(named).otherwise(unnamed).alias("label"))
        .explode("label")
        .group_by("site", "station", "label")
        .len()
    )
    gathered = _Gathered()
    for site, station, product, *numbers, newest in by.iter_rows():
        gathered.add(site, station, product, Counts(*numbers), newest.replace(tzinfo=UTC))
    for site, station, kind, number in kinds.iter_rows():
        gathered.label(site, station, kind, number)
    return gathered.stations(arrived)


def _of_athena(rows: list[list[str | None]], labels: list[list[str | None]]) -> tuple[FleetStation, ...]:
    gathered = _Gathered()
    for site, station, product, *numbers, newest in rows:
        counts = Counts(*(int(number or 0) for number in numbers))
        gathered.add(
            site or "", station or "", product or "", counts, datetime.fromisoformat(newest or "").replace(tzinfo=UTC)
        )
    for site, station, kind, number in labels:
        gathered.label(site or "", station or "", kind or "", int(number or 0))
    return gathered.stations({})


class _Gathered:
    """Stations put together from rows by product and by defect type."""

    def __init__(self) -> None:
        self._products: dict[tuple[str, str], dict[str, Counts]] = {}
        self._newest: dict[tuple[str, str], datetime] = {}
        self._labels: dict[tuple[str, str], dict[str, int]] = {}

    def add(self, site: str, station: str, product: str, counts: Counts, newest: datetime) -> None:
        key = site, station
        self._products.setdefault(key, {})[product] = counts
        self._newest[key] = max(newest, self._newest.get(key, newest))

    def label(self, site: str, station: str, kind: str, number: int) -> None:
        self._labels.setdefault((site, station), {})[kind] = number

    def stations(self, arrived: Mapping[tuple[str, str], datetime]) -> tuple[FleetStation, ...]:
        found = []
        for key in sorted(self._products):
            products = self._products[key]
            labels = self._labels.get(key, {})
            found.append(
                FleetStation(
                    *key,
                    sum(products.values(), Counts()),
                    self._newest[key],
                    arrived.get(key),
                    tuple(sorted(products, key=lambda name: (-products[name].total, name))),
                    tuple(sorted(labels.items(), key=lambda each: (-each[1], each[0]))),
                )
            )
        return tuple(found)
