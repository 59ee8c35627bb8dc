"""Bytes that are text of some encoding, as files of many programs and decades hold them.

What is valid UTF-8 is UTF-8, for text of other encodings hardly ever is; then the encoding that was declared counts,
then cp1252. Text ends at its first NUL. Nothing in here raises on any bytes.
"""

from __future__ import annotations

import codecs
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE

_SCRIPTS = {
    "": ((0x20, 0x7E), (0xA0, 0xFF), (0x2010, 0x2027)),
    "Latin": ((0x100, 0x24F), (0x1E00, 0x1EFF)),
    "Greek": ((0x370, 0x3FF), (0x1F00, 0x1FFF)),
    "Cyrillic": ((0x400, 0x52F),),
    "Armenian": ((0x530, 0x58F),),
    "Hebrew": ((0x590, 0x5FF),),
    "Arabic": ((0x600, 0x6FF), (0x200C, 0x200F)),
    "Indian": ((0x900, 0xDFF),),
    "Thai": ((0xE00, 0xEFF),),
    "Georgian": ((0x10A0, 0x10FF),),
    "Ethiopian": ((0x1200, 0x137F),),
    "Khmer": ((0x1780, 0x17FF),),
    "Chinese and Japanese": ((0x3000, 0x30FF), (0x4E00, 0x9FFF), (0xFF00, 0xFF60)),
    "Korean": ((0xAC00, 0xD7A3),),
}
"""First and last code points of what people write; the first entry goes with every other."""


def decode_text(data: bytes, declared: str | None = None) -> str:
    """Text of an encoding that nobody vouches for: UTF-8, or as declared, or cp1252; UTF-16 where its form shows it.

    Parameters
    ----------
    declared : the name of an encoding for text that is no UTF-8, where the file names one
    """
    if order := _utf16_order(data):
        return _cut_text(data.decode(order, "replace"))
    data = data.removeprefix(BOM_UTF8).split(b"\0")[0]
    for encoding in ("utf-8", *([declared] if declared else [])):
        try:
            return _decode_strictly(data, encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return data.decode("cp1252", "replace") if _is_cp1252(data) else data.decode("latin-1")


def _decode_strictly(data: bytes, encoding: str) -> str:
    """Raises UnicodeDecodeError. A last letter that was cut with its field is left out, where others are whole."""
    if encoding != "utf-8":
        return data.decode(encoding)
    text = codecs.getincrementaldecoder("utf-8")().decode(data)
    return data.decode("utf-8") if text.isascii() else text


def _is_cp1252(data: bytes) -> bool:
    return not any(byte in data for byte in b"\x81\x8d\x8f\x90\x9d")


def _utf16_order(data: bytes) -> str | None:
    """The byte order of UTF-16 that begins with its mark, or of whose bytes every other one is mostly NUL."""
    if data[:2] in (BOM_UTF16_LE, BOM_UTF16_BE):
        return "utf-16"
    text = data[:200].rstrip(b"\0")
    for order, zeros, letters in (("utf-16-le", text[1::2], text[::2]), ("utf-16-be", text[::2], text[1::2])):
        if len(zeros) > 1 and zeros.count(0) > 0.7 * len(zeros) and letters.count(0) == 0:
            return order
    return None


def decode_utf16(data: bytes, *, big_endian: bool = False) -> str:
    """Text that is said to be UTF-16: in the order of its own mark, else in the one that gives text.

    Some programs say UTF-16 and write UTF-8, or write the other order than the file's.
    """
    if data[:2] in (BOM_UTF16_LE, BOM_UTF16_BE):
        return _cut_text(data.decode("utf-16", "replace"))
    if (plain := _plain_text(data)) is not None:
        return plain
    orders = ("utf-16-be", "utf-16-le") if big_endian else ("utf-16-le", "utf-16-be")
    expected, other = (_cut_text(data.decode(order, "replace")) for order in orders)
    return other if _text_likeness(other) > _text_likeness(expected) + 0.15 else expected


def _plain_text(data: bytes) -> str | None:
    """UTF-8 that stands where UTF-16 should: enough bytes without a NUL that are valid as such."""
    data = data.rstrip(b"\0")
    if 0 in data or (len(data) < 6 and len(data) % 2 == 0):
        return None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return text if all(letter.isprintable() or letter.isspace() for letter in text) else None


def _text_likeness(text: str) -> float:
    """How much letters are like a text: of one script in use, from few pages of Unicode, and ASCII."""
    if not text:
        return 0.0
    scripts = [_script_of(letter) for letter in text[:500]]
    common = len(scripts) - scripts.count(None)
    mixed = len({*scripts} - {None, ""}) - 1
    pages = len({ord(letter) >> 8 for letter in text[:500]})
    ascii_letters = sum(letter.isascii() and letter.isprintable() for letter in text[:500])
    return (common - 0.5 * pages - 2 * max(0, mixed) + 0.25 * ascii_letters) / len(scripts)


def _script_of(letter: str) -> str | None:
    for script, ranges in _SCRIPTS.items():
        if any(first <= ord(letter) <= last for first, last in ranges):
            return script
    return None


def decode_xp_text(data: bytes) -> str:
    """Text of Windows' own entries, in UTF-16 of little endian."""
    return _cut_text(data.decode("utf-16" if data[:2] in (BOM_UTF16_LE, BOM_UTF16_BE) else "utf-16-le", "replace"))


def decode_user_comment(data: bytes, *, big_endian: bool = False) -> str:
    """The user's comment of EXIF: eight bytes name its encoding, if the program that wrote it knew that."""
    name = data[:8].rstrip(b"\0 ").upper()
    if name == b"ASCII" or (not name and len(data) >= 8):
        return decode_text(data[8:])
    if name == b"UNICODE":
        return decode_utf16(data[8:], big_endian=big_endian)
    return _decode_jis(data[8:]) if name == b"JIS" else decode_text(data)


def _decode_jis(data: bytes) -> str:
    """Japanese: ISO-2022-JP, or its double bytes without escapes, or what Japanese programs wrote instead."""
    data = data.rstrip(b"\0 ")
    pairs = data[::2]
    if b"\x1b" not in data and data.isascii() and sum(pairs.count(row) for row in b"$%") > len(pairs) / 4:
        data = b"\x1b$B" + data
    if data.isascii():
        return _cut_text(data.decode("iso2022_jp_2", "replace"))
    try:
        return _cut_text(data.decode("utf-8"))
    except UnicodeDecodeError:
        decoded = [data.decode(encoding, "replace") for encoding in ("shift_jis", "euc_jp")]
        return _cut_text(max(decoded, key=_text_likeness))


def _cut_text(text: str) -> str:
    return text.removeprefix("\ufeff").split("\0")[0]
