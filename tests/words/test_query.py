"""The syntax of words, against a slow reading of it, and that SQLite sees what was meant and nothing else."""

from __future__ import annotations

import sqlite3
import string
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearsight.errors import UsageError
from nearsight.storage.full_text import contains_words
from nearsight.words.fold import fold_case, fold_marks
from nearsight.words.query import parse_words
from nearsight.words.tokens import BOUNDARY, tokenize_texts
from tests.words.golden import GOLDEN

TEXTS = [
    "red bicycle in the snow",
    "A red car, a blue bicycle",
    "portland OR seattle",
    "carpet and sun-dried tomatoes",
    "snowy mountain (2012)",
    "it is not AND nor NEAR",
]


@pytest.fixture(scope="module")
def db():
    made = sqlite3.connect(":memory:")
    made.execute("CREATE VIRTUAL TABLE words USING fts5(tokens, tokenize='ascii')")
    yield made
    made.close()


def matching(db, texts, words):
    db.execute("DELETE FROM words")
    rows = [(number, " ".join(tokenize_texts([text]))) for number, text in enumerate(texts)]
    db.executemany("INSERT INTO words(rowid, tokens) VALUES(?,?)", rows)
    sql = "SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid"
    return [row[0] for row in db.execute(sql, (parse_words(words).expression(),))]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("bicycle", [0, 1]),
        ("bicycle red", [0, 1]),
        ("bicycle -snow", [1]),
        ("bicycle NOT snow", [1]),
        ("bicycle −snow", [1]),
        ("red -'in the snow'", [1]),
        ('red -"in the snow"', [1]),
        ("car", [1, 3]),
        ("car*", [1, 3]),
        ('"car"', [1]),
        ('"car*"', [1, 3]),
        ('"red bicycle"', [0]),
        ("“red bicycle”", [0]),
        ("„red bicycle“", [0]),
        ("«red bicycle»", [0]),
        ("'red bicycle'", [0]),
        ("‘red bicycle’", [0]),
        ("「red bicycle」", [0]),
        ('"red bicycle', [0]),
        ('"bicycle red"', []),
        ("blue OR snow", [0, 1, 4]),
        ("red blue OR snow", [0, 1]),
        ("blue OR snow red", [0, 1]),
        ('"red car" OR carpet', [1, 3]),
        ("blue OR carpet OR mountain", [1, 3, 4]),
        ("red AND blue", [1]),
        ("red and blue", []),
        ('portland "OR"', [2]),
        ("or", [2]),
        ("not", [5]),
        ("(2012)", [4]),
        ("(red OR snowy) mountain", [4]),
        ("sundried", [3]),
        ("sun dried", [3]),
        ("sun-dried", [3]),
        ("NEAR(red bicycle)", []),
        ("near", [5]),
        ("tokens:red", []),
        ("^red", [0, 1]),
        ("red + bicycle", [0, 1]),
        ('red "" bicycle', [0, 1]),
        ("- red", [0, 1]),
        ("*", None),
        ('""', None),
        ("-red", None),
        ("NOT red", None),
        ("OR", None),
        ("red OR", None),
        ("OR red", None),
        ("red OR OR blue", None),
        ("red OR -blue", None),
        ("red NOT", None),
        ("---", None),
        ("", None),
        ("' '", None),
    ],
)
def test_what_is_asked_for(db, words, wanted):
    if wanted is None:
        with pytest.raises(UsageError):
            parse_words(words)
        return
    assert matching(db, TEXTS, words) == wanted
    assert [number for number, text in enumerate(TEXTS) if contains_words(text, words)] == wanted


def test_the_message_says_what_would_be_right():
    for words, said in (("-red", "beach -crowd"), ("red OR", "cat OR dog"), ("NOT", "beach NOT crowd")):
        with pytest.raises(UsageError, match=said):
            parse_words(words)
    with pytest.raises(UsageError, match="at most 100 words"):
        parse_words("a " * 101)
    with pytest.raises(UsageError, match="4000 characters"):
        parse_words("a" * 4001)


def test_a_phrase_stays_within_one_text():
    query = parse_words('"red bicycle"')
    assert query.matches(tokenize_texts(["a red bicycle"]))
    assert not query.matches(tokenize_texts(["red", "bicycle"]))
    assert not query.matches(tokenize_texts(["bicycle red-bicycle", "x"])[:2])


