"""SOURCE addresses as they may be seen by anyone."""

from __future__ import annotations

import re

# A password may hold / ? # although it should not; then the part after ":" is no port number, and
# everything up to the last @ belongs to the credentials.
_CARELESS = re.compile(r"(?<=://)[^/?#@\s]*:(?!\d{1,5}(?:[/?#]|$))\S*@")
_USERINFO = re.compile(r"(?<=://)[^/?#]*@")
_QUERY = re.compile(r"(?i)([?&](?:user\w*|login|pass\w*|pwd|token|\w*key|secret|auth\w*|signature)=)[^&#\s]*")


def without_credentials(address: str) -> str:
    """An address as it may be logged, recorded and shown: user and password removed, and what a
    query may carry of them."""
    address = _USERINFO.sub("", _CARELESS.sub("", address))
    return _QUERY.sub(r"\1***", address)


def source_words(address: str) -> str:
    """A SOURCE address as people say it."""
    address = without_credentials(address)
    kind, _, rest = address.partition(":")
    if address == "demo":
        return "Demo line"
    if kind == "usb":
        return f"USB camera {rest.partition('?')[0]}"
    if kind == "genicam":
        return f"GenICam camera {rest.partition('?')[0].rpartition('#')[2]}".strip()
    if kind == "basler":
        return f"Basler camera {rest.partition('?')[0]}".strip()
    if kind == "kvs":
        return f"Stream {rest}"
    if kind == "video-fast":
        return f"Video {rest}, each picture"
    if kind in ("video", "folder", "round"):
        return f"{kind.capitalize()} {rest}"
    return address
