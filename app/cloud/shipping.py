"""Sends what waits in the outbox to a bucket of S3: in order a part, several parts at a time, until the bucket has it.

Everything is written down before (app/store/outbox.py), and a name always has the same bytes, so that a sudden end, a
lost answer or a second copy of the program costs a request and never a row.
"""

from __future__ import annotations

import hashlib
import io
import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from app.cloud.parcels import Place, put_together, sign_of_life
from app.cloud.session import CloudError, in_words, refused
from app.domain.errors import StoreError
from app.domain.parcel import LINES, Hours, Parcel, ParcelKind, Waiting
from app.store.outbox import Outbox

log = logging.getLogger(__name__)

GATHERED = timedelta(seconds=30)
"""A line waits this long for others to be put together with."""

_LINES_AT_ONCE = 1000
_AT_ONCE = 200  # parcels looked at together
_WORKERS = 4
_TRIES = 5  # refusals of one parcel until it is given up
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 300.0  # seconds between tries while S3 can't be reached
_LOOK = 2.0  # seconds between looks into an outbox that is empty
_ALIVE = 300.0  # seconds after which a station that had nothing to tell gives a sign of life
_PIECE, _LARGE = 8 << 20, 16 << 20  # bytes of a piece, and of a file that is sent in pieces
_GOES_WITH_ITS_PARCEL = {
    "BadDigest",
    "EntityTooLarge",
    "EntityTooSmall",
    "InvalidArgument",
    "InvalidDigest",
    "InvalidRequest",
    "KeyTooLongError",
    "MetadataTooLarge",
    "XAmzContentSHA256Mismatch",
}
"""Codes with which S3 refuses this one object. All others, such as a missing permission, concern every object."""


class _Unsendable(Exception):
    """It can never be sent as it is; says why."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How it is sent.

    Attributes:
        bytes_per_second: at most, over all that is sent at a time; 0 for no limit.
        hours: when, on the station's wall clock; None for always.
        paused: not at all, until a person says otherwise.
    """

    bytes_per_second: int = 0
    hours: Hours | None = None
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Shipping:
    """How it goes.

    Attributes:
        words: what it does or waits for.
        trouble: it can't go on without a network or a person.
        sending: at this moment.
    """

    words: str
    trouble: bool = False
    sending: bool = False


