"""People are told: by real mail, web and MQTT servers, at least once, and not a thousand times."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import queue
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.alarms import AlarmBook
from app.alarms.notices import CHANNELS, Channel, Message, NoticeSender, SendError
from app.alarms.notices.message import compose
from app.domain.alarm_rule import AlarmConfig, AlarmRule, RuleKind
from app.domain.errors import LinesightError
from app.domain.notice import EscalationStep, Notice, NoticeState, Recipient
from app.domain.verdict import Verdict
from app.pictures import decode_picture
from app.store import Store
from tests.alarms.clocks import Clock
from tests.alarms.receivers import MOSQUITTO, MailServer, WebServer, broker, free_port
from tests.store.samples import NOON, alarm, inspection, open_store

SIZE = (640, 480)
ROOT = Path(__file__).resolve().parents[2]
RULES = (AlarmRule("defect", RuleKind.DEFECT), AlarmRule("camera", RuleKind.CAMERA))
ONE = alarm(count=3, part_id="P-17", inspection_id="e" * 32, image_path="images/x.png")
PICTURE = np.full((900, 1600, 3), 90, np.uint8)


def mail_to(port: int, **more: Any) -> Recipient:
    options = {"host": "127.0.0.1", "port": str(port), "security": "none", "to": "shift@example.com, qa@example.com"}
    return Recipient("shift", "Shift lead", "email", options | more.pop("options", {}), **more)


def hook_to(url: str, **more: Any) -> Recipient:
    return Recipient("hook", "Plant system", "webhook", {"url": url}, **more)


def message(reason: str = "raised", **changes: Any) -> Message:
    notice = Notice("ab" * 16, ONE.id, "shift", reason, NOON, NOON)
    link = "https://mes.example.com/parts/{part}?i={inspection}"
    return compose(notice, replace(ONE, **changes), station="Line 1", zone=UTC, link=link, picture=PICTURE)


class Bench:
    """A book, a sender and what they go by."""

    def __init__(self, store: Store, clock: Clock, *recipients: Recipient, **config: Any) -> None:
        self.store, self.clock = store, clock
        self.config = AlarmConfig(rules=RULES, recipients=recipients, **config)
        self.book = AlarmBook(store, now=clock.now, config=self.config)
        self.channels: dict[str, Channel] = dict(CHANNELS)
        self.sender = NoticeSender(
            store.alarming.notices,
            lambda id: next((one for one in self.config.recipients if one.id == id), None),
            self.composed,
            lambda id: "",
            self.channels,
            now=clock.now,
            chance=lambda: 0.0,
        )

    def composed(self, notice: Notice) -> Message | None:
        row = self.store.alarming.alarm(notice.alarm_id)
        zone = NOON.tzinfo
        assert zone is not None
        return row and compose(notice, row.alarm, station="Line 1", zone=zone, link="", picture=None)

    def fail(self, second: float) -> None:
        row = inspection(second, Verdict.FAIL)
        with self.book.raised_by(row, SIZE) as change:
            self.store.add_inspection(row, change)

    @property
    def notices(self) -> list[Notice]:
        return self.store.alarming.notices.recent()


# -- the ways
@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # the password goes to this machine only
def test_mail_says_what_where_and_shows_the_picture() -> None:
    with MailServer(user="line", password="pässword") as server:
        recipient = mail_to(server.port, options={"user": "line", "from": "station@example.com"})
        words = CHANNELS["email"].send(recipient, "pässword", message(title="Defect: scratch\r\nBcc: x@example.com"))
        assert "shift@example.com" in words
        (mail,) = server.mails
        with pytest.raises(SendError, match="does not take user and password") as refused:
            CHANNELS["email"].send(recipient, "wrong", message())
        assert refused.value.final and "wrong" not in str(refused.value)
    assert mail["Message-ID"] == f"<{'ab' * 16}@linesight>" and mail["Idempotency-Key"] == "ab" * 16
    assert mail["Subject"] == "Alarm at Line 1: Defect: scratch Bcc: x@example.com (3 times)" and mail["Bcc"] is None
    text = mail.get_body(("plain",))
    assert text is not None
    for part in ("Where: demo", "Part: P-17", "https://mes.example.com/parts/P-17?i=" + "e" * 32, "Priority: Medium"):
        assert part in text.get_content()
    (picture,) = mail.iter_attachments()
    assert decode_picture(picture.get_content()).shape == (450, 800, 3)


def test_mail_that_is_refused_or_cannot_go() -> None:
    with MailServer() as server:
        server.refuse = "550 No such user"
        with pytest.raises(SendError, match="550") as final:
            CHANNELS["email"].send(mail_to(server.port), "", message())
        server.refuse = "450 Mailbox is busy"
        with pytest.raises(SendError, match="450") as later:
            CHANNELS["email"].send(mail_to(server.port), "", message())
        with pytest.raises(SendError, match="does not offer"):  # encryption is asked for and not there
            CHANNELS["email"].send(mail_to(server.port, options={"security": "starttls"}), "", message())
        assert server.mails == []
    assert final.value.final and not later.value.final
    with pytest.raises(SendError, match="can't be reached") as away:
        CHANNELS["email"].send(mail_to(free_port()), "", message())
    assert not away.value.final
    with pytest.raises(SendError, match="no e-mail address"):
        CHANNELS["email"].send(mail_to(25, options={"to": "nobody"}), "", message())
    with pytest.raises(LinesightError, match="there is no host"):
        CHANNELS["email"].send(mail_to(25, options={"host": " "}), "", message())


def test_a_web_hook_is_signed_and_carries_the_same_id() -> None:
    with WebServer() as server:
        words = CHANNELS["webhook"].send(hook_to(server.url), "secret", message())
        assert words == "127.0.0.1 answered 200 OK."
        ((headers, body),) = server.posts
        for status, final in ((500, False), (429, False), (404, True), (302, True)):
            server.status = status
            with pytest.raises(SendError, match=str(status)) as refused:
                CHANNELS["webhook"].send(hook_to(server.url), "secret", message())
            assert refused.value.final is final
    seconds, _, digest = headers["Linesight-Signature"].removeprefix("t=").partition(",v1=")
    assert hmac.new(b"secret", f"{seconds}.".encode() + body, hashlib.sha256).hexdigest() == digest
    found = json.loads(body)
    assert headers["Idempotency-Key"] == found["id"] == "ab" * 16
    assert (found["title"], found["part"], found["count"], found["priority"]) == (ONE.title, "P-17", 3, "medium")
    assert decode_picture(base64.b64decode(found["picture"])).shape == (450, 800, 3)
    for url, words in (("ftp://x", "begins with"), ("https://a:b@x/", "no user"), ("http://x:70000/", "port")):
        with pytest.raises(SendError, match=words):
            CHANNELS["webhook"].send(hook_to(url), "", message())


@pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")
def test_mqtt_counts_as_sent_when_the_broker_has_it(tmp_path: Path) -> None:
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion

    got: queue.Queue[tuple[str, int, bytes]] = queue.Queue()
    there: queue.Queue[bool] = queue.Queue()
    with broker(tmp_path) as port:
        listener = Client(CallbackAPIVersion.VERSION2)
        listener.on_message = lambda _c, _d, one: got.put((one.topic, one.qos, one.payload))
        listener.on_subscribe = lambda *_: there.put(True)
        listener.connect("127.0.0.1", port)
        listener.subscribe("plant/#", qos=1)
        listener.loop_start()
        try:
            there.get(timeout=10)
            options = {"host": "127.0.0.1", "port": str(port), "topic": "plant/line1/alarms"}
            recipient = Recipient("bus", "Plant bus", "mqtt", options)
            assert "has the message" in CHANNELS["mqtt"].send(recipient, "", message())
            topic, qos, payload = got.get(timeout=10)
        finally:
            listener.disconnect()
            listener.loop_stop()
    assert (topic, qos, json.loads(payload)["id"]) == ("plant/line1/alarms", 1, "ab" * 16)
    with pytest.raises(SendError, match="can't be reached") as away:
        CHANNELS["mqtt"].send(recipient, "", message())
    assert not away.value.final
    with pytest.raises(SendError, match="no \\+ and no #"):
        CHANNELS["mqtt"].send(replace(recipient, options=options | {"topic": "plant/+"}), "", message())


# -- how often
@pytest.mark.parametrize("count", [200, pytest.param(1000, marks=pytest.mark.slow)])
def test_a_thousand_fails_in_a_minute_are_one_alarm_and_one_mail(store: Store, clock: Clock, count: int) -> None:
    with MailServer() as server:
        bench = Bench(store, clock, mail_to(server.port))
        for number in range(count):
            clock.forward(seconds=60 / count)
            bench.fail(number * 60 / count)
            if number % 50 == 0:
                bench.sender.send_due()
        bench.sender.send_due()
        assert len(server.mails) == 1
    (one,) = bench.book.active()
    assert one.count == count
    assert [notice.state for notice in bench.notices] == [NoticeState.SENT]


def test_who_acknowledges_and_fails_again_sends_no_flood_and_loses_nothing(store: Store, clock: Clock) -> None:
    with WebServer() as server:
        bench = Bench(store, clock, hook_to(server.url), quiet_minutes=5)
        for second in range(0, 60, 10):
            bench.fail(second)
            bench.book.acknowledge(bench.book.active()[0].id, "Operator")
            clock.forward(seconds=10)
            bench.sender.send_due()
        bench.fail(61)
        bench.sender.send_due()
        assert len(server.posts) == 1
        clock.forward(minutes=5)
        bench.sender.send_due()
        assert len(server.posts) == 2, "the rest is told of once the quiet time is over"
        assert server.posts[0][0]["Idempotency-Key"] != server.posts[1][0]["Idempotency-Key"]


def test_only_who_wants_it_is_told(store: Store, clock: Clock) -> None:
    everybody = (
        hook_to("http://x/"),
        replace(hook_to("http://x/"), id="high", lowest=3),
        replace(hook_to("http://x/"), id="off", on=False),
        replace(hook_to("http://x/"), id="later", first=False),
        replace(hook_to("http://x/"), id="both", cleared=True),
    )
    bench = Bench(store, clock, *everybody)
    bench.book.raise_alarm("camera", "usb:0", "Camera lost", "Check its plug.")
    bench.book.clear("camera")
    assert {(one.recipient, one.reason) for one in bench.notices} == {
        ("hook", "raised"),
        ("both", "raised"),
        ("both", "cleared"),
    }


def test_escalation_goes_on_until_somebody_answers(store: Store, clock: Clock) -> None:
    lead, boss = (Recipient(id, id, "webhook", {"url": "http://x/"}, first=False) for id in ("lead", "boss"))
    steps = (EscalationStep(5, ("lead",)), EscalationStep(15, ("lead", "boss")))
    bench = Bench(store, clock, lead, boss, escalation=steps)
    bench.book.raise_alarm("camera", "usb:0", "Camera lost", "Check its plug.")
    told = []
    for _ in range(20):
        clock.forward(minutes=1)
        bench.book.tick()
        told.append(len(bench.notices))
    assert told == [0] * 4 + [1] * 10 + [3] * 6
    (one,) = bench.book.active()
    assert one.escalated == 2
    again = Bench(store, clock, lead, boss, escalation=steps)  # a restart tells nobody twice
    again.book.tick()
    assert len(again.notices) == 3
    again.book.acknowledge(one.id, "Operator")
    clock.forward(hours=1)
    again.book.tick()
    assert len(again.notices) == 3
    words = [event.words for event in store.alarming.events(one.id) if event.what == "escalated"]
    assert words[1] == "Step 2, after 15 minutes without an answer. Told: lead, boss."


# -- when it does not go well
class Away:
    """A receiver that can be reached at times."""

    def __init__(self) -> None:
        self.there, self.tries = False, 0
        self.got: list[str] = []

    def send(self, recipient: Recipient, secret: str, message: Message) -> str:
        self.tries += 1
        if not self.there:
            raise SendError("The network is gone.")
        self.got.append(message.id)
        return "ok"


def test_a_network_that_is_gone_for_hours_loses_and_doubles_nothing(store: Store, clock: Clock) -> None:
    away = Away()
    bench = Bench(store, clock, replace(hook_to("http://x/"), channel="away"), quiet_minutes=0)
    bench.channels["away"] = away
    for place in range(8):
        bench.book.raise_alarm("camera", f"usb:{place}", "Camera lost", "Check its plug.")
    for _ in range(6 * 60):
        bench.sender.send_due()
        clock.forward(minutes=1)
    assert away.got == [] and away.tries < 40, "it is tried every quarter of an hour, and not for each notice"
    away.there = True
    for _ in range(20):
        bench.sender.send_due()
        clock.forward(minutes=1)
    assert sorted(away.got) == sorted(one.id for one in bench.notices) and len(away.got) == 8
    assert all(one.state is NoticeState.SENT for one in bench.notices)


def test_what_is_refused_or_too_old_is_given_up_and_may_be_sent_again(store: Store, clock: Clock) -> None:
    with WebServer() as server:
        server.status = 404
        bench = Bench(store, clock, hook_to(server.url))
        bench.fail(0)
        for _ in range(10):
            bench.sender.send_due()
            clock.forward(minutes=20)
        assert len(server.posts) == 3
        (dead,) = store.alarming.notices.dead()
        assert dead.error == "127.0.0.1 answered 404 Not Found."
        server.status = 200
        store.alarming.notices.again(dead.id, clock.now())
        bench.sender.send_due()
        assert [headers["Idempotency-Key"] for headers, _ in server.posts] == [dead.id] * 4
    assert store.alarming.notices.dead() == [] and bench.notices[0].state is NoticeState.SENT
    bench.channels["away"] = Away()
    bench.config = replace(bench.config, recipients=(replace(hook_to("http://x/"), id="slow", channel="away"),))
    bench.book.use(bench.config)
    bench.book.raise_alarm("camera", "usb:0", "Camera lost", "Check its plug.")
    for _ in range(4 * 24):
        bench.sender.send_due()
        clock.forward(hours=1)
    (dead,) = store.alarming.notices.dead()
    assert dead.error == "The network is gone."


def test_an_alarm_and_its_notice_are_committed_together_or_not_at_all(store: Store, clock: Clock) -> None:
    bench = Bench(store, clock, hook_to("http://x/"))
    with pytest.raises(OSError, match="full"), bench.book.raised_by(inspection(0, Verdict.FAIL), SIZE):
        raise OSError("full")
    assert bench.notices == [] and bench.book.active() == []
    bench.fail(1)
    assert len(bench.notices) == 1, "the one that was not committed made no quiet time"


_KILLED = """
import os, signal, sys
from pathlib import Path
from tests.alarms.clocks import Clock
from tests.alarms.test_notices import Bench, hook_to
from tests.store.samples import open_store

