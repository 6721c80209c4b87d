"""What the operating system must provide: found by trying it, installed by apt-get where this user may.

Only Linux needs this: the wheels for Windows and macOS bring everything they use.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from station_setup.console import SetupError, last_lines, run_quietly, say


@dataclass(frozen=True, slots=True)
class Need:
    """Something the machine must have.

    Attributes:
        what: how an error text calls it: a library's soname, a tool or a module.
        debian: names of the package that has it on Debian and Ubuntu, the newest name first.
        fedora: the package on Fedora and its relatives, "" where not known.
        essential: False for what may be missing: a warning is enough.
    """

    what: str
    debian: tuple[str, ...]
    fedora: str = ""
    essential: bool = True


# Qt loads these for every platform, the offscreen one as well.
WINDOWLESS = (
    Need("libEGL.so.1", ("libegl1",), "libglvnd-egl"),
    Need("libGL.so.1", ("libgl1",), "libglvnd-glx"),
    Need("libxkbcommon.so.0", ("libxkbcommon0",), "libxkbcommon"),
    Need("libdbus-1.so.3", ("libdbus-1-3",), "dbus-libs"),
    Need("libfontconfig.so.1", ("libfontconfig1",), "fontconfig"),
    Need("libglib-2.0.so.0", ("libglib2.0-0t64", "libglib2.0-0"), "glib2"),
)
# Qt's X11 platform.
X11 = (
    Need("libxcb-cursor.so.0", ("libxcb-cursor0",), "xcb-util-cursor"),
    Need("libxcb-icccm.so.4", ("libxcb-icccm4",), "xcb-util-wm"),
    Need("libxcb-keysyms.so.1", ("libxcb-keysyms1",), "xcb-util-keysyms"),
    Need("libxcb-shape.so.0", ("libxcb-shape0",), "libxcb"),
    Need("libxkbcommon-x11.so.0", ("libxkbcommon-x11-0",), "libxkbcommon-x11"),
)
# Qt's Wayland platform.
WAYLAND = (
    Need("libwayland-client.so.0", ("libwayland-client0",), "libwayland-client"),
    Need("libwayland-cursor.so.0", ("libwayland-cursor0",), "libwayland-cursor"),
)
_PYTHON = f"libpython{sys.version_info.major}.{sys.version_info.minor}"
# What an extra loads beside its packages; GenICam's binding wants the shared library of a Python that Debian links in.
OF_EXTRAS = {"genicam": (Need(f"{_PYTHON}.so.1.0", (_PYTHON,), "python3-libs"),)}
# What some tests use: a virtual display and a real RTSP server. Without them these tests are skipped.
TEST_TOOLS = tuple(
    Need(name, (name,), essential=False)
    for name in (
        "xvfb",
        "xauth",
        "python3-gi",
        "gir1.2-gst-rtsp-server-1.0",
        "gir1.2-gstreamer-1.0",
        "gstreamer1.0-plugins-base",
        "gstreamer1.0-plugins-good",
        "gstreamer1.0-plugins-bad",
        "gstreamer1.0-plugins-ugly",
        "gstreamer1.0-tools",
    )
)


def missing_libraries(wanted: tuple[Need, ...], can_load: Callable[[str], bool] | None = None) -> list[Need]:
    """Those of `wanted` that the dynamic loader can't find; none outside Linux."""
    if not sys.platform.startswith("linux"):
        return []
    can_load = can_load or _can_load
    return [need for need in wanted if not can_load(need.what)]


def missing_test_tools() -> list[Need]:
    """Those of TEST_TOOLS that dpkg does not know as installed; none where there is no dpkg."""
    if not shutil.which("dpkg-query"):
        return []
    names = [need.debian[0] for need in TEST_TOOLS]
    _, output = run_quietly(["dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Package}\n", *names])
    installed = {line.split()[-1] for line in output.splitlines() if line.startswith("ii")}
    return [need for need in TEST_TOOLS if need.debian[0] not in installed]


