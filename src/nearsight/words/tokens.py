"""The tokens of a text: what is stored in the full-text index, and what a query is cut into.

1. Case, compatibility forms, digits and apostrophes are folded.
2. Each character gets a class: letter of a script with spaces, letter of a script without spaces, Hangul, mark, joint
   (apostrophe, hyphen), symbol, or none of these. Runs of one class are cut at that.
3. A run of a script with spaces is one token, without the marks that its language does not need.
4. A run of Han, Kana, Thai, Lao, Khmer, Myanmar, Tibetan or Hangul becomes the pairs of its neighbouring letters, each
   letter with its marks, and its last letter: so any part of it is a phrase of pairs, and any letter a prefix.
5. Other ways of writing a word follow at the end of its text: without apostrophe or hyphen, and umlauts in two letters.

Tokens hold no ASCII character but a-z and 0-9, so that SQLite's `ascii` tokenizer neither cuts nor folds them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from unicodedata import category

from nearsight.words.fold import fold_case, fold_marks, in_blocks, spell_umlauts

BOUNDARY, PAIR, START = "\ue000", "\ue001", "\ue002"
"""Tokens and parts of tokens that no text holds: between texts; between the letters of a pair; before a Hangul word."""
MAX_JOINED = 4
"""A word of more parts with hyphens is not also written without them."""

_APOSTROPHES = str.maketrans(dict.fromkeys("´`’‘‛ʼʻʽʹʾʿˈ′‵＇՚", "'"))
_HEBREW_QUOTE = re.compile("(?<=[\u05d0-\u05ea])[\"'“”„’\u05f3\u05f4](?=[\u05d0-\u05ea])")
_ARABIC_JOINT = re.compile("(?<=[\u0600-\u06ff])\u200c+(?=[\u0600-\u06ff])")
_UNSPACED_BREAK = re.compile("(?<=[\u0e00-\u109f\u1780-\u17ff\u3005-\u9fff])[\u200b\u00ad]+")
_JOINTS = frozenset("'-·‐‑\u05be\u0f0b\u0f0c﹣－")
_UNSPACED = (
    *((0x0E00, 0x0EFF), (0x0F00, 0x0FFF), (0x1000, 0x109F), (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F), (0x1780, 0x17FF)),
    *((0x1980, 0x19DF), (0x1A20, 0x1AAF), (0x1B00, 0x1B7F), (0xA980, 0xA9DF)),
    *((0x3005, 0x3007), (0x3041, 0x312F), (0x31A0, 0x31BF), (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF)),
    *((0xF900, 0xFAFF), (0x1AFF0, 0x1B16F), (0x20000, 0x3FFFD)),
)
"""Blocks: Thai, Lao, Tibetan, Myanmar, Khmer; Tai Lue, Tai Tham, Balinese, Javanese; Kana, Bopomofo, Han."""
_HANGUL = ((0x1100, 0x11FF), (0x3130, 0x318F), (0xA960, 0xA97F), (0xAC00, 0xD7FF))
_SYMBOLS = ((0x2600, 0x27BF), (0x1F1E6, 0x1F3FA), (0x1F400, 0x1FAFF))

_PIECE = re.compile("[wuhs][wuhsm]*(?:j[wuhs][wuhsm]*)*")
_RUN = re.compile("w[wm]*|u[um]*|h[hm]*|s")
_LETTER = re.compile("[uh]m*")


class Run(NamedTuple):
    """Characters of one class that follow each other, with their case folded.

    `kind` is w: of a script with spaces, u: of one without, h: Hangul, s: a symbol.
    """

    kind: str
    text: str

    @property
    def word(self) -> str:
        """The text without the marks that its language does not need."""
        return fold_marks(self.text)

    def pairs(self, *, to_end: bool) -> list[str]:
        """The pairs of neighbouring letters; with `to_end` the last letter too, as at the end of a stored run.

        A single letter is always given alone.
        """
        letters = [self.text[found.start() : found.end()] for found in _LETTER.finditer(self.text.translate(_CLASSES))]
        last = letters[-1] + PAIR
        made = [first + PAIR + second for first, second in pairwise(letters)]
        if to_end or not made:
            made.append(last)
        return [START + made[0], *made[1:]] if self.kind == "h" else made

    def tokens(self) -> list[str]:
        """The tokens that are stored of it."""
        if self.kind in "uh":
            return self.pairs(to_end=True)
        return [self.word] if self.word else []


class _Classes(dict[int, str]):
    """The class of each character; filled as characters are met."""

    def __missing__(self, code: int) -> str:
        self[code] = found = _class_of(code)
        return found


def _class_of(code: int) -> str:
    letter = chr(code)
    kind = category(letter)
    if letter in _JOINTS:
        return "j"
    if kind.startswith("M"):
        return "m"
    if in_blocks(code, _SYMBOLS):
        return "s"
    if not kind.startswith(("L", "N")):
        return " "
    if in_blocks(code, _HANGUL):
        return "h"
    return "u" if in_blocks(code, _UNSPACED) else "w"


_CLASSES = _Classes()


def join_abbreviations(text: str) -> str:
    """A text in which the quote within a Hebrew abbreviation is an apostrophe, so that it is no end of a phrase."""
    return _HEBREW_QUOTE.sub("'", text)


def fold_text(text: str) -> str:
    """A text as it is cut into tokens: case folded, one kind of apostrophe, no invisible characters."""
    text = text.translate(_APOSTROPHES)
    if not text.isascii():
        text = _ARABIC_JOINT.sub("-", join_abbreviations(text))
        text = _UNSPACED_BREAK.sub("", text).replace("\u200b", " ")
    return fold_case(text)


def split_pieces(text: str) -> list[list[Run]]:
    """The runs of a text, those together that no space or punctuation separates, or only a joint."""
    folded = fold_text(text)
    classes = folded.translate(_CLASSES)
    return [
        [Run(classes[at], folded[at:end]) for at, end in _spans(classes, piece.start(), piece.end())]
        for piece in _PIECE.finditer(classes)
    ]


def _spans(classes: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    return (found.span() for found in _RUN.finditer(classes, start, end))


def tokenize_texts(texts: Iterable[str]) -> list[str]:
    """The tokens of several texts, with a boundary between them that no phrase crosses."""
    made: list[str] = []
    for text in texts:
        found = _tokenize_text(text)
        if found:
            made += [BOUNDARY, *found] if made else found
    return made


@lru_cache(maxsize=1024)
def _tokenize_text(text: str) -> tuple[str, ...]:
    pieces = split_pieces(text)
    found = [token for piece in pieces for run in piece for token in run.tokens()]
    for other in dict.fromkeys(way for piece in pieces for way in other_spellings(piece)):
        found += [BOUNDARY, other]
    return tuple(found)


def other_spellings(piece: list[Run]) -> list[str]:
    """A word written otherwise, as one token each: without apostrophe or hyphen, and umlauts in two letters."""
    if any(run.kind != "w" for run in piece):
        return []
    made: list[str] = []
    if len(piece) == 1 and piece[0].text.isascii():
        return made
    if 1 < len(piece) <= MAX_JOINED:
        made.append("".join(run.word for run in piece))
    for run in piece:
        spelt = fold_marks(spell_umlauts(run.text))
        if spelt != run.word:
            made.append(spelt)
    return made
