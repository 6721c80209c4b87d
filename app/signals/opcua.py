"""The handshake over OPC UA: the station is the server, the PLC reads, writes and subscribes.

Namespace `urn:linesight:line` (ask for its index, usually 2). Every node has a text as its id, such as
`ns=2;s=Signals.Trigger`:

    Signals.TriggerReady, Busy, ResultReady, OK, NG, Retest, Error   Boolean
    Signals.ErrorCode, ActiveRecipe, Heartbeat   UInt16
    Signals.Trigger, ResultAck   Boolean, written by the PLC; their rising edge counts
    Signals.RecipeId   UInt16, written: the recipe it expects, 0 for whichever runs
    Signals.PartId     String, written: id of the next part, "" for the station's own number
    Signals.Taken, RefusedBusy, Missed, Debounced, Late, Unread   UInt32, counted since the program's start
    Result.Number UInt32; PartId, Model, Verdict, Json String; Score, Threshold Double; Time DateTime
    VisionSystem.VisionStateMachine.CurrentState                            LocalizedText
    VisionSystem.VisionStateMachine.AutomaticModeStateMachine.CurrentState  LocalizedText
    VisionSystem.StartSingleJob(PartId String, RecipeId UInt16) -> (JobId UInt32, Error Int32)

One write request is looked at as a whole: recipe and part id count for the trigger in the same request, wherever in it
they stand, and Result Ack goes before Trigger. When the request is answered, the nodes show what it has led to. Nodes
that the PLC may not write are read-only for every user.

Of OPC 40100-1 (Machine Vision, Part 1) only names and meanings are followed, so that a reader of it finds its way:

- `VisionSystem` with `VisionStateMachine`: Halted (the station does not inspect), Error (the camera is lost) and
  Operational. Preoperational never stands: a station that has no settings has no server.
- `AutomaticModeStateMachine`: Initialized (no trigger can be taken: a lot at the bench, not released), Ready,
  SingleExecution (Busy), ContinuousExecution (parts are inspected without triggers).
- `StartSingleJob` with a job id and an error, 0 for none; error numbers are the station's own.

Not followed: the companion specification's namespace, object and data types (part and recipe id are a plain String and
UInt16, the states have no numbers and no transitions), its events, recipe, configuration and result management, and its
other methods (Halt, Reset, SelectModeAutomatic, ConfirmAll, StartContinuous, Abort, Stop, PrepareRecipe). The station
is started and stopped by people. A client that looks for `VisionSystemType` finds none.

Without a user whoever reaches the port may read and trigger, and nothing is encrypted: as with Modbus, keep the port in
the machine's own network. With a user only Basic256Sha256, signed and encrypted, is offered, and the password is asked
for; certificates of clients are not checked. The server's own is self-signed and lies in the data folder.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from app.signals.codes import ErrorCode
from app.signals.handshake import Signals
from app.signals.listening import Listening
from app.signals.opcua_identity import Identity
from app.signals.opcua_nodes import node_values, variant

NAMESPACE = "urn:linesight:line"
LONGEST_PART = 80
"""Characters of a part's id."""
QUIET = 10
"""Seconds without an answer to TCP's own question after which a client counts as gone."""
_WAIT, _STOP = 20.0, 1.5
_WRITTEN = ("Trigger", "ResultAck", "RecipeId", "PartId")


