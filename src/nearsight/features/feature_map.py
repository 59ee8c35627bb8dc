"""The feature map of any network that has a card, as local features."""

from __future__ import annotations

from dataclasses import dataclass

from nearsight.features._network_features import NetworkFeatureMap


@dataclass(frozen=True)
class FeatureMap(NetworkFeatureMap):
    """The feature map of a neural network: an output of an ONNX model that has a card, one feature for each position.

    1. The image is scaled for the network: its longest side to `side` pixels times the scale, where the card leaves
       the size open ("inside"), and as the card says otherwise. What is smaller is not enlarged first.
    2. The network gives a map `(D, rows, columns)`. Each position is a feature: its D values, the middle of its part of
       the image, and the diameter of that part. It has no direction: all angles are 0.
    3. The positions of all `scales` stand one map after another. Where they are more than `n`, those of the longest
       descriptors are kept, the longest first: what a network sees much in is long.

    Images of a single colour, or of fewer than 8 pixels at the longest side, have no features.

    Parameters
    ----------
    n : features kept at most, the strongest
    side : pixels of the longest side of the image, 32 to 4096
    scales : factors of the image's size, above 0, at most 4: a map for each
    model : the name of a model's card; `nearsight models list` says which there are
    output : the name of an output that is a map

    Returns
    -------
    For each image, features with descriptors `(n, D) float32`, D as the card says; 1280 for the default

    Raises
    ------
    ModelError
        where there is no such card or map, the model is not on this machine or not what its card says, or it sees every
        image in one size and several scales are asked for
    ValueError
        where a parameter is out of its range, or an image is no `(H, W, 3) uint8`

    References
    ----------
    A. Babenko and V. Lempitsky, Aggregating Deep Convolutional Features for Image Retrieval, ICCV 2015,
    doi:10.1109/ICCV.2015.150. The strength of features: G. Tolias, T. Jenicek and O. Chum, Learning and Aggregating
    Deep Local Descriptors for Instance-Level Recognition, ECCV 2020, doi:10.1007/978-3-030-58452-8_27, section 3.2.

    Notes
    -----
    Departures: the second paper trains its network for this strength and smooths the map; any network is used here, as
    it is.

    Examples
    --------
    >>> FeatureMap(model="mobilenetv2", output="features").size
    1280
    """

    model: str = "mobilenetv2"
    output: str = "features"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, given in (("model", self.model), ("output", self.output)):
            if not isinstance(given, str) or not given:
                raise ValueError(f"{name} is a name; got {given!r}")
