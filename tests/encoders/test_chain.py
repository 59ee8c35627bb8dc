"""Chains of a first method and encoders."""

from __future__ import annotations

import numpy as np
import pytest

from nearsight.encoded import Encoded, started
from nearsight.recipe import parse
from nearsight.registry import build


@pytest.mark.parametrize("first", ["orb", "sift", "akaze"])
def test_the_width_that_is_said_is_that_of_the_rows(first):
    picture = np.random.default_rng(1).integers(0, 256, (90, 120, 3), np.uint8).repeat(2, 0).repeat(2, 1)
    local, average = build(parse(f"{first} | average"))
    chain = Encoded(local, (average,), ({},))
    assert chain.rows([picture]).shape == (1, chain.size)
    (features,) = started(local, [picture])
    assert features.descriptors.shape[1] == chain.size
    assert len(features) > 5
