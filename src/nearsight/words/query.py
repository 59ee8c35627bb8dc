"""The syntax of words that are asked for, and whether tokens hold them.

::

    red bicycle         both words, or words that begin with them
    "red bicycle"       these words, one after the other
    cat OR dog          one of them; OR joins its neighbours before anything else
    beach -crowd        without the word; NOT crowd is the same
    bicy*               words that begin with it

Nothing of the text reaches SQLite but tokens between quotes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from nearsight.errors import UsageError
from nearsight.words.tokens import PAIR, START, Run, join_abbreviations, other_spellings, split_pieces

MAX_TERMS = 100
MAX_LENGTH = 4000

_QUOTES = '"“”„‟«»‹›「」『』〝〞〟＂'
_TERM = re.compile(
    rf"(?P<sign>(?<!\S)[-−–—－](?=[^\s\-−–—－]))?"
    rf"(?:[{_QUOTES}](?P<phrase>[^{_QUOTES}]*)[{_QUOTES}]?"
    r"|(?<![^\s\-−–—－])['‘‚‛](?P<quoted>[^'‘’]*[^\s'‘’])['’](?!\S)"
    rf"|(?P<word>[^\s{_QUOTES}]+))"
)
_ARABIC_PREFIXES = ("", "ال", "وال", "بال", "فال", "كال", "لل")
_HEBREW_PREFIXES = ("", "ה", "וה")
_HEBREW_PREPOSITIONS = ("ו", "ב", "ל")


@dataclass(frozen=True)
class TokenSequence:
    """Tokens that stand one after the other; with `prefix` the last one only has to begin so."""

    tokens: tuple[str, ...]
    prefix: bool

    def matches(self, tokens: Sequence[str]) -> bool:
        """Whether a list of tokens holds it."""
        *firsts, last = self.tokens
        count = len(firsts)
        for at in range(count, len(tokens)):
            token = tokens[at]
            if (token.startswith(last) if self.prefix else token == last) and list(tokens[at - count : at]) == firsts:
                return True
        return False

    def expression(self) -> str:
        """It as a phrase of SQLite's full-text syntax."""
        return f'"{" ".join(self.tokens)}"' + ("*" if self.prefix else "")


@dataclass(frozen=True)
class WordsQuery:
    """What is asked for: of each group one sequence, and of `excluded` none."""

    groups: tuple[tuple[TokenSequence, ...], ...]
    excluded: tuple[TokenSequence, ...] = ()

    @property
    def has_alternatives(self) -> bool:
        """Whether some group has several sequences."""
        return any(len(group) > 1 for group in self.groups)

    def expression(self) -> str:
        """The query in SQLite's full-text syntax."""
        asked = " AND ".join(_any_expression(group) for group in self.groups)
        return f"({asked}) NOT {_any_expression(self.excluded)}" if self.excluded else asked

    def matches(self, tokens: Sequence[str]) -> bool:
        """Whether the tokens of an image are what is asked for."""
        return self.contained_in(tokens) and not any(each.matches(tokens) for each in self.excluded)

    def contained_in(self, tokens: Sequence[str]) -> bool:
        """Whether the tokens hold all that is asked for, whatever else they hold."""
        return all(any(each.matches(tokens) for each in group) for group in self.groups)


def _any_expression(group: Sequence[TokenSequence]) -> str:
    return "(" + " OR ".join(each.expression() for each in group) + ")"


@dataclass(frozen=True)
class _Term:
    """One word or phrase as it was typed. `operator` is OR, AND or NOT, and empty for a word."""

    text: str
    is_phrase: bool
    is_excluded: bool

    @property
    def operator(self) -> str:
        return self.text if not self.is_phrase and self.text in ("OR", "AND", "NOT") else ""


@lru_cache(maxsize=64)
def parse_words(text: str, *, as_typed: bool = False) -> WordsQuery:
    """What a text asks for.

    Parameters
    ----------
    text : what was typed
    as_typed : keep each word as it was typed, for an index that SQLite's own tokenizer cuts; only its `expression` is
        of use then

    Raises
    ------
    UsageError
        it asks for no word, or OR and NOT do not stand before words
    """
    if len(text) > MAX_LENGTH:
        raise UsageError(f"words to search for have at most {MAX_LENGTH} characters; got {len(text)}")
    terms = list(_split_terms(text))
    if len(terms) > MAX_TERMS:
        raise UsageError(f"at most {MAX_TERMS} words are searched for; got {len(terms)}")
    groups, excluded = _group_terms(terms, text, _typed_groups if as_typed else _term_groups)
    if not groups:
        raise _no_word_error(text, excluded)
    return WordsQuery(tuple(groups), tuple(excluded))


def _split_terms(text: str) -> Iterator[_Term]:
    for found in _TERM.finditer(join_abbreviations(text)):
        word = found["word"]
        phrase = found["phrase"] if word is None and found["quoted"] is None else found["quoted"]
        yield _Term(phrase if word is None else word, word is None, found["sign"] is not None)


