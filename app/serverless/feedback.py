"""Lambda function: from reviews to a proposal.

Reviews of inspections arrive through the stream of their table. Enough of them make a product's next snapshot, of
which `train` makes a candidate. When that is there, it is tried beside the released model on pictures that neither has
learned from, and people are told. Nothing is released here: that is a person's to do.
"""

from __future__ import annotations

import functools
import json
import logging
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.serverless import events, notices, surroundings
from app.serverless.released import Release, Released, pointer_key
from app.serverless.snapshots import (
    Candidate,
    Snapshot,
    is_for_testing,
    items_of,
    keep,
    newest,
    place_of,
    read,
    with_reviews,
)

if TYPE_CHECKING:
    from app.datasets import Item
    from app.vision.detector import Detector

_log = logging.getLogger("linesight.serverless")

_INDEX = "ByProduct"


@dataclass(frozen=True, slots=True)
class Parts:
    """What the function works with.

    Attributes:
        reviews: table.
        queue: URL; snapshots to learn from go there.
        topic: ARN; proposals are told there.
        minimum: new reviews of a product that make a snapshot.
    """

    s3: Any
    sqs: Any
    sns: Any
    dynamodb: Any
    released: Released
    models: str
    reviews: str
    queue: str
    topic: str
    minimum: int


def handler(event: events.Event, context: object) -> dict[str, Any]:
    """Takes changes of the table of reviews (a DynamoDB stream) and notices of new candidates (SQS)."""
    return take_all(_parts(), event, context)


def take_all(parts: Parts, event: events.Event, context: object = None) -> dict[str, Any]:
    """Does what every change or notice asks for; what fails is named in the answer and comes again."""
    looked: set[str] = set()

    def message(body: Any) -> None:
        if isinstance(body, dict) and "dynamodb" in body:
            product = body["dynamodb"].get("NewImage", {}).get("Product", {}).get("S", "")
            # Once a batch: however many of its reviews came together.
            if body.get("eventName") == "INSERT" and product and product not in looked:
                gather(parts, product)
                looked.add(product)
            return
        for found in events.objects(body):
            place = place_of(found.key)
            if place is not None and place[1] == "candidate.json":
                propose(parts, place[0])

    return events.each(event, message, context)


def gather(parts: Parts, product: str) -> Snapshot | None:
    """Makes the product's next snapshot where enough reviews are new, and has it learned from; None where not."""
    # What a person begins a product with is number 0; snapshots from here have a snapshot.json, written last.
    last = newest(parts.s3, parts.models, product, "snapshot.json") or Snapshot(product, 0)
    if _count(parts, product) - _known(parts, last) < parts.minimum:
        return None
    reviews = _all(parts, product)
    before = read(parts.s3, parts.models, last.key("snapshot.manifest")) or b""
    made = last.next()
    kept = keep(parts.s3, parts.models, product, reviews)
    _put(parts, made.key("snapshot.manifest"), with_reviews(before, kept))
    body = json.dumps({"product": product, "snapshot": made.number})
    parts.sqs.send_message(QueueUrl=parts.queue, MessageBody=body)
    _put(parts, made.key("snapshot.json"), json.dumps({"reviews": len(reviews)}).encode())
    _log.info("snapshot %s of %s has %s reviews", made.number, product, len(reviews))
    return made


def propose(parts: Parts, snapshot: Snapshot) -> None:
    """Tries a candidate beside the released model, writes how it did, and tells people. Once a candidate.

    Raises:
        LinesightError: the candidate or its snapshot can't be read.
    """
    if read(parts.s3, parts.models, snapshot.key("proposal.json")) is not None:
        _log.info("%s was proposed before", snapshot)
        return
    described = read(parts.s3, parts.models, snapshot.key("candidate.json"))
    if described is None:
        _log.warning("the candidate of %s was deleted", snapshot)
        return
    candidate = Candidate.from_json(described)
    release = Release(candidate.product, snapshot.number, candidate.key, candidate.sha256, candidate.version_id)
    current = parts.released.release(snapshot.product)
    with tempfile.TemporaryDirectory(prefix="backtest-") as folder:
        items, left_out, _ = items_of(parts.s3, parts.models, snapshot, Path(folder))
        tested = [item for item in items if is_for_testing(item)]
        ours = _tried(parts.released.load(release), tested)
        theirs = _tried(parts.released.load(current), tested) if current is not None else None
    words, better = _words(ours, theirs)
    proposal = {
        "product": snapshot.product,
        "snapshot": snapshot.number,
        "recommended": better,
        "words": words,
        "candidate": ours,
        "released": theirs,
        "released_version": current.version if current is not None else None,
        "left_out": [*candidate.left_out, *left_out][:20],
        "to_release": {"key": pointer_key(snapshot.product), "content": json.loads(release.to_json())},
    }
    notices.publish(
        parts.sns,
        parts.topic,
        f"Model proposal - {snapshot.product} {snapshot.number}",
        proposal,
        {"Product": snapshot.product, "Recommended": "true" if better else "false"},
    )
    _put(parts, snapshot.key("proposal.json"), json.dumps(proposal, indent=2).encode())