PIECES = st.sampled_from(
    [
        *"\"'*()-^:+,",
        "OR",
        "AND",
        "NOT",
        "NEAR",
        "red",
        "bicycle",
        "tokens",
        "{",
        "}",
        "\0",
        "\ud800",
        "猫が",
        "고양이",
        "l'eau",
    ]
)


@settings(deadline=None)
@given(
    st.one_of(
        st.text(max_size=30), st.lists(PIECES, max_size=10).map(" ".join), st.lists(PIECES, max_size=8).map("".join)
    )
)
def test_nothing_that_is_typed_is_syntax_of_sqlite(db, words):
    try:
        query, typed = parse_words(words), parse_words(words, as_typed=True)
    except UsageError:
        return
    for each in (query, typed):
        db.execute("SELECT rowid FROM words WHERE words MATCH ?", (each.expression(),)).fetchall()
    assert matching(db, TEXTS, words) == [n for n, text in enumerate(TEXTS) if query.matches(tokenize_texts([text]))]


ALPHABET = [c for said in GOLDEN.values() for caption, _ in said for c in caption]


@settings(deadline=None)
@given(
    st.lists(st.text(st.sampled_from(ALPHABET), max_size=30), max_size=4),
    st.text(st.sampled_from(ALPHABET), max_size=4),
)
def test_sqlite_and_python_agree_on_texts_in_all_scripts(db, texts, words):
    try:
        query = parse_words(words)
    except UsageError:
        return
    wanted = [number for number, text in enumerate(texts) if query.matches(tokenize_texts([text]))]
    assert matching(db, texts, words) == wanted


def test_sqlite_neither_cuts_nor_folds_a_token(db):
    """Letters, marks, numbers and signs of the first two planes, each within a word of its own."""
    codes = [code for code in range(1, 0x20000) if not 0xD800 <= code <= 0xDFFF]
    letters = [chr(code) for code in codes if unicodedata.category(chr(code))[0] in "LMNSP"]
    texts = [" ".join(f"ა{letter}ბ" for letter in letters[at : at + 500]) for at in range(0, len(letters), 500)]
    made = [tokenize_texts([text]) for text in texts]
    db.execute("DELETE FROM words")
    db.executemany("INSERT INTO words(tokens) VALUES(?)", [(" ".join(tokens),) for tokens in made])
    db.execute("CREATE VIRTUAL TABLE IF NOT EXISTS vocabulary USING fts5vocab(words, row)")
    stored = {row[0] for row in db.execute("SELECT term FROM vocabulary")}
    assert stored == {token for tokens in made for token in tokens} > {"ააბ"}


@given(st.text(max_size=40))
def test_tokens_hold_no_ascii_but_letters_and_digits(text):
    usual = set(string.ascii_lowercase + string.digits)
    for token in tokenize_texts([text]):
        assert token
        assert all(c in usual for c in token if c.isascii())
        assert token == BOUNDARY or not token.isspace()


@given(st.text(max_size=40))
def test_folding_twice_changes_nothing_and_normal_forms_are_one(text):
    folded = fold_case(text)
    assert fold_case(folded) == folded
    assert fold_case(unicodedata.normalize("NFD", text)) == fold_case(unicodedata.normalize("NFC", text))


@pytest.mark.parametrize(
    ("word", "folded"),
    [
        ("Łódź", "lodz"),
        ("Đặng", "dang"),
        ("ÆØÅ", "aeoa"),
        ("ﬃ", "ffi"),
        ("Ｆ４", "f4"),
        ("ΆΝΟΙΞΗ", "ανοιξη"),
        ("Ёж", "еж"),
        ("йод", "йод"),
        ("їжак", "їжак"),
        ("ЎЗ", "ўз"),
        ("آب", "اب"),
        ("مُدَرِّسَة", "مدرسه"),
        ("شـــكر", "شكر"),
        ("שָׁלוֹם", "שלום"),
        ("ज़", "ज"),
        ("कि", "कि"),
        ("ที่", "ที่"),
        ("がぎ", "がぎ"),
        ("ハ\u309a", "パ"),
        ("\u1112\u1161\u11ab", "한"),
        ("٣", "3"),
        ("x²", "x2"),
    ],
)
def test_marks_are_folded_where_the_language_does_not_need_them(word, folded):
    assert fold_marks(fold_case(word)) == unicodedata.normalize("NFC", folded)