class OpcUaOutput(Listening):
    """A server on a thread of its own; `show` returns at once and waits for nobody.

    Args:
        host, port: to listen on; host "" for every network of this computer.
        trigger: told of a rising edge with the recipe, the part's id and why the id can't be read; says the number of
            the answer that comes, 0 where the trigger was refused.
        acknowledge: told of a rising edge of Result Ack.
        identity: user, password and certificate; None for no encryption and whoever asks.
        leaving: whether a start that is under way is to be given up.
    """

    def __init__(
        self,
        host: str,
        port: int,
        trigger: Callable[[int, str, str], int],
        acknowledge: Callable[[], None],
        *,
        identity: Identity | None = None,
        leaving: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__("OPC UA", "opcua", host, port, start=_WAIT, stop=2 * _STOP, leaving=leaving)
        self._identity, self._trigger, self._acknowledge = identity, trigger, acknowledge
        self._signals = Signals()
        self._waiting: deque[Signals] = deque()
        self._lock = threading.Lock()
        self._held = {"Trigger": False, "ResultAck": False}  # as last written
        self._recipe, self._part = 0, ""
        self._shown: dict[str, Any] = {}
        self._nodes: dict[str, Any] = {}
        self._met: float | None = None  # when the newest client was last seen
        self._clients = 0
        self._one_by_one: asyncio.Lock | None = None
        self._server: Any = None

    # -- the station's side
    def show(self, signals: Signals) -> None:
        """From now on the nodes show this; each state is passed on, but of mere counts only the newest."""
        with self._lock:
            before, self._signals = self._signals, signals
            if self._waiting and replace(signals, counts=before.counts) == before:
                self._waiting[-1] = signals
                return
            self._waiting.append(signals)
        loop = self._loop
        if loop is not None and self._up.is_set():
            with suppress(RuntimeError):  # it is just ending
                loop.call_soon_threadsafe(self._refresh_soon)

    def connected(self) -> bool:
        """Whether a client has a session."""
        return self._clients > 0

    def words(self) -> str:
        """How it goes."""
        if self._clients:
            return "A client is connected." if self._clients == 1 else f"{self._clients} clients are connected."
        if self._met is None:
            return f"Listening on port {self._port}. No client has come yet."
        return f"The client is gone since {time.monotonic() - self._met:.0f} s."

    # -- the server's thread
    async def _run(self, end: asyncio.Event) -> None:
        from asyncua import Server, ua  # only where it is used
        from asyncua.common.callback import CallbackType
        from asyncua.server.user_managers import PermissiveUserManager

        self._one_by_one = asyncio.Lock()
        await self._may_listen()
        for noisy in ("asyncua.server.address_space", "asyncua.server.uaprocessor", "asyncua.server.server"):
            logging.getLogger(noisy).setLevel(logging.CRITICAL)  # every wrong write of a client would be a line
        identity = self._identity
        server = Server(user_manager=identity.users() if identity is not None else PermissiveUserManager())
        server.allow_remote_admin(False)
        server.iserver.disabled_clock = True  # its own waits a second before it ends
        server.iserver.max_pending_messages_per_connection = 5000
        server.iserver.max_connections = 50
        server.name, server.manufacturer_name, server.product_uri = "Linesight", "Linesight", "urn:linesight"
        with _uncollected():
            await server.init()
        if end.is_set():  # it was given up meanwhile
            server.iserver.aspace.clear()
            return
        await server.set_application_uri(f"urn:{socket.gethostname()}:linesight")
        server.set_endpoint(f"opc.tcp://{self._host or '0.0.0.0'}:{self._port}/linesight/")
        if identity is None:
            server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
            server.set_identity_tokens([ua.AnonymousIdentityToken])
        else:
            await identity.put_on(server)
        await self._make_nodes(server)
        server.subscribe_server_callback(CallbackType.PostWrite, self._written)
        await self._refresh()
        await server.start()
        self._server = server
        self._up.set()
        try:
            await self._refresh()
            await self._look_after(server)
        finally:
            self._clients = 0
            for transport in list(server.iserver.asyncio_transports):
                transport.abort()  # a client that reads nothing must not hold the port
            with suppress(TimeoutError):
                await asyncio.wait_for(server.stop(), _STOP)
            server.iserver.aspace.clear()  # frozen cycles would never be freed

    async def _may_listen(self) -> None:
        """Raises OSError before the address space is built, which takes a moment."""
        server = await asyncio.get_running_loop().create_server(
            asyncio.Protocol, self._host or None, self._port, start_serving=False
        )
        server.close()
        await server.wait_closed()

    async def _make_nodes(self, server: Any) -> None:
        from asyncua import ua

        index = await server.register_namespace(NAMESPACE)

        def id(name: str) -> Any:
            return ua.NodeId(name, index)

        def called(name: str) -> Any:
            return ua.QualifiedName(name.rpartition(".")[2], index)

        objects = server.nodes.objects
        vision = await objects.add_object(id("VisionSystem"), called("VisionSystem"))
        machine = "VisionSystem.VisionStateMachine"
        states = await vision.add_object(id(machine), called(machine))
        automatic = await states.add_object(
            id(f"{machine}.AutomaticModeStateMachine"), called("AutomaticModeStateMachine")
        )
        folders = {
            "Signals": await objects.add_folder(id("Signals"), called("Signals")),
            "Result": await objects.add_folder(id("Result"), called("Result")),
            machine: states,
            f"{machine}.AutomaticModeStateMachine": automatic,
        }
        written = {"Signals.Trigger": False, "Signals.ResultAck": False, "Signals.RecipeId": 0, "Signals.PartId": ""}
        for name, value in (node_values(self._signals) | written).items():
            parent = folders[name.rpartition(".")[0]]
            node = await parent.add_variable(id(name), called(name), variant(name, value))
            if name in written:
                await node.set_writable()
            self._nodes[name] = node.nodeid
        kinds = ua.VariantType
        strings, words, longs, whole = (
            ua.NodeId(kind.value) for kind in (kinds.String, kinds.UInt16, kinds.UInt32, kinds.Int32)
        )
        await vision.add_method(
            id("VisionSystem.StartSingleJob"),
            called("StartSingleJob"),
            self._start_single_job,
            [
                ua.Argument("PartId", strings, Description=ua.LocalizedText("id of the part, empty for none")),
                ua.Argument("RecipeId", words, Description=ua.LocalizedText("recipe expected, 0 for any")),
            ],
            [
                ua.Argument("JobId", longs, Description=ua.LocalizedText("number of the result, 0 for none")),
                ua.Argument("Error", whole, Description=ua.LocalizedText("error code, 0 for none")),
            ],
        )
        self._server = server

    async def _look_after(self, server: Any) -> None:
        """Until `stop`: the clock, who is connected, and the clients that were pulled out without a word."""
        assert self._end is not None
        beat = 0.0
        while not self._end.is_set():
            sessions = 0
            for each in list(server.bserver.clients):
                processor = each.processor
                if processor is not None and processor.session is not None and processor.session.is_activated():
                    sessions += 1
                if each.transport is not None:
                    _ask_whether_alive(each.transport.get_extra_info("socket"))
            self._clients = sessions
            now = time.monotonic()
            if sessions:
                self._met = now
            if now - beat >= 1:
                beat = now
                await server.iserver.current_time_node.write_value(datetime.now(UTC))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._end.wait(), 0.2)

    def _refresh_soon(self) -> None:
        task = asyncio.ensure_future(self._refresh())
        task.add_done_callback(lambda done: done.cancelled() or done.result())

    async def _refresh(self) -> None:
        assert self._one_by_one is not None
        async with self._one_by_one:
            while True:
                with self._lock:
                    if not self._waiting:
                        return
                    signals = self._waiting.popleft()
                for name, value in node_values(signals).items():
                    before = self._shown.get(name)
                    if before == value or (before != before and value != value):  # NaN is still NaN
                        continue
                    self._shown[name] = value
                    await self._put(name, value)

    async def _put(self, name: str, value: Any) -> None:
        from asyncua import ua

        now = datetime.now(UTC)
        data = ua.DataValue(variant(name, value), SourceTimestamp=now, ServerTimestamp=now)
        await self._server.write_attribute_value(self._nodes[name], data)

    async def _written(self, event: Any, _service: Any) -> None:
        """After a request to write, before it is answered."""
        if not event.is_external:
            return
        from asyncua import ua

        edges = {"Trigger": 0, "ResultAck": 0}
        names = {node: name.removeprefix("Signals.") for name, node in self._nodes.items() if _is_written(name)}
        for asked, status in zip(event.request_params.NodesToWrite, event.response_params, strict=False):
            name = names.get(asked.NodeId)
            if name is None or asked.AttributeId != ua.AttributeIds.Value or not status.is_good():
                continue
            value = asked.Value.Value.Value if asked.Value.Value is not None else None
            if name == "RecipeId":
                self._recipe = int(value or 0)
            elif name == "PartId":
                self._part = str(value or "").strip()
            else:
                edges[name] += bool(value) and not self._held[name]
                self._held[name] = bool(value)
        if edges["ResultAck"]:
            self._acknowledge()
        for _ in range(edges["Trigger"]):
            self._trigger(self._recipe, *_readable(self._part))
        await self._refresh()

    async def _start_single_job(self, _parent: Any, part: Any, recipe: Any) -> Any:
        from asyncua import ua

        number = self._trigger(int(recipe.Value or 0), *_readable(str(part.Value or "").strip()))
        await self._refresh()
        now = self._signals
        code = ErrorCode.NONE
        if not number:
            code = ErrorCode.STILL_BUSY
        elif now.result_ready and now.answer is not None and now.answer.number == number:
            code = now.answer.code
        return [ua.Variant(number, ua.VariantType.UInt32), ua.Variant(int(code), ua.VariantType.Int32)]


@contextmanager
def _uncollected() -> Iterator[None]:
    """The standard's 6,000 nodes are 400,000 objects that stay: to look through them again and again takes as
    long as to make them, and later a tenth of a second at each full collection, in which no thread runs."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if was:
            gc.enable()


def _is_written(name: str) -> bool:
    folder, _, last = name.rpartition(".")
    return folder == "Signals" and last in _WRITTEN


def _readable(part: str) -> tuple[str, str]:
    """(the part's id, why it can't be read)."""
    if not part.isprintable() or len(part) > LONGEST_PART:
        return "", f"PartId has more than {LONGEST_PART} characters, or unreadable ones."
    return part, ""


def _ask_whether_alive(found: Any) -> None:
    """Has the system end a connection whose other end was pulled out; more than once does no harm."""
    if found is None:
        return
    with suppress(OSError):
        found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in (("TCP_KEEPIDLE", QUIET // 2), ("TCP_KEEPINTVL", 1), ("TCP_KEEPCNT", QUIET // 2)):
            if hasattr(socket, option):
                found.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000 * QUIET)
