"""A PLC that speaks OPC UA: a real client, called as plain functions."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from asyncua import ua
from asyncua.sync import Client

from app.signals.opcua import NAMESPACE

KINDS = {"RecipeId": ua.VariantType.UInt16, "PartId": ua.VariantType.String}


def variant(name: str, value: Any) -> ua.DataValue:
    return ua.DataValue(ua.Variant(value, KINDS.get(name, ua.VariantType.Boolean)))


class UaClient:
    """Names are those below `Signals` unless they have a dot."""

    def __init__(self, port: int, **options: Any) -> None:
        self.client = Client(f"opc.tcp://127.0.0.1:{port}/linesight/", timeout=5)
        self.open = False
        try:
            for name, value in options.items():
                getattr(self.client, name)(*value)
            self.client.connect()
            self.open = True
            self.index = self.client.get_namespace_index(NAMESPACE)
        except BaseException:
            self.close()
            raise

    def node(self, name: str) -> Any:
        return self.client.get_node(ua.NodeId(name if "." in name else f"Signals.{name}", self.index))

    def read(self, *names: str) -> list[Any]:
        """In one request."""
        return list(self.client.read_values([self.node(name) for name in names]))

    def write(self, *pairs: tuple[str, Any]) -> None:
        """In one request, in this order."""
        results = self.client.write_values(
            [self.node(name) for name, _ in pairs], [variant(name, value) for name, value in pairs]
        )
        assert results is None or all(result.is_good() for result in results), results

    def pulse(self, name: str) -> None:
        self.write((name, True))
        self.write((name, False))

    def job(self, part: str = "", recipe: int = 0) -> list[int]:
        vision = self.client.get_node(ua.NodeId("VisionSystem", self.index))
        return list(
            vision.call_method(
                ua.NodeId("VisionSystem.StartSingleJob", self.index),
                ua.Variant(part, ua.VariantType.String),
                ua.Variant(recipe, ua.VariantType.UInt16),
            )
        )

    def pulled(self) -> None:
        """The cable is out: no word of goodbye."""
        protocol = self.client.aio_obj.uaclient.protocol
        loop = self.client.tloop.loop

        async def abort() -> None:
            protocol.transport.abort()

        asyncio.run_coroutine_threadsafe(abort(), loop).result(5)

    def close(self) -> None:
        """What a client does whose other end may be gone; its thread ends in any case."""
        was, self.open = self.open, False
        with suppress(Exception):
            if was:
                self.client.disconnect()
        if self.client.tloop.is_alive():
            self.client.tloop.stop()
