"""How well each descriptor tells the ten classes of Corel-1k apart, every image asked for among the others."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from nearsight.evaluation.measures import average_precision
from nearsight.images.decode import decode_image
from nearsight.registry import natural_metric, require_method

# Mean average precision and error of the nearest neighbour, in per cent.
REACHED = {
    "colour_histogram": (51.8, 16.4),
    "colour_layout": (46.5, 24.0),
    "colour_moments": (41.0, 27.3),
    "colour_correlogram": (49.6, 15.9),
    "dominant_colours": (45.4, 23.7),
    "wavelet_signature": (36.8, 37.4),
    "edge_histogram": (46.8, 25.3),
    "hog": (31.6, 39.5),
    "gabor": (38.2, 29.8),
    "lbp": (45.0, 24.8),
    "laws": (35.2, 36.4),
    "wavelet_energy": (36.0, 34.0),
    "structure_tensor": (40.3, 35.8),
}


@pytest.fixture(scope="module")
def images(data):
    with ThreadPoolExecutor(2) as pool:
        files = [data / "corel1k" / f"{number}.jpg" for number in range(1000)]
        return list(pool.map(lambda file: decode_image(file.read_bytes()), files))


@pytest.mark.slow
@pytest.mark.parametrize("name", REACHED)
def test_as_good_as_it_was(images, name):
    descriptor = require_method(name)()
    rows = descriptor.describe([image.at(descriptor.side) for image in images])
    distances = natural_metric(descriptor).distances(rows, rows)
    np.fill_diagonal(distances, np.inf)
    order = np.argsort(distances, axis=1, kind="stable")[:, :-1]
    right = order // 100 == np.arange(1000)[:, None] // 100
    precision = 100 * np.mean([average_precision(np.flatnonzero(row), 99) for row in right])
    error = 100 * (1 - right[:, 0].mean())
    assert precision > REACHED[name][0] - 0.5
    assert error < REACHED[name][1] + 0.5
