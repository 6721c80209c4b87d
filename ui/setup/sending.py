"""What is recorded, to a bucket: where it goes, how it stands, and what could not be sent."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLineEdit, QVBoxLayout

from app.domain.parcel import Waiting
from app.outbox import Standing
from ui.bridge import Bridge
from ui.setup.ticking import TickingCard
from ui.shared.widgets import Button, Notice, clear, field, label, row
from ui.shared.work import Follower

_OFF = (
    "Rows, reviews, alarms, pictures of rejects, reports and released models also go to a bucket of your account, for "
    "other sites, Athena and training there. They are written down here first: without a network nothing is lost. "
    "Off until a bucket is named."
)
_SHOWN = 3  # of what was given up
_WRONG = {
    "cloud_bucket": "Bucket: write its name, such as linesight-outbox: small letters, digits, dots and hyphens.",
    "cloud_models": "Bucket of candidates: small letters, digits, dots and hyphens, or leave it empty.",
    "cloud_train_queue": "Queue of trainings: write its URL, such as https://sqs.eu-central-1.amazonaws.com/...",
    "cloud_site": "Site: write a name of 1 to 60 characters.",
    "cloud_kilobytes": "Limit: write kilobytes a second, such as 500; 0 for none.",
    "cloud_hours": "Hours: write them as 22:00-06:00, or leave it empty for always.",
}


class SendingCard(TickingCard):
    """`saved` after the settings were written."""

    saved = Signal()

    def __init__(self, bridge: Bridge) -> None:
        super().__init__("Records to a bucket")
        self._bridge, self._desk = bridge, bridge.station.outbox
        self._follower = Follower(self)
        self._asking = False
        settings = bridge.station.settings
        self.bucket = _editor(settings.cloud_bucket, "none")
        self.site = _editor(settings.cloud_site, "Site 1")
        self.limit = _editor(f"{settings.cloud_kilobytes:g}", "0")
        self.hours = _editor(settings.cloud_hours, "always")
        self.models = _editor(settings.cloud_models, "none")
        self.queue = _editor(settings.cloud_train_queue, "none")
        self.save = Button("Save what is sent", on=self._save)
        self.pause = Button("Pause", icon_name="pause", on=self._pause)
        self.again = Button("Try again", icon_name="refresh", on=self._again)
        self.stands = label("", "strong", wrap=True)
        self.counts = label("", "note", wrap=True)
        self.given_up = QVBoxLayout()
        self.given_up.setSpacing(4)
        self.words = Notice()
        self._lay_out()
        self._show_paused(settings.cloud_paused)
        self._shown: list[Waiting] = []
        self.tick()

    def _lay_out(self) -> None:
        self.body.addWidget(label(_OFF, "note", wrap=True))
        grid = QGridLayout()
        grid.setSpacing(16)
        fields = [
            field("Bucket", self.bucket, "S3: of the stack its outbox, or one of your own."),
            field("Site", self.site, "What is sent is filed under it."),
            field("Limit, kilobytes a second", self.limit, "0: as fast as the network goes."),
            field("Hours", self.hours, "Such as 22:00-06:00; empty: always."),
            field("Candidates from, bucket", self.models, "Of the stack its models: see Train, From the cloud."),
            field("Trainings there, queue", self.queue, "SQS, of the stack: then Train can train in the account."),
        ]
        for place, each in enumerate(fields):
            grid.addWidget(each, place // 2, place % 2, Qt.AlignmentFlag.AlignTop)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        self.body.addLayout(grid)
        self.body.addWidget(self.stands)
        self.body.addWidget(self.counts)
        self.body.addLayout(self.given_up)
        self.body.addLayout(row(self.save, self.pause, self.again, 1))
        self.body.addWidget(self.words)

    # -- how it stands
    def tick(self) -> None:
        """Asks in the background; one question at a time."""
        if self._asking:
            return
        self._asking = True

        def work() -> tuple[Standing, list[Waiting]]:
            standing = self._desk.standing()
            return standing, self._desk.dead()[:_SHOWN] if standing.waits.dead else []

        self._bridge.run(work, self._show, self._not_told)

    def _not_told(self, words: str) -> None:
        self._asking = False
        self.stands.setText(words)

    def _show(self, found: tuple[Standing, list[Waiting]]) -> None:
        self._asking = False
        standing, dead = found
        self.stands.setText(standing.shipping.words)
        self.counts.setText(counts_words(standing))
        self.counts.setVisible(bool(self.counts.text()))
        self.pause.setVisible(standing.on)
        self.again.setVisible(standing.waits.dead > 0 or standing.shipping.trouble)
        if dead != self._shown:
            self._shown = dead
            clear(self.given_up)
            for each in dead:
                self.given_up.addWidget(label(f"Given up: {each.error}", "note", wrap=True))

    def _show_paused(self, paused: bool) -> None:
        self._paused = paused
        self.pause.setText("Go on sending" if paused else "Pause")

    # -- what is wanted
    def changes(self) -> dict[str, Any]:
        """The settings as the fields have them."""
        return {
            "cloud_bucket": self.bucket.text().strip(),
            "cloud_site": self.site.text().strip(),
            "cloud_kilobytes": self.limit.text().strip() or "0",
            "cloud_hours": self.hours.text().strip(),
            "cloud_models": self.models.text().strip(),
            "cloud_train_queue": self.queue.text().strip(),
        }

    def _save(self) -> None:
        self._keep(self.changes(), "Saved. Test the connection: it says what the account does not allow yet.")

    def _pause(self) -> None:
        paused = not self._paused
        words = "Paused. What is recorded waits here." if paused else "Sending goes on."
        self._keep({"cloud_paused": paused}, words)

    def _keep(self, changes: dict[str, Any], words: str) -> None:
        self.save.setEnabled(False)

        def saved(_none: None) -> None:
            self.save.setEnabled(True)
            self._show_paused(self._bridge.station.settings.cloud_paused)
            self.words.tell(words, "good")
            self.tick()
            self.saved.emit()

        def refused(why: str) -> None:
            self.save.setEnabled(True)
            self.words.tell(_WRONG.get(why.partition(":")[0], why), "bad")

        self._bridge.run(lambda: self._bridge.station.save_settings(**changes), saved, refused)

    def _again(self) -> None:
        def done(count: int) -> None:
            self.words.tell(f"{count} are tried again." if count else "It is tried at once.", "good")
            self.tick()

        self._follower.follow(self._desk.again, done, lambda words: self.words.tell(words, "bad"))

    def close_page(self) -> None:
        self._follower.close()


def counts_words(standing: Standing) -> str:
    """What waits, since when, and what was ever sent; "" where nothing was."""
    waits = standing.waits
    words = []
    if waits.waiting:
        minutes = standing.oldest_seconds / 60
        since = f", the oldest for {_span(minutes)}" if minutes >= 1 else ""
        words.append(f"{waits.waiting:,} wait, {_size(waits.waiting_bytes)}{since}.")
    if waits.dead:
        words.append(f"{waits.dead:,} given up.")
    if waits.sent:
        words.append(f"{waits.sent:,} sent, {_size(waits.sent_bytes)}.")
    return " ".join(words)


def _span(minutes: float) -> str:
    if minutes < 120:
        return f"{minutes:.0f} minutes"
    return f"{minutes / 60:.0f} hours" if minutes < 60 * 72 else f"{minutes / 60 / 24:.0f} days"


def _size(count: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"


def _editor(text: str, example: str) -> QLineEdit:
    made = QLineEdit(text)
    made.setPlaceholderText(example)
    made.setCursorPosition(0)
    return made
