"""Buckets of objects behind one small port: a folder on this computer, or S3 and what speaks its protocol."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from app.domain.errors import LinesightError
from app.whole_files import write_whole


class BucketError(LinesightError):
    """An object or bucket that can't be read or written; names it."""


class Buckets(Protocol):
    """Objects by bucket and key. Implementations can be handed to another process; any thread may call."""

    def read(self, bucket: str, key: str, version: str | None = None, most: int | None = None) -> bytes:
        """The object's bytes.

        Args:
            version: None for the newest.
            most: bytes it may have.

        Raises:
            BucketError: there is none, it is larger, or it can't be read.
        """
        ...

    def write(self, bucket: str, key: str, data: bytes, content_type: str = "application/octet-stream") -> None:
        """Puts an object there, as a whole or not at all. Raises BucketError."""
        ...

    def exists(self, bucket: str, key: str) -> bool:
        """Whether there is such an object. Raises BucketError where that can't be told."""
        ...

    def local(self, bucket: str, key: str, cache: Path) -> Path:
        """A file with the object's bytes: its own, or a copy in the folder `cache`. Raises BucketError."""
        ...

    def check_output(self, bucket: str) -> None:
        """Raises BucketError where nothing can be written to the bucket, before long work is begun for it."""
        ...


@dataclass(frozen=True, slots=True)
class FolderBuckets:
    """`s3://BUCKET/KEY` is the file BUCKET/KEY below a folder."""

    root: Path

    def read(self, bucket: str, key: str, version: str | None = None, most: int | None = None) -> bytes:
        if version is not None:
            raise BucketError(f"s3://{bucket}/{key} has no version {version}: a folder keeps only the newest.")
        path = self._file(bucket, key)
        try:
            if most is not None and path.stat().st_size > most:
                raise _too_large(bucket, key, most)
            return path.read_bytes()
        except OSError as error:
            raise _unreadable(bucket, key, error.strerror or str(error)) from error

    def write(self, bucket: str, key: str, data: bytes, content_type: str = "application/octet-stream") -> None:
        path = self._place(bucket, key)
        try:
            write_whole(path, data)
        except OSError as error:
            words = f"s3://{bucket}/{key} can't be written ({error.strerror or error})."
            raise BucketError(f"{words} Free some space, or give this user write access.") from error

    def exists(self, bucket: str, key: str) -> bool:
        try:
            return self._place(bucket, key).is_file()
        except OSError as error:
            raise _unreadable(bucket, key, error.strerror or str(error)) from error

    def local(self, bucket: str, key: str, cache: Path) -> Path:
        return self._file(bucket, key)

    def check_output(self, bucket: str) -> None:
        folder = self._place(bucket, "x").parent
        while not folder.exists() and folder != self.root:
            folder = folder.parent
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            raise BucketError(f"The bucket {bucket} can't be written. Give this user write access, or name another.")

    def _file(self, bucket: str, key: str) -> Path:
        path = self._place(bucket, key)
        try:
            found = path.is_file()
        except OSError as error:
            raise _unreadable(bucket, key, error.strerror or str(error)) from error
        if not found:
            raise _missing(bucket, key)
        return path

    def _place(self, bucket: str, key: str) -> Path:
        # By the words of the key, not by where links lead: data folders often consist of links.
        parts = [part for part in key.split("/") if part not in ("", ".")]
        unsafe = [part for part in (bucket, *parts) if _unsafe(part)]
        if unsafe or bucket in ("", ".") or not parts or key.endswith("/"):
            raise BucketError(f"s3://{bucket}/{key} can't be the name of a file below the folder of buckets.")
        return self.root.joinpath(bucket, *parts)


def _unsafe(part: str) -> bool:
    if part == ".." or "/" in part or "\0" in part:
        return True
    try:
        os.fsencode(part)
    except UnicodeEncodeError:
        return True
    return os.name == "nt" and any(sign in part for sign in '\\:<>"|?*')


