"""Two images side by side with what they have in common: what `nearsight match A B --out FILE` writes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from nearsight.geometry.alignment import downscale_to_align
from nearsight.types import Explanation, Floats, Image

__all__ = ["draw_matches", "overlay_heatmap"]

SIDE, GAP = 512, 16
OUTLINE, CHANGED = (0, 160, 60), (214, 40, 40)
COOL, WARM, HOT = (20, 16, 70), (214, 56, 72), (255, 226, 92)
"""The colours of places that add nothing, half of what the strongest adds, and as much as that."""
HEATMAP_OPACITY = 0.6
"""How much of the image a heat map covers."""


def _match_colour(index: int) -> tuple[int, int, int]:
    """Well-told-apart colours, always the same for the same number."""
    hue = np.array([[[index * 67 % 180, 220, 230]]], np.uint8)
    red, green, blue = cv2.cvtColor(hue, cv2.COLOR_HSV2RGB)[0, 0].tolist()
    return red, green, blue


def _to_pixels(unit_points: NDArray[np.floating], size: tuple[int, int], left: int) -> list[tuple[int, int]]:
    """Unit points `(n, 2)` as the pixels of an image of this width and height that begins at the column `left`."""
    pixels = np.rint(np.asarray(unit_points, np.float64) * size - 0.5 + (left, 0))
    return [(int(x), int(y)) for x, y in np.clip(pixels, -(2**14), 2**14)]


def _outline(homography: NDArray[np.float64]) -> NDArray[np.float64]:
    """The corners of the query as unit points `(4, 2)` of the hit; none where they lie behind the camera."""
    corners = homography @ np.array([[0, 1, 1, 0], [0, 0, 1, 1], [1, 1, 1, 1]], np.float64)
    return (corners[:2] / corners[2]).T if (corners[2] > 1e-9).all() else np.empty((0, 2))


def _side_by_side(images: tuple[Image, Image]) -> Image:
    height = max(image.shape[0] for image in images)
    canvas = np.full((height, sum(image.shape[1] for image in images) + GAP, 3), 255, np.uint8)
    left, right = images
    canvas[: left.shape[0], : left.shape[1]] = left
    canvas[: right.shape[0], left.shape[1] + GAP :] = right
    return canvas


def overlay_heatmap(image: Image, shares: Floats | None) -> Image:
    """An image under a translucent map of shares `(rows, columns)`, drawn smoothly; the image where there is none.

    The strongest place of each image is hot; what adds nothing, or takes away, is cool.
    """
    if shares is None:
        return image
    size = image.shape[1], image.shape[0]
    levels = np.maximum(shares, 0) / max(float(shares.max()), np.finfo(np.float32).tiny)
    smooth = cv2.resize(np.asarray(levels, np.float32), size, interpolation=cv2.INTER_LINEAR)
    colours = np.stack([np.interp(smooth, (0, 0.5, 1), each) for each in zip(COOL, WARM, HOT, strict=True)], axis=2)
    return np.asarray(np.rint(HEATMAP_OPACITY * colours + (1 - HEATMAP_OPACITY) * image), np.uint8)


def draw_matches(image_a: Image, image_b: Image, explanation: Explanation) -> Image:
    """The query and the hit side by side `(H, W, 3) uint8`, each at most 512 pixels at its longest side.

    1. Every matched point of the explanation is a dot in both images, with a line of the same colour between them.
    2. Where there is a homography, the outline of the query is drawn in the hit.
    3. Areas that differ are framed in both.
    4. Where there are shares, a heat map lies over each image: the warmer, the more a place adds to the likeness.

    Without any of these it is just the two images.
    """
    a = overlay_heatmap(downscale_to_align(image_a, SIDE), explanation.query_shares)
    b = overlay_heatmap(downscale_to_align(image_b, SIDE), explanation.hit_shares)
    canvas = _side_by_side((a, b))
    left = a.shape[1] + GAP
    if explanation.homography is not None and len(corners := _outline(explanation.homography)):
        hit = np.ascontiguousarray(canvas[:, left:])
        outline = np.array(_to_pixels(corners, (b.shape[1], b.shape[0]), 0), np.int32)
        canvas[:, left:] = cv2.polylines(hit, [outline], True, OUTLINE, 2, cv2.LINE_AA)
    if explanation.query_points is not None and explanation.hit_points is not None:
        starts = _to_pixels(explanation.query_points, (a.shape[1], a.shape[0]), 0)
        ends = _to_pixels(explanation.hit_points, (b.shape[1], b.shape[0]), left)
        for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
            cv2.line(canvas, start, end, _match_colour(number), 1, cv2.LINE_AA)
            for point in (start, end):
                cv2.circle(canvas, point, 3, _match_colour(number), -1, cv2.LINE_AA)
    for change in explanation.changes:
        for box, image, start_column in ((change.query_box, a, 0), (change.hit_box, b, left)):
            first, last = _to_pixels(np.reshape(box, (2, 2)), (image.shape[1], image.shape[0]), start_column)
            cv2.rectangle(canvas, first, last, CHANGED, 2, cv2.LINE_AA)
    return canvas
