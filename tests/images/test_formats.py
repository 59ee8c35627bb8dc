"""JPEG 2000 and Targa: known by what is in them, checked before they are decoded."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from nearsight.errors import ImageError, Reason
from nearsight.images.decode import Limits, decode_image
from nearsight.images.validate import validate_image

from .hostile import codestream, photo, saved, targa


def reason(data, **options):
    with pytest.raises(ImageError) as caught:
        decode_image(data, **options)
    return caught.value.reason


# -------------------- JPEG 2000


@pytest.mark.parametrize("options", [{}, {"no_jp2": True}, {"tile_size": (100, 90)}, {"num_resolutions": 1}])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA"])
def test_jpeg_2000(mode, options):
    image = photo().convert(mode)
    decoded = decode_image(saved(image, "JPEG2000", **options))
    assert (decoded.format, decoded.width, decoded.height) == ("JPEG2000", 320, 240)
    assert np.array_equal(decoded.render(999), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("options", [{}, {"num_resolutions": 2}, {"num_resolutions": 1}, {"tile_size": (512, 512)}])
@pytest.mark.parametrize("size", [(2101, 777), (4099, 301), (31, 2049)])
def test_a_large_jpeg_2000_is_decoded_at_its_halvings(size, options):
    data = saved(photo(*size), "JPEG2000", **options)
    image = decode_image(data)
    ours = image.render(100)
    oracle = cv2.resize(np.asarray(photo(*size)), (ours.shape[1], ours.shape[0]), interpolation=cv2.INTER_AREA)
    assert (image.width, image.height) == size
    assert 1024 <= max(image.base.shape) < max(size)
    assert np.abs(ours.astype(int) - oracle).mean() < 4


def test_the_cost_of_a_jpeg_2000_is_known_before_it_is_decoded():
    assert reason(codestream(60_000, 60_000)) is Reason.TOO_MANY_BYTES
    assert reason(codestream(1 << 31, 1 << 31)) is Reason.TOO_MANY_BYTES
    assert reason(codestream(60_000, 60_000, tile=(1, 1))) is Reason.BAD_HEADER
    assert reason(codestream(100, 100, components=200)) is Reason.FORMAT_OFF
    assert reason(codestream(0, 100)) is Reason.BAD_HEADER
    assert reason(saved(photo(), "JPEG2000"), limits=Limits(decoded=100_000)) is Reason.TOO_MANY_BYTES
    whole = saved(Pillow.new("RGB", (4096, 3072)), "JPEG2000", irreversible=True)
    assert validate_image(whole).decoded_bytes == 1024 * 768 * (6 * 3 + 4)


def test_a_jpeg_2000_that_is_cut_short():
    data = saved(photo(), "JPEG2000")
    for cut in (13, 40, 100, len(data) // 2):
        assert reason(data[:cut]) in (Reason.BAD_HEADER, Reason.TRUNCATED, Reason.CORRUPT)


# -------------------- Targa


@pytest.mark.parametrize("packed", [None, "tga_rle"])
@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA"])
def test_targa(mode, packed):
    image = photo().quantize(200) if mode == "P" else photo().convert(mode)
    data = saved(image, "TGA", compression=packed)
    decoded = decode_image(data)
    assert (decoded.format, decoded.width, decoded.height) == ("TGA", 320, 240)
    assert np.array_equal(decoded.render(999), np.asarray(image.convert("RGB")))
    footer = b"TRUEVISION-XFILE.\0"
    bare = data[: data.index(footer) - 8] if footer in data else data
    assert np.array_equal(decode_image(bare).render(999), decoded.render(999))


def test_targa_from_the_bottom():
    data = saved(photo(), "TGA", orientation=-1)
    assert np.array_equal(decode_image(data).render(999), np.asarray(photo()))


@pytest.mark.parametrize(
    "data",
    [
        bytes(18), bytes(99), b"\0\0\2" + bytes(997), b"\0\0\2\0\1\0\x20\x20" + bytes(99), b"\0\0\1\0\1\0" + bytes(99),
        b"\0\0\1\xba" + bytes(500), b"\0\1\0\0\0\x0f" + bytes(500), b"\0asm\1\0\0\0" + bytes(90),
        b"\0\0\2" + bytes(9) + struct.pack("<HHBB", 10, 10, 24, 0) + bytes(299),
        b"\0\0\2" + bytes(9) + struct.pack("<HHBB", 10, 10, 23, 0) + bytes(300),
        b"\0\0\2\0\0\1\0" + bytes(5) + struct.pack("<HHBB", 10, 10, 24, 0) + bytes(300),
    ],
)  # fmt: skip
def test_what_is_no_targa(data):
    assert reason(data) in (Reason.NOT_AN_IMAGE, Reason.FORMAT_OFF)


def test_the_size_of_a_targa_is_limited():
    assert reason(targa(65_535, 65_535)) is Reason.TOO_MANY_BYTES


def test_a_targa_of_15_bits():
    levels = np.arange(32, dtype="<u2")
    data = (
        b"\0\0\2" + bytes(9) + struct.pack("<HHBB", 32, 1, 16, 0x20) + (levels << 10 | levels << 5 | levels).tobytes()
    )
    ours = decode_image(data).render(99)[0, :, 0]
    assert np.abs(ours - np.arange(32) * 255 / 31).max() <= 8


def test_what_is_not_read_is_named():
    cur = b"\0\0\2\0\1\0"
    for data, name in ((b"8BPS\0\1", "PSD"), (b"qoif", "QOI"), (cur, "CUR"), (b"P6\n1 1\n255\n", "portable anymap")):
        with pytest.raises(ImageError, match=name) as caught:
            decode_image(data)
        assert caught.value.reason is Reason.FORMAT_OFF
