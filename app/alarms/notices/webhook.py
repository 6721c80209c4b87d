"""Notices as an HTTP POST of JSON, signed with HMAC-SHA256 (RFC 2104).

`Linesight-Signature: t=SECONDS,v1=HEX`, where HEX is the HMAC of "SECONDS.BODY" under the secret: a receiver computes
it too, compares, and refuses what is older than some minutes. `Idempotency-Key` is the notice's id.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ssl
import time
from urllib.parse import urlsplit

from app.alarms.notices.channel import SendError
from app.alarms.notices.message import Message
from app.domain.notice import Recipient

SECONDS = 15.0
_COMES_AGAIN = {408, 423, 425, 429}  # of the 4xx those that may be answered otherwise next time


class Webhook:
    """Options: url (http or https). The secret is the key of the signature; without one nothing is signed."""

    def send(self, recipient: Recipient, secret: str, message: Message) -> str:
        """See `Channel`. Redirects are not followed: a signed message goes where it was told to."""
        return post(recipient.option("url"), message.as_json(), message.id, secret, recipient.name)


def post(url: str, body: bytes, id: str, secret: str, name: str) -> str:
    """Sends JSON, signed where there is a secret; what the receiver answered, in words.

    Args:
        id: the same every time that this is sent.
        name: of the receiver, for the words of an error.

    Raises:
        SendError: the receiver has it not.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SendError(f"{name}: the url begins with https:// or http:// and a name.", final=True)
    if parts.username is not None or parts.password is not None:
        raise SendError(f"{name}: no user and password in the url; sign with a secret.", final=True)
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Linesight",
        "Idempotency-Key": id,
    }
    if secret:
        headers["Linesight-Signature"] = signature(secret, body, int(time.time()))
    try:
        port = parts.port
    except ValueError as error:
        raise SendError(f"{name}: the url has no usable port.", final=True) from error
    made: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        made = http.client.HTTPSConnection(parts.hostname, port, timeout=SECONDS, context=context)
    else:
        made = http.client.HTTPConnection(parts.hostname, port, timeout=SECONDS)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        made.request("POST", path, body, headers)
        answer = made.getresponse()
        answer.read(4096)
    except (http.client.HTTPException, OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise SendError(f"{parts.hostname} can't be reached ({why}).") from error
    finally:
        made.close()
    if not 200 <= answer.status < 300:
        final = 300 <= answer.status < 500 and answer.status not in _COMES_AGAIN
        raise SendError(f"{parts.hostname} answered {answer.status} {answer.reason}.", final=final)
    return f"{parts.hostname} answered {answer.status} {answer.reason}."


def signature(secret: str, body: bytes, seconds: int) -> str:
    """The value of `Linesight-Signature` at a moment (seconds since 1970)."""
    digest = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"
