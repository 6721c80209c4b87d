"""Who judges: this station, a model in the cloud, or both; how they agree, and the endpoint that costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLineEdit, QWidget

from app.cloud.judging import Compared
from app.cloud.sagemaker import EndpointState
from app.jobs import Job
from ui.bridge import Bridge
from ui.setup.ticking import TickingCard
from ui.shared.widgets import Button, Choice, Notice, field, label, row
from ui.shared.work import Follower, JobBar

_WHO = [("local", "This station"), ("cloud", "The cloud"), ("both", "Both, compared")]
_WHO_WORDS = {
    "local": "No picture is sent. Nothing is asked, and nothing of this costs.",
    "cloud": "The cloud decides. Where the cloud is slow or gone, this station's verdict stands and is marked so.",
    "both": "This station decides. The cloud is asked beside it, and an alarm is raised where they disagree.",
}
LOOKOUT, SAGEMAKER = "lookout", "sagemaker"
_WHAT = [(LOOKOUT, "Lookout service"), (SAGEMAKER, "SageMaker endpoint")]
_WHAT_WORDS = {
    LOOKOUT: "A service that speaks the API of Lookout for Vision, such as one of your own by its URL. Who runs it "
    "says what it costs.",
    SAGEMAKER: "An endpoint costs by the hour while it stands, asked or not. A line that starts makes it where there "
    "is none; it is deleted once nobody has asked for the idle minutes.",
}
_NEXT = "Fill in the endpoint and the SageMaker model, and save. Then it can be started here."
_WRONG = {
    "cloud_model_endpoint": "URL of the service: write one such as https://vision.example.com, or leave it empty.",
    "cloud_patience": "Patience: write seconds from 0.05 to 15, such as 1.",
    "sagemaker_model": "SageMaker model: letters, digits and hyphens only, 63 at most.",
    "sagemaker_instance": "Instance: write a type such as ml.c5.2xlarge.",
    "sagemaker_price": "Price an hour: write a number from 0 to 10000, such as 0.45; 0 where it is not known.",
    "sagemaker_idle_minutes": "Idle minutes: write a number from 5 to 1440, such as 30.",
}
_WRONG_MODEL = {
    LOOKOUT: "Project: write a name with the version behind an @, such as plates@2.",
    SAGEMAKER: "Endpoint: write its name, letters, digits and hyphens only, such as plates-2.",
}


class JudgingCard(TickingCard):
    """`saved` after the settings were written."""

    saved = Signal()

    def __init__(self, bridge: Bridge) -> None:
        super().__init__("Who judges")
        self._bridge, self._desk = bridge, bridge.station.opinions
        self._follower = Follower(self)
        settings = bridge.station.settings
        kind, _, name = settings.cloud_model.partition(":")
        on_sagemaker = kind == SAGEMAKER
        self.who = Choice(_WHO, settings.judge, roomy=True)
        self.who_words = label("", "quiet", wrap=True)
        self.what = Choice(_WHAT, SAGEMAKER if on_sagemaker else LOOKOUT, roomy=True)
        self.what_words = label("", "quiet", wrap=True)
        self.project = _editor("" if on_sagemaker else settings.cloud_model, "plates@2")
        self.url = _editor(settings.cloud_model_endpoint, "https://...")
        self.endpoint = _editor(name if on_sagemaker else "", "plates-2")
        self.model = _editor(settings.sagemaker_model, "started elsewhere")
        self.instance = _editor(settings.sagemaker_instance, "ml.c5.2xlarge")
        self.price = _editor(f"{settings.sagemaker_price:g}", "0")
        self.idle = _editor(f"{settings.sagemaker_idle_minutes:g}", "30")
        self.patience = _editor(f"{settings.cloud_patience:g}", "1")
        self.save = Button("Save who judges", on=self._save)
        self.start = Button("Start the endpoint", icon_name="play", on=self._start)
        self.stop = Button("Stop the endpoint", icon_name="stop", on=self._stop)
        self.words = Notice()
        self.agreement = label("", "note", wrap=True)
        self.stands = label("", "note", wrap=True)
        self.bar = JobBar(self._follower)
        self._lay_out()
        self.who.chosen.connect(lambda _key: self._show_fields())
        self.what.chosen.connect(lambda _key: self._show_fields())
        self._show_fields()
        self.tick()

    def _lay_out(self) -> None:
        self.body.addWidget(self.who)
        self.body.addWidget(self.who_words)
        self._cloud = QWidget()
        grid = QGridLayout(self._cloud)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(16)
        currency = self._bridge.station.settings.currency
        self._lookout = [
            field("Project", self.project, "With its version: PROJECT@VERSION."),
            field("URL of the service", self.url, "Of a service that speaks Lookout for Vision's API."),
        ]
        self._sagemaker = [
            field("Endpoint", self.endpoint),
            field("SageMaker model", self.model, "Started with it; empty where others start and stop it."),
            field("Instance", self.instance),
            field(f"Price an hour, {currency}", self.price, "For the meter; 0 where it is not known."),
            field("Idle minutes", self.idle, "Unasked for so long, it is deleted and costs no more."),
        ]
        top = Qt.AlignmentFlag.AlignTop
        patience = field("Patience, seconds", self.patience, "A part waits for the cloud so long at most.")
        grid.addWidget(field("In the cloud", self.what), 0, 0, top)
        grid.addWidget(patience, 0, 1, top)
        grid.addWidget(self.what_words, 1, 0, 1, 2)
        for fields in (self._lookout, self._sagemaker):
            for place, each in enumerate(fields):
                grid.addWidget(each, 2 + place // 2, place % 2, top)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        self.body.addWidget(self._cloud)
        self.body.addWidget(self.agreement)
        self.body.addWidget(self.stands)
        self.body.addLayout(row(self.save, self.start, self.stop, 1))
        self.body.addWidget(self.bar)
        self.body.addWidget(self.words)

    def _show_fields(self) -> None:
        who, what = self.who.value(), self.what.value()
        self.who_words.setText(_WHO_WORDS[who])
        self.what_words.setText(_WHAT_WORDS[what])
        self._cloud.setVisible(who != "local")
        for each in self._lookout:
            each.setVisible(what == LOOKOUT)
        for each in self._sagemaker:
            each.setVisible(what == SAGEMAKER)
        self.tick()

    def tick(self) -> None:
        """How the two agree, how the endpoint stands, and what it has cost."""
        settings = self._bridge.station.settings
        compared, state = self._desk.compared(), self._desk.endpoint()
        self.agreement.setText("" if compared is None else agreement_words(compared))
        self.agreement.setVisible(compared is not None)
        costs = state is not None and state.since is not None
        named = settings.cloud_model.startswith("sagemaker:") and bool(settings.sagemaker_model)
        shown = self.who.value() != "local" and self.what.value() == SAGEMAKER
        next_step = _NEXT if shown and not named else ""
        self.stands.setText(next_step if state is None else endpoint_words(state, settings.currency))
        self.stands.setVisible(bool(self.stands.text()))
        self.stop.setVisible(costs)  # whoever judges now: it costs
        self.start.setVisible(named and shown and not costs)
        for button in (self.start, self.stop):
            button.setEnabled(not self.bar.busy)

    # -- saving
    def changes(self) -> dict[str, Any]:
        """The settings as the fields on show have them; numbers as they were typed. What is hidden is not changed,
        since nobody could mend what is wrong in it."""
        chosen: dict[str, Any] = {"judge": self.who.value()}
        if chosen["judge"] == "local":
            return chosen
        chosen["cloud_patience"] = _number(self.patience)
        if self.what.value() == LOOKOUT:
            return chosen | {
                "cloud_model": self.project.text().strip(),
                "cloud_model_endpoint": self.url.text().strip(),
            }
        endpoint = self.endpoint.text().strip()
        return chosen | {
            "cloud_model": f"sagemaker:{endpoint}" if endpoint else "",
            "sagemaker_model": self.model.text().strip(),
            "sagemaker_instance": self.instance.text().strip(),
            "sagemaker_price": _number(self.price),
            "sagemaker_idle_minutes": _number(self.idle),
        }

    def _save(self) -> None:
        changes = self.changes()
        if changes["judge"] != "local" and not changes["cloud_model"]:
            self.words.tell(_WRONG_MODEL[self.what.value()], "bad")
            return
        self.save.setEnabled(False)
        self._bridge.run(
            lambda: self._bridge.station.save_settings(**changes), lambda _none: self._saved(), self._refused
        )

    def _saved(self) -> None:
        self.save.setEnabled(True)
        self.words.tell("Saved. It takes effect when the line starts the next time.", "good")
        self.tick()
        self.saved.emit()

    def _refused(self, words: str) -> None:
        self.save.setEnabled(True)
        key = words.partition(":")[0]
        known = _WRONG_MODEL[self.what.value()] if key == "cloud_model" else _WRONG.get(key, words)
        self.words.tell(known, "bad")

    # -- the endpoint
    def _start(self) -> None:
        self._run(self._desk.start_endpoint, started_words)

    def _stop(self) -> None:
        self._run(self._desk.stop_endpoint, lambda _state: "The endpoint is being deleted, and costs no more.")

    def _run(self, begin: Callable[[], Job[EndpointState]], words: Callable[[EndpointState], str]) -> None:
        def done(state: EndpointState) -> None:
            self.words.tell(words(state), "good")
            self.tick()

        def failed(why: str) -> None:
            self.words.tell(why, "bad")
            self.tick()

        self.words.tell("")
        self.bar.run(begin, done, failed)
        self.tick()

    def close_page(self) -> None:
        self._follower.close()


def agreement_words(compared: Compared) -> str:
    """How the two have agreed since the line started, in a line."""
    both = compared.agreed + compared.disagreed
    words = (
        f"Since the line started: agreed on {compared.agreed:,} of {both:,} parts" if both else "No part compared yet"
    )
    late = f", {compared.unanswered:,} not answered in time" if compared.unanswered else ""
    return f"{words}{late}. {compared.words}"


def started_words(state: EndpointState) -> str:
    """What came of starting an endpoint."""
    if state.since is None:
        return "The endpoint stands already. Another program started it, so this station does not stop it."
    return "The endpoint is being started. It takes some minutes, and costs from now."


def endpoint_words(state: EndpointState, currency: str) -> str:
    """How the endpoint stands and what it has cost, in a line."""
    if not state.hours:
        return state.words
    cost = "price not known" if state.cost is None else f"{state.cost:,.2f} {currency}"
    return f"{state.words} {state.hours:.1f} h so far, {cost}."


def _number(editor: QLineEdit) -> str:
    return editor.text().strip().replace(",", ".")


def _editor(text: str, example: str) -> QLineEdit:
    made = QLineEdit(text)
    made.setPlaceholderText(example)
    made.setCursorPosition(0)
    return made
