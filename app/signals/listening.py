"""Why a server of the station can't listen, in words that people can act on."""

from __future__ import annotations

import errno
import socket

_WORDS = {
    "EADDRINUSE": "the port is taken",
    "EACCES": "the port is not allowed",
    "EADDRNOTAVAIL": "this computer does not have the address",
}


def why(error: OSError) -> str:
    """The cause, to stand in brackets."""
    if isinstance(error, socket.gaierror):
        return "this computer does not know the address"
    for name, words in _WORDS.items():
        if error.errno in (getattr(errno, name), getattr(errno, f"WSA{name}", None)):
            return words
    return error.strerror or str(error)
