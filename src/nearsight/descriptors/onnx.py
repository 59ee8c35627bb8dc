"""Networks that make a vector of an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nearsight.errors import ModelError
from nearsight.models import inference, store
from nearsight.types import Descriptor, Floats, Image


@dataclass(frozen=True)
class Onnx(Descriptor):
    """An embedding by a neural network: an output of an ONNX model that has a card.

    1. The image is scaled as the model's card says: to a longest side, squashed, or its middle square.
    2. Its values x become (x - mean) / scale, channels in the card's order.
    3. The network gives the output, a vector, as it is; of an output that is tokens, the first, which is the image's.

    The model's file is checked against its card first. Rows are kept under the checksum of the file, so that those of
    different models never mix.

    Parameters
    ----------
    model : the name of a model's card; `nearsight models list` says which there are
    output : the name of an output that is a vector

    Returns
    -------
    `(N, D) float32` with the D that the card says; 1280 for the default

    Raises
    ------
    ModelError
        where there is no such card or output, or the model is not on this machine or is not what its card says
    ValueError
        where a parameter is no name

    References
    ----------
    A. Babenko, A. Slesarev, A. Chigorin and V. Lempitsky, Neural Codes for Image Retrieval, ECCV 2014,
    doi:10.1007/978-3-319-10590-1_38. M. Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks,
    CVPR 2018, doi:10.1109/CVPR.2018.00474.

    Notes
    -----
    Departures: the first paper takes fully connected layers of a network of 2012; the default is the average over all
    positions of MobileNetV2's last layer before its classifier.

    Examples
    --------
    >>> Onnx().size
    1280
    >>> Onnx(output="logits").size
    1000
    """

    model: str = "mobilenetv2"
    output: str = "pooled"

    metric = "cosine"

    def __post_init__(self) -> None:
        for name, given in (("model", self.model), ("output", self.output)):
            if not isinstance(given, str) or not given:
                raise ValueError(f"{name} is a name; got {given!r}")

    @property
    def side(self) -> int:
        """The longest side of the pixels that the card's way of scaling can use."""
        return store.find_card(self.model).image_input().pixels

    @property
    def size(self) -> int:
        """The number of values of a row."""
        card = store.find_card(self.model)
        made = card.output(self.output)
        kinds = ("vector", "tokens")
        if made.kind not in kinds:
            vectors = ", ".join(each.name for each in card.outputs if each.kind in kinds)
            raise ModelError(f"{self.output} of {self.model} is a {made.kind}, not a vector; vectors are {vectors}")
        return made.dimension

    @property
    def digest(self) -> str:
        """The model's checksum, and that of how it is fed."""
        return inference.model_digest(self.model)

    def load(self) -> None:
        """Find the model, check it and open it."""
        _ = self.size
        inference.load_model(self.model)

    def embed(self, images: Sequence[Image]) -> Floats:
        """`(N, size) float32` for N images."""
        _ = self.size
        return np.concatenate(list(inference.compute_outputs(self.model, self.output, images)))
