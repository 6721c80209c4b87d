"""From the command line's options to a running window."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from app.domain.errors import LinesightError
from app.logs import configure
from app.machine import little_memory
from app.paths import DataFolder, data_folder
from app.station import Station
from ui.app import run_window
from ui.restoring import restore_on_screen
from ui.smoke import run_smoke

DEMO_SEED = 7
"""Of the runs with --demo-seconds: the same parts each time."""


def start(
    *,
    data_dir: Path | None = None,
    kiosk: bool = False,
    smoke: bool = False,
    demo_seconds: float | None = None,
    snapshot: Path | None = None,
    source: str | None = None,
    model: str | None = None,
) -> int:
    """Shows the window until it is closed.

    Args:
        data_dir: where the station keeps everything; None for the usual place.
        kiosk: the whole screen, without a frame.
        smoke: makes every workspace once and ends.
        demo_seconds: inspects the demo line for so long, in a temporary data folder, and ends.
        snapshot: with `demo_seconds`, the folder for pictures and report.
        source, model: what to inspect with, instead of what the settings say.

    Returns:
        The exit code.
    """
    _choose_platform()
    temporary = demo_seconds is not None or smoke
    with little_memory(), tempfile.TemporaryDirectory(prefix="linesight-", ignore_cleanup_errors=True) as folder:
        data = DataFolder(Path(folder)) if temporary else data_folder(data_dir)
        try:
            configure(data.prepare().logs)
            station = Station(data, demo_seed=DEMO_SEED if temporary else None, source=source, model=model)
        except LinesightError as error:
            _say_why(str(error))
            return 1
        if smoke:
            return run_smoke(station)
        kiosk = kiosk or (station.settings.kiosk and not temporary)
        code, words = run_window(station, kiosk=kiosk, demo_seconds=demo_seconds, snapshot=snapshot), ""
        while (backup := station.keeping.restore_wanted) is not None:
            words = restore_on_screen(data, backup)
            try:
                station = Station(data)
            except LinesightError as error:
                _say_why(str(error))
                return 1
            code = run_window(station, kiosk=kiosk, words=words)
        return code


def _choose_platform() -> None:
    """Without a display the window is drawn into memory, and that is said."""
    if sys.platform in ("win32", "darwin") or os.environ.get("QT_QPA_PLATFORM"):
        return
    if not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
        print("There is no display: the window is drawn off screen. Ctrl+C ends it.", file=sys.stderr)
        os.environ["QT_QPA_PLATFORM"] = "offscreen"


def _say_why(words: str) -> None:
    """Why there is no window: on the terminal, and in a box where somebody may have clicked an icon."""
    print(f"Error: {words}", file=sys.stderr)
    if os.environ.get("QT_QPA_PLATFORM") == "offscreen" or sys.stderr.isatty():
        return
    from PySide6.QtWidgets import QApplication, QMessageBox

    app = QApplication.instance() or QApplication(sys.argv[:1])
    QMessageBox.critical(None, "Linesight can't start", words)
    del app
