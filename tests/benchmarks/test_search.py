from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from benchmarks import search
from benchmarks.page import markers
from scipy.spatial.distance import cdist

from nearsight.indexes.flat import Flat
from nearsight.metrics.l2 import L2
from nearsight.types import Index


@dataclass(frozen=True)
class Halves(Index):
    """Learns a cut of the first value and looks at one side of it, or at both."""

    cells: int = 2
    probes: int = 1
    metric = None
    cache_params = ("cells",)
    sample_size = 300

    def train(self, rows, metric):
        return {"cut": np.median(rows[:, :1], axis=0)}

    def empty(self, metric, fitted):
        return Sides(metric, fitted["cut"], self.probes, [])


@dataclass
class Sides:
    metric: L2
    cut: np.ndarray
    probes: int
    parts: list

    def add(self, ids, rows):
        below = rows[:, 0] < self.cut
        sides = [Flat().empty(self.metric).add(ids[side], rows[side]) for side in (below, ~below)]
        return Sides(self.metric, self.cut, self.probes, [*sides, Flat().empty(self.metric).add(ids, rows)])

    def search(self, queries, k, allow=None):
        return self.parts[2 if self.probes == 2 else int(queries[0, 0] >= self.cut[0])].search(queries, k)


@pytest.fixture
def rows():
    return np.random.default_rng(1).normal(size=(400, 6)).astype(np.float32)


def test_exact_is_that_of_scipy(rows):
    right = np.argsort(cdist(rows[:7] + np.float32(0.1), rows), axis=1)[:, :10]
    assert (search.exact(rows[:7] + np.float32(0.1), rows) == right).all()


def test_recall_is_the_share_of_the_first_ten():
    right = np.arange(20).reshape(2, 10)
    found = np.array([np.arange(10)[::-1], [10, 11, 12, 13, -1, -1, -1, -1, -1, -1]])
    assert search.recall(found, right) == pytest.approx((10 + 4) / 20)


def test_index_that_learns_is_measured_with_each_number_of_cells(rows):
    lines = search.index_rows(Halves(), "halves", L2(), rows, rows[:20] + np.float32(0.3))
    assert [line[0] for line in lines] == ["`halves`, 1 of 2 cells", "`halves`, 2 of 2 cells"]
    assert 0.4 < float(lines[0][1]) < 1
    assert lines[1][1] == "1.000"


def test_bytes_are_counted_once_and_mapped_ones_apart(rows, tmp_path):
    np.save(tmp_path / "rows.npy", rows)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    index = Flat().empty(L2()).add(np.arange(400), mapped).remove(np.array([3, 4]))
    index.search(rows[:1], 1)
    own, on_disk = search.count_bytes([index, index.vectors.blocks, rows[:10], rows[5:]])
    assert on_disk == rows.nbytes + 128  # the header of the file
    assert own == rows.nbytes + 2 * 8 + 400 * 8 + 2 * 8  # removed ids, ids, where blocks start


def test_command_writes_its_section(tmp_path):
    page = tmp_path / "page.md"
    command = [sys.executable, "-m", "benchmarks", "search", "--quick", "--out", str(page)]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[2], capture_output=True)
    begin, end = markers("search")
    written = page.read_text().partition(begin)[2].partition(end)[0]
    assert "500 vectors of `gist`" in written
    assert "| `flat` | 1.000 |" in written
