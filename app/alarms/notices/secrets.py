"""Passwords and keys of recipients: in the system's keyring, or in an environment variable; never in a file or log."""

from __future__ import annotations

import os

from app.domain.errors import LinesightError

SERVICE = "Linesight notices"


def variable(recipient_id: str) -> str:
    """The environment variable that stands in for the keyring."""
    return "LINESIGHT_SECRET_" + recipient_id.upper().replace("-", "_")


def read(recipient_id: str) -> str:
    """The secret of a recipient, "" for none. The environment variable goes first.

    Raises:
        LinesightError: the keyring can't be read; names the way out.
    """
    if given := os.environ.get(variable(recipient_id)):
        return given
    import keyring  # looks for backends when imported, which takes a moment
    from keyring.errors import KeyringError, NoKeyringError

    try:
        return keyring.get_password(SERVICE, recipient_id) or ""
    except NoKeyringError:
        return ""  # nothing can be kept in it either; who needs a secret says that there is none
    except KeyringError as error:
        raise _unusable(recipient_id, error) from error


def keep(recipient_id: str, secret: str) -> None:
    """Puts a secret into the keyring; "" takes it out.

    Raises:
        LinesightError: there is no keyring, or it is locked; names the way out.
    """
    import keyring
    from keyring.errors import KeyringError, PasswordDeleteError

    try:
        if secret:
            keyring.set_password(SERVICE, recipient_id, secret)
        else:
            keyring.delete_password(SERVICE, recipient_id)
    except PasswordDeleteError:
        return  # there was none
    except KeyringError as error:
        if secret:
            raise _unusable(recipient_id, error) from error


def _unusable(recipient_id: str, error: Exception) -> LinesightError:
    return LinesightError(
        f"This computer has no keyring that can be used ({type(error).__name__}). Set the environment variable "
        f"{variable(recipient_id)} to the password or key before the program starts, or unlock the keyring."
    )
