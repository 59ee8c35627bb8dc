"""A reader that may not write to the collection's directory sees what another user commits."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

import nearsight as ns
from nearsight.storage.catalogue import Catalogue

NOBODY = 65534
RECIPE = "phash"
HOLD = """
import sys
from pathlib import Path
from nearsight.storage.catalogue_writer import CatalogueWriter
writer = CatalogueWriter(Path(sys.argv[1]))
with writer.transaction():
    writer.put_recipe("note", "phash")
print("committed", flush=True)
sys.stdin.read()
"""


@contextmanager
def unprivileged():
    """This process as a user who may read everything here and write nothing."""
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@pytest.fixture
def folder(random_image):
    """Two indexed images in a folder that everybody may read and only root may write."""
    if os.getuid():
        pytest.skip("needs root")
    made = Path(tempfile.mkdtemp(prefix="nearsight-"))
    made.chmod(0o755)
    for number in range(2):
        random_image(made / f"{number}.jpg", number)
    ns.index(made, recipe=RECIPE).close()
    yield made
    shutil.rmtree(made)


def index_elsewhere(folder):
    """Index as another process, so that no connection is shared with the reader."""
    command = [sys.executable, "-m", "nearsight", "index", str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def test_a_reader_without_write_permission_sees_each_commit(folder, random_image):
    with unprivileged():
        photos = ns.open(folder)
        assert len(photos) == 2
    for count in (3, 4):
        random_image(folder / f"{count}.jpg", count)
        index_elsewhere(folder)
        with unprivileged():
            assert len(photos) == count
            assert photos.search(folder / f"{count}.jpg", recipe=RECIPE, k=1)[0].path == f"{count}.jpg"
            assert photos.verify() == []
    photos.close()


def test_a_reader_without_write_permission_reads_the_log_of_a_writer_at_work(folder):
    index_dir = folder / ".nearsight"
    with unprivileged():
        before = Catalogue(index_dir)
        assert "note" not in before.recipes()
    command = [sys.executable, "-c", HOLD, str(index_dir)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout.readline() == "committed\n"
        with unprivileged():
            assert before.recipes()["note"] == "phash"
            after = Catalogue(index_dir)
            assert after.recipes()["note"] == "phash"
        writer.stdin.close()
    with unprivileged():
        assert before.recipes() == after.recipes()
    before.close()
    after.close()
