"""Acknowledgements of PutMedia: JSON objects one after the other on the answer, split anywhere."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_LONGEST = 1 << 16
_ERRORS = {
    4000: "it could not read the stream",
    4001: "a fragment was larger than 50 MB",
    4002: "a fragment was longer than 10 s",
    4003: "the connection was open too long",
    4004: "times of the fragments did not rise",
    4005: "there were too many tracks",
    4006: "the video was not understood",
    4007: "a fragment's time was not accepted",
    4008: "the stream is not active",
    4009: "there were too many tags",
    4010: "a track's number was wrong",
    4011: "a track had no frames",
    4012: "the video's head lacked something",
    4500: "the stream's key may not be used",
    4501: "the stream's key is disabled",
    4502: "the stream's key is not valid",
    4503: "the stream's key is not available",
    4504: "the stream's key is of the wrong kind",
    4505: "the stream's key is not in a usable state",
    4506: "the stream's key was not found",
    5000: "of an error inside AWS",
    5001: "it could not be stored",
}
_OF_ONE_FRAGMENT = {4001, 4002, 4004, 4006, 4007, 4009, 4010, 4011}


@dataclass(frozen=True, slots=True)
class Ack:
    """One acknowledgement.

    Attributes:
        kind: BUFFERING, RECEIVED, PERSISTED, ERROR or IDLE.
        timecode: of the fragment, milliseconds; None for none.
        fragment: its number in the cloud; "" for none.
        error: number of an ERROR; 0 for none.
    """

    kind: str
    timecode: int | None
    fragment: str = ""
    error: int = 0

    @property
    def words(self) -> str:
        """Why, for an ERROR."""
        return _ERRORS.get(self.error, f"of error {self.error}")

    @property
    def blames_fragment(self) -> bool:
        """The same fragment would be refused again."""
        return self.error in _OF_ONE_FRAGMENT


class AckReader:
    """Fed with bytes as they come."""

    def __init__(self) -> None:
        self._text = ""
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")  # a character may be split
        self._decoder = json.JSONDecoder()

    def feed(self, data: bytes) -> Iterator[Ack]:
        """What the bytes complete; what is no acknowledgement is passed over."""
        self._text += self._utf8.decode(data)
        while (begin := self._text.find("{")) >= 0:
            try:
                told, end = self._decoder.raw_decode(self._text, begin)
            except json.JSONDecodeError:
                line = self._text.find("\n", begin)
                if line < 0 and len(self._text) - begin <= _LONGEST:
                    self._text = self._text[begin:]
                    return
                self._text = self._text[line + 1 :] if line >= 0 else ""
                continue
            self._text = self._text[end:]
            ack = _ack(told)
            if ack is not None:
                yield ack
        self._text = ""


def _ack(told: Any) -> Ack | None:
    if isinstance(told, dict) and isinstance(told.get("Acknowledgement"), dict):
        told = told["Acknowledgement"]  # as the reference's example writes it
    if not isinstance(told, dict) or not isinstance(told.get("EventType"), str):
        return None
    return Ack(
        told["EventType"].upper(),
        _whole(told.get("FragmentTimecode")),
        str(told.get("FragmentNumber") or ""),
        _whole(told.get("ErrorId")) or 0,
    )


def _whole(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None
