"""Telling people of alarms: what a notice says, the ways it goes, and the worker that sends it."""

from app.alarms.notices.channel import Channel, SendError
from app.alarms.notices.message import Message
from app.alarms.notices.sender import CHANNELS, NoticeSender

__all__ = ["CHANNELS", "Channel", "Message", "NoticeSender", "SendError"]
