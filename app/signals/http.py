"""The handshake over HTTP: the station is the server, the line's computer asks. All bodies are JSON, UTF-8:

    GET  /signals   what the line sees
    GET  /result    the answer that stands; 204 while none does
    POST /trigger   {"recipe_id": 7, "part_id": "A-17"}, both optional, or nothing: 202 with {"number": 12}, or with
                    `?wait=SECONDS` 200 with the answer as soon as it stands, 202 where that takes longer
    POST /ack       {"number": 12} acknowledges that answer, nothing whichever stands: 200 with what the line sees

Each request to trigger is an edge. One that is refused changes nothing and is answered 409 with why; a message that
can't be read 400. An answer that is an Error comes as 200 with its code: the trigger was taken.

With a key every request needs `Authorization: Bearer KEY`. Whatever a web page sends is refused: browsers name its
origin, a machine's program does not.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import math
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from app.signals.codes import ErrorCode
from app.signals.handshake import Signals
from app.signals.listening import Listening
from app.signals.messages import number_of, trigger_of
from app.signals.result import answer_json, signals_json

if TYPE_CHECKING:
    from aiohttp import web

QUIET = 5.0
"""Seconds without a request after which the line's computer counts as gone."""
LONGEST_WAIT = 60.0
"""Seconds that a request may wait for its answer."""
LONGEST_PART = 80
"""Characters of a part's id."""
_MOST_BODY = 64 << 10
_START, _STOP = 10.0, 3.0


class HttpOutput(Listening):
    """A server on a thread of its own; `show` returns at once and waits for nobody.

    Args:
        host, port: to listen on; host "" for every network of this computer.
        trigger: told of an edge with the recipe and the part's id; says the number of the answer that comes, 0 where
            the trigger was refused.
        acknowledge: told of the answer's number, None for whichever stands.
        key: what every request has to bring; "" for whoever reaches the port.
    """

    def __init__(
        self,
        host: str,
        port: int,
        trigger: Callable[[int, str], int],
        acknowledge: Callable[[int | None], None],
        *,
        key: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("HTTP", "http", host, port, start=_START, stop=_STOP)
        self._key, self._clock = key, clock
        self._trigger, self._acknowledge = trigger, acknowledge
        self._signals = Signals()
        self._asked: float | None = None  # the newest request that was let in
        self._news: asyncio.Event | None = None  # set, and replaced, when the signals change

    # -- the station's side
    def show(self, signals: Signals) -> None:
        """From now on requests are answered with this."""
        self._signals = signals
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # it is just ending
                loop.call_soon_threadsafe(self._tell)

    def connected(self) -> bool:
        """Whether somebody has asked within the last seconds."""
        return self._asked is not None and self._clock() - self._asked < QUIET

    def words(self) -> str:
        """How it goes."""
        if self._asked is None:
            return f"Listening on port {self._port}. Nobody has asked yet."
        ago = self._clock() - self._asked
        return "The line asks." if ago < QUIET else f"The line is silent: no request for {ago:.0f} s."

    # -- the server's thread
    async def _run(self, end: asyncio.Event) -> None:
        from aiohttp import web  # only where it is used

        self._news = asyncio.Event()

        @web.middleware
        async def let_in(request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
            return await self._let_in(request, handler)

        app = web.Application(client_max_size=_MOST_BODY, middlewares=[let_in])
        app.add_routes(
            [
                web.get("/signals", self._on_signals),
                web.get("/result", self._on_result),
                web.post("/trigger", self._on_trigger),
                web.post("/ack", self._on_ack),
            ]
        )
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host or None, self._port).start()
            self._up.set()
            await end.wait()
        finally:
            self._tell()  # whoever waits for an answer is told what stands
            await runner.cleanup()

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        if news is not None:
            news.set()

    async def _let_in(self, request: web.Request, go_on: Callable[[web.Request], Any]) -> web.StreamResponse:
        if "Origin" in request.headers:
            return _refused(403, "A web page may not ask here: only a program of the line.")
        given = request.headers.get("Authorization", "")
        if self._key and not hmac.compare_digest(given.encode("utf-8", "replace"), f"Bearer {self._key}".encode()):
            answer = _refused(401, "This key is not the station's. Send it as Authorization: Bearer KEY.")
            answer.headers["WWW-Authenticate"] = "Bearer"
            return answer
        self._asked = self._clock()
        found: web.StreamResponse = await go_on(request)
        return found

    async def _on_signals(self, _request: web.Request) -> web.Response:
        return _json(200, signals_json(self._signals))

    async def _on_result(self, _request: web.Request) -> web.Response:
        now = self._signals
        return _json(200, answer_json(now)) if now.result_ready else _json(204)

    async def _on_trigger(self, request: web.Request) -> web.Response:
        wait = _seconds(request.query.get("wait", "0"))
        recipe, part, bad = trigger_of(await request.read())
        if not bad and len(part) > LONGEST_PART:
            bad = f"part_id has more than {LONGEST_PART} characters."
        if not bad and wait is None:
            bad = f"wait is a number of seconds from 0 to {LONGEST_WAIT:.0f}."
        if bad or wait is None:
            return _refused(400, bad, ErrorCode.BAD_REQUEST)
        number = self._trigger(recipe, part)
        if not number:
            return _refused(409, "The trigger was refused: the part before is not through, or it bounced.")
        until = self._clock() + wait
        while not self._answered(number) and (left := until - self._clock()) > 0 and not self._ending():
            news = self._news
            assert news is not None
            with suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), left)
        now = self._signals
        if wait and now.result_ready and now.answer is not None and now.answer.number == number:
            return _json(200, answer_json(now))
        return _json(202, json.dumps({"number": number}).encode())

    async def _on_ack(self, request: web.Request) -> web.Response:
        number, bad = number_of(await request.read())
        if bad:
            return _refused(400, bad, ErrorCode.BAD_REQUEST)
        self._acknowledge(number)
        return _json(200, signals_json(self._signals))

    def _answered(self, number: int) -> bool:
        """Also where its answer was acknowledged meanwhile."""
        answer = self._signals.answer
        return answer is not None and answer.number >= number

    def _ending(self) -> bool:
        return self._end is not None and self._end.is_set()


def _seconds(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) and 0 <= found <= LONGEST_WAIT else None


def _refused(status: int, words: str, code: ErrorCode = ErrorCode.NONE) -> web.Response:
    return _json(status, json.dumps({"error": words, "error_code": int(code)}, ensure_ascii=False).encode())


def _json(status: int, body: bytes = b"") -> web.Response:
    from aiohttp import web

    return web.Response(status=status, body=body or None, content_type="application/json", charset="utf-8")
