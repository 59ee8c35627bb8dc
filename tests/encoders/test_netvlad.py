"""NetVLAD against loops and against VLAD, which it becomes as it grows sharp; VLAD and Fisher vectors of maps."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nearsight.encoders import netvlad as module
from nearsight.encoders._normalisation import l2_normalise
from nearsight.encoders.fisher import Fisher
from nearsight.encoders.netvlad import Netvlad
from nearsight.encoders.pca import Pca
from nearsight.encoders.unit import Unit
from nearsight.encoders.vlad import Vlad
from tests.encoders.maps import as_features, divided, one, random_map
from tests.encoders.test_vlad import slowly as slow_vlad


def quiet(done, total):
    """Nobody asks."""


SAMPLE = random_map(30, 40, width=8, seed=9).reshape(-1, 8)


def slowly(rows, centres, alpha):
    """One descriptor, one word and one value after another."""
    words, width = centres.shape
    sums = [[0.0] * width for _ in range(words)]
    for row in rows:
        x = divided(row)
        near = [math.exp(-alpha * sum((x[d] - float(c[d])) ** 2 for d in range(width))) for c in centres]
        for word in range(words):
            for d in range(width):
                sums[word][d] += near[word] / sum(near) * (x[d] - float(centres[word][d]))
    return divided([value for each in sums for value in divided(each)])


@pytest.mark.parametrize("alpha", [None, 0.5, 30.0])
def test_rows_are_those_of_loops(alpha):
    encoder = Netvlad(k=6, alpha=alpha)
    fitted = encoder.train(SAMPLE, quiet)
    for seed in range(3):
        values = random_map(4, 5, width=8, seed=seed)
        row = one(encoder, as_features(values), fitted)
        wanted = slowly(values.reshape(-1, 8), fitted["centres"], float(fitted["alpha"][0]))
        assert row == pytest.approx(wanted, abs=1e-5)


def test_at_the_mean_distances_the_nearest_word_has_a_hundred_times_the_next():
    fitted = Netvlad(k=6).train(SAMPLE, quiet)
    gaps = []
    for row in SAMPLE:
        squares = sorted(sum((np.array(divided(row)) - centre) ** 2) for centre in fitted["centres"])
        gaps.append(squares[1] - squares[0])
    assert math.exp(float(fitted["alpha"][0]) * np.mean(gaps)) == pytest.approx(100, rel=1e-3)
    assert Netvlad(k=6, alpha=7.0).train(SAMPLE, quiet)["alpha"].tolist() == [7]
    assert Netvlad(k=1).train(SAMPLE, quiet)["alpha"].tolist() == [1]


def test_the_sharpest_is_vlad_of_units_with_intra_normalisation():
    encoder = Netvlad(k=6, alpha=1e6)
    fitted = encoder.train(SAMPLE, quiet)
    (units,) = Unit().encode([as_features(random_map(5, 6, width=8, seed=4))], {})
    vlad = one(Vlad(k=6, norm="intra"), units, {"centres": fitted["centres"][None]})
    assert one(encoder, units, fitted) == pytest.approx(vlad, abs=1e-5)


def test_vlad_and_fisher_vectors_take_maps_as_they_take_features():
    """One position is one local feature: rows are those of the plain formulas on the positions."""
    images = [
        as_features(random_map(5, 6, width=8, seed=seed), random_map(3, 4, width=8, seed=50 + seed))
        for seed in range(9)
    ]
    pca = Pca(dim=4)
    first = pca.train(SAMPLE, quiet)
    shorter = pca.encode(images, first)
    assert [each.grids for each in shorter] == [((6, 5), (4, 3))] * 9
    vlad = Vlad(k=5)
    fitted = vlad.train(pca.encode([as_features(SAMPLE.reshape(30, 40, 8))], first)[0].descriptors, quiet)
    for row, each in zip(vlad.encode(shorter, fitted), shorter, strict=True):
        assert row == pytest.approx(slow_vlad(each.descriptors, fitted["centres"][0], "power", 0.5), abs=1e-5)
    fisher = Fisher(k=3)
    mixture = fisher.train(pca.encode([as_features(SAMPLE.reshape(30, 40, 8))], first)[0].descriptors, quiet)
    for row, each in zip(fisher.encode(shorter, mixture), shorter, strict=True):
        assert row == pytest.approx(slow_fisher(each.descriptors.astype(float), mixture), abs=1e-5)


def slow_fisher(rows, mixture):
    """Gradients by their formulas, one descriptor and one Gaussian after another."""
    weights, means, variances = (mixture[name].astype(np.float64) for name in ("weights", "means", "variances"))
    count = len(rows)
    u, v = np.zeros_like(means), np.zeros_like(means)
    for x in rows:
        logs = [
            math.log(w)
            - 0.5 * sum(math.log(2 * math.pi * s) + (a - m) ** 2 / s for a, m, s in zip(x, mean, var, strict=True))
            for w, mean, var in zip(weights, means, variances, strict=True)
        ]
        shares = [1 / sum(math.exp(other - own) for other in logs) for own in logs]
        for k, share in enumerate(shares):
            if share >= 1e-4:
                away = (x - means[k]) / np.sqrt(variances[k])
                u[k] += share * away / (count * math.sqrt(weights[k]))
                v[k] += share * (away**2 - 1) / (count * math.sqrt(2 * weights[k]))
    flat = np.concatenate([u.ravel(), v.ravel()])
    return divided(np.sign(flat) * np.sqrt(np.abs(flat)))


@pytest.mark.parametrize(
    ("wrong", "says"), [({"k": 0}, "k is"), ({"alpha": 0.0}, "alpha is above 0"), ({"alpha": -1.0}, "alpha")]
)
def test_parameters_out_of_range_are_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        Netvlad(**wrong)


def test_a_sample_in_a_file_is_never_in_memory_whole(monkeypatch, tmp_path):
    sample = np.tile(SAMPLE, (3, 1))
    sample.tofile(tmp_path / "sample")
    mapped, sizes = np.memmap(tmp_path / "sample", np.float32, "r", 0, sample.shape), []
    monkeypatch.setattr(module, "l2_normalise", lambda rows: sizes.append(len(rows)) or l2_normalise(rows))
    trained = Netvlad(k=4).train(mapped, quiet)
    assert max(sizes) <= 512
    monkeypatch.setattr(module, "map_chunks", lambda rows, transform: transform(rows))
    whole = Netvlad(k=4).train(sample, quiet)
    assert all(np.array_equal(trained[name], whole[name]) for name in ("centres", "alpha"))
