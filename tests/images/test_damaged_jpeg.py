"""A JPEG that is cut short is decoded as far as it goes, and says how far; it is never taken for whole."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as Pillow

from nearsight.errors import ImageError, Reason
from nearsight.images.decode import decode_image
from nearsight.images.jpeg import LEAST_READ_SHARE

from .hostile import photo, saved

KINDS = {
    "photograph": lambda: saved(photo(), "JPEG"),
    "4:4:4": lambda: saved(photo(), "JPEG", subsampling=0, quality=95),
    "grey": lambda: saved(photo().convert("L"), "JPEG"),
    "CMYK": lambda: saved(photo().convert("CMYK"), "JPEG"),
    "with restarts": lambda: saved(photo(), "JPEG", restart_marker_blocks=7),
    "large": lambda: saved(photo(2500, 1800), "JPEG"),
}


def decoded_rows(data):
    """The share of rows that equal those of the whole file, by Pillow alone: what is missing is filled with grey."""
    image = Pillow.open(io.BytesIO(data + b"\xff\xd9"))
    pixels = np.asarray(image)
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    filled = ((pixels == 128) | (pixels == 127)).all(axis=(1, 2))
    return 1 - np.argmax(~filled[::-1]) / len(filled)


@pytest.mark.parametrize("end", [b"", b"\xff\xd9"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_share_that_was_read(kind, end):
    whole = KINDS[kind]()
    assert decode_image(whole).read_share == 1
    for cut in (0.99, 0.95, 0.85):
        data = whole[: int(len(whole) * cut)]
        image = decode_image(data + end)
        assert image.is_damaged
        assert abs(image.read_share - decoded_rows(data)) <= 16 / 240
        assert abs(image.read_share - cut) < 0.1
        seen = int(image.base.shape[0] * image.read_share) - 16
        assert np.array_equal(image.base[:seen], decode_image(whole).base[:seen])
        assert (image.width, image.height) == decode_image(whole).render(9999).shape[1::-1] or kind == "large"


@pytest.mark.parametrize("end", [b"", b"\xff\xd9"])
@pytest.mark.parametrize("kind", KINDS)
def test_less_than_the_least_share_is_refused(kind, end):
    whole = KINDS[kind]()
    for cut in (0.1, 0.4, 0.65):
        with pytest.raises(ImageError) as caught:
            decode_image(whole[: int(len(whole) * cut)] + end)
        assert caught.value.reason in (Reason.TRUNCATED, Reason.CORRUPT)
    assert LEAST_READ_SHARE > 0.65


@pytest.mark.parametrize("kind", KINDS)
def test_without_the_mark_of_its_end_it_is_whole(kind):
    whole = KINDS[kind]()
    assert whole.endswith(b"\xff\xd9")
    image = decode_image(whole[:-2])
    assert image.read_share == 1
    assert np.array_equal(image.base, decode_image(whole).base)


@pytest.mark.parametrize("level", [127, 128])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_an_image_that_is_grey_at_its_end_is_whole(mode, level):
    image = photo().convert(mode)
    image.paste(Pillow.new(mode, (320, 100), (level,) * len(image.getbands())), (0, 140))
    data = saved(image, "JPEG", quality=95)
    assert decode_image(data).read_share == 1
    assert decode_image(data[:-2]).read_share == 1
    assert decode_image(saved(Pillow.new(mode, (64, 64), (level,) * len(image.getbands())), "JPEG")).read_share == 1


def test_what_comes_after_the_end_is_no_damage():
    data = saved(photo(), "JPEG")
    for more in (b"garbage" * 99, data, bytes(5000), b"\xff" * 99):
        image = decode_image(data + more)
        assert image.read_share == 1
        assert np.array_equal(image.base, decode_image(data).base)


def test_a_mark_of_the_end_in_the_middle():
    data = bytearray(saved(photo(), "JPEG"))
    at = len(data) * 85 // 100
    data[at : at + 2] = b"\xff\xd9"
    assert 0.7 < decode_image(bytes(data)).read_share < 0.95


@pytest.mark.parametrize("size", [(320, 240), (2500, 1800)])
def test_progressive(size):
    whole = saved(photo(*size), "JPEG", progressive=True)
    last = whole.rindex(b"\xff\xda")
    assert decode_image(whole).read_share == 1
    assert decode_image(whole[:-2]).read_share == 1
    cut = decode_image(whole[: (last + len(whole)) // 2])
    assert LEAST_READ_SHARE <= cut.read_share < 1
    assert np.abs(cut.render(200).astype(int) - decode_image(whole).render(200)).mean() < 3
    assert decode_image(whole[:last] + b"\xff\xd9").read_share < 1  # its last scan is missing
    first = whole.index(b"\xff\xda")
    with pytest.raises(ImageError) as caught:
        decode_image(whole[: first + 200])
    assert caught.value.reason is Reason.TRUNCATED


def test_other_formats_are_refused_as_before():
    for format in ("PNG", "GIF", "WEBP", "TIFF", "BMP"):
        whole = saved(photo(), format)
        with pytest.raises(ImageError):
            decode_image(whole[: len(whole) * 97 // 100])


def test_boxes_and_full_size_of_a_damaged_one():
    whole = saved(photo(2500, 1800), "JPEG")
    image = decode_image(whole[: len(whole) * 95 // 100], full=True)
    assert image.is_damaged
    box = (100, 200, 400, 450)
    assert np.array_equal(image.render(9999, box), decode_image(whole, full=True).render(9999, box))
    assert image.pixel_digest() != decode_image(whole, full=True).pixel_digest()


def test_no_cut_crashes_or_passes_for_whole():
    for options in ({}, {"progressive": True}, {"restart_marker_blocks": 3}):
        data = saved(photo(96, 64), "JPEG", **options)
        for cut in range(0, len(data) - 2, 41):
            try:
                share = decode_image(data[:cut]).read_share
            except ImageError:
                continue
            assert share < 1 or cut > len(data) - 60
