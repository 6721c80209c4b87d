"""The watch desk: what the screen asks for about alarms, and the worker that tells people of them."""

from __future__ import annotations

import logging
import shutil
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Protocol

from app.alarms import AlarmBook, config
from app.alarms.figures import AlarmFigures, Times, alarm_figures, end_of_shift
from app.alarms.health import Backlog, HealthPorts, look
from app.alarms.notices import CHANNELS, Channel, Message, NoticeSender, secrets
from app.alarms.notices.message import compose
from app.alarms.notices.sender import deliver
from app.domain.alarm import Alarm, AlarmEvent, AlarmQuery, AlarmRow, Ticket
from app.domain.alarm_rule import PER_PART, AlarmConfig, RuleKind, with_row
from app.domain.calendar import day_bounds
from app.domain.errors import LinesightError, StoreError
from app.domain.frame import Image
from app.domain.notice import Notice, Recipient
from app.domain.person import Action
from app.jobs import Job, Jobs
from app.paths import DataFolder
from app.people import PeopleDesk
from app.settings import Settings
from app.status import Change
from app.store import Store

log = logging.getLogger(__name__)

TICK, HEALTH_EVERY = 2.0, 30.0
"""Seconds between looks at shelves and escalation, and at the station's health."""
_LONGEST_WORDS = 2000


class Host(Protocol):
    """What the desk needs of its station."""

    data: DataFolder
    store: Store
    alarms: AlarmBook
    people: PeopleDesk
    jobs: Jobs

    @property
    def settings(self) -> Settings: ...

    @property
    def zone(self) -> tzinfo: ...

    def picture(self, image_path: str) -> Image | None: ...


def load_config(data: DataFolder) -> AlarmConfig:
    """What a station is told about alarms; raises LinesightError naming the file when it can't be used."""
    return config.load(data.alarm_rules)


