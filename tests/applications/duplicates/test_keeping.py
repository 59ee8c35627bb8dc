"""Which image of a group is proposed to be kept, and the reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nearsight.applications.duplicates.keeping import Losses, parse_keep_rule, replaces, sort_by_size
from nearsight.errors import UsageError
from nearsight.storage.records import ImageRecord


def image(path, width=100, height=100, size=5000, format="JPEG", taken=None, mtime=0):
    return ImageRecord(
        len(path), path.encode(), size, int(mtime * 1e9), 0, b"", width, height, format, taken, None, None, None
    )


SMALL, LARGE = image("small.jpg", 50, 50), image("large-one.jpg", 200, 100)


@pytest.mark.parametrize(
    ("rule", "images", "kept", "why"),
    [
        ("largest", [SMALL, LARGE], LARGE, "most pixels: 200 x 100"),
        ("largest", [image("a", size=900), image("bb", size=9000)], image("bb", size=9000), "most bytes a pixel"),
        ("largest", [image("a", size=9000), image("bb", format="PNG")], image("bb", format="PNG"), "a PNG"),
        ("largest", [image("a", mtime=9), image("bb", mtime=3)], image("bb", mtime=3), "oldest: 1970-01-01 00:00:03"),
        ("largest", [image("aa"), image("b")], image("b"), "shortest path"),
        ("oldest", [LARGE, image("x", taken="1999")], LARGE, "oldest: 1970"),
        ("newest", [LARGE, image("x", taken="1999")], image("x", taken="1999"), "newest: 1999"),
        ("path:sm*", [SMALL, LARGE], SMALL, "its path fits sm*"),
        ("path:none*", [SMALL, LARGE], LARGE, "most pixels"),
    ],
)
def test_what_is_kept_and_why(rule, images, kept, why):
    for order in (images, images[::-1]):
        found, reason = parse_keep_rule(rule).choose(order)
        assert found == kept
        assert why in reason


def test_colour_is_kept_before_size():
    found, why = parse_keep_rule("largest").choose([SMALL, LARGE], Losses(grey=[LARGE.id]))
    assert (found, why) == (SMALL, "it has colour")
    assert parse_keep_rule("largest").choose([SMALL, LARGE], Losses(grey=[LARGE.id, SMALL.id]))[0] == LARGE


def test_a_whole_image_is_kept_before_a_larger_damaged_one_with_colour():
    losses = Losses(grey=[SMALL.id], damaged=[LARGE.id])
    assert parse_keep_rule("largest").choose([SMALL, LARGE], losses) == (SMALL, "it is whole")


def replaced(kept, other, kept_losses, other_losses):
    other = replace(other, sha256=b"other")
    return replaces(kept, other, kept_losses, other_losses)


def test_what_lacks_something_replaces_nothing_that_has_it():
    none, grey, damaged = Losses(), Losses(grey=[LARGE.id]), Losses(damaged=[LARGE.id, SMALL.id])
    assert replaced(LARGE, SMALL, none, none)
    assert not replaced(SMALL, LARGE, none, none)
    assert not replaced(LARGE, SMALL, grey, none)
    assert not replaced(LARGE, SMALL, damaged, damaged)
    assert replaced(LARGE, SMALL, none, damaged)


def test_a_page_is_replaced_only_with_its_file_by_one_with_the_same_bytes():
    pages = Losses(of_several=[SMALL.id])
    assert not replaced(LARGE, SMALL, Losses(), pages)
    assert replaces(LARGE, SMALL, Losses(), pages)  # of equal content
    assert not replaces(LARGE, replace(SMALL, path=b"small.tif, page 2"), Losses(), pages)


def test_images_are_sorted_as_they_would_be_kept():
    assert sort_by_size([SMALL, LARGE]) == [LARGE, SMALL]


@pytest.mark.parametrize("text", ["", "biggest", "path:", "path", "oldest:x"])
def test_a_rule_that_is_none(text):
    with pytest.raises(UsageError, match="largest"):
        parse_keep_rule(text)
