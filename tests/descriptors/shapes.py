"""Drawn shapes at any angle, size and place, for the tests of shape descriptors."""

import cv2
import numpy as np

_SIDE = 256


def _round(*radii):
    """Corners around the middle, at these radii one after the other."""
    angles = 2 * np.pi * np.arange(len(radii)) / len(radii)
    return np.stack([np.cos(angles), np.sin(angles)], 1) * np.array(radii)[:, None]


def _ellipse(width, height):
    angles = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    return np.stack([width * np.cos(angles), height * np.sin(angles)], 1)


def _corners(*tenths):
    return np.reshape(tenths, (-1, 2)) / 10


POLYGONS = {
    "triangle": _round(1, 1, 1),
    "star": _round(*(1, 0.4) * 5),
    "ellipse": _ellipse(1, 0.5),
    "bar": _corners(-10, -1.5, 10, -1.5, 10, 1.5, -10, 1.5),
    "cross": _corners(-10, -3, -3, -3, -3, -10, 3, -10, 3, -3, 10, -3, 10, 3, 3, 3, 3, 10, -3, 10, -3, 3, -10, 3),
    "L": _corners(-6, -10, -1, -10, -1, 5, 7, 5, 7, 10, -6, 10),
    "F": _corners(-6, -10, 7, -10, 7, -6, -1, -6, -1, -2, 5, -2, 5, 2, -1, 2, -1, 10, -6, 10),
    "E": _corners(-6, -10, 7, -10, 7, -6, -1, -6, -1, -2, 5, -2, 5, 2, -1, 2, -1, 6, 7, 6, 7, 10, -6, 10),
}
TRANSFORMS = [(0, 80, (0, 0)), (33, 80, (9, -6)), (90, 60, (20, 10)), (155, 100, (-5, 0)), (247, 70, (-30, 25))]


def polygon(name, angle=0.0, scale=80.0, offset=(0, 0)):
    """Its corners in pixels of the image, `(n, 2)`."""
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return POLYGONS[name] @ np.array([[cosine, sine], [-sine, cosine]]) * scale + _SIDE / 2 + np.array(offset)


def drawn(name, angle=0.0, scale=80.0, offset=(0, 0), ink=(180, 30, 40), ground=(235, 230, 220)):
    """An image of 256 x 256 pixels of the shape, with soft edges."""
    canvas = np.full((4 * _SIDE, 4 * _SIDE, 3), ground, np.uint8)
    cv2.fillPoly(canvas, [np.rint(polygon(name, angle, scale, offset) * 4).astype(np.int32)], ink)
    return cv2.resize(canvas, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)


def all_drawn():
    """Each shape under each transform, and the number of the shape of each image."""
    images = [drawn(name, *transform) for name in POLYGONS for transform in TRANSFORMS]
    return images, np.repeat(np.arange(len(POLYGONS)), len(TRANSFORMS))


def nearest_is_the_same_shape(distances, kinds):
    """Whether each image's nearest other one is the same shape."""
    others = distances + np.where(np.eye(len(kinds), dtype=bool), np.inf, 0)
    return kinds[others.argmin(axis=1)] == kinds
