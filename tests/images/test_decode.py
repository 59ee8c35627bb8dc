from __future__ import annotations

import io
import logging
import struct
import threading
import warnings

import cv2
import numpy as np
import pytest
from PIL import AvifImagePlugin, ImageCms, ImageOps
from PIL import Image as Pillow

from nearsight.errors import ImageError, Reason, UsageError
from nearsight.images import pillow
from nearsight.images.decode import Limits, decode_image, wrap_pixels

from .hostile import photo, saved


def opened(data):
    return Pillow.open(io.BytesIO(data))


def over_white(image):
    rgba = image.convert("RGBA")
    return np.asarray(Pillow.alpha_composite(Pillow.new("RGBA", image.size, "white"), rgba).convert("RGB"))


def near(ours, oracle, most=2):
    assert ours.shape == oracle.shape
    assert np.abs(ours.astype(int) - oracle.astype(int)).max() <= most


# -------------------- sizes


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "GIF", "WEBP"])
def test_small_images_come_as_they_are(format):
    data = saved(photo(), format, **({"lossless": True} if format == "WEBP" else {}))
    image = decode_image(data)
    assert np.array_equal(image.render(1000), np.asarray(opened(data).convert("RGB")))
    assert (image.width, image.height, image.format) == (320, 240, format)


@pytest.mark.parametrize(
    ("side", "shape"), [(320, (240, 320, 3)), (256, (192, 256, 3)), (7, (5, 7, 3)), (1, (1, 1, 3))]
)
def test_side_is_the_longest(side, shape):
    image = decode_image(saved(photo(), "PNG")).render(side)
    assert image.shape == shape
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous


@pytest.mark.parametrize("side", [30, 64, 100, 256])
def test_area_averages_against_a_slow_loop(side):
    image = np.asarray(photo())
    ours = decode_image(saved(photo(), "PNG")).render(side)
    height, width = ours.shape[:2]
    for y in range(0, height, 7):
        for x in range(0, width, 11):
            box = (x * 320 / width, y * 240 / height, (x + 1) * 320 / width, (y + 1) * 240 / height)
            assert np.abs(ours[y, x] - area(image, *box)).max() <= 1.5


@pytest.mark.parametrize("size", [(243, 243), (255, 243), (243, 250)])
def test_odd_sides_are_not_halved(size):
    """Each pixel of the reduced image is the mean of its area, to the last rounding."""
    width, height = size
    image = np.random.default_rng(3).choice(np.array([0, 255], np.uint8), (height, width, 3))
    ours = wrap_pixels(image).render(40)
    rows, columns = (averaging(length, reduced) for length, reduced in zip((height, width), ours.shape, strict=False))
    exact = np.einsum("yr,xc,rcn->yxn", rows, columns, image.astype(float), optimize=True)
    assert np.abs(ours - exact).max() <= 1.01


def averaging(length, reduced):
    """The shares `(reduced, length)` that each pixel of a line has in each of its areas."""
    ends = np.arange(reduced + 1) * length / reduced
    covered = np.minimum(np.arange(1, length + 1), ends[1:, None]) - np.maximum(np.arange(length), ends[:-1, None])
    return np.maximum(covered, 0) * reduced / length


def area(image, x0, y0, x1, y1):
    total, weight = np.zeros(3), 0.0
    for y in range(int(y0), int(np.ceil(y1 - 1e-9))):
        for x in range(int(x0), int(np.ceil(x1 - 1e-9))):
            part = (min(x1, x + 1) - max(x0, x)) * (min(y1, y + 1) - max(y0, y))
            total, weight = total + part * image[y, x], weight + part
    return total / weight


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("size", [(2100, 1577), (4099, 300)])
def test_large_images_are_near_the_average_of_all_their_pixels(format, size):
    data = saved(photo(*size), format, **({"quality": 95} if format == "JPEG" else {}))
    image = decode_image(data)
    whole = np.asarray(opened(data).convert("RGB"))
    ours = image.render(200)
    oracle = cv2.resize(whole, (ours.shape[1], ours.shape[0]), interpolation=cv2.INTER_AREA)
    assert max(image.base.shape) < max(size)
    assert max(image.base.shape) >= 1024
    assert np.abs(ours.astype(int) - oracle).mean() < 1
    assert (image.width, image.height) == size


