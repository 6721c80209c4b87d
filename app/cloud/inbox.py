"""The worker at a station's queue (SQS, long polling).

A message is deleted after what it says is committed, so a station killed in between takes it again, and the record
knows it. While the record can't be written the messages at hand are kept hidden and tried again. What can't be
understood is left to the queue, which puts it into its dead-letter queue after as many tries as it is set to; where it
has none, the message is hidden for as long as SQS allows, so that it neither is lost nor comes every minute.
"""

from __future__ import annotations

import json
import logging
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from app.alarms.sharing import UnreadableError
from app.cloud.hearing import opened
from app.cloud.session import in_words
from app.domain.errors import LinesightError, StoreError

log = logging.getLogger(__name__)

WAIT = 15
"""Seconds a request waits for messages: the longest that fits into the client's patience of 20 s."""

HIDDEN = 60
"""Seconds a message is hidden from other readers while it is taken, and until it is tried again."""

TRIES = 5
"""Of a message that can't be understood, until it is told, where the queue itself has no number."""

_LONGEST_HIDDEN = 12 * 3600 - 60  # SQS's own limit is twelve hours from when it was received
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 60.0
_MOST_TOLD = 1000


@dataclass(frozen=True, slots=True)
class InboxState:
    """Attributes:
    words: how it goes.
    well: whether the queue answers.
    received: messages taken so far.
    unreadable: tries at messages that can't be understood.
    last_at: UTC, when the queue answered last.
    """

    words: str = "Asking the queue for the first time."
    well: bool = False
    received: int = 0
    unreadable: int = 0
    last_at: datetime | None = None


