"""Candidates that the stack's functions made of reviews, as a station sees them in the account's bucket of models."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.cloud.session import CloudError, CloudSession, worded

Step = Callable[[float, str], None]

_PLACE = re.compile(r"candidates/(?P<product>[^/]+)/(?P<number>\d{4,})/candidate\.json")
_REFERENCE = re.compile(r"s3://(?P<bucket>[^/]+)/(?P<key>.+)")
_MOST_BYTES = 512 << 20  # of a model: more is none
_MOST_PICTURE = 256 << 20
_SHOWN = 3  # newest candidates of a product


@dataclass(frozen=True, slots=True)
class Tested:
    """A picture that the candidate has not learned from.

    Attributes:
        picture: s3://BUCKET/KEY.
        label: "normal" or "anomaly".
        kind: defect type, "" for none.
    """

    picture: str
    label: str
    kind: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A candidate, and what was found out about it beside the model that is released in the account.

    Attributes:
        snapshot: number of the labelled pictures that it was learned from.
        key, version_id, sha256: of the model file.
        pictures: it was learned from.
        words: of the proposal; "" where it was not tried yet.
        recommended: by the proposal.
        proof: (s3://BUCKET/KEY, score by the trainer) of a few pictures.
    """

    product: str
    snapshot: int
    key: str
    version_id: str
    sha256: str
    pictures: int
    words: str = ""
    recommended: bool = False
    proof: tuple[tuple[str, float], ...] = ()
    tests: tuple[Tested, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.product}, snapshot {self.snapshot}"


@dataclass(frozen=True, slots=True)
class Fetched:
    """A candidate's files on this computer.

    Attributes:
        model: bytes of its file, whose hash was compared.
        pictures: the file of each s3:// name of `Offer.proof` and `Offer.tests`; without those that are gone.
    """

    model: bytes
    pictures: dict[str, Path]


class Offers:
    """Args:
    bucket: of the models, as the stack made it.
    """

    def __init__(self, session: CloudSession, bucket: str) -> None:
        self._session, self._bucket = session, bucket

    def all(self, step: Step = lambda fraction, words: None) -> list[Offer]:
        """Slow: each product's newest candidates, newest first.

        Raises:
            CloudError: the bucket can't be read.
        """
        what = f"The candidates in {self._bucket} can't be listed"
        step(0.0, "Looking for candidates")
        numbers: dict[str, list[int]] = {}
        with worded(what, "s3:ListBucket and s3:GetObject"):
            pages = self._session.client("s3").get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket, Prefix="candidates/"):
                for found in page.get("Contents", ()):
                    place = _PLACE.fullmatch(found["Key"])
                    if place is not None:
                        numbers.setdefault(place["product"], []).append(int(place["number"]))
            places = [(name, each) for name in sorted(numbers) for each in sorted(numbers[name])[: -_SHOWN - 1 : -1]]
            offers = []
            for number, (product, snapshot) in enumerate(places):
                step((number + 1) / (len(places) + 1), f"{product}, snapshot {snapshot}")
                offers.append(self._offer(product, snapshot))
        return [each for each in offers if each is not None]

    def one(self, product: str, snapshot: int) -> Offer | None:
        """Slow: a product's candidate of a snapshot; None where there is none yet. Raises CloudError."""
        with worded(f"The candidates in {self._bucket} can't be read", "s3:GetObject and s3:ListBucket"):
            return self._offer(product, snapshot)

    def fetch(self, offer: Offer, folder: Path, step: Step = lambda fraction, words: None) -> Fetched:
        """Slow: the model and the pictures that tell how good it is, these into a folder.

        Raises:
            CloudError: it can't be read, or is not what its description says.
        """
        from botocore.exceptions import ClientError

        what = f"{offer.name} can't be fetched"
        with worded(what, "s3:GetObject"):
            step(0.0, "Fetching the model")
            asked = {"Bucket": self._bucket, "Key": offer.key}
            asked |= {"VersionId": offer.version_id} if offer.version_id else {}
            model = self._read(asked, _MOST_BYTES, what)
            if hashlib.sha256(model).hexdigest() != offer.sha256:
                raise CloudError(f"{what}: the file is not the one its description names. Have it made again.")
            wanted = list(dict.fromkeys([*(name for name, _ in offer.proof), *(each.picture for each in offer.tests)]))
            pictures: dict[str, Path] = {}
            for number, reference in enumerate(wanted):
                step(0.1 + 0.9 * number / len(wanted), f"Fetching picture {number + 1:,} of {len(wanted):,}")
                place = _REFERENCE.fullmatch(reference)
                if place is None:
                    continue
                try:
                    body = self._read({"Bucket": place["bucket"], "Key": place["key"]}, _MOST_PICTURE, what)
                except ClientError as error:
                    if error.response["Error"].get("Code") not in ("NoSuchKey", "NoSuchBucket", "404"):
                        raise
                    continue
                ending = Path(place["key"]).suffix.lower()
                file = folder / (hashlib.sha256(reference.encode()).hexdigest()[:32] + ending[:8])
                file.write_bytes(body)
                pictures[reference] = file
        return Fetched(model, pictures)

    # -- inside
    def _offer(self, product: str, snapshot: int) -> Offer | None:
        """None where its description was deleted meanwhile, or is none."""
        folder = f"candidates/{product}/{snapshot:04}"
        described, proposal = self._json(f"{folder}/candidate.json"), self._json(f"{folder}/proposal.json")
        if described is None:
            return None
        proposal = proposal or {}
        try:
            return Offer(
                product,
                snapshot,
                str(described["key"]),
                str(described.get("version_id") or ""),
                str(described["sha256"]),
                int(described["pictures"]),
                str(proposal.get("words") or "")[:2000],
                bool(proposal.get("recommended")),
                tuple((str(name), float(score)) for name, score in described.get("proof", ())),
                tuple(Tested(*map(str, each)) for each in described.get("tests", ())),
            )
        except (KeyError, TypeError, ValueError):
            return None

    def _json(self, key: str) -> dict[str, Any] | None:
        from botocore.exceptions import ClientError

        try:
            told = json.loads(self._read({"Bucket": self._bucket, "Key": key}, 16 << 20, key))
        except ClientError as error:
            if error.response["Error"].get("Code") not in ("NoSuchKey", "404"):
                raise
            return None
        except ValueError:
            return None
        return told if isinstance(told, dict) else None

    def _read(self, asked: dict[str, str], most: int, what: str) -> bytes:
        answer = self._session.client("s3").get_object(**asked)
        if answer["ContentLength"] > most:
            answer["Body"].close()
            raise CloudError(f"{what}: {asked['Key']} has {answer['ContentLength']:,} bytes, which is too large.")
        return bytes(answer["Body"].read())
