"""Serial ports of the line, RS-232 or USB: a trigger, a scanner, a stack light. 8 data bits, no parity, 1 stop bit.

A port is opened again and again, with growing pauses, for as long as it is wanted; what was said while it was away is
not made up for, except by the light, which gets the state that stands when it is back.

Trigger: a line of text (ended by CR or LF, at least one visible character), or a modem input that goes on: CTS, DSR or
DCD. An input that is on already when the port is opened triggers nothing. Inputs are looked at every 2 ms: a pulse has
to be longer. Nothing at a serial line can acknowledge a result, so a trigger acknowledges that of its own trigger
before; those of a PLC it leaves alone.
"""

from __future__ import annotations

import errno
import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from typing import Literal, Protocol

from app.domain.errors import LinesightError
from app.domain.light import LightState
from app.domain.verdict import Verdict
from app.signals.codes import ErrorCode
from app.signals.handshake import Signals

try:
    from termios import error as TerminalError
except ImportError:  # Windows
    TerminalError = OSError  # type: ignore[misc, assignment]

log = logging.getLogger(__name__)

BAUD = 9600
FIRST_WAIT, LONGEST_WAIT = 0.5, 10.0
AGAIN = 5.0
"""Seconds after which the light is told its state again: it may have been without power."""
SHOWN = 1.0
"""Seconds of each state while the light is tried."""
LONGEST_LINE = 200
_READ, _WRITE, _MODEM = 0.1, 2.0, 0.002

By = Literal["text", "cts", "dsr", "dcd"]


class Port(Protocol):
    """What is used of `serial.Serial`."""

    cts: bool
    dsr: bool
    cd: bool

    def read(self, size: int = 1) -> bytes: ...
    def write(self, data: bytes) -> object: ...
    def close(self) -> None: ...
    def reset_input_buffer(self) -> None: ...
    @property
    def in_waiting(self) -> int: ...


def split_address(address: str) -> tuple[str, int]:
    """(port, baud) of PORT[:BAUD]; a port's own name may have colons."""
    port, colon, baud = address.rpartition(":")
    return (port, int(baud)) if colon and port and baud.isascii() and baud.isdecimal() else (address, BAUD)


def ports_here() -> list[str]:
    """Slow: the serial ports of this computer, by name."""
    from serial.tools.list_ports import comports

    return sorted(each.device for each in comports())


def open_port(name: str, baud: int) -> Port:
    """Raises OSError (SerialException is one) or ValueError, as pyserial does."""
    import serial

    port: Port = serial.Serial(name, baud, timeout=_READ, write_timeout=_WRITE, exclusive=True)
    return port


