"""Every way a picture file comes in is one upright BGR array or an error that names the file."""

from __future__ import annotations

import io
import os
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import PictureError
from app.pictures import decode_picture, encode_jpeg, encode_png, find_pictures, is_truncated, natural_key, read_picture
from tests.datasets.palette import palette_png
from tests.handmade import (
    encoded,
    exif,
    jpeg_with_exif,
    oriented,
    png_header_only,
    png_with_exif,
    texture,
    tiff,
    webp_with_exif,
)

PICTURE = texture()
LOSSLESS_WEBP = (cv2.IMWRITE_WEBP_QUALITY, 101)
WHOLE = {
    "jpeg": encoded(".jpg", PICTURE),
    "jpeg progressive": encoded(".jpg", PICTURE, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "jpeg with restarts": encoded(".jpg", PICTURE, cv2.IMWRITE_JPEG_RST_INTERVAL, 2),
    "jpeg with thumbnail": jpeg_with_exif(
        encoded(".jpg", PICTURE), exif(1, thumbnail=encoded(".jpg", texture(24, 32, seed=1)))
    ),
    "png": encoded(".png", PICTURE),
    "bmp": encoded(".bmp", PICTURE),
    "bmp without its size": encoded(".bmp", PICTURE)[:2] + bytes(4) + encoded(".bmp", PICTURE)[6:],
    "webp": encoded(".webp", PICTURE),
    "webp lossless": encoded(".webp", PICTURE, *LOSSLESS_WEBP),
    "tiff": encoded(".tif", PICTURE),
    "tiff directory first": tiff(PICTURE),
}


@pytest.mark.parametrize("ending", [".png", ".bmp", ".tif", ".TIFF", ".webp"])
def test_lossless_kinds_give_the_very_pixels(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"part{ending}"
    parameters = LOSSLESS_WEBP if ending == ".webp" else ()
    path.write_bytes(encoded(ending.lower(), PICTURE, *parameters))
    image = read_picture(path)
    assert image.dtype == np.uint8 and image.flags.c_contiguous
    np.testing.assert_array_equal(image, PICTURE)


@pytest.mark.parametrize("kind", [name for name in WHOLE if name.startswith("jpeg")] + ["webp"])
def test_lossy_kinds_come_close(kind: str) -> None:
    assert np.abs(decode_picture(WHOLE[kind]).astype(int) - PICTURE).mean() < 3


@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_16_bits_keep_their_upper_byte(ending: str) -> None:
    rng = np.random.default_rng(0)
    colour = rng.integers(0, 1 << 16, (40, 60, 3), np.uint16)
    np.testing.assert_array_equal(decode_picture(encoded(ending, colour)), colour >> 8)
    grey = rng.integers(0, 1 << 16, (40, 60), np.uint16)
    np.testing.assert_array_equal(decode_picture(encoded(ending, grey)), np.dstack([grey >> 8] * 3))


@pytest.mark.parametrize("ending", [".png", ".tif", ".bmp"])
def test_grey_becomes_three_equal_channels(ending: str) -> None:
    grey = PICTURE[..., 0]
    np.testing.assert_array_equal(decode_picture(encoded(ending, grey)), np.dstack([grey] * 3))


@pytest.mark.parametrize("ending", [".png", ".tif", ".webp"])
def test_alpha_is_dropped(ending: str) -> None:
    alpha = np.full(PICTURE.shape[:2], 90, np.uint8)
    parameters = LOSSLESS_WEBP if ending == ".webp" else ()
    data = encoded(ending, np.dstack([PICTURE, alpha]), *parameters)
    np.testing.assert_array_equal(decode_picture(data), PICTURE)


def test_one_bit_and_palette_png(tmp_path: Path) -> None:
    half = np.zeros((40, 60), np.uint8)
    half[:, 30:] = 255
    bilevel = encoded(".png", half, cv2.IMWRITE_PNG_BILEVEL, 1)
    np.testing.assert_array_equal(decode_picture(bilevel), np.dstack([half] * 3))

    indices = np.tile(np.arange(60, dtype=np.uint8) % 3, (40, 1))
    colours = [(255, 0, 0), (0, 255, 0), (1, 2, 3)]
    image = decode_picture(palette_png(indices, colours))
    np.testing.assert_array_equal(image, np.array(colours, np.uint8)[indices][..., ::-1])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_come_upright(orientation: int) -> None:
    held = np.asarray(oriented(PICTURE, orientation), np.uint8)
    height, width = held.shape[:2]
    for little in (True, False):
        block = exif(orientation, little=little)
        np.testing.assert_array_equal(decode_picture(png_with_exif(encoded(".png", held), block)), PICTURE)
        webp = webp_with_exif(encoded(".webp", held, *LOSSLESS_WEBP), block, width, height)
        np.testing.assert_array_equal(decode_picture(webp), PICTURE)
        plain = encoded(".jpg", held, cv2.IMWRITE_JPEG_QUALITY, 100)
        upright = decode_picture(jpeg_with_exif(plain, block))
        # The JPEG's own pixels, moved: nothing is encoded again.
        np.testing.assert_array_equal(oriented(upright, orientation), decode_picture(plain))
        assert np.abs(upright.astype(int) - PICTURE).mean() < 2
    np.testing.assert_array_equal(decode_picture(tiff(held, orientation)), PICTURE)


def test_odd_exif_does_no_harm() -> None:
    plain = encoded(".jpg", PICTURE)
    for block in (exif(0), exif(9), exif(6)[:11], b"", b"II*\0" + b"\xff" * 40):
        np.testing.assert_array_equal(decode_picture(jpeg_with_exif(plain, block)), decode_picture(plain))


@pytest.mark.parametrize("kind", WHOLE)
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_cut_file_is_never_taken_for_the_picture(kind: str, share: float) -> None:
    data = WHOLE[kind]
    with pytest.raises(PictureError):
        decode_picture(data[: int(share * len(data))])


def test_every_cut_of_a_jpeg_with_a_thumbnail() -> None:
    data = WHOLE["jpeg with thumbnail"]
    for end in range(len(data)):
        with pytest.raises(PictureError):
            decode_picture(data[:end])


@pytest.mark.parametrize("kind", [name for name in WHOLE if not name.startswith("tiff")])
def test_whole_files_are_not_called_truncated_whatever_lies_behind_them(kind: str) -> None:
    data = WHOLE[kind]
    film = b"\0\0\0\x18ftypmp42" + b"\xff\xda" + bytes(6000)  # phones put one behind the picture
    for more in (b"", b"\n", film, data):
        assert not is_truncated(data + more)
        np.testing.assert_array_equal(decode_picture(data + more), decode_picture(data))


@given(
    data=st.binary(max_size=300), start=st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"II*\0"])
)
def test_any_bytes_give_a_picture_or_a_picture_error(data: bytes, start: bytes) -> None:
    with pytest.raises(PictureError):
        decode_picture(start + data)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.png", b"", "is empty"),
        ("text.jpg", b"PASS PASS PASS\n" * 40, "not a picture"),
        ("page.png", b"<html></html>" * 9, "not a picture"),
        ("cut.jpg", WHOLE["jpeg"][:700], "truncated"),
        ("cut.png", WHOLE["png"][:-13], "truncated"),
        ("cut.bmp", WHOLE["bmp"][:-1], "truncated"),
        ("cut.webp", WHOLE["webp"][:-9], "truncated"),
        ("cut.tif", WHOLE["tiff directory first"][:-9], "damaged"),
        ("flipped.png", WHOLE["png"][:200] + b"\0\0" + WHOLE["png"][202:], "damaged"),
        ("tiny.png", encoded(".png", texture(15, 200)), "200 x 15 pixels"),
        ("float.tif", encoded(".tif", PICTURE.astype(np.float32)), "8 or 16 bits"),
        ("film.gif", encoded(".gif", PICTURE), "not a picture this station can read"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(PictureError, match=words) as caught:
        read_picture(path)
    assert str(path) in str(caught.value)
    assert caught.value.path == path


def test_places_without_a_picture_file(tmp_path: Path) -> None:
    pipe, loop = tmp_path / "pipe.jpg", tmp_path / "loop.png"
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    expected = {
        tmp_path / "none.jpg": "does not exist",
        tmp_path: "is a folder",
        pipe: "pipe or a device",
        Path("/dev/zero"): "pipe or a device",
        loop: "can't be read",
        tmp_path / ("long" * 90 + ".png"): "can't be read",
    }
    for path, words in expected.items():
        with pytest.raises(PictureError, match=words) as caught:
            read_picture(path)
        assert str(path) in str(caught.value)


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    with pytest.raises(PictureError):
        decode_picture(png_header_only(100_000, 100_000))


@given(seed=st.integers(0, 1000))
def test_what_is_written_is_read_again(seed: int) -> None:
    picture = texture(33, 47, seed)
    np.testing.assert_array_equal(decode_picture(encode_png(picture)), picture)
    assert np.abs(decode_picture(encode_jpeg(picture)).astype(int) - picture).mean() < 4


@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    planes=st.sampled_from([(), (3,)]),
    step=st.integers(1, 3),
    limit=st.sampled_from([0, 1 << 20]),
    seed=st.integers(0, 1000),
)
def test_other_programs_read_what_is_written(
    height: int, width: int, planes: tuple[int, ...], step: int, limit: int, seed: int
) -> None:
    """By OpenCV and by Pillow, which checks each chunk's sum; also a part of a larger array, and one too large."""
    whole = np.random.default_rng(seed).integers(0, 256, (height, width * step, *planes), np.uint8)
    picture = whole[:, ::step]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.pictures._MOST_AT_ONCE", limit)
        data = encode_png(picture)
    seen = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(seen, picture)
    with PIL.Image.open(io.BytesIO(data)) as opened:
        opened.verify()
    with PIL.Image.open(io.BytesIO(data)) as opened:
        assert opened.mode == ("RGB" if planes else "L")
        np.testing.assert_array_equal(np.asarray(opened), picture[..., ::-1] if planes else picture)