def test_strips_make_the_same_image(monkeypatch):
    data = saved(photo(2500, 1999), "PNG")
    whole = decode_image(data).base
    monkeypatch.setattr("nearsight.images.colour.STRIP_PIXELS", 100_000)
    assert np.array_equal(decode_image(data).base, whole)


def test_sides_do_not_depend_on_each_other():
    data = saved(photo(1500, 1000), "JPEG")
    alone = decode_image(data).render(64)
    image = decode_image(data)
    for side in (512, 100, 256):
        image.render(side)
    assert np.array_equal(image.render(64), alone)
    assert np.array_equal(decode_image(data).render(64), alone)


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (40_000, 3)])
def test_extreme_shapes(size):
    image = decode_image(saved(photo(*size), "PNG"))
    pixels = image.render(256)
    assert max(pixels.shape) <= max(256, 3)
    assert min(pixels.shape) >= 1


# -------------------- boxes


def test_box_is_cut_out_of_the_full_image():
    whole = np.asarray(photo(2000, 1500))
    image = decode_image(saved(photo(2000, 1500), "PNG"), full=True)
    assert np.array_equal(image.render(9999, (100, 200, 400, 450)), whole[200:450, 100:400])
    assert np.array_equal(image.render(9999, (100.9, 200.2, 399.1, 449.5)), whole[200:450, 100:400])
    assert image.render(50, (0, 0, 2000, 1500)).shape == (38, 50, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_box_is_in_upright_pixels(orientation):
    exif = Pillow.Exif()
    exif[274] = orientation
    data = saved(photo(200, 100), "PNG", exif=exif)
    upright = np.asarray(ImageOps.exif_transpose(opened(data)))
    image = decode_image(data, full=True)
    assert (image.height, image.width) == upright.shape[:2]
    assert np.array_equal(image.render(999, (10, 20, 70, 90)), upright[20:90, 10:70])


@pytest.mark.parametrize("orientation", [1, 6])
def test_box_of_a_scaled_image(orientation):
    exif = Pillow.Exif()
    exif[274] = orientation
    data = saved(photo(4096, 2048), "JPEG", quality=95, exif=exif)
    upright = np.asarray(ImageOps.exif_transpose(opened(data)))
    scaled = decode_image(data).render(60, (400, 800, 1000, 1400))
    oracle = cv2.resize(upright[800:1400, 400:1000], (60, 60), interpolation=cv2.INTER_AREA)
    assert np.abs(scaled.astype(int) - oracle).mean() < 2


@pytest.mark.parametrize(
    "box",
    [(0, 0, 0, 10), (10, 0, 5, 10), (400, 0, 500, 10), (-50, 0, 10, 10), (0, 0, 330, 10), (0, float("nan"), 9, 9)],
)
def test_box_that_is_not_within(box):
    with pytest.raises(UsageError, match="320 x 240"):
        decode_image(saved(photo(), "PNG")).render(64, box)


def test_box_a_pixel_too_large_is_fine_and_a_small_one_has_a_pixel():
    image = decode_image(saved(photo(), "PNG"))
    assert image.render(999, (-0.4, -1, 320.5, 241)).shape == (240, 320, 3)
    assert image.render(999, (5.1, 5.1, 5.2, 5.2)).shape == (1, 1, 3)


def test_side_of_nothing():
    with pytest.raises(UsageError, match="at least 1"):
        decode_image(saved(photo(), "PNG")).render(0)


def test_in_memory():
    image = np.asarray(photo())
    assert np.array_equal(wrap_pixels(image).render(9999), image)
    assert np.array_equal(wrap_pixels(image).render(9999, (1, 2, 30, 40)), image[2:40, 1:30])
    with pytest.raises(UsageError, match="uint8"):
        wrap_pixels(image.astype(np.float32))


# -------------------- orientation


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(format, orientation):
    exif = Pillow.Exif()
    exif[274] = orientation
    data = saved(photo(96, 64), format, exif=exif, **({"lossless": True} if format == "WEBP" else {}))
    with opened(data) as stored:
        oracle = ImageOps.exif_transpose(stored).convert("RGB")
    image = decode_image(data)
    assert (image.width, image.height) == oracle.size
    assert np.array_equal(image.render(999), np.asarray(oracle))


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_impossible_orientation_is_none(orientation):
    exif = Pillow.Exif()
    exif[274] = orientation
    assert decode_image(saved(photo(), "PNG", exif=exif)).render(999).shape == (240, 320, 3)


# -------------------- modes


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "PA", "RGBA", "RGB", "CMYK", "LAB", "YCbCr"])
def test_modes(mode):
    shade = Pillow.linear_gradient("L").resize((320, 240))
    if mode in ("LA", "RGBA", "PA"):
        image = photo().convert("L" if mode == "LA" else "RGB")
        image.putalpha(shade)
        image = image.convert(mode) if mode == "PA" else image
    elif mode == "LAB":
        image = ImageCms.profileToProfile(
            photo(), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        )
    else:
        image = photo().convert(mode)
    format = "TIFF" if mode in ("CMYK", "PA", "LAB", "YCbCr") else "PNG"
    data = saved(image if mode != "PA" else image.convert("RGBA"), format)
    oracle = np.asarray(photo()) if mode == "LAB" else over_white(opened(data))
    ours = decode_image(data).render(999)
    near(ours, oracle, 30 if mode == "LAB" else 1)  # colours on the edge of the gamut are clipped on the way to Lab
    assert np.abs(ours.astype(int) - oracle).mean() < 1


