"""Lambda function: judges pictures that arrive in a bucket.

A station puts them there, or Kinesis Video Streams' image generation. Events of the bucket come through a queue.
Every version of an object is judged once; its result, mask and overlay have names that follow from it, so that a
repetition after a sudden end writes the same again. A defect's notice goes out before the work is marked as done:
after a sudden end in between it is sent twice, with the same id, rather than never.
"""

from __future__ import annotations

import functools
import json
import logging
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.domain.errors import LinesightError, PictureError
from app.domain.frame import Image
from app.domain.inspection import Detection
from app.domain.verdict import Verdict
from app.serverless import events, metrics, notices, surroundings
from app.serverless.once import Attributes, Ledger, key_of
from app.serverless.origin import Origin, origin_of
from app.serverless.released import Release, Released

_log = logging.getLogger("linesight.serverless")

_JPEG_QUALITY = 90
_GONE = "The picture was deleted before it was judged."


@dataclass(frozen=True, slots=True)
class Parts:
    """What the function works with.

    Attributes:
        results: bucket of the results.
        topic: ARN; defects are told there.
        low_confidence: below it a notice says so.
        default_product: of pictures that do not tell theirs; "" where there is none.
    """

    s3: Any
    sns: Any
    ledger: Ledger
    released: Released
    results: str
    topic: str
    low_confidence: float
    default_product: str
    stack: str


def handler(event: events.Event, context: object) -> dict[str, Any]:
    """Judges the pictures of an event of SQS, S3 or EventBridge."""
    return judge_all(_parts(), event, context)


def judge_all(parts: Parts, event: events.Event, context: object = None) -> dict[str, Any]:
    """Judges every picture that the event's messages tell of; what fails is named in the answer and comes again."""
    figures = metrics.Metrics(parts.stack)

    def message(body: Any) -> None:
        for found in events.objects(body):
            judge_object(parts, found, figures)

    try:
        return events.each(event, message, context)
    finally:
        figures.flush()


def judge_object(parts: Parts, found: events.StoredObject, figures: metrics.Metrics) -> None:
    """Judges one version of an object, unless that is done.

    Raises:
        Busy: another one is at it.
        LinesightError: it can't be judged now, such as without a released model.
    """
    id = key_of(*found.identity)
    claim = parts.ledger.claim(id)
    if claim is None:
        _log.info("%s was judged before", found)
        return
    try:
        attributes = _judged(parts, found, id, figures)
    except BaseException:
        parts.ledger.give_back(claim)
        raise
    parts.ledger.finish(claim, attributes)


def _judged(parts: Parts, found: events.StoredObject, id: str, figures: metrics.Metrics) -> Attributes:
    asked = {"Bucket": found.bucket, "Key": found.key} | ({"VersionId": found.version} if found.version else {})
    try:
        answer = parts.s3.get_object(**asked)
    except parts.s3.exceptions.ClientError as error:
        if error.response["Error"].get("Code") not in ("NoSuchKey", "NoSuchVersion"):
            raise
        _log.warning("%s: %s", found, _GONE)
        return {"Error": {"S": _GONE}}
    origin = origin_of(found.key, answer["Metadata"], answer["LastModified"])
    origin = origin if origin.product else replace(origin, product=parts.default_product)
    result = _Result(found, id, origin)
    try:
        image = _decoded(answer, str(found))
    except PictureError as error:
        # It will not get better by trying again. No answer is not a PASS: the record says ERROR.
        figures.count(metrics.INVALID, origin.product)
        record = result.without_answer(str(error))
        _write(parts, result.place + ".json", json.dumps(record).encode(), "application/json")
        return _attributes(record, result)
    if not origin.product:
        raise LinesightError(
            f"{found} does not tell its product: name it in the key or the metadata, or give the stack a default."
        )
    from app.pictures import encode_jpeg, encode_png
    from app.serverless.masks import mask_of
    from app.vision.overlay import draw_overlay

    detector, release = parts.released.detector(origin.product)
    began = time.perf_counter()
    seen = detector.detect(image)
    figures.took(origin.product, (time.perf_counter() - began) * 1000)
    figures.count(metrics.PROCESSED, origin.product)
    record = result.answered(seen, image.shape[1], image.shape[0], release)
    _write(parts, result.place + ".mask.png", encode_png(mask_of(image, seen.regions)), "image/png")
    _write(parts, result.place + ".overlay.jpg", encode_jpeg(draw_overlay(image, seen), _JPEG_QUALITY), "image/jpeg")
    # The record last: where it is, mask and overlay are.
    _write(parts, result.place + ".json", json.dumps(record).encode(), "application/json")
    if seen.verdict is Verdict.FAIL:
        figures.count(metrics.DETECTED, origin.product)
        _tell(parts, record)
    return _attributes(record, result)


