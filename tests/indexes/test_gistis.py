"""The bits and the order of GISTIS, against FAISS's own Hamming embedding."""

import faiss
import numpy as np
import pytest
from scipy.stats import spearmanr

from nearsight.indexes.gistis import Gistis
from nearsight.metrics.l2 import L2
from tests.indexes.test_inverted_lists import clustered

ROWS = clustered(6000, 96, seed=3)
INDEX = Gistis(cells=16, probes=4, bits=64)


@pytest.fixture(scope="module")
def fitted():
    return INDEX.train(ROWS, L2())


@pytest.fixture(scope="module")
def oracle(fitted):
    """FAISS's index of the same cells and rotation, which finds its medians itself."""
    quantizer = faiss.IndexFlatL2(ROWS.shape[1])
    quantizer.add(fitted["centroids"])
    index = faiss.IndexIVFSpectralHash(quantizer, ROWS.shape[1], 16, 64, 1e9)
    rotation = faiss.LinearTransform(ROWS.shape[1], 64, False)
    faiss.copy_array_to_vector(fitted["rotation"].ravel(), rotation.A)
    rotation.is_trained = True
    index.replace_vt(rotation)
    index.threshold_type = faiss.IndexIVFSpectralHash.Thresh_median  # replace_vt has set it back
    index.is_trained = False
    index.train(ROWS)
    index.add(ROWS)
    return index


def lists(index):
    """Ids and codes of each list of a FAISS index."""
    for cell in range(index.nlist):
        size = index.invlists.list_size(cell)
        ids = faiss.rev_swig_ptr(index.invlists.get_ids(cell), size).copy()
        yield ids, faiss.rev_swig_ptr(index.invlists.get_codes(cell), size * index.code_size).reshape(size, -1).copy()


def test_bits_are_those_of_faiss(fitted, oracle):
    kept = INDEX.encode(np.arange(6000), ROWS, L2(), fitted)
    same = total = 0
    for cell, (ids, codes) in enumerate(lists(oracle)):
        part = slice(*kept["starts"][cell : cell + 2])
        assert np.array_equal(np.sort(ids), kept["ids"][part])
        theirs = np.unpackbits(codes[np.argsort(ids)], axis=1, bitorder="little")
        ours = np.unpackbits(kept["codes"][part], axis=1)
        same += (ours != theirs).sum()
        total += ours.size
    assert same / total > 1 - 16 / 6000  # the median row itself, one in each cell, may have either bit


def test_the_order_is_that_of_faiss(fitted, oracle):
    """In one cell the order is that of the differing bits."""
    oracle.nprobe = 1
    one = Gistis(cells=16, probes=1, bits=64)
    queries = clustered(50, 96, seed=8)
    theirs, _ = oracle.search(queries, 20)
    medians = faiss.vector_to_array(oracle.trained)[: fitted["thresholds"].size].reshape(fitted["thresholds"].shape)
    assert (
        np.abs(medians - fitted["thresholds"]).max() < 0.05
    )  # of an even number: one of the middle two, or their mean
    fitted = {**fitted, "thresholds": medians}
    rows = one.empty(L2(), fitted).add(np.arange(6000), ROWS)
    for query, wanted in zip(queries, theirs, strict=True):
        away = np.linalg.norm(fitted["centroids"] - query, axis=1).astype(np.float32)
        cell = int(away.argmin())
        compare = one.make_scanner(query, query, away, L2(), fitted)
        codes = rows.parts[0]["codes"][slice(*rows.parts[0]["starts"][cell : cell + 2])]
        distances, _ = compare(cell, codes, len(codes))
        signature = np.packbits(fitted["rotation"] @ query > fitted["thresholds"][cell])
        differing = np.bitwise_count(codes ^ signature).sum(1)
        assert np.array_equal(np.argsort(distances, kind="stable"), np.argsort(differing, kind="stable"))
        assert np.abs(np.sort(differing)[: len(wanted)] - wanted[: len(differing)]).max() <= 1


def test_the_rotation_is_orthonormal():
    for bits, width in ((64, 96), (96, 96), (128, 96)):
        rotation = Gistis(cells=2, probes=1, bits=bits).train(clustered(100, width), L2())["rotation"]
        assert rotation.shape == (bits, width)
        small = rotation @ rotation.T if bits <= width else rotation.T @ rotation
        assert small == pytest.approx(np.eye(len(small)), abs=1e-5)


def test_each_bit_halves_its_cell(fitted):
    kept = INDEX.encode(np.arange(6000), ROWS, L2(), fitted)
    for cell in range(16):
        bits = np.unpackbits(kept["codes"][slice(*kept["starts"][cell : cell + 2])], axis=1)
        assert np.abs(bits.mean(0) - 0.5).max() <= 1 / len(bits)


def test_differing_bits_speak_of_distances_across_cells():
    """The estimate orders rows of all cells nearly as the true distances do; plain differing bits do not."""
    index = Gistis(cells=16, probes=4)
    fitted = index.train(ROWS, L2())
    kept = index.encode(np.arange(6000), ROWS, L2(), fitted)
    query = clustered(1, 96, seed=21)[0]
    away = np.linalg.norm(fitted["centroids"] - query, axis=1).astype(np.float32)
    compare = index.make_scanner(query, query, away, L2(), fitted)
    parts = [kept["codes"][slice(*kept["starts"][cell : cell + 2])] for cell in range(16)]
    estimates = np.concatenate([compare(cell, codes, 6000)[0] for cell, codes in enumerate(parts)])
    signatures = np.packbits(fitted["rotation"] @ query > fitted["thresholds"], axis=1)
    differing = np.concatenate([np.bitwise_count(c ^ one).sum(1) for c, one in zip(parts, signatures, strict=True)])
    truth = np.square(ROWS[kept["ids"]] - query).sum(1)
    told, plain = (spearmanr(each, truth).statistic for each in (estimates, differing))
    assert told > 0.75
    assert plain < told - 0.2


def test_bytes_of_a_row():
    index = Gistis()
    fitted = index.train(clustered(400, 960), L2())
    kept = index.encode(np.arange(5000), clustered(5000, 960, seed=4), L2(), fitted)
    assert kept["codes"].nbytes + kept["ids"].nbytes == 68 * 5000


@pytest.mark.parametrize("wrong", [{"bits": 12}, {"bits": 0}, {"rerank": 0}, {"probes": 0}, {"exact_below": -1}])
def test_wrong_parameters(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Gistis(**wrong)
