"""The release gate check by check, releasing, golden samples, the shadow, and what was released before."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from app.domain.versions import Gate, GateCheck, Golden, Release, Version
from app.improving import ImproveDesk
from ui.bridge import Bridge
from ui.shared.widgets import Button, Card, Notice, clear, field, icon, label, scrolled
from ui.shared.work import JobBar
from ui.training.shadow import ShadowCard
from ui.training.words import moment

_SHOWN = 10


class CheckLine(QWidget):
    """One check: a circled tick, or an octagon with a cross, its title and what was found."""

    def __init__(self, check: GateCheck) -> None:
        super().__init__()
        self.check = check
        mark = QLabel()
        name, colour = ("check-circle-outline", "passed") if check.ok else ("close-octagon-outline", "failed")
        mark.setPixmap(icon(name, colour).pixmap(QSize(28, 28)))
        mark.setFixedWidth(32)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(label(check.title, "strong", wrap=True))
        words.addWidget(label(check.words, "note", wrap=True))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        layout.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(words, 1)
        self.setAccessibleName(f"{check.title}: {'passed' if check.ok else 'failed'}. {check.words}")


class ReleaseView(QWidget):
    """`changed` when what the primary button would do has changed; `released` after a release."""

    changed = Signal()
    released = Signal()

    def __init__(self, bridge: Bridge, desk: ImproveDesk, job: JobBar) -> None:
        super().__init__()
        self._bridge, self._desk, self._job = bridge, desk, job
        self._version: Version | None = None
        self.gate: Gate | None = None
        self.result = Notice()
        self.asking = label("", "note", wrap=True)
        self._checks = QVBoxLayout()
        self._checks.setSpacing(12)
        checks = QWidget()
        checks.setLayout(self._checks)
        self._checks.setContentsMargins(0, 0, 0, 0)
        self.why = QLineEdit()
        self.why.setPlaceholderText("Why it may be released all the same")
        self.why.setMaxLength(300)
        self.who = QLineEdit()
        self.who.setPlaceholderText("Your name")
        self.who.setMaxLength(60)
        for editor in (self.why, self.who):
            editor.textChanged.connect(lambda _text: self.changed.emit())
        self._who = field("Who releases", self.who)
        self._why = field("Reason", self.why)
        gate = Card("Release gate", padding=16)
        for each in (self.asking, checks, self._why, self._who):
            gate.body.addWidget(each)
        self.shadow = ShadowCard(bridge, desk, job)
        self.shadow.said.connect(self.result.tell)
        self._golden = QVBoxLayout()
        self._golden.setSpacing(8)
        self.golden_card = Card("Golden samples", padding=16)
        self.golden_card.body.addLayout(self._golden)
        self._history = QVBoxLayout()
        self._history.setSpacing(8)
        history = Card("Released before", padding=16)
        history.body.addLayout(self._history)
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 8, 0)
        column.setSpacing(16)
        for card in (gate, self.shadow, self.golden_card, history):
            column.addWidget(card)
        column.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.result)
        layout.addWidget(scrolled(content, on_card=True), 1)

    @property
    def checks(self) -> list[GateCheck]:
        return list(self.gate.checks) if self.gate else []

    def show_version(self, version: Version) -> None:
        """Another version, or the same after something has changed."""
        before = self._version
        self._version = version
        self.shadow.show_version(version)
        if before is None or (before.name, before.released) != (version.name, version.released):
            self.gate = None
            if before is None or before.name != version.name:
                self.result.tell("")
                self.why.clear()
            self._show_gate()
        if self.isVisible():
            self.refresh()

    def refresh(self) -> None:
        """The tab is shown: asks the gate where that was not done yet, and reads history and golden samples."""
        version = self._version
        if version is None:
            return
        if self.gate is None and not version.released and not self._job.busy:
            self.ask()
        desk = self._desk

        def come(found: tuple[list[Release], list[Golden]]) -> None:
            if self._version is version:
                self._show_history(*found)

        self._bridge.run(
            lambda: (desk.history(version.product), desk.golden(version.product)),
            come,
            lambda words: self.result.tell(words, "bad"),
        )

    def ask(self) -> None:
        """Runs the gate; releases nothing."""
        if (version := self._version) is None:
            return

        def done(gate: Gate) -> None:
            if self._version is not None and self._version.name == gate.version:
                self.gate = gate
                self._show_gate()

        self._job.run(lambda: self._desk.gate(version.name), done, self._failed)
        self._show_gate()

    def _failed(self, words: str) -> None:
        self.result.tell(words, "bad")
        self._show_gate()

    def _show_gate(self) -> None:
        clear(self._checks)
        gate, version = self.gate, self._version
        if version is not None and version.released:
            self.asking.setText(f"v{version.number} is released: the line uses it from its next start.")
        else:
            self.asking.setText("The checks are being made." if self._job.busy else "The checks were not made yet.")
        self.asking.setVisible(gate is None)
        for check in self.checks:
            self._checks.addWidget(CheckLine(check))
        refused = gate is not None and not gate.ok and gate.may_override
        self._why.setVisible(refused)
        self._who.setVisible(refused and not self._desk.knows_person)
        self.changed.emit()

    @property
    def may_release(self) -> bool:
        """Whether a tap would release now: the gate is passed, or overridden by somebody with a reason."""
        gate, version = self.gate, self._version
        if gate is None or version is None or version.released or self._job.busy:
            return False
        named = bool(self.who.text().strip()) or self._desk.knows_person
        return gate.ok or (gate.may_override and bool(self.why.text().strip()) and named)

    @property
    def overriding(self) -> bool:
        return self.gate is not None and not self.gate.ok

    def release(self) -> None:
        version = self._version
        if version is None:
            return
        why = self.why.text().strip() if self.overriding else ""
        who = self.who.text().strip()

        def done(made: Release) -> None:
            self.result.tell(f"{made.version} is released.", "good")
            self.released.emit()

        self._job.run(
            lambda: self._desk.release(version.name, why=why, person=who),
            done,
            self._failed,
        )
        self.changed.emit()

    def _show_history(self, history: list[Release], golden: list[Golden]) -> None:
        clear(self._history)
        for each in history[:_SHOWN]:
            what = {"release": "released", "rollback": "taken back to"}[each.kind]
            words = f"{each.version} {what}" if each.kind == "release" else f"Back to {each.version}"
            line = f"{words}, {moment(each.at)}, {each.by}"
            if reason := ". ".join(part.rstrip(".") for part in (each.why, *each.overridden) if part):
                line += f". {reason}."
            self._history.addWidget(label(line, "note", wrap=True))
        if not history:
            self._history.addWidget(label("Nothing yet.", "note"))
        clear(self._golden)
        for sample in golden:
            line = QWidget()
            inner = QHBoxLayout(line)
            inner.setContentsMargins(0, 0, 0, 0)
            inner.addWidget(label(f"{sample.name}: must {sample.expected.value}", wrap=True), 1)
            inner.addWidget(Button("Remove", on=lambda sample=sample: self._remove(sample)))
            self._golden.addWidget(line)
        if not golden:
            words = "Parts whose verdict is beyond doubt: every release must judge them so. Choose some under Pictures."
            self._golden.addWidget(label(words, "note", wrap=True))

    def _remove(self, sample: Golden) -> None:
        if (version := self._version) is None:
            return

        def done(_none: None) -> None:
            self.gate = None  # the checks were made with it
            self._show_gate()
            self.refresh()

        self._bridge.run(
            lambda: self._desk.remove_golden(version.product, sample.sha256),
            done,
            lambda words: self.result.tell(words, "bad"),
        )
