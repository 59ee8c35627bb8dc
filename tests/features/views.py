"""A photograph, other views of it, and how well features are found again in them."""

from __future__ import annotations

import cv2
import numpy as np
import skimage.data

from nearsight.evaluation.repeatability import matching_score, repeatability
from nearsight.recipe import parse_recipe
from nearsight.registry import build_methods


def photograph(side=384):
    return cv2.resize(skimage.data.astronaut(), (side, side), interpolation=cv2.INTER_AREA)


def quarter_turn(image):
    """Turned clockwise by 90 degrees."""
    turn = np.array([[0.0, -1, image.shape[0]], [1, 0, 0], [0, 0, 1]])
    return np.ascontiguousarray(np.rot90(image, -1)), turn


def turned(image, degrees=30):
    """Turned clockwise about its middle."""
    height, width = image.shape[:2]
    # OpenCV counts from the centre of the first pixel, and turns anti-clockwise
    matrix = cv2.getRotationMatrix2D((width / 2 - 0.5, height / 2 - 0.5), -degrees, 1)
    other = cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    turn = np.vstack([matrix, [0, 0, 1]])
    shift = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    return other, shift @ turn @ np.linalg.inv(shift)


def smaller(image, by=0.6):
    size = (round(image.shape[1] * by), round(image.shape[0] * by))
    scale = np.diag([size[0] / image.shape[1], size[1] / image.shape[0], 1.0])
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA), scale


def darker(image):
    """Less light and less contrast."""
    return (image * 0.7 + 15).astype(np.uint8), np.eye(3)


VIEWS = {"a quarter turn": quarter_turn, "turned": turned, "smaller": smaller, "darker": darker}


def found_again(component, view, side=384):
    """Repeatability and matching score in another view of the photograph."""
    image = photograph(side)
    other, homography = VIEWS[view](image)
    (metric,) = build_methods(parse_recipe(component.metric))
    first, second = component.features(image), component.features(other)
    again = repeatability(first, second, homography)
    return again, matching_score(first, second, homography, metric)


def angles_after_a_quarter_turn(component):
    """By how many degrees features that are found again have turned, clockwise."""
    from nearsight.evaluation.repeatability import correspondences

    image = photograph()
    other, homography = quarter_turn(image)
    first, second = component.features(image), component.features(other)
    pairs = correspondences(first, second, homography, 0.1)
    return (second.angles[pairs[:, 1]] - first.angles[pairs[:, 0]]) % 360
