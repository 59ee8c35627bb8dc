"""Which image a sidecar belongs to, by names alone: against a model of how Google Takeout names files."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearsight.metadata.sidecars.beside import FolderNames, match_beside
from nearsight.metadata.sidecars.takeout_names import EDITED, fit_title, media_of_sidecar

LETTERS = "ab_é"
STEMS = ("IMG_1", "IMG_10", "IMG_1(1)", "a b", "Ann's dog", "x&y", "what?", "c" * 41, "c" * 42, "c" * 44, "日" * 20)


def title_of(rng):
    """A title: an often used one, a long one of which many begin alike, or any."""
    kind = rng.random()
    stem = rng.choice(STEMS) if kind < 0.5 else "d" * 44 + "".join(rng.choices(LETTERS, k=rng.randrange(8)))
    if kind > 0.8:
        stem = "".join(rng.choices(LETTERS, k=rng.randrange(1, 60)))
    return stem + rng.choice([".jpg", ".JPG", ".png", ".HEIC", ".mp4", ".jpeg"])


def takeout_folder(titles, suffix):
    """The files that Takeout makes of photos: for each, its title, its file and its sidecar."""
    names, bases, photos = set(), set(), []
    for title in titles:
        plain = "".join("_" if letter in "&?':*<>|" else letter for letter in title)
        stem, dot, ending = plain.rpartition(".")
        stem = stem[: 51 - len(ending) - 1]
        name = first_free(lambda number, s=stem, e=dot + ending: f"{s}{number}{e}", names)
        base = first_free(lambda number, b=f"{plain}{suffix}"[:46]: f"{b}{number}", bases)
        photos.append((title, name, f"{base}.json"))
    return photos


def first_free(make, taken):
    """The first name of a series that no other file has, whatever its case."""
    number = 0
    while (name := make(f"({number})" if number else "")).lower() in taken:
        number += 1
    taken.add(name.lower())
    return name


def folder_of(files):
    films = {name for name in files if name.endswith((".mp4", ".json"))}
    return FolderNames(frozenset(files) - films, frozenset(films))


@pytest.mark.parametrize("suffix", ["", ".supplemental-metadata"])
def test_a_sidecar_belongs_to_its_own_image_or_to_none(suffix):
    found, possible = 0, 0
    for seed in range(400):
        rng = random.Random(f"{seed}{suffix}")
        photos = takeout_folder([title_of(rng) for _ in range(rng.randrange(1, 12))], suffix)
        files = {name for _, image, sidecar in photos for name in (image, sidecar) if rng.random() < 0.85}
        for title, image, sidecar in photos:
            if sidecar not in files:
                continue
            match = match_beside(sidecar, title, "", folder_of(files))
            own = {image} if image in files and not image.endswith(".mp4") else set()
            others = {other: its for _, other, its in photos}
            for strange in set(match.images) - own:  # its ending was replaced, for all that can be seen
                assert strange.rpartition(".")[2] != title.rpartition(".")[2], (
                    title,
                    image,
                    sidecar,
                    match,
                    sorted(files),
                )
                assert others[strange] not in files
                own = {strange}
            assert set(match.images) <= own, (seed, title, image, sidecar, sorted(files))
            assert bool(match.images) != bool(match.doubt)
            found, possible = found + bool(match.images), possible + bool(own)
    assert found > 0.9 * possible


def test_all_are_found_where_nothing_is_missing():
    for seed in range(200):
        rng = random.Random(seed)
        titles = [f"{number}_{title_of(rng)}" for number in range(rng.randrange(1, 12))]
        photos = takeout_folder(titles, rng.choice(["", ".supplemental-metadata"]))
        folder = folder_of({name for _, *names in photos for name in names})
        for title, image, sidecar in photos:
            wanted = () if image.endswith(".mp4") else (image,)
            assert match_beside(sidecar, title, "", folder).images == wanted, (title, image, sidecar)


@pytest.mark.parametrize("suffix", EDITED)
def test_an_edited_image_fits_the_title_of_the_original(suffix):
    fit = fit_title(f"IMG_1{suffix}.jpg", "IMG_1.jpg")
    assert fit is not None
    assert (fit.edited, fit.counter) == (True, 0)
    assert fit_title(f"IMG_1{suffix}(2).jpg", "IMG_1.jpg").counter == 2
    assert fit_title(f"IMG_12{suffix}.jpg", "IMG_1.jpg") is None
    assert not fit_title(f"IMG_1{suffix}.jpg", f"IMG_1{suffix}.jpg").edited


@pytest.mark.parametrize(
    ("base", "name"),
    [
        ("IMG_1.jpg", "IMG_1.jpg"),
        ("IMG_1.jpg(1)", "IMG_1(1).jpg"),
        ("IMG_1(1).jpg", "IMG_1(1).jpg"),
        ("IMG_1.jpg.supplemental-metadata(12)", "IMG_1(12).jpg"),
        ("IMG_1.jpg.", "IMG_1.jpg"),
        ("IMG_1.jpg.s(3)", "IMG_1(3).jpg"),
        ("IMG_1.jpg.supplemental-metadata-x", None),
        ("IMG_1", None),
        ("IMG_1(1)", None),
        ("IMG_1.jp", None),
    ],
)
def test_the_file_that_a_sidecar_is_named_after(base, name):
    assert media_of_sidecar(base) == name


NAMES = st.text("ab.(1)-_é&\udc80/ ", min_size=1, max_size=12)


@given(NAMES, NAMES | st.just(""), st.sampled_from(["", "cr2"]), st.sets(NAMES), st.sets(NAMES))
def test_any_names_are_matched_or_in_doubt(sidecar, title, owner, images, others):
    folder = FolderNames(frozenset(images), frozenset(others - images))
    for ending in (".json", ".xmp", ".txt"):
        match = match_beside(sidecar + ending, title, owner, folder)
        assert set(match.images) <= images
        assert bool(match.images) != bool(match.doubt)
