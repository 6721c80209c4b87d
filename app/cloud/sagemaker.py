"""The successor of Lookout for Vision: its model at an endpoint of SageMaker, as a detector, with a meter.

An endpoint costs as long as it stands, asked or not. So it is started for a line that asks it and deleted after so many
minutes without a question; what was started is in a file, so that it is found again after a crash.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from app.cloud.lookout import detection_of, packed
from app.cloud.session import CloudError, CloudSession, in_words
from app.domain.frame import Image
from app.domain.inspection import Detection, ModelRef
from app.whole_files import write_whole

log = logging.getLogger(__name__)

_LOOK = 30.0  # seconds between two looks at the endpoint
_GONE = "could not find endpoint"  # SageMaker has no error code of its own for it
_NOTE_EVERY = timedelta(minutes=1)  # uses are put into the file this often at most


class SageMakerDetector:
    """`DetectorPort` over InvokeEndpoint; any thread. Slow: a call is a request. Scores as of `CloudDetector`.

    Args:
        endpoint: its name.
        used: called after each answer.
        missed: called where none came.
    """

    def __init__(
        self,
        session: CloudSession,
        endpoint: str,
        *,
        used: Callable[[], None] = lambda: None,
        missed: Callable[[], None] = lambda: None,
    ) -> None:
        self._session, self._endpoint, self._used, self._missed = session, endpoint, used, missed
        self.ref = ModelRef(endpoint, 0, "", "SageMaker endpoint")

    def detect(self, image: Image) -> Detection:
        """Judges an (H, W, 3) uint8 BGR picture.

        Raises:
            PictureError: it is too small to be asked about.
            CloudError: no answer; says why.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        began = time.perf_counter()
        body, size = packed(image)
        what = f"The endpoint {self._endpoint} can't be asked"
        try:
            answer = self._session.client("sagemaker-runtime").invoke_endpoint(
                EndpointName=self._endpoint, ContentType="image/jpeg", Accept="application/json", Body=body
            )
            result = json.loads(answer["Body"].read())
        except (BotoCoreError, ClientError) as error:
            self._missed()
            raise in_words(error, what, "sagemaker:InvokeEndpoint") from error
        except ValueError as error:
            raise CloudError(f"{what}: its answer is no JSON.") from error
        if isinstance(result, dict):
            result = result.get("DetectAnomalyResult", result)  # flat, as far as is known
        found = detection_of(result, (image.shape[1], image.shape[0]), size, self.ref, began)
        self._used()
        return found

    def score(self, image: Image) -> float:
        """As of `detect`."""
        return self.detect(image).score


@dataclass(frozen=True, slots=True)
class EndpointPlan:
    """Attributes:
    name: of the endpoint.
    model: of SageMaker, that is hosted; "" where somebody else starts and stops the endpoint.
    instance: its type.
    price: of an hour, in the station's currency; 0 where it is not known.
    idle_minutes: without a question, after which it is deleted.
    """

    name: str
    model: str = ""
    instance: str = "ml.c5.2xlarge"
    price: float = 0.0
    idle_minutes: float = 30.0


@dataclass(frozen=True, slots=True)
class EndpointState:
    """Attributes:
    status: as SageMaker names it ("Creating", "InService", "Deleting", "Failed" ...), "" where there is none.
    words: how it goes.
    since: UTC, since when it costs; None where this station has not started it.
    hours: that it has cost so far, those before the newest start included.
    cost: of them; None where no price is known.
    """

    status: str = ""
    words: str = "The endpoint was not looked at yet."
    since: datetime | None = None
    hours: float = 0.0
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class _Kept:
    """What stands in the file: times in UTC as ISO 8601, "" for none."""

    name: str = ""
    since: str = ""
    used: str = ""
    hours_before: float = 0.0


