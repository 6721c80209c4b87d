"""The bootstrap as a person uses it: through its command line, on projects of its own."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from station_setup.environment import DEV, RUNTIME, Environment

from .conftest import Project

pytestmark = pytest.mark.skipif(os.name == "nt", reason="written for POSIX paths inside .venv")


# -- usage
@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["install"],
        ["setup", "--devel"],
        ["setup", "--dev", "more"],
        ["setup", "--extra"],
        ["setup", "--extra", "webcam"],
    ],
)
def test_wrong_usage_is_told_and_ends_with_2(fresh: Project, arguments: list[str]) -> None:
    done = fresh.bootstrap(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: bootstrap.py setup [--dev]")
    assert not (fresh.root / ".venv").exists()


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["setup", "--help"]])
def test_help_names_the_three_commands(fresh: Project, arguments: list[str]) -> None:
    done = fresh.bootstrap(*arguments)
    assert done.returncode == 0
    assert all(f"bootstrap.py {command}" in done.stdout for command in ("setup", "run", "test"))
    assert not (fresh.root / ".venv").exists()


def test_an_old_python_is_told_what_is_needed(project_root: Path) -> None:
    bootstrap = project_root / "installer" / "bootstrap.py"
    ast.parse(bootstrap.read_text(encoding="utf-8"), feature_version=(3, 4))
    pretend = (
        "import runpy, sys; sys.version_info = (3, 9, 2, 'final', 0); sys.version = '3.9.2 (default)'; "
        f"runpy.run_path({str(bootstrap)!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", pretend], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "needs Python 3.11 or newer; this is Python 3.9.2" in done.stderr
    assert "Traceback" not in done.stderr


# -- the first and every other start
def test_the_first_run_installs_and_starts(first_run: subprocess.CompletedProcess[str]) -> None:
    done = first_run
    assert done.returncode == 7
    assert json.loads(done.stdout) == {
        "arguments": ["inspect", "--json", "a picture.png"],
        "part": "1.0",
        "platform": "offscreen",
    }
    assert "Installing Linesight's packages" in done.stderr
    assert "Collecting" not in done.stderr


def test_later_starts_call_no_pip_and_say_nothing(built: Project) -> None:
    for wheel in built.wheels.iterdir():
        wheel.unlink()
    for arguments in (["run", "models", "list"], ["run", "--data-dir", "somewhere", "inspect"], ["run", "--help"]):
        done = built.bootstrap(*arguments)
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout)["arguments"] == arguments[1:]
    assert not built.log.exists()


def test_a_window_without_a_display_says_so_in_one_line(built: Project) -> None:
    done = built.bootstrap("run", "--demo-seconds", "3", "--snapshot", "out")
    assert done.stderr.count("\n") == 1
    assert "No display" in done.stderr
    assert json.loads(done.stdout)["platform"] == "offscreen"


def test_a_chosen_qt_platform_stays(built: Project) -> None:
    done = built.bootstrap("run", QT_QPA_PLATFORM="minimal")
    assert done.stderr == ""
    assert json.loads(done.stdout)["platform"] == "minimal"


def test_test_runs_pytest_in_the_project_and_leaves_run_ready(built: Project) -> None:
    done = built.bootstrap("test", "-k", "plate")
    assert json.loads(done.stdout) == {"arguments": ["-k", "plate"], "folder": str(built.root)}
    assert built.installations == 1
    assert built.bootstrap("test").returncode == built.bootstrap("run", "models").returncode == 0
    assert built.installations == 1  # the test tools come on top of what `run` needs


def test_a_copy_without_main_says_that_it_is_incomplete(built: Project) -> None:
    (built.root / "main.py").unlink()
    done = built.bootstrap("run")
    assert done.returncode == 1
    assert "incomplete" in done.stderr


# -- extras
@pytest.mark.slow
def test_an_extra_comes_on_top_and_stays_through_updates(built: Project) -> None:
    assert not _has(built, "pypylon")
    done = built.bootstrap("setup", "--extra", "basler")
    assert done.returncode == 0, done.stderr
    assert "the extra basler" in done.stderr
    assert _has(built, "pypylon") and built.installations == 1  # the rest was there
    assert built.bootstrap("setup", "--extra=basler").returncode == 0
    assert json.loads(built.bootstrap("run").stdout)["part"] == "1.0"
    assert built.installations == 1
    # The product's packages change, then the extra's own: both are followed.
    built.lock("runtime.txt", built.part("1.1"))
    assert json.loads(built.bootstrap("run").stdout)["part"] == "1.1"
    assert _has(built, "pypylon")
    built.lock("basler.txt", built.wheel("pypylon", "1.1", {"pypylon/__init__.py": "", "pypylon/newer.py": ""}))
    assert json.loads(built.bootstrap("run").stdout)["part"] == "1.1"
    assert list(built.root.glob(".venv/lib/python3*/site-packages/pypylon/newer.py"))


@pytest.mark.slow
def test_an_extra_that_can_not_be_had_is_said_and_stops_no_start(built: Project) -> None:
    assert built.bootstrap("setup", "--extra", "basler").returncode == 0
    built.lock("basler.txt", "pypylon==9.9 --hash=sha256:" + "0" * 64)
    done = built.bootstrap("run")
    assert json.loads(done.stdout)["part"] == "1.0"
    assert "Going on without the extra basler" in done.stderr
    assert built.bootstrap("setup", "--extra", "basler").returncode == 1


# -- when the locks change
def test_a_new_lock_is_followed_and_what_it_drops_is_removed(built: Project) -> None:
    extra = built.wheel("extra", "2.0", {"extra/__init__.py": ""})
    built.lock("runtime.txt", built.part("1.1"), extra)
    assert json.loads(built.bootstrap("run").stdout)["part"] == "1.1"
    assert _has(built, "extra")
    built.lock("runtime.txt", built.part("1.2"))
    assert json.loads(built.bootstrap("run").stdout)["part"] == "1.2"
    assert not _has(built, "extra")


def test_a_package_with_another_hash_is_refused(built: Project) -> None:
    good = built.part("1.1")
    built.lock("runtime.txt", "part==1.1 --hash=sha256:" + "0" * 64)
    done = built.bootstrap("run")
    assert (done.returncode, done.stdout) == (1, "")
    assert "not what was locked" in done.stderr
    built.lock("runtime.txt", good)
    assert json.loads(built.bootstrap("run").stdout)["part"] == "1.1"


def test_an_update_that_finds_no_network_leaves_the_old_state_usable(built: Project) -> None:
    lock = built.root / "installer" / "requirements" / "runtime.txt"
    old = lock.read_text(encoding="utf-8")
    built.lock("runtime.txt", "part==9.9 --hash=sha256:" + "0" * 64)
    done = built.bootstrap("run")
    assert done.returncode == 1
    assert "No ready-made package" in done.stderr or "no ready-made package" in done.stderr
    built.log.unlink()
    lock.write_text(old, encoding="utf-8")
    assert built.bootstrap("run", "models").stderr == ""
    assert not built.log.exists()


# -- damage
@pytest.mark.slow
def test_after_a_cut_off_installation_two_starts_at_once_install_once(fresh: Project) -> None:
    process = subprocess.Popen(fresh.command("setup"), env=fresh.env, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        _until(fresh.log.exists)
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # with its children, like a power cut
        process.wait()
    processes = [
        subprocess.Popen(fresh.command("run", "models"), env=fresh.env, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=90)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert fresh.installations == 1
    assert sum("did not end" in text for text in said) == 1
    assert sum("waiting for it to end" in text for text in said) == 1
    assert fresh.bootstrap("run", "models").stderr == ""


@pytest.mark.slow
def test_an_environment_without_its_python_is_made_anew(built: Project) -> None:
    (built.root / ".venv" / "bin" / "python").unlink()
    done = built.bootstrap("run", "models")
    assert done.returncode == 0
    assert "making it anew" in done.stderr
    assert json.loads(done.stdout)["part"] == "1.0"


@pytest.mark.parametrize("damage", ["stamp unreadable", "stamp of another format", "cut off", "python replaced"])
def test_a_doubtful_environment_is_not_ready(built: Project, damage: str) -> None:
    environment = Environment(built.root)
    assert environment.ready(RUNTIME)
    assert not environment.ready(DEV)
    stamp = built.root / ".venv" / "linesight.json"
    content = json.loads(stamp.read_text(encoding="utf-8"))
    if damage == "stamp unreadable":
        stamp.write_text('{"format": 1', encoding="utf-8")
    elif damage == "stamp of another format":
        stamp.write_text(json.dumps(content | {"format": 0}), encoding="utf-8")
    elif damage == "cut off":
        (built.root / ".venv" / "unfinished").touch()
    else:
        stamp.write_text(json.dumps(content | {"interpreter": "/usr/bin/python3.99"}), encoding="utf-8")
    assert not environment.ready(RUNTIME)


@pytest.mark.slow
def test_setup_finds_an_emptied_file(built: Project) -> None:
    module = next((built.root / ".venv" / "lib").glob("python*/site-packages/part/__init__.py"))
    module.write_text("", encoding="utf-8")
    assert built.bootstrap("run").returncode == 1
    done = built.bootstrap("setup")
    assert "part/__init__.py" in done.stderr
    assert built.bootstrap("run").returncode == 0


def test_a_moved_project_goes_on_without_network(built: Project) -> None:
    for wheel in built.wheels.iterdir():
        wheel.unlink()
    moved = Project(built.root.parent / "another place", built.wheels, built.env)
    built.root.rename(moved.root)
    done = moved.bootstrap("run", "models")
    assert "The project was moved" in done.stderr
    assert json.loads(done.stdout)["part"] == "1.0"
    assert moved.installations == 0
    assert moved.bootstrap("run", "models").stderr == ""
    script = (moved.root / ".venv" / "bin" / "pip").read_text(encoding="utf-8")
    assert str(moved.root) in script
    assert str(built.root) not in script


def _has(project: Project, package: str) -> bool:
    return bool(list((project.root / ".venv" / "lib").glob(f"python*/site-packages/{package}")))


def _until(condition: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)
