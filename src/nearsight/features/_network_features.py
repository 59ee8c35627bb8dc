"""The map that a network makes of an image as local features; a helper, not a method."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace

import numpy as np

from nearsight.errors import ModelError
from nearsight.features._keypoints import check_feature_count, empty_features, local_features
from nearsight.models import inference, store
from nearsight.models.card import ModelCard, ModelOutput
from nearsight.types import Box, Image, LocalDescriptor, LocalFeatures

_MIN_SIDE = 8
"""Pixels of the longest side below which an image shows nothing."""


@dataclass(frozen=True)
class NetworkFeatureMap(LocalDescriptor):
    """The positions of a network's maps as local features. A subclass says of which `model` and `output`."""

    n: int = 4000
    side: int = 640
    scales: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        check_feature_count(self.n)
        if not 32 <= self.side <= 4096:
            raise ValueError(f"side is 32 to 4096 pixels; got {self.side}")
        if not self.scales or not all(0 < scale <= 4 for scale in self.scales):
            raise ValueError(f"scales are one or more factors above 0, at most 4; got {self.scales}")

    @property
    @abstractmethod
    def model(self) -> str:
        """The name of the model's card."""

    @property
    @abstractmethod
    def output(self) -> str:
        """The name of the output that is a map."""

    @property
    def size(self) -> int:
        """The channels of the map."""
        return self._map_output().dimension

    @property
    def digest(self) -> str:
        """The model's checksum, and that of how it is fed."""
        return inference.model_digest(self.model)

    def load(self) -> None:
        """Find the model, check it and open it; ModelError where it cannot give these maps."""
        _ = self.size
        inference.load_model(self.model)

    def features(self, image: Image) -> LocalFeatures:
        """The positions of all maps of one image; the `n` strongest where there are more."""
        if max(image.shape[:2]) < _MIN_SIDE or (image == image[0, 0]).all():
            return empty_features(image, self.size, np.float32)
        found = _concatenate_maps(image, [self._features_at_scale(image, scale) for scale in self.scales])
        if len(found) <= self.n:
            return found
        strength = np.linalg.norm(found.descriptors, axis=1)
        return found.select(np.argsort(-strength, kind="stable")[: self.n])

    def _features_at_scale(self, image: Image, scale: float) -> LocalFeatures:
        """The positions of one map, row by row."""
        longest = min(self.side, max(image.shape[:2])) * scale
        (made,) = inference.compute_outputs(self.model, self.output, [image], longest)
        channels, rows, columns = made.shape[1:]
        left, top, width, height = _visible_area(image, self._card())
        down, right = np.mgrid[:rows, :columns].reshape(2, -1) + 0.5
        points = np.stack([left + right * width / columns, top + down * height / rows], axis=1)
        diameter = np.sqrt(width * height / (columns * rows))
        values = np.ascontiguousarray(made.reshape(channels, -1).T)
        found = local_features(image, points, np.full(len(points), diameter), np.zeros(len(points)), values)
        return replace(found, grids=((columns, rows),))

    def _card(self) -> ModelCard:
        card = store.find_card(self.model)
        if card.image_input().fit != "inside" and self.scales != (1.0,):
            raise ModelError(f"{self.model} sees every image in one size: its scales are [1.0]; got {self.scales}")
        return card

    def _map_output(self) -> ModelOutput:
        card = self._card()
        made = card.output(self.output)
        if made.kind != "map":
            maps = ", ".join(each.name for each in card.outputs if each.kind == "map") or "none"
            raise ModelError(f"{self.output} of {self.model} is a {made.kind}, not a map; maps are {maps}")
        return made


def _visible_area(image: Image, card: ModelCard) -> Box:
    """Left, top, width and height of what the network sees of an image, in pixels."""
    height, width = image.shape[:2]
    if card.image_input().fit != "crop":
        return 0, 0, width, height
    side = min(width, height)
    return (width - side) // 2, (height - side) // 2, side, side


def _concatenate_maps(image: Image, maps: list[LocalFeatures]) -> LocalFeatures:
    names = ("points", "scales", "angles", "descriptors")
    found = local_features(image, *(np.concatenate([getattr(each, name) for each in maps]) for name in names))
    return replace(found, grids=tuple(each.grids[0] for each in maps))
