"""What the set-up asks of the operating system, and what it says where it may not install it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from station_setup import commands, system
from station_setup.console import SetupError

DEBIAN_12, DEBIAN_13 = {"libglib2.0-0"}, {"libglib2.0-0t64"}
GLIB = system.WINDOWLESS[-1]
EGL = system.WINDOWLESS[0]


@dataclass
class Machine:
    """A machine that remembers what was run on it; apt-get installs unless it is `offline`."""

    known: set[str]
    offline: bool = False
    ran: list[list[str]] = field(default_factory=list)
    installed: bool = False

    def run(self, command: list[str], env: dict[str, str] | None) -> tuple[int, str]:
        self.ran.append(command)
        if command[0] == "apt-cache":
            return (0 if command[-1] in self.known else 100), ""
        assert command[0] == "apt-get"
        assert env is not None
        assert env["DEBIAN_FRONTEND"] == "noninteractive"
        if self.offline:
            return 100, "E: Could not resolve host"
        self.installed |= command[1] == "install"
        return 0, ""

    def still_missing(self, needs: list[system.Need]) -> Callable[[list[system.Need]], list[system.Need]]:
        return lambda _: [] if self.installed else needs

    def packages(self) -> list[str]:
        (install,) = [command for command in self.ran if command[:2] == ["apt-get", "install"]]
        assert "--no-install-recommends" in install
        return [word for word in install[2:] if word.startswith("lib")]


@pytest.mark.parametrize(("known", "name"), [(DEBIAN_12, "libglib2.0-0"), (DEBIAN_13, "libglib2.0-0t64")])
def test_root_on_debian_installs_by_the_name_that_apt_knows(known: set[str], name: str) -> None:
    machine, needs = Machine(known), [EGL, GLIB]
    system.provide(needs, system.Host("debian", True, machine.run), machine.still_missing(needs))
    assert machine.packages() == ["libegl1", name]
    assert machine.ran[0][:2] == ["apt-get", "update"]


def test_nothing_missing_runs_nothing() -> None:
    machine = Machine(DEBIAN_12)
    system.provide([], system.Host("debian", True, machine.run), machine.still_missing([]))
    assert machine.ran == []


def test_a_user_on_debian_gets_the_exact_line() -> None:
    machine, needs = Machine(DEBIAN_12), [EGL, GLIB]
    with pytest.raises(SetupError) as raised:
        system.provide(needs, system.Host("debian", False, machine.run), machine.still_missing(needs))
    assert (
        "sudo apt-get update && sudo apt-get install -y --no-install-recommends libegl1 libglib2.0-0"
        in str(raised.value).splitlines()[-1]
    )
    assert "libEGL.so.1" in str(raised.value)
    assert not [command for command in machine.ran if command[0] == "apt-get"]


def test_apt_without_a_network_shows_what_apt_said() -> None:
    machine, needs = Machine(DEBIAN_12, offline=True), [EGL]
    with pytest.raises(SetupError, match="Could not resolve host"):
        system.provide(needs, system.Host("debian", True, machine.run), machine.still_missing(needs))


@pytest.mark.parametrize(("family", "words"), [("fedora", "sudo dnf install libglvnd-egl"), ("", "package manager")])
def test_other_distributions_get_the_names(family: str, words: str) -> None:
    with pytest.raises(SetupError, match=words) as raised:
        system.provide([EGL], system.Host(family, True, Machine(set()).run), lambda needs: needs)
    assert "libEGL.so.1" in str(raised.value)


def test_what_is_not_essential_is_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    needs = [replace(need, essential=False) for need in system.X11]
    system.provide(needs, system.Host("debian", False, Machine(set()).run), lambda needs: needs)
    assert "libxcb-cursor0" in capsys.readouterr().err


def test_libraries_are_found_by_loading_them() -> None:
    gone = {"libGL.so.1", "libxkbcommon.so.0"}
    missing = system.missing_libraries(system.WINDOWLESS, lambda soname: soname not in gone)
    assert {need.what for need in missing} == gone
    absent = system.Need("libno-such-thing.so.9", ("nothing",))
    assert system.missing_libraries((absent,)) == [absent]


@pytest.mark.parametrize(
    ("os_release", "family"),
    [
        ({"ID": "debian"}, "debian"),
        ({"ID": "linuxmint", "ID_LIKE": "ubuntu debian"}, "debian"),
        ({"ID": "rocky", "ID_LIKE": "rhel centos fedora"}, "fedora"),
        ({"ID": "arch"}, ""),
        ({}, ""),
    ],
)
def test_families(os_release: dict[str, str], family: str) -> None:
    assert system.family(os_release) == family


@pytest.mark.parametrize(
    ("arguments", "window"),
    [
        ([], True),
        (["--kiosk"], True),
        (["--demo-seconds", "30", "--snapshot", "out"], True),
        (["--data-dir=d"], True),
        (["--data-dir", "d"], True),
        (["--data-dir", "d", "run", "--headless"], False),
        (["inspect", "--model", "m", "p"], False),
        (["--help"], False),
    ],
)
def test_which_arguments_open_the_window(arguments: list[str], window: bool) -> None:
    assert commands.opens_window(arguments) is window


@pytest.mark.parametrize(
    ("environ", "libraries", "platform"),
    [
        ({}, system.WINDOWLESS, "offscreen"),
        ({"DISPLAY": ":0"}, (*system.WINDOWLESS, *system.X11), None),
        ({"WAYLAND_DISPLAY": "wayland-0"}, (*system.WINDOWLESS, *system.WAYLAND), None),
        ({"DISPLAY": ":0", "QT_QPA_PLATFORM": "offscreen"}, system.WINDOWLESS, "offscreen"),
    ],
)
def test_what_a_window_needs(environ: dict[str, str], libraries: tuple[system.Need, ...], platform: str | None) -> None:
    needed, env, words = commands.display_plan([], environ, "linux")
    assert (needed, env.get("QT_QPA_PLATFORM")) == (libraries, platform)
    assert bool(words) is (environ == {})


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_other_systems_keep_their_own_screen(platform: str) -> None:
    assert commands.display_plan([], {}, platform) == ((), {}, "")
