"""A table with any headings, whose columns of file names and words its user names.

::

    Object Number,Image File,Object Name,artist,Keywords
    1993.12,1993-12_front.jpg,Storm,A. N. Other,sea;mole
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from nearsight.errors import UsageError, suggestion
from nearsight.metadata.image_text import CAPTION_KEYS, NAME_KEYS, TAG_KEYS, ImageText, build_image_text, split_tags
from nearsight.metadata.sidecars.own_export import said_words
from nearsight.metadata.sidecars.table_text import read_table_rows

_NAME_COLUMNS = (*NAME_KEYS, "image file", "image_file", "imagefile", "image name", "sourcefile", "imgname")
MAX_LISTED_COLUMNS = 30
"""Columns that an error lists."""


@dataclass(frozen=True)
class TableColumns:
    """The columns of a table that are read, by their headings; the usual ones where none are named."""

    file_column: str = ""
    text_columns: tuple[str, ...] = ()
    tag_columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class _ColumnPlaces:
    file: int
    texts: tuple[int, ...]
    tags: tuple[int, ...]


def check_columns(stream: io.TextIOBase, columns: TableColumns, name: str) -> None:
    """Raise UsageError where the table of this name lacks a column, or is no table; the message names what is there."""
    try:
        heading = next(read_table_rows(stream), [])
    except csv.Error as problem:
        raise UsageError(f"{name} is not a table with a line for each image: {problem}") from None
    _find_columns(heading, columns, name)


def read_words_table(stream: io.TextIOBase, columns: TableColumns, name: str) -> Iterator[ImageText]:
    """What each row says; a row without a file name or words says nothing.

    Raises
    ------
    UsageError
        a column is not there
    csv.Error
        it is no table
    """
    rows = read_table_rows(stream)
    places = _find_columns(next(rows, []), columns, name)
    for row in rows:
        cells = dict(enumerate(row))
        image = cells.get(places.file, "").strip()
        tags = [tag for place in places.tags for tag in split_tags(cells.get(place, ""))]
        if image and (found := build_image_text(image, (cells.get(place, "") for place in places.texts), tags)):
            yield found


def _find_columns(heading: Sequence[str], columns: TableColumns, name: str) -> _ColumnPlaces:
    words = [cell.strip() for cell in heading]
    if not any(words):
        raise UsageError(f"{name} has no line of headings")
    folded = [word.casefold() for word in words]
    if columns.file_column:
        file = _find_column(columns.file_column, words, name)
    else:
        file = next((folded.index(key) for key in _NAME_COLUMNS if key in folded), -1)
        if file < 0:
            raise UsageError(f"say which column of {name} names the images, with --file-column{_there_are(words)}")
    texts = [_find_column(each, words, name) for each in columns.text_columns]
    tags = [_find_column(each, words, name) for each in columns.tag_columns]
    if not (texts or tags):
        texts = [folded.index(key) for key in CAPTION_KEYS if key in folded]
        tags = [folded.index(key) for key in said_words(folded, TAG_KEYS)]
    if not (texts or tags):
        raise UsageError(f"say which columns of {name} are read, with --text-columns{_there_are(words)}")
    return _ColumnPlaces(file, tuple(texts), tuple(tags))


def _find_column(column: str, words: list[str], name: str) -> int:
    """The place of a heading, as it is or whatever its case. UsageError where there is none or are several."""
    wanted = column.strip()
    if words.count(wanted) == 1:
        return words.index(wanted)
    folded = [word.casefold() for word in words]
    count = folded.count(wanted.casefold())
    if count == 1:
        return folded.index(wanted.casefold())
    if count:
        raise UsageError(f'{name} has {count} columns "{column}": give them names of their own')
    near = suggestion(wanted, words)
    more = near if near.startswith("; did") else ""
    raise UsageError(f'{name} has no column "{column}"{more}{_there_are(words)}')


def _there_are(words: Sequence[str]) -> str:
    listed = ", ".join(f'"{word}"' for word in words[:MAX_LISTED_COLUMNS] if word)
    return f"; it has: {listed}{', ...' if len(words) > MAX_LISTED_COLUMNS else ''}"


def column_names(columns: str | Iterable[str]) -> tuple[str, ...]:
    """Headings as they are, or from one text with commas, in which quotation marks hold a heading together."""
    if not isinstance(columns, str):
        return tuple(columns)
    return tuple(cell.strip() for row in csv.reader([columns], skipinitialspace=True) for cell in row if cell.strip())
