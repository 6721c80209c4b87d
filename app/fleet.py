"""The desk of the fleet: what the other sites' and stations' records in the account say."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Protocol

from app.cloud.fleet import FleetAddress, FleetReader
from app.cloud.session import CloudAddress, CloudError, CloudSession
from app.domain.errors import LinesightError
from app.domain.fleet import Fleet
from app.jobs import Job, Jobs
from app.paths import DataFolder
from app.settings import Settings


class Host(Protocol):
    """What the desk needs of its station."""

    data: DataFolder
    jobs: Jobs

    @property
    def settings(self) -> Settings: ...


class FleetDesk:
    """Any thread. Asks the account only when somebody reads, and only where a bucket is set."""

    def __init__(self, host: Host, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._host, self._now = host, now
        self._lock = threading.Lock()  # one reading at a time: they share the fetched files
        self._made: tuple[CloudAddress, FleetAddress, FleetReader] | None = None

    @property
    def on(self) -> bool:
        """Whether there is a bucket to read."""
        return bool(self._host.settings.fleet_bucket)

    def read(self, first: date, last: date) -> Job[Fleet]:
        """Reads the fleet on these days, both included. Where the account can't be read, the answer is what was read
        before, and its words say so; the job fails where there is nothing before."""

        def work(job: Job[Fleet]) -> Fleet:
            with self._lock:
                reader = self._reader()
                try:
                    return reader.read(first, last, job.step, self._now())
                except CloudError as error:
                    known = reader.known(first, last)
                    if not known.stations:
                        raise
                    words = " ".join(each for each in (str(error), known.words) if each)
                    return Fleet(first, last, known.stations, known.read_at, words)

        return self._host.jobs.start("Reading the fleet", work)

    def known(self, first: date, last: date) -> Fleet | None:
        """What was read before, without the network; None where nothing was. Slow with many files: on a worker."""
        if not self.on:
            return None
        with self._lock:
            found = self._reader().known(first, last)
        return found if found.read_at is not None else None

    def _reader(self) -> FleetReader:
        settings = self._host.settings
        if not settings.fleet_bucket:
            raise LinesightError("No bucket of the fleet is set. An engineer sets fleet_bucket under Set-up.")
        account = settings.account()
        address = FleetAddress(
            settings.fleet_bucket, settings.fleet_database, settings.fleet_workgroup, settings.cloud_bucket
        )
        if self._made is None or self._made[:2] != (account, address):
            reader = FleetReader(CloudSession(account), address, self._host.data.fleet)
            self._made = account, address, reader
        return self._made[2]
