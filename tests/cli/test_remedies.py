"""What `index` says at its end of files that could be read."""

from __future__ import annotations

import pytest

from nearsight.images import formats
from tests.command import nearsight
from tests.images.hostile import photo, saved


@pytest.fixture(autouse=True)
def _without_workers(in_this_process):
    """What a test replaces holds for the decoder too."""


def test_it_says_what_to_type_for_heic(tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "register_heif", lambda: False)
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99))
    (tmp_path / "b.png").write_bytes(saved(photo(), "PNG"))
    done = nearsight("index", tmp_path, "--by", "colour")
    assert "pip install pi-heif" in done.stdout
    assert "--max-decoded" not in done.stdout


def test_it_names_the_limit_for_large_images(tmp_path):
    (tmp_path / "scan.png").write_bytes(saved(photo(1000, 800), "PNG"))
    done = nearsight("index", tmp_path, "--by", "colour", "--max-decoded", "1")
    assert "--max-decoded 3 reads it" in done.stdout
    assert "pi-heif" not in done.stdout
    listed = nearsight("export", "--in", tmp_path, "--skipped").stdout
    assert "1000 x 800 pixels take 3 MiB, and 1 MiB are allowed" in listed
    assert "skipped" not in nearsight("index", tmp_path, "--by", "colour").stdout
