"""Every caption is found by each of its words as people type them, in every script, and by no other word."""

from __future__ import annotations

import unicodedata

import pytest

from nearsight.storage.catalogue_writer import CatalogueWriter
from nearsight.storage.full_text import FullTextIndex, contains_words, explain_text_match
from nearsight.storage.records import ImageRecord, NoteRecord
from nearsight.words.tokens import tokenize_texts
from tests.words.golden import FOREIGN, GOLDEN

CAPTIONS = [caption for said in GOLDEN.values() for caption, _ in said]
CASES = [(language, caption, ways) for language, said in GOLDEN.items() for caption, ways in said]


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    """A catalogue of an image for each caption; their names hold no word, and no number of their own."""
    made = CatalogueWriter(tmp_path_factory.mktemp("golden"))
    with made.transaction():
        for number, caption in enumerate(CAPTIONS, 1):
            path = b"x" * number
            made.put_image(ImageRecord(number, path, 1, 2, 3, b"h" * 32, 4, 5, "PNG", None, None, None, None))
            made.put_notes(path, [NoteRecord(path, path, caption, "")])
    yield made
    made.close()


@pytest.fixture(scope="module")
def index(catalogue):
    return FullTextIndex(catalogue)


def captions_of(index, words):
    found = index.search(words, -1)
    assert sorted(image_id for image_id, _ in found) == index.matching_ids(words).tolist()
    return {CAPTIONS[image_id - 1] for image_id, _ in found}


def test_there_are_enough():
    assert len(GOLDEN) >= 20
    assert all(len(said) == 5 and all(len(set(ways)) >= 3 for _, ways in said) for said in GOLDEN.values())


@pytest.mark.parametrize(("language", "caption", "ways"), CASES, ids=[f"{each[0]} {n}" for n, each in enumerate(CASES)])
def test_a_caption_is_found_and_no_other(catalogue, index, language, caption, ways):
    for words in ways:
        assert captions_of(index, words) == {caption}, (language, words)
        assert contains_words(caption, words)
        image = catalogue.image(CAPTIONS.index(caption) + 1)
        assert explain_text_match(image, catalogue.notes(image.path), words) == f"its caption says: {caption}"


@pytest.mark.parametrize("caption", CAPTIONS)
def test_a_caption_is_found_by_each_of_its_words_in_every_form(index, caption):
    """Words as they stand between spaces, without what is around them."""
    ways = set()
    for word in caption.split():
        bare = word.strip(".,;:!?“”\"'")
        for form in ("NFC", "NFD", "NFKC", "NFKD"):
            typed = unicodedata.normalize(form, bare)
            ways |= {typed, typed.upper(), typed.lower(), f'"{typed}"', f"{typed}*"}
    for way in ways:
        if tokenize_texts([way]):
            assert caption in captions_of(index, way), way
    assert captions_of(index, f'"{caption}"') == {caption}


@pytest.mark.parametrize("word", FOREIGN)
def test_a_foreign_word_is_not_found(index, word):
    assert captions_of(index, word) == set()
    assert not any(contains_words(caption, word) for caption in CAPTIONS)
