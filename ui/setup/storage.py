"""The set-up page of storage: what the disk holds, which pictures are kept how long, backup and restore."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.domain.calendar import station_zone
from app.domain.person import Action
from app.domain.records import AuditEntry
from app.domain.retention import DiskUse, RetentionPlan, RetentionRule
from app.domain.words import moment
from ui.bridge import Bridge
from ui.shared.widgets import Button, Card, Choice, Combo, Notice, clear, field, label, row
from ui.shared.work import Follower, JobBar

_FOR_EVER = ("For ever", 0)
_DAYS = (_FOR_EVER, ("30 days", 30), ("90 days", 90), ("180 days", 180), ("1 year", 365), ("2 years", 730))
_SHARES = (("All of them", 1.0), ("Half", 0.5), ("10 %", 0.1), ("5 %", 0.05), ("1 %", 0.01), ("None", 0.0))
_AFTER = (("7 days", 7), ("14 days", 14), ("30 days", 30), ("60 days", 60), ("90 days", 90))
_FREE = (("No limit", 0.0), ("5 GB", 5.0), ("10 GB", 10.0), ("20 GB", 20.0), ("50 GB", 50.0), ("100 GB", 100.0))


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def size_words(size: float) -> str:
    """Bytes as "8.1 GB"."""
    for unit, step in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= step:
            return f"{size / step:.1f} {unit}"
    return f"{size:.0f} bytes"


class StoragePage(QWidget):
    """`restore_wanted` when a backup was checked and is to take this record's place: the window has to close."""

    restore_wanted = Signal()

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._plan: RetentionPlan | None = None
        self._restore: Path | None = None
        self._follower = Follower(self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 8, 0)
        layout.setSpacing(24)
        left, right = QVBoxLayout(), QVBoxLayout()
        for side in (left, right):
            side.setSpacing(16)
        left.addWidget(self._build_rules())
        left.addStretch(1)
        right.addWidget(self._build_use())
        right.addWidget(self._build_backup())
        right.addStretch(1)
        layout.addLayout(left, 1)
        layout.addLayout(right, 1)
        self._show_rule()

    # -- building
    def _build_use(self) -> Card:
        card = Card("On this disk", padding=16)
        self.uses = QGridLayout()
        self.uses.setHorizontalSpacing(16)
        self.uses.setVerticalSpacing(4)
        self.free = label("", "quiet", wrap=True)
        card.body.addLayout(self.uses)
        card.body.addWidget(self.free)
        return card

    def _build_rules(self) -> Card:
        card = Card("How long pictures are kept", padding=16)
        card.body.addWidget(
            label(
                "Rows and hashes are kept for ever. Only pictures are deleted, and only by these rules.",
                "note",
                wrap=True,
            )
        )
        self.rejects, self.share, self.after, self.passes, self.keep_free = (
            _combo(options) for options in (_DAYS, _SHARES, _AFTER, _DAYS, _FREE)
        )
        card.body.addWidget(field("Pictures of FAIL, RETEST and ERROR", self.rejects))
        pair = QHBoxLayout()
        pair.setSpacing(16)
        pair.addWidget(field("Of PASS pictures keep", self.share), 1)
        pair.addWidget(field("once they are older than", self.after), 1)
        card.body.addLayout(pair)
        pair = QHBoxLayout()
        pair.setSpacing(16)
        pair.addWidget(field("PASS pictures that stay", self.passes), 1)
        pair.addWidget(field("Keep free on the disk", self.keep_free), 1)
        card.body.addLayout(pair)
        for combo in (self.rejects, self.share, self.after, self.passes, self.keep_free):
            combo.currentIndexChanged.connect(lambda _index: self._rule_changed())
        self.by_itself = Choice([("off", "When I say so"), ("on", "Every day by itself")], "off")
        self.by_itself.chosen.connect(lambda _key: self._rule_changed())
        card.body.addWidget(field("Delete", self.by_itself, "By itself: once a day, when the line is quiet."))
        self.preview = Button("Show what would go", icon_name="eye-outline", on=self._preview)
        self.save_rule = Button("Save the rules", "primary", on=self._save_rule)
        card.body.addLayout(row(self.preview, self.save_rule, 1))
        self.rule_job = JobBar(self._follower)
        self.rule_words = Notice()
        self.delete = Button("Delete", icon_name="delete-outline", on=self._delete)
        self.keep = Button("Keep them", on=self._keep)
        card.body.addWidget(self.rule_job)
        card.body.addWidget(self.rule_words)
        card.body.addLayout(row(self.delete, self.keep, 1))
        self._keep()
        return card

    def _build_backup(self) -> Card:
        card = Card("Backup", padding=16)
        self.last = label("", "note", wrap=True)
        self.pictures = Choice([("no", "Record only"), ("yes", "With pictures")], "no")
        self.backup = Button("Back up", icon_name="content-save-outline", on=self._choose_backup)
        self.backup_job = JobBar(self._follower)
        self.backup_words = Notice()
        self.restore = Button("Restore a backup", icon_name="backup-restore", on=self._choose_restore)
        self.restore_words = label(
            "A restored backup takes the place of this record; what is here now is set aside, not deleted. "
            "The line stops and the program starts again.",
            "quiet",
            wrap=True,
        )
        self.really = Button("Restore it now", icon_name="backup-restore", on=self._do_restore)
        self.really.hide()
        for widget in (self.last, self.pictures):
            card.body.addWidget(widget)
        card.body.addLayout(row(self.backup, self.restore, 1))
        for widget in (self.backup_job, self.backup_words, self.restore_words):
            card.body.addWidget(widget)
        card.body.addLayout(row(self.really, 1))
        return card

    # -- showing
    def refresh(self) -> None:
        """Counts the disk and reads the rules again."""
        people = self._bridge.station.people
        for button, action in ((self.backup, Action.BACKUP), (self.restore, Action.RESTORE)):
            button.setVisible(people.may(action))
        self.restore_words.setVisible(people.may(Action.RESTORE))
        for widget in (self.preview, self.save_rule):
            widget.setVisible(people.may(Action.RETENTION))
        self._follower.follow(self._bridge.station.keeping.disk_use, self._show_use, self._refuse_rule)
        self._bridge.run(self._bridge.station.keeping.last_backup, self._show_last)

    def _show_use(self, use: DiskUse) -> None:
        clear(self.uses)
        for line, kind in enumerate(use.kinds):
            self.uses.addWidget(label(kind.kind, "quiet"), line, 0)
            self.uses.addWidget(label(f"{size_words(kind.size)}, {_count(kind.files, 'file')}"), line, 1)
        self.uses.setColumnStretch(1, 1)
        self.free.setText(f"{size_words(use.free)} of {size_words(use.total)} are free on this disk.")

    def _show_last(self, entry: AuditEntry | None) -> None:
        if entry is None:
            self.last.setText("There is no backup yet. Choose a folder on another disk.")
            return
        days = (datetime.now(UTC) - entry.at).days
        ago = "today" if days == 0 else "yesterday" if days == 1 else f"{days} days ago"
        when = moment(entry.at, station_zone(self._bridge.station.settings.zone))
        self.last.setText(f"Last backup {ago}: {when}, to {Path(entry.subject).name}{_with_pictures(entry.detail)}.")

    # -- rules
    def _show_rule(self) -> None:
        settings = self._bridge.station.settings
        for combo, value in (
            (self.rejects, settings.keep_rejects_days),
            (self.share, settings.keep_pass_share),
            (self.after, settings.sample_pass_after_days),
            (self.passes, settings.keep_pass_days),
            (self.keep_free, settings.keep_free_gb),
        ):
            combo.blockSignals(True)
            index = next((at for at in range(combo.count()) if abs(combo.itemData(at) - value) < 1e-9), -1)
            if index < 0:  # typed into the settings file
                words = {self.share: f"{100 * value:g} %", self.keep_free: f"{value:g} GB"}.get(combo, f"{value} days")
                combo.addItem(words, value)
                index = combo.count() - 1
            combo.setCurrentIndex(index)
            combo.blockSignals(False)
        self.by_itself.set_value("on" if settings.tidy_by_itself else "off")
        self.save_rule.setEnabled(False)

    def rule(self) -> RetentionRule:
        """What is chosen now."""
        return RetentionRule(
            reject_days=self.rejects.currentData() or None,
            pass_share=self.share.currentData(),
            sample_after_days=self.after.currentData(),
            pass_days=self.passes.currentData() or None,
            keep_free_bytes=int(self.keep_free.currentData() * 1e9),
        )

    def _rule_changed(self) -> None:
        self._keep()
        self.rule_words.tell("")
        self.save_rule.setEnabled(True)

    def _preview(self, then: Callable[[RetentionPlan], None] | None = None) -> None:
        rule = self.rule()
        self._keep()
        self.rule_words.tell("")
        keeping = self._bridge.station.keeping
        self.rule_job.run(lambda: keeping.plan_retention(rule), then or self._show_plan, self._refuse_rule)

    def plan_words(self, plan: RetentionPlan) -> str:
        """What a plan would delete, in words."""
        if not plan.pictures:
            return "By these rules nothing would go now."
        zone = station_zone(self._bridge.station.settings.zone)
        oldest = plan.oldest.astimezone(zone) if plan.oldest else None
        newest = plan.newest.astimezone(zone) if plan.newest else None
        span = f", from {oldest.day} {oldest:%b %Y} to {newest.day} {newest:%b %Y}" if oldest and newest else ""
        by = "; ".join(f"{one.pictures:,} for {one.words}" for one in plan.deletions)
        return f"Would delete {_count(plan.pictures, 'picture')}, {size_words(plan.size)}{span}: {by}."

    def _show_plan(self, plan: RetentionPlan) -> None:
        self.rule_words.tell(self.plan_words(plan), "mention")
        if plan.pictures:
            self._plan = plan
            self.delete.setText(f"Delete {_count(plan.pictures, 'picture')} for good")
            self.delete.show()
            self.keep.show()

    def _delete(self) -> None:
        plan = self._plan
        if plan is None:
            return
        self._keep()
        keeping = self._bridge.station.keeping
        self.rule_job.run(lambda: keeping.apply_retention(plan), self._deleted, self._refuse_rule)

    def _deleted(self, count: int) -> None:
        self.rule_words.tell(f"Deleted: {_count(count, 'picture')}. Rows and hashes stay.", "good")
        self.refresh()

    def _keep(self) -> None:
        self._plan = None
        self.delete.hide()
        self.keep.hide()

    def _save_rule(self) -> None:
        if self.by_itself.value() == "on":
            self._preview(self._save_previewed)  # what it would begin with is shown before it does
        else:
            self._store_rule("Saved.")

    def _save_previewed(self, plan: RetentionPlan) -> None:
        self._store_rule(f"Saved. {self.plan_words(plan)} The station does so once a day.")

    def _store_rule(self, words: str) -> None:
        rule, on, keeping = self.rule(), self.by_itself.value() == "on", self._bridge.station.keeping

        def saved(_none: object) -> None:
            self.save_rule.setEnabled(False)
            self.rule_words.tell(words, "good")

        self._bridge.run(lambda: keeping.set_rule(rule, by_itself=on), saved, self._refuse_rule)

    def _refuse_rule(self, words: str) -> None:
        self.rule_words.tell(words, "bad")

    # -- backup
    def _choose_backup(self) -> None:
        station = self._bridge.station
        name = "".join(letter if letter.isalnum() else "-" for letter in station.settings.station).lower()
        folder = QFileDialog.getExistingDirectory(self, "Folder for the backup")
        if folder:
            self.back_up_to(Path(folder) / f"{name}-{station.today()}.zip")

    def back_up_to(self, out: Path) -> None:
        """Writes a backup while the line runs."""
        pictures, keeping = self.pictures.value() == "yes", self._bridge.station.keeping
        self.backup_words.tell("")

        def done(made) -> None:  # type: ignore[no-untyped-def]
            words = f"Saved: {out}, {_count(made.inspections, 'inspection')}, {size_words(made.size)}."
            self.backup_words.tell(words, "good")
            self._bridge.run(keeping.last_backup, self._show_last)

        self.backup_job.run(lambda: keeping.back_up(out, pictures), done, self._refuse_backup)

    def _refuse_backup(self, words: str) -> None:
        self.backup_words.tell(words, "bad")

    def _choose_restore(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, "Backup to restore", "", "Backups (*.zip)")
        if chosen:
            self.ask_restore(Path(chosen))

    def ask_restore(self, backup: Path) -> None:
        """Asks once, naming the file."""
        self._restore = backup
        self.backup_words.tell(f"Put {backup.name} in the place of this station's record?", "mention")
        self.really.show()

    def _do_restore(self) -> None:
        backup, keeping = self._restore, self._bridge.station.keeping
        self.really.hide()
        if backup is not None:
            self._bridge.run(
                lambda: keeping.want_restore(backup), lambda _none: self.restore_wanted.emit(), self._refuse_backup
            )

    def close_page(self) -> None:
        self._follower.close()


def _combo(options: tuple[tuple[str, float], ...]) -> Combo:
    combo = Combo()
    for words, value in options:
        combo.addItem(words, value)
    return combo


def _with_pictures(detail: str) -> str:
    try:
        told = json.loads(detail)
    except ValueError:
        return ""
    return ", with pictures" if isinstance(told, dict) and told.get("pictures") else ", without pictures"
