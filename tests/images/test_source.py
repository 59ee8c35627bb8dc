"""What people have as an image: each form of it gives the same pixels, and what is none says what would be right."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from nearsight.errors import ImageError, Reason, UsageError
from nearsight.images.decode import decode_image, open_image
from nearsight.images.source import normalize_pixels, read_source, read_sources

from .hostile import photo, saved

PIXELS = np.asarray(photo())
GREY = np.asarray(photo().convert("L"))


class Tensor:
    """What becomes an array, as tensors do."""

    def __array__(self, dtype=None, copy=None):
        return PIXELS


FORMS = {
    "path": lambda file: file,
    "str": str,
    "bytes": lambda file: file.read_bytes(),
    "bytearray": lambda file: bytearray(file.read_bytes()),
    "memoryview": lambda file: memoryview(file.read_bytes()),
    "BytesIO": lambda file: io.BytesIO(file.read_bytes()),
    "PIL": Pillow.open,
    "array": lambda file: PIXELS,
    "tensor": lambda file: Tensor(),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_pixels(form, tmp_path):
    file = tmp_path / "a.png"
    file.write_bytes(saved(photo(), "PNG"))
    assert np.array_equal(open_image(FORMS[form](file)).render(999), PIXELS)


def test_home_and_paths_of_any_kind(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.png").write_bytes(saved(photo(), "PNG"))
    for path in ("~/a.png", Path("~/a.png"), os.fsencode(tmp_path / "a.png").decode()):
        assert open_image(path).width == 320
    with pytest.raises(ImageError, match="no such file"):
        open_image("~nobody-of-that-name/a.png")


def test_an_open_file_is_read_from_its_beginning(tmp_path):
    photo().save(tmp_path / "a.png")
    with (tmp_path / "a.png").open("rb") as file:
        assert np.array_equal(open_image(file).render(999), PIXELS)
    out = io.BytesIO()
    photo().save(out, "PNG")
    assert out.tell() > 0
    assert open_image(out).width == 320
    read, write = os.pipe()
    os.write(write, saved(Pillow.new("RGB", (9, 7)), "PNG"))
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        assert open_image(pipe).height == 7


def test_files_that_give_no_image(tmp_path):
    (tmp_path / "a.txt").write_text("words")
    with (tmp_path / "a.txt").open() as text, pytest.raises(UsageError, match='"rb"'):
        open_image(text)
    with pytest.raises(ImageError) as caught:
        open_image(io.BytesIO())
    assert caught.value.reason is Reason.EMPTY
    with pytest.raises(ImageError) as caught:
        read_source(io.BytesIO(bytes(1000)), limit=999)
    assert caught.value.reason is Reason.FILE_TOO_LARGE
    closed = io.BytesIO()
    closed.close()
    with pytest.raises(ImageError) as caught:
        open_image(closed)
    assert caught.value.reason is Reason.UNREADABLE


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("https://example.org/a.jpg", "download"), ("http://example.org/a.jpg", "download"), ("s3://x/a", "download"),
        ("HTTPS://EXAMPLE.ORG/A.JPG", "download"), ("ftp://x/a", "download"), ("data:image/png;base64,A", "download"),
        ("file:///home/me/a.jpg", "path"), ("file:/home/me/a.jpg", "path"),
    ],
)  # fmt: skip
def test_an_address_is_refused_by_name(address, what):
    with pytest.raises(UsageError, match=what) as caught:
        open_image(address)
    assert address in str(caught.value)
    with pytest.raises(UsageError, match=what):
        open_image(Path(address))


def test_a_path_made_of_an_address_is_said_as_it_was():
    with pytest.raises(UsageError, match=r"^https://example\.org/a\.jpg is an address"):
        open_image(Path("https://example.org/a.jpg"))


@pytest.mark.parametrize("path", ["C:/me/a.jpg", "a:b.jpg", "http.jpg", "x/http://a.jpg", "10:30/a.jpg"])
def test_what_is_no_address(path):
    with pytest.raises(ImageError, match="no such file"):
        open_image(path)


def test_a_file_that_is_named_like_an_address(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("http:").mkdir()
    Path("http:/a.png").write_bytes(saved(photo(), "PNG"))
    assert open_image("http://a.png").width == 320


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "CMYK", "I;16", "F", "I", "YCbCr", "HSV", "RGBX"])
def test_images_of_pillow_of_every_mode(mode):
    if mode == "I;16":
        image, expected = Pillow.fromarray(GREY.astype(np.uint16) * 257), GREY[..., None]
    elif mode == "F":
        image, expected = Pillow.fromarray(GREY.astype(np.float32) / 255), GREY[..., None]
    elif mode == "RGBX":
        image, expected = Pillow.frombytes("RGBX", (320, 240), photo().convert("RGBA").tobytes()), PIXELS
    else:
        image = photo().convert(mode)
        expected = np.asarray(image.convert("RGB"))
    before = image.copy()
    ours = read_source(image)
    assert ours.shape == (240, 320, 3)
    assert np.abs(ours.astype(int) - expected).max() <= 1
    assert image.mode == before.mode
    assert image.tobytes() == before.tobytes()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_of_pillow_is_as_its_file(orientation):
    exif = Pillow.Exif()
    exif[274] = orientation
    for format in ("JPEG", "PNG", "TIFF"):
        data = saved(photo(96, 64), format, exif=exif)
        ours = read_source(Pillow.open(io.BytesIO(data)))
        assert np.array_equal(ours, decode_image(data).render(999))


def test_transparency_of_an_image_of_pillow():
    sign = Pillow.new("RGBA", (64, 64), (0, 0, 0, 0))
    sign.paste((255, 255, 255, 255), (10, 10, 50, 50))
    assert np.array_equal(read_source(sign), decode_image(saved(sign, "PNG")).render(64))


def test_an_image_of_pillow_that_is_damaged():
    with pytest.raises(ImageError) as caught:
        read_source(Pillow.open(io.BytesIO(saved(photo(), "PNG")[:3000])), "image 3")
    assert caught.value.name == "image 3"
    assert caught.value.reason in (Reason.TRUNCATED, Reason.CORRUPT)


# -------------------- pixels


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.int64, np.uint32, np.uint64])
def test_whole_numbers_up_to_255_are_levels(dtype):
    assert np.array_equal(normalize_pixels(PIXELS.astype(dtype)), PIXELS)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_fractions_up_to_1_are_levels(dtype):
    ours = normalize_pixels((PIXELS / 255).astype(dtype))
    assert np.abs(ours.astype(int) - PIXELS).max() <= (0 if dtype != np.float16 else 1)


def test_bool_and_16_bits():
    assert np.array_equal(normalize_pixels(GREY > 99)[..., 1], (GREY > 99) * 255)
    for top in (255, 1023, 4095, 16_383, 65_535):
        deep = np.rint(PIXELS / 255 * top).astype(np.uint16)
        deep[0, 0] = top
        assert np.abs(normalize_pixels(deep)[1:].astype(int) - PIXELS[1:]).max() <= 1
    dark = (PIXELS // 9).astype(np.uint16) * 257
    assert np.array_equal(normalize_pixels(dark), PIXELS // 9)


def test_shapes():
    for grey in (GREY, GREY[..., None]):
        assert np.array_equal(normalize_pixels(grey), np.repeat(GREY[..., None], 3, axis=2))
    rgba = np.dstack([PIXELS, np.full((240, 320), 255, np.uint8)])
    assert np.array_equal(normalize_pixels(rgba), PIXELS)
    rgba[:120, :, 3] = 0
    shown = normalize_pixels(rgba)
    assert np.array_equal(shown[120:], PIXELS[120:])
    assert (shown[:120] == 255).all()
    assert np.array_equal(normalize_pixels(PIXELS[::2, ::-1]), PIXELS[::2, ::-1])


@pytest.mark.parametrize(
    ("pixels", "says"),
    [
        (PIXELS.astype(np.float32), "fractions of 0 to 1.*float32 of .* astype"), (PIXELS - 300.0, "float64 of -"),
        (PIXELS.astype(int) * 2, "0 to 255; got int64"), (GREY.astype(np.int16) - 100, "int16 of -"),
        (np.full((4, 4), np.nan), "nan"), (np.full((4, 4), np.inf), "inf"), (np.zeros((4, 4), complex), "complex128"),
        (np.zeros((4, 4), "U3"), "uint8; got <U3"), (np.zeros((4, 4), object), "uint8; got object"),
        (np.zeros((3, 20, 30), np.uint8), r"transpose\(1, 2, 0\)"), (np.zeros(9, np.uint8), r"got \(9,\) uint8"),
        (np.zeros((4, 0, 3), np.uint8), "at least 1 x 1"), (np.zeros((4, 4, 2), np.uint8), r"\(4, 4, 2\)"),
        (np.zeros((2, 4, 4, 3), np.uint8), r"\(2, 4, 4, 3\)"),
    ],
)  # fmt: skip
def test_pixels_that_are_not_clear(pixels, says):
    with pytest.raises(UsageError, match=says) as caught:
        read_source(pixels, "image 7")
    assert "image 7" in str(caught.value)


@pytest.mark.parametrize("given", [3.5, object(), {"a": 1}, print])
def test_what_is_no_image_at_all(given):
    with pytest.raises(UsageError, match="is a path, bytes or a file"):
        read_source(given)


def test_one_or_several(tmp_path):
    assert read_sources(None) == []
    assert read_sources("a.jpg") == [Path("a.jpg")]
    assert [each.shape for each in read_sources(PIXELS)] == [(240, 320, 3)]
    assert read_sources(("a.jpg", b"x", Path("b"))) == [Path("a.jpg"), b"x", Path("b")]
    with pytest.raises(UsageError, match=r"^image 2 is"):
        read_sources([PIXELS, 7])
