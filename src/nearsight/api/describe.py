"""Vectors of images by any descriptor on its own, without a collection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from nearsight.errors import UsageError
from nearsight.images.decode import open_image
from nearsight.images.source import read_sources
from nearsight.pipeline import build_pipeline
from nearsight.types import ImageSource


def describe(images: ImageSource | Sequence[ImageSource], recipe: str) -> NDArray[Any]:
    """The vectors of images by any descriptor: `(N, D)` for N images, in their order.

    Parameters
    ----------
    images : one or several, as `Collection.search` takes them

    Raises
    ------
    ImageError : an image cannot be read
    RecipeError : the recipe does not start with a descriptor
    """
    wanted = build_pipeline(recipe)
    if not wanted.is_trained:
        raise UsageError(f"{recipe} learns from a collection first; describe takes a descriptor on its own")
    descriptor = wanted.descriptor
    named = enumerate(read_sources(images), 1)
    opened = (open_image(each, name=f"image {number}") for number, each in named)
    return descriptor.describe([each.render(descriptor.side) for each in opened])
