"""Whatever comes, there is an answer that clients understand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.serverless.lookout.http import Request
from app.serverless.lookout.service import Operation, operations, shapes
from tests.serverless.house import House

NAMES = st.sampled_from(["part", "train", "test", "1", "latest", "job"]) | st.text(max_size=5)
PLAIN = NAMES | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False)
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    root: Path = tmp_path_factory.mktemp("anything")
    (root / "buckets").mkdir()
    house = House(root / "lookout", root / "buckets")
    house.client.create_project(ProjectName="part")
    house.client.create_dataset(ProjectName="part", DatasetType="train")
    return house


def members(shape: str) -> st.SearchStrategy[Any]:
    """Values that may fit a shape, or not."""
    described = shapes()[shape]
    if described["type"] == "structure":
        fields = {name: members(each["shape"]) for name, each in described["members"].items() if "location" not in each}
        return st.fixed_dictionaries({}, optional=fields) | VALUES
    if described["type"] == "list":
        return st.lists(members(described["member"]["shape"]), max_size=3) | VALUES
    return VALUES


@st.composite
def requests(draw: st.DrawFn) -> Request:
    operation: Operation = draw(st.sampled_from(operations()))
    path = "/".join(quote(draw(NAMES), safe="") if each.startswith("{") else each for each in operation.path)
    keys = ["nextToken", "maxResults", "labeled", "anomalyClass", "createdBefore", "tagKeys", "sourceRefContains"]
    query = "&".join(f"{draw(st.sampled_from(keys))}={quote(draw(NAMES))}" for _ in range(draw(st.integers(0, 3))))
    body = draw(members(operation.shape).map(lambda value: json.dumps(value).encode()) | st.binary(max_size=20))
    headers = {"content-type": draw(NAMES), "x-amzn-client-token": draw(NAMES)}
    return Request(operation.method, f"/{path}", query, headers, body)


@settings(max_examples=400)
@given(request=requests())
def test_every_request_has_an_answer(house: House, request: Request) -> None:
    response = house.api.answer(request)
    answer = json.loads(response.body)
    assert response.status != 500, answer
    assert response.headers["x-amzn-RequestId"]
    if response.status >= 300:
        assert response.headers["x-amzn-ErrorType"].endswith("Exception") and answer["Message"]
    house.work()
