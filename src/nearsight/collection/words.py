"""Words about pictures: names of files and folders, camera and date.

SQLite's full-text index finds them. It is a cache of what the catalogue's rows say: a hit counts only where the row
itself, which carries a checksum, holds the words.
"""

from __future__ import annotations

import os
import re
import unicodedata

from nearsight.errors import UsageError


def text_of(path: bytes, camera: str | None, taken: str | None) -> str:
    """What can be said in words of a picture; words that are written together (IMG2012, redBike) also apart."""
    name = os.fsdecode(path).encode("utf8", "replace").decode().replace("_", " ")
    apart = re.sub(r"(?<=[^\W\dA-Z])(?=[A-Z])|(?<=[^\W\d])(?=\d)|(?<=\d)(?=[^\W\d])", " ", name)
    return " ".join([name, apart, camera or "", (taken or "")[:10]])


def tokens(text: str) -> list[str]:
    """Words as the index cuts them: letters and digits, lower case, without accents."""
    plain = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(c))
    return re.findall(r"[^\W_]+", plain)


def expression(words: str) -> str:
    """The full-text query for all of these words, where the beginning of a word is enough.

    Raises
    ------
    UsageError
        where there is no word
    """
    found = tokens(words)
    if not found:
        raise UsageError(f'there is no word in "{words}"; ask with names of files and folders, cameras or dates')
    return " AND ".join(f'"{token}"*' for token in found)


def holds(text: str, words: str) -> bool:
    """Whether a text holds all of these words, or words that begin with them."""
    said = tokens(text)
    return all(any(word.startswith(token) for word in said) for token in tokens(words))
