"""An image on the command line: a file, or what comes in by standard input."""

from __future__ import annotations

import sys
from pathlib import Path

from nearsight.errors import UsageError

STANDARD_INPUT = Path("-")


def read_image_argument(image: Path) -> Path | bytes:
    """The path, or the bytes of standard input where it is `-`.

    Raises
    ------
    UsageError : nothing comes in
    ImageError : it is empty or too large
    """
    if image != STANDARD_INPUT:
        return image
    from nearsight.images.source import read_source

    if sys.stdin.isatty():
        raise UsageError("- stands for an image on standard input, such as: nearsight search - < found.jpg")
    read = read_source(sys.stdin.buffer, image_argument_name(image))
    assert isinstance(read, bytes)
    return read


def image_argument_name(image: Path) -> str:
    """What messages and pages call the image."""
    return "standard input" if image == STANDARD_INPUT else str(image)
