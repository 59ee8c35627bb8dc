"""CLIP's tokenizer against lists of numbers that other implementations give, and against a slow one.

`tokens.json` has the numbers that nearsight's own implementation gave before it used a library, for the real vocabulary
and for the small one.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from nearsight.descriptors.joint import Joint
from nearsight.errors import ModelError, ModelMissingError
from nearsight.models import store
from nearsight.models.inference import load_tokenizer
from nearsight.models.tokenizer import Tokenizer, clean_text
from tests.models.pairs import MERGES, paired

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
KNOWN = json.loads(Path(__file__).with_name("tokens.json").read_text())
WORDS = ["red", "green", "blue", "grey", "a", "house", "7", "été", "Москва", "red7", "don't", "x+y", "🙂"]


@pytest.fixture
def clip(home, monkeypatch):
    """The real vocabulary; skips where it is not on this machine."""
    monkeypatch.setenv("NEARSIGHT_MODELS", MODELS)
    try:
        return load_tokenizer(store.require_model("clip_vocabulary").card.name)
    except ModelMissingError as problem:
        pytest.skip(str(problem))


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    path = tmp_path_factory.mktemp("words") / "words.txt"
    path.write_text(MERGES)
    return Tokenizer.from_file(path)


def slow(piece):
    """The merges of one piece, the earliest of the whole vocabulary first, each as often as it can be."""
    characters = [chr(b) if 33 <= b <= 126 else None for b in piece.encode()]
    assert None not in characters
    parts = [*characters[:-1], characters[-1] + "</w>"]
    ranked = [tuple(line.split()) for line in MERGES.splitlines()[1:]]
    while True:
        for pair in ranked:
            if pair in list(pairwise(parts)):
                at = list(pairwise(parts)).index(pair)
                parts[at : at + 2] = ["".join(pair)]
                break
        else:
            return parts


def decoded(tokens, numbers):
    """The text of tokens' numbers, a space after each word: the original's way back, written on its own."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    byte_of = {chr(byte): byte for byte in printable} | {chr(256 + at): byte for at, byte in enumerate(others)}
    words = "".join(map(tokens.table.id_to_token, numbers[1:-1])).split("</w>")
    return " ".join(bytes(byte_of[c] for c in word).decode("utf8", "replace") for word in words).strip()


@pytest.mark.parametrize(("text", "numbers"), GOLDEN.items())
def test_the_numbers_are_those_of_the_original(clip, text, numbers):
    assert clip.encode(text) == [49406, *numbers, 49407]


@pytest.mark.parametrize("known", KNOWN, ids=range(len(KNOWN)))
def test_the_numbers_are_those_that_they_were(clip, known):
    assert clip.encode(known["text"]) == known["clip"]


def test_the_numbers_of_the_small_vocabulary_are_those_that_they_were(small):
    assert {each["text"]: small.encode(each["text"]) for each in KNOWN} == {each["text"]: each["toy"] for each in KNOWN}


def test_the_real_vocabulary_reads_back_what_it_wrote(clip):
    for text in (*GOLDEN, *(f"a photo of {word} and {word}" for word in WORDS)):
        assert "".join(decoded(clip, clip.encode(text)).split()) == "".join(clean_text(text).split())
    assert decoded(clip, clip.encode("It's 42 o'clock")) == "it 's 4 2 o ' clock"
    assert clip.encode("") == [49406, 49407]


def test_merges_come_in_the_order_of_the_vocabulary(small):
    for word in ("red", "grey", "greed", "blue", "rered", "green"):
        pieces = [small.table.id_to_token(number) for number in small.encode(word)[1:-1]]
        assert pieces == slow(word)
    assert [small.table.id_to_token(n) for n in small.encode("redred")[1:-1]] == ["re", "d", "red</w>"]


def test_texts_are_cleaned_as_the_original_cleans_them(small):
    same = small.encode("red & green")
    for text in ("  Red &amp; GREEN ", "red\n&amp;amp;\tgreen", "RED &#38; green"):
        assert small.encode(text) == same
    assert small.encode("<|endoftext|>")[1:-1] != [small.encode("")[-1]]
    assert len(small.encode("<|endoftext|>")) > 3


def test_what_is_too_long_is_cut_and_ends_with_the_end(small):
    for context in (3, 8, 77):
        numbers = small.encode("red " * 100, context)
        assert len(numbers) == context
        assert (numbers[0], numbers[-1]) == tuple(small.encode(""))
        assert set(numbers[1:-1]) == set(small.encode("red")[1:-1])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(WORDS[:8]), max_size=20))
def test_clean_words_come_back(small, words):
    text = " ".join(words)
    assert decoded(small, small.encode(text, 4096)) == text


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_any_text_comes_back_but_for_spaces(small, text):
    text = text.encode("utf8", "replace").decode()
    assert "".join(decoded(small, small.encode(text, 4096)).split()) == "".join(clean_text(text).split())


def test_a_vocabulary_may_be_compressed_and_a_wrong_one_is_refused(small, tmp_path):
    (tmp_path / "v.gz").write_bytes(gzip.compress(MERGES.encode()))
    assert Tokenizer.from_file(tmp_path / "v.gz").encode("red grey") == small.encode("red grey")
    for data in (b"", b"one line", b"heading\na b c\n", b"\x1f\x8b broken", b"heading\n\xff\xfe \xff\n"):
        (tmp_path / "wrong").write_bytes(data)
        with pytest.raises(ModelError, match="is no vocabulary"):
            Tokenizer.from_file(tmp_path / "wrong")
    with pytest.raises(ModelError, match="is no vocabulary"):
        Tokenizer.from_file(tmp_path / "missing")


def test_a_tokenizer_may_be_one_file_that_says_all(tmp_path):
    """How long a text may be, and what fills up the rest, the card says."""
    numbers, marks = {"<unk>": 0, "<s>": 1, "</s>": 2, "Red": 3, "red": 4}, [("<s>", 1), ("</s>", 2)]
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel(numbers, "<unk>"))
    words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    words.post_processor = tokenizers.processors.TemplateProcessing("<s> $A </s>", special_tokens=marks)
    words.enable_truncation(4)
    words.enable_padding(length=9)
    words.save(str(tmp_path / "tokenizer.json"))
    read = Tokenizer.from_file(tmp_path / "tokenizer.json")
    assert read.encode("Red red blue Red") == [1, 3, 4, 0, 3, 2]
    assert read.encode("Red red blue Red", 4) == [1, 3, 4, 2]
    (tmp_path / "tokenizer.json").write_text('{"version": "1.0"}')
    with pytest.raises(ModelError, match="is no vocabulary"):
        Tokenizer.from_file(tmp_path / "tokenizer.json")


def test_without_the_library_the_message_says_what_to_type(home, tmp_path, monkeypatch):
    monkeypatch.setenv("NEARSIGHT_MODELS", str(paired(tmp_path / "models")))
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    for use in (Joint("colours").load, lambda: Joint("colours").encode_texts(["red"])):
        with pytest.raises(ModelMissingError, match=r'pip install "nearsight\[text\]"'):
            use()
