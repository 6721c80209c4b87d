"""The secret of an access key: in the system's keyring, or in an environment variable; never in a file or log."""

from __future__ import annotations

import os

from app.domain.errors import LinesightError

SERVICE = "Linesight AWS"
VARIABLE = "LINESIGHT_AWS_SECRET"
"""Stands in for the keyring where there is none."""


def read(key_id: str) -> str:
    """The secret of an access key. The environment variable goes first.

    Raises:
        LinesightError: there is none, or the keyring can't be read; names the way out.
    """
    if given := os.environ.get(VARIABLE):
        return given
    import keyring  # looks for backends when imported, which takes a moment
    from keyring.errors import KeyringError

    try:
        found = keyring.get_password(SERVICE, key_id)
    except KeyringError as error:
        raise _unusable(error) from error
    if not found:
        raise LinesightError(
            f"The secret of the access key {key_id} is not in this computer's keyring. "
            "Enter it with `python main.py cloud key set` or under Set-up, Cloud."
        )
    return found


def keep(key_id: str, secret: str) -> None:
    """Puts the secret into the keyring.

    Raises:
        LinesightError: there is no keyring, or it is locked; names the way out.
    """
    import keyring
    from keyring.errors import KeyringError

    try:
        keyring.set_password(SERVICE, key_id, secret)
    except KeyringError as error:
        raise _unusable(error) from error


def forget(key_id: str) -> bool:
    """Takes the secret out; False where there was none.

    Raises:
        LinesightError: the keyring can't be used.
    """
    import keyring
    from keyring.errors import KeyringError, NoKeyringError, PasswordDeleteError

    try:
        keyring.delete_password(SERVICE, key_id)
    except (PasswordDeleteError, NoKeyringError):
        return False
    except KeyringError as error:
        raise _unusable(error) from error
    return True


def _unusable(error: Exception) -> LinesightError:
    return LinesightError(
        f"This computer has no keyring that can be used ({type(error).__name__}). Unlock it, use an AWS profile, "
        f"or set the environment variable {VARIABLE} to the secret before the program starts."
    )