def missing_venv() -> list[Need]:
    """Debian and Ubuntu ship Python without what makes virtual environments; this names the package."""
    importlib.invalidate_caches()
    if importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip"):
        return []
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    # A Python beside the distribution's own one (deadsnakes) has its package under its full name.
    own = os.path.basename(os.path.realpath("/usr/bin/python3")) == f"python{version}"
    package = "python3-venv" if own else f"python{version}-venv"
    return [Need("Python's module ensurepip", (package,), "python3-libs")]


def _can_load(soname: str) -> bool:
    try:
        ctypes.CDLL(soname)
    except OSError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Host:
    """What of the machine decides how missing packages come: replaced in tests."""

    family: str
    root: bool
    run: Callable[[list[str], dict[str, str] | None], tuple[int, str]] = run_quietly

    @staticmethod
    def this() -> Host:
        root = hasattr(os, "geteuid") and os.geteuid() == 0
        return Host(family(_os_release()) if sys.platform.startswith("linux") else "", root)


def _os_release() -> dict[str, str]:
    for place in ("/etc/os-release", "/usr/lib/os-release"):
        try:
            text = Path(place).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line)
        return {key: "".join(shlex.split(value)[:1]) for key, value in pairs}
    return {}


def family(os_release: Mapping[str, str]) -> str:
    """ "debian", "fedora" or "" from the fields of /etc/os-release."""
    kin = {os_release.get("ID", ""), *os_release.get("ID_LIKE", "").split()}
    if kin & {"debian", "ubuntu"}:
        return "debian"
    return "fedora" if kin & {"fedora", "rhel", "centos"} else ""


def provide(needs: list[Need], host: Host, still_missing: Callable[[list[Need]], list[Need]]) -> None:
    """Installs what is missing, or says the exact line to type.

    Args:
        needs: what is missing; nothing happens when empty.
        still_missing: looks again, after an installation.

    Raises:
        SetupError: something essential is missing and can't be installed by this process.
    """
    if not needs:
        return
    if host.family == "debian" and host.root:
        problem = _install(needs, host)
        left = still_missing(needs)
        if not left:
            return
        reason = problem or "apt-get ended well, but these are still missing."
        _give_up_or_warn(left, f"{reason}\n{_how(left, host)}")
    else:
        _give_up_or_warn(needs, _how(needs, host))


def _install(needs: list[Need], host: Host) -> str:
    """Runs apt-get; returns what went wrong, in words, or ""."""
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    wait = ["-o", "DPkg::Lock::Timeout=120"]
    say(f"Installing {len(needs)} system packages with apt-get (up to a minute or two) ...")
    update_code, update_output = host.run(["apt-get", "update", "-q", *wait], env)
    names = _package_names(needs, host)
    code, output = host.run(["apt-get", "install", "-y", "-q", "--no-install-recommends", *wait, *names], env)
    if code == 0:
        return ""
    if update_code:
        output = f"{update_output}\n{output}"
    return f"apt-get could not install {' '.join(names)}:\n{last_lines(output)}"


def _package_names(needs: list[Need], host: Host) -> list[str]:
    """One package a need: the newest name that apt knows, else the oldest (apt then says what it thinks)."""
    names = []
    for need in needs:
        known = (name for name in need.debian[:-1] if host.run(["apt-cache", "show", name], None)[0] == 0)
        names.append(next(known, need.debian[-1]))
    return list(dict.fromkeys(names))


def _how(needs: list[Need], host: Host) -> str:
    if host.family == "debian":
        names = " ".join(_package_names(needs, host))
        sudo = "" if host.root else "sudo "
        return (
            "Type this, then start again:\n"
            f"    {sudo}apt-get update && {sudo}apt-get install -y --no-install-recommends {names}"
        )
    if host.family == "fedora":
        names = " ".join(dict.fromkeys(need.fedora for need in needs if need.fedora))
        return f"Type this, then start again:\n    sudo dnf install {names}"
    return "Install them with your distribution's package manager, then start again."


def _give_up_or_warn(needs: list[Need], how: str) -> None:
    names = ", ".join(need.what for need in needs)
    if any(need.essential for need in needs):
        raise SetupError(f"Linesight needs these from the operating system, and they are missing: {names}.\n{how}")
    say(f"Not found, and not needed now: {names}.\n{how}")
