"""A proxy before a server that does to requests what bad networks and busy servers do."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_ERROR = b"HTTP/1.1 %s\r\nContent-Type: application/xml\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
_INVALID = b"<?xml version='1.0'?><Error><Code>InvalidRequest</Code><Message>Not this one.</Message></Error>"
_SLOW_DOWN = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Please reduce your rate.</Message></Error>"


@dataclass
class Faults:
    """What goes wrong.

    Attributes:
        share: of requests that meet a fault, 0..1.
        down: no connection is taken.
        refused_name: a request whose path has this in it is answered by 400.
        met: how often each fault came.
    """

    share: float = 0.0
    down: bool = False
    refused_name: str = ""
    met: Counter[str] = field(default_factory=Counter)


class FaultyProxy:
    """HTTP/1.1 to the server behind, one request a connection; a thread of its own.

    Faults: the connection is closed at once ("refused"), in the middle of the request ("cut"), after the server has
    done what was asked and before its answer arrives ("answer lost"), or answered by 503 ("busy").
    """

    def __init__(self, behind: str, *, seed: int = 1) -> None:
        place = urlsplit(behind)
        self._behind = place.hostname, place.port
        self._random = random.Random(seed)
        self.faults = Faults()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.url = ""

    def __enter__(self) -> FaultyProxy:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _serve(self) -> None:
        server = self._loop.run_until_complete(asyncio.start_server(self._take, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        server.close()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._pass_on(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fault = self._fault()
        if fault == "refused":
            return
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if headers.get("expect", "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        length = int(headers.get("content-length", "0"))
        if fault == "cut":
            await reader.readexactly(length // 2)
            return
        body = await reader.readexactly(length)
        unwanted = self.faults.refused_name and self.faults.refused_name in lines[0]
        if fault == "busy" or unwanted:
            status, told = (b"400 Bad Request", _INVALID) if unwanted else (b"503 Slow Down", _SLOW_DOWN)
            writer.write(_ERROR % (status, len(told), told))
            await writer.drain()
            writer.close()
            await writer.wait_closed()
            return
        kept = [line for line in lines if line and line.partition(":")[0].lower() not in ("expect", "connection")]
        behind, out = await asyncio.open_connection(*self._behind)
        out.write("\r\n".join([*kept, "Connection: close", "", ""]).encode("latin-1") + body)
        await out.drain()
        answer = await behind.read(-1)
        out.close()
        if fault == "answer lost":
            return
        first, _, rest = answer.partition(b"\r\n")
        writer.write(first + b"\r\nConnection: close\r\n" + rest)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    def _fault(self) -> str:
        if self.faults.down:
            self.faults.met["refused"] += 1
            return "refused"
        if self._random.random() >= self.faults.share:
            return ""
        fault = self._random.choice(("refused", "cut", "answer lost", "busy"))
        self.faults.met[fault] += 1
        return fault
