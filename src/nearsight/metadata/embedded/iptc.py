"""The older records of IPTC, as newspapers and photo programs wrote them before XMP, in the encoding that they name."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

from nearsight.metadata.facts import Facts, merge_facts
from nearsight.metadata.image_text import ImageText
from nearsight.metadata.machine_text import build_human_text, creator_name, place_name
from nearsight.metadata.taken import parse_iptc_taken
from nearsight.metadata.text_encoding import decode_text

_RESOURCE = 0x0404
_TITLE, _CATEGORY, _KEYWORD, _DATE, _TIME, _BYLINE, _CITY, _COUNTRY, _HEADLINE, _CAPTION = (
    *((2, 5), (2, 20), (2, 25), (2, 55), (2, 60)),
    *((2, 80), (2, 90), (2, 101), (2, 105), (2, 120)),
)
_MAX_RECORDS, _MAX_BYTES = 5000, 1 << 16
_LATIN = {b"A": 1, b"B": 2, b"C": 3, b"D": 4, b"L": 5, b"G": 6, b"F": 7, b"H": 8, b"M": 9, b"V": 10, b"T": 11, b"Y": 13}
_LATIN |= {b"_": 14, b"b": 15, b"f": 16}
"""Parts of ISO 8859 by the last letter of their escape sequence."""
_ESCAPES = re.compile(rb"\x1b(?:(%/?[GHI])|[-./]([A-Za-z_])|\$([()]?)([@A-D]))")
_DOUBLE_BYTES = {b"@": "iso2022_jp", b"A": "gb2312", b"B": "iso2022_jp", b"C": "euc_kr", b"D": "iso2022_jp_1"}


def read_iptc(data: bytes) -> ImageText:
    """What records of IPTC say of their image. What is cut or damaged says nothing."""
    records: dict[tuple[int, int], list[bytes]] = defaultdict(list)
    for key, value in _iptc_records(data):
        records[key].append(value)
    declared = _declared_encoding(b"".join(records[1, 90]))
    texts = {key: [decode_text(value, declared) for value in values] for key, values in records.items() if key[0] == 2}
    captions = [text for key in (_TITLE, _HEADLINE, _CAPTION) for text in texts.get(key, ())[:1]]
    tags = [text for key in (_KEYWORD, _CATEGORY) for text in texts.get(key, ())]
    return build_human_text(captions, tags, _iptc_facts(texts))


def _iptc_facts(texts: Mapping[tuple[int, int], list[str]]) -> Facts:
    first = {key: values[0] for key, values in texts.items()}
    about = Facts(
        creator=creator_name("; ".join(texts.get(_BYLINE, ()))),
        city=place_name(first.get(_CITY, "")),
        country=place_name(first.get(_COUNTRY, "")),
    )
    return merge_facts([about, parse_iptc_taken(first.get(_DATE, ""), first.get(_TIME, ""))])


def _iptc_records(data: bytes) -> Iterator[tuple[tuple[int, int], bytes]]:
    """Each record's numbers and value, until one that is none or is cut."""
    at = data.find(b"\x1c")
    for _ in range(_MAX_RECORDS):
        if at < 0 or at + 5 > len(data) or data[at] != 0x1C:
            return
        start, length = at + 5, int.from_bytes(data[at + 3 : at + 5])
        if length & 0x8000:
            start, length = at + 5 + (length & 0x7FFF), int.from_bytes(data[at + 5 : at + 5 + min(8, length & 0x7FFF)])
        if start + length > len(data):
            return
        yield (data[at + 1], data[at + 2]), data[start : start + min(length, _MAX_BYTES)]
        at = start + length


def _declared_encoding(escapes: bytes) -> str | None:
    """The encoding that escape sequences of ISO 2022 name, the last one where there are several."""
    found: str | None = None
    for utf8, latin, _, double in _ESCAPES.findall(escapes):
        if utf8:
            found = "utf-8"
        elif latin in _LATIN:
            found = f"iso8859-{_LATIN[latin]}"
        elif double:
            found = _DOUBLE_BYTES[double]
    return found


def find_iptc(resources: bytes) -> bytes:
    """The records of IPTC among Photoshop's resources; empty where there are none."""
    at = resources.find(b"8BIM")
    while at >= 0 and resources[at : at + 4] == b"8BIM" and at + 12 <= len(resources):
        name = resources[at + 6] + 1
        start = at + 6 + name + name % 2 + 4
        length = int.from_bytes(resources[start - 4 : start])
        if int.from_bytes(resources[at + 4 : at + 6]) == _RESOURCE:
            return resources[start : start + length]
        at = start + length + length % 2
    return b""
