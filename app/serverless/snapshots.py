"""Snapshots: the labelled pictures that a model is learned from, numbered from 1 on.

Each lies in the models bucket below `candidates/PRODUCT/NUMBER/`:
    snapshot.manifest   its pictures, as a Lookout manifest
    snapshot.json       how many reviews are in it; written last
    model.linesight     what was learned from it
    candidate.json      which file that is, by version and hash
    proposal.json       how it did beside the released model
Reviewed pictures are copied to `training/PRODUCT/`: where they came from, they are deleted after a while.
Number 0 is what a person begins a product with: its snapshot.manifest alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.domain.errors import DatasetError
from app.serverless.once import key_of

if TYPE_CHECKING:
    from app.datasets import Item

_log = logging.getLogger("linesight.serverless")

_PLACE = re.compile(r"candidates/(?P<product>[^/]+)/(?P<number>\d{4,})/(?P<name>[^/]+)")
_TESTED = 0.2


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One snapshot of a product's labelled pictures."""

    product: str
    number: int

    def key(self, name: str) -> str:
        """Of one of its objects."""
        return f"candidates/{self.product}/{self.number:04}/{name}"

    def next(self) -> Snapshot:
        return Snapshot(self.product, self.number + 1)


@dataclass(frozen=True, slots=True)
class Candidate:
    """The content of candidate.json: a model that may be released.

    Attributes:
        key, version_id, sha256: of the model file.
        pictures: it was learned from.
        left_out: pictures that could not be used, and why; the first few.
        proof: (picture, its score by the trainer) of a few: wherever the model judges, they must score the same.
        tests: (picture, label, defect type) of all that were kept for testing.
    """

    product: str
    snapshot: int
    key: str
    version_id: str
    sha256: str
    pictures: int
    left_out: tuple[str, ...] = ()
    proof: tuple[tuple[str, float], ...] = ()
    tests: tuple[tuple[str, str, str], ...] = ()

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), indent=2).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Candidate:
        """Raises DatasetError."""
        try:
            found = json.loads(data)
            lists = {name: tuple(found.get(name, ())) for name in ("left_out",)}
            lists |= {name: tuple(tuple(each) for each in found.get(name, ())) for name in ("proof", "tests")}
            return cls(**found | lists)
        except (ValueError, TypeError) as error:
            raise DatasetError(f"There is a candidate.json that describes no candidate ({error}).") from error


def kept_key(product: str, picture: str) -> str:
    """Where a reviewed picture is kept in the models bucket; always the same for a picture."""
    name = picture.rsplit("/", 1)[-1]
    ending = name[name.rfind(".") :].lower() if "." in name else ""
    return f"training/{product}/{key_of(picture)}{ending if ending[1:].isalnum() and len(ending) < 6 else ''}"


def keep(s3: Any, bucket: str, product: str, reviews: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Copies the pictures of reviews into the models bucket, those that are not there yet.

    Returns:
        The reviews, each of its copy; without those whose picture is gone.
    """
    there = {
        each["Key"]
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"training/{product}/")
        for each in page.get("Contents", [])
    }
    found: list[Mapping[str, Any]] = []
    for review in reviews:
        picture = review["Picture"]["S"]
        key = kept_key(product, picture)
        if key not in there:
            origin, _, name = picture.removeprefix("s3://").partition("/")
            try:
                s3.copy_object(Bucket=bucket, Key=key, CopySource={"Bucket": origin, "Key": name})
            except s3.exceptions.ClientError as error:
                if error.response["Error"].get("Code") not in ("NoSuchKey", "NoSuchBucket", "404"):
                    raise
                _log.warning("%s was reviewed, but is not there any more", picture)
                continue
            there.add(key)
        found.append({**review, "Picture": {"S": f"s3://{bucket}/{key}"}})
    return found


def place_of(key: str) -> tuple[Snapshot, str] | None:
    """The snapshot that an object belongs to, and its name there."""
    found = _PLACE.fullmatch(key)
    return (Snapshot(found["product"], int(found["number"])), found["name"]) if found else None


def read(s3: Any, bucket: str, key: str) -> bytes | None:
    """An object's bytes; None where there is none."""
    try:
        return bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except s3.exceptions.NoSuchKey:
        return None


def newest(s3: Any, bucket: str, product: str, name: str = "snapshot.manifest") -> Snapshot | None:
    """The product's newest snapshot that has an object of this name; None where it has none."""
    found: list[int] = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"candidates/{product}/"):
        for each in page.get("Contents", []):
            place = place_of(each["Key"])
            if place is not None and place[1] == name:
                found.append(place[0].number)
    return Snapshot(product, max(found)) if found else None