class Shipper:
    """A thread that sends.

    Args:
        client: boto3's client "s3"; may raise CloudError.
        data: the folder that files of parcels lie below.
        now: UTC.
        wall: the station's wall clock for a moment.
        wait: waits so many seconds or until woken; the tests put their clock here.
    """

    def __init__(
        self,
        outbox: Outbox,
        client: Callable[[], Any],
        place: Place,
        data: Path,
        rules: Rules,
        *,
        version: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        wall: Callable[[datetime], datetime] = lambda moment: moment.astimezone(),
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[threading.Event, float], object] = lambda woken, seconds: woken.wait(seconds),
    ) -> None:
        self._outbox, self._client, self._place, self._data = outbox, client, place, data
        self._rules, self._version = rules, version
        self._now, self._wall, self._clock, self._wait = now, wall, clock, wait
        self._over, self._woken = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
        self._manager: Any = None
        self._held: dict[int, float] = {}  # refused parcels, and when each may be tried again
        self._failures = 0  # in a row, of the way to S3
        self._alive = clock() - _ALIVE
        self._state = Shipping("Sending begins.")

    # -- any thread
    def start(self) -> None:
        self._thread.start()

    def state(self) -> Shipping:
        return self._state

    def wake(self) -> None:
        """Tries at once: something was put in, or a person asks for it."""
        self._failures = 0
        self._held.clear()
        self._woken.set()

    def stop(self, patience: float = 5.0) -> bool:
        """Ends it, also in the middle of a file, which is sent again later; False where a request still hangs."""
        self._over.set()
        self._woken.set()
        manager = self._manager
        if manager is not None:
            manager.shutdown(cancel=True, cancel_msg="the station ends")
        if self._thread.is_alive():
            self._thread.join(patience)
        return not self._thread.is_alive()

    # -- its thread
    def _run(self) -> None:
        while not self._over.is_set():
            try:
                seconds = self.turn()
            except Exception:  # the thread must live as long as the station
                log.exception("sending to %s", self._place.bucket)
                seconds = self._trouble(CloudError("Something unforeseen happened, see the log. It is tried again."))
            self._wait(self._woken, seconds)
            self._woken.clear()

    def turn(self) -> float:
        """Sends what may be sent now; seconds until the next turn."""
        try:
            return self._turn()
        except CloudError as error:
            return self._trouble(error)
        except StoreError as error:
            return self._trouble(CloudError(f"The record of what waits can't be used. {error}"))

    def _turn(self) -> float:
        self._put_together()
        rules = self._rules
        if rules.paused:
            self._state = Shipping("Paused. What is recorded waits here.")
            return _LOOK
        if rules.hours is not None and self._wall(self._now()).time() not in rules.hours:
            self._state = Shipping(f"Sends between {rules.hours.start:%H:%M} and {rules.hours.end:%H:%M}.")
            return _LOOK
        # After a failure one parcel finds out whether it goes again.
        waiting = self._outbox.waiting(1 if self._failures else _AT_ONCE, without=self._not_yet())
        if not waiting:
            if self._clock() - self._alive >= _ALIVE:
                self._live()
            self._state = Shipping("All is sent." if not self._held else "The rest is tried again in a moment.")
            return _LOOK
        self._state = Shipping(f"Sending to {self._place.bucket}.", sending=True)
        self._send_all(waiting)
        self._failures = 0
        return 0.0

    def _trouble(self, error: CloudError) -> float:
        # Full jitter would now and then hammer a bucket that is being repaired; half of the time is always kept.
        seconds = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(self._failures, 16))
        self._failures += 1
        if self._state.words != str(error):
            log.warning("%s", error)
        self._state = Shipping(str(error), trouble=True)
        return seconds * random.uniform(0.5, 1.0)

    def _not_yet(self) -> list[int]:
        now = self._clock()
        self._held = {seq: at for seq, at in self._held.items() if at > now}
        return list(self._held)

    def _put_together(self) -> None:
        now = self._now()
        for kind in sorted(LINES):
            while lines := self._outbox.lines(kind, _LINES_AT_ONCE):
                age = now - lines[0].parcel.made_at
                # A line of the future was written before the clock was set back: it need not wait for that.
                if len(lines) < _LINES_AT_ONCE and timedelta() <= age < GATHERED:
                    break
                try:
                    made = put_together(lines, now)
                except Exception:  # one line that can't be read must not hold up all others
                    log.exception("%d lines could not be put together", len(lines))
                    lines, made = self._one_by_one(lines, now)
                self._outbox.exchange(lines, made)

    def _one_by_one(self, lines: Sequence[Waiting], now: datetime) -> tuple[list[Waiting], list[Parcel]]:
        """The lines that can be put together, and what they become; the others are given up."""
        good: list[Waiting] = []
        made: list[Parcel] = []
        for each in lines:
            try:
                made += put_together([each], now)
                good.append(each)
            except Exception as error:
                log.exception("%s could not be put together", each.parcel.key)
                words = f"It can't be put together ({type(error).__name__}), see the log. The record itself is whole."
                self._outbox.refused(each.seq, words, dead=True)
        return good, made

    def _live(self) -> None:
        parcel = sign_of_life(self._place, self._version, self._now())
        self._upload(parcel, io.BytesIO(parcel.body or b""))
        self._alive = self._clock()

    # -- to S3
    def _send_all(self, waiting: Sequence[Waiting]) -> None:
        """Raises CloudError where the way to S3 is the trouble; what was sent until then is taken off all the same."""
        parts: dict[str, list[Waiting]] = {}
        for each in waiting:
            parts.setdefault(each.parcel.part or str(each.seq), []).append(each)
        self._transfers()  # made before several threads ask for it
        lost = threading.Event()
        with ThreadPoolExecutor(_WORKERS, thread_name_prefix="outbox") as pool:
            results = [pool.submit(self._send_part, some, lost) for some in parts.values()]
        sent: list[Waiting] = []
        trouble: CloudError | None = None
        for done, error in (each.result() for each in results):
            sent += done
            trouble = trouble or error
        self._outbox.sent(sent)
        if sent:
            self._failures = 0
            self._alive = self._clock() if any(each.parcel.kind is ParcelKind.ENTRY for each in sent) else self._alive
        if trouble is not None:
            raise trouble

    def _send_part(self, some: Sequence[Waiting], lost: threading.Event) -> tuple[list[Waiting], CloudError | None]:
        done: list[Waiting] = []
        for each in some:
            if lost.is_set() or self._over.is_set():
                break
            try:
                with self._opened(each.parcel) as file:
                    self._upload(each.parcel, file)
            except _Unsendable as why:
                self._outbox.refused(each.seq, str(why), dead=True)
                break
            except CloudError as error:
                if error.code not in _GOES_WITH_ITS_PARCEL:
                    lost.set()
                    return done, error
                attempts = each.attempts + 1
                self._outbox.refused(each.seq, str(error), dead=attempts >= _TRIES)
                self._held[each.seq] = self._clock() + _FIRST_WAIT * 4.0**attempts
                break
            done.append(each)
        return done, None

    def _opened(self, parcel: Parcel) -> BinaryIO:
        """Its bytes, which are what was written down."""
        if parcel.body is not None:
            return io.BytesIO(parcel.body)
        try:
            file = (self._data / parcel.file).open("rb")
            try:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                file.seek(0)
            except BaseException:
                file.close()
                raise
        except FileNotFoundError as error:
            words = f"{parcel.file} is gone; retention or a person removed it before it was sent."
            raise _Unsendable(words) from error
        except OSError as error:
            # A folder on another machine may be back in a minute.
            raise CloudError(f"{parcel.file} can't be read ({error.strerror or error}).", "InvalidRequest") from error
        if digest != parcel.sha256:
            file.close()
            raise _Unsendable(f"{parcel.file} has changed since it was recorded. Look at it before it is believed.")
        return file

    def _upload(self, parcel: Parcel, file: BinaryIO) -> None:
        from boto3.exceptions import S3UploadFailedError
        from botocore.exceptions import BotoCoreError, ClientError
        from s3transfer.exceptions import CancelledError

        what = f"{parcel.key} can't be put into {self._place.bucket}"
        # S3 compares what arrives with the checksum, piece by piece for a large file.
        extra = {
            "ContentType": parcel.content_type,
            "ChecksumAlgorithm": "SHA256",
            "Metadata": {"sha256": parcel.sha256, "station": self._place.station.encode("ascii", "replace").decode()},
        }
        try:
            self._transfers().upload(file, self._place.bucket, parcel.key, extra).result()
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code == "NoSuchBucket":
                words = f"There is no bucket {self._place.bucket}. Correct its name: Set-up, Cloud."
                raise CloudError(words, code) from error
            raise refused(code, str(error.response["Error"].get("Message", "")), what, "s3:PutObject") from error
        except (BotoCoreError, S3UploadFailedError, OSError) as error:
            raise in_words(error, f"What waits can't be sent to {self._place.bucket}") from error
        except CancelledError as error:
            raise CloudError("The station ends.") from error

    def _transfers(self) -> Any:
        if self._manager is None:
            from boto3.s3.transfer import TransferConfig, create_transfer_manager

            limit = self._rules.bytes_per_second
            config = TransferConfig(
                multipart_threshold=_LARGE,
                multipart_chunksize=_PIECE,
                max_concurrency=_WORKERS,
                max_bandwidth=limit or None,  # one manager for all, else each file would have the limit for itself
            )
            self._manager = create_transfer_manager(self._client(), config)
        return self._manager


__all__ = ["GATHERED", "Rules", "Shipper", "Shipping"]
