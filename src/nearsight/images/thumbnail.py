"""The stored 256-pixel image of each file: a small JPEG made by us, whatever the file was."""

from __future__ import annotations

import cv2
import numpy as np

from nearsight.errors import DamagedError
from nearsight.types import Image
from nearsight.wording import plural

SIDE = 256
"""The longest side of a thumbnail."""

QUALITY = 85
"""JPEG quality. Without metadata, and without the file's own bytes: nothing of a hostile file passes through."""


def encode(image: Image) -> bytes:
    """A JPEG of the image `(H, W, 3)`."""
    done, jpeg = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    assert done
    return jpeg.tobytes()


def decode(thumbnail: bytes) -> Image:
    """The image `(H, W, 3)` of a stored thumbnail. Raises DamagedError when it is not one."""
    found = cv2.imdecode(np.frombuffer(thumbnail, np.uint8), cv2.IMREAD_COLOR) if thumbnail else None
    if found is None:
        raise DamagedError(
            f"a stored thumbnail of {plural(len(thumbnail), 'byte')} cannot be read; `nearsight repair` remakes it"
        )
    image: Image = cv2.cvtColor(found, cv2.COLOR_BGR2RGB)
    return image
