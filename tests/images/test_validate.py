from __future__ import annotations

import warnings

import pytest
from PIL import Image as Pillow

from nearsight.errors import ImageError, Reason
from nearsight.images import formats
from nearsight.images.jpeg import jpeg_layout
from nearsight.images.validate import Header, Limits, choose_scale, validate_image

from .hostile import photo, png, resized_jpeg, saved


def reason(data, **options):
    with pytest.raises(ImageError) as caught:
        validate_image(data, **options)
    return caught.value.reason


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_header_of_each_format(format):
    header = validate_image(saved(photo(321, 123), format))
    assert (header.format, header.width, header.height, header.scale) == (format, 321, 123, 1)


@pytest.mark.parametrize(
    ("mode", "format", "pixel"),
    [
        ("1", "PNG", 1), ("L", "PNG", 1), ("P", "PNG", 1), ("RGB", "PNG", 3), ("RGBA", "PNG", 4), ("I;16", "PNG", 2),
        ("L", "JPEG", 1), ("RGB", "JPEG", 3), ("CMYK", "JPEG", 4), ("CMYK", "TIFF", 4), ("F", "TIFF", 4),
        ("RGB", "WEBP", 4), ("P", "GIF", 1), ("RGB", "BMP", 3),
    ],
)  # fmt: skip
def test_bytes_per_pixel(mode, format, pixel):
    image = Pillow.new(mode, (100, 50)) if mode in ("I;16", "F") else photo(100, 50).convert(mode)
    assert validate_image(saved(image, format)).decoded_bytes == 5000 * pixel


def test_sixteen_bits_count_twice():
    assert validate_image(png(10, 10, 16, 6)).decoded_bytes == 800
    assert validate_image(png(10, 10, 16, 2)).decoded_bytes == 600


@pytest.mark.parametrize(
    ("longest", "scale"), [(1, 1), (1024, 1), (2047, 1), (2048, 2), (4095, 2), (4096, 4), (8191, 4), (8192, 8)]
)
def test_scale_keeps_the_longest_side_at_1024(longest, scale):
    assert choose_scale(longest, 10) == choose_scale(10, longest) == scale


def test_phone_image_of_108_megapixels_passes_and_its_progressive_twin_does_not():
    phone = resized_jpeg(saved(photo(), "JPEG"), 12_000, 9_000)
    assert validate_image(phone) == Header("JPEG", 12_000, 9_000, 1_500 * 1_125 * 3, 8)
    assert reason(resized_jpeg(saved(photo(), "JPEG", progressive=True), 12_000, 9_000)) is Reason.TOO_MANY_BYTES


def test_progressive_coefficients_are_counted_in_full():
    header = validate_image(saved(photo(1600, 800), "JPEG", progressive=True, subsampling="4:2:0"))
    assert header.decoded_bytes == 1600 * 800 * 3 + 1600 * 800 * 2 * 3 // 2
    assert header.scale == 1


def test_sequential_jpeg_of_several_scans_is_held_whole_too():
    jpeg = bytearray(saved(photo(64, 64), "JPEG"))
    at = jpeg.index(b"\xff\xda")
    jpeg[at + 4] = 1
    assert jpeg_layout(bytes(jpeg)).fixed_bytes > 0


def test_full_scales_only_as_far_as_the_limit_demands():
    phone = resized_jpeg(saved(photo(), "JPEG"), 12_000, 9_000)
    assert validate_image(phone, full=True).scale == 2
    assert validate_image(phone, Limits(decoded=1 << 30), full=True).scale == 1


def test_map_scan_passes_and_one_byte_over_the_limit_does_not():
    assert validate_image(png(16_000, 16_000, 8, 3, full=False)).decoded_bytes == 256_000_000
    assert validate_image(png(100, 100, 8, 2), Limits(decoded=30_000)).decoded_bytes == 30_000
    assert reason(png(100, 100, 8, 2), limits=Limits(decoded=29_999)) is Reason.TOO_MANY_BYTES


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", Reason.NOT_AN_IMAGE), (b"hello", Reason.NOT_AN_IMAGE), (b"BMW is a car        ", Reason.NOT_AN_IMAGE),
        (b"\0\0\0\x18ftypisom", Reason.NOT_AN_IMAGE), (b"RIFF\0\0\0\0WAVE", Reason.NOT_AN_IMAGE),
        (b"%PDF-1.4", Reason.FORMAT_OFF), (b"%!PS-Adobe", Reason.FORMAT_OFF), (b"8BPS\0\1", Reason.FORMAT_OFF),
        (b"\0\0\1\0\1\0", Reason.FORMAT_OFF), (b"\0\0\0\x0cjP  \r\n\x87\n", Reason.BAD_HEADER),
        (b"\xef\xbb\xbf <!-- x --><svg ", Reason.FORMAT_OFF), (b"II*\0\x10\0\0\0CR\2\0", Reason.FORMAT_OFF),
        (b"\0\0\0\x18ftypcrx ", Reason.FORMAT_OFF), (b"FUJIFILMCCD-RAW 0201", Reason.FORMAT_OFF),
        (b"P6\n1 1\n255\n", Reason.FORMAT_OFF), (b"\xff\xd8\xff", Reason.BAD_HEADER), (b"II*\0", Reason.BAD_HEADER),
    ],
)  # fmt: skip
def test_kinds_that_are_not_read(data, expected):
    assert reason(data) is expected


def test_camera_raw_in_a_tiff():
    assert reason(saved(photo(), "TIFF", tiffinfo={0xC612: b"\1\4\0\0"})) is Reason.FORMAT_OFF


def test_heif_needs_its_extra(monkeypatch):
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
    monkeypatch.setattr(formats, "register_heif", lambda: False)
    assert reason(heic) is Reason.NEEDS_HEIF
    assert reason(heic.replace(b"ftypheic", b"ftypmif1")) is Reason.NEEDS_HEIF


def test_pillows_own_limit_is_off_inside_and_back_outside():
    before = Pillow.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        validate_image(png(16_000, 16_000, 8, 3, full=False))
    assert before == Pillow.MAX_IMAGE_PIXELS is not None