class SerialOutput:
    """One port on a thread of its own, kept open; `show` and `start` return at once.

    Args:
        address: PORT[:BAUD].
        opens: opens a port by name and baud rate.
    """

    what = "serial"

    def __init__(self, address: str, *, opens: Callable[[str, int], Port] = open_port) -> None:
        self._name, self._baud = split_address(address)
        self._opens = opens
        self._stopped = threading.Event()
        self._up, self._fault, self._last = False, "", ""
        self._thread = threading.Thread(target=self._work, name=f"serial {self.what}", daemon=True)

    def start(self) -> None:
        """Returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Slow: gives the port back."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join(2 * _WRITE)

    def show(self, signals: Signals) -> None:
        """What the line sees now; returns at once."""

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def connected(self) -> bool:
        """Whether the port is open."""
        return self._up

    def words(self) -> str:
        """How it goes."""
        if self._up:
            return f"{self._name} is open. {self._last}".strip()
        return self._fault or "Starting."

    # -- the port's thread
    def _work(self) -> None:
        failures = 0
        while not self._stopped.is_set():
            try:
                port = self._opens(self._name, self._baud)
                try:
                    port.reset_input_buffer()
                    self._up, failures = True, 0
                    log.info("%s: %s is open", self.what, self._name)
                    self._use(port)
                finally:
                    self._up = False
                    port.close()
            except (OSError, ValueError, TerminalError) as error:
                self._lost(self._why(error))
            except Exception:
                log.exception("%s at %s stumbled", self.what, self._name)
                self._lost("Something unexpected went wrong; the log has the details.")
            failures += 1
            wait = min(FIRST_WAIT * 2 ** min(failures - 1, 10), LONGEST_WAIT)
            self._stopped.wait(wait * (1 - random.random() / 4))

    def _lost(self, words: str) -> None:
        if words != self._fault:
            log.warning("%s: %s", self.what, words)
        self._fault = words

    def _why(self, error: Exception) -> str:
        number = getattr(error, "errno", None)
        if number == errno.ENOENT or isinstance(error, FileNotFoundError):
            return f"There is no port {self._name}. Plug the adapter in, or give the right name. It is tried again."
        if number in (errno.EACCES, errno.EPERM):
            return f"{self._name} may not be used. Let this user use serial ports (group dialout)."
        if number in (errno.EBUSY, errno.EAGAIN) or "lock" in str(error):
            return f"{self._name} is in use, by another program or another of the line's outputs. It is tried again."
        if isinstance(error, ValueError):
            return f"{self._name} can't be set to {self._baud} baud ({error})."
        return f"{self._name} was unplugged or does not answer ({error}). It is tried again."

    def _use(self, port: Port) -> None:
        """Until `stop`, or OSError where the port is lost."""
        raise NotImplementedError

    def _read_lines(self, port: Port, heard: Callable[[str], None]) -> None:
        held, too_long = b"", False
        while not self._stopped.is_set():
            held += port.read(max(1, min(port.in_waiting, 4096)))
            *lines, held = held.replace(b"\r", b"\n").split(b"\n")
            for line in lines:
                text = line.decode("utf-8", "replace").strip(" \t\0")
                if too_long or len(line) > LONGEST_LINE or not text.isprintable():
                    self._last = "What came last can't be read: look at the baud rate."
                    log.warning("%s: a line at %s can't be read", self.what, self._name)
                elif text:
                    heard(text)
                too_long = False
            if len(held) > LONGEST_LINE:
                held, too_long = b"", True


class SerialTrigger(SerialOutput):
    """Args:
    by: "text" for a line of text, else the modem input.
    fire: triggers a part; told the number of the answer that is acknowledged by it (0 for none), says that of the
        part's own, 0 where it was refused.
    """

    what = "serial trigger"

    def __init__(
        self, address: str, by: By, fire: Callable[[int], int], *, opens: Callable[[str, int], Port] = open_port
    ) -> None:
        super().__init__(address, opens=opens)
        self._by, self._fire, self._number, self._fired = by, fire, 0, 0

    def _use(self, port: Port) -> None:
        if self._by == "text":
            self._read_lines(port, lambda _text: self._edge())
            return
        name = {"cts": "cts", "dsr": "dsr", "dcd": "cd"}[self._by]
        before = bool(getattr(port, name))
        while not self._stopped.wait(_MODEM):
            now = bool(getattr(port, name))
            if now and not before:
                self._edge()
            before = now

    def _edge(self) -> None:
        self._number = self._fire(self._number) or self._number
        self._fired += 1
        self._last = f"{self._fired:,} triggers came."


class SerialScanner(SerialOutput):
    """Args:
    take: told of a code; says what became of it, LinesightError where nothing could. Slow.
    """

    what = "serial scanner"

    def __init__(
        self, address: str, take: Callable[[str], str], *, opens: Callable[[str, int], Port] = open_port
    ) -> None:
        super().__init__(address, opens=opens)
        self._take = take

    def _use(self, port: Port) -> None:
        self._read_lines(port, self._scanned)

    def _scanned(self, code: str) -> None:
        try:
            self._last = self._take(code)
        except LinesightError as error:
            self._last = str(error)


class StackLight(SerialOutput):
    """Args:
    table: bytes of each state.
    alarmed: whether an alarm stands; from memory.
    """

    what = "stack light"

    def __init__(
        self,
        address: str,
        table: Mapping[LightState, bytes],
        alarmed: Callable[[], bool],
        *,
        opens: Callable[[str, int], Port] = open_port,
    ) -> None:
        super().__init__(address, opens=opens)
        self._table, self._alarmed = dict(table), alarmed
        self._signals, self._new = Signals(), threading.Event()
        self._trying: list[LightState] = []

    def show(self, signals: Signals) -> None:
        self._signals = signals
        self._new.set()

    def stop(self) -> None:
        self._stopped.set()
        self._new.set()
        super().stop()

    def try_all(self) -> str:
        """Shows each state for a second and then goes on; what will be sent, in words.

        Raises:
            LinesightError: the port is not open.
        """
        if not self._up:
            raise LinesightError(self.words())
        self._trying = list(LightState)
        self._new.set()
        return f"{', '.join(LightState)}: each for a second at {self._name}. Look whether the light shows them."

    def _use(self, port: Port) -> None:
        told, at = None, 0.0
        while not self._stopped.is_set():
            trying = self._trying.pop(0) if self._trying else None
            if waiting := port.in_waiting:  # also tells that the port is gone
                port.read(waiting)
            state = trying or light_state(self._signals, self._alarmed())
            now = time.monotonic()
            if state is not told or now - at >= AGAIN:
                port.write(self._table[state])
                told, at, self._last = state, now, f"It shows {state}."
            if trying is not None:
                self._stopped.wait(SHOWN)
            else:
                self._new.wait(0.2)  # alarms come without being told of
            self._new.clear()
        port.write(self._table[LightState.IDLE])  # a light that nobody looks after shows no verdict


def light_state(signals: Signals, alarmed: bool) -> LightState:
    """The verdict that stands goes before everything; then a lost camera, an alarm, nothing."""
    if signals.result_ready and signals.answer is not None:
        shown = {Verdict.PASS: LightState.PASS, Verdict.FAIL: LightState.FAIL, Verdict.RETEST: LightState.RETEST}
        return shown.get(signals.answer.verdict, LightState.ERROR)
    if signals.station is ErrorCode.NO_CAMERA:
        return LightState.ERROR
    return LightState.ALARM if alarmed else LightState.IDLE
