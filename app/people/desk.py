"""Signing in, locking, and the question "may this person do that?"."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from app.domain.addresses import without_credentials
from app.domain.errors import LinesightError, StoreError
from app.domain.person import RIGHTS, Action, Person, Role
from app.people.pins import kept_badge, kept_pin, outdated, pin_fits
from app.store import Store
from app.store.roster import Secrets

log = logging.getLogger(__name__)

NOBODY = "operator"
"""Who acts at a station that knows no people, or where nobody is signed in."""

_TRIES = 5  # wrong PINs of one person in a row before it has to wait
_WAIT, _LONGEST_WAIT = 30.0, 600.0  # seconds, doubled with each wrong one more


class NotAllowed(LinesightError):
    """Nobody is signed in, or somebody without the right."""


class PeopleDesk:
    """Who is signed in at this station; any thread.

    A station without people is open: everybody may do everything. It closes when the first person is added, who
    must be one that may add people. The line runs on whoever is signed in: locking stops nothing.

    Args:
        lock_after: seconds without a touch after which nobody is signed in any more; 0 for never.
        clock: seconds, rising.
    """

    def __init__(
        self,
        store: Store,
        lock_after: Callable[[], float] = lambda: 600.0,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._lock_after, self._now, self._clock = store, lock_after, now, clock
        self._lock = threading.RLock()  # guards the fields below; never held while a PIN is worked out
        self._trying = threading.RLock()  # one who signs in or is changed at a time; taken before `_lock`
        self._current: Person | None = None
        self._touched = 0.0
        self._wrong: dict[str, tuple[int, float]] = {}  # name: wrong ones in a row, when the next try is heard
        self._open = not store.people.all()

    # -- who
    def all(self) -> list[Person]:
        """Everybody, also who left, by name."""
        return [person for person, _ in self._store.people.all()]

    def everybody(self) -> list[Person]:
        """Who may sign in, by name."""
        return [person for person, _ in self._store.people.all() if person.active]

    @property
    def current(self) -> Person | None:
        """Who is signed in, None for nobody; looks whether it is time to lock."""
        with self._lock:
            after = self._lock_after()
            if self._current is not None and after and self._clock() - self._touched >= after:
                self._note("lock", self._current.name)
                self._current = None
            return self._current

    @property
    def name(self) -> str:
        """What stands on records and in the audit log."""
        current = self.current
        return current.name if current else NOBODY

    def on_record(self) -> str:
        """Who stands on the row of a part: the one signed in, "" for nobody."""
        current = self.current
        return current.name if current else ""

    @property
    def open(self) -> bool:
        """Whether this station knows no people, and so asks nobody."""
        return self._open

    def touch(self) -> None:
        """Somebody is there: the time to lock begins again. Does not sign in again whom it has locked out."""
        with self._lock:
            if self.current is not None:
                self._touched = self._clock()

    # -- signing in
    def sign_in(self, name: str, pin: str) -> Person:
        """Slow: by name and PIN. A PIN that an earlier version kept in its way is renewed.

        Raises:
            NotAllowed: they do not belong together, or there were too many wrong ones: says how long to wait.
        """
        with self._trying:
            self._check_wait(name)
            found = next(((one, kept) for one, kept in self._store.people.all() if one.name == name), None)
            if found is None or not found[0].active or not pin_fits(pin, found[1].pin):
                self._refuse(name)
            person, kept = found  # type: ignore[misc]  # _refuse raises
            if outdated(kept.pin):
                self._renew(name, pin)
            return self._enter(person, "pin")

    def scan(self, code: str) -> Person:
        """Slow: by the code of a badge.

        Raises:
            NotAllowed: it is nobody's, or there were too many wrong ones.
        """
        with self._trying:
            self._check_wait("")
            person = self._owner(code)
            if person is None:
                self._refuse("")
                raise AssertionError("unreachable")
            return self._enter(person, "badge")

    def scan_any(self, code: str) -> Person | None:
        """Slow: signs in whose badge this is; None where it is nobody's, such as the serial of a part, which is no
        wrong try."""
        with self._trying:
            person = self._owner(code)
            return self._enter(person, "badge") if person is not None else None

    def sign_out(self) -> None:
        with self._lock:
            current = self.current
            if current is not None:
                self._note("sign-out", current.name)
                self._current = None

    # -- rights
    def may(self, action: Action) -> bool:
        current = self.current
        return self._open or (current is not None and current.may(action))

    def require(self, action: Action) -> None:
        """Raises NotAllowed, which says who may."""
        if self.may(action):
            return
        who = " or ".join(role.value for role in Role if action in RIGHTS[role])
        current = self.current
        start = f"{current.name} ({current.role}) may not do this" if current else "Nobody is signed in"
        raise NotAllowed(f"{start}: {action.value} needs a person who is {who}. Sign in as one.")

    def note_settings(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        """Puts a change of settings into the audit log, each with what it was; passwords in addresses are left out."""
        for key in sorted(after):
            if before.get(key) != after[key]:
                words = {"from": _plain(before.get(key)), "to": _plain(after[key])}
                self._note(Action.SETTINGS, key, json.dumps(words, ensure_ascii=False))

    def note(self, action: str, subject: str, detail: str = "") -> None:
        """Puts what whoever is signed in did into the audit log. A full disk is logged and stops nothing."""
        self._note(action, subject, detail)

    # -- the people themselves
    def add(self, name: str, role: Role, *, pin: str = "", badge: str = "") -> Person:
        """Slow: adds somebody who signs in by PIN, badge or either.

        Raises:
            NotAllowed: whoever is signed in may not.
            LinesightError: no name, neither PIN nor badge, a badge of somebody else, or the first person is one who
                could add nobody.
        """
        with self._trying:
            self.require(Action.PEOPLE)
            name = name.strip()
            if not 1 <= len(name) <= 60 or not name.isprintable():
                raise LinesightError("A person needs a name of 1 to 60 characters.")
            if not pin and not badge:
                raise LinesightError(f"{name} needs a PIN or a badge to sign in with.")
            if self._open and Action.PEOPLE not in RIGHTS[role]:
                raise LinesightError(
                    "The first person of a station must be a manager or an engineer, who can add the others."
                )
            secrets = Secrets(kept_pin(pin) if pin else "", self._own_badge(badge) if badge else "")
            person = Person(name, role, True, bool(pin), bool(badge))
            self._store.people.add(person, secrets, by=self.name, at=self._now())
            self._open = False
            return person

    def change(
        self,
        name: str,
        *,
        role: Role | None = None,
        pin: str | None = None,
        badge: str | None = None,
        active: bool | None = None,
    ) -> None:
        """Slow: changes what is given; everybody may change the own PIN.

        Raises:
            NotAllowed: whoever is signed in may not.
            LinesightError: nobody of that name; nobody would be left who may add people; a PIN or badge won't do.
        """
        with self._trying:
            current = self.current
            own_pin = current is not None and current.name == name and (role, badge, active) == (None, None, None)
            if not own_pin:
                self.require(Action.PEOPLE)
            if (role is not None and Action.PEOPLE not in RIGHTS[role]) or active is False:
                self._check_somebody_left(name)
            values: dict[str, Any] = {}
            if role is not None:
                values["role"] = role.value
            if pin is not None:
                values["pin"] = kept_pin(pin)
            if badge is not None:
                values["badge"] = self._own_badge(badge, name) if badge else ""
            if active is not None:
                values["active"] = active
            self._store.people.change(name, ", ".join(values), by=self.name, at=self._now(), **values)
            with self._lock:
                if self._current is not None and self._current.name == name:
                    changed = next(one for one, _ in self._store.people.all() if one.name == name)
                    self._current = changed if changed.active else None

    # -- inside
    def _enter(self, person: Person, way: str) -> Person:
        with self._lock:
            self._wrong.pop(person.name, None)
            if way == "badge":
                self._wrong.pop("", None)
            self._current, self._touched = person, self._clock()
            self._note("sign-in", person.name, f'{{"by":"{way}"}}')
            return person

    def _owner(self, code: str) -> Person | None:
        """Whose badge a code is; the code is worked out only where somebody has one."""
        having = [(person, kept.badge) for person, kept in self._store.people.all() if person.active and kept.badge]
        try:
            badge = kept_badge(code) if having else ""
        except LinesightError:
            return None
        return next((person for person, kept in having if kept == badge), None)

    def _renew(self, name: str, pin: str) -> None:
        try:
            what = "the way its PIN is kept"
            self._store.people.change(name, what, by=name, at=self._now(), pin=kept_pin(pin))
        except LinesightError as error:  # a full disk keeps nobody out; the next sign-in tries again
            log.warning("the PIN of %s is still kept in the old way: %s", name, error)

    def _check_wait(self, name: str) -> None:
        left = self._wrong.get(name, (0, 0.0))[1] - self._clock()
        if left > 0:
            raise NotAllowed(f"There were too many wrong tries. Wait {left:.0f} seconds, then try again.")

    def _refuse(self, name: str) -> None:
        count = self._wrong.get(name, (0, 0.0))[0] + 1
        wait = min(_WAIT * 2 ** (count - _TRIES), _LONGEST_WAIT) if count >= _TRIES else 0.0
        if len(self._wrong) > 1000:  # names somebody makes up must not fill the memory
            self._wrong.clear()
        self._wrong[name] = (count, self._clock() + wait)
        self._note("sign-in refused", name)
        raise NotAllowed("Name and PIN do not belong together." if name else "This badge is nobody's here.")

    def _own_badge(self, code: str, name: str = "") -> str:
        badge = kept_badge(code)
        if any(kept.badge == badge and one.name != name for one, kept in self._store.people.all()):
            raise LinesightError("This badge is somebody's already. Scan another one.")
        return badge

    def _check_somebody_left(self, name: str) -> None:
        if not any(one.active and one.name != name and one.may(Action.PEOPLE) for one, _ in self._store.people.all()):
            raise LinesightError("Nobody would be left who may change people. Make somebody else a manager first.")

    def _note(self, action: str, subject: str, detail: str = "") -> None:
        current = self._current
        try:
            self._store.note(action, subject, detail, by=current.name if current else NOBODY, at=self._now())
        except StoreError as error:
            log.error("%s of %s is not in the audit log: %s", action, subject, error)


def _plain(value: Any) -> str:
    return without_credentials(str(value)) if value is not None else ""
