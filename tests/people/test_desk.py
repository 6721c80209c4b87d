"""Who is signed in, what that person may do, and what the audit log says of it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.errors import LinesightError
from app.domain.person import RIGHTS, Action, Role
from app.people import NotAllowed, PeopleDesk, pins
from app.store import Store
from tests.store.samples import NOON, open_store


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same ways at a small part of the cost: these tests ask hundreds of times."""
    monkeypatch.setattr(pins, "_MEMORY", 256)
    monkeypatch.setattr(pins, "_BADGE_COST", 10)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path) as store:
        yield store


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(store: Store, clock: Clock) -> PeopleDesk:
    """Erik is the engineer, Olga an operator with a badge too; nobody is signed in."""
    desk = PeopleDesk(store, lambda: 60.0, now=lambda: NOON, clock=clock)
    desk.add("Erik", Role.ENGINEER, pin="2580")
    desk.sign_in("Erik", "2580")
    desk.add("Olga", Role.OPERATOR, pin="147147", badge="BADGE-0077")
    desk.sign_out()
    return desk


def _told(store: Store) -> list[tuple[str, str, str]]:
    return [(one.person, one.action, one.subject) for one in reversed(store.audit_entries())]


def test_a_station_without_people_asks_nobody(store: Store) -> None:
    desk = PeopleDesk(store)
    assert desk.open and desk.current is None and desk.name == "operator" and desk.on_record() == ""
    for action in Action:
        desk.require(action)
    with pytest.raises(LinesightError, match="first person"):
        desk.add("Olga", Role.OPERATOR, pin="147147")
    desk.add("Erik", Role.ENGINEER, pin="2580")
    with pytest.raises(NotAllowed, match="Nobody is signed in"):
        desk.require(Action.SETTINGS)
    assert not PeopleDesk(store).open  # also after the next start


@pytest.mark.parametrize("role", Role)
def test_each_role_may_what_the_table_says(desk: PeopleDesk, role: Role) -> None:
    desk.sign_in("Erik", "2580")
    desk.add("Somebody", role, pin="9876")
    desk.sign_in("Somebody", "9876")
    allowed = {action for action in Action if desk.may(action)}
    assert allowed == RIGHTS[role]
    for action in set(Action) - allowed:
        with pytest.raises(NotAllowed, match=f"Somebody .{role}. may not do this: {action}"):
            desk.require(action)


def test_pin_and_badge_sign_in_and_the_log_knows(desk: PeopleDesk, store: Store) -> None:
    assert desk.scan(" BADGE-0077\n").name == "Olga"
    assert desk.on_record() == "Olga"
    with pytest.raises(NotAllowed, match="do not belong together"):
        desk.sign_in("Erik", "1111")
    assert desk.name == "Olga"  # a wrong try signs nobody out
    with pytest.raises(NotAllowed, match="nobody's"):
        desk.scan("BADGE-0078")
    desk.sign_in("Erik", "2580")
    desk.sign_out()
    assert _told(store)[-6:] == [
        ("Erik", "sign-out", "Erik"),
        ("Olga", "sign-in", "Olga"),
        ("Olga", "sign-in refused", "Erik"),
        ("Olga", "sign-in refused", ""),
        ("Erik", "sign-in", "Erik"),
        ("Erik", "sign-out", "Erik"),
    ]


def test_nobody_is_signed_in_after_a_while_without_a_touch(desk: PeopleDesk, clock: Clock, store: Store) -> None:
    desk.sign_in("Olga", "147147")
    clock.now += 59
    desk.touch()
    clock.now += 59
    assert desk.name == "Olga"
    clock.now += 1
    desk.touch()  # too late: it brings nobody back
    assert desk.current is None and not desk.may(Action.ACKNOWLEDGE)
    assert _told(store)[-1] == ("Olga", "lock", "Olga")


def test_too_many_wrong_pins_have_to_wait_longer_each_time(desk: PeopleDesk, clock: Clock) -> None:
    for _ in range(5):
        with pytest.raises(NotAllowed, match="belong together"):
            desk.sign_in("Erik", "0000")
    for wait in (30, 60, 120):
        with pytest.raises(NotAllowed, match=f"Wait {wait} seconds"):
            desk.sign_in("Erik", "2580")
        assert desk.sign_in("Olga", "147147").name == "Olga"  # others need not
        clock.now += wait
        with pytest.raises(NotAllowed, match="belong together"):
            desk.sign_in("Erik", "0000")
    clock.now += 600
    assert desk.sign_in("Erik", "2580").name == "Erik"


