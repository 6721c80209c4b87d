"""Tries what the station needs of AWS, without leaving anything behind and at no cost worth naming."""

from __future__ import annotations

import http.client
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from app.cloud.policy import Need, Wishes, needs
from app.cloud.session import CloudError, CloudSession, in_words

_DENIED = {
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "AuthorizationErrorException",
    "NotAuthorizedException",
    "UnauthorizedOperation",
    "AccountAccessDenied",
    "403",
}
_SECONDS = 10.0


class Works(StrEnum):
    """How a try ended."""

    YES = "works"
    MISSING = "missing"  # the account does not allow it
    ABSENT = "not there"  # allowed, as far as can be told, but the thing does not exist
    AWAY = "can't be reached"
    UNTRIED = "not tried"  # it can't be tried without doing it


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one need; `words` says what to do."""

    need: Need
    works: Works
    words: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks.

    Attributes:
        arn: of the user or role.
    """

    account: str
    arn: str


def identify(session: CloudSession) -> Identity:
    """Who asks; needs no permission.

    Raises:
        CloudError: no credentials, no network, or credentials that AWS does not know.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        told = session.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise in_words(error, "AWS does not tell who this station is") from error
    return Identity(told["Account"], told["Arn"])


def check(session: CloudSession, wishes: Wishes, step: Callable[[float, str], None]) -> list[Finding]:
    """Tries each need in turn. `step` is told how far it is, 0..1, and may raise to stop."""
    wanted, found = needs(wishes), []
    for number, need in enumerate(wanted):
        step(number / len(wanted), need.words)
        found.append(_tried(session, wishes, need))
    return found


def _tried(session: CloudSession, wishes: Wishes, need: Need) -> Finding:
    from botocore.exceptions import BotoCoreError, ClientError

    probe = _PROBES.get(need.key)
    if probe is None:
        return Finding(need, Works.UNTRIED, f"It can't be tried without doing it. It takes {', '.join(need.actions)}.")
    try:
        return probe(_Try(session, wishes, need))
    except ClientError as error:
        return _refused(need, str(error.response.get("Error", {}).get("Code", "")), in_words(error, need.words))
    except BotoCoreError as error:
        return _refused(need, "", in_words(error, need.words))
    except CloudError as error:
        return _refused(need, error.code, error)
    except (OSError, http.client.HTTPException) as error:
        return Finding(need, Works.AWAY, f"AWS can't be reached ({error}). Check the network and the proxy.")


def _refused(need: Need, code: str, error: CloudError) -> Finding:
    if code in _DENIED:
        allowed = ", ".join(need.actions)
        where = ", ".join(each.format(region="*", account="*") for each in need.resources)
        return Finding(need, Works.MISSING, f"Allow {allowed} on {where}.")
    if code in ("ResourceNotFoundException", "NoSuchBucket", "NotFound", "NotFoundException", "404") or (
        "NonExistentQueue" in code or "QueueDoesNotExist" in code
    ):
        return Finding(need, Works.ABSENT, "It is not in this account and region. Check its name and the region.")
    return Finding(need, Works.AWAY, str(error).removeprefix(f"{need.words}: ").capitalize())


@dataclass(frozen=True, slots=True)
class _Try:
    session: CloudSession
    wishes: Wishes
    need: Need

    def client(self, service: str, endpoint: str = "") -> Any:
        return self.session.client(service, endpoint)

    def yes(self, words: str = "") -> Finding:
        return Finding(self.need, Works.YES, words)

    def endpoint(self, stream: str, api: str) -> str:
        place: str = self.client("kinesisvideo").get_data_endpoint(StreamName=stream, APIName=api)["DataEndpoint"]
        return place


def _stream(one: _Try) -> Finding:
    info = one.client("kinesisvideo").describe_stream(StreamName=one.wishes.stream)["StreamInfo"]
    return one.yes(f"It keeps {info['DataRetentionInHours']} hours.")


def _send(one: _Try) -> Finding:
    """A PutMedia that sends nothing: AWS answers before the first fragment."""
    place = urllib.parse.urlsplit(one.endpoint(one.wishes.stream, "PUT_MEDIA"))
    url = f"{place.scheme}://{place.netloc}/putMedia"
    headers = {
        "x-amzn-stream-name": one.wishes.stream,
        "x-amzn-fragment-timecode-type": "ABSOLUTE",
        "x-amzn-producer-start-timestamp": f"{time.time():.3f}",
        "x-amzn-fragment-acknowledgment-required": "1",
        "content-type": "application/json",
    }
    signed = one.session.signed("POST", url, "kinesisvideo", headers)
    host, port = place.hostname or "", place.port
    connection = (
        http.client.HTTPSConnection(host, port, timeout=_SECONDS, context=one.session.trust())
        if place.scheme == "https"
        else http.client.HTTPConnection(host, port, timeout=_SECONDS)
    )
    try:
        connection.request("POST", "/putMedia", body=iter(()), headers=signed, encode_chunked=True)
        answer = connection.getresponse()
        status, kind = answer.status, answer.headers.get("x-amzn-ErrorType", "").partition(":")[0]
    finally:
        connection.close()
    if status in (401, 403):
        return _refused(one.need, "AccessDenied", CloudError("", "AccessDenied"))
    if status >= 500:
        return Finding(one.need, Works.AWAY, f"AWS answers {status} ({kind}). It is worth another try.")
    return one.yes()


def _archived(one: _Try, api: str, call: Callable[[Any], Any]) -> Finding:
    """Where nothing was ever sent AWS says so, which it does only to who may ask."""
    from botocore.exceptions import ClientError

    client = one.client("kinesis-video-archived-media", one.endpoint(one.wishes.stream, api))
    try:
        call(client)
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in _DENIED:
            raise
    return one.yes()


def _resume(one: _Try) -> Finding:
    def call(client: Any) -> None:
        client.list_fragments(StreamName=one.wishes.stream, MaxResults=1)

    return _archived(one, "LIST_FRAGMENTS", call)


def _clips(one: _Try) -> Finding:
    long_ago = datetime.now(UTC) - timedelta(days=3660)

    def call(client: Any) -> None:
        span = {"StartTimestamp": long_ago, "EndTimestamp": long_ago + timedelta(seconds=1)}
        selector = {"FragmentSelectorType": "SERVER_TIMESTAMP", "TimestampRange": span}
        client.get_clip(StreamName=one.wishes.stream, ClipFragmentSelector=selector)["Payload"].close()

    return _archived(one, "GET_CLIP", call)


def _images(one: _Try) -> Finding:
    one.client("kinesisvideo").describe_image_generation_configuration(StreamName=one.wishes.stream)
    return one.yes("That they may be looked up was tried; changing them was not.")


def _watch(one: _Try) -> Finding:
    name = one.wishes.watched
    one.client("kinesisvideo").describe_stream(StreamName=name)
    media = one.client("kinesis-video-media", one.endpoint(name, "GET_MEDIA"))
    media.get_media(StreamName=name, StartSelector={"StartSelectorType": "NOW"})["Payload"].close()
    return one.yes()


def _share(one: _Try) -> Finding:
    topic = one.need.resources[0]
    extra = {"MessageGroupId": "check", "MessageDeduplicationId": f"check-{time.time_ns()}"} if _fifo(topic) else {}
    kind = {"DataType": "String", "StringValue": "check"}
    one.client("sns").publish(
        TopicArn=topic,
        Message='{"kind": "check"}',
        Subject="Linesight: check of the connection",
        MessageAttributes={"kind": kind},
        **extra,
    )
    return one.yes("One message was published; stations pass over it.")


def _hear(one: _Try) -> Finding:
    from botocore.exceptions import ClientError

    client, queue = one.client("sqs"), one.wishes.queue
    client.receive_message(QueueUrl=queue, MaxNumberOfMessages=1, WaitTimeSeconds=0, VisibilityTimeout=0)
    try:
        client.delete_message(QueueUrl=queue, ReceiptHandle="linesight-check")
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in _DENIED:
            raise
    return one.yes()


def _outbox(one: _Try) -> Finding:
    """An upload in pieces that is begun and taken back leaves nothing behind, and needs what sending needs."""
    return _begun(one, one.wishes.outbox, f"outbox/{one.wishes.station}/linesight-check")


def _train_set(one: _Try) -> Finding:
    return _begun(one, one.wishes.models, "training/linesight-check")


def _begun(one: _Try, bucket: str, key: str) -> Finding:
    s3 = one.client("s3")
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
    return one.yes()


def _listed(bucket: str, prefix: str, none: str) -> Callable[[_Try], Finding]:
    def probe(one: _Try) -> Finding:
        found = one.client("s3").list_objects_v2(Bucket=getattr(one.wishes, bucket), Prefix=prefix, MaxKeys=1)
        return one.yes("" if found.get("KeyCount") else none)

    return probe


def _readable(bucket: str, prefix: str) -> Callable[[_Try], Finding]:
    """One that is not there is said to be missing only to who may read."""

    def probe(one: _Try) -> Finding:
        from botocore.exceptions import ClientError

        asked = {"Bucket": getattr(one.wishes, bucket), "Key": f"{prefix}linesight-check"}
        try:
            one.client("s3").get_object(**asked)["Body"].close()
        except ClientError as error:
            if str(error.response.get("Error", {}).get("Code", "")) != "NoSuchKey":
                raise
        return one.yes()

    return probe


def _athena(one: _Try) -> Finding:
    client = one.client("athena")
    id = client.start_query_execution(
        QueryString="SELECT 1",
        QueryExecutionContext={"Database": one.wishes.database},
        WorkGroup=one.wishes.workgroup or "primary",
    )["QueryExecutionId"]
    client.get_query_execution(QueryExecutionId=id)
    return one.yes("It was asked to count nothing.")


def _endpoint(one: _Try) -> Finding:
    from botocore.exceptions import ClientError

    try:
        status = one.client("sagemaker").describe_endpoint(EndpointName=one.wishes.endpoint)["EndpointStatus"]
    except ClientError as error:
        if "Could not find" not in str(error):
            raise
        return one.yes("It does not run. Starting it was not tried: it costs money.")
    return one.yes(f"It is {status}. Starting and deleting it were not tried.")


def _lookout(one: _Try) -> Finding:
    from app.cloud.lookout import client

    project, _, version = one.wishes.lookout.partition("@")
    found = client(one.session).describe_model(ProjectName=project, ModelVersion=version)["ModelDescription"]
    return one.yes(f"The model is {found['Status']}.")


def _fifo(topic: str) -> bool:
    return topic.endswith(".fifo")


_PROBES: dict[str, Callable[[_Try], Finding]] = {
    "stream": _stream,
    "send": _send,
    "resume": _resume,
    "clips": _clips,
    "images": _images,
    "watch": _watch,
    "share": _share,
    "hear": _hear,
    "outbox": _outbox,
    "sets-list": _listed("outbox", "datasets/", "No set was sent yet."),
    "sets-read": _readable("outbox", "datasets/"),
    "train-set": _train_set,
    "candidates-list": _listed("models", "candidates/", "There is no candidate yet."),
    "candidates-read": _readable("models", "candidates/"),
    "alarms-list": _listed("outbox", "alarms/", "No station has sent an alarm yet."),
    "alarms-read": _readable("outbox", "alarms/"),
    "fleet-list": _listed("fleet_bucket", "inspections/", "No station has sent anything yet."),
    "fleet-read": _readable("fleet_bucket", "inspections/"),
    "athena": _athena,
    "endpoint": _endpoint,
    "lookout": _lookout,
}