def test_alpha_is_averaged_with_its_weight():
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[:, 0] = (255, 0, 0, 255)
    pixels[:, 1] = (0, 255, 0, 0)  # invisible green must not show
    assert decode_image(saved(Pillow.fromarray(pixels), "PNG")).render(1)[0, 0].tolist() == pytest.approx(
        (255, 128, 128), abs=1
    )


def sign(colour, letter=0):
    """A sign on transparency, white or of another colour."""
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[8:56, 8 + 4 * letter : 20] = (*colour, 255)
    return saved(Pillow.fromarray(pixels), "PNG")


def test_a_sign_that_would_vanish_on_white_is_shown_on_black():
    white = decode_image(sign((255, 250, 255))).render(64)
    assert (white[0, 0].tolist(), white[30, 15].tolist()) == ([0, 0, 0], [255, 250, 255])
    red = decode_image(sign((200, 0, 0))).render(64)
    assert (red[0, 0].tolist(), red[30, 15].tolist()) == ([255, 255, 255], [200, 0, 0])
    opaque = decode_image(saved(Pillow.new("RGBA", (9, 9), (255, 255, 255, 255)), "PNG")).render(9)
    assert (opaque == 255).all()
    nothing = decode_image(saved(Pillow.new("RGBA", (9, 9), (255, 255, 255, 0)), "PNG")).render(9)
    assert (nothing == 255).all()


def test_the_ground_is_that_of_the_whole_image_in_every_box():
    image = decode_image(sign((255, 255, 255)), full=True)
    assert (image.render(64, (40, 0, 64, 64)) == 0).all()


def test_equal_pixels_have_one_digest_whatever_the_file():
    digest = decode_image(saved(photo(), "PNG")).pixel_digest()
    assert digest is not None
    assert len(digest) == 32
    for format in ("BMP", "TIFF"):
        assert decode_image(saved(photo(), format)).pixel_digest() == digest
    exif = Pillow.Exif()
    exif[274] = 6
    turned = saved(photo().transpose(Pillow.Transpose.ROTATE_90), "PNG", exif=exif)
    assert decode_image(turned).pixel_digest() == digest
    changed = np.asarray(photo()).copy()
    changed[3, 5, 1] ^= 1
    assert decode_image(saved(Pillow.fromarray(changed), "PNG")).pixel_digest() != digest


def test_what_is_transparent_counts_for_the_digest():
    digests = {decode_image(sign((255, 255, 255), letter)).pixel_digest() for letter in (0, 1, 2)}
    flat = Pillow.fromarray(decode_image(sign((255, 255, 255))).render(64))
    digests.add(decode_image(saved(flat, "PNG")).pixel_digest())
    assert len(digests) == 4
    opaque = np.dstack([np.asarray(photo()), np.full((240, 320), 255, np.uint8)])
    same = decode_image(saved(Pillow.fromarray(opaque), "PNG")).pixel_digest()
    assert same == decode_image(saved(photo(), "PNG")).pixel_digest()


