"""What the API answers when it does not do what was asked."""

from __future__ import annotations

from typing import Any, Literal

from app.domain.errors import LinesightError

Resource = Literal["PROJECT", "DATASET", "MODEL", "TRIAL", "MODEL_PACKAGE_JOB"]

SERVICE = "lookoutvision"


class Fault(LinesightError):
    """An answer that is an error.

    Attributes:
        name: of the error in the service's description, which clients make a class of.
        members: of its body, beside the message.
        retry_after: seconds; None where trying again does not help.
    """

    name = "InternalServerException"
    status = 500

    def __init__(self, words: str, retry_after: int | None = None, **members: Any) -> None:
        super().__init__(words)
        self.retry_after, self.members = retry_after, members


class Invalid(Fault):
    """The request breaks a rule that can be told from it alone."""

    name, status = "ValidationException", 400


class Denied(Fault):
    """Not for this caller."""

    name, status = "AccessDeniedException", 403


class NotFound(Fault):
    """There is no such thing."""

    name, status = "ResourceNotFoundException", 404

    def __init__(self, words: str, resource: Resource, name: str) -> None:
        super().__init__(words, ResourceId=name, ResourceType=resource)


class Conflict(Fault):
    """What is there does not allow it now."""

    name, status = "ConflictException", 409

    def __init__(self, words: str, resource: Resource, name: str) -> None:
        super().__init__(words, ResourceId=name, ResourceType=resource)


class OverQuota(Fault):
    """One more than there may be."""

    name, status = "ServiceQuotaExceededException", 402

    def __init__(self, words: str, resource: Resource, name: str, quota: str) -> None:
        super().__init__(words, ResourceId=name, ResourceType=resource, QuotaCode=quota, ServiceCode=SERVICE)


class Throttled(Fault):
    """Too many at once; later it will do."""

    name, status = "ThrottlingException", 429

    def __init__(self, words: str, quota: str) -> None:
        super().__init__(words, retry_after=1, QuotaCode=quota, ServiceCode=SERVICE)


class Unknown(Fault):
    """No operation has this method and path."""

    name, status = "UnknownOperationException", 404


class Unsigned(Fault):
    """No signature where one is needed."""

    name, status = "MissingAuthenticationTokenException", 403


class HalfSigned(Fault):
    """A signature that lacks a part."""

    name, status = "IncompleteSignatureException", 400


class WrongKey(Fault):
    """Signed with a key that nobody here has."""

    name, status = "UnrecognizedClientException", 403


class WrongSignature(Fault):
    """Signed wrongly, or too long ago."""

    name, status = "InvalidSignatureException", 403
