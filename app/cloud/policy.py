"""What a station must be allowed in AWS for what is switched on, and the least policy (IAM) that allows it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is switched on; "" or False is off.

    Attributes:
        region: of everything here.
        stream: Kinesis video stream that is sent to.
        images, clips: pictures of its fragments into S3; clips of a defect.
        watched: stream that is watched as a camera.
        topics: ARNs of SNS topics that are published to; the first is the stations' own where `shared`.
        queue: URL of the SQS queue that is read.
        outbox, station: bucket that records are sent to, and the name they are filed under there.
        models: bucket of the account's candidates.
        train_queue: URL of the queue of its trainings.
        fleet_bucket, database, workgroup: of the fleet's records, and of Athena over them.
        endpoint: SageMaker endpoint that judges parts.
        starts_endpoint: the station starts and deletes it.
        lookout: PROJECT@VERSION of a service that speaks Lookout for Vision's API.
    """

    region: str = ""
    stream: str = ""
    images: bool = False
    clips: bool = False
    watched: str = ""
    topics: tuple[str, ...] = ()
    shared: bool = False
    queue: str = ""
    outbox: str = ""
    station: str = ""
    models: str = ""
    train_queue: str = ""
    fleet_bucket: str = ""
    database: str = ""
    workgroup: str = ""
    endpoint: str = ""
    starts_endpoint: bool = False
    lookout: str = ""


@dataclass(frozen=True, slots=True)
class Need:
    """One thing the station does there.

    Attributes:
        key: tells `checking` how it is tried.
        words: what it is for.
        actions: of IAM, all of them needed.
        resources: ARNs; "{region}" and "{account}" stand for what is not known yet.
    """

    key: str
    words: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]


def needs(wishes: Wishes) -> list[Need]:
    """What these wishes need, nothing more. Who asks (sts:GetCallerIdentity) needs no permission."""
    found: list[Need] = []
    if wishes.stream:
        arn = _stream(wishes.stream)
        found += [
            Need("stream", f"Find the stream {wishes.stream}", ("kinesisvideo:DescribeStream",), arn),
            Need(
                "stream-make",
                f"Make the stream {wishes.stream} and set how long it keeps",
                ("kinesisvideo:CreateStream", "kinesisvideo:UpdateDataRetention"),
                arn,
            ),
            Need("send", "Send video", ("kinesisvideo:GetDataEndpoint", "kinesisvideo:PutMedia"), arn),
            Need("resume", "See what arrived after a disconnect", ("kinesisvideo:ListFragments",), arn),
        ]
        if wishes.images:
            actions = (
                "kinesisvideo:DescribeImageGenerationConfiguration",
                "kinesisvideo:UpdateImageGenerationConfiguration",
            )
            found.append(Need("images", "Set up pictures of fragments", actions, arn))
        if wishes.clips:
            found.append(Need("clips", "Fetch clips of a defect", ("kinesisvideo:GetClip",), arn))
    if wishes.watched:
        watching = ("kinesisvideo:DescribeStream", "kinesisvideo:GetDataEndpoint", "kinesisvideo:GetMedia")
        found.append(Need("watch", f"Watch the stream {wishes.watched}", watching, _stream(wishes.watched)))
    for number, topic in enumerate(dict.fromkeys(wishes.topics)):
        key = "share" if wishes.shared and number == 0 else "tell"
        words = "Tell other stations of alarms" if key == "share" else f"Tell people through {topic.rpartition(':')[2]}"
        found.append(Need(key, words, ("sns:Publish",), (topic,)))
    if wishes.queue:
        words, both = "Hear of other stations and of the cloud's verdicts", ("sqs:ReceiveMessage", "sqs:DeleteMessage")
        found.append(Need("hear", words, both, (_queue(wishes.queue),)))
    if wishes.outbox:
        bucket, station = f"arn:aws:s3:::{wishes.outbox}", wishes.station
        places = [f"{bucket}/{folder}/{station}/*" for folder in ("outbox", "pictures", "models", "reports")]
        places += [f"{bucket}/{folder}/site=*/station={station}/*" for folder in ("inspections", "reviews", "alarms")]
        places.append(f"{bucket}/datasets/*")
        sending = ("s3:PutObject", "s3:AbortMultipartUpload")
        found.append(Need("outbox", f"Send what is recorded to {wishes.outbox}", sending, tuple(places)))
        found += [
            Need("sets-list", "List labelled sets", ("s3:ListBucket",), (bucket,)),
            Need("sets-read", "Fetch labelled sets", ("s3:GetObject",), (f"{bucket}/datasets/*",)),
        ]
    if wishes.models:
        bucket = f"arn:aws:s3:::{wishes.models}"
        found += [
            Need("candidates-list", "List candidates that were made of reviews", ("s3:ListBucket",), (bucket,)),
            Need(
                "candidates-read",
                "Fetch candidates and their test pictures",
                ("s3:GetObject", "s3:GetObjectVersion"),
                (f"{bucket}/candidates/*", f"{bucket}/training/*"),
            ),
        ]
    if wishes.models and wishes.train_queue:
        bucket = f"arn:aws:s3:::{wishes.models}"
        places = [f"{bucket}/training/*", f"{bucket}/candidates/*/snapshot.manifest"]
        found += [
            Need("train-set", "Send sets to be trained on", ("s3:PutObject", "s3:AbortMultipartUpload"), tuple(places)),
            Need("train-ask", "Ask the account to train", ("sqs:SendMessage",), (_queue(wishes.train_queue),)),
        ]
    if wishes.fleet_bucket and wishes.outbox:
        bucket = f"arn:aws:s3:::{wishes.outbox}"
        found += [
            Need("alarms-list", "List the fleet's alarms", ("s3:ListBucket",), (bucket,)),
            Need("alarms-read", "Read the fleet's alarms", ("s3:GetObject",), (f"{bucket}/alarms/*",)),
        ]
    if wishes.fleet_bucket:
        bucket = f"arn:aws:s3:::{wishes.fleet_bucket}"
        found += [
            Need("fleet-list", "List the fleet's records", ("s3:ListBucket",), (bucket,)),
            Need("fleet-read", "Read the fleet's records", ("s3:GetObject",), (f"{bucket}/inspections/*",)),
        ]
        if wishes.database:
            found += _athena(wishes)
    if wishes.endpoint:
        arn = (f"arn:aws:sagemaker:{{region}}:{{account}}:endpoint/{wishes.endpoint.lower()}",)
        found.append(Need("judge", f"Ask the endpoint {wishes.endpoint}", ("sagemaker:InvokeEndpoint",), arn))
        if wishes.starts_endpoint:
            config = f"arn:aws:sagemaker:{{region}}:{{account}}:endpoint-config/{wishes.endpoint.lower()}*"
            starting = (
                "sagemaker:DescribeEndpoint",
                "sagemaker:CreateEndpoint",
                "sagemaker:DeleteEndpoint",
                "sagemaker:CreateEndpointConfig",
                "sagemaker:DeleteEndpointConfig",
            )
            model = "arn:aws:sagemaker:{region}:{account}:model/*"
            found.append(Need("endpoint", f"Start and delete {wishes.endpoint}", starting, (*arn, config, model)))
    if wishes.lookout:
        project = wishes.lookout.partition("@")[0]
        arn = (f"arn:aws:lookoutvision:{{region}}:{{account}}:model/{project}/*",)
        found.append(Need("lookout", f"Ask the model {wishes.lookout}", ("lookoutvision:DetectAnomalies",), arn))
    return found


