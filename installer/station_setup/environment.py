"""The virtual environment .venv: made, filled from a lock, and known to be whole at a glance.

How it stays whole: a file `unfinished` lies in .venv while anything is being changed, and a stamp
(`linesight.json`: hashes of the locks, Python, place) is written last. Stamp fits and no
`unfinished`: nothing to do. `unfinished` is there: the last installation was cut off; start afresh.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from station_setup.console import SetupError, last_lines, run_quietly, say, say_in_place

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

FORMAT = 1
"""Raised when environments made by an older bootstrap must not be used any more."""

_NEEDED_BYTES = 1_500_000_000
_GLIBC = (2, 34)
_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Profile:
    """A set of packages: its lock, and the locks that it contains whole."""

    lock: str
    contains: tuple[str, ...]
    words: str

    @property
    def locks(self) -> tuple[str, ...]:
        return (*self.contains, self.lock)


RUNTIME = Profile("runtime.txt", (), "Linesight's packages (1 to 5 minutes, depending on the network)")
DEV = Profile("dev.txt", ("runtime.txt",), "Linesight's packages and the test tools (1 to 5 minutes)")
EXTRAS = {
    "basler": Profile("basler.txt", ("runtime.txt",), "the extra basler: pylon for Basler cameras"),
    "genicam": Profile("genicam.txt", ("runtime.txt",), "the extra genicam: harvesters for GenICam cameras"),
}
"""What may be installed on top; kept from then on, whatever is installed or made anew later."""


class Environment:
    """The `.venv` of the project in `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / ".venv"
        self._stamp = self.folder / "linesight.json"
        self._unfinished = self.folder / "unfinished"
        self._log = self.folder / "install.log"
        scripts = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
        self.python = self.folder.joinpath(*scripts)

    def ready(self, profile: Profile) -> bool:
        """Whether it holds exactly what the profile's locks say, in this place. Takes a millisecond."""
        stamp = self._read_stamp()
        return (
            stamp is not None
            and stamp["root"] == str(self.root)
            and self._interpreter_is(stamp)
            and all(stamp["locks"].get(lock) == self._digest(lock) for lock in profile.locks)
        )

    def prepare(self, profile: Profile, *, extras: Collection[str] = (), look_closely: bool = False) -> None:
        """Makes, repairs or completes it; returns at once when it is ready.

        Args:
            extras: names of EXTRAS to install as well. Those that were installed before stay, and follow their locks.
            look_closely: also look whether every installed file is still there (a second or so).

        Raises:
            SetupError: in words, with the end of pip's output where that failed.
        """

        def whole() -> bool:
            ready = self.ready(profile) and all(self.ready(EXTRAS[name]) for name in (*extras, *self._extras()))
            return ready and not (look_closely and self._lost_file())

        if whole():
            return
        with self._alone() as lock:
            if whole():
                return  # another bootstrap has just done it
            before = self._extras()
            self._mend_or_remove()
            if not self.folder.exists():
                self._check_machine()
                self._create(lock)
            self._install(profile, lock)
            for name in dict.fromkeys((*extras, *before)):
                self._add(name, lock, wanted_now=name in extras)

    def _extras(self) -> list[str]:
        """Those that were installed once, even where the environment is to be made anew."""
        try:
            locks = json.loads(self._stamp.read_text(encoding="utf-8"))["locks"]
            return [name for name, one in EXTRAS.items() if one.lock in locks and self._lock_file(one.lock).is_file()]
        except (OSError, ValueError, KeyError, TypeError):
            return []

    def _add(self, name: str, lock: IO[bytes], *, wanted_now: bool) -> None:
        """Installs an extra; only who asks for it now has to hear that it can't be had."""
        try:
            self._install(EXTRAS[name], lock)
        except SetupError as error:
            if wanted_now or self._unfinished.exists():
                raise
            say(f"{error}\nGoing on without the extra {name}. To try again: bootstrap.py setup --extra {name}")

    # -- what is there
    def _read_stamp(self) -> dict[str, Any] | None:
        if self._unfinished.exists():
            return None
        try:
            stamp = json.loads(self._stamp.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if not isinstance(stamp, dict) or stamp.get("format") != FORMAT:
            return None
        return stamp if {"root", "interpreter", "python", "locks"} <= stamp.keys() else None

    def _interpreter_is(self, stamp: dict[str, Any]) -> bool:
        """False after the Python below the environment was removed or replaced by another version."""
        place = self._base_interpreter()
        return place == stamp["interpreter"] and os.path.isfile(place)

    def _base_interpreter(self) -> str:
        if os.name != "nt":
            return os.path.realpath(self.python)
        try:  # there python.exe is a launcher for the interpreter in the folder `home`
            config = (self.folder / "pyvenv.cfg").read_text(encoding="utf-8")
        except OSError:
            return ""
        home = re.search(r"^home\s*=\s*(.+?)\s*$", config, re.MULTILINE)
        return os.path.join(home.group(1), "python.exe") if home and self.python.exists() else ""

    def _digest(self, lock: str) -> str:
        path = self._lock_file(lock)
        try:
            return hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise SetupError(
                f"{path} can't be read: this copy of the project is not complete. Get it again."
            ) from error

    def _lock_file(self, lock: str) -> Path:
        return self.root / "installer" / "requirements" / lock

    def _lost_file(self) -> str:
        """The first installed file that is gone or has another size, or ""."""
        for info in self._installed():
            with (info / "RECORD").open(encoding="utf-8", newline="") as rows:
                for name, _digest, size in csv.reader(rows):
                    if name.endswith(".pyc") or name.startswith(".."):
                        continue  # made again when missing; scripts, which are not used by their paths
                    try:
                        found = (info.parent / name).stat().st_size
                    except OSError:
                        return name
                    if size and found != int(size):
                        return name
        return ""

    def _installed(self) -> list[Path]:
        """The metadata folders of the installed packages."""
        places = [*self.folder.glob("lib/python3*/site-packages"), *self.folder.glob("Lib/site-packages")]
        return [record.parent for place in places for record in place.glob("*.dist-info/RECORD")]

    # -- making it whole
    def _mend_or_remove(self) -> None:
        if not self.folder.exists() and not self.folder.is_symlink():
            return
        stamp = self._read_stamp()
        if self._unfinished.exists():
            self._remove("The last installation did not end: starting it afresh.")
        elif stamp is None and self._stamp.exists():
            self._remove("The environment in .venv was made by another version: making it anew.")
        elif not self._works() or (stamp is not None and not self._interpreter_is(stamp)):
            self._remove("The environment in .venv no longer works (its Python changed?): making it anew.")
        elif lost := self._lost_file():
            self._remove(f"The environment in .venv is damaged ({lost}): making it anew.")
        elif stamp is not None and stamp["root"] != str(self.root):
            self._follow_move(stamp)

    def _works(self) -> bool:
        code, output = run_quietly([str(self.python), "-c", "import sys, pip; print(sys.prefix)"])
        return code == 0 and os.path.realpath(output.strip()) == os.path.realpath(self.folder)

    def _remove(self, why: str) -> None:
        say(why)
        try:
            if self.folder.is_symlink():
                self.folder.unlink()
            else:
                shutil.rmtree(self.folder)
        except OSError as error:
            raise SetupError(
                f"{self.folder} can't be removed ({error.strerror or error}). "
                "Close every program that runs from it, remove the folder, and start again."
            ) from error

    def _follow_move(self, stamp: dict[str, Any]) -> None:
        """The project was moved or copied: corrects the paths inside, without needing the network."""
        if os.name == "nt":
            self._remove("The project was moved: making its environment anew.")
            return
        say("The project was moved: correcting the paths in its environment.")
        code, output = run_quietly([str(self.python), "-m", "venv", "--without-pip", str(self.folder)])
        if code:
            raise SetupError(f"{self.folder} can't be corrected:\n{last_lines(output)}\nRemove it and start again.")
        old = f"#!{stamp['root']}/".encode()
        for script in self.python.parent.iterdir():
            if script.is_file() and not script.is_symlink():
                content = script.read_bytes()
                if content.startswith(old):
                    script.write_bytes(f"#!{self.root}/".encode() + content[len(old) :])
        self._write_stamp({**stamp, "root": str(self.root)})

    def _check_machine(self) -> None:
        free = shutil.disk_usage(self.root).free
        if free < _NEEDED_BYTES:
            raise SetupError(
                f"{self.root} has {free / 1e9:.1f} GB left; the installation needs about {_NEEDED_BYTES / 1e9:.1f} GB. "
                "Make room and start again."
            )
        if sys.maxsize < 2**32:
            raise SetupError("This is a 32-bit Python; Linesight needs a 64-bit one.")
        name, version = platform.libc_ver()
        if name == "glibc" and tuple(int(part) for part in version.split(".")[:2]) < _GLIBC:
            raise SetupError(
                f"This system's C library is glibc {version}; Linesight needs 2.34 or newer "
                "(Debian 12, Ubuntu 22.04, Fedora 35 or later)."
            )

    def _create(self, lock: IO[bytes]) -> None:
        say("Making the environment in .venv (a few seconds) ...")
        try:
            self.folder.mkdir()
            self._unfinished.touch()
        except OSError as error:
            raise SetupError(f"{self.folder} can't be written ({error.strerror or error}).") from error
        code, output = self._follow([sys.executable, "-m", "venv", str(self.folder)], lock)
        if code:
            raise SetupError(f"Python could not make the environment:\n{last_lines(output)}")

    def _install(self, profile: Profile, lock: IO[bytes]) -> None:
        old = self._read_stamp()
        if old is not None and all(old["locks"].get(name) == self._digest(name) for name in profile.locks):
            return  # it was only moved
        say(f"Installing {profile.words} ...")
        began = time.monotonic()
        self._unfinished.touch()
        pip = [str(self.python), "-m", "pip"]
        # Without --no-deps pip would insist on what the lock leaves out on purpose (see its head).
        install = ["install", "--require-hashes", "--no-deps", "--only-binary", ":all:", "--no-input"]
        install += ["--progress-bar", "off", "-r", str(self._lock_file(profile.lock))]
        code, output = self._follow([*pip, *install], lock, total=len(self._names(profile.lock)))
        if code:
            if old is not None and "Installing collected packages" not in output:
                self._unfinished.unlink()  # pip ended before it changed anything: the old state is whole
            if code == _INTERRUPTED:
                raise KeyboardInterrupt
            raise SetupError(self._words_of_failure(output))
        extras = [one for one in EXTRAS.values() if self._lock_file(one.lock).is_file()]
        kept = {"pip", "setuptools"}.union(*(self._names(one.lock) for one in (RUNTIME, DEV, *extras)))
        gone = sorted({_plain(info.name.split("-")[0]) for info in self._installed()} - kept)
        if gone:
            code, output = self._follow([*pip, "uninstall", "-y", *gone], lock)
            if code:
                raise SetupError(f"Packages that do not belong to Linesight can't be removed:\n{last_lines(output)}")
        self._write_stamp(
            {
                "format": FORMAT,
                "root": str(self.root),
                "interpreter": self._base_interpreter(),
                "python": platform.python_version(),
                "locks": self._kept_locks(old, profile) | {name: self._digest(name) for name in profile.locks},
            }
        )
        self._unfinished.unlink()
        say(f"Installed in {time.monotonic() - began:.0f} s.")

    def _kept_locks(self, old: dict[str, Any] | None, profile: Profile) -> dict[str, str]:
        """What the stamp said before and is still so: an extra takes nothing away, and nothing takes an extra away."""
        if old is None:
            return {}
        extras = {one.lock for one in EXTRAS.values()}
        adds = profile.lock in extras
        return {name: digest for name, digest in old["locks"].items() if adds or name in extras}

    def _names(self, lock: str) -> set[str]:
        text = self._lock_file(lock).read_text(encoding="utf-8")
        return {_plain(name) for name in re.findall(r"^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:==|@)", text, re.MULTILINE)}

    def _words_of_failure(self, output: str) -> str:
        hints = {
            "No matching distribution found": "There is no ready-made package for this machine and this Python "
            f"({platform.python_version()}, {platform.machine()}); Python 3.11 to 3.14 on Windows, macOS or "
            "Linux with glibc (x86-64, ARM64) have them. If the network needs a proxy or a package mirror, tell pip so "
            "(pip config, or the PIP_* environment variables).",
            "THESE PACKAGES DO NOT MATCH THE HASHES": "What was downloaded is not what was locked: a damaged download, "
            "or somebody changed it on the way. Start again; if it stays, do not install it.",
            "No space left on device": "The disk is full: make room and start again.",
        }
        hint = next(
            (words for sign, words in hints.items() if sign in output),
            "Is the network there? Start again: what was already downloaded is kept.",
        )
        return f"pip could not install the packages:\n{last_lines(output)}\n{hint}\nAll that pip said: {self._log}"

    def _follow(self, command: list[str], lock: IO[bytes], total: int = 0) -> tuple[int, str]:
        """Runs a command with its output in the log; the child holds the lock too, should we be killed."""
        lines: list[str] = []
        with (
            self._log.open("a", encoding="utf-8") as log,
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                pass_fds=(lock.fileno(),) if os.name != "nt" else (),
            ) as process,
        ):
            assert process.stdout is not None
            print("$ " + " ".join(command), file=log)
            begun = 0
            try:
                for line in process.stdout:
                    lines.append(line)
                    log.write(line)
                    if total and (found := re.match(r"(?:Collecting|Requirement already satisfied:) ([\w.-]+)", line)):
                        begun += 1
                        say_in_place(f"  {begun} of {total}: {found.group(1)}")
                    elif total and line.startswith("Installing collected"):
                        say_in_place("  unpacking (about half a minute)")
            except KeyboardInterrupt:  # the child was told by the terminal as well
                process.wait()
                process.returncode = _INTERRUPTED
        say_in_place("")
        return process.returncode, "".join(lines)

    def _write_stamp(self, stamp: dict[str, Any]) -> None:
        part = self._stamp.with_suffix(".part")
        part.write_text(json.dumps(stamp, indent=1), encoding="utf-8")
        part.replace(self._stamp)

    @contextmanager
    def _alone(self) -> Iterator[IO[bytes]]:
        """Holds the project's set-up lock; waits, and says so, while another set-up runs."""
        try:
            lock = (self.root / ".venv.lock").open("a+b")
        except OSError as error:
            raise SetupError(
                f"{self.root} can't be written by this user ({error.strerror or error}), but something has to be "
                "installed there. Give this user write access, or let its owner run: bootstrap.py setup"
            ) from error
        with lock:
            if not _take(lock):
                say("Another set-up of this project is running: waiting for it to end ...")
                while not _take(lock):
                    time.sleep(0.3)
            yield lock


def _plain(name: str) -> str:
    """A package's name as locks write it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _take(lock: IO[bytes]) -> bool:
    """Takes the file lock if it is free; it goes with the process, however that ends."""
    try:
        if sys.platform == "win32":
            lock.seek(0)
            msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # a file system without locks (some network drives): go on without
        return True
    return True
