"""What a function finds around it: its settings in environment variables, and clients of Amazon's services."""

from __future__ import annotations

import functools
import os
from typing import Any

from app.domain.errors import LinesightError


class SetupError(LinesightError):
    """Something the stack has to provide is missing; names it."""


def needed(name: str) -> str:
    """The value of an environment variable that the template sets.

    Raises:
        SetupError: it is missing or empty.
    """
    value = os.environ.get(name, "")
    if not value:
        raise SetupError(f"The function's setting {name} is missing. Deploy the stack again (installer/aws/deploy.py).")
    return value


def optional(name: str) -> str:
    """The value of an environment variable that may be missing: then ""."""
    return os.environ.get(name, "")


def number(name: str, default: float) -> float:
    """The value of an environment variable as a number; `default` where it is not set.

    Raises:
        SetupError: it is no number.
    """
    text = os.environ.get(name, "")
    try:
        return float(text) if text else default
    except ValueError:
        raise SetupError(f"The function's setting {name} is {text!r}, not a number. Deploy the stack again.") from None


@functools.cache
def client(service: str) -> Any:
    """boto3's client of a service, one for all events of this instance."""
    import boto3
    from botocore.config import Config

    # Standard mode waits with jitter when a service throttles; what fails then comes again through the queue.
    return boto3.client(service, config=Config(retries={"mode": "standard", "max_attempts": 4}))
