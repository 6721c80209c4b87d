"""Whether a request is signed as AWS wants it, by the documentation of Signature Version 4 and without botocore."""

from __future__ import annotations

import hashlib
import hmac
import time
import urllib.parse
from datetime import UTC, datetime

from aiohttp import web

KEY, SECRET, REGION = "AKIDTEST", "secret-of-the-tests", "eu-central-1"


def signature_fault(request: web.Request, body: bytes | None) -> str:
    """What is wrong with it in words; "" where it is right."""
    words = request.headers.get("Authorization", "")
    if not words.startswith("AWS4-HMAC-SHA256 "):
        return "no signature"
    parts = dict(part.strip().split("=", 1) for part in words.removeprefix("AWS4-HMAC-SHA256 ").split(","))
    key, day, region, service, end = parts["Credential"].split("/")
    if (key, region, service, end) != (KEY, REGION, "kinesisvideo", "aws4_request"):
        return f"signed for {parts['Credential']}"
    names = parts["SignedHeaders"].split(";")
    if "host" not in names or (body is None and "x-amzn-stream-name" not in names):
        return f"signed are only {names}"
    when = request.headers["X-Amz-Date"]
    if abs(datetime.strptime(when, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp() - time.time()) > 300:
        return "signed too long ago"
    payload = hashlib.sha256(body or b"").hexdigest()
    canonical = "\n".join(
        [
            request.method,
            urllib.parse.quote(request.path),
            "",
            *(f"{name}:{' '.join(request.headers[name].split())}" for name in names),
            "",
            parts["SignedHeaders"],
            request.headers.get("X-Amz-Content-SHA256", payload),
        ]
    )
    scope = f"{day}/{region}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{when}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    sign = f"AWS4{SECRET}".encode()
    for step in (day, region, service, "aws4_request"):
        sign = hmac.new(sign, step.encode(), hashlib.sha256).digest()
    right = hmac.new(sign, text.encode(), hashlib.sha256).hexdigest()
    return "" if hmac.compare_digest(right, parts["Signature"]) else "the signature is wrong"
