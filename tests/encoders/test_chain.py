"""Chains of a first method and encoders."""

from __future__ import annotations

import numpy as np
import pytest

from nearsight.descriptor_chain import DescriptorChain, describe_base
from nearsight.recipe import parse_recipe
from nearsight.registry import build_methods


@pytest.mark.parametrize("first", ["orb", "sift", "akaze"])
def test_the_width_that_is_said_is_that_of_the_rows(first):
    image = np.random.default_rng(1).integers(0, 256, (90, 120, 3), np.uint8).repeat(2, 0).repeat(2, 1)
    local, average = build_methods(parse_recipe(f"{first} | average"))
    chain = DescriptorChain(local, (average,), ({},))
    assert chain.embed([image]).shape == (1, chain.size)
    (features,) = describe_base(local, [image])
    assert features.descriptors.shape[1] == chain.size
    assert len(features) > 5
