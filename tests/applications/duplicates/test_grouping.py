"""Groups: every member was compared with the head, whatever order the comparisons come in."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from nearsight.applications.duplicates.comparison import PairVerdict
from nearsight.applications.duplicates.grouping import find_groups
from nearsight.rerankers._copy_verdict import CopyVerdict

COPY = PairVerdict(CopyVerdict.COPY, "", -20.0)
OTHER = PairVerdict(CopyVerdict.NOT_A_COPY, "", np.inf)


def grouped(order, edges, copies):
    """The groups `{head: members}`, and the pairs that were compared."""
    neighbours, asked = defaultdict(dict), []
    for one, other, *weight in edges:
        neighbours[one][other] = neighbours[other][one] = weight[0] if weight else 1.0

    def compare(pairs):
        for pair in pairs:
            asked.append(pair)
            yield pair, COPY if frozenset(pair) in {frozenset(each) for each in copies} else OTHER

    found = find_groups(order, neighbours, compare, accepts=lambda each: each.verdict is CopyVerdict.COPY, likely=1.0)
    return {group.head: set(group.members) for group in found}, asked


def test_a_chain_is_no_group():
    edges = [(1, 2), (2, 3), (3, 4)]
    assert grouped([1, 2, 3, 4], edges, edges)[0] == {1: {2}, 3: {4}}


def test_candidates_of_members_are_compared_with_the_head():
    groups, asked = grouped([1, 2, 3], [(1, 2), (2, 3)], [(1, 2), (2, 3), (1, 3)])
    assert groups == {1: {2, 3}}
    assert asked == [(1, 2), (1, 3)]


def test_unlikely_candidates_of_members_are_not_compared_with_the_head():
    groups, asked = grouped([1, 2, 3], [(1, 2, 0.5), (2, 3, 0.5)], [(1, 2), (2, 3), (1, 3)])
    assert groups == {1: {2}}
    assert asked == [(1, 2)]


def test_the_first_in_the_order_is_the_head():
    edges = [(1, 2), (1, 3), (2, 3)]
    assert grouped([3, 1, 2], edges, edges)[0] == {3: {1, 2}}


def test_what_several_heads_accept_belongs_to_the_first():
    edges = [(1, 9), (2, 9)]
    assert grouped([2, 1, 9], edges, edges)[0] == {2: {9}}


def test_an_image_that_its_head_refused_is_a_head_itself():
    groups, asked = grouped([1, 2, 3], [(1, 2), (2, 3)], [(2, 3)])
    assert groups == {2: {3}}
    assert asked == [(1, 2), (2, 3)]


def test_pairs_that_cannot_be_compared_are_no_members():
    neighbours = {1: {2: 1.0}, 2: {1: 1.0}}
    assert find_groups([1, 2], neighbours, lambda pairs: iter(()), accepts=lambda each: True) == []


@pytest.mark.parametrize("seed", range(20))
def test_in_any_graph_each_image_is_in_one_group_and_was_compared_with_its_head(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 25))
    edges = [(a, b) for a in range(n) for b in range(a) if rng.random() < 0.2]
    copies = [edge for edge in edges if rng.random() < 0.5]
    order = rng.permutation(n).tolist()
    groups, asked = grouped(order, edges, copies)
    everyone = [image for head, members in groups.items() for image in (head, *members)]
    assert len(everyone) == len(set(everyone))
    assert len(asked) == len(set(asked))
    both = {frozenset(each) for each in copies}
    assert all(frozenset((head, each)) in both for head, members in groups.items() for each in members)
    assert all((head, each) in asked for head, members in groups.items() for each in members)
    alone = set(range(n)) - set(everyone)
    assert not any({a, b} <= alone for a, b in copies)
