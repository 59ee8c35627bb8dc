import numpy as np
import pytest
from skimage.feature import hog

from nearsight.descriptors.hog import Hog
from nearsight.metrics.l1 import L1


@pytest.mark.parametrize(
    "kw", [{}, {"orientations": 8, "cell": 16, "block": 3}, {"cell": 12, "block": 1, "square": 64}]
)
def test_equals_scikit_image(kw):
    # on an image of the square itself, so that both see the same pixels
    ours = Hog(**kw)
    images = np.random.default_rng(0).integers(0, 256, (3, ours.square, ours.square, 3), np.uint8)
    for image in images:
        expected = hog(
            image,
            orientations=ours.orientations,
            pixels_per_cell=(ours.cell, ours.cell),
            cells_per_block=(ours.block, ours.block),
            block_norm="L2-Hys",
            channel_axis=2,
        )
        assert ours.describe([image])[0] == pytest.approx(expected, abs=1e-5)


def test_equals_scikit_image_on_photographs(photos):
    for photo in photos:
        image = np.ascontiguousarray(photo[:128, :128])
        expected = hog(image, pixels_per_cell=(32, 32), cells_per_block=(2, 2), channel_axis=2)
        # equal strengths of two channels, and directions right on the edge of a bin, may be taken either way
        assert np.abs(Hog().describe([image])[0] - expected).mean() < 1e-3


def test_light_and_contrast_hardly_count_but_a_turn_does(photos):
    shape = Hog()
    rows = shape.describe(photos)
    dimmed = shape.describe([(photo * 0.6 + 20).astype(np.uint8) for photo in photos])
    turned = shape.describe([np.rot90(photo) for photo in photos])
    distances = L1().distances(dimmed, rows)
    assert (distances.argmin(axis=1) == np.arange(len(photos))).all()
    assert (np.diag(L1().distances(turned, rows)) > 3 * np.diag(distances)).all()


def test_the_scale_of_what_is_shown_counts(photos):
    # the issue of one window: a closer view of the same is another shape
    shape = Hog()
    rows = shape.describe(photos)
    closer = shape.describe([photo[40:-40, 40:-40] for photo in photos])
    copies = shape.describe([photo[::2, ::2] for photo in photos])
    near, far = (np.diag(L1().distances(each, rows)).mean() for each in (copies, closer))
    assert far > 2 * near


@pytest.mark.parametrize("wrong", [{"orientations": 0}, {"cell": 1}, {"square": 16}, {"block": 5}])
def test_wrong_parameters(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Hog(**wrong)
