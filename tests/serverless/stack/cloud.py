"""The stack's parts in moto, and the step between them that moto can't do without Docker: a queue calls a function."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import boto3

from app.serverless.released import Release, pointer_key

ACCOUNT = "123456789012"
PICTURES, RESULTS, MODELS, RECORDS, OUTBOX = (f"ls-{name}" for name in ("pics", "results", "models", "records", "out"))

Function = Callable[[dict[str, Any]], Mapping[str, Any]]


@functools.cache
def client(service: str, endpoint: str | None = None, region: str = "eu-west-1") -> Any:
    """One for all tests: making them takes longer than most tests."""
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    return boto3.client(service, region_name=region, endpoint_url=endpoint, **keys)


class Cloud:
    """Clients of an account, with what the template makes.

    Args:
        server: address of a moto server; "" for moto in this process.
    """

    def __init__(self, server: str = "", region: str = "eu-west-1") -> None:
        self.region = region
        names = ("s3", "sqs", "sns", "dynamodb")
        self.s3, self.sqs, self.sns, self.dynamodb = (client(name, server or None, region) for name in names)
        self.streams = client("dynamodbstreams", server or f"https://streams.dynamodb.{region}.amazonaws.com", region)
        for bucket in (PICTURES, RESULTS, MODELS, RECORDS, OUTBOX):
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
            self.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        self.table("detections", "Id")
        self.table("entries", "Id")
        self.table("stations", "Station")
        order = [{"AttributeName": "Product", "KeyType": "HASH"}, {"AttributeName": "ReviewedAt", "KeyType": "RANGE"}]
        by_product = {"IndexName": "ByProduct", "KeySchema": order, "Projection": {"ProjectionType": "ALL"}}
        self.table("reviews", "Id", "Product", "ReviewedAt", GlobalSecondaryIndexes=[by_product])

    def table(self, name: str, key: str, *further: str, **more: Any) -> None:
        self.dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in (key, *further)],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
            **more,
        )

    def queue(self, name: str) -> str:
        """A queue's URL; a message that failed twice goes to NAME-dead."""
        dead = self.sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
        policy = json.dumps({"deadLetterTargetArn": self.arn(dead), "maxReceiveCount": 2})
        return str(self.sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": policy})["QueueUrl"])

    def arn(self, queue: str) -> str:
        return str(self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]["QueueArn"])

    def tells(self, bucket: str, queue: str, prefix: str = "") -> None:
        """The bucket tells the queue of new objects."""
        rules = {"Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}}} if prefix else {}
        told = [{"QueueArn": self.arn(queue), "Events": ["s3:ObjectCreated:*"], **rules}]
        self.s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"QueueConfigurations": told}
        )

    def topic(self, name: str) -> tuple[str, str]:
        """A topic's ARN, and a queue that hears it."""
        arn = self.sns.create_topic(Name=name)["TopicArn"]
        queue = self.queue(f"{name}-heard")
        self.sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=self.arn(queue))
        return arn, queue

    def receive(self, queue: str) -> list[dict[str, Any]]:
        """What waits, for a while invisible to others."""
        found: list[dict[str, Any]] = []
        while True:
            asked = {"QueueUrl": queue, "MaxNumberOfMessages": 10, "VisibilityTimeout": 60}
            more = self.sqs.receive_message(AttributeNames=["All"], **asked).get("Messages", [])
            if not more:
                return found
            found += more

    def deliver(self, queue: str, function: Function) -> list[str]:
        """Calls the function as Lambda's event source mapping does: what is not named as failed leaves the queue.

        Returns the bodies of the failed ones, which are visible again.
        """
        waiting = self.receive(queue)
        if not waiting:
            return []
        answer = function(self.event(queue, waiting))
        failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        for message in waiting:
            handle = {"QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"]}
            if message["MessageId"] in failed:
                self.sqs.change_message_visibility(**handle, VisibilityTimeout=0)
            else:
                self.sqs.delete_message(**handle)
        return [message["Body"] for message in waiting if message["MessageId"] in failed]

    def event(self, queue: str, waiting: list[dict[str, Any]]) -> dict[str, Any]:
        """Messages as Lambda gives them to a function."""
        return {
            "Records": [
                {
                    "messageId": each["MessageId"],
                    "receiptHandle": each["ReceiptHandle"],
                    "body": each["Body"],
                    "attributes": each["Attributes"],
                    "messageAttributes": {},
                    "md5OfBody": each["MD5OfBody"],
                    "eventSource": "aws:sqs",
                    "eventSourceARN": self.arn(queue),
                    "awsRegion": self.region,
                }
                for each in waiting
            ]
        }

    def changes(self, table: str) -> dict[str, Any]:
        """All changes of a table as its stream gives them to a function."""
        arn = self.dynamodb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
        shard = self.streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
        start = self.streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
        found = self.streams.get_records(ShardIterator=start["ShardIterator"])["Records"]
        return {"Records": [{**each, "eventSource": "aws:dynamodb", "eventSourceARN": arn} for each in found]}

    def heard(self, queue: str) -> list[dict[str, Any]]:
        """The notices that a topic's queue has heard: their envelopes, with the body read."""
        found = []
        for message in self.receive(queue):
            self.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            envelope = json.loads(message["Body"])
            found.append({**envelope, "Message": json.loads(envelope["Message"])})
        return found

    def put(self, bucket: str, key: str, data: bytes, **metadata: str) -> str:
        """Puts an object there and gives its version."""
        return str(self.s3.put_object(Bucket=bucket, Key=key, Body=data, Metadata=metadata)["VersionId"])

    def read(self, bucket: str, key: str) -> bytes:
        return bytes(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        found = self.s3.list_objects_v2(Bucket=bucket, Prefix=prefix)
        return [each["Key"] for each in found.get("Contents", [])]

    def items(self, table: str) -> list[dict[str, Any]]:
        return list(self.dynamodb.scan(TableName=table)["Items"])

    def release(self, product: str, model: bytes, version: int = 1) -> Release:
        """Puts a model into its bucket and releases it."""
        key = f"models/{product}/{version}/model.linesight"
        found = Release(
            product=product,
            version=version,
            key=key,
            sha256=hashlib.sha256(model).hexdigest(),
            version_id=self.put(MODELS, key, model),
        )
        self.put(MODELS, pointer_key(product), found.to_json())
        return found
