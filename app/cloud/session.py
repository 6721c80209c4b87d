"""The way to AWS: region, profile and endpoint, one boto3 session, and its errors in words."""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from app.cloud import keys
from app.domain.errors import LinesightError

log = logging.getLogger(__name__)

_CONNECT, _READ = 5.0, 20.0  # seconds
_CREDENTIALS = {"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "TokenRetrievalError"}
_DENIED = {"AccessDenied", "AccessDeniedException", "NotAuthorizedException", "UnauthorizedOperation"}
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_WRONG_KEYS = {
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "InvalidAccessKeyId",
}
_THROTTLED = {"Throttling", "ThrottlingException", "ClientLimitExceededException", "ConnectionLimitExceededException"}


class CloudError(LinesightError):
    """AWS refused something or can't be reached.

    Attributes:
        code: AWS's own name of the error, "" for none.
    """

    def __init__(self, words: str, code: str = "") -> None:
        super().__init__(words)
        self.code = code


@dataclass(frozen=True, slots=True)
class CloudAddress:
    """Where the account is; no secret among it.

    Attributes:
        region: as eu-central-1; "" takes the profile's.
        profile: of the AWS configuration on this computer; "" takes the usual chain.
        endpoint: of the services instead of Amazon's own (a VPC endpoint, a test); "" for none.
        key_id: of an access key whose secret lies in the keyring (`keys`); "" takes the profile or the usual chain.
        role: ARN of a role that is assumed with what the above gives; "" for none.
        external_id: that the role's owner asks for; "" for none.
    """

    region: str = ""
    profile: str = ""
    endpoint: str = ""
    key_id: str = ""
    role: str = ""
    external_id: str = ""


class CloudSession:
    """Clients and signatures; any thread. Nothing is imported or asked before the first call."""

    def __init__(self, address: CloudAddress) -> None:
        self.address = address
        self._lock = threading.Lock()  # boto3's session may be used by one thread at a time
        self._session: Any = None
        self._trust: ssl.SSLContext | None = None
        self._clients: dict[tuple[str, str], Any] = {}

    def client(self, service: str, endpoint: str = "") -> Any:
        """boto3's client of a service, one an endpoint.

        Raises:
            CloudError: no such profile, or no region.
        """
        place = endpoint or self.address.endpoint
        with self._lock:
            known = self._clients.get((service, place))
            if known is None:
                from botocore.config import Config
                from botocore.exceptions import BotoCoreError

                config = Config(
                    connect_timeout=_CONNECT,
                    read_timeout=_READ,
                    retries={"mode": "standard", "max_attempts": 3},
                    max_pool_connections=20,
                )
                try:
                    known = self._boto().client(service, endpoint_url=place or None, config=config)
                except (BotoCoreError, ValueError) as error:
                    raise in_words(error, "AWS can't be used") from error
                self._clients[service, place] = known
            return known

    def signed(self, method: str, url: str, service: str, headers: Mapping[str, str]) -> dict[str, str]:
        """The headers with a signature (SigV4) over everything but the body. Slow where credentials are renewed.

        Raises:
            CloudError: no credentials.
        """
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.exceptions import BotoCoreError

        try:
            with self._lock:
                session = self._boto()
                credentials, region = session.get_credentials(), session.region_name
            if credentials is None:
                raise CloudError(_no_credentials("A request can't be signed"))
            request = AWSRequest(method=method, url=url, headers=dict(headers), data=None)
            SigV4Auth(credentials.get_frozen_credentials(), service, region or "us-east-1").add_auth(request)
        except BotoCoreError as error:
            raise in_words(error, "A request can't be signed") from error
        return dict(request.headers.items())

    def trust(self) -> ssl.SSLContext:
        """Whom to trust where a connection is not boto3's: as boto3 does, also behind a proxy that has its own
        certificate (AWS_CA_BUNDLE).

        Raises:
            CloudError: the bundle can't be read.
        """
        from botocore.httpsession import get_cert_path

        with self._lock:
            if self._trust is None:
                # There is no public way to this setting.
                bundle = self._boto()._session.get_config_variable("ca_bundle")
                try:
                    context = ssl.create_default_context(cafile=bundle or None)
                    if not bundle:  # some systems bring no certificates of their own
                        context.load_verify_locations(get_cert_path(True))
                except OSError as error:
                    raise CloudError(f"The certificates {bundle} can't be read. Check AWS_CA_BUNDLE.") from error
                self._trust = context
            return self._trust

    def _boto(self) -> Any:
        if self._session is None:
            import boto3
            from botocore.exceptions import BotoCoreError

            address = self.address
            given: dict[str, str] = {}
            if address.key_id:
                given = {"aws_access_key_id": address.key_id, "aws_secret_access_key": keys.read(address.key_id)}
            try:
                made = boto3.session.Session(
                    region_name=address.region or None, profile_name=address.profile or None, **given
                )
                self._session = self._as_role(made) if address.role else made
            except BotoCoreError as error:
                raise in_words(error, "AWS can't be used") from error
        return self._session

    def _as_role(self, source: Any) -> Any:
        """A session that acts as the role; its credentials are fetched when first needed and renewed in time."""
        import boto3
        from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
        from botocore.session import get_session

        address = self.address
        extra = {"RoleSessionName": "linesight"} | ({"ExternalId": address.external_id} if address.external_id else {})

        def client(service: str, **options: Any) -> Any:
            # The region's own STS: the global one is far, and a VPC may not reach it.
            place = {"region_name": source.region_name or "us-east-1", "endpoint_url": address.endpoint or None}
            return source.client(service, **(options | place))

        fetcher = AssumeRoleCredentialFetcher(client, source.get_credentials(), address.role, extra_args=extra)
        inner = get_session()
        inner._credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
        return boto3.session.Session(botocore_session=inner, region_name=source.region_name)


def in_words(error: Exception, what: str, permission: str = "") -> CloudError:
    """An error of boto3 for a person.

    Args:
        what: what was to be done, a beginning of a sentence: "The stream line-1 can't be made".
        permission: the IAM action it needs: "kinesisvideo:CreateStream".
    """
    if isinstance(error, CloudError):
        return error
    name = type(error).__name__
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        told = response.get("Error", {})
        return refused(str(told.get("Code", "")), str(told.get("Message", "")), what, permission)
    if name in _CREDENTIALS:
        return CloudError(_no_credentials(what), name)
    if name == "ProfileNotFound":
        return CloudError(f"{what}: this computer has no AWS profile of this name. Run `aws configure list-profiles`.")
    if name in ("NoRegionError", "InvalidRegionError"):
        return CloudError(f"{what}: no AWS region is chosen. Choose the one the stream is in, such as eu-central-1.")
    if name in ("EndpointConnectionError", "ConnectTimeoutError", "ProxyConnectionError", "ConnectionClosedError"):
        return CloudError(f"{what}: AWS can't be reached. Check the network, the proxy and the region.", name)
    if name == "ReadTimeoutError":
        return CloudError(f"{what}: AWS does not answer. It is worth another try.", name)
    if name == "SSLError":
        return CloudError(f"{what}: the connection to AWS is not trusted. Check the computer's clock and proxy.", name)
    log.warning("%s: %s", what, error)
    return CloudError(f"{what} ({name}). The log has the details.", name)


@contextmanager
def worded(what: str, permission: str = "") -> Iterator[None]:
    """Errors of boto3 and of this computer's disk as CloudError; arguments as of `in_words`."""
    from boto3.exceptions import S3UploadFailedError
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "NoSuchBucket":
            raise CloudError(f"{what}: there is no such bucket. Check its name.", "NoSuchBucket") from error
        raise in_words(error, what, permission) from error
    except (BotoCoreError, S3UploadFailedError) as error:
        raise in_words(error, what, permission) from error
    except OSError as error:
        raise CloudError(f"{what}: {error.strerror or error}. Make room on the disk, or check the network.") from error


def refused(code: str, message: str, what: str, permission: str = "") -> CloudError:
    """What an error code of AWS means for a person; arguments as in `in_words`."""
    if code in _DENIED:
        needed = f"Give this user the permission {permission}" if permission else "Give this user the permission for it"
        words = f"{what}: the account does not allow it. {needed}, or sign in as one that has it."
    elif code in _EXPIRED:
        words = f"{what}: the AWS sign-in has run out. Sign in anew (`aws sso login`), and check this computer's clock."
    elif code in _WRONG_KEYS:
        words = f"{what}: AWS does not know the access key or its secret. Enter them anew."
    elif code == "ResourceNotFoundException":
        words = f"{what}: it is not in this account and region. Check its name and the region."
    elif code in _THROTTLED:
        words = f"{what}: AWS has had too many requests for the moment. It is worth another try in a minute."
    else:
        words = f"{what}: {message.rstrip('.') or code or 'AWS gives no reason'}."
    return CloudError(words, code)


def _no_credentials(what: str) -> str:
    return f"{what}: this computer has no AWS credentials. Run `aws configure` or `aws sso login`, or choose a profile."
