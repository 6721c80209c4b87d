"""Trainings that run, wait, or ended otherwise than with a version: how far, how long still, why not."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from app.domain.versions import JobState, TrainingJob
from ui.shared.elided import Elided
from ui.shared.widgets import Button, Card, Notice, label
from ui.training.words import asked, time_left

_SHOWN = 3
"""So many of those that wait are shown one by one."""


class JobLine(QWidget):
    """One training. `cancel` and `dismiss` carry its id."""

    cancel = Signal(str)
    dismiss = Signal(str)

    def __init__(self, job: TrainingJob) -> None:
        super().__init__()
        self.id = job.id
        self.name = Elided("", "strong")
        self.stage = Elided("", "note")
        self.left = label("", "note")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        self.end = Notice()
        self.button = Button("Cancel", on=self._press)
        told = QHBoxLayout()
        told.setSpacing(8)
        told.addWidget(self.stage, 1)
        told.addWidget(self.left)
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addWidget(self.name)
        words.addWidget(self.end)
        words.addLayout(told)
        words.addWidget(self.bar)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addLayout(words, 1)
        layout.addWidget(self.button)
        self.tell(job, 0)

    def tell(self, job: TrainingJob, before: int) -> None:
        """`before`: how many trainings come first."""
        self.job = job
        self.name.setText(f"{job.plan.product}, {job.plan.learn}")
        self.setToolTip(asked(job))
        ended = job.state.ended
        self.end.setVisible(ended)
        for each in (self.stage, self.left, self.bar):
            each.setVisible(not ended)
        self.bar.setVisible(job.state is JobState.RUNNING)
        self.button.setText("Close" if ended else "Cancel")
        if job.state is JobState.FAILED:
            self.end.tell(f"Not trained. {job.error}", "bad")
        elif job.state is JobState.CANCELLED:
            self.end.tell("Cancelled: no version was made.", "mention")
        elif job.state is JobState.QUEUED:
            self.stage.setText("Waits" if not before else f"Waits; {before} before it")
            self.left.setText("")
        else:
            self.end.tell("Taken up again after it was cut short." if job.attempts > 1 else "")
            self.stage.setText(job.stage)
            self.left.setText(time_left(job.seconds_left))
            self.bar.setValue(round(1000 * job.fraction))

    def _press(self) -> None:
        if self.job.state.ended:
            self.dismiss.emit(self.id)
        else:
            self.button.setEnabled(False)
            self.stage.setText("Stopping")
            self.cancel.emit(self.id)


class JobsView(Card):
    """Hidden while there is nothing to tell. `cancel` carries the id of a training. `all_wanted`: a tap in the compact
    shape, which shows but one of them."""

    cancel = Signal(str)
    all_wanted = Signal()

    def __init__(self) -> None:
        super().__init__(padding=16)
        self._compact = False
        self.lines: dict[str, JobLine] = {}
        self._dismissed: set[str] = set()
        self._jobs: Sequence[TrainingJob] = ()
        self.more = label("", "note")
        self.all = Button("", on=self.all_wanted.emit)
        self._first = QHBoxLayout()
        self._first.setSpacing(8)
        self._rest = QVBoxLayout()
        self._rest.setSpacing(16)
        self._first.addLayout(self._rest, 1)
        self._first.addWidget(self.all)
        self.body.setSpacing(16)
        self.body.addLayout(self._first)
        self.body.addWidget(self.more)
        self.hide()

    def set_compact(self, compact: bool) -> None:
        """One line beside a version's results, or all there is to tell."""
        if compact != self._compact:
            self._compact = compact
            side = 8 if compact else 16
            self.body.setContentsMargins(16, side, 16, side)
            self.show_jobs(self._jobs)

    def show_jobs(self, jobs: Sequence[TrainingJob]) -> None:
        """All trainings, newest first."""
        self._jobs = jobs
        open_ = [job for job in reversed(jobs) if not job.state.ended]  # as they will be trained
        newest = next((job for job in jobs if job.state.ended), None)
        # What failed last is told until somebody has read it or a later training has ended.
        told = [newest] if newest is not None and newest.state is not JobState.DONE else []
        told = [job for job in told if job.id not in self._dismissed]
        shown = [*told, *open_[:_SHOWN]]
        every = len(told) + len(open_)
        if self._compact:
            shown = shown[:1]
        for id_ in set(self.lines) - {job.id for job in shown}:
            line = self.lines.pop(id_)
            self._rest.removeWidget(line)
            line.hide()
            line.deleteLater()
        for place, job in enumerate(shown):
            before = open_.index(job) if job in open_ else 0
            if job.id in self.lines:
                self.lines[job.id].tell(job, before)
                continue
            line = JobLine(job)
            line.tell(job, before)
            line.cancel.connect(self.cancel)
            line.dismiss.connect(self._dismiss)
            self.lines[job.id] = line
            self._rest.insertWidget(place, line)
        rest = len(open_) - _SHOWN
        self.more.setVisible(rest > 0 and not self._compact)
        self.all.setVisible(self._compact and every > 1)
        self.all.setText(f"All {every}")
        self.more.setText(f"{rest} more wait." if rest > 0 else "")
        self.setVisible(bool(shown))

    def _dismiss(self, id_: str) -> None:
        self._dismissed.add(id_)
        self.show_jobs(self._jobs)
