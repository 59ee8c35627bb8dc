"""CLIP's tokenizer against lists of numbers that other implementations give, and against itself."""

from __future__ import annotations

import gzip
import os
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearsight.errors import ModelError, ModelMissingError
from nearsight.models import registry
from nearsight.models.onnx_runtime import tokenizer
from nearsight.models.tokenizer import Tokenizer, cleaned
from tests.models.pairs import MERGES

MODELS = os.environ.get("NEARSIGHT_MODELS", "")
GOLDEN = {
    "": [],
    "a photo of a cat": [320, 1125, 539, 320, 2368],
    "A  Photo of a\tCAT ": [320, 1125, 539, 320, 2368],
    "a photo of a dog": [320, 1125, 539, 320, 1929],
    "Hello World": [3306, 1002],
    "A Cat!": [320, 2368, 256],
    "a painting of a cat": [320, 3086, 539, 320, 2368],
    "bozuman": [647, 4091, 786],
    "the brown fox jumps over the lazy dog": [518, 2866, 3240, 18911, 962, 518, 10753, 1929],
    "A cyberpunk street at night, neon lights!": [320, 36896, 2012, 536, 930, 267, 13919, 3073, 256],
    "a beautiful landscape, digital art, trending on artstation": [
        *(320, 1215, 5727, 267, 2794, 794, 267, 6087, 525, 1486, 2631),
    ],
}
WORDS = ["red", "green", "blue", "grey", "a", "house", "7", "été", "Москва", "red7", "don't", "x+y", "🙂"]


@pytest.fixture
def clip(home, monkeypatch):
    """The real vocabulary; skips where it is not on this machine."""
    monkeypatch.setenv("NEARSIGHT_MODELS", MODELS)
    try:
        return tokenizer(registry.model("clip_vocabulary").card.name)
    except ModelMissingError as problem:
        pytest.skip(str(problem))


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    path = tmp_path_factory.mktemp("words") / "words.txt"
    path.write_text(MERGES)
    return Tokenizer.read(path)


def slow(tokens, piece):
    """The merges of one piece, the earliest of the whole vocabulary first, each as often as it can be."""
    characters = [chr(b) if 33 <= b <= 126 else None for b in piece.encode()]
    assert None not in characters
    parts = [*characters[:-1], characters[-1] + "</w>"]
    ranked = sorted(tokens._ranks, key=tokens._ranks.get)
    while True:
        for pair in ranked:
            if pair in list(pairwise(parts)):
                at = list(pairwise(parts)).index(pair)
                parts[at : at + 2] = ["".join(pair)]
                break
        else:
            return parts


@pytest.mark.parametrize(("text", "numbers"), GOLDEN.items())
def test_the_numbers_are_those_of_the_original(clip, text, numbers):
    assert clip.encode(text) == [49406, *numbers, 49407]


def test_the_real_vocabulary_reads_back_what_it_wrote(clip):
    for text in (*GOLDEN, *(f"a photo of {word} and {word}" for word in WORDS)):
        assert "".join(clip.decode(clip.encode(text)).split()) == "".join(cleaned(text).split())
    assert clip.decode(clip.encode("It's 42 o'clock")) == "it 's 4 2 o ' clock"
    assert (clip.start, clip.end) == (49406, 49407)


def test_merges_come_in_the_order_of_the_vocabulary(small):
    for word in ("red", "grey", "greed", "blue", "rered", "green"):
        pieces = [small._pieces[number] for number in small.encode(word)[1:-1]]
        assert pieces == slow(small, word)
    assert [small._pieces[n] for n in small.encode("redred")[1:-1]] == ["re", "d", "red</w>"]


def test_texts_are_cleaned_as_the_original_cleans_them(small):
    same = small.encode("red & green")
    for text in ("  Red &amp; GREEN ", "red\n&amp;amp;\tgreen", "RED &#38; green"):
        assert small.encode(text) == same
    assert small.encode("<|endoftext|>")[1:-1] != [small.end]
    assert len(small.encode("<|endoftext|>")) > 3


def test_what_is_too_long_is_cut_and_ends_with_the_end(small):
    for context in (3, 8, 77):
        numbers = small.encode("red " * 100, context)
        assert len(numbers) == context
        assert (numbers[0], numbers[-1]) == (small.start, small.end)
        assert set(numbers[1:-1]) == set(small.encode("red")[1:-1])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(WORDS[:8]), max_size=20))
def test_clean_words_come_back(small, words):
    text = " ".join(words)
    assert small.decode(small.encode(text, 4096)) == text


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_any_text_comes_back_but_for_spaces(small, text):
    text = text.encode("utf8", "replace").decode()
    assert "".join(small.decode(small.encode(text, 4096)).split()) == "".join(cleaned(text).split())


def test_a_vocabulary_may_be_compressed_and_a_wrong_one_is_refused(small, tmp_path):
    (tmp_path / "v.gz").write_bytes(gzip.compress(MERGES.encode()))
    assert Tokenizer.read(tmp_path / "v.gz").encode("red grey") == small.encode("red grey")
    for data in (b"", b"one line", b"heading\na b c\n", b"\x1f\x8b broken", b"heading\n\xff\xfe \xff\n"):
        (tmp_path / "wrong").write_bytes(data)
        with pytest.raises(ModelError, match="is no vocabulary"):
            Tokenizer.read(tmp_path / "wrong")
    with pytest.raises(ModelError, match="is no vocabulary"):
        Tokenizer.read(tmp_path / "missing")