def test_people_change_and_leave_but_never_the_last_who_may_change_them(desk: PeopleDesk) -> None:
    desk.sign_in("Olga", "147147")
    desk.change("Olga", pin="3690")
    with pytest.raises(NotAllowed):
        desk.change("Olga", role=Role.ENGINEER)
    with pytest.raises(NotAllowed):
        desk.add("Max", Role.MANAGER, pin="4567")
    desk.sign_in("Erik", "2580")
    for change in ({"role": Role.OPERATOR}, {"active": False}):
        with pytest.raises(LinesightError, match="Nobody would be left"):
            desk.change("Erik", **change)
    desk.change("Olga", active=False)
    with pytest.raises(NotAllowed):
        desk.sign_in("Olga", "3690")
    with pytest.raises(NotAllowed):
        desk.scan("BADGE-0077")
    assert [person.name for person in desk.everybody()] == ["Erik"]
    with pytest.raises(LinesightError, match="already"):
        desk.add("Olga", Role.MANAGER, pin="4567")  # the name stays on what she did


@pytest.mark.parametrize("pin", ["123", "0000", "12a4", "1234567890123", "１２３４", "12 34"])
def test_poor_pins_are_refused(desk: PeopleDesk, pin: str) -> None:
    desk.sign_in("Erik", "2580")
    with pytest.raises(LinesightError, match="4 to 12 digits"):
        desk.add("Max", Role.MANAGER, pin=pin)


def test_no_pin_or_badge_lies_in_the_database(desk: PeopleDesk, store: Store, tmp_path: Path) -> None:
    store.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("linesight.db*"))
    assert b"Olga" in kept
    for secret in (b"147147", b"BADGE-0077"):  # four digits may stand in a hash by chance
        assert secret not in kept
    with open_store(tmp_path) as again:
        pins_kept = [secrets.pin for _, secrets in again.people.all()]
    assert all(kept.startswith("$argon2id$v=19$m=256,t=1,p=4$") for kept in pins_kept)
    assert not any(pins.pin_fits("0000", kept) for kept in pins_kept)


def test_the_real_cost_is_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    kept = pins.kept_pin("2580")
    assert kept.startswith("$argon2id$v=19$m=65536,t=1,p=4$")
    assert pins.pin_fits("2580", kept) and not pins.pin_fits("2581", kept) and not pins.outdated(kept)
    assert pins.kept_pin("2580") != kept
    for damaged in ("", "$argon2id$v=19$m=65536", "scrypt$14$8$1$zz$zz", "scrypt$99$8$1$00$00", "md5$14$8$1$00$00"):
        assert not pins.pin_fits("2580", damaged)


def test_a_pin_kept_by_scrypt_still_signs_in_and_is_renewed(desk: PeopleDesk, store: Store) -> None:
    salt = bytes(16)
    old = f"scrypt$10$8$1${salt.hex()}${hashlib.scrypt(b'2580', salt=salt, n=1 << 10, r=8, p=1, dklen=32).hex()}"
    store.people.change("Erik", "pin", by="Erik", at=NOON, pin=old)

    def kept() -> str:
        return next(secrets.pin for person, secrets in store.people.all() if person.name == "Erik")

    with pytest.raises(NotAllowed):
        desk.sign_in("Erik", "2581")
    assert kept() == old
    desk.sign_in("Erik", "2580")
    assert kept().startswith("$argon2id$")
    desk.sign_out()
    assert desk.sign_in("Erik", "2580").name == "Erik"
    assert ("Erik", "people", "Erik") in _told(store)


def test_who_is_asked_while_somebody_signs_in_need_not_wait(desk: PeopleDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(pin: str, kept: str) -> bool:
        begun.set()
        return go_on.wait(20)

    monkeypatch.setattr("app.people.desk.pin_fits", slow)
    signing = threading.Thread(target=lambda: desk.sign_in("Erik", "2580"))
    signing.start()
    assert begun.wait(20)
    desk.touch()
    assert desk.current is None and not desk.may(Action.SETTINGS)  # answered on this thread meanwhile
    go_on.set()
    signing.join(20)
    assert desk.name == "Erik"


def test_a_code_that_is_no_badge_is_no_wrong_try(desk: PeopleDesk, store: Store) -> None:
    for number in range(9):
        assert desk.scan_any(f"SN-0000{number}") is None
    assert not [one for one in _told(store) if one[1] == "sign-in refused"]
    found = desk.scan_any("BADGE-0077")
    assert found is not None and desk.name == "Olga"


def test_settings_tell_what_they_were_without_passwords(desk: PeopleDesk, store: Store) -> None:
    desk.sign_in("Erik", "2580")
    desk.note_settings({"source": "demo", "sound": True}, {"source": "rtsp://user:secret@camera/1", "sound": True})
    (newest,) = store.audit_entries(1)
    assert (newest.person, newest.action, newest.subject) == ("Erik", "settings", "source")
    assert newest.detail == '{"from": "demo", "to": "rtsp://camera/1"}'