def policy(wanted: list[Need], *, region: str, account: str) -> dict[str, Any]:
    """An IAM policy that allows just this; "*" where region or account is not known."""
    places = {"region": region or "*", "account": account or "*"}
    statements = [
        {
            "Sid": "".join(word.capitalize() for word in need.key.split("-")) + (str(number) if number else ""),
            "Effect": "Allow",
            "Action": list(need.actions),
            "Resource": [resource.format(**places) for resource in need.resources],
        }
        for need, number in _numbered(wanted)
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def _numbered(wanted: list[Need]) -> list[tuple[Need, int]]:
    seen: dict[str, int] = {}
    found = []
    for need in wanted:
        found.append((need, seen.get(need.key, 0)))
        seen[need.key] = seen.get(need.key, 0) + 1
    return found


def _stream(name: str) -> tuple[str, ...]:
    return (f"arn:aws:kinesisvideo:{{region}}:{{account}}:stream/{name}/*",)


def _queue(url: str) -> str:
    match = re.match(r"^https://sqs\.([^.]+)\.amazonaws\.com(?:\.cn)?/(\d{12})/(.+)$", url)
    if match is not None:
        return "arn:aws:sqs:{}:{}:{}".format(*match.groups())
    return "arn:aws:sqs:{region}:{account}:" + url.rstrip("/").rpartition("/")[2]


def _athena(wishes: Wishes) -> list[Need]:
    group = wishes.workgroup or "primary"
    catalog = "arn:aws:glue:{region}:{account}:"
    bucket = f"arn:aws:s3:::{wishes.fleet_bucket}"
    return [
        Need(
            "athena",
            "Have Athena count",
            ("athena:StartQueryExecution", "athena:GetQueryExecution", "athena:GetQueryResults"),
            (f"arn:aws:athena:{{region}}:{{account}}:workgroup/{group}",),
        ),
        Need(
            "athena-table",
            "Let Athena find the table",
            ("glue:GetDatabase", "glue:GetTable", "glue:GetPartitions"),
            (
                f"{catalog}catalog",
                f"{catalog}database/{wishes.database}",
                f"{catalog}table/{wishes.database}/inspections",
            ),
        ),
        Need(
            "athena-answers",
            "Let Athena keep its answers",
            ("s3:GetBucketLocation", "s3:PutObject", "s3:GetObject"),
            (bucket, f"{bucket}/athena/*"),
        ),
    ]