def _decoded(answer: dict[str, Any], name: str) -> Image:
    """The picture in S3's answer. Raises PictureError."""
    from app.serverless.lookout.images import MOST_BYTES, checked_picture

    if answer["ContentLength"] > MOST_BYTES:  # before reading: it may be larger than the memory
        raise PictureError(f"{name} has {answer['ContentLength']} bytes; at most {MOST_BYTES} (8 MB) are taken.")
    return checked_picture(answer["Body"].read(), name)


def _write(parts: Parts, key: str, data: bytes, content_type: str) -> None:
    parts.s3.put_object(Bucket=parts.results, Key=key, Body=data, ContentType=content_type)


def _tell(parts: Parts, record: dict[str, Any]) -> None:
    confidence = record["confidence"]
    low = confidence is not None and confidence < parts.low_confidence
    regions = record["regions"]
    body = {name: value for name, value in record.items() if name != "regions"} | {
        "low_confidence": low,
        "results_bucket": parts.results,
        # The strongest ones: a notice has an end at 256 KB.
        "regions": [{name: value for name, value in each.items() if name != "outline"} for each in regions[:20]],
    }
    notices.publish(
        parts.sns,
        parts.topic,
        notices.defect_subject(record["assembly_line"], record["camera"], low_confidence=low),
        body,
        {
            "AssemblyLine": record["assembly_line"],
            "Camera": record["camera"],
            "Station": record["station"],
            "Product": record["product"],
            "Label": regions[0]["label"] if regions else "",
            "LowConfidence": "true" if low else "false",
            "Confidence": confidence,
            "Score": record["score"],
        },
    )


class _Result:
    """The record of one picture, and where its files lie."""

    def __init__(self, found: events.StoredObject, id: str, origin: Origin) -> None:
        day = f"{origin.captured_at:%Y-%m-%d}"
        safe = [_part(origin.line), _part(origin.camera)]
        # By line and camera first: S3 counts its requests by beginnings of keys.
        self.place = f"results/{safe[0]}/{safe[1]}/{day}/{id}"
        self._about = {
            "id": id,
            "picture": str(found),
            "picture_version": found.version,
            "assembly_line": origin.line,
            "camera": origin.camera,
            "station": origin.station,
            "product": origin.product,
            "part": origin.part,
            "captured_at": origin.captured_at.isoformat(timespec="milliseconds"),
            "judged_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }

    def without_answer(self, words: str) -> dict[str, Any]:
        empty = dict.fromkeys(("score", "threshold", "confidence", "model", "mask", "overlay", "milliseconds"))
        return self._about | {"verdict": Verdict.ERROR.value, "reason": words, "regions": [], **empty}

    def answered(self, seen: Detection, width: int, height: int, model: Release) -> dict[str, Any]:
        return self._about | {
            "verdict": seen.verdict.value,
            "score": seen.score,
            "threshold": seen.threshold,
            "confidence": seen.confidence,
            "reason": seen.reason,
            "regions": [asdict(region) for region in seen.regions],
            "width": width,
            "height": height,
            "model": {"name": model.product, "version": model.version, "sha256": model.sha256},
            "milliseconds": round(seen.milliseconds, 3),
            "mask": self.place + ".mask.png",
            "overlay": self.place + ".overlay.jpg",
        }


def _part(name: str) -> str:
    """A name as one part of a key."""
    return name.replace("/", "_") or "unknown"


def _attributes(record: dict[str, Any], result: _Result) -> Attributes:
    """What the table keeps of a result; a defect also stands in the table's index by camera."""
    found: dict[str, dict[str, Any]] = {
        "ImageId": {"S": record["part"]},
        "ImageUrl": {"S": record["picture"]},
        "AssemblyLineId": {"S": record["assembly_line"]},
        "CameraId": {"S": record["camera"]},
        "DateTime": {"S": record["captured_at"]},
        "Product": {"S": record["product"]},
        "Verdict": {"S": record["verdict"]},
        "IsAnomalous": {"BOOL": record["verdict"] == Verdict.FAIL.value},
        "Result": {"S": result.place + ".json"},
    }
    for name in ("score", "confidence"):
        if record[name] is not None:
            found[name.capitalize()] = {"N": f"{record[name]:.9g}"}
    if record["verdict"] == Verdict.FAIL.value:
        found["DefectCamera"] = {"S": f"{record['assembly_line']}/{record['camera']}"}
    return found


@functools.cache
def _parts() -> Parts:
    client = surroundings.client
    cache = Path(tempfile.gettempdir()) / "models"
    return Parts(
        s3=client("s3"),
        sns=client("sns"),
        ledger=Ledger(client("dynamodb"), surroundings.needed("DETECTIONS_TABLE"), lease=150, keep_days=90),
        released=Released(client("s3"), surroundings.needed("MODELS_BUCKET"), cache),
        results=surroundings.needed("RESULTS_BUCKET"),
        topic=surroundings.needed("DEFECTS_TOPIC"),
        low_confidence=surroundings.number("LOW_CONFIDENCE", 0.7),
        default_product=surroundings.optional("DEFAULT_PRODUCT"),
        stack=surroundings.needed("STACK"),
    )