class Inbox:
    """One queue, one thread of its own.

    Args:
        client: makes boto3's client of SQS; called on the thread.
        queue: its URL.
        take: does what a message's content says; on record once it returns. UnreadableError: it can't be understood.
            StoreError: not now.
        unreadable: told once of a message that is given up: why.
        lost: told once why the queue can't be used, where waiting will not help; "" once it answers again.
        wait, hidden: instead of `WAIT` and `HIDDEN`.
        pause: seconds until what can't be written is tried again.
    """

    def __init__(
        self,
        client: Callable[[], Any],
        queue: str,
        take: Callable[[Any], None],
        *,
        unreadable: Callable[[str], None] = lambda words: None,
        lost: Callable[[str], None] = lambda words: None,
        wait: int | None = None,
        hidden: int | None = None,
        pause: float = 5.0,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.queue = queue
        self._client, self._take, self._unreadable, self._lost = client, take, unreadable, lost
        self._wait = WAIT if wait is None else wait
        self._hidden = HIDDEN if hidden is None else hidden
        self._pause, self._chance = pause, chance
        self._state = InboxState()
        self._stopping = threading.Event()
        self._gave_up: dict[str, None] = {}  # messages that were told
        self._tries: tuple[int, str] | None = None  # of the queue, and its dead-letter queue
        self._is_lost = False
        self._thread = threading.Thread(target=self._run, name="inbox", daemon=True)

    @property
    def name(self) -> str:
        return self.queue.rstrip("/").rsplit("/", 1)[-1]

    def state(self) -> InboxState:
        return self._state

    def start(self) -> None:
        self._thread.start()

    def stop(self, patience: float = 1.0) -> bool:
        """Takes no further message. A request that still waits is left behind: what it brings is given back. False
        where that is so."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(patience)
        return not self._thread.is_alive()

    # -- the thread
    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                client = self._client()
                answer = client.receive_message(
                    QueueUrl=self.queue,
                    MaxNumberOfMessages=10,
                    WaitTimeSeconds=self._wait,
                    VisibilityTimeout=self._hidden,
                    MessageSystemAttributeNames=["ApproximateReceiveCount"],
                )
                messages = answer.get("Messages", [])
                if self._stopping.is_set():
                    self._give_back(client, messages)
                    return
                self._answers()
                failures = 0
                self._all(client, messages)
            except Exception as error:
                if self._stopping.is_set():
                    return
                if not isinstance(error, LinesightError) and not _of_aws(error):
                    log.exception("the queue %s could not be read", self.name)  # the next try may go well
                failures = min(failures + 1, 20)
                self._failed(error)
                most = min(_FIRST_WAIT * 2 ** (failures - 1), _LONGEST_WAIT)
                self._stopping.wait(most * (1 - self._chance() / 2))

    def _all(self, client: Any, messages: list[Mapping[str, Any]]) -> None:
        taken: list[Mapping[str, Any]] = []
        for place, message in enumerate(messages):
            done = False
            while not done:
                if self._stopping.is_set():
                    self._delete(client, taken)
                    self._give_back(client, messages[place:])
                    return
                try:
                    if self._one(client, message):
                        taken.append(message)
                    done = True
                except StoreError as error:
                    self._delete(client, taken)
                    taken = []
                    log.warning("what came through the queue can't be written now: %s", error)
                    self._set(words=f"What came can't be put on record: {error}")
                    for waiting in messages[place:]:
                        self._hide(client, waiting, self._hidden)
                    self._stopping.wait(self._pause)
        self._delete(client, taken)

    def _one(self, client: Any, message: Mapping[str, Any]) -> bool:
        """Takes one message. False: it can't be understood, and is left. StoreError: it can't be written now."""
        try:
            self._take(opened(message["Body"]))
        except StoreError:
            raise
        except UnreadableError as error:
            self._leave(client, message, str(error))
            return False
        except Exception as error:
            log.exception("a message could not be taken")
            words = str(error) if isinstance(error, LinesightError) else f"A message failed ({type(error).__name__})."
            self._leave(client, message, words)
            return False
        self._set(received=self._state.received + 1)
        return True

    def _delete(self, client: Any, messages: list[Mapping[str, Any]]) -> None:
        """What is not deleted comes again, and the record knows it."""
        if not messages:
            return
        entries = [{"Id": str(place), "ReceiptHandle": one["ReceiptHandle"]} for place, one in enumerate(messages)]
        answer = client.delete_message_batch(QueueUrl=self.queue, Entries=entries)
        for refused in answer.get("Failed", []):
            log.warning("the queue %s keeps a message: %s", self.name, refused.get("Message") or refused.get("Code"))

    def _leave(self, client: Any, message: Mapping[str, Any], words: str) -> None:
        """Leaves a message to the queue; tells of it at its last try."""
        log.warning("message %s of the queue %s: %s", message["MessageId"], self.name, words)
        self._set(unreadable=self._state.unreadable + 1)
        count = int(message.get("Attributes", {}).get("ApproximateReceiveCount", 1))
        if self._tries is None:
            self._tries = self._rules(client)
        most, dead = self._tries
        if count < most or message["MessageId"] in self._gave_up:
            return
        self._gave_up[message["MessageId"]] = None
        while len(self._gave_up) > _MOST_TOLD:
            self._gave_up.pop(next(iter(self._gave_up)))
        if dead:
            where = f"It goes to the dead-letter queue {dead}; look at it there."
        else:
            where = f"Give the queue {self.name} a dead-letter queue, or delete the message there."
            self._hide(client, message, _LONGEST_HIDDEN)
        self._unreadable(f"{words} {where}")

    def _rules(self, client: Any) -> tuple[int, str]:
        """After how many tries the queue gives a message up, and the name of its dead-letter queue ("" for none)."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            asked = client.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["RedrivePolicy"])
            policy = json.loads(asked.get("Attributes", {}).get("RedrivePolicy") or "{}")
            dead = str(policy.get("deadLetterTargetArn", "")).rsplit(":", 1)[-1]
            return (int(policy["maxReceiveCount"]), dead) if dead else (TRIES, "")
        except (BotoCoreError, ClientError, KeyError, ValueError) as error:  # a right that is missing: then five tries
            log.info("the rules of the queue %s are not known: %s", self.name, error)
            return TRIES, ""

    def _give_back(self, client: Any, messages: list[Mapping[str, Any]]) -> None:
        for message in messages:
            self._hide(client, message, 0)

    def _hide(self, client: Any, message: Mapping[str, Any], seconds: int) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            client.change_message_visibility(
                QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds
            )
        except (BotoCoreError, ClientError) as error:  # then it comes again earlier or later
            log.info("message %s stays hidden as it is: %s", message.get("MessageId"), error)

    def _answers(self) -> None:
        self._set(words="The queue answers.", well=True, last_at=datetime.now(UTC))
        if self._is_lost:
            self._is_lost = False
            self._lost("")

    def _failed(self, error: Exception) -> None:
        found = in_words(error, f"The queue {self.name} can't be read", "sqs:ReceiveMessage")
        self._set(words=str(found), well=False)
        if _for_good(found.code) and not self._is_lost:
            self._is_lost = True
            self._lost(str(found))

    def _set(self, **changes: Any) -> None:
        self._state = replace(self._state, **changes)


def _of_aws(error: Exception) -> bool:
    from botocore.exceptions import BotoCoreError, ClientError

    return isinstance(error, (BotoCoreError, ClientError))


def _for_good(code: str) -> bool:
    """Whether somebody has to do something; a network that is gone comes back by itself."""
    return any(part in code for part in ("NonExistentQueue", "QueueDoesNotExist", "AccessDenied", "InvalidAddress"))