class EndpointKeeper:
    """Starts an endpoint, counts what it costs, and deletes it when nobody asks. Looks at it on a thread of its own.

    Args:
        client: boto3's of SageMaker.
        file: what was started.
        on_stop: told in words when it was deleted, or why it could not be.
    """

    def __init__(
        self,
        client: Callable[[], Any],
        plan: EndpointPlan,
        file: Path,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        on_stop: Callable[[str], None] = lambda words: None,
        look_every: float | None = None,
    ) -> None:
        self.plan = plan
        self._client, self._file, self._now, self._on_stop = client, file, now, on_stop
        self._acting = threading.RLock()  # held while it is looked at, made or deleted, by the thread or by a person
        self._lock = threading.Lock()  # guards the fields below; held for moments only
        self._kept = _read(file)
        self._noted = self._now()
        self._state = EndpointState()
        self._ended = threading.Event()
        self._look_every = _LOOK if look_every is None else look_every
        self._wanted = threading.Event()
        self._wanted.set()
        self._answered = False  # since it was started last
        self._thread = threading.Thread(target=self._run, name="endpoint", daemon=True)

    def begin(self) -> None:
        """Starts the endpoint where there is none, and looks at it from now on."""
        self._thread.start()

    def again(self) -> None:
        """A line starts that asks it: starts the endpoint where there is none."""
        self._wanted.set()

    def end(self, patience: float = 1.0) -> None:
        """Looks no more. The endpoint stays; the next start finds it and deletes it when nobody asks."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join(patience)
        self._note(force=True)

    def state(self) -> EndpointState:
        with self._lock:
            state, kept = self._state, self._kept
        since = _moment(kept.since) if kept.name == self.plan.name else None
        hours = kept.hours_before + ((self._now() - since).total_seconds() / 3600 if since else 0.0)
        return replace(state, since=since, hours=hours, cost=hours * self.plan.price if self.plan.price else None)

    def used(self) -> None:
        """It was asked now."""
        with self._lock:
            self._kept = replace(self._kept, used=self._now().isoformat())
            self._answered = True
        self._note()

    def want(self) -> None:
        """A part came, and nobody answered. One that was deleted since nobody had asked is started again; one that
        never answered is not."""
        if self._answered:
            self._wanted.set()

    def look(self) -> EndpointState:
        """Slow: looks at the endpoint once and deletes it where nobody asks any more.

        Raises:
            CloudError: SageMaker does not answer.
        """
        with self._acting:
            return self._look()

    def _look(self) -> EndpointState:
        status, reason = self._status()
        now, words = self._now(), f"The endpoint is {status}." if status else "There is no endpoint."
        if reason:
            words = f"The endpoint is {status}: {reason}"
        with self._lock:
            kept = self._kept
        mine = kept.name == self.plan.name and kept.since
        if not status and mine:
            self._over(now)
        elif status and mine and status in ("InService", "Failed"):
            idle = now - (_moment(kept.used) or now)
            if status == "Failed" or idle >= timedelta(minutes=self.plan.idle_minutes):
                why = "It failed" if status == "Failed" else f"Nobody asked for {idle.total_seconds() / 60:.0f} minutes"
                self.delete()
                words = f"{why}: the endpoint was deleted."
                self._on_stop(words)
                status = "Deleting"
        with self._lock:
            self._state = EndpointState(status, words)
        return self.state()

    def start(self) -> None:
        """Slow: makes the endpoint of the plan's model where there is none.

        Raises:
            CloudError: it can't be made; says why.
        """
        with self._acting:
            self._make()

    def _make(self) -> None:
        if not self.plan.model or self._status()[0]:
            return
        # Before it is made: killed in between, the next look finds an endpoint that is told as this station's.
        moment = self._now().isoformat()
        with self._lock:
            before = self._kept
            self._answered = False
            self._kept = replace(before, name=self.plan.name, since=moment, used=moment)
        self._note(force=True)
        config = f"{self.plan.name}-{self._now():%Y%m%d%H%M%S}"
        variant = {
            "VariantName": "all",
            "ModelName": self.plan.model,
            "InstanceType": self.plan.instance,
            "InitialInstanceCount": 1,
        }
        try:
            self._ask("create_endpoint_config", EndpointConfigName=config, ProductionVariants=[variant])
            self._ask("create_endpoint", EndpointName=self.plan.name, EndpointConfigName=config)
        except CloudError:
            with contextlib.suppress(CloudError):  # it may have been made though no answer came
                if not self._status()[0]:
                    with self._lock:
                        self._kept = replace(before, name=self.plan.name)
                    self._note(force=True)
            raise

    def stop(self) -> EndpointState:
        """Slow: deletes the endpoint because a person says so; parts that come do not start it again.

        Raises:
            CloudError: it was not started from here, or can't be deleted; says why.
        """
        with self._acting:
            if self.state().since is None:
                raise CloudError(
                    f"The endpoint {self.plan.name} was not started by this station. Stop it where it was started."
                )
            self._wanted.clear()
            with self._lock:
                self._answered = False
            if self._status()[0]:  # it may have been deleted elsewhere, or never have been made
                self.delete()
            return self._look()

    def delete(self) -> None:
        """Slow: deletes the endpoint with its configuration. Raises CloudError."""
        described = self._ask("describe_endpoint", EndpointName=self.plan.name)
        self._ask("delete_endpoint", EndpointName=self.plan.name)
        self._over(self._now())
        if config := described.get("EndpointConfigName"):
            self._ask("delete_endpoint_config", EndpointConfigName=config)

    # -- inside
    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                if self._wanted.is_set():
                    self._wanted.clear()
                    self.start()
                self.look()
            except CloudError as error:
                with self._lock:
                    self._state = replace(self._state, words=str(error))
            except Exception:  # the next look may go well
                log.exception("the endpoint %s could not be looked at", self.plan.name)
            self._note()
            self._ended.wait(self._look_every)

    def _status(self) -> tuple[str, str]:
        """(status, why it failed); "" where there is none."""
        try:
            found = self._ask("describe_endpoint", EndpointName=self.plan.name)
        except CloudError as error:
            if _GONE in str(error).lower():
                return "", ""
            raise
        return str(found["EndpointStatus"]), str(found.get("FailureReason") or "")

    def _ask(self, operation: str, **given: Any) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        name = "".join(part.capitalize() for part in operation.split("_"))
        try:
            answer: dict[str, Any] = getattr(self._client(), operation)(**given)
        except (BotoCoreError, ClientError) as error:
            raise in_words(error, f"The endpoint {self.plan.name}: {name} failed", f"sagemaker:{name}") from error
        return answer

    def _over(self, now: datetime) -> None:
        with self._lock:
            since = _moment(self._kept.since)
            more = (now - since).total_seconds() / 3600 if since else 0.0
            self._kept = replace(self._kept, since="", used="", hours_before=self._kept.hours_before + more)
        self._note(force=True)

    def _note(self, *, force: bool = False) -> None:
        with self._lock:
            if not force and self._now() - self._noted < _NOTE_EVERY:
                return
            self._noted, kept = self._now(), self._kept
        if kept == _Kept():
            return
        try:
            write_whole(self._file, json.dumps(asdict(kept)).encode(), durable=force)
        except OSError as error:
            log.warning("what the endpoint costs can't be noted: %s", error)


def started(folder: Path) -> list[str]:
    """Names of endpoints that were started from here and not deleted since, by their files in a folder."""
    return [kept.name for kept in map(_read, sorted(folder.glob("*.json"))) if kept.name and kept.since]


def _read(file: Path) -> _Kept:
    try:
        found = json.loads(file.read_text())
        kept = _Kept(str(found["name"]), str(found["since"]), str(found["used"]), float(found["hours_before"]))
        _moment(kept.since), _moment(kept.used)
    except FileNotFoundError:
        return _Kept()
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("%s can't be read, what the endpoint has cost is not known: %s", file, error)
        return _Kept()
    return kept


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None
