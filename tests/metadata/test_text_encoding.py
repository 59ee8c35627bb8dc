# ruff: noqa: RUF001
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearsight.metadata.text_encoding import decode_text, decode_user_comment, decode_utf16, decode_xp_text

SCRIPTS = {
    "English": "A dog on the beach",
    "German": "Straße im Schneegestöber",
    "Polish": "Łódź nad rzeką",
    "Russian": "Буря над заливом",
    "Greek": "Καλημέρα κόσμε",
    "Hebrew": "כלב על החוף",
    "Arabic": "كلب على الشاطئ",
    "Persian": "سگ در ساحل",
    "Hindi": "समुद्र तट पर कुत्ता",
    "Bengali": "সৈকতে একটি কুকুর",
    "Tamil": "கடற்கரையில் நாய்",
    "Thai": "สุนัขบนชายหาด",
    "Georgian": "ძაღლი სანაპიროზე",
    "Armenian": "Շունը լողափին",
    "Korean": "해변의 강아지",
    "Japanese": "浜辺の犬と子供たち",
    "Chinese": "海滩上的一只狗和孩子们",
    "Traditional": "海灘上的一隻狗和孩子們",
    "Amharic": "ውሻ በባህር ዳርቻ",
    "Vietnamese": "Con chó trên bãi biển",
    "Khmer": "ឆ្កែនៅលើឆ្នេរ",
}


@pytest.mark.parametrize("text", SCRIPTS.values(), ids=SCRIPTS)
def test_every_script_in_either_order_of_bytes_and_whatever_the_file_says(text):
    for big_endian in (False, True):
        assert decode_utf16(text.encode("utf-16-le"), big_endian=big_endian) == text
        assert decode_utf16(text.encode("utf-16-be"), big_endian=big_endian) == text
        assert decode_utf16(text.encode("utf-16"), big_endian=big_endian) == text
        assert decode_utf16(text.encode(), big_endian=big_endian) == text
        comment = b"UNICODE\0" + text.encode("utf-16-be" if big_endian else "utf-16-le") + bytes(10)
        assert decode_user_comment(comment, big_endian=big_endian) == text
    assert decode_text(text.encode()) == decode_xp_text(text.encode("utf-16-le")) == text
    assert decode_text(text.encode("utf-16")) == text


@pytest.mark.parametrize("text", ["犬", "北京", "Ж", "A", "한국"])
def test_short_texts_are_in_the_order_that_the_file_says(text):
    assert decode_utf16(text.encode("utf-16-le")) == text
    assert decode_utf16(text.encode("utf-16-be"), big_endian=True) == text


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8"])
@pytest.mark.parametrize("text", ["Zürich", "Ça va, François?", "“quoted” – 5 €", "Ñandú", "Ærø", "café"])
def test_western_text_in_both_encodings(text, encoding):
    assert decode_text(text.encode(encoding)) == text


def test_text_that_was_encoded_twice_is_left_as_it_is():
    assert decode_text("ZÃ¼rich".encode()) == "ZÃ¼rich"


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_last_letter_that_was_cut_is_left_out(cut):
    assert decode_text("über 🎂".encode()[:-cut]) == "über "


def test_declared_encodings_count_where_the_text_is_no_utf8():
    assert decode_text("Привет".encode("cp1251"), "cp1251") == "Привет"
    assert decode_text("Привет".encode(), "cp1251") == "Привет"
    assert decode_text("Zürich".encode("cp1252"), "no such encoding") == "Zürich"
    assert decode_text("Zürich".encode("cp1252"), "utf-8") == "Zürich"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"ASCII\0\0\0one\0two", "one"),
        (b"Ascii\0\0\0one", "one"),
        (b"ASCII   one", "one"),
        (b"\0" * 8 + b"one", "one"),
        (b"        one", "one"),
        (b"one", "one"),
        (b"", ""),
        (b"ASCII\0\0\0", ""),
        (b"UNICODE\0", ""),
        (b"Unicode\0o\0n\0e\0", "one"),
        (b"JIS\0\0\0\0\0" + "浜辺".encode("iso2022_jp"), "浜辺"),
        (b"JIS\0\0\0\0\0one two", "one two"),
        (b"JIS\0\0\0\0\0" + "ねこ".encode("iso2022_jp")[3:-3], "ねこ"),
        (b"JIS\0\0\0\0\0" + "浜辺の犬".encode("euc_jp"), "浜辺の犬"),
    ],
)
def test_user_comments(data, text):
    assert decode_user_comment(data) == text


@given(
    st.binary(max_size=60), st.booleans(), st.sampled_from([None, "utf-8", "iso2022_jp", "euc_kr", "iso8859-11", "x"])
)
def test_any_bytes_are_text(data, big_endian, declared):
    assert "\0" not in decode_text(data, declared) + decode_utf16(data, big_endian=big_endian) + decode_xp_text(data)
    assert "\0" not in decode_user_comment(data) + decode_user_comment(b"JIS\0\0\0\0\0" + data)
