"""Photographs that come inside wheels, at the 256 pixels of the pipeline, and what happens to images."""

import cv2
import numpy as np
import pytest
import skimage.data
import sklearn.datasets

NAMES = ("astronaut", "coffee", "chelsea", "rocket", "immunohistochemistry")


def shrink(image, side=256):
    height, width = image.shape[:2]
    scale = side / max(height, width)
    return cv2.resize(image, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="session")
def photos():
    images = [getattr(skimage.data, name)()[..., :3] for name in NAMES]
    images += [sklearn.datasets.load_sample_image(name) for name in ("china.jpg", "flower.jpg")]
    images = [shrink(np.ascontiguousarray(image)) for image in images]
    for image in images:
        image.flags.writeable = False
    return images


@pytest.fixture(scope="session")
def reencoded(photos):
    def jpeg(image):
        _, code = cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 50])
        return np.ascontiguousarray(cv2.imdecode(code, cv2.IMREAD_COLOR)[:, :, ::-1])

    return [jpeg(image) for image in photos]