class WatchDesk:
    """All methods may be called from any thread and return at once, except those marked slow.

    Args:
        host: the station it stands in.
        chosen: what its alarm book goes by.
        now: the moment, UTC.
    """

    def __init__(
        self, host: Host, chosen: AlarmConfig, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._host, self._config, self._now = host, chosen, now
        self._channels: dict[str, Channel] = dict(CHANNELS)
        self._ports = HealthPorts(disk_free=self._disk_free)
        self._saving = threading.Lock()  # held while what the rules go by is changed
        self._in_a_row = 0
        self._wake, self._news, self._closed = threading.Event(), threading.Event(), threading.Event()
        self._sender = NoticeSender(
            host.store.alarming.notices, self._recipient, self._composed, secrets.read, self._channels, now=now
        )
        host.alarms.on_notices = self._wake.set
        self._threads = [
            threading.Thread(target=self._watch, name="alarms", daemon=True),
            threading.Thread(target=self._send, name="notices", daemon=True),
        ]

    def start(self) -> None:
        """Begins to look at time and health, and to send."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Slow: ends both workers; what was not sent is sent after the next start."""
        self._closed.set()
        self._wake.set()
        self._sender.stop()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=5)  # a server that does not answer must not hold up the end

    def connect(
        self,
        *,
        backlog: Callable[[], Backlog | None] | None = None,
        unreleased: Callable[[], str | None] | None = None,
        line: Callable[[], Mapping[str, tuple[float, str]] | None] | None = None,
        channels: Mapping[str, Channel] | None = None,
    ) -> None:
        """Takes what other rooms bring: what waits for the cloud, the model in use that is not released, outputs to the
        line that reach nobody, and further ways to tell people. Rules and ways are offered from then on."""
        ports = self._ports
        self._ports = HealthPorts(
            ports.disk_free, backlog or ports.backlog, unreleased or ports.unreleased, line or ports.line
        )
        self._channels.update(channels or {})

    def heard(self, change: Change) -> None:
        """At once: something of the station has changed. What may end an alarm of its health, or raise one, is looked
        at soon rather than half a minute later."""
        if change in (Change.STATE, Change.VERSIONS):
            self._news.set()
        if change is Change.STATE and self._host.settings.fails_in_a_row != self._in_a_row:
            with self._saving:
                self._use()

    def _use(self) -> None:
        """The rules go by what is chosen, with the number of FAILs in a row of the settings, which a recipe brings."""
        self._in_a_row = number = self._host.settings.fails_in_a_row
        self._host.alarms.use(with_row(self._config, number))

    # -- what it says
    def waits(self, kind: RuleKind) -> bool:
        """Whether an alarm of this kind stands that nobody has acknowledged; from memory."""
        return any(alarm.kind == kind and alarm.acknowledged_at is None for alarm in self._host.alarms.active())

    @property
    def config(self) -> AlarmConfig:
        return self._config

    def offered(self) -> frozenset[RuleKind]:
        """Kinds of rules that something feeds; the others are not shown."""
        return PER_PART | {RuleKind.CAMERA} | self._ports.fed()

    def channels(self) -> list[str]:
        """Ways to tell people."""
        return list(self._channels)

    def active(self) -> list[Alarm]:
        """What stands and is not shelved: the most urgent first, then what waits the longest."""
        return sorted(self._host.alarms.active(), key=lambda one: (not one.waits, -one.priority, one.raised_at))

    def shelved(self) -> list[Alarm]:
        """What is shelved, the one that comes back first in front."""
        return self._host.alarms.shelved()

    def ticket(self, alarm_id: str) -> Ticket | None:
        """The open ticket of an alarm."""
        return self._host.alarms.ticket(alarm_id)

    def history(self, query: AlarmQuery, limit: int = 200) -> list[AlarmRow]:
        """Slow: the newest alarms that are asked for, with their tickets."""
        return self._host.store.alarming.history(query, limit)

    def days(self, first: date, last: date) -> tuple[datetime, datetime]:
        """[start, end) of the station's days, UTC."""
        return day_bounds(first, last, self._host.zone, self._host.settings.day_starts_at)

    def kinds(self) -> list[str]:
        """Slow: kinds in the history."""
        return self._host.store.alarming.kinds()

    def row(self, alarm_id: str) -> AlarmRow | None:
        """Slow: one alarm as it stands now."""
        standing = next((one for one in (*self.active(), *self.shelved()) if one.id == alarm_id), None)
        found = self._host.store.alarming.alarm(alarm_id)
        if standing is None:
            return found
        return AlarmRow(standing, found.ticket if found else None)

    def events(self, alarm_id: str) -> list[AlarmEvent]:
        """Slow: what happened to an alarm, oldest first."""
        return self._host.store.alarming.events(alarm_id)

    def figures(self, first: date, last: date) -> AlarmFigures:
        """Slow: how alarms of the station's days `first` to `last` were answered."""
        start, end = self.days(first, last)
        rows = self._host.store.alarming.raised(start, end)
        return alarm_figures(rows, start, min(end, self._now()), self._host.zone, self._config.shifts)

    def notices(self, limit: int = 50) -> list[Notice]:
        """Slow: the newest notices, those that were given up first."""
        kept = self._host.store.alarming.notices
        dead = kept.dead()
        known = {one.id for one in dead}
        return dead + [one for one in kept.recent(limit) if one.id not in known]

    def names(self) -> list[str]:
        """Slow: people of the station, to assign to."""
        return [person.name for person in self._host.people.everybody()]

    def end_of_shift(self) -> datetime:
        """When the shift under way ends, UTC."""
        return end_of_shift(self._now(), self._host.zone, self._config.shifts)

    # -- what it is told
    def acknowledge(self, alarm_id: str) -> None:
        """Whoever is signed in has seen the alarm; raises NotAllowed where that is nobody at a station with people."""
        self._host.people.require(Action.ACKNOWLEDGE)
        by = self._host.people.name
        self._host.jobs.write("Acknowledge", lambda job: self._host.alarms.acknowledge(alarm_id, by))

    def shelve(self, alarm_id: str, reason: str, until: datetime) -> None:
        """Slow: puts an alarm aside until a moment; raises LinesightError without a reason."""
        self._host.people.require(Action.SHELVE)
        self._host.alarms.shelve(alarm_id, self._host.people.name, _words(reason), until)

    def unshelve(self, alarm_id: str) -> None:
        """Slow: takes an alarm off the shelf."""
        self._host.people.require(Action.SHELVE)
        self._host.alarms.unshelve(alarm_id, self._host.people.name)

    def assign(self, alarm_id: str, to: str) -> Ticket:
        """Slow: gives the alarm's ticket to somebody of the station or elsewhere; opens one where there is none."""
        if not to.strip():
            raise LinesightError("Say who it is given to.")
        name = to.strip()[:60]
        return self._work(alarm_id, "assigned", name, lambda ticket: replace(ticket, assigned_to=name))

    def comment(self, alarm_id: str, words: str) -> Ticket:
        """Slow: adds a comment to the alarm's ticket; opens one where there is none."""
        if not words.strip():
            raise LinesightError("There is nothing to add yet. Write the comment first.")
        return self._work(alarm_id, "comment", _words(words), lambda ticket: ticket)

    def close_ticket(self, alarm_id: str, cause: str, action: str) -> Ticket:
        """Slow: closes the alarm's ticket with its cause and what was done; opens one where there is none. Who closes
        it has seen the alarm."""
        if not cause.strip() or not action.strip():
            raise LinesightError("Write both down: what the cause was, and what was done.")
        by, at = self._host.people.name, self._now()

        def closed(ticket: Ticket) -> Ticket:
            return replace(ticket, closed_at=at, closed_by=by, cause=_words(cause), action=_words(action))

        words = f"Cause: {_words(cause)} Action: {_words(action)}"
        ticket = self._work(alarm_id, "ticket closed", words, closed)
        self._host.alarms.acknowledge(alarm_id, by)
        return ticket

    def save_config(self, chosen: AlarmConfig) -> None:
        """Slow: writes rules, recipients and escalation, and goes by them from now on.

        Raises:
            NotAllowed: whoever is signed in may not change settings.
            LinesightError: the file can't be written.
        """
        with self._saving:
            if chosen == self._config:
                return
            self._host.people.require(Action.SETTINGS)
            config.save(self._host.data.alarm_rules, chosen)
            before, self._config = self._config, chosen
            self._use()
            was, now = _described(before), _described(chosen)
            self._host.people.note_settings(was, dict.fromkeys(was, "removed") | now)
        self._wake.set()

    def keep_secret(self, recipient_id: str, secret: str) -> None:
        """Slow: puts a recipient's password or key into the keyring; "" takes it out.

        Raises:
            LinesightError: there is no keyring; names the environment variable that helps.
        """
        self._host.people.require(Action.SETTINGS)
        secrets.keep(recipient_id, secret)
        self._host.people.note(Action.SETTINGS, f"secret of {recipient_id}", "changed" if secret else "removed")

    def test(self, recipient: Recipient, secret: str | None = None) -> Job[str]:
        """Sends a message to somebody now; the job's result is what happened, in words.

        Args:
            secret: what was typed and is not kept yet; None for the kept one.
        """
        self._host.people.require(Action.SETTINGS)

        def work(job: Job[str]) -> str:
            job.step(None, f"Sending to {recipient.name}")
            now = self._now()
            alarm = Alarm("", "test", "This is a test", "No part failed. Nothing has to be done.", "test", now, now)
            notice = Notice(uuid.uuid4().hex, "", recipient.id, "raised", now, now)
            station, zone = self._host.settings.station, self._host.zone
            message = compose(notice, alarm, station=station, zone=zone, link="", picture=None)
            known = secrets.read(recipient.id) if secret is None else secret
            return deliver(recipient, message, known, self._channels)

        return self._host.jobs.start(f"Test {recipient.name}", work)

    def send_again(self, notice_id: str) -> None:
        """Slow: a notice that was given up is tried again."""
        self._host.people.require(Action.ACKNOWLEDGE)
        self._host.store.alarming.notices.again(notice_id, self._now())
        self._wake.set()

    # -- the workers
    def _watch(self) -> None:
        since = HEALTH_EVERY
        while not self._closed.wait(TICK):
            since += TICK
            try:
                self._host.alarms.tick()
                if since >= HEALTH_EVERY or self._news.is_set():
                    self._news.clear()
                    since = 0.0
                    look(self._host.alarms, self._config, self._ports)
            except Exception:  # the next look may go well
                log.exception("the look at the alarms failed")

    def _send(self) -> None:
        while not self._closed.is_set():
            self._wake.clear()
            try:
                while self._sender.send_due() and not self._closed.is_set():
                    pass
                due = self._host.store.alarming.notices.next_due()
            except StoreError as error:
                log.warning("notices can't be sent now: %s", error)
                due = self._now() + timedelta(seconds=30)
            wait = 60.0 if due is None else max(0.2, min(60.0, (due - self._now()).total_seconds()))
            self._wake.wait(wait)

    # -- inside
    def _work(self, alarm_id: str, what: str, words: str, change: Callable[[Ticket], Ticket]) -> Ticket:
        self._host.people.require(Action.TICKET)
        by, at = self._host.people.name, self._now()
        row = self._host.store.alarming.alarm(alarm_id)
        if row is None:
            raise StoreError("This alarm is not on record yet. Free space on the disk, then try again.")
        ticket = row.ticket or Ticket(alarm_id, at, by)
        if not ticket.open:
            raise LinesightError(f"Ticket {ticket.number} was closed by {ticket.closed_by}. It stays as it is.")
        self._host.alarms.work_on(change(ticket), AlarmEvent(alarm_id, at, by, what, words))
        kept = self._host.store.alarming.ticket(alarm_id)
        assert kept is not None
        return kept

    def _recipient(self, id: str) -> Recipient | None:
        others = self._host.alarms.shared
        if others is not None and others.id == id:
            return others
        return next((one for one in self._config.recipients if one.id == id and one.on), None)

    def _composed(self, notice: Notice) -> Message | None:
        row = self._host.store.alarming.alarm(notice.alarm_id)
        if row is None:
            return None
        alarm = row.alarm
        picture = self._host.picture(alarm.image_path) if alarm.image_path else None
        station, zone, link = self._host.settings.station, self._host.zone, self._config.link
        part = self._host.store.inspection(alarm.inspection_id) if alarm.inspection_id else None
        return compose(notice, alarm, station=station, zone=zone, link=link, picture=picture, part=part)

    def _disk_free(self) -> int | None:
        try:
            return shutil.disk_usage(self._host.data.root).free
        except OSError as error:
            log.warning("the room on the disk is not known: %s", error)
            return None


def _words(text: str) -> str:
    return text.strip()[:_LONGEST_WORDS]


def _described(chosen: AlarmConfig) -> dict[str, str]:
    """For the audit log; where recipients are told, not what lies in their options."""
    found = {f"alarm rule {rule.id}": str(rule) for rule in chosen.rules}
    for one in chosen.recipients:
        found[f"recipient {one.id}"] = f"{one.name}, {one.channel}, {'on' if one.on else 'off'}"
    found["escalation"] = "; ".join(f"{step.minutes:g} min: {', '.join(step.recipients)}" for step in chosen.escalation)
    return found


__all__ = ["AlarmFigures", "Backlog", "Times", "WatchDesk", "load_config"]
