"""What the nodes of the OPC UA server show, and with which types; `opcua.py` says what they mean."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from app.signals.codes import ErrorCode
from app.signals.handshake import Signals
from app.signals.result import result_json

_COUNTS = {
    "Taken": "taken",
    "RefusedBusy": "busy",
    "Missed": "missed",
    "Debounced": "debounced",
    "Late": "late",
    "Unread": "unread",
}
_NEVER = datetime(1601, 1, 1, tzinfo=UTC)
"""OPC UA's null of a DateTime."""


def state_names(signals: Signals) -> tuple[str, str]:
    """Of VisionStateMachine and of AutomaticModeStateMachine, as OPC 40100-1 calls them; the second "" outside of
    Operational."""
    if signals.busy:
        return "Operational", "SingleExecution"
    if signals.station is ErrorCode.NOT_RUNNING:
        return "Halted", ""
    if signals.station is ErrorCode.NO_CAMERA:
        return "Error", ""
    if signals.station is ErrorCode.TRIGGER_OFF:
        return "Operational", "ContinuousExecution"
    return "Operational", "Ready" if signals.station is ErrorCode.NONE else "Initialized"


def node_values(signals: Signals) -> dict[str, Any]:
    """What every node that the station writes shows, by its id without the namespace."""
    answer = signals.answer
    row = answer.inspection if answer is not None else None
    model = row.model if row is not None else None
    vision, automatic = state_names(signals)
    return {
        "VisionSystem.VisionStateMachine.CurrentState": vision,
        "VisionSystem.VisionStateMachine.AutomaticModeStateMachine.CurrentState": automatic,
        # The result goes before the bits: who waits for Result Ready finds it complete.
        "Result.Number": answer.number if answer is not None else 0,
        "Result.PartId": answer.part_id if answer is not None else "",
        "Result.Model": f"{model.name}@{model.version}" if model is not None else "",
        "Result.Score": row.score if row is not None and row.score is not None else math.nan,
        "Result.Threshold": row.threshold if row is not None and row.threshold is not None else math.nan,
        "Result.Verdict": answer.verdict.value if answer is not None else "",
        "Result.Time": row.judged_at.astimezone(UTC) if row is not None else _NEVER,
        "Result.Json": result_json(row, answer.number, signals.recipe).decode() if row is not None and answer else "",
        "Signals.TriggerReady": signals.trigger_ready,
        "Signals.Busy": signals.busy,
        "Signals.OK": signals.ok,
        "Signals.NG": signals.ng,
        "Signals.Retest": signals.retest,
        "Signals.Error": signals.error,
        "Signals.ErrorCode": int(signals.code),
        "Signals.ActiveRecipe": signals.recipe & 0xFFFF,
        "Signals.Heartbeat": signals.heartbeat,
        **{f"Signals.{name}": getattr(signals.counts, count) for name, count in _COUNTS.items()},
        "Signals.ResultReady": signals.result_ready,
    }


def variant(name: str, value: Any) -> Any:
    """The value with the type that the node of this name has."""
    from asyncua import ua

    last = name.rpartition(".")[2]
    if last == "CurrentState":
        return ua.Variant(ua.LocalizedText(value, "en"), ua.VariantType.LocalizedText)
    if isinstance(value, bool):
        kind = ua.VariantType.Boolean
    elif isinstance(value, int):
        long = last == "Number" or last in _COUNTS
        kind = ua.VariantType.UInt32 if long else ua.VariantType.UInt16
    elif isinstance(value, float):
        kind = ua.VariantType.Double
    elif isinstance(value, datetime):
        kind = ua.VariantType.DateTime
    else:
        kind = ua.VariantType.String
    return ua.Variant(value, kind)
