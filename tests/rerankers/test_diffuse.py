"""Diffusion against a graph made in loops and a dense solver, and on a manifold."""

from __future__ import annotations

import numpy as np
import pytest

from nearsight.rerankers.diffuse import Diffuse
from tests.rerankers.stored import IMAGE, clustered, cosine, hits_of, order_of, rows_of


def by_hand(stored, question, k, seeds, alpha):
    """The exact solution of the dense system, its graph made pair by pair."""
    count = len(stored)
    alike = [[cosine(one, other) for other in stored] for one in stored]
    near = []
    for at in range(count):
        others = sorted((each for each in range(count) if each != at), key=lambda each: -alike[at][each])
        near.append(set(others[:k]))
    graph = np.zeros((count, count))
    for one in range(count):
        for other in near[one]:
            if one in near[other]:
                graph[one, other] = max(0.0, alike[one][other]) ** 3
    sums = graph.sum(1) + 1e-12
    flow = np.array([[graph[i, j] / np.sqrt(sums[i] * sums[j]) for j in range(count)] for i in range(count)])
    to_query = [cosine(question, row) for row in stored]
    given = np.zeros(count)
    for at in sorted(range(count), key=lambda at: -to_query[at])[:seeds]:
        given[at] = max(0.0, to_query[at]) ** 3
    return np.linalg.solve(np.eye(count) - alpha * flow, given)


@pytest.mark.parametrize(("k", "seeds", "alpha"), [(6, 10, 0.99), (3, 1, 0.99), (1, 4, 0.5)])
def test_it_is_the_solution_of_the_dense_system(k, seeds, alpha):
    stored, question = clustered()
    rows = rows_of(stored, question)
    right = by_hand(stored, question, k, seeds, alpha)
    found = Diffuse(k=k, seeds=seeds, alpha=alpha).rerank(IMAGE, hits_of(rows, 60), rows)
    reached = right > 1e-9
    assert reached.sum() > 2
    assert order_of(found)[: reached.sum()] == sorted(
        (100 + np.flatnonzero(reached)).tolist(), key=lambda ident: -right[ident - 100]
    )
    assert found.scores[0] == pytest.approx(np.sort(right)[::-1], abs=1e-4)


def test_what_is_not_reached_keeps_its_order_and_so_does_what_is_not_looked_at():
    stored, question = clustered()
    rows = rows_of(stored, question)
    given = order_of(hits_of(rows, 60))
    found = Diffuse(k=2, seeds=1, hits=40).rerank(IMAGE, hits_of(rows, 60), rows)
    lost = [ident for ident, score in zip(order_of(found), found.scores[0], strict=True) if score == 0]
    assert lost == [ident for ident in given if ident in lost]
    assert order_of(found)[40:] == given[40:]
    assert (np.diff(found.scores[0]) <= 0).all()


def moons(count=120):
    """Two half circles one inside the other's opening; the query is at an end of the first."""
    random = np.random.default_rng(2)
    turn = np.linspace(0, np.pi, count // 2)
    upper = np.stack([np.cos(turn), np.sin(turn)], 1)
    lower = np.stack([1 - np.cos(turn), 0.4 - np.sin(turn)], 1)
    flat = np.vstack([upper, lower]) + 0.02 * random.normal(size=(count, 2))
    placed = np.hstack([flat, np.full((count, 1), 1.5)])
    placed /= np.linalg.norm(placed, axis=1, keepdims=True)
    return placed.astype(np.float32), np.arange(count) < count // 2


def test_it_follows_a_manifold_that_distances_do_not():
    stored, right = moons()
    rows = rows_of(stored, stored[0], first=0)
    plain = right[hits_of(rows, 60).ids[0]].mean()
    followed = right[Diffuse(k=5, seeds=1).rerank(IMAGE, hits_of(rows, 120), rows).ids[0, :60]].mean()
    assert plain < 0.85
    assert followed == 1


def test_the_residual_is_told_and_is_large_where_the_solver_ended_too_early():
    stored, _ = moons()
    for iterations, low, high in ((100, 0, 1e-5), (2, 1e-2, 1)):
        rows = rows_of(stored, stored[0], first=0)
        Diffuse(k=5, seeds=1, iterations=iterations).rerank(IMAGE, hits_of(rows, 120), rows)
        said = Diffuse(k=5, seeds=1, iterations=iterations).explain(IMAGE, np.array([3]), rows)[0].sentence
        assert low <= float(said.rpartition("residual ")[2].rstrip(")")) < high


@pytest.mark.parametrize(
    "wrong", [{"k": 0}, {"seeds": 0}, {"hits": 0}, {"iterations": 0}, {"alpha": 1.0}, {"tolerance": 0.0}]
)
def test_parameters_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match="; got"):
        Diffuse(**wrong)
