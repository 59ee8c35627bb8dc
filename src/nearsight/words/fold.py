"""Folding of text: case, compatibility forms and digits of every script, and marks where a language does not need them.

`fold_case` keeps all marks: two texts are equal then if they are the same but for case and Unicode normal form.
`fold_marks` goes on from there to what a word is found by. It removes accents of Latin and Greek letters, stress marks
of Cyrillic, vowel points of Arabic and Hebrew, and the Devanagari nukta. It keeps Cyrillic й and ї, vowel signs of
Indic scripts, vowels and tones of Thai and Lao, and the voicing of Kana, without which words are others.
"""

from __future__ import annotations

import re
from unicodedata import category, decimal, normalize

_SHORT_I = "i\u0307"
"""What case folding makes of the Turkish capital letter with a dot."""
_SPELLINGS = (
    (_SHORT_I, "i"),
    ("\u0565\u0582", "\u0565\u057e"),  # Armenian ew: capitals write it with another letter
    ("\u0e40\u0e40", "\u0e41"),  # Thai: two short vowels typed for the long one
)
_THAI_AM = re.compile("\u0e4d([\u0e48-\u0e4b])\u0e32")
_NASALS = re.compile(
    "\u0919\u094d(?=[\u0915-\u0918])|\u091e\u094d(?=[\u091a-\u091d])|\u0923\u094d(?=[\u091f-\u0922])"
    "|\u0928\u094d(?=[\u0924-\u0927])|\u092e\u094d(?=[\u092a-\u092d])"
)
"""A Devanagari nasal before a stop of its own class, which is also written as a dot above."""
_DIGRAPHS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
_LETTERS = {
    **{"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "æ": "ae", "œ": "oe", "þ": "th", "ŧ": "t", "ŋ": "n"},
    **{"ß": "ss", "ı": "i", "ĸ": "k", "ƒ": "f", "ƀ": "b"},
    **{"ё": "е", "ѐ": "е", "ѝ": "и"},
    **{"ى": "ي", "ی": "ي", "ې": "ي", "ک": "ك", "ڪ": "ك", "ة": "ه", "ہ": "ه", "ە": "ه", "ۃ": "ه", "ٱ": "ا", "ـ": ""},
    **{"\u0901": "\u0902", "\u09ce": "\u09a4\u09cd"},
    **{"\u0d7a": "\u0d23\u0d4d", "\u0d7b": "\u0d28\u0d4d", "\u0d7c": "\u0d30\u0d4d", "\u0d7d": "\u0d32\u0d4d"},
    **{"\u0d7e": "\u0d33\u0d4d", "\u0d7f": "\u0d15\u0d4d"},
}
"""Letters that do not decompose, or are spelt in two ways: Latin, Cyrillic, Arabic, Devanagari, Bengali, Malayalam."""
_REMOVED_MARKS = (
    *((0x0300, 0x036F), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE20, 0xFE2F)),
    (0x0483, 0x0489),
    *((0x0591, 0x05C7), (0x0610, 0x061A), (0x064B, 0x065F), (0x0670, 0x0670), (0x06D6, 0x06ED), (0x08CA, 0x08FF)),
    (0x0730, 0x074A),
    (0x093C, 0x093C),
)
"""Blocks of marks: general, Cyrillic, Hebrew and Arabic, Syriac, the Devanagari nukta."""
_DECOMPOSED = ((0x00C0, 0x024F), (0x0370, 0x03FF), (0x1E00, 0x1FFF), (0x0600, 0x06FF), (0x2C60, 0x2C7F))
"""Blocks of letters whose marks are removed: Latin, Greek, Arabic."""
_SELECTORS = ((0xFE00, 0xFE0F), (0x180B, 0x180F), (0xE0100, 0xE01EF), (0x115F, 0x1160))


def fold_case(text: str) -> str:
    """Text without differences of case and of Unicode's compatibility forms; marks stay.

    >>> fold_case("ＳＴＲＡẞＥ ÉTÉ") == fold_case("strasse e\u0301te\u0301")
    True
    """
    if text.isascii():
        return text.lower()
    folded = normalize("NFKC", normalize("NFKC", text).casefold().translate(_CASE_TABLE))
    for spelling, usual in _SPELLINGS:
        folded = folded.replace(spelling, usual)
    return _THAI_AM.sub("\\1\u0e4d\u0e32", folded)


def fold_marks(word: str) -> str:
    """A word of `fold_case` without the marks that its language does not need.

    >>> fold_marks("łódź"), fold_marks("мой"), fold_marks("が")
    ('lodz', 'мой', 'が')
    """
    if word.isascii():
        return word
    return _NASALS.sub("\u0902", word.translate(_MARK_TABLE)) if "\u094d" in word else word.translate(_MARK_TABLE)


def spell_umlauts(word: str) -> str:
    """A word of `fold_case` with its umlauts in two letters each, as they are typed without the keys: ue for ü."""
    return word.translate(_DIGRAPHS)


def in_blocks(code: int, blocks: tuple[tuple[int, int], ...]) -> bool:
    """Whether a code point lies in one of the blocks, which are given by their first and last."""
    return any(first <= code <= last for first, last in blocks)


class _CaseTable(dict[int, str]):
    """What of each character remains after case folding; filled as characters are met."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        kind = category(letter)
        if kind == "Nd":
            left = str(decimal(letter))
        elif kind == "Cf" or in_blocks(code, _SELECTORS):
            left = ""
        else:
            left = "i" if letter == "ı" else letter
        self[code] = left
        return left


class _MarkTable(dict[int, str]):
    """What of each character remains without its marks; filled as characters are met."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        if letter in _LETTERS:
            left = _LETTERS[letter]
        elif category(letter).startswith("M"):
            left = "" if in_blocks(code, _REMOVED_MARKS) else letter
        elif in_blocks(code, _DECOMPOSED):
            base = "".join(each for each in normalize("NFD", letter) if not category(each).startswith("M"))
            left = "".join(_LETTERS.get(each, each) for each in base)
        else:
            left = letter
        self[code] = left
        return left


_CASE_TABLE = _CaseTable()
_MARK_TABLE = _MarkTable()
