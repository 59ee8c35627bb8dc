"""The feature map of MobileNetV2 as local features."""

from __future__ import annotations

from dataclasses import dataclass

from nearsight.features._network_features import NetworkFeatureMap


@dataclass(frozen=True)
class Mobilenetv2(NetworkFeatureMap):
    """The last feature map of MobileNetV2 before pooling and classification: one feature for each 32 x 32 pixels.

    1. The image's longest side becomes `side` pixels times the scale; what is smaller is not enlarged first. Both
       sides are rounded to multiples of 32.
    2. The network gives 1280 values of 0 or more for each square of 32 x 32 pixels. Each square is a feature with no
       direction: all angles are 0.
    3. The positions of all `scales` stand one map after another. Where they are more than `n`, those of the longest
       descriptors are kept, the longest first: what a network sees much in is long.

    Poolings such as `rmac` make a row of all positions. `vlad`, `fisher` and `asmk` take each as a local feature;
    `unit` before them lets each count alike. Images of a single colour, or of fewer than 8 pixels at the longest
    side, have no features.

    Parameters
    ----------
    n : features kept at most, the strongest
    side : pixels of the longest side of the image, 32 to 4096
    scales : factors of the image's size, above 0, at most 4: a map for each

    Returns
    -------
    For each image, features with descriptors `(n, 1280) float32`

    Raises
    ------
    ModelError
        where the model is not on this machine, or is not what its card says
    ValueError
        where a parameter is out of its range, or an image is no `(H, W, 3) uint8`

    References
    ----------
    M. Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, CVPR 2018, doi:10.1109/CVPR.2018.00474.
    A. Babenko and V. Lempitsky, Aggregating Deep Convolutional Features for Image Retrieval, ICCV 2015,
    doi:10.1109/ICCV.2015.150. The strength of features: G. Tolias, T. Jenicek and O. Chum, Learning and Aggregating
    Deep Local Descriptors for Instance-Level Recognition, ECCV 2020, doi:10.1007/978-3-030-58452-8_27, section 3.2.

    Notes
    -----
    Departures: the last paper trains its network for this strength and smooths the map; this one was trained to name
    what images show.

    Examples
    --------
    >>> Mobilenetv2(scales=(1.0, 0.7)).size
    1280
    """

    @property
    def model(self) -> str:
        """Its own card."""
        return "mobilenetv2"

    @property
    def output(self) -> str:
        """The penultimate layer at each position."""
        return "features"
