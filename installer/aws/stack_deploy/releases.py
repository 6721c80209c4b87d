"""Releasing a candidate: from then on the functions judge its product by it."""

from __future__ import annotations

import json
from typing import Any

from stack_deploy.stacks import DeployError

_COPIED = ("product", "key", "sha256", "version_id")


def described(s3: Any, bucket: str, product: str, snapshot: int) -> tuple[dict[str, Any], str]:
    """What would be released, and what its proposal says.

    Raises:
        DeployError: there is no such candidate.
    """
    folder = f"candidates/{product}/{snapshot:04}"
    candidate = _read(s3, bucket, f"{folder}/candidate.json")
    if candidate is None:
        raise DeployError(f"There is no candidate {snapshot} of {product} (s3://{bucket}/{folder}/candidate.json).")
    proposal = _read(s3, bucket, f"{folder}/proposal.json")
    words = str(proposal["words"]) if proposal is not None else "It has not been tried beside the released model yet."
    return {name: candidate[name] for name in _COPIED} | {"version": snapshot}, words


def release(s3: Any, bucket: str, release: dict[str, Any]) -> None:
    """Releases it; functions that run take it up within a minute. The bucket keeps what was released before."""
    key = f"models/{release['product']}/released.json"
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(release, indent=2).encode())


def _read(s3: Any, bucket: str, key: str) -> dict[str, Any] | None:
    try:
        return dict(json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read()))
    except s3.exceptions.NoSuchKey:
        return None
