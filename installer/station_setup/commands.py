"""The three commands: setup, run, test."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from station_setup import system
from station_setup.console import SetupError, say
from station_setup.environment import DEV, EXTRAS, RUNTIME, Environment, Profile

ROOT = Path(__file__).resolve().parent.parent.parent

USAGE = """\
usage: bootstrap.py setup [--dev] [--extra NAME ...]
                                        install what Linesight needs (--dev: what its tests need as well); extras:
                                            basler   cameras of Basler, through Basler's pylon
                                            genicam  cameras of any maker with a GenICam driver (.cti)
                                        an extra that was installed stays; later updates keep it up to date
       bootstrap.py run [ARGS ...]      install if needed, then start; ARGS go to main.py (run --help lists them)
       bootstrap.py test [ARGS ...]     install if needed, then run the tests; ARGS go to pytest, paths count from
                                        the project's folder

Everything is installed into .venv in the project's folder; removing that folder removes it all.
"""
_VALUE_OPTIONS = ("--data-dir", "--demo-seconds", "--snapshot")


def main(arguments: Sequence[str]) -> int:
    """Runs one command; returns the exit code: 1 something is missing or failed, 2 wrong usage."""
    match list(arguments):
        case ["-h" | "--help", *_] | ["setup", "-h" | "--help"]:
            print(USAGE, end="")
            return 0
        case ["setup", *rest] if (asked := _asked(rest)) is not None:
            pass
        case ["run", *_] | ["test", *_]:
            asked = None
        case _:
            sys.stderr.write(USAGE)
            return 2
    command, *rest = arguments
    try:
        if asked is not None:
            return setup(dev=asked[0], extras=asked[1])
        return run(rest) if command == "run" else test(rest)
    except SetupError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("\nStopped. The same command goes on where this one was.")
        return 130


def _asked(options: list[str]) -> tuple[bool, list[str]] | None:
    """(--dev, names after --extra) of what follows `setup`; None where that is no usage."""
    dev, extras = False, []
    left = iter(options)
    for option in left:
        name = next(left, "") if option == "--extra" else option.removeprefix("--extra=")
        if option == "--dev" and not dev:
            dev = True
        elif option.startswith("--extra") and name in EXTRAS:
            extras.append(name)
        else:
            return None
    return dev, extras


def setup(*, dev: bool, extras: Sequence[str] = ()) -> int:
    """Installs everything for every way of starting, with a closer look at what is there."""
    shown = bool(os.environ.get("DISPLAY"))
    x11 = tuple(replace(need, essential=shown) for need in system.X11)
    of_extras = [
        replace(need, essential=name in extras)  # the tests of a camera that can't be read are skipped
        for name in (system.OF_EXTRAS if dev else extras)
        for need in system.OF_EXTRAS.get(name, ())
    ]
    libraries = (*system.WINDOWLESS, *x11, *of_extras)
    _provide(DEV if dev else RUNTIME, libraries, extras=extras, test_tools=dev, look_closely=True)
    say("Ready." if dev else "Ready. Start with: python3 installer/bootstrap.py run")
    return 0


def run(arguments: list[str]) -> int:
    """Starts main.py; comes back only where the system can't replace the process (Windows)."""
    libraries, env, words = display_plan(arguments, os.environ, sys.platform)
    _provide(RUNTIME, libraries)
    program = ROOT / "main.py"
    if not program.is_file():
        raise SetupError(f"{program} is missing: this copy of the project is incomplete. Get it again.")
    if words:
        say(words)
    return _become([str(program), *arguments], env)


def test(arguments: list[str]) -> int:
    """Runs the whole suite in parts side by side; pytest itself where something particular is asked for."""
    _provide(DEV, system.WINDOWLESS)
    os.chdir(ROOT)
    whole = not arguments and (ROOT / "tests" / "parts.py").is_file()
    return _become(["-m", "tests.parts"] if whole else ["-m", "pytest", *arguments], dict(os.environ))


def display_plan(
    arguments: Sequence[str], environ: Mapping[str, str], platform: str
) -> tuple[tuple[system.Need, ...], dict[str, str], str]:
    """What `run` needs for its screen: the libraries, the program's environment, and a line to say or ""."""
    env = dict(environ)
    if not platform.startswith("linux"):
        return (), env, ""
    window = opens_window(arguments)
    words = ""
    if not (environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY") or environ.get("QT_QPA_PLATFORM")):
        env["QT_QPA_PLATFORM"] = "offscreen"
        if window:
            words = "No display (DISPLAY and WAYLAND_DISPLAY are not set): running unseen, on Qt's offscreen platform."
    if not window:
        return (), env, ""
    if env.get("QT_QPA_PLATFORM"):
        return system.WINDOWLESS, env, words
    return (*system.WINDOWLESS, *(system.X11 if environ.get("DISPLAY") else system.WAYLAND)), env, words


def opens_window(arguments: Sequence[str]) -> bool:
    """Whether main.py would open its window: no subcommand and no plea for help among its arguments."""
    rest = iter(arguments)
    for argument in rest:
        if argument in ("-h", "--help", "--version") or not argument.startswith("-"):
            return False
        if argument in _VALUE_OPTIONS:
            next(rest, None)
    return True


def _provide(
    profile: Profile,
    libraries: tuple[system.Need, ...],
    *,
    extras: Sequence[str] = (),
    test_tools: bool = False,
    look_closely: bool = False,
) -> None:
    environment = Environment(ROOT)

    def missing(_: object = None) -> list[system.Need]:
        needs = [] if environment.ready(profile) else system.missing_venv()
        needs += system.missing_libraries(libraries)
        return needs + (system.missing_test_tools() if test_tools else [])

    needs = missing()
    if needs:
        system.provide(needs, system.Host.this(), missing)
    environment.prepare(profile, extras=extras, look_closely=look_closely)


def _become(arguments: list[str], env: dict[str, str]) -> int:
    """Lets the environment's Python take this process's place."""
    python = str(Environment(ROOT).python)
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name != "nt":
        os.execve(python, [python, *arguments], env)
    with subprocess.Popen([python, *arguments], env=env) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:  # Ctrl-C reaches the program as well, and that decides what to do
                continue
