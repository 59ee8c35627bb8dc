"""Generated images with texture that can be found again, and views of a part of them."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
from PIL import Image


def texture(seed, width=300, height=220):
    """Blobs, boxes and lines of many sizes, in colours of their own."""
    rng = np.random.default_rng(seed)
    image = np.full((height, width, 3), rng.integers(60, 200, 3), np.uint8)
    for _ in range(90):
        centre, colour = rng.integers(0, (width, height)), tuple(map(int, rng.integers(0, 256, 3)))
        size = int(rng.integers(3, 26))
        if rng.random() < 0.5:
            corner = centre + rng.integers(4, 40, 2)
            cv2.rectangle(image, tuple(map(int, centre)), tuple(map(int, corner)), colour, -1)
        else:
            axes = (size, int(rng.integers(3, 20)))
            cv2.ellipse(image, tuple(map(int, centre)), axes, float(rng.integers(0, 180)), 0, 360, colour, -1)
    noise = rng.normal(0, 4, image.shape)
    return np.clip(cv2.GaussianBlur(image, (0, 0), 0.8) + noise, 0, 255).astype(np.uint8)


BOX = (60, 40, 240, 180)
"""Where the thing is in the image that shows it: `(x0, y0, x1, y1)`."""
VIEW = cv2.getPerspectiveTransform(
    np.float32([[60, 40], [240, 40], [240, 180], [60, 180]]), np.float32([[90, 55], [235, 70], [215, 185], [75, 165]])
)
"""Where it is in the other."""


def pasted(thing, scene, view=VIEW):
    """The part BOX of one image, seen from elsewhere, in another."""
    mask = np.zeros(thing.shape[:2], np.uint8)
    mask[BOX[1] : BOX[3], BOX[0] : BOX[2]] = 255
    size = scene.shape[1], scene.shape[0]
    moved, there = cv2.warpPerspective(thing, view, size), cv2.warpPerspective(mask, view, size)
    return np.where(there[:, :, None] > 127, moved, scene)


def save(image, path, stamp=0):
    """An image file with a time stamp of long ago."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)
    os.utime(path, (1_600_000_000, 1_600_000_000 + stamp))
    return Path(path)


def folder_of(folder, others=9):
    """`thing.png`, `scene.png` that shows it from elsewhere, other images, a blank one and one of a single pixel."""
    save(texture(1), folder / "thing.png")
    save(pasted(texture(1), texture(2)), folder / "scene.png")
    for number in range(others):
        save(texture(10 + number), folder / f"other-{number}.png")
    save(np.full((120, 160, 3), 90, np.uint8), folder / "blank.png")
    save(np.zeros((1, 1, 3), np.uint8), folder / "pixel.png")
    return folder
