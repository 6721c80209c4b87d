"""The desk of notices through AWS: topics as a way to tell people, alarms and answers shared among stations."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

from app.alarms import AlarmBook
from app.alarms.health import Backlog
from app.alarms.notices import Channel
from app.cloud.hearing import heard
from app.cloud.inbox import Inbox, InboxState
from app.cloud.notices import SnsChannel
from app.cloud.session import CloudAddress, CloudSession
from app.domain.notice import Recipient
from app.jobs import Jobs
from app.settings import Settings
from app.status import Change
from app.store import Store

log = logging.getLogger(__name__)

CHANNEL = "sns"
OTHERS = "other-stations"
"""Id of the recipient that stands for the shared topic."""


class Host(Protocol):
    """What the desk needs of its station."""

    jobs: Jobs
    store: Store
    alarms: AlarmBook

    @property
    def settings(self) -> Settings: ...

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]: ...


class NotifyDesk:
    """Follows the settings by itself; without them nothing is imported or asked.

    Args:
        session: the way to AWS as the settings have it now.
        recipients: who is told of alarms.
    """

    def __init__(
        self,
        host: Host,
        session: Callable[[], CloudSession],
        recipients: Callable[[], Sequence[Recipient]] = tuple,
    ) -> None:
        self._host, self._session, self._recipients = host, session, recipients
        self._working = threading.Lock()  # held while the worker is started or ended
        self._inbox: Inbox | None = None
        self._wanted: tuple[str, str, CloudAddress] | None = None
        self._closed = False
        self.channels: dict[str, Channel] = {CHANNEL: SnsChannel(session)}
        """For `WatchDesk.connect`."""
        self._no_more_changes = host.subscribe(self._changed)
        self._follow()

    def inbox(self) -> InboxState | None:
        """How the queue is read; None where there is none."""
        inbox = self._inbox
        return None if inbox is None else inbox.state()

    def backlog(self, now: datetime) -> Backlog | None:
        """Slow: the notices that wait for SNS; None where none go there."""
        told = {each.id for each in self._recipients() if each.channel == CHANNEL}
        if self._host.settings.cloud_topic:
            told.add(OTHERS)
        if not told:
            return None
        found = [(count, at) for who, count, at in self._host.store.alarming.notices.waiting() if who in told]
        oldest = min((at for _, at in found), default=now)
        return Backlog(sum(count for count, _ in found), max(0.0, (now - oldest).total_seconds()))

    def close(self) -> None:
        """Ends the worker within a second; a request that still waits for messages gives back what it gets."""
        self._no_more_changes()
        with self._working:
            self._closed = True
            self._end()

    # -- inside
    def _changed(self, change: Change) -> None:
        if change is Change.STATE and _wanted(self._host.settings) != self._wanted:
            self._host.jobs.start("Notices", lambda job: self._follow())

    def _follow(self) -> None:
        with self._working:
            settings = self._host.settings
            wanted = _wanted(settings)
            if self._closed or wanted == self._wanted:
                return
            self._end()
            self._wanted = wanted
            topic, queue = settings.cloud_topic, settings.cloud_queue
            others = Recipient(OTHERS, "Other stations", CHANNEL, {"topic": topic}, cleared=True) if topic else None
            self._host.alarms.share_with(others)
            if queue:
                self._inbox = Inbox(self._client, queue, self._take, unreadable=self._unreadable, lost=self._lost)
                self._inbox.start()

    def _client(self) -> Any:
        return self._session().client("sqs")

    def _end(self) -> None:
        inbox, self._inbox = self._inbox, None
        if inbox is not None and not inbox.stop():
            log.info("a request to the queue %s still waits and is left behind", inbox.name)

    # -- on the worker's thread
    def _take(self, body: Any) -> None:
        found = heard(body)
        if found is not None:
            self._host.alarms.hear(found)

    def _unreadable(self, words: str) -> None:
        self._host.alarms.raise_alarm("message", self._name(), "A message can't be used", words)

    def _lost(self, words: str) -> None:
        if words:
            self._host.alarms.raise_alarm("inbox", self._name(), "Alarms from elsewhere don't come", words, again=False)
        else:
            self._host.alarms.clear("inbox")

    def _name(self) -> str:
        inbox = self._inbox
        return inbox.name if inbox is not None else "queue"


def _wanted(settings: Settings) -> tuple[str, str, CloudAddress]:
    return settings.cloud_topic, settings.cloud_queue, settings.account()


__all__ = ["InboxState", "NotifyDesk"]
