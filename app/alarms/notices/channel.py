"""What a way of telling somebody has to do. The cloud room brings Amazon SNS as one more."""

from __future__ import annotations

from typing import Protocol

from app.alarms.notices.message import Message
from app.domain.errors import LinesightError
from app.domain.notice import Recipient


class SendError(LinesightError):
    """It could not be sent.

    Attributes:
        final: trying again as it is helps nothing: the receiver refused it, or an option is wrong.
    """

    def __init__(self, words: str, *, final: bool = False) -> None:
        super().__init__(words)
        self.final = final


class Channel(Protocol):
    """Sends one message and returns once the receiver's side has taken it; waits at most some seconds."""

    def send(self, recipient: Recipient, secret: str, message: Message) -> str:
        """Returns what happened, in words.

        Args:
            secret: password or key of the recipient, "" where it has none.

        Raises:
            SendError: the receiver has it not, or did not say so.
            LinesightError: an option is missing.
        """
