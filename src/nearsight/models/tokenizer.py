"""Texts as numbers, by the byte-pair encoding that CLIP's text networks were trained with.

A. Radford et al., Learning Transferable Visual Models From Natural Language Supervision, ICML 2021, section 2.4;
R. Sennrich, B. Haddow and A. Birch, Neural Machine Translation of Rare Words with Subword Units, ACL 2016, algorithm 1.

1. The text is cleaned: HTML entities twice undone, white space to single spaces, small letters.
2. It is cut into runs of letters, single digits, runs of other signs, and the English endings 's 't 're 've 'm 'll 'd.
3. The bytes of a piece are written as printable characters, the last one marked as the end of a word.
4. The two neighbours whose merger is the earliest in the vocabulary are merged, until none is left that can be.

Departures: text that was decoded wrongly before is not repaired (CLIP calls ftfy); the names of the two tokens that
mark beginning and end are plain text where somebody writes them.
"""

from __future__ import annotations

import gzip
import html
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from nearsight.errors import ModelError

MERGES = 49152 - 256 - 2
"""As many of the vocabulary's mergers CLIP uses: with 2 x 256 bytes and 2 marks they make 49408 tokens."""
END_OF_WORD = "</w>"
ENDINGS = ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d")


class Tokenizer:
    """Texts as numbers of tokens, and back. `merges` are pairs of pieces of words, the most frequent first."""

    def __init__(self, merges: Sequence[tuple[str, str]]) -> None:
        letters = list(_characters().values())
        pieces = [*letters, *(each + END_OF_WORD for each in letters), *map("".join, merges)]
        self.start, self.end = len(pieces), len(pieces) + 1
        self._numbers = {piece: number for number, piece in enumerate(pieces)}
        self._pieces = pieces
        self._ranks = {pair: rank for rank, pair in enumerate(merges)}
        self._merged = lru_cache(maxsize=1 << 14)(self._merge)

    @classmethod
    def read(cls, path: Path) -> Tokenizer:
        """The tokenizer of a file of mergers, two pieces a line behind a heading; it may be compressed by gzip.

        Raises
        ------
        ModelError
            where it is no such file
        """
        try:
            data = path.read_bytes()
            text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf8")
        except (OSError, EOFError, ValueError, zlib.error) as problem:
            raise ModelError(f"{path} is no vocabulary: {problem}") from problem
        merges = [tuple(line.split()) for line in text.split("\n")[1 : MERGES + 1] if line.strip()]
        if not merges or not all(len(pair) == 2 for pair in merges):
            raise ModelError(f"{path} is no vocabulary: it has two pieces a line, behind one line of heading")
        return cls([(first, second) for first, second in merges])

    def encode(self, text: str, context: int = 77) -> list[int]:
        """The numbers of a text's tokens between those of its beginning and its end, at most `context` of them."""
        numbers = [number for piece in _cut(cleaned(text)) for number in self._merged(piece)]
        return [self.start, *numbers[: context - 2], self.end]

    def decode(self, numbers: Sequence[int]) -> str:
        """The text of tokens' numbers, a space after each word; those of the beginning and the end are left out."""
        joined = "".join(self._pieces[number] for number in numbers if number < self.start)
        bytes_of = {character: byte for byte, character in _characters().items()}
        words = joined.split(END_OF_WORD)
        return " ".join(bytes(bytes_of[c] for c in word).decode("utf8", "replace") for word in words).strip()

    def _merge(self, piece: str) -> tuple[int, ...]:
        """The numbers of one piece of text."""
        parts = [_characters()[byte] for byte in piece.encode("utf8", "replace")]
        parts[-1] += END_OF_WORD
        while len(parts) > 1:
            pairs = list(pairwise(parts))
            first = min(pairs, key=lambda pair: self._ranks.get(pair, len(self._ranks)))
            if first not in self._ranks:
                break
            parts = list(_joined(parts, first))
        return tuple(self._numbers[part] for part in parts)


def cleaned(text: str) -> str:
    """The text without HTML entities, with single spaces, in small letters."""
    return " ".join(html.unescape(html.unescape(text)).split()).lower()


def _cut(text: str) -> Iterator[str]:
    """The pieces of a cleaned text, in their order."""
    at = 0
    while at < len(text):
        kind = _kind(text[at])
        ending = next((each for each in ENDINGS if text.startswith(each, at)), "")
        stop = at + (len(ending) or 1)
        if not ending and kind in "LO":
            while stop < len(text) and _kind(text[stop]) == kind:
                stop += 1
        if kind != " ":
            yield text[at:stop]
        at = stop


def _kind(character: str) -> str:
    """L for a letter, N for a digit, a space for white space, O for all others."""
    if character.isspace():
        return " "
    category = unicodedata.category(character)[0]
    return category if category in "LN" else "O"


def _joined(parts: Sequence[str], pair: tuple[str, str]) -> Iterator[str]:
    """The parts with each occurrence of the pair as one."""
    at = 0
    while at < len(parts):
        both = tuple(parts[at : at + 2]) == pair
        yield "".join(pair) if both else parts[at]
        at += 2 if both else 1


@lru_cache(maxsize=1)
def _characters() -> dict[int, str]:
    """A printable character for each byte: its own where it has one, otherwise one from 256 on. In CLIP's order."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + at) for at, byte in enumerate(others)}
