"""The models that are released for products: read from their bucket, kept on the function's disk, checked by hash."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.domain.errors import ModelError
from app.whole_files import write_whole

if TYPE_CHECKING:  # OpenVINO takes more than a second to import; what only releases models never needs it
    from app.vision.detector import Detector

_FRESH = 60.0
"""Seconds after which it is looked again which version is released."""

_MOST = 8
"""Models in memory and on the disk at once."""


@dataclass(frozen=True, slots=True)
class Release:
    """Which model judges a product: the content of `models/PRODUCT/released.json`.

    Attributes:
        version: rising whole number.
        key, version_id: of the model file in the models bucket; version_id "" for the newest.
        sha256: of its bytes, lower-case hex.
    """

    product: str
    version: int
    key: str
    sha256: str
    version_id: str = ""

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), indent=2).encode()


def pointer_key(product: str) -> str:
    """Where it stands which model is released for a product."""
    return f"models/{product}/released.json"


class Released:
    """The released models of a bucket; any thread may call."""

    def __init__(self, s3: Any, bucket: str, cache: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """
        Args:
            cache: a folder of this function's own.
        """
        self._s3, self._bucket, self._cache, self._clock = s3, bucket, cache, clock
        self._lock = threading.Lock()
        self._releases: dict[str, tuple[float, Release]] = {}
        self._loaded: OrderedDict[str, Detector] = OrderedDict()

    def release(self, product: str) -> Release | None:
        """Which model is released for a product, at most a minute old; None where none is.

        Raises:
            ModelError: what stands there is no release.
        """
        known = self._releases.get(product)
        if known is not None and self._clock() - known[0] < _FRESH:
            return known[1]
        try:
            text = self._s3.get_object(Bucket=self._bucket, Key=pointer_key(product))["Body"].read()
        except self._s3.exceptions.NoSuchKey:
            return None
        try:
            found = Release(**json.loads(text))
        except (ValueError, TypeError) as error:
            raise ModelError(f"s3://{self._bucket}/{pointer_key(product)} is no release ({error}).") from error
        self._releases[product] = (self._clock(), found)
        return found

    def detector(self, product: str) -> tuple[Detector, Release]:
        """The product's detector, and the release it is of.

        Raises:
            ModelError: none is released, or its file is missing, damaged, or not the one that was released.
        """
        found = self.release(product)
        if found is None:
            raise ModelError(f"No model is released for {product!r}: release one, or correct the pictures' product.")
        return self.load(found), found

    def load(self, release: Release) -> Detector:
        """The detector of a release, or of a candidate. Raises ModelError."""
        with self._lock:
            detector = self._loaded.get(release.sha256)
            if detector is None:
                from app.vision.detector import Detector

                detector = self._loaded[release.sha256] = Detector.load(self._file(release))
                while len(self._loaded) > _MOST:
                    gone, _ = self._loaded.popitem(last=False)
                    with contextlib.suppress(OSError):
                        self._place(gone).unlink()
            self._loaded.move_to_end(release.sha256)
            return detector

    def _place(self, sha256: str) -> Path:
        return self._cache / f"{sha256}.linesight"

    def _file(self, release: Release) -> Path:
        """The model's file. By its hash: what lies there from an earlier call is checked, not believed."""
        if len(release.sha256) != 64 or not set(release.sha256) <= set("0123456789abcdef"):
            raise ModelError(f"The release of {release.product} has no SHA-256 of its model. Release it again.")
        path = self._place(release.sha256)
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == release.sha256:
            return path
        asked = {"Bucket": self._bucket, "Key": release.key}
        if release.version_id:
            asked["VersionId"] = release.version_id
        try:
            data = self._s3.get_object(**asked)["Body"].read()
        except self._s3.exceptions.ClientError as error:
            code = error.response["Error"].get("Code", "")
            if code not in ("NoSuchKey", "NoSuchVersion", "404"):
                raise
            raise ModelError(f"The model s3://{self._bucket}/{release.key} is not there. Release another.") from error
        if hashlib.sha256(data).hexdigest() != release.sha256:
            words = f"The model s3://{self._bucket}/{release.key} is not the one that was released (its hash differs)."
            raise ModelError(f"{words} Release it again.")
        write_whole(path, data, durable=False)
        return path
