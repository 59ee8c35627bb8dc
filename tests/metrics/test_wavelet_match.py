import numpy as np
import pytest

from nearsight.metrics.wavelet_match import WaveletMatch

SCANNED = [
    [5.0, 0.83, 1.01, 0.52, 0.47, 0.3],
    [19.21, 1.26, 0.44, 0.53, 0.28, 0.14],
    [34.37, 0.36, 0.45, 0.14, 0.18, 0.27],
]


def signatures(count, coefficients=12, seed=0):
    rng = np.random.default_rng(seed)
    places = np.stack([[rng.choice(np.arange(1, 400), coefficients, False) for _ in range(3)] for _ in range(count)])
    signed = places * rng.choice([-1, 1], places.shape)
    return np.hstack([rng.random((count, 3)), signed.reshape(count, -1)]).astype(np.float32)


def slow(query, row):
    apart = 0.0
    asked, there = (np.reshape(each[3:], (3, -1)).astype(int).tolist() for each in (query, row))
    for channel in range(3):
        apart += SCANNED[channel][0] * abs(float(query[channel]) - float(row[channel]))
        for place in asked[channel]:
            if place not in there[channel]:
                apart += SCANNED[channel][min(max(divmod(abs(place), 128)), 5)]
    return apart


def test_equals_a_slow_loop():
    queries, rows = signatures(5), signatures(200, seed=1)
    expected = [[slow(query, row) for row in rows] for query in queries]
    assert WaveletMatch().distances(queries, rows) == pytest.approx(np.array(expected), rel=1e-5)


def test_little_detail_matches_much():
    much = signatures(1)
    little = much.copy()
    little[:, 5:] = 0
    assert WaveletMatch().distances(little, much) == pytest.approx(0, abs=1e-6)
    assert WaveletMatch().distances(much, little) > 3


def test_the_sign_and_the_channel_count():
    row = np.float32([[0, 0, 0, 1, 0, 0]])
    others = np.float32([[0, 0, 0, -1, 0, 0], [0, 0, 0, 0, 1, 0], [0, 0, 0, 1, 1, 1]])
    assert WaveletMatch().distances(row, others)[0] == pytest.approx([0.83, 0.83, 0])


def test_painted_queries_have_their_own_weights():
    row = np.float32([[0, 0, 0, 128 * 3, 0, 0]])
    other = np.float32([[0.5, 0, 0, 0, 0, 0]])
    assert WaveletMatch().distances(row, other) == pytest.approx(2.5 + 0.52)
    assert WaveletMatch("painted").distances(row, other) == pytest.approx(2.02 + 0.42)


def test_what_is_no_signature_is_refused():
    with pytest.raises(ValueError, match="7 values"):
        WaveletMatch().distances(np.zeros((1, 7), np.float32), np.zeros((1, 7), np.float32))
    for place in (0.5, 128 * 128):
        row = np.float32([[0, 0, 0, place, 0, 0]])
        with pytest.raises(ValueError, match="whole numbers within"):
            WaveletMatch().distances(row, row)
    with pytest.raises(ValueError, match="query"):
        WaveletMatch("drawn")
