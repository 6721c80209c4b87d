"""The service without a socket: today's boto3 with the project's own description talks to it directly.

Background work waits until a test says `work()`, so that every state in between can be looked at.
"""

from __future__ import annotations

import functools
import time
from collections import deque
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from app.serverless.buckets import Buckets, FolderBuckets
from app.serverless.lookout.api import Lookout
from app.serverless.lookout.context import Context, Job
from app.serverless.lookout.hosting import Hosting
from app.serverless.lookout.http import Request
from app.serverless.lookout.records import FolderRecords
from app.serverless.lookout.service import DESCRIPTIONS
from app.serverless.lookout.sigv4 import Verifier
from app.serverless.lookout.training import carry_out
from app.serverless.lookout.work import Train, Workshop

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


class Clock:
    """Time that a test moves on."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


class Waiting:
    """Jobs that wait."""

    def __init__(self) -> None:
        self.jobs: deque[Job] = deque()

    def submit(self, job: Job) -> None:
        self.jobs.append(job)


class House:
    """A service over a folder of buckets, and a client of it."""

    def __init__(self, folder: Path, root: Path, *, verifier: Verifier | None = None, train: Train = carry_out) -> None:
        self.folder, self.root, self.clock, self.waiting = folder, root, Clock(), Waiting()
        self.buckets: Buckets = FolderBuckets(root)
        self.records = FolderRecords(folder, self.clock)
        self.context = Context(self.records, self.buckets, self.waiting, Hosting(), self.clock)
        self.workshop = Workshop(self.context, folder / "work", train)
        self.api = Lookout(self.context, verifier)
        self.client = client_of("http://lookout.test")
        self.client.meta.events.register("before-send.lookoutvision", self._send)

    def work(self) -> None:
        """Does all that waits."""
        while self.waiting.jobs:
            self.workshop.perform(self.waiting.jobs.popleft())

    def again(self) -> House:
        """The same after the process has ended and begun again."""
        house = House(self.folder, self.root)
        house.workshop.recover()
        return house

    def request(self, prepared: Any) -> Request:
        """What a prepared request of botocore is on the wire."""
        parts = urlsplit(prepared.url)
        headers = {
            name.lower(): value.decode() if isinstance(value, bytes) else str(value)
            for name, value in prepared.headers.items()
        }
        body = prepared.body or b""
        body = body if isinstance(body, bytes) else body.read()
        return Request(prepared.method, parts.path, parts.query, {"host": parts.netloc, **headers}, body)

    def _send(self, request: Any, **_: Any) -> AWSResponse:
        response = self.api.answer(self.request(request))
        return AWSResponse(request.url, response.status, response.headers, _Raw(response.body))


class _Raw:
    """A body as urllib3 gives it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: object, **__: object) -> Any:
        yield self._body


@functools.cache
def session() -> Any:
    """A session of today's boto3 that knows the service again."""
    core = botocore.session.get_session()
    core.get_component("data_loader").search_paths.append(str(DESCRIPTIONS))
    return boto3.session.Session(botocore_session=core)


def client_of(endpoint: str, key: str = KEY, secret: str = SECRET, retries: int = 1) -> Any:
    return session().client(
        "lookoutvision",
        region_name="eu-west-1",
        endpoint_url=endpoint,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": retries}, max_pool_connections=60),
    )
