"""The desk: rights, tickets, figures, the file of the rules, secrets; and a station that tells people by itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import keyring
import keyring.errors
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring

from app.alarms import config as config_file
from app.alarms.figures import end_of_shift, shifts_in
from app.alarms.notices import secrets
from app.domain.alarm import AlarmQuery, AlarmState
from app.domain.alarm_rule import AlarmConfig, RuleKind
from app.domain.calendar import station_zone
from app.domain.errors import LinesightError
from app.domain.notice import EscalationStep, NoticeState, Recipient
from app.domain.person import Role
from app.domain.verdict import Verdict
from app.keeping import restore_station
from app.paths import DataFolder
from app.people.desk import NotAllowed
from app.station import Station
from app.watching import Backlog, WatchDesk
from tests.alarms.clocks import Clock
from tests.alarms.receivers import WebServer, free_port
from tests.store.samples import NOON, inspection


@pytest.fixture
def station(tmp_path: Path, clock: Clock) -> Iterator[Station]:
    made = Station(DataFolder(tmp_path / "data"), now=clock.now)
    made.save_settings(zone="Europe/Berlin")
    yield made
    made.close()


def until(true: Callable[[], Any]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)


def fail(station: Station, second: float = 0.0) -> str:
    row = inspection(second, Verdict.FAIL)
    with station.alarms.raised_by(row, (640, 480)) as change:
        station.store.add_inspection(row, change)
    return next(one.id for one in station.alarms.active() if one.kind == "defect")


def test_a_ticket_from_assigning_to_closing(station: Station, clock: Clock) -> None:
    desk = station.watching
    id = fail(station)
    for wrong in (lambda: desk.assign(id, " "), lambda: desk.comment(id, ""), lambda: desk.close_ticket(id, "x", " ")):
        with pytest.raises(LinesightError):
            wrong()
    ticket = desk.assign(id, "Tool shop")
    assert (ticket.number, ticket.assigned_to, ticket.open) == (1, "Tool shop", True)
    assert desk.ticket(id) == ticket
    clock.forward(minutes=10)
    desk.comment(id, "The gripper again.")
    assert [row.ticket for row in desk.history(AlarmQuery(tickets=True))] == [ticket]
    clock.forward(minutes=20)
    closed = desk.close_ticket(id, "Pad worn", "Pad replaced")
    assert (closed.cause, closed.action, closed.closed_by, closed.open) == (
        "Pad worn",
        "Pad replaced",
        "operator",
        False,
    )
    assert desk.ticket(id) is None and desk.history(AlarmQuery(tickets=True)) == []
    row = desk.row(id)
    assert row is not None and row.alarm.state is AlarmState.NORMAL, "who closes it has seen it"
    with pytest.raises(LinesightError, match="Ticket 1 was closed by operator"):
        desk.comment(id, "One thing more")
    assert [event.what for event in desk.events(id)] == [
        "raised",
        "assigned",
        "comment",
        "ticket closed",
        "acknowledged",
    ]
    found = desk.figures(date(2026, 11, 22), date(2026, 11, 22))
    assert (found.alarms, found.causes, found.open_tickets, found.waiting) == (1, 1, 0, 0)
    assert (found.fix.median, found.acknowledge.median) == (30 * 60, 30 * 60)
    assert (found.shifts, found.a_shift) == (2, 0.5), "13:30 in Berlin: the rest of the night, and the early shift"


def test_figures_tell_mean_from_median_and_leave_out_what_was_never_seen(station: Station, clock: Clock) -> None:
    for minutes in (1, 2, 30):
        station.alarms.raise_alarm("camera", f"usb:{minutes}", "Camera lost", "")
    for alarm in station.alarms.active():
        clock.moment = NOON + timedelta(minutes=int(alarm.source.partition(":")[2]))
        station.alarms.acknowledge(alarm.id, "operator")
    station.alarms.raise_alarm("camera", "usb:99", "Camera lost", "")
    day = date(2026, 11, 22)
    found = station.watching.figures(day, day)
    assert (found.alarms, found.waiting, found.acknowledge.count) == (4, 1, 3)
    assert (found.acknowledge.median, found.acknowledge.mean) == (120, 660)
    assert found.fix.mean is None and found.often == (("Camera lost", 4),)
    assert station.watching.figures(day - timedelta(days=9), day - timedelta(days=8)).alarms == 0


def test_shifts_are_counted_on_the_stations_clock() -> None:
    berlin, shifts = station_zone("Europe/Berlin"), AlarmConfig().shifts
    assert shifts_in(NOON, NOON, berlin, shifts) == 0
    assert shifts_in(NOON, NOON + timedelta(minutes=1), berlin, shifts) == 1
    assert shifts_in(NOON, NOON + timedelta(hours=2), berlin, shifts) == 2  # 13:00 to 15:00 there
    assert end_of_shift(NOON, berlin, shifts) == NOON + timedelta(hours=1)
    assert end_of_shift(NOON + timedelta(hours=10), berlin, shifts) == NOON + timedelta(hours=17)
    spring = NOON.replace(year=2026, month=3, day=28, hour=22)  # the clocks go on in that night
    assert end_of_shift(spring, berlin, shifts) == spring + timedelta(hours=6)


def test_who_may_do_what(station: Station) -> None:
    desk, people = station.watching, station.people
    people.add("Ina", Role.ENGINEER, pin="714402")
    people.sign_in("Ina", "714402")
    people.add("Otto", Role.OPERATOR, pin="925517")
    id = fail(station)
    people.sign_out()
    with pytest.raises(NotAllowed):
        desk.acknowledge(id)
    people.sign_in("Otto", "925517")
    for act in (
        lambda: desk.shelve(id, "because", NOON + timedelta(hours=1)),
        lambda: desk.unshelve(id),
        lambda: desk.assign(id, "Ina"),
        lambda: desk.comment(id, "x"),
        lambda: desk.close_ticket(id, "x", "y"),
        lambda: desk.save_config(replace(desk.config, repeat_sound=True)),
        lambda: desk.keep_secret("x", "y"),
    ):
        with pytest.raises(NotAllowed):
            act()
    desk.acknowledge(id)
    until(lambda: desk.events(id)[-1].person == "Otto")
    assert station.active_alarms() == [] and desk.names() == ["Ina", "Otto"]


def test_rules_are_kept_and_noted_and_hold_at_once(station: Station) -> None:
    desk = station.watching
    rules = tuple(replace(one, n=2) if one.id == "in-a-row" else one for one in desk.config.rules)
    people = (Recipient("lead", "Shift lead", "email", {"to": "a@example.com", "host": "mail"}, lowest=2),)
    chosen = replace(desk.config, rules=rules, recipients=people, escalation=(EscalationStep(10, ("lead",)),))
    desk.save_config(chosen)
    assert config_file.load(station.data.alarm_rules) == chosen
    fail(station, 0)
    fail(station, 1)
    assert {one.kind for one in desk.active()} == {"defect", "in_a_row"}
    assert [one.priority for one in desk.active()] == sorted((one.priority for one in desk.active()), reverse=True)
    noted = [entry.subject for entry in station.store.audit_entries() if entry.action == "settings"]
    assert {"alarm rule in-a-row", "recipient lead", "escalation"} <= set(noted)


def test_a_backup_brings_the_rules_back(station: Station, tmp_path: Path) -> None:
    chosen = replace(station.watching.config, repeat_sound=True)
    station.watching.save_config(chosen)
    station.keeping.back_up(tmp_path / "b.zip", pictures=False).result(30)
    restored = DataFolder(tmp_path / "restored")
    restore_station(restored, tmp_path / "b.zip", by="", step=lambda fraction, words: None)
    assert config_file.load(restored.alarm_rules) == chosen


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("not toml", "can't be read"),
        ("[[rule]]\nid = 'x'\nkind = 'nonsense'", "no such kind"),
        ("[[rule]]\nid = 'x'\nkind = 'in_a_row'\nn = 0", "between 2 and 1000"),
        ("[[rule]]\nid = 'x'\nkind = 'in_a_row'\ncolour = 1", "colour"),
        ("volume = 3", "no volume"),
        ("shifts = ['late']", "late"),
        ("[[escalation]]\nminutes = 5\nrecipients = ['nobody']", "no recipient"),
    ],
)
def test_a_file_that_is_wrong_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "alarms.toml"
    path.write_text(text)
    with pytest.raises(LinesightError, match=words) as refused:
        config_file.load(path)
    assert str(path) in str(refused.value)


def test_a_file_that_names_few_rules_keeps_the_others(tmp_path: Path) -> None:
    path = tmp_path / "alarms.toml"
    path.write_text("[[rule]]\nid = 'mine'\nkind = 'in_a_row'\nn = 7\n")
    rules = config_file.load(path).rules
    assert [rule.n for rule in rules if rule.kind is RuleKind.IN_A_ROW] == [7]
    assert {rule.kind for rule in rules} == set(RuleKind)


def test_what_nothing_feeds_is_not_offered(station: Station) -> None:
    assert station.watching.offered() == set(RuleKind), "a station feeds them all"
    assert station.watching.channels() == ["email", "webhook", "mqtt", "sns"]
    alone = WatchDesk(station, station.watching.config)  # type: ignore[arg-type]
    assert alone.offered() == set(RuleKind) - {RuleKind.BACKLOG, RuleKind.UNRELEASED, RuleKind.LINE}
    assert "sns" not in alone.channels()
    alone.connect(
        backlog=lambda: Backlog(0),
        unreleased=lambda: "",
        line=dict,
        channels={"sns": object()},  # type: ignore[dict-item]
    )
    assert alone.offered() == set(RuleKind) and "sns" in alone.channels()


def test_a_station_tells_people_by_itself_and_after_a_restart(tmp_path: Path) -> None:
    """Real threads and time: what was not sent before the end is sent after the next start."""
    data = DataFolder(tmp_path / "data")
    nobody_there = f"http://127.0.0.1:{free_port()}/"
    station = Station(data)
    recipient = Recipient("hook", "Plant system", "webhook", {"url": nobody_there})
    station.watching.save_config(replace(station.watching.config, recipients=(recipient,)))
    fail(station)
    until(lambda: [one.attempts for one in station.watching.notices()] == [1])
    with WebServer() as server:
        station.close()
        moved = replace(recipient, options={"url": server.url})
        config_file.save(data.alarm_rules, AlarmConfig(recipients=(moved,)))
        station = Station(data, now=lambda: datetime.now(UTC) + timedelta(minutes=1))
        try:
            until(lambda: [one.state for one in station.watching.notices()] == [NoticeState.SENT])
            assert len(server.posts) == 1
            job = station.watching.test(replace(moved, name="Try"))
            assert job.result(20) == "127.0.0.1 answered 200 OK." and b"This is a test" in server.posts[-1][1]
        finally:
            station.close()


class Memory(KeyringBackend):
    """A keyring of the test's own."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop((service, username), None) is None:
            raise keyring.errors.PasswordDeleteError("there is none")


