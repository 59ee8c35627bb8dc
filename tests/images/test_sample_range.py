"""More than 8 bits: the copies of one image at 8 bits and at more come out alike."""

from __future__ import annotations

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from nearsight.images.decode import decode_image

from .hostile import chunk, photo, saved


def levels():
    """A grey image of all levels."""
    return np.asarray(photo().convert("L"))


def shown(data):
    return decode_image(data).render(999)[..., 0]


def tiff(samples, photometric=1, order="<", tags=()):
    """A TIFF of one strip, by hand: `samples (H, W)` as they are, with further tags `(tag, kind, value)`."""
    height, width = samples.shape
    kinds = {"u": 1, "i": 2, "f": 3}
    body = samples.astype(samples.dtype.newbyteorder(order)).tobytes()
    entries = [
        (256, 4, width), (257, 4, height), (258, 3, samples.dtype.itemsize * 8), (259, 3, 1), (262, 3, photometric),
        (273, 4, 8), (277, 3, 1), (278, 4, height), (279, 4, len(body)), (339, 3, kinds[samples.dtype.kind]), *tags,
    ]  # fmt: skip
    values = {3: "Hxx", 4: "I"}
    packed = [struct.pack(order + "HHI" + values[kind], tag, kind, 1, value) for tag, kind, value in sorted(entries)]
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8 + len(body))
    return start + body + struct.pack(order + "H", len(entries)) + b"".join(packed) + bytes(4)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("format", ["PNG", "TIFF", "JPEG2000"])
