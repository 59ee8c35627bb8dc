from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np
import pytest

from nearsight.errors import DamagedError
from nearsight.files import LocalFileSystem
from nearsight.storage.array_file import BLOCK_BYTES, Segment
from nearsight.storage.array_file_writer import write_blobs, write_vectors

FILES = LocalFileSystem()


@pytest.fixture
def written(tmp_path):
    rng = np.random.default_rng(1)
    ids = np.arange(5, 2005, dtype=np.int64)
    rows = rng.random((2000, 300), np.float32)
    return write_vectors(tmp_path, 7, "some key", ids, rows, FILES), ids, rows


def test_rows_come_back(tmp_path, written):
    entry, ids, rows = written
    opened = Segment(tmp_path, entry, FILES)
    np.testing.assert_array_equal(opened.ids, ids)
    np.testing.assert_array_equal(opened.vectors[:], rows)
    assert not opened.vectors[:].flags.writeable
    data = (tmp_path / entry.file_name).read_bytes()
    assert np.frombuffer(entry.checksums, np.uint32).tolist() == [
        zlib.crc32(data[at : at + BLOCK_BYTES]) for at in range(0, len(data), BLOCK_BYTES)
    ]


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float16"])
@pytest.mark.parametrize("count", [1, 3])
def test_any_dtype_and_count(tmp_path, dtype, count):
    rows = np.arange(count * 8).reshape(count, 8).astype(dtype)
    opened = Segment(tmp_path, write_vectors(tmp_path, 1, "k", np.arange(count), rows, FILES), FILES)
    np.testing.assert_array_equal(opened.vectors[:], rows)
    assert opened.vectors[:].dtype == rows.dtype


def test_blobs_come_back_one_by_one(tmp_path):
    rng = np.random.default_rng(2)
    blobs = [rng.bytes(int(n)) for n in rng.integers(1, 30_000, 200)]
    opened = Segment(tmp_path, write_blobs(tmp_path, 3, "t", np.arange(200), blobs, FILES), FILES)
    assert [opened.read_blob(i) for i in range(200)] == blobs
    spans = opened.spans()
    assert [bytes(opened.data[a:b]) for a, b in spans.tolist()] == blobs


def test_every_flipped_bit_is_found_before_it_is_used(tmp_path, written):
    entry, _, _ = written
    path = tmp_path / entry.file_name
    sound = path.read_bytes()
    rng = np.random.default_rng(3)
    for at in (0, 9, 127, 130, len(sound) - 1, *rng.integers(0, len(sound), 60).tolist()):
        broken = bytearray(sound)
        broken[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(broken)
        with pytest.raises(DamagedError):
            Segment(tmp_path, entry, FILES).vectors[:]


def test_only_touched_blocks_are_checked(tmp_path):
    blobs = [bytes([i]) * (BLOCK_BYTES // 2) for i in range(1, 9)]
    entry = write_blobs(tmp_path, 1, "t", np.arange(8), blobs, FILES)
    path = tmp_path / entry.file_name
    broken = bytearray(path.read_bytes())
    broken[-1] ^= 1
    path.write_bytes(broken)
    opened = Segment(tmp_path, entry, FILES)
    assert opened.read_blob(0) == blobs[0]
    with pytest.raises(DamagedError, match="repair"):
        opened.read_blob(7)


def test_missing_truncated_and_exchanged_files_are_found(tmp_path, written):
    entry, ids, rows = written
    path = tmp_path / entry.file_name
    other = write_vectors(tmp_path, 8, "some key", ids, rows[::-1], FILES)
    (tmp_path / other.file_name).rename(path)
    with pytest.raises(DamagedError):
        Segment(tmp_path, entry, FILES).vectors[:]
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(DamagedError, match="bytes"):
        Segment(tmp_path, entry, FILES)
    path.unlink()
    with pytest.raises(DamagedError, match="missing"):
        Segment(tmp_path, entry, FILES)
    with pytest.raises(DamagedError):
        Segment(tmp_path, replace(entry, id=99), FILES)
