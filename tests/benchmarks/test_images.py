from __future__ import annotations

import hashlib
import os

import cv2
import numpy as np
import pytest
from benchmarks import images


def test_bundled_photographs(photos):
    assert len(photos) == 13
    assert max(max(photo.shape) for photo in photos) <= 1024


def test_photographs_of_a_folder(tmp_path):
    (tmp_path / "sub").mkdir()
    cv2.imwrite(str(tmp_path / "sub" / "red.png"), np.full((4, 6, 3), (0, 0, 255), np.uint8))
    (tmp_path / "notes.txt").write_text("no image")
    (only,) = images.photographs(tmp_path)
    assert only.shape == (4, 6, 3)
    assert (only == (255, 0, 0)).all()


def test_crops_are_distinct_small_and_the_same_again(photos):
    made = list(images.crops(photos, 60, 96))
    assert len({crop.tobytes() for crop in made}) == 60
    assert {side for crop in made for side in crop.shape[:2]} <= set(range(64, 97))
    assert all((a == b).all() for a, b in zip(made[40:], images.crops(photos, 20, 96, first=40), strict=True))


def test_crop_is_a_part_of_the_photograph():
    """Without turn, scale and light of their own, the pixels are those around the chosen point."""
    photo = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)

    class Still:
        def uniform(self, low, high, size=None):
            return {(-20, 20): 0, (0.7, 1.4): 1}.get((low, high), np.full(2, 0.5))

        def choice(self, values):
            return 1

    assert (images._part(photo, 64, 80, Still()) == photo[20:100, 48:112]).all()


def test_files_are_written_in_parts(tmp_path, photos):
    images.write_crops(tmp_path / "all", photos, 1003, 16)
    found = sorted((tmp_path / "all").rglob("*.jpg"))
    assert [path.parent.name for path in found[-4:]] == ["0000", "0001", "0001", "0001"]
    assert len(found) == 1003
    assert len({hashlib.sha256(path.read_bytes()).digest() for path in found}) > 950  # flat sky looks alike
    (expected,) = images.crops(photos, 1, 16, first=1001)
    assert np.abs(cv2.imread(str(found[1001]))[..., ::-1].astype(int) - expected).mean() < 12


def test_enlarged_images_have_the_bytes_of_a_camera(photos):
    large = images.enlarge(photos[3], (1632, 1224), 1)
    assert large.shape == (1224, 1632, 3)
    jpeg = cv2.imencode(".jpg", large, [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
    assert 2 < 8 * len(jpeg) / (1632 * 1224) < 4
    noise = images.enlarge(np.full((30, 40, 3), 128, np.uint8), (400, 300), 1) - 128.0
    assert np.corrcoef(noise[..., 0].ravel(), noise[..., 2].ravel())[0, 1] > 0.999  # of the brightness
    assert noise[..., 1].std() == pytest.approx(images.SENSOR_NOISE, rel=0.02)
    assert not (images.enlarge(photos[3], (1632, 1224), 2)[:100, :100] == large[:100, :100]).all()


@pytest.mark.parametrize("shape", [(40, 90), (90, 40)])
def test_enlarged_images_keep_their_proportions(shape):
    """A grid of squares of 4 x 4 stays a grid of squares."""
    grid = np.kron(np.indices((shape[0] // 4 + 1, shape[1] // 4 + 1)).sum(0) % 2, np.ones((4, 4)))
    photo = np.repeat(grid[: shape[0], : shape[1], None] * 255, 3, axis=2).astype(np.uint8)
    large = cv2.GaussianBlur(images.enlarge(photo, (400, 300), 0)[..., 1], (0, 0), 2) > 127
    turns = [np.mean(np.count_nonzero(np.diff(large, axis=axis), axis=axis)) / large.shape[axis] for axis in (0, 1)]
    assert turns[0] == pytest.approx(turns[1], rel=0.25)


def test_links(tmp_path):
    for name in ("b.jpg", "a.jpg", "sub/c.jpg"):
        path = tmp_path / "from" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    assert images.link_files(tmp_path / "from", tmp_path / "to", names=2, most=2) == 4
    assert sorted(os.listdir(tmp_path / "to")) == ["a-0.jpg", "a-1.jpg", "b-0.jpg", "b-1.jpg"]
    assert (tmp_path / "to" / "b-1.jpg").samefile(tmp_path / "from" / "b.jpg")
