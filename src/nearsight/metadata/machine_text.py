"""What cameras and programs write where a person's words should stand: defaults, which say nothing, and data."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from enum import Enum

from nearsight.metadata.facts import Facts
from nearsight.metadata.image_text import NO_FACTS, ImageText, build_image_text
from nearsight.metadata.machine_patterns import (
    ADDRESS,
    BARE_VALUE,
    BRANDED,
    DEFAULTS,
    ENCODED,
    HUAWEI_MODES,
    IDENTIFIERS,
    MARKUP,
    NOTATION,
    PAIR,
    PROMPT,
    PROMPT_SETTING,
    SHOUTED,
    UNKNOWN,
)
from nearsight.wording import printable_text

MAX_DATA_LENGTH = 4000
"""Characters of text for programs that are kept of one image."""


class TextKind(Enum):
    """Who wrote a text for whom: a person, or a program for nobody, or a program for itself."""

    CAPTION = "caption"
    DEFAULT = "default"
    DATA = "data"


def classify_text(text: str, names: Iterable[str] = ()) -> TextKind:
    """What a text is.

    1. Data: JSON, markup, an address, an encoding of bytes, a dump of keys and values, the prompt of a generator.
    2. A default: no letter at all; the name of the camera, program or file; what cameras and programs are known to
       write, where nothing else stands beside it.
    3. Anything else is a caption: words of a person may well contain any of these.

    Parameters
    ----------
    names : what the same file names as its camera and program
    """
    text = " ".join(text[: 4 * MAX_DATA_LENGTH].split()).strip("\ufeff")
    if _is_data(text):
        return TextKind.DATA
    return TextKind.DEFAULT if _is_default(text.strip(" \"'*"), names) else TextKind.CAPTION


def build_human_text(
    captions: Iterable[str], tags: Iterable[str], facts: Facts = NO_FACTS, names: Iterable[str] = (), name: str = ""
) -> ImageText:
    """Captions without what programs wrote; data among them is in the facts. The parameters are the source's own."""
    known, kept, data = tuple(names), list[str](), list[str]()
    for text in map(strip_notation, captions):
        kind = classify_text(text, known)
        if kind is TextKind.CAPTION:
            kept.append(text)
        elif kind is TextKind.DATA:
            data.append(printable_text(text, MAX_DATA_LENGTH))
    if data:
        facts = replace(facts, data=join_data([facts.data, *data]))
    return build_image_text(name, kept, tags, facts) or ImageText(name)


def join_data(texts: Iterable[str]) -> str:
    """Texts for programs, each once, as one."""
    return "\n".join(dict.fromkeys(filter(None, texts)))[:MAX_DATA_LENGTH]


def strip_notation(text: str) -> str:
    """A text without the encoding or language that a program wrote before it, such as `charset=Ascii`."""
    return NOTATION.sub("", text, count=1) if NOTATION.match(text) else text


def creator_name(text: str, names: Iterable[str] = ()) -> str | None:
    """The name or the address of a person or a house; None where a program wrote something of its own instead."""
    text = printable_text(text)
    is_name = ADDRESS.fullmatch(text) or classify_text(text, names) is TextKind.CAPTION
    return text if text and is_name else None


def place_name(text: str) -> str | None:
    """The name of a city or a country; None for what says that there is none."""
    text = printable_text(text)
    return text if _has_letters(text) and not UNKNOWN.fullmatch(text) else None


def _is_data(text: str) -> bool:
    return bool(
        _is_json(text)
        or MARKUP.fullmatch(text)
        or ADDRESS.fullmatch(text)
        or ENCODED.fullmatch(text)
        or (PROMPT.search(text) and PROMPT_SETTING.search(text))
        or _is_dump(text)
    )


def _is_json(text: str) -> bool:
    """JSON of an object or a list, also where its end was cut off."""
    if text[:2] in ('{"', "{'") or text[:3] in ('[{"', '{ "'):
        return True
    if text[:1] not in ("{", "["):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _is_dump(text: str) -> bool:
    """Three keys and values or more, half of which no person writes: numbers, truth values, `names_of_fields`."""
    for mark in (";", ",", "|", "&", "\n"):
        parts = [part for part in text.split(mark) if part.strip()]
        pairs = [match.groups() for part in parts if (match := PAIR.fullmatch(part))]
        if len(pairs) < 3 or len(pairs) < 0.8 * len(parts):
            continue
        bare = sum(bool(BARE_VALUE.fullmatch(value.strip())) for _, value in pairs)
        technical = sum("_" in key or "-" in key or not (key.islower() or key[1:].islower()) for key, _ in pairs)
        if technical and 2 * max(bare, technical) >= len(pairs):
            return True
    return False


def _is_default(text: str, names: Iterable[str]) -> bool:
    if not _has_letters(text) or DEFAULTS.fullmatch(text) or IDENTIFIERS.fullmatch(text):
        return True
    own = {_plain_name(name) for name in names} - {""}
    if _plain_name(text) in own:
        return True
    if any(name.startswith(("huawei", "honor")) for name in own) and HUAWEI_MODES.fullmatch(text):
        return True
    if text.isupper() and SHOUTED.fullmatch(text):
        return True
    return bool(BRANDED.fullmatch(text)) and any(BRANDED.match(name) for name in own)


def _has_letters(text: str) -> bool:
    """Whether there is a letter of any script, or a picture such as an emoji."""
    return any(letter.isalpha() or (letter > "\u2000" and unicodedata.category(letter) == "So") for letter in text)


def _plain_name(text: str) -> str:
    return " ".join(re.sub(r"[\W_]+", " ", text.casefold()).split())
