"""How repeatable each kind of local features is under known changes, and what it costs.

    python -m benchmarks.features [--folder FOLDER] [--quick] [--out docs/benchmarks.md]

Every method, with 1,000 features per image, on one core. The images are photographs and views of them by a known
homography, or without motion but with other brightness, blur or compression.
"""

from __future__ import annotations

import dataclasses
import io
import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from benchmarks import images
from benchmarks.machine import machine, table
from benchmarks.page import Options, main
from benchmarks.timing import best_times, one_core
from nearsight.errors import ModelMissingError
from nearsight.evaluation.repeatability import matching_score, repeatability
from nearsight.images.decode import wrap_pixels
from nearsight.recipe import parse_recipe
from nearsight.registry import build_methods, methods
from nearsight.types import Image, LocalDescriptor, Metric

N = 1000
SIDE = 640
PHOTOS = 8
TIMED = {640: (640, 480), 1024: (1024, 768)}
TIMED_IMAGES, ROUNDS = 4, 3

Homography = NDArray[np.float64]
View = tuple[Image, Homography]


def rotate(photo: Image, degrees: float = 30) -> View:
    """Turned about its middle."""
    height, width = photo.shape[:2]
    turn, middle = math.radians(degrees), np.array([width / 2, height / 2])
    matrix = np.eye(3)
    matrix[:2, :2] = [[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]
    matrix[:2, 2] = middle - matrix[:2, :2] @ middle
    return warp(photo, matrix), matrix


def downscale(photo: Image, by: float = 0.5) -> View:
    """Shrunk by areas."""
    width, height = (max(1, round(by * side)) for side in photo.shape[1::-1])
    shrunk = cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(shrunk, np.uint8), np.diag([width / photo.shape[1], height / photo.shape[0], 1])


def view_from_side(photo: Image, away: float = 0.2) -> View:
    """As if seen from the left: the right edge is lower and nearer to the left one, by this share of the sides."""
    height, width = photo.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    there = np.array([[0, 0], [1 - 2 * away, away], [1 - 2 * away, 1 - away], [0, 1]], np.float32) * [width, height]
    matrix = np.asarray(cv2.getPerspectiveTransform(corners, there.astype(np.float32)), np.float64)
    return warp(cv2.GaussianBlur(photo, (0, 0), sigmaX=0.5 / (1 - 2 * away), sigmaY=0.4), matrix), matrix


def blur(photo: Image, sigma: float = 2) -> View:
    """Smoothed by a Gaussian."""
    return np.asarray(cv2.GaussianBlur(photo, (0, 0), sigma), np.uint8), np.eye(3)


def darken(photo: Image, share: float = 0.4) -> View:
    """With less light."""
    return (photo * share).astype(np.uint8), np.eye(3)


def compress(photo: Image, quality: int = 15) -> View:
    """As a small JPEG."""
    out = io.BytesIO()
    PillowImage.fromarray(photo).save(out, "JPEG", quality=quality)
    return np.asarray(PillowImage.open(out)), np.eye(3)


CHANGES: dict[str, Callable[[Image], View]] = {
    "turned by 30°": rotate,
    "half as large": downscale,
    "from the side": view_from_side,
    "blurred": blur,
    "40 % of the light": darken,
    "JPEG 15": compress,
}


def warp(photo: Image, matrix: Homography) -> Image:
    """The image by a homography between points in pixels with centres at .5, its size and its edge kept."""
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    exact = np.linalg.inv(half) @ matrix @ half
    size = (photo.shape[1], photo.shape[0])
    return np.asarray(cv2.warpPerspective(photo, exact, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def components() -> Iterator[tuple[str, LocalDescriptor, Metric]]:
    """Every method that can be used here, with `N` features, and the metric of its descriptors."""
    for name, cls in methods("features").items():
        made = dataclasses.replace(cast(Any, cls()), n=N)
        (metric,) = build_methods(parse_recipe(made.metric))
        assert isinstance(made, LocalDescriptor)
        assert isinstance(metric, Metric)
        try:
            made.load()
        except ModelMissingError:
            continue
        yield name, made, metric


def evaluate_features(
    component: LocalDescriptor, metric: Metric, photos: list[Image]
) -> tuple[float, list[tuple[float, float]]]:
    """The mean number of features, and the means of repeatability and matching score under each change."""
    own = [component.features(photo) for photo in photos]
    scores = []
    for change in CHANGES.values():
        each = []
        for photo, first in zip(photos, own, strict=True):
            view, homography = change(photo)
            second = component.features(view)
            right = matching_score(first, second, homography, metric)
            each.append((repeatability(first, second, homography), right))
        again, matched = np.mean(each, axis=0).tolist()
        scores.append((again, matched))
    return float(np.mean([len(found) for found in own])), scores


def per_image(component: LocalDescriptor, images: list[Image], rounds: int) -> float:
    """Milliseconds of the processor an image."""
    describe = partial(component.describe, images)
    describe()
    return 1000 * best_times({"": describe}, rounds)[""].cpu / len(images)


def rows(photos: list[Image], timed: list[list[Image]], rounds: int) -> tuple[list[list[str]], list[list[str]]]:
    """A row of the quality and one of the costs for each method."""
    found, costs = [], []
    for name, component, metric in components():
        count, scores = evaluate_features(component, metric, photos)
        found.append([f"`{name}`", *(f"{again:.2f} / {matched:.2f}" for again, matched in scores)])
        bytes_ = component.size * np.dtype(component.dtype).itemsize
        times = [f"{per_image(component, images, rounds):,.0f}" for images in timed]
        costs.append([f"`{name}`", f"{count:,.0f}", f"{component.size} {component.dtype}", f"{bytes_}", *times])
    return found, costs


def measure_section(options: Options) -> str:
    """The section's text."""
    every = images.photographs(options.folder)
    photos = [wrap_pixels(photo).render(SIDE) for photo in every[: options.of(PHOTOS, 1)]]
    count, rounds = options.of(TIMED_IMAGES, 1), options.of(ROUNDS, 1)
    timed = [
        [images.enlarge(every[number % len(every)], size, number) for number in range(count)] for size in TIMED.values()
    ]
    with one_core():
        found, costs = rows(photos, timed, rounds)
    return TEXT.format(
        machine=machine(),
        n=N,
        side=SIDE,
        photos=len(photos),
        count=count,
        rounds=rounds,
        found=table(["features", *CHANGES], found),
        costs=table(["features", "found", "a descriptor", "bytes", *(f"ms, {side} pixels" for side in TIMED)], costs),
    )


TEXT = """## Local features

Measured on {machine}; pinned to one core, one thread in every library. Each method with at most {n:,} features per
image and its other defaults.

*Repeatability / matching score*: the share of features that have a counterpart in a changed image (an overlap error
of the circles below .4, both scaled to a radius of 30 pixels in the first image), and the share whose nearest
descriptor is that of a counterpart. Only the part of the image that both show counts. Values are means over {photos}
photographs of at most {side} pixels: those included in scikit-image and scikit-learn unless a folder is named. *From
the side* is a homography that moves the right edge to .6 of the width and shortens it to .6 of the height; *blurred* is
a Gaussian blur of 2 pixels. Patches of `dense_sift` lie on a grid, which is the same wherever the image is not moved.
`affine` divides its features among ten views, most of them from the side.

{found}

Features found in those photographs, and CPU time for each of {count} images, parts of photographs enlarged to 640 x 480
and 1024 x 768 with the noise of a sensor (decoding is not included), best of {rounds}:

{costs}
"""

if __name__ == "__main__":
    main("features", __doc__, measure_section)