def test_an_image_that_was_reduced_has_no_digest():
    large = saved(Pillow.new("RGB", (4200, 3000), "red"), "JPEG")
    assert decode_image(large).pixel_digest() is None
    assert decode_image(large, full=True).pixel_digest() is not None


def test_palette_and_colour_keys_with_transparency():
    palette = photo().quantize(16)
    for data in (
        saved(palette, "PNG", transparency=3),
        saved(palette, "PNG", transparency=bytes(range(0, 256, 16))),
        saved(palette, "GIF", transparency=5),
        saved(photo().convert("L"), "PNG", transparency=100),
        saved(photo(), "PNG", transparency=(128, 128, 128)),
    ):
        near(decode_image(data).render(999), over_white(opened(data)), 1)


def test_sixteen_bits():
    values = np.linspace(0, 65535, 320 * 240).reshape(240, 320).astype(np.uint16)
    for format in ("PNG", "TIFF"):
        ours = decode_image(saved(Pillow.fromarray(values), format)).render(999)
        near(ours, np.repeat((values / 257)[..., None], 3, axis=2), 1)
    deep = cv2.imencode(".png", cv2.cvtColor(np.asarray(photo()).astype(np.uint16) * 257, cv2.COLOR_RGB2BGR))[
        1
    ].tobytes()
    near(decode_image(deep).render(999), np.asarray(photo()), 1)


@pytest.mark.parametrize(
    ("low", "high", "dtype"),
    [(0, 1, np.float32), (0, 255, np.float32), (0, 65535, np.int32), (-1000, 70_000, np.int32), (-5, 5, np.float32)],
)
def test_numbers_without_a_natural_range(low, high, dtype):
    ramp = np.tile(np.linspace(low, high, 256), (4, 1)).astype(dtype)
    ours = decode_image(saved(Pillow.fromarray(ramp), "TIFF")).render(999)
    near(ours[0, :, 0], np.arange(256), 1)


def test_float_image_of_nothing():
    assert decode_image(saved(Pillow.fromarray(np.full((3, 3), np.nan, np.float32)), "TIFF")).render(9).max() == 0


def test_cmyk_jpeg():
    data = saved(photo().convert("CMYK"), "JPEG", quality=95)
    near(decode_image(data).render(999), np.asarray(opened(data).convert("RGB")), 1)


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_first_frame_of_many(format):
    frames = [Pillow.new("RGB", (40, 30), colour) for colour in ("red", "lime", "blue")]
    data = saved(frames[0], format, save_all=True, append_images=frames[1:])
    assert decode_image(data).render(999)[10, 10].tolist() == pytest.approx((255, 0, 0), abs=3)


def test_heif():
    heif = pytest.importorskip("pillow_heif", reason="pillow-heif, which writes them, is not installed")
    out = io.BytesIO()
    heif.from_pillow(photo()).save(out, quality=95)
    image = decode_image(out.getvalue())
    assert (image.format, image.width, image.height) == ("HEIF", 320, 240)
    assert np.abs(image.render(999).astype(int) - np.asarray(photo())).mean() < 4


# -------------------- colour


