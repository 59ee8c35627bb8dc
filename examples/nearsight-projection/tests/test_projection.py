import numpy as np
import pytest

from nearsight_projection.projection import Projection


def page(seed, height=400, width=300):
    """A page with lines of text of random lengths."""
    rng = np.random.default_rng(seed)
    made = np.full((height, width, 3), 235, np.uint8)
    for top in range(20, height - 20, 16):
        if rng.random() < 0.7:
            made[top : top + 8, 25 : 25 + rng.integers(60, width - 50)] = 30
    return made


def test_profiles_are_means_of_rows_and_columns():
    image = np.random.default_rng(0).integers(0, 256, (64, 128, 3), np.uint8)
    luma = np.rint(image @ np.array([0.299, 0.587, 0.114]))
    row = Projection(length=32).describe([image])[0]
    for part, axis in ((row[:32], 1), (row[32:], 0)):
        profile = luma.mean(axis).reshape(32, -1).mean(1)
        profile -= profile.mean()
        assert part == pytest.approx(profile / np.linalg.norm(profile), abs=0.02)


def test_a_tinted_scan_is_near_and_another_page_far():
    pages = [page(seed) for seed in range(4)]
    scans = [np.clip(each * np.array([0.9, 0.8, 0.6]) + 20, 0, 255).astype(np.uint8)[3:, 2:] for each in pages]
    rows, again = Projection().describe(pages), Projection().describe(scans)
    distances = np.linalg.norm(rows[:, None] - again[None], axis=2)
    assert (distances.argmin(1) == np.arange(4)).all()
    assert (np.diag(distances) < 0.6 * np.where(np.eye(4), np.inf, distances).min(1)).all()


def test_a_page_turned_upside_down_has_its_profiles_reversed():
    image = page(7)
    row, turned = Projection().describe([image, np.ascontiguousarray(image[::-1, ::-1])])
    assert turned[:64] == pytest.approx(row[63::-1], abs=1e-5)
    assert turned[64:] == pytest.approx(row[:63:-1], abs=1e-5)


@pytest.mark.parametrize("length", [3, 513])
def test_wrong_parameters(length):
    with pytest.raises(ValueError, match=str(length)):
        Projection(length=length)
