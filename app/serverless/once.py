"""Everything once: queues and buckets tell some things twice, and a table remembers what was done."""

from __future__ import annotations

import contextlib
import hashlib
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.errors import LinesightError

Attributes = Mapping[str, Mapping[str, Any]]
"""Of a DynamoDB item, as its API has them: {"Name": {"S": "text"}}."""

_DAY = 86_400


class Busy(LinesightError):
    """Somebody else is at it; it is to be tried again later."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to do the work of a key, for a while."""

    key: str
    owner: str


class Ledger:
    """The keys of a DynamoDB table whose hash key is `Id`: claimed, then done.

    A claim that is not finished within `lease` seconds is free again: its owner ended suddenly.
    """

    def __init__(
        self,
        dynamodb: Any,
        table: str,
        *,
        lease: float,
        keep_days: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """
        Args:
            lease: seconds; longer than the function may run.
            keep_days: after which the table forgets a key (its TTL attribute is `Expires`).
        """
        self._dynamodb, self._table, self._clock = dynamodb, table, clock
        self._lease, self._keep = lease, keep_days * _DAY

    def claim(self, key: str) -> Claim | None:
        """The right to do it, or None where it is done.

        Raises:
            Busy: another one has it.
        """
        now, owner = self._clock(), uuid.uuid4().hex
        item = {
            "Id": {"S": key},
            "State": {"S": "working"},
            "Owner": {"S": owner},
            "Lease": {"N": f"{now + self._lease:.3f}"},
            "Expires": {"N": str(int(now + self._keep))},
        }
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression="attribute_not_exists(Id) OR (#state = :working AND Lease < :now)",
                ExpressionAttributeNames={"#state": "State"},
                ExpressionAttributeValues={":working": {"S": "working"}, ":now": {"N": f"{now:.3f}"}},
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            found = self._dynamodb.get_item(TableName=self._table, Key={"Id": {"S": key}}, ConsistentRead=True)
            if found.get("Item", {}).get("State", {}).get("S") == "done":
                return None
            raise Busy(f"{key} is being worked on. It comes again.") from None
        return Claim(key, owner)

    def finish(self, claim: Claim, attributes: Attributes) -> None:
        """Writes that it is done and what came of it.

        Raises:
            Busy: the claim ended before, and another one has it now.
        """
        done: Attributes = {
            "Id": {"S": claim.key},
            "State": {"S": "done"},
            "Expires": {"N": str(int(self._clock() + self._keep))},
            **attributes,
        }
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=done,
                ConditionExpression="#owner = :owner",
                ExpressionAttributeNames={"#owner": "Owner"},
                ExpressionAttributeValues={":owner": {"S": claim.owner}},
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            raise Busy(f"{claim.key} took too long, and another one does it now.") from None

    def give_back(self, claim: Claim) -> None:
        """It could not be done: the next one may try at once."""
        # Where the condition fails, it is another one's by now.
        with contextlib.suppress(self._dynamodb.exceptions.ConditionalCheckFailedException):
            self._dynamodb.delete_item(
                TableName=self._table,
                Key={"Id": {"S": claim.key}},
                ConditionExpression="#owner = :owner",
                ExpressionAttributeNames={"#owner": "Owner"},
                ExpressionAttributeValues={":owner": {"S": claim.owner}},
            )


def key_of(*parts: str) -> str:
    """A key of 32 hex digits for what these words name. Evenly spread, so that no part of a table gets hot."""
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
