"""The local model and one in the cloud, side by side, behind one detector.

The local model always judges. The cloud is asked at the same time about parts, and has so long; when it misses its time
once, nothing waits for it any more until an answer has come in time again, so a cloud that is gone costs the line one
wait and no more. There is one question under way at most.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any

from app.domain.errors import LinesightError
from app.domain.frame import Image
from app.domain.inspection import Detection, ModelRef
from app.domain.look import LookRegion
from app.domain.verdict import Verdict
from app.domain.wear import WearLimit
from app.inspection.recorder import DetectorPort

log = logging.getLogger(__name__)


STAND_IN = "Local verdict: the cloud gave none in time"
"""What the reason of a verdict says, behind the local one's, where the cloud's should have counted and did not come."""


def without_stand_in(reason: str) -> tuple[str, str]:
    """(the local model's reason, why the cloud gave no verdict); "" for the latter where it was not missed."""
    local, _, why = reason.partition(f". {STAND_IN} (")
    return local, why.removesuffix(")")


@dataclass(frozen=True, slots=True)
class Compared:
    """How the two have agreed so far.

    Attributes:
        agreed, disagreed: parts of which both gave a verdict; RETEST of the local model is neither.
        unanswered: parts that the cloud did not answer in time.
        words: how the cloud answers now.
        milliseconds: of its newest answer.
    """

    agreed: int = 0
    disagreed: int = 0
    unanswered: int = 0
    words: str = "Nothing was asked yet."
    milliseconds: float | None = None


class Asker:
    """Asks the cloud on a thread of its own, one question at a time.

    Args:
        cloud: judges; may take long and may raise.
        patience: seconds an answer may take.
    """

    def __init__(self, cloud: DetectorPort, patience: float) -> None:
        self.cloud, self.patience = cloud, patience
        self.prompt = True  # whether the newest answer came in time
        self._question: tuple[Image, Future[Detection]] | None = None
        self._state = threading.Condition()
        self._ended = False
        self._compared = Compared()
        self._thread = threading.Thread(target=self._answer_all, name="second opinion", daemon=True)
        self._thread.start()

    def compared(self) -> Compared:
        return self._compared

    def ask(self, image: Image) -> Future[Detection] | None:
        """Asks about an (H, W, 3) uint8 BGR picture; None while the question before is under way."""
        with self._state:
            if self._question is not None or self._ended:
                return None
            future: Future[Detection] = Future()
            self._question = (image, future)
            self._state.notify_all()
            return future

    def end(self) -> None:
        """Asks nothing more; a question under way is left behind."""
        with self._state:
            self._ended = True
            self._state.notify_all()

    def note(self, **more: Any) -> None:
        """Counts: names of `Compared` and what is added to them, or words."""
        with self._state:
            now = self._compared
            changes = {name: value if name == "words" else getattr(now, name) + value for name, value in more.items()}
            self._compared = replace(now, **changes)

    def _answer_all(self) -> None:
        while True:
            with self._state:
                self._state.wait_for(lambda: self._ended or self._question is not None)
                if self._ended or self._question is None:
                    return
                image, future = self._question
            began = time.monotonic()
            try:
                answer = self.cloud.detect(image)
            except LinesightError as error:
                self._settled(None, str(error))
                future.set_exception(error)
            except Exception as error:
                log.exception("the model in the cloud failed")
                self._settled(None, f"Asking the cloud failed ({type(error).__name__}).")
                future.set_exception(error)
            else:
                self._settled(time.monotonic() - began, "The cloud answers.")
                future.set_result(answer)

    def _settled(self, seconds: float | None, words: str) -> None:
        with self._state:
            self.prompt = seconds is not None and seconds <= self.patience
            if seconds is not None and not self.prompt:
                words = f"The cloud takes {seconds:.1f} s, and may take {self.patience:g} s."
            milliseconds = self._compared.milliseconds if seconds is None else seconds * 1000
            self._compared = replace(self._compared, words=words, milliseconds=milliseconds)
            self._question = None


class SecondJudge:
    """`DetectorPort` of the local model with one in the cloud beside it.

    Args:
        decides: the cloud's word counts where it comes in time; False: the local one does, and both are compared.
        is_part: whether what is judged now will be on record; only then the cloud is asked.
        disagreed: told in words of a part on which the two disagree; must return at once.
    """

    def __init__(
        self,
        local: Any,
        asker: Asker,
        *,
        decides: bool,
        is_part: Callable[[], bool] = lambda: True,
        disagreed: Callable[[str], None] = lambda words: None,
    ) -> None:
        self._local, self._asker = local, asker
        self._decides, self._is_part, self._disagreed = decides, is_part, disagreed

    @property
    def ref(self) -> ModelRef:
        ref: ModelRef = self._local.ref
        return ref

    def score(self, image: Image) -> float:
        """The local model's."""
        return float(self._local.score(image))

    def with_limits(self, limits: Sequence[WearLimit]) -> SecondJudge:
        """The same with limits for wear; raises ModelError as the local model does."""
        return SecondJudge(
            self._local.with_limits(limits),
            self._asker,
            decides=self._decides,
            is_part=self._is_part,
            disagreed=self._disagreed,
        )

    def with_regions(self, regions: Sequence[LookRegion]) -> SecondJudge:
        """The same where the local model judges by these regions; the one in the cloud sees the whole picture."""
        return SecondJudge(
            self._local.with_regions(regions),
            self._asker,
            decides=self._decides,
            is_part=self._is_part,
            disagreed=self._disagreed,
        )

    def with_threshold(self, threshold: float) -> SecondJudge:
        """The same where the local model judges from this score on; the one in the cloud has its own."""
        return SecondJudge(
            self._local.with_threshold(threshold),
            self._asker,
            decides=self._decides,
            is_part=self._is_part,
            disagreed=self._disagreed,
        )

    @property
    def finds_parts(self) -> bool:
        """Whether the local model does."""
        return bool(self._local.finds_parts)

    def laid(self, image: Image) -> Image:
        """A picture as regions are drawn on it."""
        laid: Image = self._local.laid(image)
        return laid

    def detect(self, image: Image) -> Detection:
        """Judges an (H, W, 3) uint8 BGR picture; raises what the local model raises."""
        if not self._is_part():
            found: Detection = self._local.detect(image)
            return found
        until = time.monotonic() + self._asker.patience
        prompt, asked = self._asker.prompt, self._asker.ask(image)
        local: Detection = self._local.detect(image)
        why = "it is still busy with a part before"
        if asked is not None:
            try:
                # One that was late before is not waited for, but heard where it has answered already.
                failure = asked.exception(max(0.0, until - time.monotonic()) if prompt else 0.0)
            except TimeoutError:
                why = f"it takes longer than {self._asker.patience:g} s" if prompt else "it is slow or can't be reached"
                self._asker.prompt = False
            else:
                if failure is None:
                    return self._both(local, asked.result())
                why = str(failure).rstrip(".") if isinstance(failure, LinesightError) else type(failure).__name__
        self._asker.note(unanswered=1)
        return replace(local, reason=f"{local.reason}. {STAND_IN} ({why})")

    def _both(self, local: Detection, cloud: Detection) -> Detection:
        alike = local.verdict is cloud.verdict
        differ = not alike and local.verdict in (Verdict.PASS, Verdict.FAIL)
        if alike or differ:
            self._asker.note(**({"agreed": 1} if alike else {"disagreed": 1}))
        sure = "" if cloud.confidence is None else f", {cloud.confidence:.2f} sure"
        if differ:
            self._disagreed(f"Here {local.verdict} ({local.reason}); in the cloud {cloud.verdict}{sure}.")
        if not self._decides:
            word = "too" if alike else "instead"
            return replace(local, reason=f"{local.reason}. The cloud says {cloud.verdict} {word}{sure}")
        rule = local.verdict is Verdict.FAIL and local.score < local.threshold
        poor = local.verdict is Verdict.RETEST and local.score < local.retest_from
        if rule or poor or local.verdict is Verdict.ERROR:
            # Rules and the picture's quality are judged here alone.
            return replace(local, reason=f"{local.reason}. The cloud says {cloud.verdict}{sure}")
        told = f"{cloud.reason}. The local model says {local.verdict}" if differ else cloud.reason
        return replace(
            cloud,
            reason=told,
            milliseconds=max(local.milliseconds, cloud.milliseconds),
            wear=local.wear,
            checkpoints=local.checkpoints,
        )
