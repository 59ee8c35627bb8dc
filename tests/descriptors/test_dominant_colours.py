import numpy as np
import pytest
from skimage.color import rgb2lab
from sklearn.cluster import KMeans

from nearsight.descriptors.dominant_colours import DominantColours
from nearsight.metrics.palette_distance import PaletteDistance

STRIPES = {(200, 30, 40): 0.5, (20, 60, 180): 0.3, (240, 240, 240): 0.2}


def striped(shares=STRIPES, width=40):
    columns = [colour for colour, share in shares.items() for _ in range(round(share * width))]
    return np.tile(np.array(columns, np.uint8), (24, 1, 1))


def test_finds_the_colours_that_are_there():
    palette = DominantColours(count=5).describe([striped()])[0].reshape(5, 4)
    assert palette[:, 0] == pytest.approx([0.5, 0.3, 0.2, 0, 0], abs=1e-6)
    assert palette[:3, 1:] == pytest.approx(rgb2lab(np.array([list(STRIPES)], float) / 255)[0], abs=0.3)
    assert not palette[3:].any()


@pytest.mark.parametrize("count", [3, 8])
def test_as_close_to_the_pixels_as_scikit_learn(photos, count):
    for photo in photos[:3]:
        pixels = rgb2lab(photo).reshape(-1, 3)[::41]
        best = KMeans(count, n_init=3, random_state=0).fit(pixels).inertia_
        palette = DominantColours(count).describe([photo])[0].reshape(-1, 4)
        apart = np.square(pixels[:, None] - palette[:, 1:]).sum(axis=2)
        assert apart.min(axis=1).sum() < 1.25 * best
        share = np.bincount(apart.argmin(axis=1), minlength=count) / len(pixels)
        assert palette[:, 0] == pytest.approx(share, abs=0.04)


def test_sorted_by_share_with_sum_one(photos):
    rows = DominantColours().describe(photos).reshape(len(photos), -1, 4)
    assert (np.diff(rows[:, :, 0]) <= 0).all()
    assert rows[:, :, 0].sum(axis=1) == pytest.approx(1, abs=1e-6)


def test_right_angles_and_mirrors_change_nothing(photos):
    for photo in photos:
        rows = DominantColours().describe([photo, np.rot90(photo), photo[:, ::-1]])
        assert (rows == rows[0]).all()


def test_a_palette_is_the_row_of_an_image_of_it():
    dominant = DominantColours(count=4)
    asked, made = (
        dominant.embed_colours({colour: 10 * share for colour, share in STRIPES.items()}),
        dominant.describe([striped()]),
    )
    assert asked == pytest.approx(made[0], abs=1e-5)


def test_reencoding_is_near_and_other_images_far(photos, reencoded):
    dominant = DominantColours()
    distances = PaletteDistance().distances(dominant.describe(reencoded), dominant.describe(photos))
    assert (distances.argmin(axis=1) == np.arange(len(photos))).all()


def test_more_of_another_colour_is_further():
    red, blue = STRIPES.keys() - {(240, 240, 240)}
    images = [striped({red: share, blue: 1 - share}) for share in (1, 0.9, 0.6, 0.3, 0)]
    rows = DominantColours().describe(images)
    assert (np.diff(PaletteDistance().distances(rows[:1], rows)[0]) > 0).all()


def test_shared_names_the_colours_of_both():
    dominant = DominantColours(count=4)
    query, row = dominant.describe([striped(), striped({(196, 32, 40): 0.25, (0, 90, 10): 0.75})])
    assert dominant.explain_overlap(query, row) == "both have #c81e28 (25 %)"
    assert dominant.explain_overlap(query, dominant.describe([striped({(0, 90, 10): 1.0})])[0]) == ""


def test_wrong_parameters():
    with pytest.raises(ValueError, match="count"):
        DominantColours(0)
