"""Notices by MQTT 3.1.1 with quality of service 1: the broker has said that it has the message before it counts as
sent. The id stands in the JSON."""

from __future__ import annotations

import ssl
import threading
from typing import Any

from app.alarms.notices.channel import SendError
from app.alarms.notices.message import Message
from app.alarms.notices.options import port_of
from app.domain.notice import Recipient

SECONDS = 15.0


class Mqtt:
    """Options: host, port, topic, user, security ("tls" or "none"). The secret is the user's password."""

    def send(self, recipient: Recipient, secret: str, message: Message) -> str:
        """See `Channel`."""
        from paho.mqtt.client import Client, MQTTv311  # only where it is used: most stations have no broker
        from paho.mqtt.enums import CallbackAPIVersion

        host, topic = recipient.option("host"), recipient.option("topic")
        if any(sign in topic for sign in "+#\0") or len(topic.encode()) > 65_535:
            raise SendError(f"{recipient.name}: a topic to send to has no + and no #.", final=True)
        tls = recipient.options.get("security", "none") == "tls"
        port = port_of(recipient, 8883 if tls else 1883)
        client = Client(CallbackAPIVersion.VERSION2, client_id="", protocol=MQTTv311)
        client.connect_timeout = SECONDS
        if user := recipient.options.get("user", ""):
            client.username_pw_set(user, secret or None)
        if tls:
            client.tls_set_context(ssl.create_default_context())
        answered, refused = threading.Event(), [""]

        def connected(_client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
            refused[0] = str(reason) if reason.is_failure else ""
            answered.set()

        client.on_connect = connected
        try:
            client.connect(host, port, keepalive=30)
            client.loop_start()
            if not answered.wait(SECONDS):
                raise SendError(f"{host}:{port} does not answer as an MQTT broker.")
            if refused[0]:
                raise SendError(f"{host} lets nobody in with this user and password ({refused[0]}).", final=True)
            info = client.publish(topic, message.as_json(), qos=1)
            info.wait_for_publish(SECONDS)
            if not info.is_published():
                raise SendError(f"{host} did not say that it has the message.")
        except (OSError, ValueError, RuntimeError) as error:
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise SendError(f"{host}:{port} can't be reached ({why}).") from error
        finally:
            client.disconnect()
            client.loop_stop()
        return f"{host} has the message under {topic}."
