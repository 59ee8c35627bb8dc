"""What the documentation asks with that is no photograph: two colours, and a drawing of a cup by hand."""

from __future__ import annotations

import cv2
import numpy as np

from nearsight.types import Image

COLOURS = {"#c84018": 0.6, "#f0d8c0": 0.4}
SIZE = (512, 341)
_PAPER, _PEN = 255, 4
_ELLIPSES = (
    ((185, 150), (134, 106), 8),
    ((200, 75), (82, 62), 0),
    ((192, 97), (54, 33), 0),
    ((153, 178), (20, 25), 20),
)
"""Middle, half axes and turn in degrees of the saucer, the rim, the coffee and the handle, on a sheet 400 wide."""
_LINES = (((0, 72), (112, 0)), ((118, 78), (130, 140)), ((282, 78), (252, 160)), ((130, 140), (180, 172)))
"""The edge of the table, the sides of the cup."""


def drawing() -> Image:
    """A cup on a saucer, `(341, 512, 3) uint8`: dark lines on white paper."""
    sheet = np.full((SIZE[1], SIZE[0], 3), _PAPER, np.uint8)
    scale = SIZE[0] / 400
    for middle, axes, turn in _ELLIPSES:
        cv2.ellipse(sheet, _scaled(middle, scale), _scaled(axes, scale), turn, 0, 360, (40, 40, 40), _PEN, cv2.LINE_AA)
    for start, end in _LINES:
        cv2.line(sheet, _scaled(start, scale), _scaled(end, scale), (40, 40, 40), _PEN, cv2.LINE_AA)
    return sheet


def swatches() -> Image:
    """The colours side by side, as wide as their shares, `(341, 512, 3) uint8`."""
    edges = np.rint(np.cumsum([0, *COLOURS.values()]) * SIZE[0]).astype(int).tolist()
    sheet = np.empty((SIZE[1], SIZE[0], 3), np.uint8)
    for colour, left, right in zip(COLOURS, edges[:-1], edges[1:], strict=True):
        sheet[:, left:right] = tuple(bytes.fromhex(colour[1:]))
    return sheet


def _scaled(point: tuple[int, int], scale: float) -> tuple[int, int]:
    return round(point[0] * scale), round(point[1] * scale)
