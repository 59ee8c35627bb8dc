"""Every face that takes an image takes whatever people have as one."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

import nearsight as ns
from nearsight.errors import UsageError


@pytest.fixture
def photos(folder):
    with ns.index(folder, by=["colour", "copy"]) as opened:
        yield opened


def forms(file):
    """The same image as people have it."""
    image = Image.open(file)
    data = file.read_bytes()
    arrays = [np.asarray(image), np.asarray(image) / 255, np.asarray(image.convert("RGBA")), np.asarray(image, int)]
    return [file, str(file), data, bytearray(data), memoryview(data), io.BytesIO(data), image, *arrays]


def test_search_takes_what_people_have(photos, folder):
    for given in forms(folder / "blue.png"):
        hits = photos.search(given, by="colour").hits
        assert hits[0].path == "blue.png"
        assert hits[0].score == pytest.approx(1, abs=1e-3)


def test_search_takes_an_open_file(photos, folder):
    with (folder / "red.png").open("rb") as file:
        assert photos.search(file, by="colour").hits[0].path == "red.png"


def test_further_images_are_taken_alike(photos, folder):
    red, blue = (Image.open(folder / f"{name}.png") for name in ("red", "blue"))
    expected = photos.search(folder / "red.png", plus=folder / "blue.png", by="colour").hits
    for given in (blue, [blue], np.asarray(blue), [io.BytesIO((folder / "blue.png").read_bytes())]):
        hits = photos.search(red, plus=given, by="colour").hits
        assert [(hit.path, hit.score) for hit in hits] == [(hit.path, hit.score) for hit in expected]


def test_describe_takes_one_or_several(folder):
    given = forms(folder / "green.png")
    rows = ns.describe(given, "colour_histogram")
    assert rows.shape[0] == len(given)
    assert np.abs(rows - rows[0]).max() < 1e-6
    for one in (str(folder / "green.png"), given[6], given[7]):
        assert np.array_equal(ns.describe(one, "colour_histogram"), rows[:1])


def test_match_compares_any_two(folder, photos):
    for given in forms(folder / "red.png"):
        assert ns.match(given, folder / "red.png").alike
        assert not ns.match(given, Image.open(folder / "blue.png")).alike


def test_check_names_what_has_no_name_by_its_number(photos, folder):
    found = ns.check([folder / "red.png", Image.open(folder / "blue.png"), (folder / "green.png").read_bytes()], folder)
    assert [each.image for each in found] == [str(folder / "red.png"), "image 2", "image 3"]
    assert [each.found for each in found] == ["red.png", "blue.png", "green.png"]
    assert [each.found for each in ns.check(Image.open(folder / "blue.png"), folder)] == ["blue.png"]


def test_colours_takes_what_people_have(folder):
    for given in forms(folder / "red.png"):
        assert list(ns.colours(given)) == ["#e6141e"]


def test_an_address_is_refused_everywhere(photos, folder):
    address = "https://example.org/a.jpg"
    asked = [
        lambda: photos.search(address), lambda: photos.search(folder / "red.png", plus=address, by="colour"),
        lambda: ns.describe([address], "tiny"), lambda: ns.match(folder / "red.png", address),
        lambda: ns.check([address], folder), lambda: ns.colours(address), lambda: photos.search(sketch=address),
    ]  # fmt: skip
    for ask in asked:
        with pytest.raises(UsageError, match=r"^https://example\.org/a\.jpg is an address, .*download"):
            ask()


def test_a_page_is_asked_with_by_its_path(photos, folder, tmp_path):
    pages = [Image.open(folder / f"{name}.png") for name in ("red", "blue")]
    pages[0].save(tmp_path / "scan.tif", save_all=True, append_images=pages[1:])
    assert photos.search(tmp_path / "scan.tif", by="colour").hits[0].path == "red.png"
    assert photos.search(f"{tmp_path}/scan.tif, page 2", by="colour").hits[0].path == "blue.png"
    assert ns.match(tmp_path / "scan.tif, page 2", folder / "blue.png").alike
    assert not ns.match(tmp_path / "scan.tif, page 2", tmp_path / "scan.tif").alike
