"""What the reviews say: agreement, drift by camera, and the case for retraining."""

from __future__ import annotations

from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.domain.addresses import source_words
from app.domain.review import CameraDrift, Case, Level, Share, Stats
from app.domain.words import percent
from app.reviewing import ReviewDesk
from ui.bridge import Bridge
from ui.review.chart import TrendChart
from ui.shared.widgets import Button, Card, Notice, clear, label, row, scrolled
from ui.shared.work import Follower, JobBar

_OLD = 60.0
"""Seconds for which drift is not looked at again: a week is long."""
_NOTES = 3
_LEVELS = {
    Level.UNKNOWN: "",
    Level.STEADY: "steady",
    Level.MOVING: "moving",
    Level.DRIFTED: "drifted",
}


def interval(share: Share) -> str:
    """A share with its interval, in words."""
    if share.value is None:
        return "\u2013"
    return f"{percent(share.value)} ({100 * share.low:.0f} to {100 * share.high:.0f} %, {share.of} parts)"


class FiguresView(QWidget):
    """Left what was found, right what to do."""

    def __init__(self, bridge: Bridge, desk: ReviewDesk) -> None:
        super().__init__()
        self._bridge, self._desk = bridge, desk
        self._reading = self._again = False
        self.case: Case | None = None
        self._follower = Follower(self)
        self.agreement = label("", wrap=True)
        self._values = {key: label("\u2013", wrap=True) for key in ("station", "false_alarms", "escapes", "labels")}
        self.waiting = label("", "note", wrap=True)
        card = Card("Agreement", padding=16)
        card.body.addWidget(self.agreement)
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(8)
        lines = (
            ("station", "People agree with the station"),
            ("false_alarms", "FAIL parts that are good"),
            ("escapes", "PASS parts that are defective"),
            ("labels", "Reviews that became labels"),
        )
        for line, (key, words) in enumerate(lines):
            grid.addWidget(label(words, "quiet", wrap=True), line, 0)
            grid.addWidget(self._values[key], line, 1)
        grid.setColumnStretch(0, 2)
        grid.setColumnStretch(1, 3)
        card.body.addLayout(grid)
        card.body.addWidget(
            label(
                "The present model, on parts drawn at random, with 95 % intervals. Kappa is Cohen's, of blind second "
                "opinions.",
                "quiet",
                wrap=True,
            )
        )
        card.body.addWidget(self.waiting)
        self._cameras = QVBoxLayout()
        self._cameras.setSpacing(16)
        left = QWidget()
        inner = QVBoxLayout(left)
        inner.setContentsMargins(0, 0, 8, 0)
        inner.setSpacing(16)
        inner.addWidget(card)
        inner.addLayout(self._cameras)
        inner.addStretch(1)
        self.right = Card("The case for retraining", padding=16)
        self.pro = label("", wrap=True)
        self.contra = label("", "note", wrap=True)
        self.snapshot = label("", "note", wrap=True)
        self.result = label("", wrap=True)
        self.notice = Notice()
        self.progress = JobBar(self._follower)
        self.primary = Button("", "primary", on=self._act)
        self.second = Button("Set aside", icon_name="archive-outline", on=self._set_aside)
        body = self.right.body
        for title, widget in (
            ("For", self.pro),
            ("Against", self.contra),
            ("What it would learn from", self.snapshot),
            ("Candidate", self.result),
        ):
            name = label(title, "strong")
            widget.setProperty("title", title)
            body.addWidget(name)
            body.addWidget(widget)
            body.setSpacing(8)
        self._candidate_title = body.itemAt(body.count() - 2).widget()
        body.addStretch(1)
        text = QWidget()
        holder = QVBoxLayout(text)
        holder.setContentsMargins(0, 0, 0, 0)
        holder.addWidget(self.right, 1)
        # What can be done is always in sight, however long the case is.
        actions = row(self.primary, self.second)
        actions.setStretch(0, 1)
        side = QVBoxLayout()
        side.setSpacing(8)
        side.addWidget(scrolled(text), 1)
        side.addWidget(self.notice)
        side.addWidget(self.progress)
        side.addLayout(actions)
        panes = QHBoxLayout(self)
        panes.setContentsMargins(0, 0, 0, 0)
        panes.setSpacing(16)
        panes.addWidget(scrolled(left), 60)
        panes.addLayout(side, 40)
        self.primary.setVisible(False)
        self.second.setVisible(False)
        self._candidate_title.setVisible(False)

    # -- what is shown
    def refresh(self) -> None:
        """Reads everything again."""
        if self._reading:
            self._again = True
            return
        self._reading = True
        desk = self._desk
        self._bridge.run(
            lambda: (desk.stats(), desk.drift(_OLD), desk.case()), lambda found: self._show(*found), self._failed
        )

    def _done(self) -> None:
        self._reading = False
        if self._again:
            self._again = False
            self.refresh()

    def _failed(self, words: str) -> None:
        self.notice.tell(words, "bad")
        self._done()

    def _show(self, stats: Stats, drift: list[CameraDrift], case: Case) -> None:
        self._show_stats(stats)
        self._show_drift(drift)
        self.show_case(case)
        self._done()

    def _show_stats(self, stats: Stats) -> None:
        self.agreement.setText(stats.agreement_words)
        self._values["station"].setText(interval(stats.station))
        self._values["false_alarms"].setText(interval(stats.false_alarms))
        self._values["escapes"].setText(interval(stats.escapes))
        self._values["labels"].setText(f"{stats.labels} of {stats.reviewed} reviewed parts")
        told = ", ".join(f"{number} {why}" for why, number in stats.waiting.items())
        self.waiting.setText(f"Waiting for you: {told}." if told else "Nothing waits for you.")
        if stats.troubles:
            self.waiting.setText(f"{self.waiting.text()} {stats.troubles[0]}")

    def _show_drift(self, drift: list[CameraDrift]) -> None:
        clear(self._cameras)
        if not drift:
            card = Card("Drift", padding=16)
            words = "Each camera's scores, picture quality and false alarms stand here, once parts were inspected."
            card.body.addWidget(label(words, "note", wrap=True))
            self._cameras.addWidget(card)
        for camera in drift:
            state = _LEVELS[camera.level]
            card = Card(f"{source_words(camera.camera)}{': ' if state else ''}{state}", padding=16)
            card.body.addWidget(label(f"Week by week, against {camera.reference}", "quiet", wrap=True))
            grid = QGridLayout()
            grid.setHorizontalSpacing(24)
            grid.setVerticalSpacing(16)
            for place, trend in enumerate(camera.trends):
                box = QVBoxLayout()
                box.setSpacing(2)
                moved = trend.level in (Level.MOVING, Level.DRIFTED)
                box.addWidget(label(f"{trend.name}{f', {_LEVELS[trend.level]}' if moved else ''}", "strong"))
                if trend.weeks:
                    box.addWidget(TrendChart(trend))
                box.addWidget(label(trend.words, "quiet", wrap=True))
                box.addStretch(1)
                grid.addLayout(box, place // 2, place % 2)
                grid.setColumnStretch(place % 2, 1)
            card.body.addLayout(grid)
            self._cameras.addWidget(card)

    def show_case(self, case: Case) -> None:
        self.case = case
        nothing = "It tested no better than the present model." if case.candidate else "Nothing yet: no rule is met."
        self.pro.setText("\n".join(case.reasons) or nothing)
        self.contra.setText("\n".join(case.against) or "Nothing that the figures show.")
        self.snapshot.setText(
            f"{case.pictures} pictures of {case.product}: {case.good} good, {case.bad} defective. New from "
            f"reviews: {case.new_good} good, {case.new_bad} defective. A fifth is held back for the test."
        )
        found = case.candidate
        self._candidate_title.setVisible(bool(case.state))
        self.result.setVisible(bool(case.state))
        lines = [case.words]
        if found is not None:
            test = found.backtest
            lines += [
                f"Test pictures: {test.good} good, {test.bad} defective.",
                f"False alarms: {_change(test.false_alarms)}.",
                f"Escapes: {_change(test.escapes)}.",
                *found.report[:_NOTES],
            ]
        self.result.setText("\n".join(line for line in lines if line))
        ready = case.state == "ready" and found is not None
        preparing = case.state == "preparing"
        self.primary.setVisible(True)
        self.primary.setEnabled(ready or (not case.blocked and not preparing))
        if ready and found is not None:
            self.primary.setText(f"Release {found.model}")
        elif preparing:
            self.primary.setText("A candidate is being prepared")
        else:
            of = "" if case.blocked else f" from {case.pictures} pictures"
            self.primary.setText(f"Prepare a candidate{of}")
        self.second.setVisible(ready)
        if case.blocked:
            self.notice.tell(case.blocked, "mention")
        elif self.notice.kind == "mention":
            self.notice.tell("")

    # -- what the user does
    def _act(self) -> None:
        case = self.case
        if case is None:
            return
        if case.state == "ready":
            self._decide(self._desk.release, "{} is released. The line goes on with it.")
        else:
            self.progress.run(self._desk.prepare, lambda _candidate: self.refresh(), self._told)

    def _set_aside(self) -> None:
        self._decide(self._desk.set_aside, "{} is set aside. Nothing has changed.")

    def _decide(self, call, words: str) -> None:  # type: ignore[no-untyped-def]
        def done(name: str) -> None:
            self.notice.tell(words.format(name), "good")
            self.refresh()

        self._bridge.run(call, done, self._told)

    def _told(self, words: str) -> None:
        self.notice.tell(words, "bad")
        self.refresh()

    def close_view(self) -> None:
        self._follower.close()


def _change(pair: tuple[int | None, int]) -> str:
    before, after = pair
    return f"{after}, no present model to compare with" if before is None else f"{before} now, {after} with it"
