"""An industrial camera as the source: Basler, or any other with a GenICam driver."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QLineEdit, QVBoxLayout, QWidget

from app.domain.addresses import source_words
from ui.bridge import Bridge
from ui.setup.held import HeldFields
from ui.shared.widgets import Button, Combo, field, label, row

KINDS = ("basler", "genicam")
_HELD = (("exposure", "Exposure, \u00b5s"), ("gain", "Gain, dB"), ("white_balance", "White balance R,G,B"))
_NONE = "No camera found. Check power and cable, then look again."


class IndustrialFields(QWidget):
    """`changed` when another camera or setting is chosen."""

    changed = Signal()

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._wanted = ""
        self._asked = 0
        self.camera = Combo()
        self.camera.activated.connect(self._picked)
        self.look = Button("Look again", icon_name="refresh", on=self.look_for_cameras)
        line = QWidget()
        layout = row(self.camera, self.look)
        layout.setStretch(0, 1)
        line.setLayout(layout)
        self.driver = QLineEdit()
        self.driver.setAccessibleName("Driver file")
        self.driver.setPlaceholderText("empty: the drivers that are registered at this computer")
        self.driver.editingFinished.connect(self._driver_entered)
        driver = QWidget()
        driver_row = row(self.driver, Button("Choose", icon_name="folder-open-outline", on=self._choose))
        driver_row.setStretch(0, 1)
        driver.setLayout(driver_row)
        self.held = HeldFields(_HELD)
        self.held.changed.connect(self.changed)
        self.words = label("", "quiet", wrap=True)
        page = QVBoxLayout(self)
        page.setContentsMargins(0, 0, 0, 0)
        page.setSpacing(8)
        page.addWidget(field("Camera", line))
        page.addWidget(field("Driver of a GenICam camera (.cti)", driver))
        page.addWidget(self.held)
        page.addWidget(self.words)
        page.addStretch(1)
        self._looked_at = ""

    def take(self, source: str) -> None:
        """Shows a SOURCE address, though its camera may not be found now."""
        self._wanted = source.partition("?")[0]
        place = self._wanted.removeprefix("genicam:")
        file, mark, _ = place.rpartition("#")
        if mark and file.lower().endswith(".cti"):
            self.driver.setText(file)
        self.held.take(source)
        self._show([], [])

    def source(self) -> str:
        """The SOURCE address of what is chosen; "" without one."""
        address = self.camera.currentData() or ""
        return self.held.added_to(address) if address else ""

    def look_for_cameras(self) -> None:
        """Asks for the cameras there are; what is shown until then says so."""
        self.camera.clear()
        self.camera.addItem("Looking for cameras", None)
        self.camera.setEnabled(False)
        self.words.setText("")
        self.changed.emit()
        self._asked += 1
        asked, driver = self._asked, self.driver.text().strip()
        self._looked_at = driver

        def show(answer: tuple[list[tuple[str, str]], list[str]]) -> None:
            if asked == self._asked:  # a later look is on its way
                self._show(*answer)

        self._bridge.run(
            lambda: self._bridge.station.industrial_cameras(driver), show, lambda words: show(([], [words]))
        )

    def _show(self, found: list[tuple[str, str]], words: list[str]) -> None:
        self.camera.clear()
        for address, name in found:
            self.camera.addItem(name, address)
        if self._wanted and self.camera.findData(self._wanted) < 0:
            self.camera.addItem(f"{source_words(self._wanted)} (not found now)", self._wanted)
        self.camera.setCurrentIndex(max(self.camera.findData(self._wanted), 0))
        if not self.camera.count():
            self.camera.addItem("No camera found", None)
        self.camera.setEnabled(bool(self.camera.currentData()))
        told = words if found else [_NONE, *words]
        self.words.setText("\n".join(told))
        self.changed.emit()

    def _picked(self) -> None:
        self._wanted = self.camera.currentData() or ""
        self.changed.emit()

    def _driver_entered(self) -> None:
        if self.driver.text().strip() != self._looked_at:
            self.look_for_cameras()

    def _choose(self) -> None:
        dialog = QFileDialog(self, "Choose", self.driver.text() or str(Path.home()), "GenICam drivers (*.cti)")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.resize(880, 600)
        dialog.fileSelected.connect(self._chosen)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _chosen(self, file: str) -> None:
        self.driver.setText(file)
        self.look_for_cameras()
