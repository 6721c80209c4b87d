"""The Lookout-compatible API on a socket of this computer."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import os
import re
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import IO

from aiohttp import web

from app.domain.errors import LinesightError
from app.serverless.buckets import Buckets
from app.serverless.lookout import images
from app.serverless.lookout.api import DETECT, MOST_BODY, Lookout, operation_name, too_large
from app.serverless.lookout.context import Context
from app.serverless.lookout.faults import Denied, Invalid, Throttled
from app.serverless.lookout.hosting import Hosting
from app.serverless.lookout.http import Request, Response, failed
from app.serverless.lookout.isolated import Isolated
from app.serverless.lookout.lanes import Lanes
from app.serverless.lookout.records import FolderRecords
from app.serverless.lookout.sigv4 import Verifier, credential_of
from app.serverless.lookout.training import carry_out
from app.serverless.lookout.work import Train, Workshop

try:  # not on Windows
    import fcntl
except ImportError:  # pragma: no cover
    fcntl = None  # type: ignore[assignment]

log = logging.getLogger(__name__)

MOST_WAITING, MOST_WAITING_BYTES = 100, 256 << 20
"""DetectAnomalies requests at once and the bytes of their pictures; more are throttled."""

_REGION = re.compile(r"[a-z0-9-]{1,40}")
_ANSWERING = 8
_BODY_SECONDS = 120  # whoever sends slower keeps others out
_SMALLEST = 1 << 20  # a picture counts at least so much: decoded it is larger than its file


class Service:
    """The API with everything behind it: records, models in memory, background work."""

    def __init__(
        self, folder: Path, buckets: Buckets, verifier: Verifier | None = None, train: Train | None = None
    ) -> None:
        """
        Args:
            folder: where projects and models are kept.
            train: carries out trainings; None: each in a process of its own.

        Raises:
            LinesightError: the folder can't be used, or another server uses it.
        """
        self._held = _held(folder)
        self._lanes = Lanes()
        self._isolated = Isolated(carry_out) if train is None else None
        context = Context(FolderRecords(folder), buckets, self._lanes, Hosting())
        workshop = Workshop(context, folder / "work", train or self._isolated or carry_out)
        self._lanes.begin(workshop.perform)
        self.api = Lookout(context, verifier)
        workshop.recover()

    def end(self) -> None:
        """Ends background work; what is left is taken up, or told, at the next start."""
        if self._isolated is not None:
            self._isolated.end()
        self._lanes.end()
        self._held.close()


def _held(folder: Path) -> IO[str]:
    """A file that keeps a second server out while it is open: that one would take this one's trainings for lost."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "server.lock").open("w")
    except OSError as error:
        raise LinesightError(f"The folder {folder} can't be written ({error.strerror or error}).") from error
    if fcntl is not None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.close()
            raise LinesightError(f"Another server uses {folder}. End it, or choose another --data-dir.") from error
    return file


class Server:
    """Serves one API on a host and port, within one event loop."""

    def __init__(self, api: Lookout, *, open_to_all: bool) -> None:
        """
        Args:
            open_to_all: no signature is checked; then requests that a web page sends are refused, since any page that
                is open in a browser on this computer could send some.
        """
        self._api, self._open = api, open_to_all
        self._detecting, self._bytes = 0, 0
        self._answering = ThreadPoolExecutor(_ANSWERING, "lookout-answer")
        self._judging = ThreadPoolExecutor(max(2, os.cpu_count() or 1), "lookout-detect")
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int) -> int:
        """Listens; the port that was taken, where 0 was asked for.

        Raises:
            LinesightError: the address can't be had.
        """
        app = web.Application(client_max_size=0)  # limits depend on the operation: `_body` keeps them
        app.router.add_route("*", "/{rest:.*}", self._handle)
        # Nobody waits for a picture any more whose client has gone: it is not even looked at.
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
        await self._runner.setup()
        try:
            site = web.TCPSite(self._runner, host, port, backlog=256)
            await site.start()
        except OSError as error:
            await self.stop()
            raise LinesightError(f"{host}:{port} can't be listened on ({error.strerror or error}).") from error
        address: tuple[str, int] = self._runner.addresses[0][:2]
        return address[1]

    async def stop(self) -> None:
        """Lets requests end that are being answered."""
        if self._runner is not None:
            await self._runner.cleanup()
        for pool in (self._answering, self._judging):
            pool.shutdown(wait=False, cancel_futures=True)

    async def _handle(self, arrived: web.Request) -> web.Response:
        response = await self._respond(arrived)
        return web.Response(status=response.status, body=response.body, headers=response.headers)

    async def _respond(self, arrived: web.Request) -> Response:
        if self._open and "Origin" in arrived.headers:
            return failed(Denied("Requests of web pages are not answered."))
        path, _, query = arrived.raw_path.partition("?")
        detecting = operation_name(arrived.method, path) == DETECT
        most = images.MOST_BYTES if detecting else MOST_BODY
        length = arrived.content_length
        if length is not None and length > most:
            return too_large(length, most)
        if not detecting:
            return await self._answer(arrived, path, query, most, self._answering)
        weight = max(_SMALLEST, most if length is None else length)
        if self._detecting >= MOST_WAITING or self._bytes + weight > MOST_WAITING_BYTES:
            words = f"{self._detecting} images are being looked at or wait for it. Try again in a moment."
            return failed(Throttled(words, "detections"))
        self._detecting += 1
        self._bytes += weight
        try:
            return await self._answer(arrived, path, query, most, self._judging)
        finally:
            self._detecting -= 1
            self._bytes -= weight

    async def _answer(
        self, arrived: web.Request, path: str, query: str, most: int, pool: ThreadPoolExecutor
    ) -> Response:
        body = bytearray()
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                async for piece in arrived.content.iter_any():
                    body += piece
                    if len(body) > most:
                        return too_large(len(body), most)
        except TimeoutError:
            return failed(Invalid(f"The request's body did not come within {_BODY_SECONDS} seconds."))
        headers = {name.lower(): value for name, value in arrived.headers.items()}
        request = Request(arrived.method, path, query, headers, bytes(body))
        credential = credential_of(request)
        if credential is not None and _REGION.fullmatch(credential.region):
            request = replace(request, region=credential.region)
        return await asyncio.get_running_loop().run_in_executor(pool, self._api.answer, request)


def is_loopback(host: str) -> bool:
    """Whether a name or address means this computer alone."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return bool(found) and all(ipaddress.ip_address(str(each[4][0]).split("%")[0]).is_loopback for each in found)


def serve(service: Service, host: str, port: int, *, open_to_all: bool, ready: Callable[[str], None]) -> None:
    """Answers until SIGTERM or SIGINT.

    Args:
        ready: told the URL when requests are taken.

    Raises:
        LinesightError: the address can't be had.
    """
    try:
        asyncio.run(_serve(service, host, port, open_to_all, ready))
    finally:
        service.end()


async def _serve(service: Service, host: str, port: int, open_to_all: bool, ready: Callable[[str], None]) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        # Windows' loop takes no handlers; there Ctrl+C raises KeyboardInterrupt.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, ended.set)
    server = Server(service.api, open_to_all=open_to_all)
    taken = await server.start(host, port)
    try:
        ready(f"http://{f'[{host}]' if ':' in host else host}:{taken}")
        await ended.wait()
    finally:
        await server.stop()
