"""The set: what it holds and lacks, its split and snapshots, and how it leaves the station."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QPoint, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QFont, QPainter
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.cloud.transfers import Moved
from app.domain.labelling import DefectType
from app.exchange import Fetched
from app.labelling import EXPORTS, Difference, LabellingDesk, SetReport, Snapshot
from ui.bridge import Bridge
from ui.labeling.words import difference_words, joined_words, pictures
from ui.shared.widgets import Button, Card, Notice, clear, finger_scroll, label, scrolled, tall
from ui.shared.work import Follower, JobBar
from ui.theme import current
from ui.theme.theme import font

_ROW = 44


class Balance(QWidget):
    """Each kind of part as a bar: training, testing and what is not split yet, with the numbers beside."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: tuple[tuple[str, int, int, int, int], ...] = ()
        self._colours: dict[str, str] = {}
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_rows(self, rows: tuple[tuple[str, int, int, int, int], ...], types: tuple[DefectType, ...]) -> None:
        self._rows = rows
        self._colours = {each.name: each.colour for each in types}
        self.setFixedHeight(max(1, len(rows)) * _ROW + 24)
        said = "; ".join(f"{kind}: {a} training, {b} testing, {c} not split, {m} masks" for kind, a, b, c, m in rows)
        self.setAccessibleName(said)
        self.update()

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme = current()
        most = max((sum(row[1:4]) for row in self._rows), default=1) or 1
        left, right = 176, 260
        room = max(40, self.width() - left - right)
        painter.setFont(font(14))
        painter.setPen(theme.colour("quiet"))
        vertical = Qt.AlignmentFlag.AlignVCenter
        heads = ((0, "Kind"), (left, "Pictures"), (self.width() - right + 16, "Train / test / not split"))
        for x, words in heads:
            painter.drawText(QRect(x, 0, right, 24), vertical, words)
        for place, (kind, train, test, free, masks) in enumerate(self._rows):
            top = 24 + place * _ROW
            painter.setFont(font(16, QFont.Weight.Medium))
            painter.setPen(theme.colour("text"))
            name = {"normal": "Good", "anomaly": "Defect, no type"}.get(kind, kind)
            name = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, left - 12)
            painter.drawText(QRect(0, top, left, _ROW), vertical, name)
            x = float(left)
            for count, ink in ((train, "text"), (test, "quiet"), (free, "line")):
                width = room * count / most
                painter.fillRect(QRectF(x, top + 12, max(0.0, width - 2), _ROW - 24), theme.colour(ink))
                x += width
            painter.setFont(font(16))
            painter.setPen(theme.colour("text"))
            words = f"{train} / {test} / {free}" + (f"   {masks} drawn" if kind != "normal" else "")
            painter.drawText(QRect(self.width() - right + 16, top, right, _ROW), vertical, words)
        painter.end()


