"""Long work in a process of its own: it takes no time from answers, and ends with whoever began it."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from typing import Generic, TypeVar

from app.domain.errors import LinesightError

log = logging.getLogger(__name__)

_ENDED = "The server ended while this was being worked on. Begin it again."

Argument = TypeVar("Argument")
Result = TypeVar("Result")


class Isolated(Generic[Argument, Result]):
    """Calls a function of a module in a new process, one call after the other."""

    def __init__(self, function: Callable[[Argument], Result]) -> None:
        self._function = function
        self._guard = threading.Lock()
        self._process: multiprocessing.process.BaseProcess | None = None
        self._ended = False

    def __call__(self, argument: Argument) -> Result:
        """What the function returns.

        Raises:
            LinesightError: as it does; or the process ended without a word.
        """
        spawn = multiprocessing.get_context("spawn")
        here, there = spawn.Pipe(duplex=False)
        process = spawn.Process(target=_main, args=(there, self._function, argument), daemon=True)
        with self._guard:
            if self._ended:
                raise LinesightError(_ENDED)
            self._process = process
            process.start()
        there.close()
        try:
            done, value = here.recv()
        except (EOFError, OSError):
            process.join()
            if self._ended:
                raise LinesightError(_ENDED) from None
            raise LinesightError(
                f"The process that worked on it ended by itself (exit code {process.exitcode}), as when memory is full."
            ) from None
        finally:
            here.close()
            process.join()
        if not done:
            raise value
        result: Result = value
        return result

    def end(self) -> None:
        """Ends the process that works now, and takes no more work."""
        with self._guard:
            self._ended = True
            if self._process is not None:
                with contextlib.suppress(ValueError, OSError):
                    self._process.kill()


def _main(answer: Connection, function: Callable[[Argument], Result], argument: Argument) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl+C is the server's to heed, which then ends this
    try:
        value: object = function(argument)
        done = True
    except LinesightError as error:
        done, value = False, LinesightError(str(error))
    except MemoryError:
        done, value = False, LinesightError("There was not enough memory. Use fewer or smaller images.")
    except Exception as error:
        log.exception("Something unforeseen")  # without handlers of its own the traceback goes to standard error
        done, value = False, LinesightError(f"Something unforeseen went wrong ({type(error).__name__}: {error}).")
    answer.send((done, value))
    answer.close()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