@pytest.mark.parametrize("shape", [(4, 4, 4), (4, 0, 3), (4,)])
def test_what_is_no_picture_is_not_written(shape: tuple[int, ...]) -> None:
    with pytest.raises(PictureError, match="can't be encoded"):
        encode_png(np.zeros(shape, np.uint8))
    with pytest.raises(PictureError, match="uint16"):
        encode_png(np.zeros((4, 4, 3), np.uint16))  # type: ignore[arg-type]


def test_folders_are_walked_in_natural_order(tmp_path: Path) -> None:
    names = ["part-10.png", "part-2.PNG", "Part-1.jpeg", "part-01.jpg", "b/1.webp", "a 2/ä.tif", "a 10/x.bmp"]
    odd = os.fsdecode(b"caf\xe9.jpg")  # not UTF-8
    for name in (*names, odd, ".hidden.png", "._part-2.png", ".git/x.png", "notes.txt", "part.png.part"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    (tmp_path / "b" / "round").symlink_to(tmp_path)  # a loop
    (tmp_path / "again").symlink_to(tmp_path / "b")
    found = [path.relative_to(tmp_path).as_posix() for path in find_pictures(tmp_path)]
    assert found == [
        "a 2/ä.tif",
        "a 10/x.bmp",
        "again/1.webp",
        odd,
        "Part-1.jpeg",
        "part-01.jpg",
        "part-2.PNG",
        "part-10.png",
    ]


def test_a_folder_that_is_not_there_is_told_or_raised(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    with pytest.raises(FileNotFoundError):
        list(find_pictures(gone))
    told: list[Path] = []
    assert list(find_pictures(gone, lambda folder, error: told.append(folder))) == []
    assert told == [gone]


@given(numbers=st.lists(st.integers(0, 10**12), min_size=1))
def test_numbers_in_names_count_by_value(numbers: list[int]) -> None:
    names = [f"part-{number}.png" for number in numbers]
    assert sorted(names, key=natural_key) == [f"part-{number}.png" for number in sorted(numbers)]
