"""Two pictures side by side with what they have in common: what `nearsight match A B --out FILE` writes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from nearsight.rank.geometry import reduced
from nearsight.types import Explanation, Image

__all__ = ["drawn"]

SIDE, GAP = 512, 16
OUTLINE = (0, 160, 60)


def _colour(number: int) -> tuple[int, int, int]:
    """Well-told-apart colours, always the same for the same number."""
    hue = np.array([[[number * 67 % 180, 220, 230]]], np.uint8)
    red, green, blue = cv2.cvtColor(hue, cv2.COLOR_HSV2RGB)[0, 0].tolist()
    return red, green, blue


def _placed(unit: NDArray[np.floating], size: tuple[int, int], left: int) -> list[tuple[int, int]]:
    """Unit points `(n, 2)` as the pixels of a picture of this width and height that begins at the column `left`."""
    pixels = np.rint(np.asarray(unit, np.float64) * size - 0.5 + (left, 0))
    return [(int(x), int(y)) for x, y in np.clip(pixels, -(2**14), 2**14)]


def _outline(homography: NDArray[np.float64]) -> NDArray[np.float64]:
    """The corners of the query as unit points `(4, 2)` of the hit; none where they lie behind the camera."""
    corners = homography @ np.array([[0, 1, 1, 0], [0, 0, 1, 1], [1, 1, 1, 1]], np.float64)
    return (corners[:2] / corners[2]).T if (corners[2] > 1e-9).all() else np.empty((0, 2))


def _side_by_side(pictures: tuple[Image, Image]) -> Image:
    height = max(picture.shape[0] for picture in pictures)
    canvas = np.full((height, sum(picture.shape[1] for picture in pictures) + GAP, 3), 255, np.uint8)
    left, right = pictures
    canvas[: left.shape[0], : left.shape[1]] = left
    canvas[: right.shape[0], left.shape[1] + GAP :] = right
    return canvas


def drawn(image_a: Image, image_b: Image, explanation: Explanation) -> Image:
    """The query and the hit side by side `(H, W, 3) uint8`, each at most 512 pixels at its longest side.

    1. Every matched point of the explanation is a dot in both pictures, with a line of the same colour between them.
    2. Where there is a homography, the outline of the query is drawn in the hit.

    Without matched points and homography it is just the two pictures.
    """
    a, b = reduced(image_a, SIDE), reduced(image_b, SIDE)
    canvas = _side_by_side((a, b))
    left = a.shape[1] + GAP
    if explanation.homography is not None and len(corners := _outline(explanation.homography)):
        hit = np.ascontiguousarray(canvas[:, left:])
        outline = np.array(_placed(corners, (b.shape[1], b.shape[0]), 0), np.int32)
        canvas[:, left:] = cv2.polylines(hit, [outline], True, OUTLINE, 2, cv2.LINE_AA)
    if explanation.query_points is not None and explanation.hit_points is not None:
        starts = _placed(explanation.query_points, (a.shape[1], a.shape[0]), 0)
        ends = _placed(explanation.hit_points, (b.shape[1], b.shape[0]), left)
        for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
            cv2.line(canvas, start, end, _colour(number), 1, cv2.LINE_AA)
            for point in (start, end):
                cv2.circle(canvas, point, 3, _colour(number), -1, cv2.LINE_AA)
    return canvas
