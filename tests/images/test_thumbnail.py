from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as Pillow

from nearsight.errors import DamagedError
from nearsight.images.thumbnail import decode, encode

from .hostile import photo


def test_round_trip_stays_near_and_is_what_pillow_reads():
    image = np.asarray(photo(256, 192))
    jpeg = encode(image)
    assert encode(image) == jpeg
    assert np.abs(decode(jpeg).astype(int) - image).mean() < 3
    assert np.abs(np.asarray(Pillow.open(io.BytesIO(jpeg))).astype(int) - decode(jpeg)).max() <= 4
    assert len(jpeg) < image.size // 8


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 255, 0), (0, 0, 255)])
def test_channels_are_in_order(colour):
    image = np.full((1, 1, 3), colour, np.uint8)
    assert np.abs(decode(encode(image)).astype(int) - image).max() <= 3


@pytest.mark.parametrize("data", [b"", b"not a jpeg", b"\xff\xd8\xff\xd9"])
def test_damage_is_noticed(data):
    with pytest.raises(DamagedError):
        decode(data)
