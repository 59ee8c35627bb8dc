from types import SimpleNamespace

import numpy as np
import pytest

from nearsight.types import NO_ID, Hits
from nearsight_projection.vary import Vary


def images(*seeds):
    return [np.random.default_rng(seed).integers(0, 256, (16, 16, 3), np.uint8) for seed in seeds]


def rerank(shown, weight=0.5, n=50, padding=0):
    context = SimpleNamespace(from_thumbnail=lambda image_id, make: make(shown[image_id]))
    ids = np.array([*range(len(shown)), *[NO_ID] * padding])
    scores = np.array([*-np.arange(len(shown), dtype=np.float32), *[-np.inf] * padding], np.float32)
    return Vary(n=n, weight=weight).rerank(shown[0], Hits(ids[None], scores[None]), context)


def slow_order(shown, weight):
    """Maximal marginal relevance as the paper writes it, one pair at a time."""
    likeness = np.corrcoef([each.ravel().astype(float) for each in shown])
    last = len(shown) - 1
    order, left = [0], set(range(1, len(shown)))
    while left:
        worth = {at: (1 - weight) * (1 - at / last) - weight * max(likeness[at, o] for o in order) for at in left}
        order.append(max(sorted(left), key=worth.get))
        left.remove(order[-1])
    return order


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.5, 0.8])
def test_the_order_is_that_of_the_paper(weight):
    shown = images(1, 1, 2, 2, 2, 3, 1, 4)
    assert rerank(shown, weight).ids[0].tolist() == slow_order(shown, weight)


def test_a_burst_is_shown_once_before_the_others():
    assert rerank(images(1, 1, 1, 2, 3)).ids[0, :3].tolist() == [0, 3, 4]


def test_without_weight_the_order_stays():
    assert rerank(images(1, 1, 1, 2, 3), weight=0).ids[0].tolist() == [0, 1, 2, 3, 4]


def test_padding_and_hits_beyond_n_stay_where_they_are():
    hits = rerank(images(1, 1, 2, 3, 1), n=3, padding=2)
    assert hits.ids[0].tolist() == [0, 2, 1, 3, 4, NO_ID, NO_ID]
    assert hits.scores[0].tolist() == [0, -1, -2, -3, -4, -np.inf, -np.inf]


@pytest.mark.parametrize("wrong", [{"n": 1}, {"weight": -0.1}, {"weight": 1.5}])
def test_wrong_parameters(wrong):
    with pytest.raises(ValueError, match=str(next(iter(wrong.values())))):
        Vary(**wrong)
