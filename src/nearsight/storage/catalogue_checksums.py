"""The checksums of the catalogue's file, so that a flipped bit is noticed even where SQLite keeps nothing.

The rows carry their own checksums; between them lies space that no row uses, and headers that only SQLite reads. When
a writer has folded its log into the file it notes a CRC-32 for each MiB of it, with the generation that they are of.
After a kill, or where a reader kept the log from being folded, the note is of an older generation and is not compared:
the log and the rows have checksums of their own, and the next writer notes anew.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from nearsight.files import FileSystem
from nearsight.storage.block_checksums import CHECKSUMS_FILE, block_checksums, read_block_checksums
from nearsight.storage.catalogue import Catalogue
from nearsight.storage.catalogue_writer import CatalogueWriter
from nearsight.storage.database import CATALOGUE_FILE, translate_errors
from nearsight.storage.records import Problem


def checkpoint_catalogue(index_dir: Path, catalogue: CatalogueWriter, files: FileSystem) -> None:
    """Fold the log into the file and note its checksums; nothing where a reader keeps the log from being folded."""
    with translate_errors(catalogue.path):
        busy = catalogue.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    generation = catalogue.generation()
    noted = read_block_checksums(index_dir, files)
    if busy or (noted is not None and noted[0] == generation):
        return
    said = json.dumps([generation, *block_checksums(files.map(index_dir / CATALOGUE_FILE))]).encode()
    files.write_new(index_dir / CHECKSUMS_FILE, [said + b"\n%08x\n" % zlib.crc32(said)])


def find_catalogue_damage(index_dir: Path, catalogue: Catalogue, files: FileSystem) -> Iterator[Problem]:
    """What does not agree with the checksums, as far as they are of this generation."""
    if not files.exists(index_dir / CHECKSUMS_FILE):
        return
    noted = read_block_checksums(index_dir, files)
    if noted is None:
        yield Problem(CHECKSUMS_FILE, "its checksums do not agree with each other")
    elif noted[0] == catalogue.generation():
        blocks = block_checksums(files.map(index_dir / CATALOGUE_FILE))
        if blocks != noted[1:] and noted[0] == catalogue.generation():
            bad = [n for n, pair in enumerate(zip_longest(blocks, noted[1:])) if len(set(pair)) == 2]
            yield Problem(CATALOGUE_FILE, f"block {bad[0]} of the file does not agree with its checksum")
