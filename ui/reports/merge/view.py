"""The three steps of a merge, the counts of each, and the way to the workbook."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPoint, QRect, Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QFileDialog, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from ui.bridge import Bridge
from ui.reports.merge.columns import ColumnsStep, Corrected, corrected, field_of
from ui.reports.merge.files import FilesStep
from ui.reports.merge.findings import FindingsStep
from ui.reports.merge.words import columns_words, counted, sum_words
from ui.shared.elided import Elided
from ui.shared.toast import Toast, open_folder
from ui.shared.widgets import Button, Notice
from ui.shared.work import Follower, JobBar
from ui.theme import current

if TYPE_CHECKING:
    from app.jobs import Job
    from app.merging import Findings, Looked, MergeReport, RowFound, TableFound

FILES, COLUMNS, DUPLICATES = range(3)
_NAMES = ("Files", "Columns", "Duplicates")
_KINDS = "Spreadsheets (*.xlsx *.ods *.csv *.txt *.tsv);;All files (*)"

_Place = tuple[str, str, int, str]


class MergeView(QWidget):
    """`written` after a workbook was written. `step_bar` stands in the page's top row."""

    written = Signal()

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._desk = bridge.station.merging
        self._follower = Follower(self)
        self._job: Job[Any] | None = None
        self._reading = False
        self._again = False  # the files were changed while something was done
        self._wanted = FILES  # where to go once they are read
        self._corrections: Corrected = {}
        self._asked: tuple[list[Path], Corrected] = ([], {})
        self._settled: tuple[list[Path], Corrected] | None = None  # what the findings are of
        self._kept: set[_Place] = set()
        self.paths: list[Path] = []
        self.findings: Findings | None = None
        self.file: Path | None = None
        self._build()
        self._update()

    def _build(self) -> None:
        self.step_bar = QWidget()
        steps = QHBoxLayout(self.step_bar)
        steps.setContentsMargins(0, 0, 0, 0)
        steps.setSpacing(8)
        group = QButtonGroup(self)
        group.setExclusive(True)
        self.steps: list[Button] = []
        for number in range(len(_NAMES)):
            button = Button("", "chip", on=lambda number=number: self.go(number))
            button.setCheckable(True)
            group.addButton(button)
            self.steps.append(button)
            steps.addWidget(button, 1)
        self.notice = Notice()
        self.files = FilesStep()
        self.columns = ColumnsStep()
        self.duplicates = FindingsStep()
        self.stack = QStackedWidget()
        for each in (self.files, self.columns, self.duplicates):
            self.stack.addWidget(each)
        self.add = Button("Add files", icon_name="plus", on=self._choose)
        self.back = Button("Back", icon_name="chevron-left", on=lambda: self.go(self.stack.currentIndex() - 1))
        self.said = Elided("", "strong")
        self.bar = JobBar(self._follower)
        self.save_as = Button("Save as", icon_name="content-save-outline", on=self._save_as)
        self.primary = Button("", "primary", on=self._go_on)
        bottom = QHBoxLayout()
        bottom.setSpacing(16)
        bottom.addWidget(self.add)
        bottom.addWidget(self.back)
        bottom.addWidget(self.said, 1)
        bottom.addWidget(self.bar, 1)
        bottom.addWidget(self.save_as)
        bottom.addWidget(self.primary)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addWidget(self.notice)
        layout.addWidget(self.stack, 1)
        layout.addLayout(bottom)
        self.toast = Toast(self)
        self.files.removed.connect(self.take_out)
        self.columns.changed.connect(self._correct)
        self.duplicates.toggled.connect(self._toggle)

    # -- files
    def add_files(self, places: Iterable[Path]) -> None:
        """As if the user had dropped or chosen these files and folders; what is listed already is not added twice."""
        new = [path for path in dict.fromkeys(places) if path not in self.paths]
        if new:
            self.paths += new
            self._look()

    def take_out(self, path: Path) -> None:
        self.paths = [each for each in self.paths if each != path]
        if self.paths:
            self._look()
        else:
            self._again = False
            if self._job is not None and self._reading:
                self._job.cancel()
            self.findings, self._settled = None, None
            self.stack.setCurrentIndex(FILES)
            self.notice.tell("")
            self._update()

    def _choose(self) -> None:
        dialog = QFileDialog(self, "Spreadsheets", str(Path.home()), _KINDS)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.resize(880, 600)
        dialog.filesSelected.connect(lambda files: self.add_files(map(Path, files)))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def drop(self, places: Iterable[Path]) -> None:
        """Files and folders were dropped on the page."""
        self.stack.setCurrentIndex(FILES)
        self.add_files(places)
        self._update()

    # -- reading
    @property
    def busy(self) -> bool:
        """Whether something is read or written, or has just been."""
        return self._job is not None

    @property
    def stale(self) -> bool:
        """Whether the files or the columns were changed since they were read."""
        return bool(self.paths) and self._settled != (self.paths, self._corrections)

    def _look(self, then: int | None = None) -> None:
        """Reads what is not read yet, then goes to a step."""
        self._wanted = self.stack.currentIndex() if then is None else then
        if self.busy:
            self._again = True
            if self._job is not None and self._reading:
                self._job.cancel()
            self._update()
            return
        self._asked = (list(self.paths), {key: dict(columns) for key, columns in self._corrections.items()})
        paths, told = self._asked
        self._reading = True

        def begin() -> Job[Looked]:
            self._job = self._desk.look(paths, told)
            return self._job

        self.notice.tell("")
        self.bar.run(begin, self._looked, self._stopped)
        self._update()

    def _looked(self, looked: Looked) -> None:
        self._job, self._reading = None, False
        if not self.paths:  # all were taken out meanwhile
            self._update()
            return
        self.findings, self._settled = looked.findings, self._asked
        # A folder has become the spreadsheets in it.
        known = [each.path for each in looked.findings.files] + [path for path, _ in looked.findings.errors]
        if not self._again:
            order = {path: number for number, path in enumerate(self._asked[0])}
            self.paths = sorted(known, key=lambda path: order.get(path, order.get(path.parent, len(order))))
            self._settled = (list(self.paths), self._asked[1])
        self.notice.tell(looked.trouble, "bad")
        self.columns.show_tables(looked.findings.tables, self._corrections)
        if looked.findings.files:
            self.duplicates.show_findings(looked.findings, self._numbers())
        if self._go_again():
            return
        self.stack.setCurrentIndex(self._wanted if looked.findings.files else FILES)
        self._update()

    def _go_again(self) -> bool:
        """Reads what was changed meanwhile."""
        again, self._again = self._again, False
        if again and self.paths:
            self._look(self._wanted)
        return again and bool(self.paths)

    def _stopped(self, words: str) -> None:
        self._job, self._reading = None, False
        if self._go_again():
            return
        if self.paths:
            self.notice.tell(words, "bad" if not words.startswith("Stopped") else "mention")
        self._update()

    # -- columns
    def _correct(self, table: TableFound, name: str, field: str) -> None:
        column = next(each for each in table.columns if each.name == name)
        if field_of(table, column, self._corrections) != field:
            self._corrections = corrected(table, name, field, self._corrections)
            self.columns.correct(self._corrections)
        self._update()

    # -- duplicates
    def _numbers(self) -> Collection[int]:
        """The numbers of the duplicates that stay; they are remembered by place, since numbers change."""
        if self.findings is None:
            return ()
        return {each.row.number for each in self.findings.duplicates if _place(each.row) in self._kept}

    def _toggle(self, number: int) -> None:
        assert self.findings is not None
        row = next(each.row for each in self.findings.duplicates if each.row.number == number)
        self._kept ^= {_place(row)}
        self.duplicates.keep(self._numbers())
        self._update()

    # -- steps
    def go(self, step: int) -> None:
        """Shows a step; what is not read yet is read before the later ones."""
        if step > FILES and self.stale:
            self._look(step)
        elif step == FILES or (self.findings is not None and self.findings.files):
            self.stack.setCurrentIndex(step)
        self._update()

    def _go_on(self) -> None:
        step = self.stack.currentIndex()
        if not self.paths:
            self._choose()
        elif step == FILES and self.stale:
            self._look()
        elif step < DUPLICATES:
            self.go(step + 1)
        else:
            self.write()

    def _update(self) -> None:
        step, busy = self.stack.currentIndex(), self.busy
        found = self.findings if self.findings is not None and self.findings.files else None
        self.files.show_files(self.paths, self.findings)
        told = ("", "", "")
        if found is not None:
            kept = len(self._numbers())
            told = (
                f"{counted(len(found.files), 'file')}, {counted(found.rows_in, 'row')}",
                columns_words(found).partition(":")[0],
                f"{len(found.duplicates) - kept:,} left out, {counted(len(found.conflicts), 'conflict')}",
            )
        for number, button in enumerate(self.steps):
            button.setText(f"{number + 1}  {_NAMES[number]}" + (f"\n{told[number]}" if told[number] else ""))
            button.setChecked(number == step)
            button.setEnabled(number == FILES or (found is not None and not busy))
        self.add.setVisible(step == FILES and bool(self.paths))
        self.back.setVisible(step > FILES)
        self.back.setEnabled(not busy)
        self.save_as.setVisible(step == DUPLICATES)
        self.save_as.setEnabled(not busy)
        self.columns.setEnabled(not busy)
        self.said.setVisible(not busy)
        self.said.setText(self._summary(step, found))
        self.primary.setText(self._primary(step))
        self.primary.setEnabled(not busy and (not self.paths or self.stale or found is not None))

    def _summary(self, step: int, found: Findings | None) -> str:
        if found is None:
            return ""
        if step == FILES:
            read = f"{counted(found.rows_in, 'row')} read from {counted(len(found.files), 'file')}"
            bad = f"; {counted(len(found.errors), 'file')} can't be read" if found.errors else ""
            return "" if self.stale else read + bad
        if step == COLUMNS:
            return "Corrections are counted at the next step." if self.stale else columns_words(found)
        return sum_words(found, len(self._numbers()))

    def _primary(self, step: int) -> str:
        if not self.paths:
            return "Choose spreadsheets"
        if step == FILES:
            return "Read the files" if self.stale else "Next: columns"
        return "Next: duplicates" if step == COLUMNS else "Write the merged workbook"

    # -- the workbook
    def write(self, out: Path | None = None) -> None:
        """Writes it, into the reports folder where no place is given."""
        found = self.findings
        if found is None or not found.files or self.stale or self.busy:
            return
        kept = self._numbers()

        def begin() -> Job[MergeReport]:
            self._job = self._desk.write(found, kept, out)
            return self._job

        self.notice.tell("")
        self.bar.run(begin, self._wrote, self._stopped)
        self._update()

    def _wrote(self, report: MergeReport) -> None:
        self._job = None
        self.file = report.out
        self._update()
        height = current().metrics.touch + 16
        above = self.stack.mapTo(self, QPoint(0, self.stack.height() - height))
        words, folder = f"{counted(report.rows_out, 'row')} merged into {report.out}", report.out.parent
        area = QRect(above.x(), above.y(), self.width(), height)
        self.toast.tell(words, area, "Open folder", lambda: open_folder(folder))
        self.written.emit()
        self._go_again()

    def _save_as(self) -> None:
        def show(place: Path) -> None:
            dialog = QFileDialog(self, "Save the merged workbook", str(place), "Excel workbook (*.xlsx)")
            dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
            dialog.setDefaultSuffix("xlsx")
            dialog.selectFile(place.name)
            dialog.resize(880, 600)
            dialog.fileSelected.connect(lambda file: self.write(Path(file)))
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.open()

        self._bridge.run(self._desk.proposed_out, show)

    def close_view(self) -> None:
        """Ends what waits; work that is under way belongs to the station."""
        if self._job is not None:
            self._job.cancel()
        self._follower.close()


def _place(row: RowFound) -> _Place:
    return row.file, row.sheet, row.row, row.part
