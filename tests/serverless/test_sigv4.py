"""Signatures: botocore makes them, the service checks them."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from app.serverless.lookout.faults import Fault, HalfSigned, Unsigned, WrongKey, WrongSignature
from app.serverless.lookout.http import Request
from app.serverless.lookout.sigv4 import SKEW_SECONDS, Verifier, credential_of
from tests.serverless.house import KEY, SECRET, House, client_of

VERIFIER = Verifier(KEY, SECRET)
WORDS = "AWS4-HMAC-SHA256"
ARN = "arn:aws:lookoutvision:eu-west-1:000000000000:model/part/1"


def signed(
    method: str = "POST",
    path: str = "/2020-11-20/projects",
    query: str = "",
    body: bytes = b'{"ProjectName": "part"}',
    *,
    key: str = KEY,
    secret: str = SECRET,
    service: str = "lookoutvision",
    **headers: str,
) -> Request:
    """As botocore signs it."""
    url = f"http://lookout.test:9000{path}{'?' + query if query else ''}"
    request = AWSRequest(method, url, {name.replace("_", "-"): value for name, value in headers.items()}, body)
    SigV4Auth(Credentials(key, secret), service, "eu-west-1").add_auth(request)
    sent = {name.lower(): str(value) for name, value in request.headers.items()}
    return Request(method, path, query, {"host": "lookout.test:9000", **sent}, body)


@pytest.mark.parametrize(
    "sign",
    [  # made when the test runs: a signature is good for five minutes
        lambda: signed(),
        lambda: signed("GET", query="nextToken=YQ%3D%3D&maxResults=3", body=b""),
        lambda: signed("GET", f"/2020-11-20/tags/{ARN.replace(':', '%3A').replace('/', '%2F')}", body=b""),
        lambda: signed("DELETE", f"/2020-11-20/tags/{ARN}", query="tagKeys=b%20c&tagKeys=a&tagKeys=%C3%A4", body=b""),
        lambda: signed("GET", query="b=&a=%2B", body=b""),
        lambda: signed(body=bytes(range(256)) * 400, Content_Type="image/png"),
        lambda: signed(X_Amzn_Client_Token="token-1", X_Amz_Meta="  two   spaces "),
    ],
)
def test_what_botocore_signs_is_let_through(sign: Callable[[], Request]) -> None:
    request = sign()
    VERIFIER.check(request)
    credential = credential_of(request)
    assert credential is not None and (credential.key, credential.region) == (KEY, "eu-west-1")


@given(
    name=st.text(max_size=12), value=st.text(max_size=12), segment=st.text(min_size=1, max_size=12), body=st.binary()
)
def test_whatever_they_hold(name: str, value: str, segment: str, body: bytes) -> None:
    query = f"{quote(name, safe='')}={quote(value, safe='')}"
    if segment.strip(".") == "":
        segment = "a"
    VERIFIER.check(signed("POST", f"/2020-11-20/projects/{quote(segment, safe='')}", query, body))


def changed(**parts: Any) -> Callable[[], Request]:
    return lambda: replace(signed(), **parts)


def with_headers(**headers: str | None) -> Callable[[], Request]:
    def make() -> Request:
        request = signed()
        merged = {**request.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return replace(request, headers={name: value for name, value in merged.items() if value is not None})

    return make


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (changed(method="PUT"), WrongSignature),
        (changed(path="/2020-11-20/projects/part"), WrongSignature),
        (changed(query="maxResults=1"), WrongSignature),
        (changed(body=b'{"ProjectName": "other"}'), WrongSignature),
        (changed(headers={}), Unsigned),
        (with_headers(host="elsewhere.test"), WrongSignature),
        (with_headers(authorization="Bearer token"), HalfSigned),
        (with_headers(authorization=f"{WORDS} Credential=a, SignedHeaders=host, Signature={0:064}"), HalfSigned),
        (with_headers(x_amz_date=None), HalfSigned),
        (with_headers(x_amz_date="yesterday"), HalfSigned),
        (with_headers(x_amz_target="not signed"), HalfSigned),
        (with_headers(x_amz_content_sha256="UNSIGNED-PAYLOAD"), HalfSigned),
        (lambda: signed(secret="wrong"), WrongSignature),
        (lambda: signed(key="AKIDOTHER"), WrongKey),
        (lambda: signed(service="s3vectors"), WrongSignature),
        (lambda: signed(x_amz_content_sha256=hashlib.sha256(b"else").hexdigest()), WrongSignature),
    ],
)  # fmt: skip
def test_what_was_changed_on_the_way_is_refused(make: Callable[[], Request], fault: type[Fault]) -> None:
    with pytest.raises(fault):
        VERIFIER.check(make())


def test_a_body_may_stay_unsigned_where_that_is_signed() -> None:
    request = signed(x_amz_content_sha256="UNSIGNED-PAYLOAD")
    VERIFIER.check(request)
    VERIFIER.check(replace(request, body=b"anything"))
    VERIFIER.check(signed(x_amz_content_sha256=hashlib.sha256(b'{"ProjectName": "part"}').hexdigest()))


@pytest.mark.parametrize("ahead", [-1, 1])
def test_an_old_signature_is_worth_nothing(ahead: int) -> None:
    request = signed()
    Verifier(KEY, SECRET, lambda: time.time() + ahead * (SKEW_SECONDS - 10)).check(request)
    with pytest.raises(WrongSignature, match="Signature expired"):
        Verifier(KEY, SECRET, lambda: time.time() + ahead * (SKEW_SECONDS + 10)).check(request)


def test_clients_hear_of_it_by_name(tmp_path: Path) -> None:
    (tmp_path / "buckets").mkdir()
    house = House(tmp_path / "lookout", tmp_path / "buckets", verifier=VERIFIER)
    house.client.create_project(ProjectName="part", ClientToken="token")
    for key, secret, code in (
        (KEY, "wrong", "InvalidSignatureException"),
        ("ELSE", SECRET, "UnrecognizedClientException"),
    ):
        client = client_of("http://lookout.test", key, secret)
        client.meta.events.register("before-send.lookoutvision", house._send)
        with pytest.raises(ClientError) as refused:
            client.list_projects()
        assert refused.value.response["Error"]["Code"] == code
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
