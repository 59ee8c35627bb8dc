"""The tables of words that a collection remembers: which file, which columns.

The path of a table inside the folder of images is stored relative to that folder, so that both can be moved.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial

from nearsight.errors import ImageError, UsageError
from nearsight.files import FileSystem
from nearsight.metadata.sidecars.table_text import find_encoding
from nearsight.metadata.sidecars.words_table import TableColumns, check_columns
from nearsight.storage.catalogue import Catalogue
from nearsight.storage.catalogue_writer import CatalogueWriter

META_KEY = "words_from"
FORGET = "none"
"""What is given instead of a table to forget all of them."""


@dataclass(frozen=True)
class WordsTable:
    """One table: its path, relative to the folder of images or absolute, and its columns."""

    path: bytes
    columns: TableColumns

    def place(self, root: bytes) -> bytes:
        """Where the table is."""
        return os.path.join(root, self.path)


def load_tables(catalogue: Catalogue) -> list[WordsTable]:
    """The tables that a collection remembers."""
    entries = json.loads(catalogue.meta(META_KEY) or "[]")
    return [
        WordsTable(
            os.fsencode(each["path"]),
            TableColumns(each["file_column"], tuple(each["text_columns"]), tuple(each["tag_columns"])),
        )
        for each in entries
    ]


def save_table(catalogue: CatalogueWriter, table: WordsTable) -> None:
    """Remember a table; it is read again, also where only its columns are others."""
    others = [each for each in load_tables(catalogue) if each.path != table.path]
    with catalogue.transaction():
        _put_tables(catalogue, [*others, table])
        _forget_reading(catalogue, table)


def forget_tables(catalogue: CatalogueWriter) -> None:
    """Forget all tables and what they said."""
    tables = load_tables(catalogue)
    with catalogue.transaction():
        _put_tables(catalogue, [])
        for table in tables:
            _forget_reading(catalogue, table)


def _put_tables(catalogue: CatalogueWriter, tables: Sequence[WordsTable]) -> None:
    entries = [{"path": os.fsdecode(each.path), **asdict(each.columns)} for each in tables]
    catalogue.put_meta(META_KEY, json.dumps(entries))


def _forget_reading(catalogue: CatalogueWriter, table: WordsTable) -> None:
    catalogue.drop_sidecar(table.path)
    catalogue.drop_skip(table.path)


def locate_table(path: bytes, root: bytes, columns: TableColumns, files: FileSystem) -> WordsTable:
    """A table by the path that its user gives. UsageError where it is not there, is no table or lacks a column."""
    whole = os.path.realpath(path)
    inside = whole.startswith(root + b"/")
    table = WordsTable(whole[len(root) + 1 :] if inside else whole, columns)
    name = os.fsdecode(path)
    try:
        with open_table(table, root, files) as (stream, _):
            check_columns(stream, columns, name)
    except ImageError as problem:
        raise UsageError(f"{name} cannot be read as a table: {problem}") from problem
    return table


def check_tables(catalogue: Catalogue, root: bytes, files: FileSystem) -> None:
    """Raise UsageError where a table that is remembered has lost a column. One that is not there is none the worse."""
    for table in load_tables(catalogue):
        name = os.fsdecode(table.path)
        with suppress(ImageError), open_table(table, root, files) as (stream, _):
            check_columns(stream, table.columns, name)


@contextmanager
def open_table(table: WordsTable, root: bytes, files: FileSystem) -> Iterator[tuple[io.TextIOWrapper, os.stat_result]]:
    """The text of a table, and the state of its file. ImageError where it cannot be read."""
    with files.open_regular(table.place(root)) as file:
        state = os.fstat(file.fileno())
        encoding = find_encoding(iter(partial(file.read, 1 << 20), b""))
        file.seek(0)
        with io.TextIOWrapper(file, encoding, "replace", newline="") as stream:
            yield stream, state
