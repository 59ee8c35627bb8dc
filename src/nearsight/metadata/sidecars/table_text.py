"""The text of a table: its encoding, its delimiter, its rows. A table of any length is read in little memory."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Iterator
from itertools import chain

_DELIMITERS = ",;\t|"
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
MAX_HEADING, _SAMPLE_LINES = 1 << 16, 30
"""Characters and number of the first lines, by which the delimiter is told."""

_MAC_LETTERS = bytes([0x81, *range(0x86, 0x8B), 0x8D, 0x8E, 0x8F, 0x90, 0x9A, 0x9D, 0x9F])
"""Letters of the old encoding of the Mac that are hardly ever written in that of Windows; its quotation marks are."""


def find_encoding(chunks: Iterable[bytes]) -> str:
    """The encoding of a text: by its mark, by the zeros of UTF-16, by whether it is UTF-8, or that of old systems."""
    parts = iter(chunks)
    first = next(parts, b"")
    for mark, encoding in _BOMS:
        if first.startswith(mark):
            return encoding
    for order, zeros in (("utf-16-le", first[1:400:2]), ("utf-16-be", first[:400:2])):
        if len(zeros) > 4 and zeros.count(0) > 0.7 * len(zeros):
            return order
    decoder, others = codecs.getincrementaldecoder("utf-8")(), bytearray()
    is_utf8 = True
    for part in chain([first], parts):
        if is_utf8:
            try:
                decoder.decode(part)
            except UnicodeDecodeError:
                is_utf8 = False
        if len(others) < MAX_HEADING:
            others += part.translate(None, bytes(range(0x80)))[:MAX_HEADING]
    return "utf-8" if is_utf8 else _old_encoding(bytes(others))


def _old_encoding(letters: bytes) -> str:
    """That of Windows, or of the old Mac, by where the letters lie of all that are not ASCII."""
    of_mac = sum(letter in _MAC_LETTERS for letter in letters)
    of_windows = sum(letter >= 0xC0 for letter in letters)
    return "mac_roman" if of_mac > 2 * of_windows else "cp1252"


def decode_table(data: bytes) -> str:
    """The text of a table that is in memory."""
    return data.decode(find_encoding([data]), "replace")


def read_table_rows(stream: io.TextIOBase) -> Iterator[list[str]]:
    """The rows of a table, its heading first; a line in which Excel names the delimiter is no row.

    Raises
    ------
    csv.Error
        where it is no table
    """
    first = stream.readline(MAX_HEADING).removeprefix("\ufeff")
    named = first.strip().strip('"').lower()
    if named.startswith("sep=") and len(named) <= 5:
        yield from csv.reader(stream, delimiter=named[4:] or "\t")
        return
    lines = [first]
    while len(lines) < _SAMPLE_LINES and sum(map(len, lines)) < MAX_HEADING and (line := stream.readline(MAX_HEADING)):
        lines.append(line)
    yield from csv.reader(chain(lines, stream), delimiter=_find_delimiter(lines))


def _find_delimiter(lines: list[str]) -> str:
    """The delimiter by which most of the first rows have as many cells as the heading; of such, that of most cells."""
    return max(_DELIMITERS, key=lambda delimiter: _delimiter_score(lines, delimiter))


def _delimiter_score(lines: list[str], delimiter: str) -> tuple[bool, float, int]:
    try:
        counts = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
    except csv.Error:
        return False, 0.0, 0
    if not counts:
        return False, 0.0, 0
    return counts[0] > 1, counts.count(counts[0]) / len(counts), counts[0]
