"""The desk of the outbox: what is recorded here also goes to a bucket of the account, whenever there is a network."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, Protocol

from app import __version__
from app.alarms.health import Backlog
from app.cloud.parcels import Place, StationComposer, file_parcel
from app.cloud.session import CloudAddress, CloudSession
from app.cloud.shipping import Rules, Shipper, Shipping
from app.domain.calendar import day_of
from app.domain.errors import LinesightError
from app.domain.parcel import Backlog as Waits
from app.domain.parcel import ParcelKind, Waiting, read_hours
from app.domain.person import Action
from app.jobs import Job, Jobs
from app.paths import DataFolder
from app.people import PeopleDesk
from app.settings import Settings
from app.status import Change
from app.store import Store

log = logging.getLogger(__name__)

_OFF = Shipping("Off. Nothing is sent.")


class Host(Protocol):
    """What the desk needs of its station."""

    data: DataFolder
    jobs: Jobs
    people: PeopleDesk
    store: Store

    @property
    def settings(self) -> Settings: ...
    @property
    def zone(self) -> tzinfo: ...

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]: ...


@dataclass(frozen=True, slots=True)
class Standing:
    """How sending stands.

    Attributes:
        on: a bucket is set.
        waits: what waits, what was given up, and what was ever sent.
        oldest_seconds: what waits longest has waited; 0 where nothing does.
    """

    on: bool
    shipping: Shipping
    waits: Waits
    oldest_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the settings ask for."""

    address: CloudAddress
    bucket: str
    site: str
    station: str
    rules: Rules


class OutboxDesk:
    """Any thread. Follows the settings by itself; without a bucket nothing is written down, imported or asked.

    Args:
        session: the way to AWS as the settings have it now.
    """

    def __init__(
        self,
        host: Host,
        session: Callable[[], CloudSession],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._host, self._session, self._now = host, session, now
        self._working = threading.Lock()  # held while the sender is started or ended
        self._shipper: Shipper | None = None
        self._wanted: _Wanted | None = None
        self._closed = False
        self._no_more_changes = host.subscribe(self._changed)
        self._compose(host.settings)  # before the first part is recorded

    # -- what it says
    def standing(self) -> Standing:
        """Slow."""
        shipper = self._shipper
        waits, oldest = self._waits()
        return Standing(bool(self._host.settings.cloud_bucket), shipper.state() if shipper else _OFF, waits, oldest)

    def backlog(self) -> Backlog | None:
        """Slow: what waits too long, also while a person has paused it; None where nothing is to be sent, or not at
        this hour. What has waited for its hour counts from then on."""
        settings = self._host.settings
        if not settings.cloud_bucket:
            return None
        waits, oldest = self._waits()
        hours, moment = read_hours(settings.cloud_hours), self._now().astimezone(self._host.zone).time()
        if hours is not None:
            if moment not in hours:
                return None
            oldest = min(oldest, hours.seconds_since_start(moment))
        return Backlog(waits.waiting + waits.dead, oldest)

    def dead(self) -> list[Waiting]:
        """Slow: what was given up, newest first, each with the reason."""
        return self._host.store.outbox.dead()

    # -- what it is told
    def begin(self) -> None:
        """From now on it sends."""
        self._follow()

    def again(self) -> Job[int]:
        """Tries once more what was given up, and at once what waits for its next try; how many were given up."""
        self._host.people.require(Action.SETTINGS)

        def work(job: Job[int]) -> int:
            count = self._host.store.outbox.again()
            self._wake()
            return count

        return self._host.jobs.start("Try again", work)

    def report(self, path: Path) -> None:
        """A report was written; slow. Never raises."""
        self._file(ParcelKind.REPORT, path, path.name)

    def model(self, path: Path, name: str) -> None:
        """A version was released; slow. Never raises.

        Args:
            name: as people call it, NAME@VERSION.
        """
        self._file(ParcelKind.MODEL, path, f"{name}{path.suffix}")

    def close(self) -> None:
        """Slow: ends sending, within seconds; what waits stays."""
        self._no_more_changes()
        with self._working:
            self._closed = True
            self._end()

    # -- inside
    def _waits(self) -> tuple[Waits, float]:
        waits = self._host.store.outbox.backlog()
        oldest = (self._now() - waits.oldest_at).total_seconds() if waits.oldest_at else 0.0
        return waits, max(0.0, oldest)  # after the clock was set back it is from the future

    def _file(self, kind: ParcelKind, path: Path, name: str) -> None:
        settings = self._host.settings
        if not settings.cloud_bucket:
            return
        try:
            parcel = file_parcel(self._place(settings), kind, path, self._host.data.root, name, self._now())
            self._host.store.outbox.add([parcel])
            self._wake()
        except (OSError, LinesightError) as error:
            log.warning("%s does not go to %s: %s", path, settings.cloud_bucket, error)

    def _place(self, settings: Settings) -> Place:
        zone, starts = self._host.zone, settings.day_starts_at
        return Place(
            settings.cloud_bucket, settings.cloud_site, settings.station, lambda moment: day_of(moment, zone, starts)
        )

    def _compose(self, settings: Settings) -> None:
        place, data = self._place(settings), self._host.data.root
        composer = StationComposer(lambda: place, data, self._now) if settings.cloud_bucket else None
        self._host.store.outbox.connect(composer)

    def _changed(self, change: Change) -> None:
        if change is not Change.STATE:
            return
        self._compose(self._host.settings)
        if _wanted(self._host.settings) != self._wanted:
            self._host.jobs.start("Sending to the bucket", lambda job: self._follow())

    def _follow(self) -> None:
        with self._working:
            settings = self._host.settings
            wanted = _wanted(settings)
            if self._closed or wanted == self._wanted:
                return
            self._end()
            self._wanted = wanted
            if wanted.bucket:
                zone = self._host.zone
                self._shipper = Shipper(
                    self._host.store.outbox,
                    self._client,
                    self._place(settings),
                    self._host.data.root,
                    wanted.rules,
                    version=__version__,
                    now=self._now,
                    wall=lambda moment: moment.astimezone(zone),
                )
                self._shipper.start()

    def _client(self) -> Any:
        return self._session().client("s3")

    def _wake(self) -> None:
        shipper = self._shipper
        if shipper is not None:
            shipper.wake()

    def _end(self) -> None:
        shipper, self._shipper = self._shipper, None
        if shipper is not None and not shipper.stop():
            log.info("a request to %s still hangs and is left behind", self._wanted.bucket if self._wanted else "")


def _wanted(settings: Settings) -> _Wanted:
    rules = Rules(round(settings.cloud_kilobytes * 1000), read_hours(settings.cloud_hours), settings.cloud_paused)
    return _Wanted(settings.account(), settings.cloud_bucket, settings.cloud_site, settings.station, rules)


__all__ = ["OutboxDesk", "Shipping", "Standing"]
