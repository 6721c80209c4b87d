"""The standing alarms, grouped: a cause that repeats raises a count, not another alarm.

States after ISA-18.2 (`states.py`). An alarm belongs to a kind, a source and a rule; while it stands, the next cause is
counted on it. Every change is committed with who and when, and with the notices it makes.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from app.alarms import states
from app.alarms.due import notices_for
from app.alarms.rules import Baseline, Finding, RuleWatch
from app.alarms.sharing import Heard, joined
from app.domain.alarm import CLOUD_RULE, Alarm, AlarmChange, AlarmEvent, Ticket
from app.domain.alarm_rule import MOMENTARY, AlarmConfig, AlarmRule, RuleKind, usual_priority
from app.domain.errors import LinesightError, StoreError
from app.domain.inspection import Inspection
from app.domain.notice import RECEIVED, Notice, NoticeState, Recipient
from app.domain.verdict import Verdict
from app.store import Store

log = logging.getLogger(__name__)

LONGEST_SHELF = timedelta(days=7)
UNSHARED = frozenset({"message", "inbox"})
"""Kinds about the way to other stations: they would have the same to say."""
_MOST_UNWRITTEN, _MOST_TOLD = 1000, 1000
Key = tuple[str, str, str]
"""Kind, source, rule."""


class AlarmBook:
    """Raises, groups, clears, shelves and acknowledges alarms; any thread.

    Args:
        on_change: called after each change, on the thread that made it.
        config: rules and recipients, see `use`.
    """

    def __init__(
        self,
        store: Store,
        on_change: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        config: AlarmConfig | None = None,
    ) -> None:
        self._store, self._on_change, self._now = store, on_change, now
        self._lock = threading.RLock()  # held over commits, so nobody who only looks may need it
        self._standing = {alarm.id: alarm for alarm in store.alarming.standing()}
        self._tickets = {ticket.alarm_id: ticket for ticket in store.alarming.open_tickets()}
        self._told: dict[tuple[Key, str], datetime] = {}  # when a recipient is told last of a cause
        self._unwritten = AlarmChange()  # what a full disk kept off the record
        self._watch = RuleWatch()
        self._config = AlarmConfig(rules=())
        self._shared: Recipient | None = None
        self._shown: tuple[Alarm, ...] = ()
        self._shown_tickets: dict[str, Ticket] = {}
        self.on_notices: Callable[[], None] = lambda: None
        """Called after notices were committed."""
        self.use(config or AlarmConfig())
        self._show()

    # -- what it says
    def active(self) -> list[Alarm]:
        """What stands and is not shelved: what waits for somebody first, then by newest cause. Never waits for the
        disk."""
        return [alarm for alarm in self._shown if alarm.shelved_until is None]

    def shelved(self) -> list[Alarm]:
        """What is shelved, the one that comes back first in front. Never waits for the disk."""
        shelved = [alarm for alarm in self._shown if alarm.shelved_until is not None]
        return sorted(shelved, key=lambda alarm: (alarm.shelved_until or alarm.raised_at, alarm.id))

    def ticket(self, alarm_id: str) -> Ticket | None:
        """The open ticket of an alarm. Never waits for the disk."""
        return self._shown_tickets.get(alarm_id)

    # -- what parts and the station do
    def use(self, config: AlarmConfig) -> None:
        """Changes to these rules and recipients. Alarms of rules that are gone end; windows of new ones are filled
        from the record. Slow."""
        with self._lock:
            self._config = config
            self._watch.use(config.rules)
            self._warm_up()
            now = self._now()
            gone = []
            for alarm in self._standing.values():
                rule = config.rule(alarm.rule) if alarm.rule else None
                if alarm.rule and alarm.own and (rule is None or not rule.on):
                    gone.append(states.end(alarm, now))
            events = tuple(AlarmEvent(alarm.id, now, "", "ended", "Its rule was switched off.") for alarm in gone)
            notices = tuple(notice for alarm in gone for notice in self._for_others(alarm, "ended"))
            change = AlarmChange(tuple(gone), events, (), notices)
            self._keep(change, "the change of the rules")
        self._tell(change)

    @contextmanager
    def raised_by(self, inspection: Inspection, size: tuple[int, int]) -> Iterator[AlarmChange | None]:
        """What an inspection does to alarms, None for nothing. It counts once the block has committed it; an error
        in the block leaves the book as it was."""
        with self._lock:
            findings, windows = self._watch.look(inspection, size, self._holds)
            change = self._from_part(inspection, findings)
            learned = self._watch.learned(windows)
            yield change or None
            self._watch.keep(windows)
            self._take(change)
        for key, baseline in learned:
            self._keep_baseline(key, baseline)
        self._tell(change)

    def raise_alarm(
        self, kind: str, source: str, title: str, detail: str, *, rule: str = "", again: bool = True
    ) -> None:
        """Raises or continues an alarm that no inspection caused (camera, disk, error, a missed round ...). It is shown
        even where it can't be written. Kinds that happen in a moment are in `MOMENTARY`; any other lasts until `clear`.

        Args:
            rule: id of the rule it comes from; of a kind with rules, one that is on is looked for.
            again: False: what holds already is not counted once more.
        """
        with self._lock:
            found = self._rule_for(kind, rule)
            if found is _OFF:
                return
            by = found.id if isinstance(found, AlarmRule) else ""
            if not again and self._held(kind, source, by):
                return
            priority = found.priority if isinstance(found, AlarmRule) else usual_priority(kind)
            alarm, events, fresh = self._next(kind, source, by, title, detail, self._now())
            alarm = replace(alarm, priority=priority)
            change = AlarmChange((alarm,), events, (), self._notices(alarm, "raised") if fresh else ())
            self._keep(change, title)
        self._tell(change)

    def clear(self, kind: str, source: str | None = None, rule: str | None = None) -> None:
        """The cause is gone, at one source or everywhere: what was acknowledged is over, the rest waits until somebody
        has seen it. Nothing of the kind: nothing."""
        with self._lock:
            now = self._now()
            change = AlarmChange()
            for alarm in list(self._standing.values()):
                same = alarm.kind == kind and source in (None, alarm.source) and rule in (None, alarm.rule)
                if same and alarm.own:  # what holds elsewhere is not known here
                    change = change.plus(self._cleared(alarm, now))
            self._keep(change, f"the end of {kind}")
        self._tell(change)

    # -- what people do
    def acknowledge(self, alarm_id: str, by: str) -> None:
        """Notes who has seen an alarm; what has no cause any more is over. Unknown or acknowledged already: nothing."""
        self._by_hand(alarm_id, lambda alarm, now: states.acknowledge(alarm, by, now), by, "acknowledged")

    def shelve(self, alarm_id: str, by: str, reason: str, until: datetime) -> None:
        """Puts an alarm aside until a moment: it is counted on, and neither shown nor told.

        Raises:
            LinesightError: no reason, or an end that has passed or lies more than a week ahead.
        """
        now = self._now()
        if not reason.strip():
            raise LinesightError("Say why the alarm is shelved.")
        if not now < until <= now + LONGEST_SHELF:
            raise LinesightError("An alarm is shelved for a week at most, and until a time that is to come.")
        words = f"until {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC: {reason.strip()}"
        self._by_hand(
            alarm_id, lambda alarm, now: states.shelve(alarm, by, reason.strip(), until, now), by, "shelved", words
        )

    def unshelve(self, alarm_id: str, by: str) -> None:
        """Takes an alarm off the shelf before its time."""
        self._by_hand(alarm_id, _unshelved, by, "unshelved")

    # -- other stations and the cloud
    @property
    def shared(self) -> Recipient | None:
        """Who tells other stations of this one's alarms and of answers given here; None where nobody does."""
        return self._shared

    def share_with(self, others: Recipient | None) -> None:
        """Tells others from now on."""
        self._shared = others

    def hear(self, heard: Heard) -> bool:
        """Takes what was said of an alarm elsewhere; on record once this returns. Makes no notices: whoever raised it
        has told. Returns whether it changed anything.

        Raises:
            StoreError: it can't be written; nothing has changed.
        """
        with self._lock:
            records = self._store.alarming
            if heard.once and records.notices.known(heard.once):
                return False
            known, now = self._heard_before(heard.alarm), self._now()
            found: Alarm | None
            if not heard.once:
                found = joined(known, heard)
            elif known is None:
                found = heard.alarm if heard.alarm.cleared_at is None else None
            elif heard.alarm.cleared_at is not None:
                found = states.clear(known, heard.alarm.cleared_at)
            elif known.ended_at is not None:
                found = known  # somebody has answered before it came here
            else:
                found = states.again(known, heard.alarm.title, heard.alarm.detail, heard.alarm.last_at)
            change = AlarmChange()
            if found is not None and found is not known:
                change = AlarmChange((found,), _what_happened(known, found, now))
            if heard.once:
                alarm = found.id if found is not None else ""
                received = Notice(
                    heard.once, alarm, "", RECEIVED, now, now, attempts=1, state=NoticeState.SENT, sent_at=now
                )
                change = replace(change, notices=(received,))
            if change:
                records.commit(change)
                self._take(change)
        if change.alarms:
            self._on_change()
        return bool(change.alarms)

    def _heard_before(self, alarm: Alarm) -> Alarm | None:
        """The same alarm here: by its id, or one from the cloud, where each station counts for itself, by its key."""
        if (standing := self._standing.get(alarm.id)) is not None:
            return standing
        if (row := self._store.alarming.alarm(alarm.id)) is not None:
            return row.alarm
        return self._find(_key(alarm)) if alarm.rule == CLOUD_RULE else None

    def _for_others(self, alarm: Alarm, reason: str) -> tuple[Notice, ...]:
        told = alarm.kind not in UNSHARED and (alarm.own or reason == "acknowledged")
        return notices_for(alarm, [self._shared], reason, self._now()) if self._shared is not None and told else ()

    def work_on(self, ticket: Ticket, event: AlarmEvent) -> None:
        """Commits a ticket as it stands now, with what somebody did.

        Raises:
            StoreError: it can't be written.
        """
        change = AlarmChange(events=(event,), tickets=(ticket,))
        with self._lock:
            self._store.alarming.commit(change)
            self._tickets.pop(ticket.alarm_id, None)
            if ticket.open:
                kept = self._store.alarming.ticket(ticket.alarm_id)  # with its number
                self._tickets[ticket.alarm_id] = kept or ticket
            self._show()
        self._tell(change)

    # -- what time does
    def tick(self) -> None:
        """Ends shelves that are due and takes steps of the escalation; to be called every few seconds."""
        with self._lock:
            now = self._now()
            change = AlarmChange()
            for alarm in list(self._standing.values()):
                if alarm.shelved_until is not None and alarm.shelved_until <= now:
                    change = change.plus(self._off_the_shelf(alarm, now))
                elif alarm.waits:
                    change = change.plus(self._escalated(alarm, now))
            self._keep(change, "what time did")
        self._tell(change)

    def _off_the_shelf(self, alarm: Alarm, now: datetime) -> AlarmChange:
        off = _unshelved(alarm, now)
        notices = self._notices(off, "raised") if off.waits else ()
        return AlarmChange((off,), (AlarmEvent(alarm.id, now, "", "unshelved", "Its time was over."),), (), notices)

    def _escalated(self, alarm: Alarm, now: datetime) -> AlarmChange:
        waited = now - alarm.episode
        change = AlarmChange()
        if alarm.station:
            return change  # its own station does
        for number, step in enumerate(self._config.escalation, 1):
            if number <= alarm.escalated or waited < timedelta(minutes=step.minutes):
                continue
            alarm = replace(alarm, escalated=number)
            told = [one for one in self._config.recipients if one.on and one.id in step.recipients]
            names = ", ".join(one.name for one in told) or "nobody"
            words = f"Step {number}, after {step.minutes:g} minutes without an answer. Told: {names}."
            notices = notices_for(alarm, told, "escalated", now, step=number)
            change = change.plus(
                AlarmChange((alarm,), (AlarmEvent(alarm.id, now, "", "escalated", words),), (), notices)
            )
        return change

    # -- inside
    def _from_part(self, inspection: Inspection, findings: list[Finding]) -> AlarmChange:
        change = AlarmChange()
        if inspection.verdict is Verdict.ERROR:
            detail = f"Part {inspection.part_id}: {inspection.reason or inspection.error}"
            change = change.plus(self._caused(inspection, "error", "", usual_priority("error"), "No verdict", detail))
        for finding in findings:
            rule = finding.rule
            if finding.caused:
                words = finding.title, finding.detail
                change = change.plus(self._caused(inspection, rule.kind.value, rule.id, rule.priority, *words))
            elif not finding.holds and (alarm := self._find((rule.kind.value, finding.source, rule.id))) is not None:
                change = change.plus(self._cleared(alarm, inspection.captured_at))
        return change

    def _caused(
        self, inspection: Inspection, kind: str, rule: str, priority: int, title: str, detail: str
    ) -> AlarmChange:
        alarm, events, fresh = self._next(kind, inspection.source, rule, title, detail, inspection.captured_at)
        alarm = replace(
            alarm,
            inspection_id=inspection.id,
            image_path=inspection.image_path,
            part_id=inspection.part_id,
            priority=type(alarm.priority)(priority),
        )
        return AlarmChange((alarm,), events, (), self._notices(alarm, "raised") if fresh else ())

    def _next(
        self, kind: str, source: str, rule: str, title: str, detail: str, moment: datetime
    ) -> tuple[Alarm, tuple[AlarmEvent, ...], bool]:
        """The alarm with one more cause, what is to be noted, and whether somebody is to be told."""
        alarm = self._find((kind, source, rule))
        if alarm is None:
            made = Alarm(uuid.uuid4().hex, kind, title, detail, source, moment, moment, rule=rule)
            made = replace(made, lasting=kind not in MOMENTARY)
            return made, (AlarmEvent(made.id, moment, "", "raised", title),), True
        raised = states.again(alarm, title, detail, moment)
        anew = alarm.cleared_at is not None
        events = (AlarmEvent(alarm.id, moment, "", "raised again", title),) if anew else ()
        return raised, events, anew and alarm.shelved_until is None

    def _cleared(self, alarm: Alarm, at: datetime) -> AlarmChange:
        cleared = states.clear(alarm, at)
        if cleared is alarm:
            return AlarmChange()
        notices = self._notices(cleared, "cleared") if cleared.shelved_until is None else ()
        return AlarmChange((cleared,), (AlarmEvent(alarm.id, at, "", "cleared"),), (), notices)

    def _notices(self, alarm: Alarm, reason: str) -> tuple[Notice, ...]:
        told = [one for one in self._config.recipients if one.on and one.first and one.lowest <= alarm.priority]
        made = self._for_others(alarm, reason)
        if alarm.station:
            return made  # its own station tells people
        if reason == "cleared":
            return made + notices_for(alarm, [one for one in told if one.cleared], reason, self._now())
        now, quiet = self._now(), timedelta(minutes=self._config.quiet_minutes)
        for one in told:
            last = self._told.get((_key(alarm), one.id))
            if last is not None and last > now:
                continue  # one that tells the same waits for its turn
            made += notices_for(alarm, [one], reason, now, due_at=now if last is None else max(now, last + quiet))
        return made

    def _by_hand(
        self, alarm_id: str, step: Callable[[Alarm, datetime], Alarm], by: str, what: str, words: str = ""
    ) -> None:
        with self._lock:
            alarm, now = self._standing.get(alarm_id), self._now()
            changed = step(alarm, now) if alarm is not None else None
            if alarm is None or changed is None or changed is alarm:
                return
            notices = self._for_others(changed, what) if what == "acknowledged" else ()
            change = AlarmChange((changed,), (AlarmEvent(alarm_id, now, by, what, words),), (), notices)
            self._keep(change, alarm.title)
        self._tell(change)

    def _keep(self, change: AlarmChange, words: str) -> None:
        """Shows a change, and commits it; what can't be written is shown all the same, and written later."""
        if not change and not self._unwritten:
            return
        self._take(change)
        late = self._unwritten
        # As they stand now: a part may have brought them further meanwhile.
        whole = replace(late, alarms=tuple(self._standing.get(one.id, one) for one in late.alarms)).plus(change)
        try:
            self._store.alarming.commit(whole)
            self._unwritten = AlarmChange()
        except StoreError as error:
            if len(late.events) < _MOST_UNWRITTEN:
                self._unwritten = whole
            if change:
                log.error("an alarm (%s) is not on record yet: %s", words, error)

    def _take(self, change: AlarmChange) -> None:
        raised = {alarm.id: _key(alarm) for alarm in change.alarms}
        for notice in change.notices:
            if notice.reason == "raised":
                self._told[raised[notice.alarm_id], notice.recipient] = notice.due_at
        while len(self._told) > _MOST_TOLD:
            self._told.pop(next(iter(self._told)))
        for alarm in change.alarms:
            if alarm.ended_at is None:
                self._standing[alarm.id] = alarm
            else:
                self._standing.pop(alarm.id, None)
        self._show()

    def _tell(self, change: AlarmChange) -> None:
        if change:
            self._on_change()
        if change.notices:
            self.on_notices()

    def _show(self) -> None:
        newest = sorted(self._standing.values(), key=lambda alarm: (alarm.last_at, alarm.id), reverse=True)
        self._shown = tuple(sorted(newest, key=lambda alarm: not alarm.waits))
        self._shown_tickets = dict(self._tickets)

    def _find(self, key: Key) -> Alarm | None:
        return next((alarm for alarm in self._standing.values() if _key(alarm) == key), None)

    def _holds(self, rule: AlarmRule, source: str) -> bool:
        return self._held(rule.kind.value, source, rule.id)

    def _held(self, kind: str, source: str, rule: str) -> bool:
        alarm = self._find((kind, source, rule))
        return alarm is not None and alarm.cleared_at is None

    def _rule_for(self, kind: str, rule: str) -> AlarmRule | str | None:
        """The rule an alarm comes from; _OFF where it is switched off, None where the kind has no rules."""
        if kind not in set(RuleKind):
            return None
        for each in self._config.rules_of(kind):
            if rule in ("", each.id):
                return each
        return _OFF

    def _warm_up(self) -> None:
        """Fills the windows from the newest parts on record, and takes over what earlier runs learned."""
        try:
            baselines = self._store.alarming.baselines()
            parts = self._store.recent(self._watch.longest) if self._watch.longest else []
        except StoreError as error:
            log.warning("the rules begin without what went before: %s", error)
            return
        self._watch.remember((key, Baseline(count, mean, squares)) for key, count, mean, squares in baselines)
        self._watch.refill(reversed(parts))

    def _keep_baseline(self, key: tuple[str, str, str, str], baseline: Baseline) -> None:
        try:
            self._store.alarming.add_baseline(key, baseline.count, baseline.mean, baseline.squares)
        except StoreError as error:
            log.error("what rule %s learned is not on record: %s", key[0], error)


