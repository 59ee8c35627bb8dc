import cv2
import numpy as np
import pytest

from nearsight.descriptors.gist import Gist

VARIANTS = {
    960: Gist(),
    512: Gist(orientations=(8, 8, 8, 8), colour="grey"),
    528: Gist(orientations=(6, 6, 6, 6, 6), colour="mean"),
}


def golden_image():
    y, x, c = np.mgrid[:32, :32, :3]
    return ((7 * x + 3 * y + 40 * c + x * y // 8) % 256).astype(np.uint8)


def whole_plane(image, orientations, grid):
    """The definition in float64 with whole Fourier transforms, one map at a time; `image (S, S, C)` of 0..255."""
    side, channels = image.shape[0], image.shape[2]
    padded = np.pad(np.log(image.astype(float) + 1), ((5, 5), (5, 5), (0, 0)), mode="symmetric")
    whole = side + 10
    fx, fy = np.meshgrid(np.arange(whole) - whole / 2, np.arange(whole) - whole / 2)
    blur = np.fft.fftshift(np.exp(-(fx**2 + fy**2) / (4 / np.sqrt(np.log(2))) ** 2))
    for c in range(channels):
        padded[..., c] -= np.fft.ifft2(np.fft.fft2(padded[..., c]) * blur).real
    local = np.sqrt(np.abs(np.fft.ifft2(np.fft.fft2(padded.mean(axis=2) ** 2) * blur)))
    even = (padded / (0.2 + local[..., None]))[5:-5, 5:-5]
    fx, fy = np.meshgrid(np.arange(side) - side / 2, np.arange(side) - side / 2)
    radius = np.fft.fftshift(np.hypot(fx, fy))
    angle = np.fft.fftshift(np.arctan2(fy, fx))
    cuts = [i * side // grid for i in range(grid + 1)]
    values = []
    for c in range(channels):
        for i, count in enumerate(orientations):
            for j in range(count):
                turn = angle + np.pi * j / count
                turn[turn > np.pi] -= 2 * np.pi
                turn[turn < -np.pi] += 2 * np.pi
                gain = np.exp(
                    -10 * 0.35 * (radius / side / (0.3 / 1.85**i) - 1) ** 2
                    - 2 * (16 * count**2 / 32**2) * np.pi * turn**2
                )
                modulus = np.abs(np.fft.ifft2(np.fft.fft2(even[..., c]) * gain))
                for x in range(grid):
                    for y in range(grid):
                        values.append(modulus[cuts[y] : cuts[y + 1], cuts[x] : cuts[x + 1]].mean())
    return np.array(values)


def test_golden_values():
    row = Gist().describe([golden_image()])[0]
    assert row[:4] == pytest.approx([0.092801, 0.070067, 0.063294, 0.067035], abs=1e-6)
    assert row[[320, 640, 959]] == pytest.approx([0.030136, 0.052132, 0.056527], abs=1e-6)
    assert row.sum() == pytest.approx(63.5599, abs=1e-4)


@pytest.mark.parametrize(("orientations", "square", "grid"), [((8, 8, 4), 32, 4), ((6, 3), 48, 5), ((5, 4, 3), 20, 3)])
def test_equals_whole_transforms(photos, orientations, square, grid):
    for photo in photos[:3]:
        image = cv2.resize(photo, (square, square), interpolation=cv2.INTER_AREA)
        row = Gist(orientations=orientations, square=square, grid=grid).describe([photo])[0]
        assert row == pytest.approx(whole_plane(image, orientations, grid), abs=1e-5)


def test_the_large_square_equals_whole_transforms(photos):
    image = cv2.cvtColor(photos[0], cv2.COLOR_RGB2GRAY)[:128, :128]
    row = Gist(orientations=(8, 8, 8, 8), square=128, colour="grey").describe([np.dstack([image] * 3)])[0]
    assert row == pytest.approx(whole_plane(image[..., None], (8, 8, 8, 8), 4), abs=1e-5)


@pytest.mark.parametrize("size", VARIANTS)
def test_the_three_sizes(size, photos):
    assert VARIANTS[size].size == size
    assert VARIANTS[size].describe(photos[:2]).shape == (2, size)


def test_mean_adds_the_mean_colours_of_the_cells():
    image = golden_image()
    row = Gist(orientations=(6,) * 5, colour="mean", colour_weight=1.0).describe([image])[0]
    means = [
        image[8 * y : 8 * y + 8, 8 * x : 8 * x + 8, c].mean() for c in range(3) for x in range(4) for y in range(4)
    ]
    assert row[480:] == pytest.approx(np.array(means) / 255, abs=1e-6)


def test_stripes_answer_where_they_are_and_in_their_direction():
    image = np.full((32, 32, 3), 128, np.uint8)
    image[:16, 16:, :] = np.where(np.arange(16) // 2 % 2, 250, 10)[None, :, None]
    row = Gist(orientations=(8,), colour="grey").describe([image])[0].reshape(8, 4, 4)
    direction, column, line = np.unravel_index(row.argmax(), row.shape)
    assert direction == 0
    assert column >= 2
    assert line <= 1


def test_a_mirror_swaps_the_columns_and_the_directions(photos):
    gist = Gist(orientations=(8, 8), colour="grey")
    for photo in photos:
        row, mirrored = gist.describe([photo, photo[:, ::-1]]).reshape(2, 2, 8, 4, 4)
        expected = row[:, -np.arange(8) % 8, ::-1]
        assert np.linalg.norm(mirrored - expected) < 0.1 * np.linalg.norm(row)
        assert np.linalg.norm(mirrored - expected) < 0.5 * np.linalg.norm(mirrored - row)


def test_reencoding_is_near_and_a_right_angle_far(photos, reencoded):
    gist = Gist()
    rows, again = gist.describe(photos), gist.describe(reencoded)
    turned = gist.describe([np.rot90(photo) for photo in photos])
    across = np.linalg.norm(rows[:, None] - rows, axis=2) + np.diag([np.inf] * len(rows))
    assert (np.linalg.norm(rows - again, axis=1) < 0.5 * across.min(axis=1)).all()
    assert (np.linalg.norm(rows - turned, axis=1) > 2 * np.linalg.norm(rows - again, axis=1)).all()


def test_the_batch_does_not_matter(photos):
    many = [photos[i % len(photos)] for i in range(40)]
    together = Gist().describe(many)
    assert together[:7] == pytest.approx(together[7:14], abs=1e-6)
    assert together[3] == pytest.approx(Gist().describe([many[3]])[0], abs=1e-6)


@pytest.mark.parametrize("value", [0, 127, 255])
def test_flat_images_have_no_energy(value):
    assert Gist().describe([np.full((5, 9, 3), value, np.uint8)]) == pytest.approx(np.zeros((1, 960)), abs=1e-4)


@pytest.mark.parametrize(
    "wrong",
    [
        {"orientations": ()},
        {"orientations": [8, 8]},
        {"orientations": (8, 0)},
        {"square": 4},
        {"grid": 33},
        {"colour": "gray"},
        {"colour_weight": 0.0},
    ],
)
def test_wrong_parameters(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Gist(**wrong)


@pytest.mark.parametrize(
    "gist", [Gist(), Gist(orientations=(6, 4), colour="grey"), Gist(orientations=(6, 6, 6), colour="mean")]
)
def test_the_vectors_of_turned_images_are_permutations(gist, photos):
    square = [photo[:150, :150] for photo in photos[:3]]
    turned = gist.turned(gist.describe(square))
    assert turned.shape == (8, 3, gist.size)
    for at, vectors in enumerate(turned):
        views = [np.rot90(image[:, ::-1] if at >= 4 else image, -(at % 4)) for image in square]
        described = gist.describe([np.ascontiguousarray(view) for view in views])
        assert np.linalg.norm(vectors - described, axis=1).max() < 0.01 * np.linalg.norm(described, axis=1).min()


def test_an_odd_number_of_directions_cannot_be_turned():
    gist = Gist(orientations=(5,))
    with pytest.raises(ValueError, match="even"):
        gist.turned(np.zeros((1, gist.size), np.float32))