def with_reviews(manifest: bytes, reviews: Iterable[Mapping[str, Any]]) -> bytes:
    """A manifest with what people said since: a picture's newest review replaces what was said before; one that takes
    it back leaves the picture out.

    Args:
        manifest: JSON lines.
        reviews: items of the table of reviews, oldest first.
    """
    lines: dict[str, str] = {}
    for line in manifest.decode("utf-8-sig").split("\n"):
        if line.strip():
            with contextlib.suppress(ValueError, AttributeError):  # reading it tells what is wrong with such a line
                lines[str(json.loads(line).get("source-ref"))] = line.strip()
                continue
            lines[line] = line
    for review in reviews:
        if review["Label"]["S"] == "unlabelled":  # taken back: nobody knows any more
            lines.pop(review["Picture"]["S"], None)
        else:
            lines[review["Picture"]["S"]] = _line(review)
    return "".join(f"{line}\n" for line in lines.values()).encode()


def _line(review: Mapping[str, Any]) -> str:
    label, kind = review["Label"]["S"], review["Type"]["S"]
    by = {"human-annotated": "yes", "creation-date": review["ReviewedAt"]["S"][:23], "job-name": "linesight/review"}
    entry: dict[str, Any] = {
        "source-ref": review["Picture"]["S"],
        "anomaly-label": int(label == "anomaly"),
        "anomaly-label-metadata": {
            "class-name": label,
            "confidence": 1,
            "type": "groundtruth/image-classification",
            **by,
        },
    }
    if kind and label == "anomaly":
        entry["kinds"] = [0]
        entry["kinds-metadata"] = {
            "class-map": {"0": kind},
            "confidence-map": {"0": 1},
            "type": "groundtruth/image-classification-multilabel",
            **by,
        }
    return json.dumps(entry, ensure_ascii=False)


def is_for_testing(item: Item) -> bool:
    """Whether a picture is kept for testing: by its name alone, so that no model ever learns from it, whatever
    snapshot it is in."""
    first = int.from_bytes(hashlib.sha256(item.name.encode("utf-8", "replace")).digest()[:4], "big")
    return first < _TESTED * 2**32


def items_of(s3: Any, bucket: str, snapshot: Snapshot, folder: Path) -> tuple[list[Item], list[str], str]:
    """The snapshot's labelled pictures, fetched into a folder; what can't be used, and why; the manifest's version.

    Raises:
        DatasetError: there is no such snapshot.
    """
    from app.datasets.manifest import read_manifest
    from app.serverless.buckets import BucketError, S3Buckets
    from app.serverless.lookout.entries import place_of as place_of_reference

    key = snapshot.key("snapshot.manifest")
    try:
        answer = s3.get_object(Bucket=bucket, Key=key)
    except s3.exceptions.NoSuchKey:
        raise DatasetError(f"There is no snapshot s3://{bucket}/{key}. Put a manifest there.") from None
    path = folder / "snapshot.manifest"
    path.write_bytes(answer["Body"].read())
    buckets = S3Buckets(region=s3.meta.region_name)

    def resolve(reference: str) -> Path:
        try:
            return buckets.local(*place_of_reference(reference), folder / "objects")
        except ValueError as error:
            raise BucketError(str(error)) from error

    found = read_manifest(path, resolve)
    problems = [problem.replace(str(path), "the snapshot") for problem in found.problems]
    return [item for item in found.items if item.label is not None], problems, answer.get("VersionId", "")
