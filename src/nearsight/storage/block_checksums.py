"""CRC-32 of each MiB of the catalogue's file, as it was noted of one generation.

They say at the speed of the memory that the whole file is as it was written, so that its records need not be compared
with their checksums one by one.
"""

from __future__ import annotations

import json
import zlib
from contextlib import suppress
from pathlib import Path

from nearsight.files import FileSystem
from nearsight.storage.array_file import BLOCK_BYTES
from nearsight.storage.database import CATALOGUE_FILE

CHECKSUMS_FILE = "catalogue.sums"


def read_block_checksums(index_dir: Path, files: FileSystem) -> list[int] | None:
    """The generation, then a checksum for each block; None where there is no note, or a damaged one."""
    with suppress(FileNotFoundError):
        noted = bytes(files.map(index_dir / CHECKSUMS_FILE))
        said = noted[: noted.find(b"\n")]
        if noted == said + b"\n%08x\n" % zlib.crc32(said):
            return list(json.loads(said))
    return None


def block_checksums(data: memoryview) -> list[int]:
    """The checksum of each block."""
    return [zlib.crc32(data[start : start + BLOCK_BYTES]) for start in range(0, len(data), BLOCK_BYTES)]


def is_file_as_noted(index_dir: Path, generation: int, files: FileSystem) -> bool:
    """Whether the catalogue's file is byte for byte as it was noted of this generation."""
    noted = read_block_checksums(index_dir, files)
    if noted is None or noted[0] != generation:
        return False
    return block_checksums(files.map(index_dir / CATALOGUE_FILE)) == noted[1:]
