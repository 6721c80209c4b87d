"""The Alarms workspace and its set-up, with a real book and record behind them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.alarms.notices import Message
from app.domain.alarm import AlarmState
from app.domain.alarm_rule import default_rules
from app.domain.notice import Recipient
from tests.alarms.receivers import MailServer, free_port
from tests.ui.conftest import Inspect
from tests.ui.fake_station import FakeStation
from ui.alarm_sound import AGAIN_AFTER, AlarmSound
from ui.app import application
from ui.theme import current
from ui.window import Window


def click(qtbot: QtBot, widget) -> None:  # type: ignore[no-untyped-def]
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)


def opened(qtbot: QtBot, window: Window) -> None:
    """The workspace with its first alarm chosen."""
    window.go("alarms")
    qtbot.waitUntil(lambda: len(window.spaces.alarms.cards) > 0)
    click(qtbot, window.spaces.alarms.cards[0])
    qtbot.waitUntil(lambda: window.spaces.alarms.detail.row is not None)


def test_an_alarm_is_shelved_with_a_reason_and_taken_back(
    qtbot: QtBot, window: Window, station: FakeStation, inspect: Inspect
) -> None:
    inspect(0.9)
    opened(qtbot, window)
    detail = window.spaces.alarms.detail
    click(qtbot, detail.shelve)
    click(qtbot, detail.shelve_form.primary)
    qtbot.waitUntil(lambda: "why" in detail.said.text())
    assert len(station.active_alarms()) == 1
    detail.shelve_form.reason.setCurrentText("Fixture is being changed")
    click(qtbot, detail.shelve_form.until.button("shift"))
    click(qtbot, detail.shelve_form.primary)
    qtbot.waitUntil(lambda: window.alarm_strip.alarm is None)
    (aside,) = station.watching.shelved()
    assert aside.shelved_until == station.watching.end_of_shift()
    qtbot.waitUntil(lambda: window.spaces.alarms.view.button("shelved").text() == "Shelved (1)")
    window.spaces.alarms.open("shelved")
    (card,) = window.spaces.alarms.shelved.cards
    assert "Fixture is being changed" in card.state.text()
    assert card.button is not None
    click(qtbot, card.button)
    qtbot.waitUntil(lambda: window.alarm_strip.alarm is not None)


def test_a_ticket_is_given_commented_and_closed(
    qtbot: QtBot, window: Window, station: FakeStation, inspect: Inspect
) -> None:
    inspect(0.9)
    opened(qtbot, window)
    detail = window.spaces.alarms.detail
    click(qtbot, detail.assign)
    detail.assign_form.name.setCurrentText("Tool shop")
    click(qtbot, detail.assign_form.primary)
    qtbot.waitUntil(lambda: "given to Tool shop" in detail.ticket.text())
    click(qtbot, detail.comment)
    detail.comment_form.words.setPlainText("The gripper again.")
    click(qtbot, detail.comment_form.primary)
    qtbot.waitUntil(lambda: detail.said.text() == "Added.")
    window.spaces.alarms.open("tickets")
    qtbot.waitUntil(lambda: len(window.spaces.alarms.tickets.cards) == 1)
    click(qtbot, window.spaces.alarms.tickets.cards[0])
    qtbot.waitUntil(lambda: detail.row is not None)
    click(qtbot, detail.close_button)
    detail.close_form.cause.setText("Pad worn")
    detail.close_form.action.setText("Pad replaced")
    click(qtbot, detail.close_form.primary)
    qtbot.waitUntil(lambda: not window.spaces.alarms.tickets.cards and window.alarm_strip.alarm is None)
    (row,) = station.store.alarming.history()
    assert row.ticket is not None and (row.ticket.cause, row.ticket.action) == ("Pad worn", "Pad replaced")
    window.spaces.alarms.open("figures")
    qtbot.waitUntil(lambda: window.spaces.alarms.figures.values["alarms"].text() == "1")
    assert window.spaces.alarms.figures.notes["fixed"].text() == "Of 1 that were closed with cause and action."


def test_the_history_is_chosen_by_day_and_kind(qtbot: QtBot, window: Window, station: FakeStation) -> None:
    station.inspect(0.9, when=datetime.now(UTC) - timedelta(days=20))
    station.alarms.raise_alarm("rounds", "Press 4", "A round was missed", "It was due at 12:00.")
    window.go("alarms")
    window.spaces.alarms.open("history")
    history = window.spaces.alarms.history
    qtbot.waitUntil(lambda: history.table.rowCount() == 1)
    click(qtbot, history.period.button("all"))
    qtbot.waitUntil(lambda: history.table.rowCount() == 2 and history.kind.count() == 3)
    history.kind.setCurrentIndex(history.kind.findData("rounds"))
    qtbot.waitUntil(lambda: history.table.rowCount() == 1)
    item = history.table.item(0, 1)
    assert item is not None and item.text() == "A round was missed"
    assert not window.spaces.alarms.detail.isVisible()
    history.table.cellClicked.emit(0, 1)
    qtbot.waitUntil(lambda: window.spaces.alarms.detail.isVisible() and window.spaces.alarms.detail.row is not None)


def test_the_strip_tells_seen_from_unseen_and_covers_nothing(
    qtbot: QtBot, window: Window, station: FakeStation
) -> None:
    strip = window.alarm_strip
    station.alarms.raise_alarm("lot", "Lot 7", "Too many rejects", "4 of 50")
    station.alarms.raise_alarm("rounds", "Press 4", "A round was missed", "")
    qtbot.waitUntil(lambda: strip.more.text() == "All 2 alarms")
    window.resize(1280, 700)
    current().apply(application(station), "dark", 5.9)
    qtbot.waitUntil(lambda: window.rail.more.isVisible() and not window.rail.buttons["alarms"].isVisible())
    assert window.rail.more.count == 2  # of the place behind it
    current().apply(application(station), "dark", 0.0)
    click(qtbot, strip.button)
    qtbot.waitUntil(lambda: strip.more.text() == "1 of 2 open")
    click(qtbot, strip.button)
    qtbot.waitUntil(lambda: not strip.button.isVisible())
    assert strip.since.text() == "Acknowledged by operator"
    assert window.rail.buttons["alarms"].count == 0
    station.alarms.clear("lot")
    station.alarms.clear("rounds", "Press 4")
    qtbot.waitUntil(lambda: strip.alarm is None)


def test_sound_comes_at_news_and_not_at_each_count(station: FakeStation) -> None:
    sound = AlarmSound([])
    station.inspect(0.9)
    assert sound.news(station.active_alarms(), 0)
    for _ in range(5):
        station.inspect(0.9)
        assert not sound.news(station.active_alarms(), 1)
    assert not sound.again(station.active_alarms(), AGAIN_AFTER / 2)
    assert sound.again(station.active_alarms(), AGAIN_AFTER)
    (alarm,) = station.active_alarms()
    assert sound.news([replace(alarm, escalated=1)], 30), "nobody has answered"
    station.alarms.acknowledge(alarm.id, "operator")
    assert not sound.again(station.active_alarms(), 1000)
    station.inspect(0.9)
    assert sound.news(station.active_alarms(), 1001), "a new alarm"


def test_rules_are_set_and_wrong_numbers_refused_in_words(qtbot: QtBot, window: Window, station: FakeStation) -> None:
    station.watching.save_config(replace(station.watching.config, rules=default_rules()))
    window.go("setup")
    window.spaces.setup.open("alarms")
    page = window.spaces.setup.alarms
    assert "backlog" not in page.rows and "unreleased" not in page.rows, "nothing feeds them yet"
    page.rows["in-a-row"].editors["n"].setText("none")
    page.primary.click()
    assert page.said.kind == "bad" and "not a whole number" in page.said.text()
    page.rows["in-a-row"].editors["n"].setText("4")
    page.rows["disk-low"].on.button("off").click()
    page.primary.click()
    qtbot.waitUntil(lambda: page.said.kind == "good")
    by_id = {rule.id: rule for rule in station.watching.config.rules}
    assert by_id["in-a-row"].n == 4 and not by_id["disk-low"].on
    assert by_id["backlog"].on, "what is not shown stays as it was"


def test_somebody_is_added_tried_and_told_by_escalation(qtbot: QtBot, window: Window, station: FakeStation) -> None:
    window.go("setup")
    window.spaces.setup.open("alarms")
    page = window.spaces.setup.alarms
    page.people.adds["email"].click()
    form = page.people.form
    form.name.setText("Shift lead")
    form.security.setCurrentText("none")
    with MailServer() as server:
        for key, words in (("to", "lead@example.com"), ("host", "127.0.0.1"), ("port", str(free_port()))):
            form.editors[key].setText(words)
        form.test.click()
        qtbot.waitUntil(lambda: "can't be reached" in form.said.text(), timeout=10_000)
        form.editors["port"].setText(str(server.port))
        form.test.click()
        qtbot.waitUntil(lambda: form.said.kind == "good", timeout=10_000)
        assert server.mails[0]["Subject"] == "Alarm at Station 1: This is a test"
    form.take.click()
    page.steps.add.click()
    ((minutes, chips),) = page.steps._steps
    minutes.setText("7,5")
    next(iter(chips.values())).setChecked(True)
    page.primary.click()
    qtbot.waitUntil(lambda: page.said.kind == "good")
    config = station.watching.config
    (lead,) = config.recipients
    assert isinstance(lead, Recipient) and lead.options["to"] == "lead@example.com"
    assert [(step.minutes, step.recipients) for step in config.escalation] == [(7.5, (lead.id,))]


def test_an_alarm_whose_cause_has_gone_waits_to_be_seen(qtbot: QtBot, window: Window, station: FakeStation) -> None:
    station.alarms.raise_alarm("rounds", "Press 4", "A round was missed", "")
    station.alarms.clear("rounds")
    window.go("alarms")
    qtbot.waitUntil(lambda: len(window.spaces.alarms.cards) == 1)
    card = window.spaces.alarms.cards[0]
    assert card.alarm.state is AlarmState.CLEARED and "cause is gone" in card.state.text()
    assert card.button is not None
    click(qtbot, card.button)
    qtbot.waitUntil(lambda: not window.spaces.alarms.cards)


def test_a_topic_is_told_without_a_secret(qtbot: QtBot, window: Window, station: FakeStation) -> None:
    class Topic:
        def send(self, recipient: Recipient, secret: str, message: Message) -> str:
            return f"SNS has the message for {recipient.option('topic')}."

    station.watching.connect(channels={"sns": Topic()})
    window.go("setup")
    window.spaces.setup.open("alarms")
    page = window.spaces.setup.alarms
    page.people.adds["sns"].click()
    form = page.people.form
    assert set(form.editors) == {"topic", "site"} and not form.secret.isVisible()
    form.editors["topic"].setText("arn:aws:sns:eu-central-1:123456789012:defects")
    form.test.click()
    qtbot.waitUntil(lambda: form.said.kind == "good")
    form.take.click()
    (topic,) = page.people.recipients
    assert (topic.channel, topic.options) == ("sns", {"topic": "arn:aws:sns:eu-central-1:123456789012:defects"})
