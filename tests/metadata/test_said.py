"""Every kind of file of `said.py`, compared field by field."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from nearsight.images.decode import decode_image
from nearsight.images.pillow import register_heif

from .said import said_files
from .said_bytes import SaidFile


@pytest.mark.parametrize("said", said_files(), ids=lambda said: said.kind)
def test_what_a_file_says(said: SaidFile):
    if said.suffix == ".heic":
        register_heif()
    found = decode_image(said.data, metadata=True).metadata
    assert (found.caption, found.tags) == (said.expected.caption, said.expected.tags)
    assert asdict(found.facts) == pytest.approx(asdict(said.expected.facts), abs=1e-6)


def test_each_kind_has_a_name_of_its_own():
    kinds = [said.kind for said in said_files()]
    assert len(set(kinds)) == len(kinds) > 150
