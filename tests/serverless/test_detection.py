"""DetectAnomalies: what is answered, and which pictures are taken."""

from __future__ import annotations

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
import pytest

from app.serverless.lookout.detection import colours_for, with_unknown
from tests.handmade import exif, jpeg_with_exif, png_header_only
from tests.serverless.house import House
from tests.serverless.parts import Image, draw, encoded


def detect(house: House, body: Any, project: str = "masked", kind: str = "image/png") -> dict[str, Any]:
    answer = house.client.detect_anomalies(ProjectName=project, ModelVersion="1", Body=body, ContentType=kind)
    result: dict[str, Any] = answer["DetectAnomalyResult"]
    return result


def pixels(mask: bytes) -> Image:
    """(H, W, 3) uint8 RGB."""
    decoded = cv2.imdecode(np.frombuffer(mask, np.uint8), cv2.IMREAD_UNCHANGED)
    assert decoded is not None
    return np.asarray(decoded[..., ::-1], np.uint8)


def test_a_defect_is_shown_where_it_is(hosted: House) -> None:
    for kind, colour in (("spot", "#1F77B4"), ("scratch", "#2CA02C")):
        picture, truth = draw(5001, kind)
        found = detect(hosted, encoded(picture))
        assert found["Source"] == {"Type": "direct"}
        assert found["IsAnomalous"] is True and 0.5 < found["Confidence"] <= 1
        background, *anomalies = found["Anomalies"]
        assert background["Name"] == "background" and background["PixelAnomaly"]["Color"] == "#FFFFFF"
        assert anomalies[0]["Name"] == kind and anomalies[0]["PixelAnomaly"]["Color"] == colour
        shown = pixels(found["AnomalyMask"])
        assert shown.shape == picture.shape
        total = 0.0
        for each in found["Anomalies"]:
            rgb = tuple(bytes.fromhex(each["PixelAnomaly"]["Color"][1:]))
            share = float((shown == rgb).all(axis=2).mean())
            assert each["PixelAnomaly"]["TotalPercentageArea"] == pytest.approx(share, abs=1e-6)
            total += share
        assert total == pytest.approx(1)  # no pixel has a colour of its own
        true, said = (truth != 255).any(axis=2), (shown != 255).any(axis=2)
        assert (true & said).sum() > 0.5 * true.sum()


def test_a_good_part_has_background_alone(hosted: House) -> None:
    found = detect(hosted, encoded(draw(6001)[0]))
    assert found["IsAnomalous"] is False and found["Confidence"] > 0.5
    assert found["Anomalies"] == [
        {"Name": "background", "PixelAnomaly": {"TotalPercentageArea": 1.0, "Color": "#FFFFFF"}}
    ]
    assert (pixels(found["AnomalyMask"]) == 255).all()


def test_a_model_without_masks_tells_only_whether(hosted: House) -> None:
    for seed, defect in ((5001, "spot"), (6001, "")):
        found = detect(hosted, encoded(draw(seed, defect)[0]), "plain")
        assert found.keys() == {"Source", "IsAnomalous", "Confidence"}
        assert found["IsAnomalous"] is bool(defect) and found["Confidence"] > 0.5


def test_the_body_may_be_bytes_or_a_file_of_either_kind(hosted: House) -> None:
    picture = draw(5001, "spot")[0]
    png, jpeg = encoded(picture), encoded(picture, ".jpg")
    first = detect(hosted, png)
    assert detect(hosted, io.BytesIO(png)) == first
    assert detect(hosted, jpeg, kind="image/jpeg")["IsAnomalous"]
    # What it is decides, not what it is called.
    assert detect(hosted, png, kind="image/jpeg") == first
    assert detect(hosted, jpeg_with_exif(jpeg, exif(1, b"\xff\xd8\xff\xd9")), kind="image/jpeg")["IsAnomalous"]


