"""CSV: a heading line with a column of file names, and columns of captions and tags.

::

    file,caption,tags
    dog.jpg,"A dog runs, far away.",dog;beach
    cat.jpg,A cat.,cat

The tables of exiftool (`SourceFile`) and of Apple's `Photo Details.csv` (`imgName`) are known by their headings.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from nearsight.errors import ImageError, Reason
from nearsight.metadata.image_text import CAPTION_KEYS, NAME_KEYS, TAG_KEYS, ImageText, build_image_text, split_tags
from nearsight.metadata.sidecars.claimed_text import ClaimedText, claim_text
from nearsight.metadata.sidecars.exiftool_tags import SOURCE_FILE, read_exiftool_tags
from nearsight.metadata.sidecars.fact_values import spoken_time
from nearsight.metadata.sidecars.media_names import fold_name
from nearsight.metadata.sidecars.own_export import drop_unsaid, said_words
from nearsight.metadata.sidecars.plain_facts import names_fact, read_plain_facts
from nearsight.metadata.sidecars.table_text import decode_table, read_table_rows
from nearsight.metadata.sidecars.takeout import FAVOURITE_TAG

_APPLE = {"imgname", "originalcreationdate"}


def read_csv(data: bytes) -> list[ImageText]:
    """What a CSV file says; nothing where its heading names no file and says nothing of one. Raises ImageError."""
    rows = read_table_rows(io.StringIO(decode_table(data), newline=""))
    try:
        heading = [cell.strip() for cell in next(rows, [])]
        read = _reader_of([word.lower() for word in heading])
        return [] if read is None else list(read(heading, rows))
    except csv.Error as problem:
        raise ImageError(Reason.CORRUPT, f"not CSV: {problem}") from None


_Reader = Callable[[list[str], Iterable[list[str]]], Iterator[ImageText]]


def _reader_of(words: list[str]) -> _Reader | None:
    """How a table of these headings is read; None where it is about nothing that can be known."""
    if SOURCE_FILE in words:
        return _read_exiftool_rows
    if set(words) >= _APPLE:
        return _read_apple_rows
    says = any(word in (*CAPTION_KEYS, *TAG_KEYS) or names_fact(word) for word in words)
    return _read_plain_rows if says and any(word in NAME_KEYS for word in words) else None


def _read_exiftool_rows(heading: list[str], rows: Iterable[list[str]]) -> Iterator[ImageText]:
    for row in rows:
        tags = dict(zip(heading, row, strict=False))
        name = next((value for key, value in tags.items() if key.lower() == SOURCE_FILE), "").strip()
        if name and (found := read_exiftool_tags(tags, name)) is not None:
            yield found


def _read_apple_rows(heading: list[str], rows: Iterable[list[str]]) -> Iterator[ClaimedText]:
    """The photos of an account of iCloud; two of one name are in doubt."""
    words = [word.lower() for word in heading]
    known = [dict(zip(words, row, strict=False)) for row in rows]
    counts = Counter(fold_name(each["imgname"].strip()) for each in known if each.get("imgname"))
    for each in known:
        name = each.get("imgname", "").strip()
        alike = counts[fold_name(name)]
        tags = [FAVOURITE_TAG] if each.get("favorite", "").strip().lower() == "yes" else []
        taken = spoken_time(each.get("originalcreationdate", ""))
        doubt = f"{alike} photos of this list are called {name}" if alike > 1 else ""
        if name and (found := claim_text([], tags, taken, name=name, doubt=doubt)) is not None:
            yield found


def _read_plain_rows(heading: list[str], rows: Iterable[list[str]]) -> Iterator[ImageText]:
    words = [word.lower() for word in heading]
    name = next(words.index(word) for word in NAME_KEYS if word in words)
    captions = [words.index(word) for word in CAPTION_KEYS if word in words]
    tags = [words.index(word) for word in said_words(words, TAG_KEYS)]
    for row in rows:
        if len(row) > name and row[name].strip():
            found = _csv_sidecar_row(row, name, captions, tags, words)
            yield from [] if found is None else [found]


def _csv_sidecar_row(
    row: list[str], name: int, captions: list[int], tags: list[int], words: list[str]
) -> ImageText | None:
    def cells(columns: list[int]) -> list[str]:
        return [row[column] for column in columns if column < len(row)]

    split = [tag for cell in cells(tags) for tag in split_tags(cell)]
    facts = read_plain_facts(drop_unsaid(dict(zip(words, row, strict=False))))
    return build_image_text(row[name].strip(), cells(captions), split, facts)
