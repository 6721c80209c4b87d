"""The worker that sends notices: each at least once, with the same id every time.

A notice is a row that was committed with its alarm; it is marked as sent after the receiver has taken it. Killed in
between, the station sends it again, and the receiver knows it by its id. Where it fails, the recipient is tried again
after 10 seconds, 20, 40 ... up to 15 minutes, each shortened at random by up to half ("equal jitter", Brooker 2015), so
that many stations do not come back at the same moment; all that waits for the recipient waits along. After three days
a notice is given up, and one the receiver refuses after three tries; a person sees them and may have them sent again.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from app.alarms.notices.channel import Channel, SendError
from app.alarms.notices.mail import Mail
from app.alarms.notices.message import Message
from app.alarms.notices.mqtt import Mqtt
from app.alarms.notices.webhook import Webhook
from app.domain.errors import LinesightError, StoreError
from app.domain.notice import Notice, Recipient
from app.store.noticing import Notices

log = logging.getLogger(__name__)

CHANNELS: Mapping[str, Channel] = {"email": Mail(), "webhook": Webhook(), "mqtt": Mqtt()}

FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=10), timedelta(minutes=15)
GIVEN_UP_AFTER = timedelta(days=3)
REFUSALS = 3


class NoticeSender:
    """Sends what is due; `send_due` on any one thread at a time.

    Args:
        recipient: one by id, None where it is gone or switched off.
        compose: what a notice says now; None where its alarm is not on record.
        secret: of a recipient by id.
        channels: ways to send by name.
        chance: a number in [0, 1), for the jitter.
    """

    def __init__(
        self,
        notices: Notices,
        recipient: Callable[[str], Recipient | None],
        compose: Callable[[Notice], Message | None],
        secret: Callable[[str], str],
        channels: Mapping[str, Channel],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._notices, self._recipient, self._compose, self._secret = notices, recipient, compose, secret
        self._channels, self._now, self._chance = channels, now, chance
        self._failures: dict[str, int] = {}  # of a recipient, in a row
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Begins no further one."""
        self._stopped.set()

    def send_due(self) -> bool:
        """Sends all that is due; whether anything was sent or given up. StoreError where the record can't be used."""
        done, unreachable = False, set[str]()
        for notice in self._notices.due(self._now()):
            if self._stopped.is_set():
                break
            if notice.recipient in unreachable:
                continue  # put off with the one before
            done = True
            if not self._send(notice):
                unreachable.add(notice.recipient)
        return done

    def _send(self, notice: Notice) -> bool:
        """Whether the next one for the same recipient may be tried."""
        recipient = self._recipient(notice.recipient)
        if recipient is None:
            self._notices.failed(notice.id, "There is no such recipient any more.", self._now(), dead=True)
            return True
        try:
            message = self._compose(notice)
            if message is None:
                self._notices.failed(notice.id, "Its alarm is not on record.", self._now(), dead=True)
                return True
            deliver(recipient, message, self._secret(recipient.id), self._channels)
        except StoreError:
            raise
        except LinesightError as error:
            self._failed(notice, recipient, str(error), final=not isinstance(error, SendError) or error.final)
            return False
        except Exception as error:
            log.exception("a notice to %s failed", recipient.name)
            self._failed(notice, recipient, f"Something unexpected went wrong ({type(error).__name__}).", final=True)
            return False
        self._failures.pop(recipient.id, None)
        self._notices.sent(notice.id, self._now())
        return True

    def _failed(self, notice: Notice, recipient: Recipient, words: str, *, final: bool) -> None:
        now = self._now()
        given_up = (final and notice.attempts + 1 >= REFUSALS) or now - notice.created_at >= GIVEN_UP_AFTER
        log.warning("a notice to %s could not be sent: %s", recipient.name, words)
        count = self._failures[recipient.id] = min(self._failures.get(recipient.id, 0) + 1, 20)
        wait = min(FIRST_WAIT * 2 ** (count - 1), LONGEST_WAIT)
        until = now + wait * (1 - self._chance() / 2)
        self._notices.failed(notice.id, words, until, dead=given_up)
        self._notices.put_off(recipient.id, until)


def deliver(recipient: Recipient, message: Message, secret: str, channels: Mapping[str, Channel]) -> str:
    """Sends one message now; what happened, in words. Raises as `Channel.send`."""
    channel = channels.get(recipient.channel)
    if channel is None:
        raise SendError(f"{recipient.name}: nothing here sends by {recipient.channel}.", final=True)
    return channel.send(recipient, secret, message)
