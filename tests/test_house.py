"""Rules of the house that no linter knows."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

_LEFT_OUT = {"openvino-telemetry"}  # why: app/__init__.py


def test_opencv_is_the_one_without_a_second_qt() -> None:
    installed = {canonicalize_name(dist.name) for dist in metadata.distributions()}
    assert {name for name in installed if name.startswith("opencv-")} == {"opencv-python-headless"}


def test_pyside_is_a_version_that_works() -> None:
    # 6.12.0 drops a reference to None with every paint; 6.11.0 and 6.11.1 have faults with docks.
    assert Version("6.11.3") <= Version(metadata.version("PySide6-Essentials")) < Version("6.12")


class _Painting(QWidget):
    """Paints itself and asks for the next paint, like the live picture does."""

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(QRect(0, 0, self.width(), self.height()), QColor(20, 40, 60))
        painter.drawText(10, 20, "PASS")
        painter.end()


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None is immortal from Python 3.12 on")
def test_painting_keeps_the_references_to_none(qtbot: QtBot) -> None:
    widget = _Painting()
    qtbot.addWidget(widget)
    widget.show()
    QApplication.processEvents()
    before = sys.getrefcount(None)
    for _ in range(200):
        widget.update()
        QApplication.processEvents()
    assert abs(sys.getrefcount(None) - before) < 50


def test_what_is_installed_is_what_is_locked(project_root: Path) -> None:
    locked = _locked(project_root, "dev.txt")
    kept = {"pip", "setuptools"}
    for dist in metadata.distributions():
        name = canonicalize_name(dist.name)
        assert name in kept or dist.version in locked.get(name, set()), f"{name} {dist.version} is not in dev.txt"


def test_every_installed_package_has_what_it_requires() -> None:
    # The locks are installed without pip's own check, so that one package can be left out.
    missing = []
    for dist in metadata.distributions():
        for text in dist.requires or []:
            requirement = Requirement(text)
            name = canonicalize_name(requirement.name)
            if name in _LEFT_OUT or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
                continue
            try:
                fits = requirement.specifier.contains(metadata.version(name), prereleases=True)
            except metadata.PackageNotFoundError:
                fits = False
            if not fits:
                missing.append(f"{dist.name} requires {text}")
    assert missing == []


def test_the_dev_lock_contains_the_runtime_lock(project_root: Path) -> None:
    runtime, dev = _locked(project_root, "runtime.txt"), _locked(project_root, "dev.txt")
    assert runtime
    assert {name: dev.get(name) for name in runtime} == runtime


def test_the_locks_fit_the_project_file(project_root: Path) -> None:
    project = tomllib.loads((project_root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {canonicalize_name(Requirement(text).name): Requirement(text) for text in project["dependencies"]}
    wanted = (project_root / "installer/requirements/runtime.in").read_text(encoding="utf-8").split()
    assert set(declared) == {canonicalize_name(Requirement(line).name) for line in wanted}
    locked = _locked(project_root, "runtime.txt")
    for name, requirement in declared.items():
        assert all(requirement.specifier.contains(version) for version in locked[name]), str(requirement)


def test_files_stay_readable_at_one_sitting(project_root: Path) -> None:
    files = [path for room in ("app", "ui", "installer") for path in (project_root / room).rglob("*.py")]
    assert files
    long = {str(path.relative_to(project_root)): lines for path in files if (lines := _line_count(path)) > 500}
    assert long == {}


def test_nothing_of_one_machine_is_in_the_project(project_root: Path) -> None:
    # Split, so that this file does not find itself.
    places = ["/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/", "/Us" + "ers/", r"C:\\Us" + r"ers\\", "/opt/py" + "pi"]
    indexes = ["--index" + "-url", "--extra-index" + "-url", "py" + r"pi\.org/simple", "python" + r"hosted\.org"]
    pattern = re.compile("|".join((*places, *indexes)))
    found = []
    for path in _tracked(project_root):
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:  # a picture, a font
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if pattern.search(line):
                found.append(f"{path.relative_to(project_root)}:{number}: {line.strip()[:100]}")
    assert found == []


def test_the_setup_needs_nothing_but_python(project_root: Path) -> None:
    # installer/aws runs in the environment that the set-up made.
    files = [path for path in (project_root / "installer").rglob("*.py") if "aws" not in path.parts]
    assert files
    for path in files:
        imported = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0
                imported.add((node.module or "").split(".")[0])
        assert imported <= {*sys.stdlib_module_names, "station_setup"}, path.name


def _locked(root: Path, lock: str) -> dict[str, set[str]]:
    """{name: versions} of a lock file."""
    text = (root / "installer" / "requirements" / lock).read_text(encoding="utf-8")
    locked: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([\w.+!-]+)", text, re.MULTILINE):
        locked.setdefault(canonicalize_name(name), set()).add(version)
    return locked


def _line_count(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def _tracked(root: Path) -> list[Path]:
    """Files that git keeps, or would keep once added."""
    if not (root / ".git").exists() or not shutil.which("git"):
        pytest.skip("this copy of the project is not a git checkout, or git is not installed")
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
    )
    if listed.returncode:
        pytest.skip(f"git can't read this checkout: {listed.stderr.decode(errors='replace').strip()}")
    return [root / name for name in listed.stdout.decode().split("\0") if name and (root / name).is_file()]
