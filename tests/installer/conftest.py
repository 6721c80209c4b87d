"""Small projects for the bootstrap: the real installer/, locks of two tiny packages, no network."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

_MAIN = """\
import json, os, sys
import part
print(json.dumps({"arguments": sys.argv[1:], "part": part.VERSION, "platform": os.environ.get("QT_QPA_PLATFORM")}))
sys.exit(int(os.environ.get("EXIT", "0")))
"""
_TEST_TOOL = "import json, os, sys\nprint(json.dumps({'arguments': sys.argv[1:], 'folder': os.getcwd()}))\n"


@dataclass
class Project:
    """A project folder with a bootstrap in it, and the environment variables it is called with."""

    root: Path
    wheels: Path
    env: dict[str, str] = field(default_factory=dict)

    def bootstrap(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=self.root.parent,
            env=self.env | env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
        )

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, str(self.root / "installer" / "bootstrap.py"), *arguments]

    def lock(self, name: str, *lines: str) -> None:
        (self.root / "installer" / "requirements" / name).write_text("\n".join(lines) + "\n", encoding="utf-8")

    def wheel(self, name: str, version: str, files: dict[str, str]) -> str:
        """Puts a wheel where pip finds it; returns its line for a lock."""
        info = f"{name}-{version}.dist-info"
        content = files | {
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        rows = [f"{path},sha256={_urlsafe(text)},{len(text.encode())}" for path, text in content.items()]
        content[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,"]) + "\n"
        path = self.wheels / f"{name}-{version}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for place, text in content.items():
                archive.writestr(place, text)
        return f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"

    def part(self, version: str) -> str:
        """A wheel of the package that main.py uses."""
        return self.wheel("part", version, {"part/__init__.py": f"VERSION = '{version}'\n"})

    @property
    def log(self) -> Path:
        """What the bootstrap ran and what that said; there only if it ran something."""
        return self.root / ".venv" / "install.log"

    @property
    def installations(self) -> int:
        return self.log.read_text(encoding="utf-8").count("-m pip install") if self.log.exists() else 0


def _urlsafe(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def _new(folder: Path, source: Path) -> Project:
    root, wheels = folder / "project", folder / "wheels"
    root.mkdir(parents=True)
    wheels.mkdir()
    shutil.copytree(source / "installer", root / "installer", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "main.py").write_text(_MAIN, encoding="utf-8")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PIP_", "QT_", "PYTHON", "LINESIGHT_"))
    }
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        kept.pop(name, None)
    pip = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_NO_CACHE_DIR": "1"}
    project = Project(root, wheels, kept | pip)
    part = project.part("1.0")
    tool = project.wheel("pytest", "1.0", {"pytest/__init__.py": "", "pytest/__main__.py": _TEST_TOOL})
    project.lock("runtime.txt", part)
    project.lock("dev.txt", part, tool)
    project.lock("basler.txt", project.wheel("pypylon", "1.0", {"pypylon/__init__.py": ""}))
    return project


@pytest.fixture
def fresh(tmp_path: Path, project_root: Path) -> Project:
    """A project in which nothing was installed yet."""
    return _new(tmp_path / "fresh", project_root)


@pytest.fixture(scope="session")
def _built_once(tmp_path_factory: pytest.TempPathFactory, project_root: Path) -> Project:
    return _new(tmp_path_factory.mktemp("built"), project_root)


@pytest.fixture(scope="session")
def first_run(_built_once: Project) -> subprocess.CompletedProcess[str]:
    """What the first `run` of a project said, with a program that ends with 7."""
    return _built_once.bootstrap("run", "inspect", "--json", "a picture.png", EXIT="7")


@pytest.fixture(scope="session")
def _as_built(
    _built_once: Project, first_run: subprocess.CompletedProcess[str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A copy of the project and its wheels as the first run left them."""
    assert first_run.returncode == 7, first_run.stderr
    _built_once.log.unlink()
    kept = tmp_path_factory.mktemp("as-built") / "copy"
    shutil.copytree(_built_once.root.parent, kept, symlinks=True)
    return kept


@pytest.fixture
def built(_built_once: Project, _as_built: Path) -> Project:
    """A project after its first `run`, the test's own to break; always in the same place."""
    shutil.rmtree(_built_once.root.parent)
    shutil.copytree(_as_built, _built_once.root.parent, symlinks=True)
    return _built_once
