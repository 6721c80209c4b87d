"""`--smoke`: touches every import and every workspace, as a bundle's first trial."""

from __future__ import annotations

import importlib
import sys

from PySide6.QtWidgets import QApplication

from ui.app import application
from ui.ports import StationPort
from ui.rail import PLACE_KEYS
from ui.window import Window

OPTIONAL = (
    "alembic",
    "av",
    "cv2",
    "numpy",
    "openpyxl",
    "openvino",
    "platformdirs",
    "pydantic",
    "qtawesome",
    "sqlalchemy",
    "tomlkit",
    "zxingcpp",
)


def missing_imports() -> list[str]:
    """What can't be imported, as "name: reason"."""
    found = []
    for name in OPTIONAL:
        try:
            importlib.import_module(name)
        except ImportError as error:
            found.append(f"{name}: {error}")
    return found


def run_smoke(station: StationPort) -> int:
    """Makes and paints every workspace once; 0 if all is there, else 1 with the reasons on standard error.

    The station is not begun; it is closed at the end.
    """
    problems = missing_imports()
    app: QApplication = application(station)
    window = Window(station)
    try:
        window.show()
        for key in PLACE_KEYS:
            window.go(key)
            app.processEvents()
            if window.grab().isNull():
                problems.append(f"{key}: nothing was painted")
        for key in ("source", "station", "about"):
            window.go("setup")
            window.spaces.setup.open(key)
            app.processEvents()
    finally:
        window.close_window()
        window.hide()
        window.deleteLater()
        app.processEvents()
        station.close()
    for problem in problems:
        sys.stderr.write(problem + "\n")
    return 1 if problems else 0
