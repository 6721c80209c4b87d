"""PINs and badges as they are kept: scrypt of the standard library (RFC 7914), so that a stolen database tells no PIN
quickly. A PIN of four digits has only 10,000 values: what protects it is that the file is the user's own.

Argon2 would be the newer choice; it would be one more package with compiled code, and this module is the one place
to exchange: what is kept names its way and its cost.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re

from app.domain.errors import LinesightError

_COST, _BLOCK, _LANES = 14, 8, 1  # 2^14 rounds of 1 KiB blocks: 16 MB and about 50 ms
_BADGE_SALT = b"linesight badge"


def kept_pin(pin: str) -> str:
    """What is kept of a PIN: way, cost, salt and hash.

    Raises:
        LinesightError: it is not 4 to 12 digits, or one digit throughout.
    """
    if not re.fullmatch(r"[0-9]{4,12}", pin) or len(set(pin)) == 1:
        raise LinesightError("A PIN has 4 to 12 digits, and not one digit throughout. Choose another one.")
    salt = os.urandom(16)
    return f"scrypt${_COST}${_BLOCK}${_LANES}${salt.hex()}${_scrypt(pin.encode(), salt, _COST, _BLOCK, _LANES).hex()}"


def pin_fits(pin: str, kept: str) -> bool:
    """Whether a PIN is the one that was kept; takes the same time either way."""
    try:
        way, cost, block, lanes, salt, digest = kept.split("$")
        if way != "scrypt" or not 10 <= int(cost) <= 20 or not 1 <= int(block) <= 16 or not 1 <= int(lanes) <= 4:
            return False
        found = _scrypt(pin.encode("utf-8", "replace"), bytes.fromhex(salt), int(cost), int(block), int(lanes))
        return hmac.compare_digest(found, bytes.fromhex(digest))
    except ValueError:  # nobody's PIN: damaged, or of another program
        return False


def kept_badge(code: str) -> str:
    """What is kept of a badge's code. One salt for all, so that a scan finds its person at once.

    Raises:
        LinesightError: the code is shorter than 6 characters.
    """
    code = code.strip()
    if len(code) < 6:
        raise LinesightError("The code of a badge has 6 characters or more. Scan the badge again.")
    return _scrypt(code.encode("utf-8", "replace"), _BADGE_SALT, _COST, _BLOCK, _LANES).hex()


def _scrypt(secret: bytes, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    return hashlib.scrypt(secret, salt=salt, n=1 << cost, r=block, p=lanes, maxmem=1 << 29, dklen=32)
