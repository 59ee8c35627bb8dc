"""Texts as numbers, by the byte-pair encoding that CLIP's text networks were trained with, or as a file says.

A. Radford et al., Learning Transferable Visual Models From Natural Language Supervision, ICML 2021, section 2.4;
R. Sennrich, B. Haddow and A. Birch, Neural Machine Translation of Rare Words with Subword Units, ACL 2016, algorithm 1.

1. The text is cleaned: HTML entities twice undone, white space to single spaces, small letters.
2. It is cut into runs of letters, single digits, runs of other signs, and the English endings 's 't 're 've 'm 'll 'd.
3. The bytes of a piece are written as printable characters, the last one marked as the end of a word.
4. The two neighbours whose merger is the earliest in the vocabulary are merged, until none is left that can be.

The library `tokenizers` does all but the first. Departures: text that was decoded wrongly before is not repaired (CLIP
calls ftfy); the names of the two tokens that mark beginning and end are plain text where somebody writes them.
"""

from __future__ import annotations

import gzip
import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from nearsight.errors import ModelError, ModelMissingError

if TYPE_CHECKING:
    import tokenizers

N_MERGES = 49152 - 256 - 2
"""As many of the vocabulary's mergers CLIP uses: with 2 x 256 bytes and 2 marks they make 49408 tokens."""
END_OF_WORD = "</w>"
PIECE_PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^ \p{L}\p{N}]+"
"""A piece of a cleaned text, whose only white space are single spaces."""


@dataclass(frozen=True)
class Tokenizer:
    """Texts as numbers of tokens: a text is cleaned, cut and looked up."""

    table: tokenizers.Tokenizer
    clean: Callable[[str], str]

    @classmethod
    def from_file(cls, path: Path) -> Tokenizer:
        """The tokenizer of a file, which may be compressed by gzip.

        That is a list of mergers, two pieces a line behind a heading, the most frequent first, as CLIP's is published;
        or a `tokenizer.json`, which says all of it.

        Raises
        ------
        ModelError
            where it is no such file, or the library is not installed
        """
        made = import_tokenizers()
        try:
            data = path.read_bytes()
            data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
            if data[:1] == b"{":
                return cls(_without_truncation(made.Tokenizer.from_buffer(data)), str)
            return cls(_build_from_merges(_parse_merges(data.decode("utf8"))), clean_text)
        except Exception as problem:  # the library's errors have no common class of their own
            raise ModelError(f"{path} is no vocabulary: {problem}") from problem

    def encode(self, text: str, context: int = 77) -> list[int]:
        """The numbers of a text's tokens between those of its beginning and its end, at most `context` of them."""
        numbers: list[int] = self.table.encode(self.clean(text.encode("utf8", "replace").decode())).ids
        return numbers if len(numbers) <= context else [*numbers[: context - 1], numbers[-1]]


def import_tokenizers() -> ModuleType:
    """The library; ModelMissingError with what to type where it is not installed."""
    try:
        import tokenizers
    except ImportError:
        raise ModelMissingError('texts need the package tokenizers: pip install "nearsight[text]"') from None
    return tokenizers


def clean_text(text: str) -> str:
    """The text without HTML entities, with single spaces, in small letters."""
    return " ".join(html.unescape(html.unescape(text)).split()).lower()


def _parse_merges(text: str) -> list[tuple[str, str]]:
    pairs = [line.split() for line in text.split("\n")[1 : N_MERGES + 1] if line.strip()]
    if not pairs or not all(len(pair) == 2 for pair in pairs):
        raise ValueError("it has two pieces a line, behind one line of heading")
    return [(first, second) for first, second in pairs]


def _build_from_merges(merges: Sequence[tuple[str, str]]) -> tokenizers.Tokenizer:
    """CLIP's table: each byte within a word and at its end, what they merge to, beginning and end of a text."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = [*letters, *(each + END_OF_WORD for each in letters), *map("".join, merges)]
    numbers = {piece: number for number, piece in enumerate(pieces)}
    table = Tokenizer(models.BPE(numbers, list(merges), end_of_word_suffix=END_OF_WORD))
    bytes_of = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    cut = pre_tokenizers.Split(Regex(PIECE_PATTERN), "removed", invert=True)
    table.pre_tokenizer = pre_tokenizers.Sequence([cut, bytes_of])
    marks = [("start", len(pieces)), ("end", len(pieces) + 1)]
    table.post_processor = processors.TemplateProcessing(single="start $A end", special_tokens=marks)
    return table


def _without_truncation(table: tokenizers.Tokenizer) -> tokenizers.Tokenizer:
    """A table that neither cuts nor fills up: that is done by the card."""
    table.no_truncation()
    table.no_padding()
    return table
