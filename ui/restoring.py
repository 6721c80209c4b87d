"""Putting a backup in place of a station's record between two windows, with its progress on the screen."""

from __future__ import annotations

import threading
from pathlib import Path

from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication, QProgressBar, QVBoxLayout, QWidget

from app.domain.errors import LinesightError
from app.keeping import restore_station
from app.paths import DataFolder
from ui.shared.widgets import label

_BY = "restored on the screen"


def restore_on_screen(data: DataFolder, backup: Path) -> str:
    """Restores a backup into a data folder that no station uses; what became of it, in words."""
    told = {"fraction": 0.0, "words": "Beginning", "end": ""}

    def step(fraction: float, words: str) -> None:
        told["fraction"], told["words"] = fraction, words

    def work() -> None:
        try:
            done = restore_station(data, backup, by=_BY, step=step)
            aside = f" What was here before lies in {done.set_aside.name}." if done.set_aside else ""
            many = "" if done.inspections == 1 else "s"
            told["end"] = f"{backup.name} is restored: {done.inspections:,} inspection{many}.{aside}"
        except LinesightError as error:
            told["end"] = f"Nothing was changed. {error}"

    box = QWidget()
    box.setWindowTitle("Linesight")
    box.setProperty("kind", "ground")
    layout = QVBoxLayout(box)
    layout.setContentsMargins(48, 48, 48, 48)
    words, bar = label("Restoring", "heading"), QProgressBar()
    bar.setRange(0, 1000)
    bar.setTextVisible(False)
    layout.addWidget(words)
    layout.addWidget(bar)
    box.resize(640, 200)
    box.show()
    loop, timer = QEventLoop(), QTimer()
    thread = threading.Thread(target=work, name="restoring")
    thread.start()

    def look() -> None:
        bar.setValue(round(1000 * float(told["fraction"])))
        words.setText(f"Restoring {backup.name}: {told['words']}")
        if not thread.is_alive():
            loop.quit()

    timer.timeout.connect(look)
    timer.start(100)
    loop.exec()
    timer.stop()
    thread.join()
    box.hide()
    box.deleteLater()
    QApplication.processEvents()
    return str(told["end"])