bench = Bench(open_store(Path(sys.argv[1])), Clock(), hook_to(sys.argv[2]))
bench.fail(0)
if sys.argv[3] == "after":
    bench.store.alarming.notices.sent = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    bench.sender.send_due()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize(("when", "posts"), [("before", 1), ("after", 2)])
def test_killed_around_the_sending_a_notice_comes_with_the_same_id(tmp_path: Path, when: str, posts: int) -> None:
    """Killed between commit and sending, it is sent once; between sending and noting that, twice with one id."""
    with WebServer() as server:
        command = [sys.executable, "-c", _KILLED, str(tmp_path), server.url, when]
        assert subprocess.run(command, cwd=ROOT, timeout=60).returncode == -signal.SIGKILL
        with open_store(tmp_path) as store:
            clock = Clock()
            bench = Bench(store, clock, hook_to(server.url))
            for _ in range(3):
                bench.sender.send_due()
                clock.forward(minutes=30)
            (notice,) = bench.notices
        assert [headers["Idempotency-Key"] for headers, _ in server.posts] == [notice.id] * posts
        assert notice.state is NoticeState.SENT


def test_backoff_waits_longer_each_time_and_not_for_all_alike(store: Store, clock: Clock) -> None:
    waits: list[timedelta] = []
    bench = Bench(store, clock, replace(hook_to("http://x/"), channel="away"))
    channels: Mapping[str, Channel] = {"away": Away()}
    chances = iter([0.0, 0.5, 1.0, 0.0] * 10)
    sender = NoticeSender(
        store.alarming.notices,
        lambda id: bench.config.recipients[0],
        bench.composed,
        lambda id: "",
        channels,
        now=clock.now,
        chance=lambda: next(chances),
    )
    bench.fail(0)
    for _ in range(12):
        sender.send_due()
        due = store.alarming.notices.next_due()
        assert due is not None
        waits.append(due - clock.now())
        clock.moment = due
    assert [wait.total_seconds() for wait in waits] == [10, 15, 20, 80, 160, 240, 320, 900, 900, 675, 450, 900]
