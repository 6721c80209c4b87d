"""What the error code says. The numbers stand in PLC programs: they never change their meaning."""

from __future__ import annotations

from enum import IntEnum


class ErrorCode(IntEnum):
    """0 is no error. From 10 on: the station can't take a trigger. From 20 on: a trigger was taken and got no verdict.
    From 30 on: what the line asked for is wrong."""

    NONE = 0
    NOT_RUNNING = 10
    NO_CAMERA = 11
    IN_USE = 12
    STILL_BUSY = 13
    TRIGGER_OFF = 14
    NOT_RELEASED = 15
    FAILS_IN_A_ROW = 16
    TIMEOUT = 20
    NO_ANSWER = 21
    NOT_ON_RECORD = 22
    WRONG_RECIPE = 30
    UNKNOWN_RECIPE = 31
    BAD_REQUEST = 40

    @property
    def words(self) -> str:
        """What happened, and what to do."""
        return _WORDS[self]


_WORDS = {
    ErrorCode.NONE: "No error.",
    ErrorCode.NOT_RUNNING: "The station does not inspect. Start it on its screen.",
    ErrorCode.NO_CAMERA: "The camera is lost. Check its cable and power.",
    ErrorCode.IN_USE: "A lot is inspected by hand at the bench. Finish it first.",
    ErrorCode.STILL_BUSY: "The part before is still being judged. Wait for Trigger Ready.",
    ErrorCode.TRIGGER_OFF: "The station inspects without triggers. Switch the trigger from the line on: Set-up, Line.",
    ErrorCode.NOT_RELEASED: "The station is not released. Run its check of the challenge parts, or release it by name.",
    ErrorCode.FAILS_IN_A_ROW: "Too many parts failed in a row. Look at the line, and acknowledge the station's alarm.",
    ErrorCode.TIMEOUT: "There was no verdict in time.",
    ErrorCode.NO_ANSWER: "The detector gave no verdict. The station's alarm says why.",
    ErrorCode.NOT_ON_RECORD: "The part could not be put on record, so it was not judged. The station's alarm says why.",
    ErrorCode.WRONG_RECIPE: "The station runs another recipe than the line asks for. Change one of the two.",
    ErrorCode.UNKNOWN_RECIPE: "The station has no recipe with this number. Add it: Set-up, Line.",
    ErrorCode.BAD_REQUEST: "The message can't be read. It is a JSON object, see Help, Line.",
}
