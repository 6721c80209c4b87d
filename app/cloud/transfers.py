"""Labelled sets to a bucket and back, as Lookout for Vision had them: pictures, masks and manifests.

A bucket is copied into a folder as ROOT/BUCKET/KEY, which `app.datasets.lookout_export` reads. What is there already,
with the same size and not older, is not fetched or sent again, so that a copy that was cut short goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from app.cloud.session import CloudError, CloudSession, worded
from app.datasets.lookout_export import file_of
from app.datasets.manifest import MANIFEST_SUFFIXES
from app.domain.errors import DatasetError

Step = Callable[[float, str], None]

_AT_ONCE = 8
_REFERENCES = ("source-ref", "anomaly-mask-ref")
_MOST_MANIFEST = 256 << 20


@dataclass(frozen=True, slots=True)
class Moved:
    """What a copy did.

    Attributes:
        files: copied now, of `bytes` bytes.
        known: were there already.
        problems: what could not be had, in words.
    """

    files: int
    bytes: int
    known: int
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Object:
    key: str
    size: int
    at: datetime


def place_of(text: str) -> tuple[str, str]:
    """(bucket, prefix) of s3://BUCKET/FOLDER, the prefix without a slash at its end.

    Raises:
        DatasetError: it is none.
    """
    bucket, _, prefix = text.removeprefix("s3://").partition("/")
    if not text.startswith("s3://") or not bucket:
        raise DatasetError(f"{text!r} is no place in a bucket: write s3://BUCKET/FOLDER.")
    return bucket, prefix.strip("/")


def upload(session: CloudSession, folder: Path, place: str, step: Step) -> Moved:
    """Slow: copies an exported set to s3://BUCKET/FOLDER; its manifests last, so that who finds one finds its pictures.

    Raises:
        CloudError: the bucket can't be written.
        DatasetError: `place` is none.
    """
    from boto3.s3.transfer import TransferConfig, create_transfer_manager

    bucket, prefix = place_of(place)
    begin = f"{prefix}/" if prefix else ""
    what = f"The set can't be sent to {place}"
    files = sorted(
        (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")),
        key=lambda path: (path.suffix.lower() in MANIFEST_SUFFIXES, path.as_posix()),
    )
    with worded(what, "s3:PutObject and s3:ListBucket"):
        step(0.0, f"Looking into {bucket}")
        there = {each.key: each for each in _listed(session, bucket, begin)}
        wanted, known = [], 0
        for path in files:
            key = begin + path.relative_to(folder).as_posix()
            found = there.get(key)
            if found is not None and found.size == path.stat().st_size and _same(session, bucket, key, path):
                known += 1
            else:
                wanted.append((key, path))
        total, done = sum(path.stat().st_size for _, path in wanted), 0
        manager = create_transfer_manager(session.client("s3"), TransferConfig(max_concurrency=_AT_ONCE))
        try:
            # One after the other in their order; a large one goes in pieces at the same time.
            for number, (key, path) in enumerate(wanted):
                step(done / max(1, total), f"Sending {number + 1:,} of {len(wanted):,} files")
                extra = {"ChecksumAlgorithm": "SHA256", "Metadata": {"sha256": _digest(path)}}
                manager.upload(str(path), bucket, key, extra).result()
                done += path.stat().st_size
        finally:
            manager.shutdown(cancel=True)
    return Moved(len(wanted), total, known)


def download(session: CloudSession, place: str, root: Path, step: Step) -> Moved:
    """Slow: copies what lies below s3://BUCKET/FOLDER, and what its manifests refer to elsewhere, below `root`.

    Raises:
        CloudError: the bucket can't be read, or there is nothing.
        DatasetError: `place` is none.
    """
    bucket, prefix = place_of(place)
    what = f"{place} can't be fetched"
    with worded(what, "s3:ListBucket and s3:GetObject"):
        step(0.0, f"Looking into {bucket}")
        begin = f"{prefix}/" if prefix and not prefix.lower().endswith(MANIFEST_SUFFIXES) else prefix
        objects = [(bucket, each) for each in _listed(session, bucket, begin) if not each.key.endswith("/")]
        if not objects:
            raise CloudError(f"There is nothing in {place}. Check the name of the bucket and of the folder.")
        first = _fetch(session, objects, root, step, what, (0.0, 0.6))
        manifests = [file_of(f"s3://{bucket}/{each.key}", root) for _, each in objects if _is_manifest(each.key)]
        problems = list(first.problems)
        wanted = sorted(set(_referred(manifests, root, problems)))
        missing = [(name, _Object(key, -1, datetime.min.replace(tzinfo=UTC))) for name, key in wanted]
        second = _fetch(session, missing, root, step, what, (0.6, 1.0))
    return Moved(
        first.files + second.files,
        first.bytes + second.bytes,
        first.known + second.known,
        (*problems, *second.problems),
    )


# -- inside
def _listed(session: CloudSession, bucket: str, prefix: str) -> Iterator[_Object]:
    pages = session.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        for found in page.get("Contents", ()):
            yield _Object(found["Key"], int(found["Size"]), found["LastModified"].astimezone(UTC))


def _is_manifest(key: str) -> bool:
    return PurePosixPath(key).suffix.lower() in MANIFEST_SUFFIXES


def _referred(manifests: Iterable[Path], root: Path, problems: list[str]) -> Iterator[tuple[str, str]]:
    """(bucket, key) of what the manifests name and is not here yet. Lines that say nothing are told when it is read."""
    for path in manifests:
        if path.stat().st_size > _MOST_MANIFEST:
            problems.append(f"{path.name} is larger than any manifest; what it names was not fetched.")
            continue
        for line in path.read_bytes().splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            for name in _REFERENCES:
                reference = entry.get(name) if isinstance(entry, dict) else None
                if not isinstance(reference, str) or not reference.startswith("s3://"):
                    continue
                try:
                    there = file_of(reference, root).exists()
                except (DatasetError, OSError):
                    continue
                if not there:
                    bucket, _, key = reference.removeprefix("s3://").partition("/")
                    yield bucket, key


def _fetch(
    session: CloudSession,
    objects: list[tuple[str, _Object]],
    root: Path,
    step: Step,
    what: str,
    part: tuple[float, float],
) -> Moved:
    from botocore.exceptions import ClientError

    wanted: list[tuple[str, _Object, Path]] = []
    problems: list[str] = []
    known = 0
    for bucket, each in objects:
        try:
            path = file_of(f"s3://{bucket}/{each.key}", root)
        except DatasetError as error:
            problems.append(str(error))
            continue
        if path.is_file() and path.stat().st_size == each.size and path.stat().st_mtime >= each.at.timestamp():
            known += 1
        else:
            wanted.append((bucket, each, path))

    def take(one: tuple[str, _Object, Path]) -> int | str:
        bucket, each, path = one
        try:
            answer = session.client("s3").get_object(Bucket=bucket, Key=each.key)
        except ClientError as error:
            if error.response["Error"].get("Code") in ("NoSuchKey", "NoSuchBucket", "404"):
                return f"s3://{bucket}/{each.key} is not there."
            raise
        return _written(path, answer["Body"])

    files = size = 0
    with ThreadPoolExecutor(_AT_ONCE, "fetch") as pool:
        try:
            for number, got in enumerate(pool.map(take, wanted)):
                if isinstance(got, str):
                    problems.append(got)
                else:
                    files, size = files + 1, size + got
                share = (number + 1) / len(wanted)
                step(part[0] + (part[1] - part[0]) * share, f"Fetching {number + 1:,} of {len(wanted):,} files")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return Moved(files, size, known, tuple(problems))


def _written(path: Path, body: Any) -> int:
    """Bytes of a file that appears when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{uuid.uuid4().hex[:12]}.part")
    size = 0
    try:
        with part.open("wb") as file:
            for piece in body.iter_chunks(1 << 20):
                size += file.write(piece)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return size


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _same(session: CloudSession, bucket: str, key: str, path: Path) -> bool:
    told = session.client("s3").head_object(Bucket=bucket, Key=key).get("Metadata", {})
    return bool(told.get("sha256") == _digest(path))
