"""Video streams of the account: found, made, how long they keep, pictures of them, and how sending and watching go."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLineEdit

from app.jobs import Job
from app.linking import ImageGeneration, SenderState, StreamFacts, StreamInfo, WatchState
from ui.bridge import Bridge
from ui.setup.ticking import TickingCard
from ui.shared.widgets import Button, Choice, Combo, Notice, field, label, row
from ui.shared.work import Follower, JobBar

_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,256}")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_MOST_HOURS = 87_600
_NONE = "None chosen"
_WHAT_FOR = (
    "A stream of Kinesis Video carries a camera's picture to other places: another station inspects it like a camera "
    "of its own, and the seconds around a defect can be fetched later. Find a stream or make one, then send a camera "
    "to it or use it as one. What is sent, kept and fetched costs by the gigabyte; until then nothing is sent and "
    "nothing costs."
)
_NOT_SENT = "No camera is sent to a stream."


class StreamsCard(TickingCard):
    """`camera_wanted` with a stream's name, that is to be the station's camera; `sent_changed` with the one to which
    the running camera is sent from now on, "" for none."""

    camera_wanted = Signal(str)
    sent_changed = Signal(str)

    def __init__(self, bridge: Bridge) -> None:
        super().__init__("Video streams")
        self._bridge, self._desk = bridge, bridge.station.linking
        self._follower = Follower(self)
        self._facts: StreamFacts | None = None
        self._warned: tuple[str, int] | None = None  # the stream and the hours that a person was warned of
        self.sending = label("", "note", wrap=True)
        self.watching = label("", "note", wrap=True)
        self.stream = Combo()
        self.stream.addItem(_NONE, "")
        self.stream.setAccessibleName("Stream")
        self.find = Button("Find the streams", icon_name="magnify", on=self._find)
        self.use = Button("Use as camera", icon_name="video-outline", on=self._use)
        self.send = Button("Send the camera there", icon_name="upload", on=self._send)
        self.send_no_more = Button("Send no more", icon_name="stop", on=lambda: self._send_to(""))
        self.facts = label("", "quiet", wrap=True)
        self.name = _editor("line-1")
        self.hours = _editor("24", "24")
        self.make = Button("Make the stream", icon_name="plus", on=self._make)
        self.keep_hours = _editor("24")
        self.keep = Button("Change the hours", on=self._keep)
        self.images = Choice([("off", "Off"), ("on", "On")], "off")
        self.bucket = _editor("pictures-of-line-1")
        self.prefix = _editor("none")
        self.interval = _editor("3", "3")
        self.save_images = Button("Save the pictures", on=self._save_images)
        self.bar = JobBar(self._follower)
        self.words = Notice()
        self._lay_out()
        self.stream.activated.connect(self._chosen)
        self.images.chosen.connect(lambda _key: self._show())
        self.keep_hours.textChanged.connect(lambda _text: self._unwarn())
        self._show()

    def _lay_out(self) -> None:
        self.body.addWidget(label(_WHAT_FOR, "note", wrap=True))
        self.body.addWidget(self.sending)
        self.body.addWidget(self.watching)
        which = row(self.stream, self.find)
        which.setStretch(0, 1)
        self.body.addLayout(which)
        self.body.addLayout(row(self.use, self.send, self.send_no_more, 1))
        self.body.addWidget(self.facts)
        grid = QGridLayout()
        grid.setSpacing(16)
        top, low = Qt.AlignmentFlag.AlignTop, Qt.AlignmentFlag.AlignBottom
        self._of_one = [
            field("Keeps video, hours", self.keep_hours),
            self.keep,
            field("Pictures into S3", self.images),
            self.save_images,
        ]
        self._of_images = [
            field("Bucket", self.bucket, "In the stream's region."),
            field("Begin of the names", self.prefix),
            field("Every so many seconds", self.interval, "0.2 to 20."),
        ]
        for place, each in enumerate(self._of_one):
            grid.addWidget(each, place // 2, place % 2, low if place % 2 else top)
        for place, each in enumerate(self._of_images):
            grid.addWidget(each, 2 + place // 2, place % 2, top)
        grid.addWidget(field("A new stream", self.name), 4, 0, top)
        grid.addWidget(field("Keeps video, hours", self.hours, "0 keeps nothing: then there are no clips."), 4, 1, top)
        for side in (0, 1):
            grid.setColumnStretch(side, 1)
        self.body.addLayout(grid)
        self.body.addLayout(row(self.make, 1))
        self.body.addWidget(self.bar)
        self.body.addWidget(self.words)

    def tick(self) -> None:
        """How sending and watching go now."""
        sent, watched = self._desk.sending(), self._desk.watching()
        name = self._bridge.station.settings.video_stream
        self.sending.setText(_NOT_SENT if sent is None else sending_words(name, sent))
        self.watching.setVisible(bool(watched))
        self.watching.setText("\n".join(watching_words(address, state) for address, state in watched.items()))
        chosen = self.stream.currentData() or ""
        self.use.setVisible(bool(chosen))
        self.send.setVisible(bool(chosen) and chosen != name)
        self.send_no_more.setVisible(bool(name))

    def _show(self) -> None:
        facts = self._facts
        for each in self._of_one:
            each.setVisible(facts is not None)
        for each in self._of_images:
            each.setVisible(facts is not None and self.images.value() == "on")
        self.facts.setVisible(facts is not None)
        self.tick()
        if facts is not None:
            info, images = facts.info, facts.images
            place = f"pictures to {images.bucket}/{images.prefix}" if images else "no pictures"
            self.facts.setText(f"{info.name} is {info.status}, keeps video for {info.retention_hours} h, {place}.")

    # -- finding
    def _find(self) -> None:
        self._run(self._desk.find_streams, self._found)

    def _found(self, names: list[str]) -> None:
        chosen = self.stream.currentData()
        self.stream.clear()
        self.stream.addItem(_NONE, "")
        for name in names:
            self.stream.addItem(name, name)
        self.stream.setCurrentIndex(max(0, self.stream.findData(chosen)))
        if not names:
            self.words.tell("The account has no stream in this region. Make one below.", "mention")
        else:
            self.words.tell(f"{len(names)} found. Choose one.", "good")
        self._chosen_changed()

    def _chosen(self) -> None:
        self._chosen_changed()
        if self.stream.currentData():
            self._look("")

    def _chosen_changed(self) -> None:
        if self._facts is None or self._facts.info.name != self.stream.currentData():
            self._facts = None
        self._unwarn()
        self._show()

    def _look(self, words: str) -> None:
        """Reads the chosen stream again; `words` say what was done before."""
        name = self.stream.currentData()
        self._run(lambda: self._desk.look_at_stream(name), lambda facts: self._looked(facts, words))

    def _looked(self, facts: StreamFacts, words: str) -> None:
        if facts.info.name != self.stream.currentData():  # another was chosen meanwhile, or none
            self.words.tell(words, "good")
            if self.stream.currentData():
                self._look(words)
            return
        self._facts = facts
        self.keep_hours.setText(str(facts.info.retention_hours))
        self.images.set_value("on" if facts.images else "off")
        if facts.images is not None:
            self.bucket.setText(facts.images.bucket)
            self.prefix.setText(facts.images.prefix)
            self.interval.setText(f"{facts.images.interval_ms / 1000:g}")
        self.words.tell(words, "good")
        self._show()

    def _use(self) -> None:
        self.camera_wanted.emit(self.stream.currentData())

    def _send(self) -> None:
        self._send_to(self.stream.currentData())

    def _send_to(self, name: str) -> None:
        """The running camera to a stream from now on; "" for to none."""

        def done(_none: None) -> None:
            said = f"The running camera is sent to {name} from now on." if name else "No camera is sent any more."
            self.words.tell(said, "good")
            self.tick()
            self.sent_changed.emit(name)

        self._bridge.run(lambda: self._bridge.station.save_settings(video_stream=name), done, self._refuse)

    # -- changing
    def _make(self) -> None:
        name, hours = self.name.text().strip(), _hours(self.hours.text())
        if not _NAME.fullmatch(name):
            self._refuse(
                "A new stream: write a name of letters, digits, dots, hyphens and underscores, such as line-1."
            )
        elif hours is None:
            self._refuse(f"Keeps video: write whole hours from 0 to {_MOST_HOURS}, such as 24.")
        else:
            self._run(lambda: self._desk.make_stream(name, hours), self._made)

    def _made(self, info: StreamInfo) -> None:
        if self.stream.findData(info.name) < 0:
            self.stream.addItem(info.name, info.name)
        self.stream.setCurrentIndex(self.stream.findData(info.name))
        self._chosen_changed()
        self._look(f"{info.name} is there and keeps video for {info.retention_hours} h.")

    def _keep(self) -> None:
        hours = _hours(self.keep_hours.text())
        if self._facts is None:
            return
        name, now = self._facts.info.name, self._facts.info.retention_hours
        if hours is None:
            self._refuse(f"Keeps video: write whole hours from 0 to {_MOST_HOURS}, such as 24.")
        elif hours < now and self._warned != (name, hours):
            self._warned = (name, hours)
            self.keep.setText("Shorten and delete")
            self.words.tell(
                f"{name} keeps {now} h. Video older than {hours} h is deleted at once and can't be brought back. "
                "Press again to do it.",
                "bad",
            )
        else:
            self._unwarn()
            self._run(
                lambda: self._desk.keep_video(name, hours),
                lambda _none: self._look(f"{name} keeps video for {hours} h."),
            )

    def _unwarn(self) -> None:
        self._warned = None
        self.keep.setText("Change the hours")

    def _save_images(self) -> None:
        if self._facts is None:
            return
        name, before = self._facts.info.name, self._facts.images
        images: ImageGeneration | None = None
        if self.images.value() == "on":
            bucket, seconds = self.bucket.text().strip(), _seconds(self.interval.text())
            if not _BUCKET.fullmatch(bucket):
                self._refuse("Bucket: write the name of an S3 bucket, such as pictures-of-line-1.")
                return
            if seconds is None:
                self._refuse("Every so many seconds: write a number from 0.2 to 20, such as 3.")
                return
            region = self._facts.info.arn.split(":")[3]
            images = ImageGeneration(
                bucket,
                self.prefix.text().strip(),
                region,
                round(seconds * 1000),
                before.format if before else "JPEG",
                before.width if before else None,
                before.height if before else None,
            )
        said = f"Pictures of {name} go to {images.bucket}." if images else f"No pictures are made of {name}."
        self._run(lambda: self._desk.generate_images(name, images), lambda _none: self._look(said))

    def _run(self, begin: Callable[[], Job[Any]], done: Callable[[Any], None]) -> None:
        self.words.tell("")
        self.bar.run(begin, done, self._refuse)

    def _refuse(self, words: str) -> None:
        self.words.tell(words, "bad")

    def close_page(self) -> None:
        self._follower.close()


def sending_words(stream: str, state: SenderState) -> str:
    """How sending goes, in a line."""
    waiting = state.waiting
    words = f"To {stream}: {state.words.rstrip('.')}. {state.persisted:,} fragments kept in the cloud"
    if waiting.fragments:
        words += f", {waiting.fragments:,} waiting ({waiting.bytes / 1e6:.1f} MB, {waiting.seconds:.0f} s)"
    if waiting.dropped:
        words += f", {waiting.dropped:,} dropped"
    delay = "" if state.delay_ms is None else f" {state.delay_ms:.0f} ms from the camera to the network."
    return f"{words}.{delay}"


def watching_words(address: str, state: WatchState) -> str:
    """How a watched stream comes in, in a line."""
    name = address.partition(":")[2]
    if state.producer_at is None:
        return f"Watching {name}: no picture yet."
    lag = "" if state.lag_ms is None else f"{state.lag_ms / 1000:.1f} s behind its camera, "
    damaged = f", {state.damaged:,} damaged places passed over" if state.damaged else ""
    return f"Watching {name}: {lag}{state.fragments:,} fragments{damaged}."


def _hours(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and int(text) <= _MOST_HOURS else None


def _seconds(text: str) -> float | None:
    try:
        found = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    return found if 0.2 <= found <= 20 else None


def _editor(example: str, text: str = "") -> QLineEdit:
    made = QLineEdit(text)
    made.setPlaceholderText(example)
    return made