def wide_gamut():
    """A profile that is far from sRGB: its primaries swapped round."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile = profile.replace(b"rXYZ", b"#XYZ").replace(b"gXYZ", b"rXYZ").replace(b"#XYZ", b"gXYZ")
    return bytes(profile)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_profile_against_the_whole_image(format):
    data = saved(photo(), format, icc_profile=wide_gamut())
    image = opened(data)
    source = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
    oracle = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), ImageCms.Intent.PERCEPTUAL)
    ours = decode_image(data).render(999)
    near(ours, np.asarray(oracle), 1)
    assert np.abs(ours.astype(int) - np.asarray(image)).mean() > 10


def test_profile_of_srgb_changes_nothing():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.array_equal(decode_image(saved(photo(), "PNG", icc_profile=profile)).render(999), np.asarray(photo()))


def test_grey_image_with_a_colour_profile():
    data = saved(photo().convert("L"), "PNG", icc_profile=wide_gamut())
    near(decode_image(data).render(999), np.asarray(photo().convert("L").convert("RGB")), 3)


@pytest.mark.parametrize("profile", [b"nonsense", b"", wide_gamut()[:200], wide_gamut()[:300] + bytes(2000)])
def test_broken_profile_is_ignored(profile):
    assert np.array_equal(decode_image(saved(photo(), "PNG", icc_profile=profile)).render(999), np.asarray(photo()))


# -------------------- errors


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError("broken data stream"), Reason.CORRUPT), (SyntaxError("broken PNG"), Reason.CORRUPT),
        (OSError("image file is truncated (7 bytes not processed)"), Reason.TRUNCATED), (EOFError(), Reason.TRUNCATED),
        (ValueError("not enough image data"), Reason.TRUNCATED), (MemoryError(), Reason.OUT_OF_MEMORY),
        (KeyError("MPO"), Reason.CORRUPT), (IndexError(), Reason.CORRUPT), (ZeroDivisionError(), Reason.CORRUPT),
        (RecursionError(), Reason.CORRUPT), (NotImplementedError(), Reason.CORRUPT), (RuntimeError(), Reason.CORRUPT),
        (Pillow.DecompressionBombError(), Reason.CORRUPT), (OverflowError(), Reason.CORRUPT),
    ],
)  # fmt: skip
def test_every_exception_has_a_reason(monkeypatch, error, reason):
    def load(self):
        raise error

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", load)
    with pytest.raises(ImageError) as caught:
        decode_image(saved(photo(), "PNG"))
    assert caught.value.reason is reason


def test_interrupt_passes(monkeypatch):
    def load(self):
        raise KeyboardInterrupt

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", load)
    with pytest.raises(KeyboardInterrupt):
        decode_image(saved(photo(), "PNG"))


def test_details_are_one_clean_line_without_addresses():
    for data in (b"\xff\xd8\xff" + b"\x1b[31m" * 9, b"II*\0" + b"\xff" * 20, saved(photo(), "PNG")[:3000]):
        with pytest.raises(ImageError) as caught:
            decode_image(data)
        assert caught.value.detail.isprintable()
        assert "0x" not in caught.value.detail
        assert len(caught.value.detail) < 300


def test_nothing_is_said_on_the_way(capfd):
    bad = Pillow.Exif()
    bad[271] = "x" * 50
    data = saved(photo(), "JPEG", exif=bad.tobytes()[:-30])
    many = saved(photo(), "TIFF").replace(struct.pack("<HHII", 277, 3, 1, 3), struct.pack("<HHII", 277, 4, 1, 70_000))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        decode_image(data)  # Pillow warns of this one
        with pytest.raises(ImageError):
            decode_image(many)  # and logs an error for this one
    assert said == []
    assert capfd.readouterr() == ("", "")


def test_pillow_says_nothing_to_the_logs_of_an_application_and_is_left_as_it_was(caplog):
    many = saved(photo(), "TIFF").replace(struct.pack("<HHII", 277, 3, 1, 3), struct.pack("<HHII", 277, 4, 1, 70_000))
    log = logging.getLogger("PIL")
    before = log.propagate, list(log.handlers), AvifImagePlugin.DEFAULT_MAX_THREADS, Pillow.MAX_IMAGE_PIXELS
    with caplog.at_level(logging.DEBUG), pytest.raises(ImageError):
        decode_image(many)
    assert caplog.records == []
    after = log.propagate, list(log.handlers), AvifImagePlugin.DEFAULT_MAX_THREADS, Pillow.MAX_IMAGE_PIXELS
    assert after == before


def test_threads_share_the_quiet():
    before, data, wrong = list(warnings.filters), saved(photo(900, 900), "PNG"), []
    expected = decode_image(data).render(50)

    def work():
        wrong.extend(1 for _ in range(5) if not np.array_equal(decode_image(data).render(50), expected))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert warnings.filters == before
    assert pillow._PillowSilencer.inside == 0


def test_limits_reach_the_gate():
    with pytest.raises(ImageError) as caught:
        decode_image(saved(photo(), "PNG"), Limits(decoded=1000))
    assert caught.value.reason is Reason.TOO_MANY_BYTES