def test_the_fewest_bits_that_hold_all_values_are_the_range(bits, format):
    values = np.rint(levels() / 255 * (2**bits - 1)).astype(np.uint16)
    values[0, 0] = 2**bits - 1
    ours = shown(saved(Pillow.fromarray(values), format))
    assert np.abs(ours[1:].astype(int) - levels()[1:]).max() <= 1


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_dark_image_of_8_bits_made_16_stays_dark(order):
    for factor in (256, 257):
        dark = (levels() // 8).astype(np.uint16) * factor
        assert np.array_equal(shown(tiff(dark, order=order)), levels() // 8)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.float32, np.int32])
def test_white_is_zero_at_any_depth(order, dtype):
    values = levels().astype(dtype) if dtype == np.float32 else np.rint(levels() * (4095 / 255)).astype(dtype)
    values[0, 0] = values.max()
    plain, inverted = (shown(tiff(values, photometric, order)) for photometric in (1, 0))
    assert np.abs(plain[1:].astype(int) - levels()[1:]).max() <= 1
    assert np.abs(255 - inverted.astype(int) - plain).max() <= 1


def test_white_is_zero_at_8_bits_and_1_as_before():
    assert np.array_equal(shown(tiff(levels(), 0)), 255 - levels())
    bitmap = photo().convert("1")
    ours = shown(saved(bitmap, "TIFF", compression="group4"))
    assert np.array_equal(ours, np.asarray(bitmap.convert("L")))


def test_packed_samples_are_inverted_too():
    values = np.rint(levels() * (4095 / 255)).astype(np.uint16)
    packed = saved(Pillow.fromarray(values), "TIFF", compression="tiff_adobe_deflate")
    at = packed.index(struct.pack("<HHIHH", 262, 3, 1, 1, 0))
    inverted = packed[: at + 8] + b"\0" + packed[at + 9 :]
    assert np.abs(255 - shown(inverted).astype(int) - levels()).max() <= 1


def test_what_the_file_says_of_its_highest_value_holds():
    values = (levels() // 4).astype(np.uint16) * 3
    expected = np.rint(values * (255 / 4000))
    assert np.abs(shown(tiff(values, tags=[(281, 3, 4000)])) - expected).max() <= 1
    assert np.abs(shown(tiff(values, tags=[(281, 3, 65535)])) - np.rint(values * (255 / 255))).max() <= 1


@pytest.mark.parametrize("bits", [9, 11, 13])
def test_significant_bits_of_a_png(bits):
    values = np.rint(levels() / 255 * (2**bits - 1)).astype(np.uint16)
    png = saved(Pillow.fromarray(values), "PNG")
    at = png.index(b"IDAT") - 4
    assert np.abs(shown(png[:at] + chunk(b"sBIT", bytes([bits])) + png[at:]).astype(int) - levels()).max() <= 1


def ct():
    """Hounsfield units: air, tissue, bone, and one bright grain of metal."""
    y, x = np.mgrid[:200, :200]
    units = np.where((x - 100) ** 2 + (y - 100) ** 2 < 6400, 40 + 10 * np.sin(x / 9), -1000)
    units[80:120, 80:120] = 1200
    units[100, 100] = 30_000
    return units.astype(np.int16)


@pytest.mark.parametrize("order", ["<", ">"])
def test_signed_samples_go_from_percentile_to_percentile(order):
    ours = shown(tiff(ct(), order=order))
    low, high = np.percentile(ct(), (0.1, 99.9))
    expected = np.clip(np.rint((ct() - low) * 255 / (high - low)), 0, 255)
    assert np.abs(ours - expected).max() <= 1
    assert ours[0, 0] == 0
    assert ours[90, 90] == 255


def test_numbers_of_any_range_and_what_is_no_number():
    heights = (np.linspace(500, 520, 200 * 200).reshape(200, 200)).astype(np.float32)
    heights[0] = np.nan, *[np.inf] * 99, *[-np.inf] * 100
    ours = shown(tiff(heights))
    expected = (heights[1:] - 500.1) * 255 / (520 - 500.1)
    assert np.abs(ours[1:] - expected).max() <= 2
    assert ours[0, 0] == 0
    assert ours[0, 50] == 255
    assert ours[0, 150] == 0


def test_fractions():
    fractions = levels().astype(np.float32) / 255
    assert np.abs(shown(tiff(fractions)).astype(int) - levels()).max() <= 1
    assert np.abs(shown(tiff(fractions / 4)).astype(int) - levels() / 4).max() <= 1
    faint = shown(tiff(fractions / 1000))
    assert faint.max() == 255
    assert faint.min() == 0


def test_unsigned_32_bits():
    values = levels().astype(np.uint32) << 24
    low, high = np.percentile(levels(), (0.1, 99.9))
    expected = np.clip((levels() - low) * 255 / (high - low), 0, 255)
    assert np.abs(shown(tiff(values)) - expected).max() <= 2


def deep_png(image, channels):
    """A PNG of 16 bits a channel, by hand."""
    height, width = image.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in image)
    header = struct.pack(">IIBBBBB", width, height, 16, {3: 2, 4: 6}[channels], 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_colours_of_16_bits_by_the_bits_that_they_use(bits):
    image = np.asarray(photo())
    values = np.rint(image / 255 * (2**bits - 1)).astype(np.uint16)
    values[0, 0] = 2**bits - 1
    tif = cv2.imencode(".tiff", values[..., ::-1])[1].tobytes()
    for data in (deep_png(values, 3), tif):
        assert np.abs(decode_image(data).render(999)[1:].astype(int) - image[1:]).max() <= 1


def test_dark_colours_of_8_bits_made_16_stay_dark():
    dark = np.asarray(photo()) // 8
    ours = decode_image(deep_png(dark.astype(np.uint16) * 257, 3)).render(999)
    assert np.array_equal(ours, dark)


def test_alpha_has_a_range_of_its_own():
    rgba = np.dstack([np.asarray(photo()).astype(np.uint16) * 16, np.full((240, 320), 65_535, np.uint16)])
    rgba[0, 0, :3] = 4095
    ours = decode_image(deep_png(rgba, 4)).render(999)
    assert np.abs(ours[1:].astype(int) - np.asarray(photo())[1:]).max() <= 1


def test_the_same_x_ray_at_8_and_at_16_bits_is_alike_in_large(monkeypatch):
    x_ray = np.rint(cv2.resize(levels(), (2500, 1900)).astype(float) * (4095 / 255)).astype(np.uint16)
    both = x_ray, (x_ray >> 4).astype(np.uint8)
    deep, plain = (decode_image(saved(Pillow.fromarray(each), "PNG")) for each in both)
    assert np.abs(deep.render(300).astype(int) - plain.render(300)).max() <= 1
    whole = deep.base
    monkeypatch.setattr("nearsight.images.colour.STRIP_PIXELS", 100_000)
    monkeypatch.setattr("nearsight.images.sample_range.STRIP_PIXELS", 10_000)
    assert np.array_equal(decode_image(saved(Pillow.fromarray(x_ray), "PNG")).base, whole)


def test_an_empty_image_of_16_bits_is_black():
    for data in (saved(Pillow.fromarray(np.zeros((9, 9), np.uint16)), "PNG"), deep_png(np.zeros((9, 9, 3)), 3)):
        assert Pillow.open(io.BytesIO(data)).size == (9, 9)
        assert shown(data).max() == 0
