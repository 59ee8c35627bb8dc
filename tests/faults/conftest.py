"""Small images, and the process that forks the children."""

from __future__ import annotations

import pytest

from tests.faults.forks import Forks


@pytest.fixture(scope="session")
def forks():
    with Forks() as made:
        yield made


@pytest.fixture
def many(tmp_path, random_image):
    """Makes a folder of so many small images, named 0000.jpg and on."""

    def make(count, name="p", side=32, start=0):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        for number in range(start, start + count):
            random_image(folder / f"{number:04}.jpg", number, side=side)
        return folder

    return make
