"""Pages and frames: how they are named, which are images of their own, and that each is decoded as Pillow shows it."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageDraw

from nearsight.errors import ImageError, Reason
from nearsight.files import LocalFileSystem
from nearsight.images.decode import InProcessDecoder, Limits, decode_image, open_image
from nearsight.images.pages import (
    MAX_FRAMES,
    choose_pages,
    count_pages,
    locate_page,
    make_page_path,
    page_digest,
    split_page_path,
)

from .hostile import photo, saved
from .raw_files import Tiff, strip_entries

FILES = LocalFileSystem()


def colours(n):
    return [Pillow.new("RGB", (40, 30), colour) for colour in ("red", "lime", "blue", "white", "black")[:n]]


def many(frames, format, **options):
    return saved(frames[0], format, save_all=True, append_images=frames[1:], **options)


# -------------------- paths


@pytest.mark.parametrize("path", [b"scan.tif", b"a/b c.TIFF", b"n\xff.gif", b"a, page 2", b"x\ny.tif", b"noextension"])
@pytest.mark.parametrize("page", [1, 2, 10, 499, 123456])
@pytest.mark.parametrize("format", ["TIFF", "GIF"])
def test_a_path_of_a_page_splits_into_what_it_was_made_of(path, page, format):
    made = make_page_path(path, page, format)
    assert made.startswith(path)
    if page > 1:
        assert split_page_path(made) == (path, page)


def test_paths_are_said_as_people_say_them():
    assert make_page_path(b"scan.tif", 2, "TIFF") == b"scan.tif, page 2"
    assert make_page_path(b"cat.gif", 31, "GIF") == b"cat.gif, frame 31"
    assert make_page_path(b"scan.tif", 1, "TIFF") == b"scan.tif"


@pytest.mark.parametrize(
    "path",
    [b"scan.tif", b"scan.tif, page 1", b"scan.tif, page 02", b"scan.tif, page 0", b"scan.tif, page", b", page 2",
     b"a/, page 2", b"scan.tif, page 2.jpg", b"scan.tif, page 2222222", b"scan.tif,page 2", b"scan.tif, Page 2"],
)  # fmt: skip
def test_what_names_no_page(path):
    assert split_page_path(path) == (path, 1)


def test_a_file_of_that_name_is_meant_itself(tmp_path):
    file, named = bytes(tmp_path / "scan.tif"), bytes(tmp_path / "scan.tif, page 2")
    assert locate_page(named, FILES) == (file, 2)
    (tmp_path / "scan.tif, page 2").write_bytes(saved(photo(), "PNG"))
    assert locate_page(named, FILES) == (named, 1)
    assert locate_page(named + b", page 3", FILES) == (named, 3)
    assert open_image(tmp_path / "scan.tif, page 2").format == "PNG"


def test_pages_have_digests_of_their_own():
    digests = {page_digest(bytes(32), page) for page in (1, 2, 3, 21)}
    assert len(digests) == 4
    assert page_digest(bytes(32), 1) == bytes(32)
    assert {len(each) for each in digests} == {32}


# -------------------- decoding


@pytest.mark.parametrize("format", ["TIFF", "GIF", "WEBP", "PNG", "AVIF"])
def test_each_page(format, tmp_path):
    data = many(colours(5), format, **({"lossless": True} if format == "WEBP" else {}))
    assert count_pages(data) == 5
    assert choose_pages(data) == (1, 2, 3, 4, 5)
    stored = Pillow.open(io.BytesIO(data))
    path = tmp_path / "file"
    path.write_bytes(data)
    for page in range(1, 6):
        image = decode_image(data, page=page, metadata=True)
        stored.seek(page - 1)
        oracle = np.asarray(stored.convert("RGB"))
        assert (image.page, image.n_pages, image.width, image.height) == (page, 5, 40, 30)
        assert np.abs(image.render(99).astype(int) - oracle).max() <= 1
        named = bytes(path) if page == 1 else make_page_path(bytes(path), page, format)
        assert np.array_equal(InProcessDecoder(FILES).decode_file(named, 99), image.render(99))
        assert InProcessDecoder(FILES).digest_pixels(named) == image.pixel_digest()


@pytest.mark.parametrize("format", ["TIFF", "GIF", "WEBP", "PNG", "AVIF", "JPEG", "BMP"])
def test_a_page_that_is_not_there(format):
    several = format not in ("JPEG", "BMP")
    data = many(colours(3), format) if several else saved(photo(), format)
    for page in (4, 99, 0, -1):
        with pytest.raises(ImageError) as caught:
            decode_image(data, page=page)
        assert caught.value.reason is Reason.VANISHED
        assert f"has {3 if several else 1} page" in caught.value.detail


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "GIF", "WEBP", "BMP", "AVIF", "JPEG2000", "TGA"])
def test_one_page(format):
    data = saved(photo(), format)
    assert choose_pages(data) == (1,)
    assert count_pages(data) == 1
    assert decode_image(data).n_pages == 1


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "jpeg", "group4"])
def test_pages_of_a_scan_of_several_sizes_and_modes(compression):
    pages = [photo(320, 240), photo(200, 500).convert("L"), photo(64, 64).convert("RGBA"), photo(99, 10).convert("1")]
    if compression:
        pages = [each.convert("1" if compression == "group4" else "RGB") for each in pages]
    data = many(pages, "TIFF", compression=compression)
    for page, stored in enumerate(pages, 1):
        image = decode_image(data, page=page)
        assert (image.width, image.height) == stored.size
        oracle = np.asarray(stored.convert("RGB"))
        assert np.abs(image.render(999).astype(int) - oracle).mean() < (4 if compression == "jpeg" else 0.1)


def test_each_page_of_a_tiff_is_turned_by_its_own_orientation():
    first, second = photo(60, 40), photo(50, 20)
    out = io.BytesIO()
    first.save(out, "TIFF", save_all=True, append_images=[second], tiffinfo={274: 6})
    data = out.getvalue()
    stored = Pillow.open(io.BytesIO(data))
    for page in (1, 2):
        stored.seek(page - 1)
        stored.load()
        image = decode_image(data, page=page)
        assert (image.width, image.height) == stored.size
        assert np.array_equal(image.render(99), np.asarray(stored))


def directory(tiff, side, *, kind=0, old=0, tiled=False, level=100):
    """A grey page of one level."""
    entries = [(254, 4, [kind]), (256, 4, [side]), (257, 4, [side]), (258, 3, [8]), (262, 3, [1]), (277, 3, [1])]
    entries += [(255, 3, [old])] if old else []
    data = bytes([level]) * side * side
    if tiled:
        entries += [
            (259, 3, [1]),
            (322, 3, [side]),
            (323, 3, [side]),
            (324, 4, [tiff.blob(data)]),
            (325, 4, [len(data)]),
        ]
    else:
        entries += [*strip_entries(tiff, data, 1), (278, 4, [side])]
    tiff.directory(entries)


def test_reduced_images_and_masks_are_no_pages():
    tiff = Tiff()
    directory(tiff, 16, kind=1, level=10)
    directory(tiff, 64, level=50)
    directory(tiff, 32, kind=1, level=60)
    directory(tiff, 64, kind=4, level=70)
    directory(tiff, 32, old=2, level=80)
    directory(tiff, 64, kind=2, level=90)
    data = tiff.bytes()
    assert choose_pages(data) == (1, 2)
    assert [decode_image(data, page=page).render(9)[0, 0, 0] for page in (1, 2)] == [50, 90]
    assert decode_image(data).n_pages == 2


@pytest.mark.parametrize("order", ["<", ">"])
def test_levels_of_a_pyramid_that_do_not_say_so_are_no_pages(order):
    tiff = Tiff(order)
    for side, tiled in ((256, True), (64, False), (128, True), (64, True), (32, True)):
        directory(tiff, side, tiled=tiled)
    assert choose_pages(tiff.bytes()) == (1,)
    tiff = Tiff(order)
    for side in (256, 128, 64):
        directory(tiff, side)
    assert choose_pages(tiff.bytes()) == (1, 2, 3)  # strips: pages of a scan, of several resolutions


def test_where_all_are_reduced_the_first_is_the_page():
    tiff = Tiff()
    directory(tiff, 16, kind=1, level=10)
    directory(tiff, 32, kind=1, level=20)
    assert choose_pages(tiff.bytes()) == (1,)
    assert decode_image(tiff.bytes()).render(9)[0, 0, 0] == 10


def test_directories_that_go_in_circles():
    data = bytearray(many(colours(3), "TIFF"))
    first = struct.unpack_from("<I", data, 4)[0]
    offset, ends = first, []
    while offset:
        count = struct.unpack_from("<H", data, offset)[0]
        ends.append(offset + 2 + 12 * count)
        offset = struct.unpack_from("<I", data, ends[-1])[0]
    data[ends[-1] : ends[-1] + 4] = struct.pack("<I", first)
    assert choose_pages(bytes(data)) == (1, 2, 3)


# -------------------- animations


def clip(places, size=(160, 120)):
    """A ball at these places across the image."""
    frames = []
    for place in places:
        frame = Pillow.new("RGB", size, "navy")
        ImageDraw.Draw(frame).ellipse((place - 30, 30, place + 30, 90), fill="yellow")
        frames.append(frame)
    return frames


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "AVIF"])
def test_frames_that_differ(format):
    scene_a, scene_b = [40, 40.5, 41, 40], [120, 120, 121]
    frames = clip([*scene_a, *scene_b, *scene_a])
    options = {"disposal": 1} if format == "GIF" else {"lossless": True} if format == "WEBP" else {}
    # what is equal to the frame before it is merged with that by some encoders
    data = many(frames, format, duration=50, **options)
    chosen = choose_pages(data)
    assert chosen[0] == 1
    assert len(chosen) == 2
    shown = [decode_image(data, page=page).render(16)[8].astype(int) for page in chosen]
    assert shown[0][4].tolist()[0] > 200 > shown[0][12].tolist()[0]
    assert shown[1][12].tolist()[0] > 200 > shown[1][4].tolist()[0]


def test_no_more_frames_than_some():
    rng = np.random.default_rng(1)
    frames = [Pillow.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8)).resize((80, 60)) for _ in range(40)]
    chosen = choose_pages(many(frames, "WEBP", lossless=True))
    assert len(chosen) == 1 + MAX_FRAMES
    assert chosen == tuple(sorted(set(chosen)))


def test_still_frames_are_one_image():
    frames = [photo(), photo().point(lambda level: min(255, level + 4))]
    assert choose_pages(many(frames, "WEBP", lossless=True)) == (1,)


def test_a_cut_animation_ends_at_the_cut():
    data = many(clip(range(30, 130, 10)), "GIF")
    chosen = choose_pages(data[: len(data) * 2 // 3])
    assert chosen[0] == 1
    assert chosen[-1] < 10
    for page in chosen:
        assert decode_image(data[: len(data) * 2 // 3], page=page).width == 160


def test_later_frames_of_a_gif_may_not_outgrow_its_limits():
    data = many(colours(3), "GIF")
    at = data.rindex(b",\0\0\0\0")
    bomb = data[: at + 5] + struct.pack("<HH", 65_535, 65_535) + data[at + 9 :]
    assert decode_image(bomb).width == 40
    with pytest.raises(ImageError) as caught:
        decode_image(bomb, page=3)
    assert caught.value.reason is Reason.TOO_MANY_BYTES
    assert choose_pages(bomb)[0] == 1


def test_frames_count_as_often_as_they_are_held():
    data = many(clip([40, 120]), "PNG")
    with pytest.raises(ImageError) as caught:
        decode_image(data, Limits(decoded=160 * 120 * 4), page=2)
    assert caught.value.reason is Reason.TOO_MANY_BYTES
    assert choose_pages(data, Limits(decoded=160 * 120 * 4)) == (1,)


def test_images_of_a_heif():
    heif = pytest.importorskip("pillow_heif", reason="pillow-heif, which writes them, is not installed")
    file = heif.from_pillow(photo(64, 48))
    file.add_from_pillow(photo(96, 32).rotate(180))
    out = io.BytesIO()
    file.save(out, quality=95)
    assert choose_pages(out.getvalue()) == (1, 2)
    second = decode_image(out.getvalue(), page=2)
    assert (second.width, second.height, second.n_pages) == (96, 32, 2)
    assert np.abs(second.render(99).astype(int) - np.asarray(photo(96, 32).rotate(180))).mean() < 8
