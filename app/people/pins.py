"""PINs and badges as they are kept: Argon2id (RFC 9106), so that a stolen database tells no PIN quickly. A PIN of
four digits has only 10,000 values: what protects it is that the file is the user's own.

64 MiB in four lanes are the memory and lanes of RFC 9106's second recommended option (section 4); its procedure then
takes as many passes as the time allows. One pass takes 50 to 100 ms on two cores, where three took 200.

Badges are found by what is kept of them, so they have one salt for all and stay with scrypt (RFC 7914): their codes
are long and drawn by a machine, and renewing them would need every badge to be scanned again.
"""

from __future__ import annotations

import hashlib
import hmac
import re

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

from app.domain.errors import LinesightError

_PASSES, _MEMORY, _LANES = 1, 64 * 1024, 4  # passes, KiB, lanes
_BADGE_COST = 14  # 2^14 rounds of 1 KiB blocks: 16 MB and about 50 ms
_BADGE_SALT = b"linesight badge"


def kept_pin(pin: str) -> str:
    """What is kept of a PIN: way, cost, salt and hash, as Argon2's reference program writes them.

    Raises:
        LinesightError: it is not 4 to 12 digits, or one digit throughout.
    """
    if not re.fullmatch(r"[0-9]{4,12}", pin) or len(set(pin)) == 1:
        raise LinesightError("A PIN has 4 to 12 digits, and not one digit throughout. Choose another one.")
    return _hasher().hash(pin)


def pin_fits(pin: str, kept: str) -> bool:
    """Whether a PIN is the one that was kept; slow on purpose, and as slow either way."""
    if kept.startswith("scrypt$"):
        return _scrypt_fits(pin, kept)
    try:
        return PasswordHasher().verify(kept, pin.encode("utf-8", "replace"))
    except (VerificationError, InvalidHashError):  # another PIN; or nobody's: damaged, or of another program
        return False


def outdated(kept: str) -> bool:
    """Whether a PIN was kept in an older way or at another cost, and should be renewed when it is next typed."""
    try:
        return _hasher().check_needs_rehash(kept)
    except InvalidHashError:
        return True


def kept_badge(code: str) -> str:
    """What is kept of a badge's code. One salt for all, so that a scan finds its person at once.

    Raises:
        LinesightError: the code is shorter than 6 characters.
    """
    code = code.strip()
    if len(code) < 6:
        raise LinesightError("The code of a badge has 6 characters or more. Scan the badge again.")
    return _scrypt(code.encode("utf-8", "replace"), _BADGE_SALT, _BADGE_COST, 8, 1).hex()


def _hasher() -> PasswordHasher:
    return PasswordHasher(_PASSES, _MEMORY, _LANES, hash_len=32, salt_len=16, type=Type.ID)


def _scrypt_fits(pin: str, kept: str) -> bool:
    """For PINs that earlier versions kept."""
    try:
        _, cost, block, lanes, salt, digest = kept.split("$")
        if not 10 <= int(cost) <= 20 or not 1 <= int(block) <= 16 or not 1 <= int(lanes) <= 4:
            return False
        found = _scrypt(pin.encode("utf-8", "replace"), bytes.fromhex(salt), int(cost), int(block), int(lanes))
        return hmac.compare_digest(found, bytes.fromhex(digest))
    except ValueError:  # nobody's PIN: damaged, or of another program
        return False


def _scrypt(secret: bytes, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    return hashlib.scrypt(secret, salt=salt, n=1 << cost, r=block, p=lanes, maxmem=1 << 29, dklen=32)
