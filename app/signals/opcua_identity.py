"""Who may use the OPC UA server, and the certificate that it shows: self-signed, made once, in the data folder."""

from __future__ import annotations

import hmac
import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from app.domain.errors import LinesightError

YEARS = 10
_SPARE = timedelta(days=30)
"""Before its end a certificate is made anew, at the next start of the server."""


class Identity:
    """A user with a password, and the folder with `certificate.pem` and `key.pem` (mode 600).

    Whoever knows the password is let in over an encrypted channel, and nobody else.
    """

    def __init__(self, user: str, password: str, folder: Path) -> None:
        self.user, self._password, self._folder = user, password, folder

    @property
    def certificate(self) -> Path:
        """What a client is told to trust."""
        return self._folder / "certificate.pem"

    def users(self) -> Any:
        """A user manager of asyncua."""
        from asyncua.crypto.permission_rules import User, UserRole

        name, secret = self.user, self._password

        class One:
            def get_user(
                self, _server: Any, username: Any = None, password: Any = None, certificate: Any = None
            ) -> Any:
                right = hmac.compare_digest((username or "").encode(), name.encode())
                right &= hmac.compare_digest((password or "").encode(), secret.encode())
                return User(role=UserRole.User, name=name) if right and secret else None

        return One()

    async def put_on(self, server: Any) -> None:
        """Slow the first time: makes key and certificate. LinesightError where they can't be written."""
        from asyncua import ua

        try:
            self._make(server.get_application_uri())
        except OSError as error:
            raise LinesightError(
                f"the certificate can't be written to {self._folder}: {error.strerror or error}"
            ) from error
        await server.load_certificate(self.certificate)
        await server.load_private_key(self._folder / "key.pem")
        server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
        server.set_identity_tokens([ua.UserNameIdentityToken])

    def _make(self, uri: str) -> None:
        from asyncua.crypto.cert_gen import dump_private_key_as_pem, generate_private_key
        from asyncua.crypto.cert_gen import generate_self_signed_app_certificate as signed
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import Encoding
        from cryptography.x509.oid import ExtendedKeyUsageOID

        key_file, host = self._folder / "key.pem", socket.gethostname()
        try:
            found = x509.load_pem_x509_certificate(self.certificate.read_bytes())
            names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            of_here = host in names.get_values_for_type(x509.DNSName)
            if key_file.exists() and of_here and found.not_valid_after_utc > datetime.now(UTC) + _SPARE:
                return
        except (OSError, ValueError, x509.ExtensionNotFound):
            pass  # there is none yet, or none that can be used
        key = generate_private_key()
        made = signed(
            key,
            f"Linesight at {host}"[:64],
            {"organizationName": "Linesight"},
            [x509.UniformResourceIdentifier(uri), x509.DNSName(host)],
            [ExtendedKeyUsageOID.SERVER_AUTH],
            days=365 * YEARS,
        )
        self._folder.mkdir(parents=True, exist_ok=True)
        _private(key_file, dump_private_key_as_pem(key))
        _private(self.certificate, made.public_bytes(Encoding.PEM))


def _private(path: Path, data: bytes) -> None:
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
