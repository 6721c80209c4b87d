"""Network camera addresses as the fields of the screen, and back."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit, urlunsplit


@dataclass(frozen=True, slots=True)
class StreamFields:
    """Address without credentials, user and password, as typed."""

    address: str
    user: str = ""
    password: str = ""


def split_stream(source: str) -> StreamFields:
    """An rtsp:// SOURCE as fields; what can't be split stays in the address."""
    try:
        parts = urlsplit(source)
    except ValueError:
        return StreamFields(source)
    if "@" not in parts.netloc:
        return StreamFields(source)
    credentials, _, host = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    bare = urlunsplit((parts.scheme, host, parts.path, parts.query, parts.fragment))
    return StreamFields(bare, unquote(user), unquote(password))


def join_stream(fields: StreamFields) -> str:
    """Fields as a SOURCE address; rtsp:// is added where no scheme was typed."""
    address = fields.address.strip()
    if address and "://" not in address:
        address = f"rtsp://{address}"
    if not fields.user or "://" not in address:
        return address
    scheme, _, rest = address.partition("://")
    if "@" in rest.split("/", 1)[0]:
        return address  # typed with credentials inside: those are meant
    return f"{scheme}://{quote(fields.user, safe='')}:{quote(fields.password, safe='')}@{rest}"