def _tried(detector: Detector, items: list[Item]) -> dict[str, Any] | None:
    """How a model does on pictures; None where there is none."""
    from app.pictures import read_picture
    from app.vision.evaluation import TestSample, evaluate

    if not items:
        return None
    samples = [
        TestSample(item.name, functools.partial(read_picture, item.path), item.label == "anomaly") for item in items
    ]
    found = evaluate(detector, samples)
    return {
        "normals": found.normals,
        "anomalies": found.anomalies,
        "escapes": found.fn,
        "false_rejects": found.fp,
        "retest": found.retest,
        "auroc": found.image_auroc,
        "f1": found.f1,
    }


def _words(ours: dict[str, Any] | None, theirs: dict[str, Any] | None) -> tuple[str, bool]:
    """What a person is told, and whether the candidate is recommended: no worse in anything, and better in one."""
    if ours is None:
        return "None of the snapshot's pictures is kept for testing, so nothing can be said. Label more of them.", False
    text = (
        f"On {ours['normals']} good parts and {ours['anomalies']} defects that it has not learned from, the candidate "
        f"misses {ours['escapes']} and rejects {ours['false_rejects']} good parts"
    )
    if not ours["normals"] or not ours["anomalies"]:
        return f"{text}. Without both kinds that is no ground to recommend it. Label more of them.", False
    if theirs is None:
        return f"{text}. No model is released yet.", True
    text += f"; the released model misses {theirs['escapes']} and rejects {theirs['false_rejects']}."
    one, other = ((each["escapes"], each["false_rejects"]) for each in (ours, theirs))
    if one == other:
        return f"{text} They are alike.", False
    better = one[0] <= other[0] and one[1] <= other[1]
    return f"{text} {'It is better.' if better else 'It is not better in both: look before you release it.'}", better


def _put(parts: Parts, key: str, data: bytes) -> None:
    parts.s3.put_object(Bucket=parts.models, Key=key, Body=data)


def _known(parts: Parts, snapshot: Snapshot) -> int:
    """How many reviews a snapshot has taken in."""
    data = read(parts.s3, parts.models, snapshot.key("snapshot.json"))
    return int(json.loads(data)["reviews"]) if data is not None else 0


def _query(parts: Parts, product: str, **more: Any) -> Any:
    return parts.dynamodb.get_paginator("query").paginate(
        TableName=parts.reviews,
        IndexName=_INDEX,
        KeyConditionExpression="Product = :product",
        ExpressionAttributeValues={":product": {"S": product}},
        **more,
    )


def _count(parts: Parts, product: str) -> int:
    return sum(int(page["Count"]) for page in _query(parts, product, Select="COUNT"))


def _all(parts: Parts, product: str) -> list[Mapping[str, Any]]:
    """All reviews of a product, oldest first."""
    return [item for page in _query(parts, product) for item in page["Items"]]


@functools.cache
def _parts() -> Parts:
    needed, client = surroundings.needed, surroundings.client
    models = needed("MODELS_BUCKET")
    return Parts(
        s3=client("s3"),
        sqs=client("sqs"),
        sns=client("sns"),
        dynamodb=client("dynamodb"),
        released=Released(client("s3"), models, Path(tempfile.gettempdir()) / "models"),
        models=models,
        reviews=needed("REVIEWS_TABLE"),
        queue=needed("TRAIN_QUEUE"),
        topic=needed("PROPOSALS_TOPIC"),
        minimum=int(surroundings.number("MINIMUM_REVIEWS", 50)),
    )
