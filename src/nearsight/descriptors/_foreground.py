"""What stands out from the edges of an image, and its outline; helpers, not methods."""

from __future__ import annotations

import cv2
import numpy as np
import scipy
from numpy.typing import NDArray

from nearsight.types import Floats, Image

_STRIP = 0.04
_NOISE_SIGMA = 5.0
_VISIBLE = 2.0
_SPECK = 0.05
_SMOOTHING_SIGMA = 1.5


def foreground(image: Image) -> NDArray[np.bool_]:
    """Where the image shows something else than at its edges, `(H, W)`.

    1. CIE L*a*b*, blurred a little. Each of the four edges, a strip of 4 % of the shorter side, has a mean and a
       covariance, to which 5 units of grain are added.
    2. A pixel's strangeness is its Mahalanobis distance to the nearest of the four, so that a sky above and a meadow
       below are both ground.
    3. It is cut at Otsu's threshold, moved to half way between the means on both sides of it.
    4. Pieces smaller than 5 % of the largest one are dropped. Holes stay.

    Where nothing is stranger than 10 units of Lab on an even ground, all of the image is foreground. It depends on
    nothing but the pixels. It works for things on an even or gently changing ground, such as drawings, products and
    silhouettes. It fails where the thing touches much of the edges or has their colours, and on busy grounds, where
    it finds patches of light or colour and not things.
    """
    lab = cv2.GaussianBlur(_lab(image), (3, 3), 0, borderType=cv2.BORDER_REPLICATE)
    strange = _border_distance(np.asarray(lab, np.float32))
    if strange.max() < _VISIBLE:
        return np.ones(strange.shape, bool)
    return _remove_specks(strange > max(_VISIBLE, _foreground_threshold(strange)))


def _lab(image: Image) -> Floats:
    values = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    return np.asarray(values, np.float32)


def _border_distance(lab: Floats) -> Floats:
    """Mahalanobis distance of each pixel to the nearest of the four edges, `(H, W)`."""
    height, width = lab.shape[:2]
    thick = max(1, round(_STRIP * min(height, width)))
    pixels = lab.reshape(-1, 3)
    nearest = np.full(len(pixels), np.inf, np.float32)
    for strip in (lab[:thick], lab[-thick:], lab[:, :thick], lab[:, -thick:]):
        colours = strip.reshape(-1, 3)
        middle = colours.mean(axis=0)
        spread = (colours - middle).T @ (colours - middle) / len(colours) + _NOISE_SIGMA**2 * np.eye(3)
        whitened = (pixels - middle) @ np.linalg.inv(np.linalg.cholesky(spread)).T.astype(np.float32)
        np.minimum(nearest, np.einsum("nc,nc->n", whitened, whitened), out=nearest)
    return np.asarray(np.sqrt(nearest).reshape(height, width))


def _foreground_threshold(distances: Floats) -> float:
    levels = np.rint(distances * (255 / distances.max())).astype(np.uint8)
    level, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    above = levels > level
    return float(distances[above].mean() + distances[~above].mean()) / 2 if above.any() and not above.all() else 0.0


def _remove_specks(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = boxes[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    return np.asarray((areas >= max(1, _SPECK * areas.max()))[labels])


def outlines(mask: NDArray[np.bool_]) -> list[NDArray[np.complex128]]:
    """The closed outlines of a mask's pieces and holes as x + iy, the longest first, pixel by pixel.

    Pieces go around from x towards y, so that their area is positive, and holes the other way.
    """
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    lines = [line[::-1, 0, 0] + 1j * line[::-1, 0, 1] for line in found]
    return sorted(lines, key=lambda line: -_foreground_perimeter(line))


def resample_outline(outline: NDArray[np.complex128], n_points: int) -> NDArray[np.complex128]:
    """`n_points` points at equal steps along a closed line, the stairs of its pixels smoothed away."""
    smooth = scipy.ndimage.gaussian_filter1d(
        outline.real, _SMOOTHING_SIGMA, mode="wrap"
    ) + 1j * scipy.ndimage.gaussian_filter1d(outline.imag, _SMOOTHING_SIGMA, mode="wrap")
    closed = np.append(smooth, smooth[0])
    along = np.concatenate([[0], np.cumsum(np.abs(np.diff(closed)))])
    places = np.linspace(0, along[-1], n_points, endpoint=False)
    return np.asarray(np.interp(places, along, closed.real) + 1j * np.interp(places, along, closed.imag))


def _foreground_perimeter(outline: NDArray[np.complex128]) -> float:
    return float(np.abs(np.diff(outline, append=outline[:1])).sum())
