"""Background work in threads of this process: trainings one after the other, all else beside them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from app.domain.errors import LinesightError
from app.serverless.lookout.context import Job

log = logging.getLogger(__name__)

_BESIDE = 2


class Lanes:
    """Takes jobs before it knows who does them; `begin` tells."""

    def __init__(self) -> None:
        self._training = ThreadPoolExecutor(1, "lookout-training")
        self._beside = ThreadPoolExecutor(_BESIDE, "lookout-work")
        self._perform: Callable[[Job], None] | None = None

    def begin(self, perform: Callable[[Job], None]) -> None:
        """From now on."""
        self._perform = perform

    def submit(self, job: Job) -> None:
        lane = self._training if job.kind == "train" else self._beside
        try:
            lane.submit(self._do, job)
        except RuntimeError:  # it is ending: what is on record as waiting is taken up at the next start
            log.info("Not begun any more: %s", job)

    def end(self) -> None:
        """Waits for what is being done; what is waiting is left for the next start."""
        for lane in (self._training, self._beside):
            lane.shutdown(wait=True, cancel_futures=True)

    def _do(self, job: Job) -> None:
        assert self._perform is not None
        try:
            self._perform(job)
        except LinesightError as error:
            log.error("%s: %s", job, error)
        except Exception:  # a fault of the program must be in the log, not lost with its thread
            log.exception("%s", job)
