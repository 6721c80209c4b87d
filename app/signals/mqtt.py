"""The handshake and the results over MQTT 3.1.1. Below the topic that the settings name:

    online    1 or 0, retained; 0 is the last will
    signals   what the line sees, JSON, retained, at every change and once a second
    result    every part that is on record, JSON, quality of service 1
    trigger   to the station: {"recipe_id": 7, "part_id": "A-17"}, both optional; an empty message triggers too
    ack       to the station: {"number": 12} acknowledges that answer; an empty message whichever stands

A retained message on trigger or ack is ignored: it would be taken again with every connection.
"""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlsplit

from app.alarms.notices.channel import SendError
from app.signals.handshake import Signals
from app.signals.messages import number_of, trigger_of
from app.signals.result import signals_json

log = logging.getLogger(__name__)

SECONDS = 5.0
"""That the broker may take to say that it has a result."""


class MqttOutput:
    """Connects by itself, again and again; nothing here waits but `send`.

    Args:
        address: mqtt://[USER@]HOST[:PORT], or mqtts:// with TLS.
        topic: everything lies below it.
        trigger: told of (recipe, part id, why the message can't be read).
        acknowledge: told of the answer's number, None for whichever stands.
    """

    def __init__(
        self,
        address: str,
        topic: str,
        password: str,
        trigger: Callable[[int, str, str], object],
        acknowledge: Callable[[int | None], None],
    ) -> None:
        from paho.mqtt.client import Client, MQTTv311  # only where it is used
        from paho.mqtt.enums import CallbackAPIVersion

        parts = urlsplit(address)
        tls = parts.scheme == "mqtts"
        self._host, self._port = parts.hostname or "", parts.port or (8883 if tls else 1883)
        self._topic, self._trigger, self._acknowledge = topic.strip("/"), trigger, acknowledge
        self._signals = Signals()
        self._up = threading.Event()
        self._refused = ""
        self._under_way: tuple[str, Any] | None = None  # a result that the broker has not confirmed yet
        client = Client(CallbackAPIVersion.VERSION2, client_id="", protocol=MQTTv311)
        client.connect_timeout = SECONDS
        client.reconnect_delay_set(1, 15)
        if parts.username:
            client.username_pw_set(unquote(parts.username), password or None)
        if tls:
            client.tls_set_context(ssl.create_default_context())
        client.will_set(self._at("online"), "0", qos=1, retain=True)
        client.on_connect, client.on_disconnect, client.on_message = self._connected, self._lost, self._heard
        self._client = client

    def start(self) -> None:
        """Returns at once."""
        self._client.connect_async(self._host, self._port, keepalive=10)
        self._client.loop_start()

    def stop(self) -> None:
        """Slow: says goodbye."""
        if self._up.is_set():
            self._client.publish(self._at("online"), "0", qos=1, retain=True).wait_for_publish(1)
        self._client.disconnect()
        self._client.loop_stop()

    def show(self, signals: Signals) -> None:
        """Publishes what the line sees; nothing while there is no broker, which gets the newest when it is back."""
        before, self._signals = self._signals, signals
        only_counts = replace(signals, counts=before.counts) == before and signals is not before
        if self._up.is_set() and not only_counts:  # these come along with the next heartbeat
            self._client.publish(self._at("signals"), signals_json(signals), qos=1, retain=True)

    def send(self, id: str, body: bytes) -> None:
        """Slow: a result; returns when the broker has it. SendError where it does not say so in time."""
        if not self._up.is_set():
            raise SendError(self.words())
        if self._under_way is None or self._under_way[0] != id:  # else the client itself sends it again
            self._under_way = (id, self._client.publish(self._at("result"), body, qos=1))
        info = self._under_way[1]
        try:
            info.wait_for_publish(SECONDS)
        except (ValueError, RuntimeError) as error:
            self._under_way = None
            raise SendError(f"{self._host} can't take the result ({error}).") from error
        if not info.is_published():
            raise SendError(f"{self._host} did not say that it has the result.")
        self._under_way = None

    def connected(self) -> bool:
        """Whether the broker is there."""
        return self._up.is_set()

    def words(self) -> str:
        """How it goes."""
        if self._up.is_set():
            return f"Connected to {self._host}."
        if self._refused:
            return f"{self._host} lets nobody in with this user and password ({self._refused})."
        return f"{self._host}:{self._port} does not answer as an MQTT broker. It is tried again."

    # -- the client's thread
    def _at(self, name: str) -> str:
        return f"{self._topic}/{name}"

    def _connected(self, client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._refused = str(reason)
            return
        self._refused = ""
        client.subscribe([(self._at("trigger"), 1), (self._at("ack"), 1)])
        client.publish(self._at("online"), "1", qos=1, retain=True)
        self._up.set()
        self.show(self._signals)

    def _lost(self, *_args: Any) -> None:
        self._up.clear()

    def _heard(self, _client: Any, _data: Any, message: Any) -> None:
        if message.retain:
            return
        if message.topic == self._at("trigger"):
            self._trigger(*trigger_of(message.payload))
            return
        number, bad = number_of(message.payload)
        if not bad:
            self._acknowledge(number)