class SetView(QWidget):
    """`train` carries the path of a snapshot; `said` words and the kind of notice."""

    train = Signal(str)
    said = Signal(str, str)
    changed = Signal()

    def __init__(self, bridge: Bridge, desk: LabellingDesk, follower: Follower) -> None:
        super().__init__()
        self._bridge, self._desk, self._follower = bridge, desk, follower
        self._turn = 0
        self._build()

    def _build(self) -> None:
        self.balance = Balance()
        self._advice = QVBoxLayout()
        self._advice.setSpacing(8)
        advice = QWidget()
        advice.setLayout(self._advice)
        self._advice.setContentsMargins(0, 0, 0, 0)
        self.sizes = label("", "note", wrap=True)
        self.split = Button("Split into training and testing", icon_name="call-split", on=self._split)
        left = Card("The set")
        left.body.addWidget(label("What to do next", "strong"))
        left.body.addWidget(advice)
        left.body.addWidget(self.balance)
        row = QHBoxLayout()
        row.addWidget(self.split)
        row.addStretch(1)
        left.body.addLayout(row)
        left.body.addWidget(self.sizes)
        left.body.addStretch(1)
        self.go = Button("Train on this set", "primary", on=self._train)
        self.snapshots = QListWidget()
        self.snapshots.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.snapshots.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        finger_scroll(self.snapshots)
        self.snapshots.setMinimumHeight(160)
        self.no_snapshots = label(
            "A snapshot keeps the set as it is now, for ever. Training takes one by itself.", "note", wrap=True
        )
        self.keep = Button("Keep a snapshot", icon_name="content-save-outline", on=self._keep)
        self.export = Button("Export for other programs", icon_name="export-variant", on=self._export_menu)
        self.take_along = Button("Take along", icon_name="content-copy", on=self._copy)
        self.bring_back = Button("Join", icon_name="source-merge", on=self._join)
        self.take_along.setToolTip("A copy of the library, to label on elsewhere")
        self.bring_back.setToolTip("What was labelled in a copy, or at another station, comes in here")
        self.job = JobBar(self._follower)
        right = Card("Snapshots")
        right.body.addWidget(self.no_snapshots, 1, Qt.AlignmentFlag.AlignTop)
        right.body.addWidget(self.snapshots, 1)
        right.body.addWidget(self.keep)
        away = Card("Work elsewhere")
        both = QHBoxLayout()
        both.setSpacing(8)
        both.addWidget(self.take_along)
        both.addWidget(self.bring_back)
        away.body.setSpacing(8)
        away.body.addLayout(both)
        away.body.addWidget(self.export)
        column = QVBoxLayout()
        column.setSpacing(16)
        column.addWidget(right, 1)
        column.addWidget(away)
        column.addWidget(self.job)
        column.addWidget(self.go)
        content = QWidget()
        inner = QVBoxLayout(content)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addWidget(left)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(24)
        layout.addWidget(scrolled(content), 62)
        layout.addLayout(column, 38)

    def refresh(self) -> None:
        if self._desk.place is None:
            return
        self._turn += 1
        turn, desk = self._turn, self._desk

        def read() -> tuple[SetReport, tuple[DefectType, ...], list[Snapshot], Difference | None]:
            kept = desk.snapshots()
            return desk.report(), desk.types(), kept, desk.difference(kept[0].number) if kept else None

        def come(found: tuple[SetReport, tuple[DefectType, ...], list[Snapshot], Difference | None]) -> None:
            if turn == self._turn:
                self._show(*found)

        self._bridge.run(read, come, lambda words: self.said.emit(words, "bad"))

    def _show(
        self, report: SetReport, types: tuple[DefectType, ...], kept: list[Snapshot], told: Difference | None
    ) -> None:
        self.balance.show_rows(report.table, types)
        clear(self._advice)
        for line in report.advice or ("The set is complete: train on it.",):
            self._advice.addWidget(Notice(line))
        sizes = ", ".join(f"{w} × {h} ({count})" for (w, h), count in report.sizes[:4])
        more = f" and {len(report.sizes) - 4} more sizes" if len(report.sizes) > 4 else ""
        self.sizes.setText(f"Picture sizes: {sizes}{more}." if sizes else "")
        free = sum(row[3] for row in report.table)
        self.split.setEnabled(free > 0)
        self.split.setText(f"Split {pictures(free)}: 80 % training, 20 % testing" if free else "All labels are split")
        self.snapshots.clear()
        for place, each in enumerate(kept):
            words = f"Snapshot {each.number}, {each.made_at.astimezone():%d %b %Y, %H:%M}"
            since = f"; since then: {difference_words(told)}" if place == 0 and told is not None else ""
            item = QListWidgetItem(f"{words}\n{pictures(len(each.pictures))}, {each.fingerprint[:8]}{since}")
            item.setToolTip(f"by {each.author}; fingerprint {each.fingerprint}{since}")
            self.snapshots.addItem(tall(item, current().metrics.touch + 16))
        self.snapshots.setVisible(bool(kept))
        self.no_snapshots.setVisible(not kept)
        self.go.setEnabled(report.table[0][1] + report.table[0][3] > 0)

    # -- actions
    def _fail(self, words: str) -> None:
        self.said.emit(words, "bad")

    def _split(self) -> None:
        def done(what: object) -> None:
            self.said.emit(getattr(what, "words", "") + ". Change single ones in the gallery.", "mention")
            self.changed.emit()

        self._follower.follow(self._desk.split, done, self._fail)

    def _keep(self) -> None:
        def done(kept: Snapshot) -> None:
            self.said.emit(f"Snapshot {kept.number} holds {pictures(len(kept.pictures))}.", "mention")
            self.refresh()

        self.job.run(self._desk.snapshot, done, self._fail)

    def _train(self) -> None:
        self.job.run(self._desk.snapshot, lambda kept: self.train.emit(str(kept.path)), self._fail)

    def _export_menu(self) -> None:
        menu = QMenu(self)
        for kind, words in EXPORTS:
            menu.addAction(words, lambda kind=kind: self._choose(
                "Folder for the export", lambda folder: self._export(kind, folder)))  # fmt: skip
        place = self._bridge.station.exchange.place
        if place:
            menu.addSeparator()
            menu.addAction(f"Send to {place}", self._send)
            menu.addAction(f"Fetch from {place}", self._fetch)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.export.mapToGlobal(QPoint(0, -menu.sizeHint().height())))

    def _export(self, kind: str, folder: str) -> None:
        place = self._desk.place
        assert place is not None
        out = Path(folder) / f"{place.name} {kind}"

        def done(notes: tuple[str, ...]) -> None:
            said = f"Exported to {out}." + (f" {notes[0]}" if notes else "")
            self.said.emit(said, "mention")

        self.job.run(lambda: self._desk.export(kind, out), done, self._fail)

    def _send(self) -> None:
        exchange = self._bridge.station.exchange
        place = exchange.place

        def done(moved: Moved) -> None:
            known = f", {moved.known:,} were there already" if moved.known else ""
            self.said.emit(f"{moved.files:,} files sent to {place}{known}.", "mention")

        self.job.run(exchange.send, done, self._fail)

    def _fetch(self) -> None:
        exchange = self._bridge.station.exchange
        place = exchange.place

        def done(fetched: Fetched) -> None:
            left = f" {fetched.problems[0]}" if fetched.problems else ""
            self.said.emit(f"{pictures(fetched.pictures)} came from {place}.{left}", "mention")
            self.changed.emit()

        self.job.run(exchange.fetch, done, self._fail)

    def _copy(self) -> None:
        place = self._desk.place
        assert place is not None

        def begin(folder: str) -> None:
            out = Path(folder) / f"{place.name} copy"
            words = f"{out} is a copy to label on elsewhere. Join it here when it comes back."
            self.job.run(
                lambda: self._desk.copy_for_session(out), lambda _: self.said.emit(words, "mention"), self._fail
            )

        self._choose("Folder for the copy", begin)

    def _join(self) -> None:
        def begin(folder: str) -> None:
            def done(joined: object) -> None:
                self.said.emit(*joined_words(joined))
                self.changed.emit()

            self.job.run(lambda: self._desk.join(Path(folder)), done, self._fail)

        self._choose("Folder of the other session's library", begin)

    def _choose(self, title: str, then: Callable[[str], None]) -> None:
        dialog = QFileDialog(self, title, str(Path.home()))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly, True)
        dialog.resize(880, 600)
        dialog.fileSelected.connect(then)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()