def _group_terms(
    terms: list[_Term], text: str, make_groups: Callable[[_Term, bool], Iterable[tuple[TokenSequence, ...]]]
) -> tuple[list[tuple[TokenSequence, ...]], list[TokenSequence]]:
    groups: list[tuple[TokenSequence, ...]] = []
    excluded: list[TokenSequence] = []
    joins = excludes = False
    for at, term in enumerate(terms):
        if term.operator == "AND":
            continue
        if term.operator:
            _check_operator(terms, at, text)
            joins, excludes = term.operator == "OR", term.operator == "NOT"
            continue
        single = joins or excludes or term.is_excluded or _next_is_or(terms, at)
        found = list(make_groups(term, single))
        if excludes or term.is_excluded:
            excluded += [each for group in found for each in group]
        elif joins and groups and found:
            groups[-1] = (*groups[-1], *found[0])
        else:
            groups += found
        joins = excludes = False
    return groups, excluded


def _next_is_or(terms: list[_Term], at: int) -> bool:
    return at + 1 < len(terms) and terms[at + 1].operator == "OR"


def _check_operator(terms: list[_Term], at: int, text: str) -> None:
    before, after = terms[at - 1 : at], terms[at + 1 : at + 2]
    wrong = not after or bool(after[0].operator)
    if terms[at].operator == "OR":
        wrong = wrong or not before or any(each.operator or each.is_excluded for each in (*before, *after))
        if wrong:
            raise UsageError(f'OR stands between two words, such as  cat OR dog; write "OR" for the word; got {text}')
    elif wrong:
        raise UsageError(f'NOT stands before a word, such as  beach NOT crowd; write "NOT" for the word; got {text}')


def _no_word_error(text: str, excluded: Sequence[TokenSequence]) -> UsageError:
    if excluded:
        return UsageError(f'"{text}" only says which words to leave out; ask for a word too, such as  beach -crowd')
    return UsageError(
        f'there is no word in "{text}"; ask with names of files or folders, cameras, dates, captions, tags, labels'
    )


def _term_groups(term: _Term, as_one: bool) -> Iterator[tuple[TokenSequence, ...]]:
    """The groups of a term: one for each of its words, or one for all of them in a phrase, or with `as_one`."""
    pieces = split_pieces(term.text)
    if not pieces:
        return
    prefix = not term.is_phrase or term.text.rstrip().endswith("*")
    if term.is_phrase or (as_one and len(pieces) > 1):
        made = _sequences([run for piece in pieces for run in piece], prefix=prefix)
        if made:
            yield made
        return
    for piece in pieces:
        if made := tuple(dict.fromkeys((*_sequences(piece, prefix=True), *_other_ways(piece)))):
            yield made


def _typed_groups(term: _Term, as_one: bool) -> Iterator[tuple[TokenSequence, ...]]:
    """The groups of a term, each word as it was typed."""
    words = [term.text] if term.is_phrase or as_one else re.split(r"[^\w'’-]+|_", term.text)
    for word in words:
        if split_pieces(word):
            typed = re.sub(r'["\0]', " ", word).encode("utf8", "ignore").decode()
            yield (TokenSequence((typed,), not term.is_phrase),)


def _sequences(runs: list[Run], *, prefix: bool) -> tuple[TokenSequence, ...]:
    """The runs one after the other; where the first is Hangul, also from the middle of a word on."""
    tokens = [token for run in runs[:-1] for token in run.tokens()]
    last = runs[-1]
    if last.kind in "uh":
        pairs = last.pairs(to_end=False)
        tokens, prefix = tokens + pairs, pairs[-1].endswith(PAIR)
    else:
        tokens, prefix = tokens + last.tokens(), prefix and last.kind == "w"
    if not tokens:
        return ()
    made = [TokenSequence(tuple(tokens), prefix)]
    if tokens[0].startswith(START) and not tokens[0].endswith(PAIR):
        made.append(TokenSequence((tokens[0].removeprefix(START), *tokens[1:]), prefix))
    return tuple(made)


def _other_ways(piece: list[Run]) -> list[TokenSequence]:
    """Other ways in which a text may write a word: spelt otherwise, or after an article that is written with it."""
    ways = other_spellings(piece)
    if len(piece) == 1 and piece[0].kind == "w":
        ways += _with_articles(piece[0].word)
    return [TokenSequence((way,), prefix=True) for way in ways]


def _with_articles(word: str) -> list[str]:
    """An Arabic or Hebrew word after articles, conjunctions and prepositions that are written together with it."""
    if len(word) < 2:
        return []
    if "\u0620" <= word[0] <= "\u06ff":
        stem = word[2:] if word.startswith("ال") and len(word) >= 5 else word
        return [each + stem for each in (*_ARABIC_PREFIXES, *(("و",) if len(stem) > 2 else ()))]
    if "\u05d0" <= word[0] <= "\u05ea":
        prepositions = _HEBREW_PREPOSITIONS if len(word) > 2 else ()
        return [each + word for each in (*_HEBREW_PREFIXES, *prepositions)]
    return []