_OFF = "off"


def _unshelved(alarm: Alarm, at: datetime) -> Alarm:
    """An episode of an alarm of another station is counted by that station's clock alone."""
    off = states.unshelve(alarm, at)
    return off if alarm.own or off is alarm else replace(off, waiting_since=alarm.waiting_since)


def _what_happened(known: Alarm | None, found: Alarm, now: datetime) -> tuple[AlarmEvent, ...]:
    """What the history says of an alarm after something was heard of it."""
    events = []
    if known is None:
        events.append(AlarmEvent(found.id, found.raised_at, "", "raised", found.title))
    elif found.episode > known.episode:
        events.append(AlarmEvent(found.id, found.episode, "", "raised again", found.title))
    if found.cleared_at is not None and (known is None or known.cleared_at is None):
        events.append(AlarmEvent(found.id, found.cleared_at, "", "cleared"))
    at = found.acknowledged_at
    if at is not None and (known is None or known.acknowledged_at != at):
        before = known.acknowledged_by if known is not None and known.acknowledged_at is not None else ""
        words = f"It was first; {before} had answered later." if before else ""
        events.append(AlarmEvent(found.id, at, found.acknowledged_by, "acknowledged", words))
    elif found.ended_at is not None and (known is None or known.ended_at is None):
        events.append(AlarmEvent(found.id, now, "", "ended"))
    return tuple(events)


def _key(alarm: Alarm) -> Key:
    return alarm.kind, alarm.source, alarm.rule