@pytest.fixture
def backend() -> Iterator[Memory]:
    before, memory = keyring.get_keyring(), Memory()
    keyring.set_keyring(memory)
    yield memory
    keyring.set_keyring(before)


def test_secrets_lie_in_the_keyring_and_nowhere_else(station: Station, backend: Memory) -> None:
    desk: WatchDesk = station.watching
    desk.keep_secret("hook", "hunter2-secret")
    assert secrets.read("hook") == "hunter2-secret"
    with WebServer() as server:
        recipient = Recipient("hook", "Plant system", "webhook", {"url": server.url})
        desk.save_config(replace(desk.config, recipients=(recipient,)))
        desk.test(recipient).result(20)
        assert "Linesight-Signature" in server.posts[0][0]
    for file in station.data.root.rglob("*"):
        assert not file.is_file() or b"hunter2-secret" not in file.read_bytes(), file
    desk.keep_secret("hook", "")
    desk.keep_secret("hook", "")  # none is there any more
    assert secrets.read("hook") == "" and backend.kept == {}


def test_without_a_keyring_the_environment_is_the_way_out(
    station: Station, backend: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring.set_keyring(NoKeyring())
    with pytest.raises(LinesightError, match="LINESIGHT_SECRET_EMAIL_1 to the password") as refused:
        station.watching.keep_secret("email-1", "hunter2-secret")
    assert "hunter2" not in str(refused.value)
    assert secrets.read("email-1") == ""
    monkeypatch.setenv("LINESIGHT_SECRET_EMAIL_1", "from outside")
    assert secrets.read("email-1") == "from outside"
