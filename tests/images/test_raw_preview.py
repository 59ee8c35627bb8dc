"""The preview inside a camera raw is what is shown of it."""

from __future__ import annotations

import random
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image as Pillow

from nearsight.errors import ImageError, Reason
from nearsight.images.decode import decode_image
from nearsight.images.pages import choose_pages

from .hostile import photo, saved
from .raw_files import FILES, SENSOR, Tiff, maker, strip_entries

SMALL, LARGE = (saved(photo(*size).rotate(turn), "JPEG") for size, turn in (((160, 120), 180), ((600, 400), 0)))
WITH_EXIF = ("RAF", "CR3", "MRW")
"""Those that have no TIFF of their own: their previews carry the EXIF."""


@pytest.mark.parametrize("kind", FILES)
def test_the_largest_preview(kind):
    image = decode_image(FILES[kind](SMALL, LARGE), metadata=True)
    assert (image.format, image.width, image.height) == (kind, 600, 400)
    assert np.array_equal(image.base, decode_image(LARGE).base)
    assert (image.page, image.n_pages, image.read_share) == (1, 1, 1)
    assert choose_pages(FILES[kind](SMALL, LARGE)) == (1,)


@pytest.mark.parametrize("kind", sorted(FILES.keys() - set(WITH_EXIF)))
def test_what_the_camera_wrote_is_read_from_the_raw(kind):
    metadata = decode_image(FILES[kind](SMALL, LARGE), metadata=True).metadata
    assert metadata.taken == "2019-05-04T03:02:01"
    assert metadata.camera.endswith("Model 7")


@pytest.mark.parametrize("kind", sorted(FILES.keys() - set(WITH_EXIF)))
@pytest.mark.parametrize("turn", [3, 6, 8])
def test_the_orientation_of_the_raw_holds(kind, turn):
    image = decode_image(FILES[kind](SMALL, LARGE, turn))
    exif = Pillow.Exif()
    exif[274] = turn
    oracle = decode_image(saved(Pillow.fromarray(decode_image(LARGE).render(9999)), "PNG", exif=exif))
    assert (image.width, image.height) == (oracle.width, oracle.height)
    assert np.array_equal(image.render(9999), oracle.render(9999))


def test_a_preview_that_is_upright_already_stays_so():
    upright = saved(photo(400, 600), "JPEG")
    image = decode_image(FILES["NEF"](SMALL, upright, 6))
    assert (image.width, image.height) == (400, 600)
    assert np.array_equal(image.render(9999), decode_image(upright).render(9999))


@pytest.mark.parametrize("kind", WITH_EXIF)
def test_the_orientation_of_the_preview_holds_where_the_raw_has_none(kind):
    exif = Pillow.Exif()
    exif[274] = 6
    turned = saved(photo(600, 400), "JPEG", exif=exif)
    assert decode_image(FILES[kind](SMALL, turned)).height == 600


def test_a_raw_without_a_preview_is_not_read():
    plain = Tiff()
    plain.directory([*maker(b"Canon", 1), (50706, 1, b"\1\4\0\0"), *strip_entries(plain, SENSOR, 7)])
    for data in (plain.bytes(), b"II*\0\x10\0\0\0CR\2\0" + SENSOR, b"FUJIFILMCCD-RAW 0201" + bytes(200)):
        with pytest.raises(ImageError, match="no preview") as caught:
            decode_image(data)
        assert caught.value.reason is Reason.FORMAT_OFF


def test_a_tiff_with_small_copies_below_is_no_raw():
    tiff = Tiff()
    pixels = np.asarray(photo().convert("L"))
    below = tiff.directory([(254, 4, [1]), (256, 4, [1]), (257, 4, [1]), *strip_entries(tiff, b"\0", 1)], linked=False)
    shape = [(256, 4, [320]), (257, 4, [240]), (258, 3, [8]), (262, 3, [1]), (277, 3, [1]), (278, 4, [240])]
    tiff.directory([*shape, *strip_entries(tiff, pixels.tobytes(), 1), (330, 4, [below])])
    image = decode_image(tiff.bytes())
    assert image.format == "TIFF"
    assert np.array_equal(image.render(999)[..., 0], pixels)


def test_a_page_of_a_raw_is_not_there():
    with pytest.raises(ImageError) as caught:
        decode_image(FILES["NEF"](SMALL, LARGE), page=2)
    assert caught.value.reason is Reason.VANISHED


def test_a_preview_that_is_cut_short_is_damaged():
    cut = FILES["RAF"](SMALL, LARGE)[: 160 + len(LARGE) * 95 // 100]
    assert 0.75 < decode_image(cut).read_share < 1
    whole = FILES["CR2"](SMALL, LARGE[: len(LARGE) * 95 // 100])
    assert 0.75 < decode_image(whole).read_share < 1


@pytest.mark.parametrize("kind", FILES)
def test_damage_has_a_reason(kind):
    data, chance = FILES[kind](SMALL, LARGE), random.Random(3)
    for trial in range(40):
        harmed = bytearray(data[: chance.randrange(len(data))] if trial % 2 else data)
        for _ in range(chance.randrange(12)):
            harmed[chance.randrange(min(len(harmed), 900)) if harmed else 0] = chance.randrange(256)
        with suppress(ImageError):
            assert decode_image(bytes(harmed), metadata=True).width > 0