def test_pictures_of_other_sizes_are_looked_at_too(hosted: House) -> None:
    found = detect(hosted, encoded(draw(5001, "spot", (160, 160))[0]))
    assert pixels(found["AnomalyMask"]).shape == (160, 160, 3)


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (b"", "image/png", "neither PNG nor JPEG"),
        (b"GIF89a" + bytes(100), "image/png", "neither PNG nor JPEG"),
        (encoded(draw(1)[0], ".bmp"), "image/png", "neither PNG nor JPEG"),
        (encoded(draw(1)[0])[:500], "image/png", "truncated"),
        (encoded(draw(1)[0], ".jpg")[:700], "image/jpeg", "truncated"),
        (b"\x89PNG\r\n\x1a\n", "image/png", "damaged"),
        (b"\xff\xd8\xff\xe0\x00\x02\xff\xd9", "image/jpeg", "damaged"),
        (encoded(draw(1, size=(63, 64))[0]), "image/png", "63 x 64 pixels; 64 x 64 to 4096 x 4096 are taken"),
        (encoded(draw(1, size=(64, 63))[0], ".jpg"), "image/jpeg", "64 x 63 pixels"),
        (png_header_only(4097, 64), "image/png", "4097 x 64 pixels"),
        (png_header_only(30_000, 30_000), "image/png", "30000 x 30000 pixels"),
        (encoded(draw(1)[0]), "image/gif", "The content type image/gif is not taken"),
        (encoded(draw(1)[0]), "text/plain", "The content type text/plain is not taken"),
        (b"\x89PNG\r\n\x1a\n" + bytes(8 << 20), "image/png", r"at most 8388608 \(8 MB\) are taken"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_pictures_that_are_not_taken(hosted: House, body: bytes, kind: str, words: str) -> None:
    with pytest.raises(hosted.client.exceptions.ValidationException, match=words):
        detect(hosted, body, kind=kind)


def test_pictures_at_the_limits_are_taken(hosted: House) -> None:
    assert detect(hosted, encoded(draw(1, size=(64, 64))[0]))["Source"]
    large = np.full((4096, 4096, 3), 128, np.uint8)
    found = detect(hosted, encoded(large, ".jpg"), kind="image/jpeg")
    assert pixels(found["AnomalyMask"]).shape == large.shape


def test_a_model_that_is_stopped_answers_no_more_and_forgets_nothing_in_between(trained: House) -> None:
    picture = encoded(draw(5001, "spot")[0])
    trained.client.start_model(ProjectName="masked", ModelVersion="1", MinInferenceUnits=1)
    trained.work()
    begun, go_on = threading.Event(), threading.Event()
    path = trained.records.model("masked", 1)

    def look() -> None:
        with trained.context.hosting.using("masked", 1, path):
            begun.set()
            assert go_on.wait(30)

    with ThreadPoolExecutor(2) as pool:
        looking = pool.submit(look)
        assert begun.wait(30)
        trained.client.stop_model(ProjectName="masked", ModelVersion="1")
        stopping = pool.submit(trained.work)
        with pytest.raises(trained.client.exceptions.ConflictException, match="STOPPING_HOSTING"):
            detect(trained, picture)
        assert not stopping.done()  # it waits for the picture that is being looked at
        go_on.set()
        looking.result(30)
        stopping.result(30)
    with pytest.raises(trained.client.exceptions.ConflictException, match="its status is TRAINED, not HOSTED"):
        detect(trained, picture)


def test_each_label_has_a_colour_of_its_own() -> None:
    colours = with_unknown(colours_for({"a": "#2ca02c", "b": "#2CA02C", "c": "#ffffff", "d": "#d62728"}))
    assert colours["a"] == "#2CA02C" and colours["d"] == "#D62728"
    assert len(set(colours.values())) == 5 and "#FFFFFF" not in colours.values()
    many = with_unknown(colours_for({str(number): "#000000" for number in range(100)}))
    assert len(set(many.values())) == 101
    assert with_unknown({"anomaly": "#123456"}) == {"anomaly": "#123456"}
