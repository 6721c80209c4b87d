"""One component a screen: how it should look, what was taken, what to check, and large buttons."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.domain.checklist import Line
from app.domain.frame import Image
from app.domain.plan import Answer, PlanComponent, Round, TickState
from ui.bridge import Bridge
from ui.live.sheet import StoredPicture
from ui.plans.checklist import Checklist, ReasonSheet
from ui.plans.words import counted
from ui.shared.elided import Elided
from ui.shared.images import Still
from ui.shared.widgets import Button, Combo, Notice, column, label, row
from ui.shared.work import Follower, JobBar
from ui.theme import current

_LIST, _AROUND = 360, 112  # the checklist's least width; what is around its three buttons, which are 15 mm wide
_WIDE = 0.55  # of the width, where it stands beside one picture


class StepView(QWidget):
    """Leads through one round. `left` when somebody goes back to the rounds; `folder_wanted` carries a folder."""

    left = Signal()
    folder_wanted = Signal(Path)

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._desk = bridge.station.rounds
        self._follower = Follower(self)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.round: Round | None = None
        self.closed = False
        self._at = 0
        self._source = ""
        self._why: tuple[Line | None, TickState] | None = None
        self._build()

    def _build(self) -> None:
        self.title, self.place = Elided("", "heading"), Elided("", "note")
        self.camera = Combo()
        self.camera.setMinimumWidth(260)
        self.camera.setAccessibleName("Camera")
        self.camera.activated.connect(self._camera_chosen)
        head = QHBoxLayout()
        head.setSpacing(16)
        head.addLayout(column(self.title, self.place, spacing=0), 1)
        head.addWidget(self.camera)
        self.reference, self.taken = StoredPicture(zooms=True), StoredPicture(zooms=True)
        self.taken_words = Elided("", "quiet")
        pictures = QHBoxLayout()
        pictures.setSpacing(16)
        self.sides: list[QWidget] = []
        for words, picture in (("How it should look", self.reference), ("Taken now", self.taken)):
            side = QWidget()
            inside = QVBoxLayout(side)
            inside.setContentsMargins(0, 0, 0, 0)
            inside.addWidget(label(words, "strong"))
            inside.addWidget(picture, 1)
            self.sides.append(side)
            pictures.addWidget(side, 1)
        self.checklist = Checklist()
        self.checklist.answered.connect(self._line_answered)
        shown = QWidget()
        middle = QHBoxLayout(shown)
        middle.setContentsMargins(0, 0, 0, 0)
        middle.setSpacing(16)
        middle.addLayout(pictures, 1)
        middle.addWidget(self.checklist)
        self.notice = Notice()
        self.bar = JobBar(self._follower)
        self.reasons = ReasonSheet()
        self.reasons.said.connect(self._because)
        self.reasons.cancelled.connect(lambda: self.middle.setCurrentIndex(0))
        self.middle = QStackedWidget()  # a 10-inch screen has no room for both
        self.middle.addWidget(shown)
        self.middle.addWidget(self.reasons)
        self.back = Button("Rounds", icon_name="chevron-left", on=self.left.emit)
        self.before = Button("Back", on=lambda: self.go(self._at - 1))
        self.file = Button("From folder", icon_name="folder-open-outline", on=self._choose)
        self.skip = Button("Not applicable", on=self._toggle_reasons)
        self.take = Button("Take picture", "primary", "camera-outline", self._take)
        self.next = Button("Next", on=self._next)
        self.buttons = row(self.back, self.before, 1, self.skip, self.file, self.take, self.next)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addLayout(head)
        layout.addWidget(self.middle, 1)
        layout.addWidget(self.taken_words)
        layout.addWidget(self.notice)
        layout.addWidget(self.bar)
        layout.addLayout(self.buttons)

    @property
    def chips(self) -> list[Button]:
        """Reasons that are offered now."""
        return self.reasons.chips

    def keyPressEvent(self, event):  # type: ignore[no-untyped-def]
        shown = self.middle.currentIndex() == 0 and not event.modifiers()
        if shown and self.checklist.press(event.key()):
            event.accept()
        else:
            super().keyPressEvent(event)

    # -- which step
    def open(self, each: Round, component: str = "", *, closed: bool) -> None:
        """Shows a round where it was left, or one component of it."""
        self.round, self.closed = each, closed
        keys = [one.key for one in each.plan.components]
        left = each.open or each.to_tick
        first = left[0].key if left else keys[0]
        self._list_cameras()
        self.notice.tell("")
        self.setFocus()  # so that keys answer lines at once
        self.go(keys.index(component if component in keys else first))

    @property
    def component(self) -> PlanComponent | None:
        return None if self.round is None else self.round.plan.components[self._at]

    def go(self, at: int) -> None:
        if self.round is None:
            return
        self._at = max(0, min(at, len(self.round.plan.components) - 1))
        self.middle.setCurrentIndex(0)
        self._why = None
        self.checklist.show_lines((), able=False)
        self._show()

    def took(self, each: Round) -> None:
        """The round has a new answer."""
        if self.round is not None and self.round.id == each.id:  # another one may have been opened meanwhile
            self.round = each
            self._show()

    def _next(self) -> None:
        assert self.round is not None
        after = [each.key for each in self.round.plan.components]
        ahead = [key for key in after[self._at + 1 :] if self.round.answer(key) is None]
        if self._at + 1 < len(after):
            self.go(self._at + 1 if not ahead else after.index(ahead[0]) if self._answered else self._at + 1)
        elif left := self.round.open or self.round.to_tick:
            self.go(after.index(left[0].key))
        else:
            self.left.emit()

    @property
    def _answered(self) -> Answer | None:
        component = self.component
        return None if self.round is None or component is None else self.round.answer(component.key)

    # -- showing
    def _show(self) -> None:
        each, component = self.round, self.component
        assert each is not None and component is not None
        number, asked = self._at + 1, len(each.plan.components)
        self.title.setText(component.name if component.name == component.key else f"{component.key}  {component.name}")
        left = f"{counted(len(each.open), 'component')} open" if each.open else "all answered"
        if lines := each.unticked(component):
            left = f"{left}; {counted(len(lines), 'line')} to tick here"
        self.place.setText(f"{each.plan.name}: {number} of {asked}, {left}")
        self._make_room(component)
        self._load_lines(each, component)
        self._load(self.reference, f"reference {component.reference}", "The plan has no picture of it")
        answer = self._answered
        if answer is None:
            by_hand = each.answered(component)
            words = "The day is closed." if self.closed else "No picture needed" if by_hand else "No picture yet"
            self._say_instead(words)
        elif answer.is_picture:
            self._load(self.taken, f"answer {answer.id}", "The picture is gone")
            at = answer.taken_at.astimezone(self._bridge.station.rounds.zone)
            by = f" by {answer.person}" if answer.person else ""
            self.taken_words.setText(f"Taken at {at:%H:%M:%S}{by}, {answer.source}")
        else:
            self._say_instead(f"Not applicable: {answer.reason}")
        last = self._at + 1 == asked
        here = each.answered(component) and not each.unticked(component)
        done = not each.open and not each.to_tick
        self.next.setText("Finish" if done and last else "Next" if not last else "Next open")
        self.next.setEnabled(not last or done or here)
        self.before.setEnabled(self._at > 0)
        self.take.setText("Take again" if answer is not None else "Take picture")
        only_lines = not component.model and bool(component.checkpoints)  # then a picture is an extra
        self.take.set_role("plain" if answer is not None or only_lines else "primary")
        self.next.set_role("primary" if here else "plain")
        for button in (self.take, self.file, self.skip):
            button.setEnabled(not self.closed and not self.bar.busy)

    def _make_room(self, component: PlanComponent) -> None:
        """Without a picture of how it should look, its place is the checklist's."""
        self.sides[0].setVisible(bool(component.reference))
        least = max(_LIST, 3 * current().metrics.touch + _AROUND)
        wide = max(least, round(_WIDE * self.width()))
        self.checklist.setFixedWidth(least if component.reference else wide)

    def resizeEvent(self, event):  # type: ignore[no-untyped-def]
        super().resizeEvent(event)
        if self.component is not None:
            self._make_room(self.component)

    def _load_lines(self, each: Round, component: PlanComponent) -> None:
        """The lines as the record has them; those of a judged picture carry the model's answers."""

        def show(lines: tuple[Line, ...]) -> None:
            if self.round is each and self.component is component:
                answer = self._answered
                able = not self.closed and not (answer is not None and not answer.is_picture)
                self.checklist.show_lines(lines, able=able, wide=not component.reference)

        self._bridge.run(lambda: self._desk.lines(each, component.key), show, self._failed)

    def _say_instead(self, words: str) -> None:
        """Words in place of the picture; one that is still being loaded, of another step, comes too late."""
        self.taken.setProperty("wanted", "")
        self.taken.show_words(words)
        self.taken_words.setText("")

    def _load(self, place: StoredPicture, wanted: str, missing: str) -> None:
        kind, _, key = wanted.partition(" ")
        place.setProperty("wanted", wanted)
        answer = self._answered
        if not key:
            place.show_words(missing)
            return
        place.show_words("Loading the picture")

        def load() -> Still | None:
            found: Image | None
            if kind == "reference":
                found = self._desk.reference_picture(key)
            else:
                found = self._desk.picture(answer) if answer is not None else None
            return None if found is None else Still(found)

        def show(image: Still | None) -> None:
            if place.property("wanted") != wanted:
                return  # another step is shown meanwhile
            if image is None:
                place.show_words(missing)
            else:
                place.show_picture(image)

        self._bridge.run(load, show, lambda _words: show(None))

    # -- cameras
    def _list_cameras(self) -> None:
        if self.camera.count():
            return
        self.camera.addItem("Station's camera", "")

        def show(found: list[tuple[int, str]]) -> None:
            for index, name in found:
                self.camera.addItem(name, f"usb:{index}")

        self._bridge.run(self._bridge.station.usb_cameras, show)

    def _camera_chosen(self) -> None:
        self._source = self.camera.currentData() if self.camera.currentIndex() > 0 else ""

    # -- answers
    def _take(self) -> None:
        each, component = self.round, self.component
        if each is None or component is None:
            return
        key, source = component.key, self._source
        self.notice.tell("")
        self.bar.run(lambda: self._desk.take(each, key, source), self._taken, self._failed)
        self._show()

    def take_file(self, path: Path) -> None:
        each, component = self.round, self.component
        if each is None or component is None:
            return
        key = component.key
        self.notice.tell("")
        self.bar.run(lambda: self._desk.take_file(each, key, path), self._taken, self._failed)
        self._show()

    def _taken(self, each: Round) -> None:
        self.took(each)

    def _failed(self, words: str) -> None:
        self.notice.tell(words, "bad")
        if self.round is not None:
            self._show()

    def _choose(self) -> None:
        """Asks for the tablet's folder; its photographs are matched to all open steps."""
        dialog = QFileDialog(self, "Folder with the photographs", str(Path.home()))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.resize(880, 600)
        dialog.fileSelected.connect(lambda folder: self.folder_wanted.emit(Path(folder)))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _toggle_reasons(self) -> None:
        shown = self.middle.currentIndex() == 1 and self._why is not None and self._why[0] is None
        self._ask("Why can't it be looked at?", None, TickState.NOT_APPLICABLE)
        self.middle.setCurrentIndex(0 if shown else 1)

    def _ask(self, title: str, line: Line | None, state: TickState) -> None:
        """Asks why: of one line, or None for the whole component."""
        self._why = (line, state)
        self.reasons.ask(title, state, against=line is not None and line.of_model)
        self.middle.setCurrentIndex(1)

    def _because(self, reason: str) -> None:
        line, state = self._why or (None, TickState.NOT_APPLICABLE)
        if line is None:
            self._not_applicable(reason)
        else:
            self._answer_line(line, state, reason)

    def _line_answered(self, line: Line, state: TickState) -> None:
        if not line.needs_reason(state):
            self._answer_line(line, state, "")
        elif state is TickState.NOT_APPLICABLE:
            self._ask(f"{line.name}: why can't it be looked at?", line, state)
        else:
            self._ask(f"{line.name}: why is it {state.value}, whatever the model says?", line, state)

    def _answer_line(self, line: Line, state: TickState, reason: str) -> None:
        each, component = self.round, self.component
        if each is None or component is None:
            return
        key = component.key
        self.notice.tell("")
        self._bridge.run(
            lambda: self._desk.answer_line(each, key, line.name, state, reason), self._reasoned, self._failed
        )

    def _not_applicable(self, reason: str) -> None:
        each, component = self.round, self.component
        if each is None or component is None:
            return
        key = component.key
        self._bridge.run(lambda: self._desk.not_applicable(each, key, reason), self._reasoned, self._failed)

    def _reasoned(self, changed: Round) -> None:
        self.middle.setCurrentIndex(0)
        self.took(changed)

    def close_view(self) -> None:
        self._follower.close()
