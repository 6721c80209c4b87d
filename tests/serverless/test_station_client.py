"""A station's client of the API against the server as it is started, with signed requests."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from app.cloud.lookout import CloudDetector, CloudModel
from app.cloud.session import CloudAddress, CloudError, CloudSession
from app.domain.inspection import ModelRef
from app.domain.verdict import Verdict
from tests.serverless.house import KEY, SECRET
from tests.serverless.parts import draw
from tests.serverless.running import Start
from tests.serverless.waiting import settled


@pytest.mark.skipif(os.name == "nt", reason="Windows ends processes without a signal")
def test_the_projects_own_server_judges_signed_requests(
    learned: Path, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(learned / "lookout", tmp_path / "data" / "lookout")
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    server = start(
        "--access-key", KEY, "--secret-file", tmp_path / "secret", data=tmp_path / "data", root=learned / "buckets"
    )
    admin = server.client()
    admin.start_model(ProjectName="masked", ModelVersion="1", MinInferenceUnits=1)
    assert settled(admin, "masked", model="1")["Status"] == "HOSTED"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    detector = CloudDetector(CloudSession(CloudAddress(region="eu-west-1")), CloudModel("masked", "1", server.url))
    good, bad = detector.detect(draw(500)[0]), detector.detect(draw(1500, "spot")[0])
    assert (good.verdict, bad.verdict) == (Verdict.PASS, Verdict.FAIL)
    assert good.score < good.threshold == bad.threshold <= bad.score
    assert detector.ref == bad.model == ModelRef("masked", 1, "", "Lookout for Vision at 127.0.0.1")
    mask = draw(1500, "spot")[1]
    ys, xs = np.nonzero((mask != 255).any(axis=2))
    (region,) = bad.regions[:1]
    assert region.label == "spot"
    assert region.x <= xs.mean() <= region.x + region.width and region.y <= ys.mean() <= region.y + region.height
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    stranger = CloudDetector(CloudSession(CloudAddress(region="eu-west-1")), CloudModel("masked", "1", server.url))
    with pytest.raises(CloudError, match="does not know the access key"):
        stranger.detect(draw(500)[0])
    assert server.end() == 0
