"""Verifying AWS Signature Version 4 of requests, as Amazon's documentation of the protocol describes it."""

from __future__ import annotations

import hashlib
import hmac
import posixpath
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, unquote

from app.serverless.lookout.faults import SERVICE, HalfSigned, Unsigned, WrongKey, WrongSignature
from app.serverless.lookout.http import Request

SKEW_SECONDS = 300

_ALGORITHM = "AWS4-HMAC-SHA256"
_UNSIGNED = "UNSIGNED-PAYLOAD"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<credential>[^,\s]+),\s*SignedHeaders=(?P<headers>[^,\s]+),\s*"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class Credential:
    """Key and scope of a request."""

    key: str
    day: str
    region: str
    service: str


def credential_of(request: Request) -> Credential | None:
    """What a request says it is signed with, believed or not; None where it says nothing of the kind."""
    found = _AUTHORIZATION.match(request.headers.get("authorization", ""))
    return _credential(found["credential"]) if found else None


def _credential(text: str) -> Credential | None:
    # A key may hold slashes; the scope's four parts may not.
    parts = text.rsplit("/", 4)
    if len(parts) != 5 or parts[4] != "aws4_request":
        return None
    return Credential(*parts[:4])


class Verifier:
    """Lets through what was signed with one key."""

    def __init__(self, key: str, secret: str, clock: Callable[[], float] = time.time) -> None:
        self._key, self._secret, self._clock = key, secret, clock

    def check(self, request: Request) -> None:
        """
        Raises:
            Unsigned, HalfSigned, WrongKey, WrongSignature: the request is not signed, or not with this key.
        """
        text = request.headers.get("authorization", "")
        if not text:
            raise Unsigned("The request is not signed (no Authorization header).")
        found = _AUTHORIZATION.fullmatch(text.strip())
        credential = _credential(found["credential"]) if found else None
        if found is None or credential is None:
            raise HalfSigned("The Authorization header is not like AWS Signature Version 4 has it.")
        stamp = request.headers.get("x-amz-date", "")
        names = found["headers"].split(";")
        self._check_parts(request, credential, stamp, names)
        if not hmac.compare_digest(credential.key.encode(), self._key.encode()):
            raise WrongKey("The security token included in the request is invalid: nobody here has this access key.")
        wanted = self._signature(request, credential, stamp, names)
        if not hmac.compare_digest(wanted, found["signature"]):
            raise WrongSignature(
                "The request signature we calculated does not match the signature you provided. Check the secret "
                "access key, and that nothing on the way changes the request."
            )

    def _check_parts(self, request: Request, credential: Credential, stamp: str, names: list[str]) -> None:
        try:
            moment = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
        except ValueError:
            raise HalfSigned("The request has no X-Amz-Date header like 20261122T120000Z.") from None
        if credential.service != SERVICE or credential.day != stamp[:8]:
            raise WrongSignature(f"Credential should be scoped to the day {stamp[:8]} and the service {SERVICE}.")
        if abs(self._clock() - moment) > SKEW_SECONDS:
            here = datetime.fromtimestamp(self._clock(), UTC).strftime("%Y%m%dT%H%M%SZ")
            raise WrongSignature(f"Signature expired: {stamp} is more than 5 min. away from {here}. Set the clocks.")
        # Whoever could change what is not signed could change what is asked.
        must = {"host", "x-amz-date"} | {name for name in request.headers if name.startswith("x-amz-")}
        if missing := must - set(names):
            raise HalfSigned(f"These headers are not signed: {', '.join(sorted(missing))}.")

    def _signature(self, request: Request, credential: Credential, stamp: str, names: list[str]) -> str:
        headers = "".join(f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in names)
        canonical = "\n".join(
            (request.method, _path(request.path), _query(request.query), headers, ";".join(names), _payload(request))
        )
        scope = f"{credential.day}/{credential.region}/{credential.service}/aws4_request"
        text = "\n".join((_ALGORITHM, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))
        key = f"AWS4{self._secret}".encode()
        for part in (credential.day, credential.region, credential.service, "aws4_request", text):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return key.hex()


def _path(path: str) -> str:
    """Dot segments taken away, then encoded once more than on the wire."""
    plain = posixpath.normpath(path) if path else "/"
    plain = f"/{plain.lstrip('/')}"
    if path.endswith("/") and plain != "/":
        plain += "/"
    return quote(plain, safe="/-_.~")


def _query(query: str) -> str:
    pairs = [part.partition("=")[::2] for part in query.split("&") if part]
    encoded = [(_encoded(name), _encoded(value)) for name, value in pairs]
    return "&".join(f"{name}={value}" for name, value in sorted(encoded))


def _encoded(text: str) -> str:
    return quote(unquote(text), safe="-_.~")


def _payload(request: Request) -> str:
    given = request.headers.get("x-amz-content-sha256", "")
    if given == _UNSIGNED:
        return given
    found = hashlib.sha256(request.body).hexdigest()
    if given and not hmac.compare_digest(given.lower().encode(), found.encode()):
        raise WrongSignature("The provided x-amz-content-sha256 does not match what was sent.")
    return found
