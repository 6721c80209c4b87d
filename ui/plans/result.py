"""The day's list: what is missing, doubtful, defective and good; judging it and closing it."""

from __future__ import annotations

from datetime import date

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from app.domain.frame import Image
from app.domain.plan import DayResult, Finding, FindingKind, TickState
from app.jobs import Job
from ui.bridge import Bridge
from ui.live.sheet import StoredPicture
from ui.plans.words import KIND_MARKS, KIND_WORD, KIND_WORDS, counted, day_words
from ui.shared.elided import Elided
from ui.shared.images import Still
from ui.shared.widgets import Button, Card, Choice, Notice, clear, column, finger_scroll, icon, label, row
from ui.shared.work import Follower, JobBar
from ui.theme import current

_ALL = "all"
_LINES = 5  # of a checklist, beside the picture


class ResultView(QWidget):
    """`left` back to the rounds; `step_wanted` carries (round, component's key)."""

    left = Signal()
    step_wanted = Signal(object, str)

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._desk = bridge.station.rounds
        self._follower = Follower(self)
        self.day: date | None = None
        self.result: DayResult | None = None
        self._listed: list[Finding] = []
        self._sure = False  # "Close the day" was pressed once, and what is left open was said
        self._tried = False
        self._changes = 0  # so that a list asked for before a change is not shown after it
        self._build()

    def _build(self) -> None:
        self.title, self.words = Elided("", "heading"), Elided("", "note")
        self._chips = QHBoxLayout()
        head = QHBoxLayout()
        head.setSpacing(16)
        head.addLayout(column(self.title, self.words, spacing=0), 1)
        head.addLayout(self._chips)
        self.kinds: Choice | None = None
        self.list = QListWidget()
        self.list.setWordWrap(True)
        self.list.setIconSize(QSize(32, 32))
        finger_scroll(self.list)
        self.list.currentRowChanged.connect(self._show)
        self.picture = StoredPicture(zooms=True)
        self.picture.setMinimumSize(QSize(160, 80))
        self.about = label("", wrap=True)
        self.step = Button("Open this component", on=self._open)
        side = Card(padding=16)
        side.body.addWidget(self.picture, 1)
        told = row(self.about, self.step, spacing=16)
        told.setStretch(0, 1)
        side.body.addLayout(told)
        self.notice = Notice()
        self.bar = JobBar(self._follower)
        self.back = Button("Rounds", icon_name="chevron-left", on=self.left.emit)
        self.again = Button("Open the day again", on=self._reopen)
        self.again.hide()
        self.primary = Button("Judging", "primary", on=self._go)
        middle = QHBoxLayout()
        middle.setSpacing(16)
        middle.addWidget(self.list, 55)
        middle.addWidget(side, 45)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addLayout(head)
        layout.addWidget(self.notice)
        layout.addLayout(middle, 1)
        bottom = row(self.back, self.bar, self.again, self.primary, spacing=16)
        bottom.insertStretch(1, 1)
        bottom.setStretch(2, 2)
        layout.addLayout(bottom)

    # -- showing
    def open(self, day: date, *, judge: bool = False) -> None:
        """Shows a day's list, and judges it at once where wanted."""
        self.day, self.result, self._sure, self._tried = day, None, False, False
        self._changes += 1
        self.title.setText(f"{day:%A}, {day.day} {day:%B}")
        self.notice.tell("")
        self.refresh()
        if judge:
            self.judge()

    def refresh(self) -> None:
        day, changes = self.day, self._changes

        def show(result: DayResult) -> None:
            if changes == self._changes:
                self._show_result(result)

        if day is not None:
            self._bridge.run(lambda: self._desk.result(day), show, self._said)

    def _changed(self, result: DayResult) -> None:
        """What a run, a closing or a reopening has made of the list."""
        self._changes += 1
        self._show_result(result)

    def _show_result(self, result: DayResult) -> None:
        if result.day != self.day:
            return
        if result == self.result:
            self._update()
            return
        self.result = result
        self.words.setText(day_words(result, self._desk.zone))
        value = self.kinds.value() if self.kinds is not None else _ALL
        there = [kind for kind in FindingKind if result.of(kind)]
        clear(self._chips)
        options = [(_ALL, f"All {len(result.findings)}")]
        options += [(kind.name, f"{KIND_WORDS[kind]} {len(result.of(kind))}") for kind in there]
        self.kinds = Choice(options, value if value in {key for key, _ in options} else _ALL)
        self.kinds.chosen.connect(lambda _key: self._list())
        self._chips.addWidget(self.kinds)
        self._list()
        self._update()

    def _list(self) -> None:
        if self.result is None or self.kinds is None:
            return
        key = self.kinds.value()
        self._listed = [each for each in self.result.findings if key in (_ALL, each.kind.name)]
        self.list.clear()
        for each in self._listed:
            mark, colour = KIND_MARKS[each.kind]
            at = f"{each.round.due_at.astimezone(self._desk.zone):%H:%M}"
            item = QListWidgetItem(
                icon(mark, colour),
                f"{each.component.name}, {each.round.plan.name} {at}\n{KIND_WORD[each.kind]}: {each.words}",
            )
            tall = 32 + 20 * (2 + len(each.words) // 70)
            item.setSizeHint(QSize(64, max(current().metrics.touch, tall)))
            self.list.addItem(item)
        if self._listed:
            self.list.setCurrentRow(0)
        else:
            self.picture.show_words("Nothing is listed")
            self.about.setText("")
        self.step.setVisible(bool(self._listed))

    def _show(self, number: int) -> None:
        if not 0 <= number < len(self._listed):
            return
        each = self._listed[number]
        judged = each.inspection
        told = [f"{each.component.key}  {each.component.name}" + ("" if each.lines else f": {each.words}")]
        if each.answer is not None:
            at = each.answer.taken_at.astimezone(self._desk.zone)
            by = f" by {each.answer.person}" if each.answer.person else ""
            told.append(f"Taken at {at:%H:%M}{by}." if each.answer.is_picture else f"Said at {at:%H:%M}{by}.")
        if judged is not None:
            told += [f"{judged.verdict.value} by {judged.model}."]
        if each.lines:
            apart = [one for one in each.lines if one.state is not TickState.GOOD or (one.tick and one.tick.reason)]
            told += [f"{line.name}: {line.text or 'nobody has ticked it'}" for line in apart[:_LINES]]
            if more := len(each.lines) - len(apart[:_LINES]):
                told.append(f"{counted(more, 'more line')}.")
        elif judged is not None:
            told += [point.words for point in judged.checkpoints if point.state != "ok"]
        self.about.setText("\n".join(told))
        fixable = each.kind in (FindingKind.MISSING, FindingKind.DOUBTFUL) and not (self.result and self.result.closed)
        self.step.setText("Take it now" if fixable else "Open this component")
        answer = each.answer
        if answer is None or not answer.is_picture:
            self.picture.show_words("No picture was taken")
            return
        self.picture.show_words("Loading the picture")

        def load() -> Still | None:
            found: Image | None = self._desk.picture(answer)
            return None if found is None else Still(found)

        def show(image: Still | None) -> None:
            if self.list.currentRow() == number and self._listed[number : number + 1] == [each]:
                if image is None:
                    self.picture.show_words("The picture is gone")
                else:
                    self.picture.show_picture(image, judged)

        self._bridge.run(load, show, self.picture.show_words)

    def _open(self) -> None:
        number = self.list.currentRow()
        if 0 <= number < len(self._listed):
            each = self._listed[number]
            self.step_wanted.emit(each.round, each.component.key)

    def _update(self) -> None:
        result, busy = self.result, self.bar.busy
        if result is None:
            return
        self.again.setVisible(result.closed)
        self.primary.setVisible(not result.closed)
        self.primary.setEnabled(not busy)
        if busy:
            self.primary.setText("Judging")
        elif result.waiting and not self._tried:
            self.primary.setText(f"Judge {counted(result.waiting, 'picture')}")
        elif self._sure:
            self.primary.setText("Close it all the same")
        else:
            self.primary.setText("Close the day")

    # -- judging and closing
    @property
    def busy(self) -> bool:
        return self.bar.busy

    def _go(self) -> None:
        if self.result is not None and self.result.waiting and not self._tried:
            self.judge()
        else:
            self._close()

    def judge(self) -> None:
        day = self.day
        if day is None:
            return
        self.notice.tell("")

        def begin() -> Job[DayResult]:
            return self._desk.judging or self._desk.judge(day)

        self.bar.run(begin, self._judged, self._failed)
        self._update()

    def _judged(self, result: DayResult) -> None:
        self._tried = True
        waiting = result.waiting
        if waiting:
            first = next(each.words for each in result.findings if each.waiting)
            self.notice.tell(f"{counted(waiting, 'picture')} could not be judged: {first}", "bad")
        self._changed(result)

    def _said(self, words: str) -> None:
        self.notice.tell(words, "mention" if words.startswith("Stopped") else "bad")

    def _failed(self, words: str) -> None:
        self._said(words)
        self._sure = False
        self._update()
        self.refresh()

    def _close(self) -> None:
        day, result = self.day, self.result
        if day is None or result is None:
            return
        left = len(result.of(FindingKind.MISSING)) + result.waiting + result.unticked
        if (left or result.to_come) and not self._sure:
            told = [f"{counted(left, 'component')} have no answer or no verdict"] if left else []
            told += (
                [f"{counted(result.to_come, 'round')} still in time can't be finished then"] if result.to_come else []
            )
            self.notice.tell(f"{', and '.join(told)}. A closed day takes no more answers.", "mention")
            self._sure = True
            self._update()
            return
        self._sure = False
        self.notice.tell("")
        self._bridge.run(lambda: self._desk.close_day(day), self._changed, self._failed)

    def _reopen(self) -> None:
        day = self.day
        if day is not None:
            self.notice.tell("")
            self._bridge.run(lambda: self._desk.reopen_day(day), self._changed, self._failed)

    def close_view(self) -> None:
        self._follower.close()