@dataclass(frozen=True, slots=True)
class S3Buckets:
    """Amazon S3, or a server that speaks its protocol.

    Attributes:
        endpoint: the server's URL; None for Amazon's own.
    """

    endpoint: str | None = None
    region: str | None = None
    _made: _Client = field(default_factory=lambda: _Client(), compare=False, repr=False)

    def read(self, bucket: str, key: str, version: str | None = None, most: int | None = None) -> bytes:
        asked: dict[str, Any] = {"Bucket": bucket, "Key": key} | ({"VersionId": version} if version else {})
        with self._errors(bucket, key, "read"):
            answer = self._client().get_object(**asked)
            with contextlib.closing(answer["Body"]) as body:
                if most is not None and int(answer["ContentLength"]) > most:
                    raise _too_large(bucket, key, most)
                return bytes(body.read())

    def write(self, bucket: str, key: str, data: bytes, content_type: str = "application/octet-stream") -> None:
        with self._errors(bucket, key, "written"):
            self._client().put_object(Bucket=bucket, Key=key, Body=data, ContentType=content_type)

    def exists(self, bucket: str, key: str) -> bool:
        from botocore.exceptions import ClientError

        with self._errors(bucket, key, "read"):
            try:
                self._client().head_object(Bucket=bucket, Key=key)
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                    return False
                raise
            return True

    def local(self, bucket: str, key: str, cache: Path) -> Path:
        # The key's ending stays: readers of manifests and pictures look at it.
        name = hashlib.sha256(f"{bucket}/{key}".encode("utf-8", "replace")).hexdigest()[:40] + _ending(key)
        path = cache / name
        if not path.is_file():
            data = self.read(bucket, key)
            try:
                write_whole(path, data, durable=False)
            except OSError as error:
                raise BucketError(f"s3://{bucket}/{key} can't be kept in {cache} ({error.strerror}).") from error
        return path

    def check_output(self, bucket: str) -> None:
        with self._errors(bucket, "", "written"):
            self._client().head_bucket(Bucket=bucket)

    def _client(self) -> Any:
        return self._made.client(self.endpoint, self.region)

    @contextlib.contextmanager
    def _errors(self, bucket: str, key: str, doing: str) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            code = error.response["Error"].get("Code", "")
            if code in ("NoSuchBucket", "404") and not key:
                raise BucketError(f"The bucket {bucket} does not exist. Make it, or name another.") from error
            if code in ("NoSuchKey", "NoSuchBucket", "404"):
                raise _missing(bucket, key) from error
            raise BucketError(f"s3://{bucket}/{key} can't be {doing} ({code}: {error}).") from error
        except BotoCoreError as error:
            raise BucketError(f"s3://{bucket}/{key} can't be {doing} ({error}).") from error


class _Client:
    """boto3's client, made when first needed; left behind when handed to another process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: Any = None

    def __reduce__(self) -> tuple[type[_Client], tuple[()]]:
        return _Client, ()

    def client(self, endpoint: str | None, region: str | None) -> Any:
        with self._lock:
            if self._made is None:
                import boto3
                from botocore import UNSIGNED
                from botocore.config import Config

                session = boto3.session.Session()
                settings: dict[str, Any] = {"max_pool_connections": 16}
                if endpoint is not None:
                    settings["s3"] = {"addressing_style": "path"}
                    if session.get_credentials() is None:  # a server of one's own often asks for none
                        settings["signature_version"] = UNSIGNED
                place = region or session.region_name or "us-east-1"
                self._made = session.client("s3", endpoint_url=endpoint, region_name=place, config=Config(**settings))
            return self._made


def _ending(key: str) -> str:
    ending = Path(key.rsplit("/", 1)[-1]).suffix
    return ending if ending.isascii() and ending[1:].isalnum() and len(ending) <= 10 else ""


def _missing(bucket: str, key: str) -> BucketError:
    return BucketError(f"s3://{bucket}/{key} does not exist.")


def _unreadable(bucket: str, key: str, why: str) -> BucketError:
    return BucketError(f"s3://{bucket}/{key} can't be read ({why}).")


def _too_large(bucket: str, key: str, most: int) -> BucketError:
    return BucketError(f"s3://{bucket}/{key} is larger than {most} bytes.")
