"""Small images, and the process that forks the children."""

from __future__ import annotations

import pytest

from tests.faults.forks import Forks
from tests.faults.harm import victim


@pytest.fixture(scope="session")
def forks():
    with Forks() as made:
        yield made


@pytest.fixture
def many(tmp_path, random_image):
    """Makes a folder of so many small images, named 0000.jpg and on."""
    return maker(tmp_path, random_image)


@pytest.fixture(scope="session")
def whole(forks, tmp_path_factory, random_image):
    """A collection to be harmed, which every test puts right again."""
    place = tmp_path_factory.mktemp("victim")
    return victim(forks, maker(place, random_image), place)


@pytest.fixture
def harmed(whole):
    yield whole
    whole.restore()


def maker(place, random_image):
    def make(count, name="p", side=32, start=0):
        folder = place / name
        folder.mkdir(exist_ok=True)
        for number in range(start, start + count):
            random_image(folder / f"{number:04}.jpg", number, side=side)
        return folder

    return make
