"""From the command line's options to a running window."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from app.cli.parser import Arguments
from app.domain.errors import LinesightError
from app.logs import configure
from app.paths import DataFolder, data_folder
from app.station import Station

DEMO_SEED = 7
"""Of the runs with --demo-seconds: the same parts each time."""


def start(options: Arguments) -> int:
    """Shows the window (or makes it once, or for so many seconds); returns the exit code."""
    _choose_platform()
    if options.demo_seconds is not None or options.smoke:
        with tempfile.TemporaryDirectory(prefix="linesight-", ignore_cleanup_errors=True) as folder:
            return _run(options, DataFolder(Path(folder)), DEMO_SEED)
    return _run(options, data_folder(options.data_dir), None)


def _choose_platform() -> None:
    """Without a display the window is drawn into memory, and that is said."""
    if sys.platform in ("win32", "darwin") or os.environ.get("QT_QPA_PLATFORM"):
        return
    if not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
        print("There is no display: the window is drawn off screen. Ctrl+C ends it.", file=sys.stderr)
        os.environ["QT_QPA_PLATFORM"] = "offscreen"


def _run(options: Arguments, data: DataFolder, seed: int | None) -> int:
    try:
        data.prepare()
        configure(data.logs)
        station = Station(data, demo_seed=seed, source=options.source, model=options.model)
    except LinesightError as error:
        _say_why(str(error))
        return 1
    if options.smoke:
        from ui.smoke import run_smoke

        return run_smoke(station)
    from ui.app import run_window

    return run_window(station, kiosk=options.kiosk, demo_seconds=options.demo_seconds, snapshot=options.snapshot)


def _say_why(words: str) -> None:
    """Why there is no window: on the terminal, and in a box where somebody may have clicked an icon."""
    print(f"Error: {words}", file=sys.stderr)
    if os.environ.get("QT_QPA_PLATFORM") == "offscreen" or sys.stderr.isatty():
        return
    from PySide6.QtWidgets import QApplication, QMessageBox

    app = QApplication.instance() or QApplication(sys.argv[:1])
    QMessageBox.critical(None, "Linesight can't start", words)
    del app
