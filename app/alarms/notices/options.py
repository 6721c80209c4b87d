"""Options that several channels share."""

from __future__ import annotations

from app.alarms.notices.channel import SendError
from app.domain.notice import Recipient


def port_of(recipient: Recipient, usual: int) -> int:
    """The option "port", `usual` where there is none; SendError for what is no port."""
    said = recipient.options.get("port", "").strip()
    if not said:
        return usual
    if not said.isdecimal() or not 0 < int(said) < 65536:
        raise SendError(f"{recipient.name}: {said!r} is no port. Give a number from 1 to 65535.", final=True)
    return int(said)
