"""The link to AWS: who asks, what is switched on, whether the account allows it, and the policy that would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from app.cloud.checking import Finding, Works
from app.connecting import Checked
from app.whole_files import write_whole
from ui.bridge import Bridge
from ui.setup.judging import JudgingCard
from ui.setup.sending import SendingCard
from ui.setup.streams import StreamsCard
from ui.shared.widgets import Button, Card, Choice, Notice, clear, field, icon, label, row
from ui.shared.work import Follower, JobBar
from ui.theme import current

COMPUTER, PROFILE, KEY = "computer", "profile", "key"
_WAYS = [(COMPUTER, "This computer"), (PROFILE, "Profile"), (KEY, "Access key")]
_WAY_WORDS = {
    COMPUTER: "The usual chain: environment, the computer's own role, the default profile.",
    PROFILE: "Of the AWS configuration on this computer, also with SSO: sign in with `aws sso login`.",
    KEY: "The secret lies in this computer's keyring, never in a file.",
}
_OFF = (
    "Nothing of this is needed: the station judges, records and reports without a network, and nothing leaves this "
    "computer until something here is switched on."
)
_ICONS = {
    Works.YES: ("check-circle-outline", "quiet"),
    Works.MISSING: ("lock-outline", "text"),
    Works.ABSENT: ("help-circle-outline", "text"),
    Works.AWAY: ("lan-disconnect", "text"),
    Works.UNTRIED: ("minus-circle-outline", "quiet"),
}
_WORDS = {
    Works.YES: "Works",
    Works.MISSING: "Not allowed",
    Works.ABSENT: "Not there",
    Works.AWAY: "Out of reach",
    Works.UNTRIED: "Not tried",
}


class CloudPage(QWidget):
    """`saved` after the settings were written."""

    saved = Signal()

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge, self._desk = bridge, bridge.station.connecting
        self._follower = Follower(self)
        settings = bridge.station.settings
        way = KEY if settings.aws_key_id else PROFILE if settings.aws_profile else COMPUTER
        self.way = Choice(_WAYS, way, roomy=True)
        self.way_words = label("", "quiet", wrap=True)
        self.region = _editor(settings.aws_region, "eu-central-1")
        self.profile = _editor(settings.aws_profile, "line")
        self.key_id = _editor(settings.aws_key_id, "AKIA...")
        self.secret = _editor("", "as it is kept")
        self.secret.setEchoMode(QLineEdit.EchoMode.Password)
        self.role = _editor(settings.aws_role, "none")
        self.external = _editor(settings.aws_external_id, "none")
        self.topic = _editor(settings.cloud_topic, "arn:aws:sns:...")
        self.queue = _editor(settings.cloud_queue, "https://sqs...")
        self.fleet = _editor(settings.fleet_bucket, "none")
        self.database = _editor(settings.fleet_database, "counted here")
        self.stream = _editor(settings.video_stream, "none")
        self.images = Choice([("off", "Off"), ("on", "On")], "on" if settings.video_images else "off")
        self.clips = Choice([("off", "Off"), ("on", "On")], "on" if settings.video_clips else "off")
        self.primary = Button("Save", "primary", on=self._save)
        self.primary.setMinimumWidth(160)
        self.words = Notice()
        self.test = Button("Test the connection", icon_name="lan-check", on=self._test)
        self.show_policy = Button("Show the policy", icon_name="file-document-outline", on=self._policy)
        self.bar = JobBar(self._follower)
        self.said = Notice()
        self.findings = QVBoxLayout()
        self.findings.setSpacing(8)
        self.heard = label("", "quiet", wrap=True)
        self.policy = QPlainTextEdit()
        self.policy.setReadOnly(True)
        self.policy.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.policy.setMinimumHeight(260)
        self.copy = Button("Copy", icon_name="content-copy", on=self._copy)
        self.keep = Button("Save as a file", icon_name="content-save-outline", on=self._keep)
        self.sending = SendingCard(bridge)
        self.sending.saved.connect(self.saved)
        self.judging = JudgingCard(bridge)
        self.judging.saved.connect(self.saved)
        self.streams = StreamsCard(bridge)
        self.streams.sent_changed.connect(self._sent_changed)
        self._lay_out()
        self.way.chosen.connect(lambda _key: self._show_way())
        self._show_way()
        self.refresh()

    def _lay_out(self) -> None:
        account = Card("Who asks")
        account.body.addWidget(label(_OFF, "note", wrap=True))
        account.body.addWidget(field("Signed in by", self.way))
        account.body.addWidget(self.way_words)
        self._fields = {
            PROFILE: [field("Profile", self.profile)],
            KEY: [field("Access key id", self.key_id), field("Secret", self.secret)],
        }
        account.body.addWidget(field("Region", self.region))
        for each in (*self._fields[PROFILE], *self._fields[KEY]):
            account.body.addWidget(each)
        account.body.addWidget(field("Act as the role", self.role, "ARN; the station changes into it by itself."))
        account.body.addWidget(field("External id of the role", self.external))
        account.body.addStretch(1)

        wanted = Card("What is switched on")
        grid = QGridLayout()
        grid.setSpacing(16)
        fields = [
            field("Alarms to other stations, topic", self.topic, "SNS: alarms and acknowledgements are shared."),
            field("Alarms from others, queue", self.queue, "SQS: one of its own for each station."),
            field("Fleet's records, bucket", self.fleet, "S3: shown under Reports, Fleet."),
            field("Fleet's database", self.database, "Athena counts, where it is named."),
            field("Camera to the stream", self.stream, "Kinesis video: the running camera is sent there."),
            field("Pictures from the stream", self.images, "Its fragments ask for pictures in S3."),
            field("Clips of defects", self.clips, "Ten seconds with each alarm, on this computer."),
        ]
        for place, each in enumerate(fields):
            grid.addWidget(each, place // 2, place % 2, Qt.AlignmentFlag.AlignTop)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        wanted.body.addLayout(grid)
        wanted.body.addStretch(1)

        tested = Card("What the account allows")
        tested.body.addLayout(row(self.test, self.show_policy, 1))
        tested.body.addWidget(self.bar)
        tested.body.addWidget(self.said)
        tested.body.addLayout(self.findings)
        tested.body.addWidget(self.heard)
        tested.body.addWidget(self.policy)
        self._policy_buttons = QWidget()
        self._policy_buttons.setLayout(row(self.copy, self.keep, 1))
        tested.body.addWidget(self._policy_buttons)
        self.policy.hide()
        self._policy_buttons.hide()

        cards = QHBoxLayout()
        cards.setSpacing(24)
        cards.addWidget(account, 2)
        cards.addWidget(wanted, 3)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addLayout(cards)
        foot = QHBoxLayout()
        foot.setSpacing(16)
        foot.addWidget(self.primary)
        foot.addWidget(self.words, 4)
        foot.addStretch(1)
        layout.addLayout(foot)
        layout.addWidget(tested)
        layout.addWidget(self.sending)
        layout.addWidget(self.judging)
        layout.addWidget(self.streams)
        layout.addStretch(1)

    def refresh(self) -> None:
        """Says how the queue is read."""
        inbox = self._bridge.station.notifying.inbox()
        self.heard.setVisible(inbox is not None)
        if inbox is not None:
            self.heard.setText(f"Queue: {inbox.words} {inbox.received:,} messages taken.")

    def _show_way(self) -> None:
        way = self.way.value()
        self.way_words.setText(_WAY_WORDS[way])
        for key, fields in self._fields.items():
            for each in fields:
                each.setVisible(key == way)

    # -- saving
    def changes(self) -> dict[str, Any]:
        """The settings as the fields have them; the secret is not one."""
        way = self.way.value()
        return {
            "aws_region": self.region.text().strip(),
            "aws_profile": self.profile.text().strip() if way == PROFILE else "",
            "aws_key_id": self.key_id.text().strip() if way == KEY else "",
            "aws_role": self.role.text().strip(),
            "aws_external_id": self.external.text().strip(),
            "cloud_topic": self.topic.text().strip(),
            "cloud_queue": self.queue.text().strip(),
            "fleet_bucket": self.fleet.text().strip(),
            "fleet_database": self.database.text().strip(),
            "video_stream": self.stream.text().strip(),
            "video_images": self.images.value() == "on",
            "video_clips": self.clips.value() == "on",
        }

    def _save(self) -> None:
        changes, secret = self.changes(), self.secret.text().strip()
        self.primary.setEnabled(False)

        def work() -> None:
            if changes["aws_key_id"] and secret:
                self._desk.keep_key(changes["aws_key_id"], secret)
            self._bridge.station.save_settings(**changes)

        self._bridge.run(work, lambda _none: self._saved(), self._refused)

    def _saved(self) -> None:
        self.primary.setEnabled(True)
        self.secret.clear()  # it lies in the keyring now, and nowhere on the screen
        self.words.tell("Saved. Test the connection next.", "good")
        if self.policy.isVisible():
            self.policy.setPlainText(self._desk.policy())
        self.refresh()
        self.saved.emit()

    def _refused(self, words: str) -> None:
        self.primary.setEnabled(True)
        self.words.tell(words, "bad")

    def _sent_changed(self, stream: str) -> None:
        self.stream.setText(stream)
        self.saved.emit()

    # -- testing
    def _test(self) -> None:
        if not self.bar.isHidden():
            return
        self.said.tell("")
        clear(self.findings)
        self.bar.run(self._desk.check, self._checked, lambda words: self.said.tell(words, "bad"))

    def _checked(self, found: Checked) -> None:
        clear(self.findings)
        who = f"Signed in as {found.identity.arn}."
        if not found.findings:
            self.said.tell(f"{who} Nothing that needs AWS is switched on.", "good")
        elif found.ok:
            self.said.tell(f"{who} All that could be tried works.", "good")
        else:
            wrong = sum(each.works not in (Works.YES, Works.UNTRIED) for each in found.findings)
            self.said.tell(f"{who} {wrong} of {len(found.findings)} do not work: the lines say what to do.", "bad")
        for each in found.findings:
            self.findings.addWidget(_line(each))
        self.refresh()

    def _policy(self) -> None:
        shown = self.policy.isHidden()
        self.policy.setVisible(shown)
        self._policy_buttons.setVisible(shown)
        self.show_policy.setText("Hide the policy" if shown else "Show the policy")
        if shown:
            self.policy.setPlainText(self._desk.policy())

    def _copy(self) -> None:
        QApplication.clipboard().setText(self.policy.toPlainText())
        self.said.tell("Copied. Put it into the account as a policy of this station's user or role.", "good")

    def _keep(self) -> None:
        place = str(Path.home() / "linesight-policy.json")
        dialog = QFileDialog(self, "Save the policy", place, "JSON (*.json)")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.save_policy)
        dialog.open()

    def save_policy(self, place: str) -> None:
        """Writes the policy on show to a file."""
        text = self.policy.toPlainText()

        def work() -> None:
            try:
                write_whole(Path(place), text.encode())
            except OSError as error:
                from app.domain.errors import LinesightError

                raise LinesightError(
                    f"{place} can't be written ({error.strerror or error}). Choose another folder."
                ) from error

        self._bridge.run(
            work,
            lambda _none: self.said.tell(f"Saved as {place}.", "good"),
            lambda words: self.said.tell(words, "bad"),
        )

    def close_page(self) -> None:
        self._follower.close()
        self.sending.close_page()
        self.judging.close_page()
        self.streams.close_page()


def _editor(text: str, example: str) -> QLineEdit:
    made = QLineEdit(text)
    made.setPlaceholderText(example)
    made.setCursorPosition(0)  # the beginning of an address tells more than its end
    return made


def _line(found: Finding) -> QWidget:
    name, colour = _ICONS[found.works]
    mark = label("")
    mark.setPixmap(icon(name, colour).pixmap(24, 24))
    mark.setFixedWidth(32)
    state = label(_WORDS[found.works], "strong")
    state.setFixedWidth(round(120 * max(1.0, current().metrics.touch / 60)))
    words = label(f"{found.need.words}. {found.words}".strip(), wrap=True)
    words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    made = QWidget()
    layout = row(mark, state, spacing=8)
    layout.addWidget(words, 1)
    layout.setContentsMargins(0, 0, 0, 0)
    made.setLayout(layout)
    made.setAccessibleName(f"{_WORDS[found.works]}: {found.need.words}")
    return made
