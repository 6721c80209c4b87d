"""A lot at work: the part large, its verdict, the decision, the numbers counted along, and what the pedal does next."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRect, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from app.domain.inspection import Inspection, Outcome
from app.domain.lot import Choice, Grade, LotState, Part, grade_of
from app.domain.pedal import Press
from app.domain.verdict import Verdict
from ui.bench.gauges import CountBar, WearBar
from ui.bench.sheet import DecisionSheet
from ui.bench.strip import LotStrip
from ui.bridge import Bridge
from ui.live.picture import PictureView
from ui.live.prepare import Preparer
from ui.live.sheet import StoredPicture
from ui.live.verdict import VerdictTile
from ui.ports import Phase
from ui.shared.elided import Elided
from ui.shared.images import Still
from ui.shared.thumbs import Thumbs
from ui.shared.widgets import Button, Notice, clear, label, row
from ui.theme import current

_BUTTONS = (
    (Choice.APPROVE, "Approve", "check"),
    (Choice.REJECT, "Reject", "close-octagon-outline"),
    (Choice.REWORK, "Rework", "wrench-outline"),
    (Choice.CONCESSION, "Concession", "file-sign"),
)
_STOPPED = (Phase.IDLE, Phase.STOPPED, Phase.FAULT)


class WorkView(QWidget):
    """`closed` carries the id of the lot that was decided."""

    closed = Signal(str)

    def __init__(self, bridge: Bridge, thumbs: Thumbs) -> None:
        super().__init__()
        self._bridge, self._desk = bridge, bridge.station.lots
        self._outcome: Outcome | None = None
        self._stored: Inspection | None = None
        self._doing = False
        self._wear_of: str | None = None
        self._preparer = Preparer(self)
        self._preparer.ready.connect(self._swap)
        self._build(thumbs)
        bridge.outcome.connect(self.refresh_picture)

    def _build(self, thumbs: Thumbs) -> None:
        self.picture = PictureView(zooms=True)
        self.picture.resized.connect(self._prepare)
        self.picture.zoomed.connect(self._prepare)
        self.stored = StoredPicture(zooms=True)
        self.stage = QStackedWidget()
        self.stage.addWidget(self.picture)
        self.stage.addWidget(self.stored)
        self.stage.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.wear = QGridLayout()
        self.wear.setHorizontalSpacing(24)
        self.wear.setVerticalSpacing(0)
        self.take = Button("", icon_name="camera-iris", on=self._take)
        self.take.setMinimumWidth(224)
        self.pedal = label("", "strong", wrap=True)
        self.undo = Button("Undo", icon_name="undo", on=self._undo)
        self.undo.setToolTip("Take the last decision on a part back")
        pedal = row(self.take, self.pedal, self.undo, spacing=16)
        pedal.setStretch(1, 1)
        self.strip = LotStrip(thumbs)
        self.strip.opened.connect(self._open_part)
        left = QVBoxLayout()
        left.setSpacing(8)
        left.addWidget(self.stage, 1)
        left.addLayout(self.wear)
        left.addLayout(pedal)
        left.addWidget(self.strip)

        self.lot = Elided("", "heading")
        self.about = Elided("", "quiet")
        self.tile = VerdictTile()
        self.tile.setMinimumHeight(72)
        self.part = Elided("", "strong")
        self.reason = label("", wrap=True)
        self.reason.setFixedHeight(44)
        self.buttons: dict[Choice, Button] = {}
        choices = QGridLayout()
        choices.setSpacing(8)
        for index, (choice, words, name) in enumerate(_BUTTONS):
            button = Button(words, icon_name=name, on=lambda choice=choice: self._choose(choice))
            self.buttons[choice] = button
            choices.addWidget(button, index // 2, index % 2)
        self.notice = Notice()
        self.counts: list[CountBar] = []
        self._counts = QVBoxLayout()
        self._counts.setSpacing(4)
        self.words = Elided("", "strong")
        self.finish = Button("Finish the lot", icon_name="clipboard-check-outline", on=lambda: self._finish())
        right = QVBoxLayout()
        right.setSpacing(8)
        for widget in (self.lot, self.about):
            right.addWidget(widget)
        right.addWidget(self.tile, 1)
        right.addWidget(self.part)
        right.addWidget(self.reason)
        right.addLayout(choices)
        right.addWidget(self.notice)
        right.addLayout(self._counts)
        right.addWidget(self.words)
        right.addWidget(self.finish)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addLayout(left, 66)
        layout.addLayout(right, 34)
        self.sheet = DecisionSheet(self)
        self.sheet.decided.connect(self._decided)
        self.sheet.closed.connect(self._back)

    # -- what is shown
    def refresh(self) -> None:
        """Everything but the picture, from the desk."""
        state = self._desk.current()
        if state is None:
            return
        order, waiting = state.lot.order, state.waiting
        busy = self._bridge.station.line.trigger.busy
        self.lot.setText(f"Lot {order.number}, {state.decided} of {state.lot.plan.sample}")
        standard = f", {order.standard}" if order.standard else ""
        self.about.setText(f"{order.material}, {order.supplier}{standard}. {state.lot.plan.severity.capitalize()}")
        self._show_part(state, waiting, busy)
        if len(self.counts) != len(state.tallies):
            clear(self._counts)
            self.counts = [CountBar() for _ in state.tallies]
            for bar in self.counts:
                self._counts.addWidget(bar)
        for bar, tally in zip(self.counts, state.tallies, strict=True):
            bar.show_tally(tally)
        self.words.setText(state.words)
        proposed = state.proposed
        verb = {Choice.APPROVE: "Accept the lot", Choice.REJECT: "Reject the lot"}
        self.finish.setText(verb[proposed] if proposed else "Finish the lot")
        self.finish.setEnabled(waiting is None and not busy)
        full = proposed is not None
        self.finish.set_role("primary" if full and waiting is None and not busy else "plain")
        self.take.set_role("primary" if waiting is None and not full else "plain")
        again = waiting is not None
        self.take.setText("Look again" if again else f"Inspect part {self._desk.next_serial}")
        self.take.setEnabled(not busy)
        self.undo.setEnabled(waiting is None and not busy and state.decided > 0)
        self.strip.show_parts(state.parts)
        self._show_pedal(state)
        self._make_room()
        self.refresh_picture()

    def _show_part(self, state: LotState, waiting: Part | None, busy: bool) -> None:
        for choice, button in self.buttons.items():
            button.setEnabled(waiting is not None and not busy)
            main = waiting is not None and waiting.proposed is choice
            button.set_role("primary" if main else "plain")
        if busy:
            self.tile.show_state("LOOKING")
            self.part.setText(f"Part {self._desk.under_way}")
            self.reason.setText("Keep the part still.")
        elif waiting is None:
            self.tile.show_state("PLACE A PART" if state.proposed is None else "LOT DECIDED")
            newest = state.parts[-1] if state.parts else None
            told = f"Part {newest.serial}: {newest.decision.choice.value}" if newest and newest.decision else ""
            grade = newest.decision.grade if newest and newest.decision else None
            self.part.setText(told + (f", {grade.value}" if grade else ""))
            self.reason.setText("" if state.proposed is None else state.words)
        else:
            look = waiting.last
            self.tile.show_verdict(look.verdict, look.frame_id)
            grade = f", would count as {grade_of(state.lot.order, look).value}" if look.verdict is Verdict.FAIL else ""
            looks = f", look {len(waiting.looks)}" if len(waiting.looks) > 1 else ""
            self.part.setText(f"Part {waiting.serial}{looks}{grade}")
            self.reason.setText(look.reason or look.error)
        self._show_wear(state, waiting.last if waiting is not None else None)

    def _show_wear(self, state: LotState, look: Inspection | None) -> None:
        key = look.id if look is not None else ""
        if key == self._wear_of:
            return
        self._wear_of = key
        clear(self.wear)
        clauses = {limit.label: limit.clause for limit in state.lot.order.limits}
        worst = sorted(look.wear, key=lambda each: -each.severity)[:4] if look is not None else []
        for index, wear in enumerate(worst):
            self.wear.addWidget(WearBar(wear, clauses.get(wear.limit.label, "")), index // 2, index % 2)

    def _show_pedal(self, state: LotState) -> None:
        phase = self._bridge.station.state().phase
        step = self._desk.step()
        if phase in _STOPPED:
            self.pedal.setText("Nothing is inspected: start the line on Live, or choose a camera in Set-up.")
        elif self._bridge.station.line.trigger.busy:
            self.pedal.setText("")
        elif not step.short:
            self.pedal.setText("The pedal rests. Decide on the lot.")
        else:
            words = f"Press {step.short_words}"
            self.pedal.setText(words + (f", hold {step.long_words}." if step.long else "."))

    def refresh_picture(self) -> None:
        """The part that waits; while none does, what the camera sees."""
        state = self._desk.current()
        if state is None or not self.isVisible():
            return
        station, waiting = self._bridge.station, state.waiting
        taken = station.line.part()
        if waiting is not None and (
            taken is None or taken.inspection is None or taken.inspection.id != waiting.last.id
        ):
            self._show_stored(waiting.last)
            return
        self._stored = None
        self.stage.setCurrentWidget(self.picture)
        outcome = taken if waiting is not None else station.latest()
        if outcome is not self._outcome:
            self._outcome = outcome
            self._prepare()

    def _prepare(self) -> None:
        if self._outcome is not None:
            self._preparer.want(self._outcome, self.picture.box(), self.picture.view)
        else:
            self.picture.show_prepared(None)

    def _swap(self) -> None:
        prepared = self._preparer.take()
        if prepared is not None and prepared.outcome is self._outcome:
            self.picture.show_prepared(prepared)

    def _show_stored(self, look: Inspection) -> None:
        """After a restart the picture comes from the record."""
        self.stage.setCurrentWidget(self.stored)
        if self._stored is look:
            return
        self._stored = look
        self.stored.show_words("Loading the picture")

        def load():  # type: ignore[no-untyped-def]
            found = self._bridge.station.picture(look.image_path) if look.image_path else None
            return None if found is None else Still(found)

        def come(still):  # type: ignore[no-untyped-def]
            if self._stored is look and still is not None:
                self.stored.show_picture(still, look)
            elif self._stored is look:
                self.stored.show_words("The picture of this part was not kept.")

        self._bridge.run(load, come)

    # -- what the user does
    def press(self, press: Press) -> None:
        """The pedal or the space bar."""
        if not self.sheet.isVisible():
            self._do(lambda: self._desk.press(press), during=True)

    def scan(self, serial: str) -> None:
        self._do(lambda: self._desk.scan(serial))

    def _take(self) -> None:
        state = self._desk.current()
        again = state is not None and state.waiting is not None
        self._do(lambda: self._desk.inspect(again=again))

    def _choose(self, choice: Choice) -> None:
        state = self._desk.current()
        part = state.waiting if state is not None else None
        if part is None:
            return
        if part.proposed is choice:
            self._do(lambda: self._desk.decide(choice))
        else:
            self._ask(part, choice)

    def _open_part(self, part: Part | None) -> None:
        if part is not None:
            self._ask(part, part.decision.choice if part.decision else part.proposed)

    def _ask(self, part: Part, choice: Choice | None) -> None:
        state = self._desk.current()
        if state is None:
            return
        self._place_sheet()
        counted = tuple(each.grade for each in state.lot.plan.classes)
        kept = part.decision.grade if part.decision and part.decision.grade else None
        grade = kept or grade_of(state.lot.order, part.last)
        self.sheet.ask_part(part, choice, grade if grade in counted else counted[0], counted)

    def _finish(self) -> None:
        state = self._desk.current()
        if state is not None:
            self._place_sheet()
            self.sheet.ask_lot(state, None)

    def _place_sheet(self) -> None:
        left = max(0, min(self.tile.x() - 8, self.width() - 440))
        self.sheet.setGeometry(QRect(left, 0, self.width() - left, self.height()))

    def _decided(self, serial: str, choice: Choice, grade: Grade | None, reason: str) -> None:
        if serial:
            work: Callable[[], object] = lambda: self._desk.decide(choice, reason, grade, serial)  # noqa: E731
            self._do(work, lambda _: self.sheet.shut(), lambda words: self.sheet.notice.tell(words, "bad"))
        else:
            self._do(
                lambda: self._desk.close(choice, reason),
                lambda state: self._closed(state),
                lambda words: self.sheet.notice.tell(words, "bad"),
            )

    def _closed(self, state: LotState) -> None:
        self.sheet.shut()
        self.closed.emit(state.lot.id)

    def _undo(self) -> None:
        self._do(self._desk.undo)

    def _do(
        self,
        work: Callable[[], object],
        done: Callable[[object], None] | None = None,
        failed: Callable[[str], None] | None = None,
        *,
        during: bool = False,
    ) -> None:
        """One thing at a time: a second press while the first is written is no second decision."""
        if self._doing:
            if during:
                self._bridge.station.line.trigger.refuse()
            return
        self._doing = True
        self.notice.tell("")

        def ended(result: object) -> None:
            self._doing = False
            if done is not None:
                done(result)
            self.refresh()

        def broken(words: str) -> None:
            self._doing = False
            (failed or (lambda words: self.notice.tell(words, "bad")))(words)
            self.refresh()

        self._bridge.run(work, ended, broken)

    def _make_room(self) -> None:
        """On a 10-inch screen, where 15 mm are many pixels, only the buttons that can be pressed are there."""
        low = self.height() < 420 + 3 * current().metrics.touch
        self.reason.setVisible(not low)
        state = self._desk.current()
        waiting = state is not None and state.waiting is not None
        for button in self.buttons.values():
            button.setVisible(waiting or not low)
        self.finish.setVisible(not (low and waiting))

    def _back(self) -> None:
        if (parent := self.parentWidget()) is not None:
            parent.setFocus()

    def resizeEvent(self, _event: object) -> None:
        self.sheet.hide()
        self.tile.setMaximumHeight(max(72, round(self.height() * 0.42)))
        self._make_room()

    def close_page(self) -> None:
        self._preparer.close()
