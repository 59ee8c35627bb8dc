"""A machine with a small pair of networks for images and texts, and a folder of plain colours."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.models.pairs import paired

COLOURS = {"red": (230, 20, 30), "green": (25, 230, 20), "blue": (20, 45, 230), "yellow": (230, 220, 20)}


def read(path):
    """The pixels of an image file, `(H, W, 3) uint8`."""
    return np.asarray(Image.open(path).convert("RGB"))


def write(path, pixels, **options):
    """Write pixels as an image file; its path."""
    Image.fromarray(np.ascontiguousarray(pixels)).save(path, **options)
    return path


@pytest.fixture
def models(tmp_path, monkeypatch):
    """A machine with the small pair and nothing else."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("NEARSIGHT_MODELS", str(paired(tmp_path / "models")))
    return tmp_path / "models"


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "photos"
    made.mkdir()
    for name, colour in COLOURS.items():
        Image.new("RGB", (40, 30), colour).save(made / f"{name}.png")
    return made


@pytest.fixture(scope="module", autouse=True)
def _without_workers(in_this_process):
    """A collection is indexed often here, and is small."""
