"""Versions, licences, and what leaves this machine: nothing."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

import app
from ui.bridge import Bridge
from ui.shared.widgets import Card, Notice, label

_PARTS = (
    ("PySide6-Essentials", "Qt and PySide6", "LGPL-3.0"),
    ("openvino", "OpenVINO", "Apache-2.0"),
    ("opencv-python-headless", "OpenCV", "Apache-2.0"),
    ("av", "PyAV with FFmpeg", "BSD-3-Clause; FFmpeg with x264 and x265 under the GPL"),
    ("isal", "ISA-L and its Python binding", "BSD-3-Clause; PSF-2.0"),
    ("numpy", "NumPy", "BSD-3-Clause"),
    ("SQLAlchemy", "SQLAlchemy", "MIT"),
    ("openpyxl", "openpyxl", "MIT"),
    ("zxing-cpp", "ZXing-C++", "Apache-2.0"),
    ("QtAwesome", "QtAwesome, Material Design Icons", "MIT; Apache-2.0"),
)


class AboutPage(QWidget):
    """What this program is made of."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(24)
        this = Card("Linesight")
        grid = QGridLayout()
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(8)
        own = getattr(app, "__version__", "") or _version("linesight") or "from a checkout"
        self.model = label("", wrap=True)
        self.backbone = label("", wrap=True)
        for line, (words, value) in enumerate(
            (
                ("Version", label(own)),
                ("Python", label(platform.python_version())),
                ("System", label(f"{platform.system()} {platform.release()}", wrap=True)),
                ("Model in use", self.model),
                ("Backbone", self.backbone),
                ("Data folder", label(str(bridge.station.data.root), wrap=True)),
            )
        ):
            grid.addWidget(label(words, "quiet"), line, 0)
            grid.addWidget(value, line, 1)
        grid.setColumnStretch(1, 1)
        this.body.addLayout(grid)
        this.body.addWidget(
            Notice(
                "This station sends nothing anywhere unasked: no telemetry, no account, no cloud. "
                "Pictures, records and models stay in the data folder."
            )
        )
        this.body.addStretch(1)
        others = Card("Made with")
        parts = QGridLayout()
        parts.setHorizontalSpacing(24)
        parts.setVerticalSpacing(8)
        line = 0
        for package, name, licence in _PARTS:
            found = _version(package)
            if not found:
                continue
            parts.addWidget(label(name), line, 0)
            parts.addWidget(label(found, "quiet"), line, 1)
            parts.addWidget(label(licence, "quiet", wrap=True), line, 2)
            line += 1
        parts.addWidget(label("Inter"), line, 0)
        parts.addWidget(label("typeface", "quiet"), line, 1)
        parts.addWidget(label("SIL Open Font License 1.1", "quiet"), line, 2)
        parts.setColumnStretch(2, 1)
        others.body.addLayout(parts)
        others.body.addStretch(1)
        for card, share in ((this, 1), (others, 1)):
            side = QVBoxLayout()
            side.addWidget(card)
            side.addStretch(1)
            layout.addLayout(side, share)
        self.refresh()

    def refresh(self) -> None:
        """Reads the model in use again."""
        model = self._bridge.station.state().model
        self.model.setText(str(model) if model else "none yet")
        self.backbone.setText(model.backbone if model else "none yet")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
