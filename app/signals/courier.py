"""Passes on what is on record, in its order and at least once, whatever happens at the other end.

It follows the record itself and keeps only the number of the last row that the receiver has taken, in a file: nothing
piles up in memory, and a program that was killed goes on where it was; at worst the last part is sent again, with the
same id. A receiver that refuses is asked again until it takes the part, since what one refuses it would refuse of all.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from pathlib import Path

from app.domain.errors import LinesightError
from app.domain.inspection import Inspection
from app.store.following import Following
from app.whole_files import write_whole

log = logging.getLogger(__name__)

FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
_AT_ONCE = 50
_LOOK = 5.0
"""Seconds after which the record is looked at without being told of anything new."""


class Courier:
    """One thread for one receiver.

    Args:
        send: gives one part to the receiver and returns when that has it; LinesightError where it has not.
        sent: told of each that was taken.
        cursor: the file with the number; without it only what comes from now on is sent.
        first_wait: seconds after a failure, doubled with each further one.
    """

    def __init__(
        self,
        record: Following,
        send: Callable[[Inspection], object],
        sent: Callable[[Inspection], None],
        cursor: Path,
        *,
        first_wait: float = FIRST_WAIT,
    ) -> None:
        self._record, self._send, self._sent, self._cursor = record, send, sent, cursor
        self._first_wait = first_wait
        self._wake, self._stopped = threading.Event(), threading.Event()
        self.fault = ""
        """Why the newest try failed; "" while all goes well."""
        self.count = 0
        self._thread = threading.Thread(target=self._work, name=f"courier {cursor.stem}", daemon=True)

    def start(self) -> None:
        """Begins where the last run ended."""
        self._seq = self._read()
        self._thread.start()

    def wake(self) -> None:
        """There is something new; returns at once."""
        self._wake.set()

    def stop(self, *, forget: bool = False) -> None:
        """Slow: after the part that is under way. `forget`: when it is started again, it begins with what is new."""
        self._stopped.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(15)
        if forget:
            self._cursor.unlink(missing_ok=True)

    def _work(self) -> None:
        failures = 0
        while not self._stopped.is_set():
            self._wake.clear()
            try:
                went_on = self._pass_on()
                failures, self.fault = 0, ""
            except LinesightError as error:
                failures += 1
                if str(error) != self.fault:
                    log.warning("%s: %s", self._cursor.stem, error)
                self.fault = str(error)
                wait = min(self._first_wait * 2 ** min(failures - 1, 10), LONGEST_WAIT)
                self._stopped.wait(wait * (1 - random.random() / 2))
                continue
            except Exception:
                log.exception("%s stumbled", self._cursor.stem)
                self.fault = "Something unexpected went wrong; the log has the details."
                self._stopped.wait(LONGEST_WAIT)
                continue
            if not went_on:
                self._wake.wait(_LOOK)

    def _pass_on(self) -> bool:
        rows = self._record.after(self._seq, _AT_ONCE)
        for seq, row in rows:
            if self._stopped.is_set():
                return False
            of_line = not row.source.startswith("round:")  # those were photographed by a person
            if of_line:
                self._send(row)
                self.count += 1
            self._seq = seq
            self._write()
            if of_line:
                self._sent(row)
        return bool(rows)

    def _read(self) -> int:
        try:
            return int(self._cursor.read_text("ascii"))
        except (OSError, ValueError):
            self._seq = self._record.newest()
            self._write()
            return self._seq

    def _write(self) -> None:
        try:
            write_whole(self._cursor, str(self._seq).encode(), durable=False)
        except OSError as error:
            log.warning("%s can't be written (%s): parts may be sent again", self._cursor, error.strerror or error)
