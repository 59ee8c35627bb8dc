"""Networks: pictures through an ONNX model, by its card. ONNX Runtime is used here and nowhere else."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.descriptors.pixels import grey, squash
from nearsight.errors import ModelError
from nearsight.models import store
from nearsight.models.card import Card, Input, Output
from nearsight.models.store import Model
from nearsight.types import Descriptor, Floats, Image

THREADS = 1
"""Of one network: the processes share the cores. Two threads were 1.1 to 1.35 times as fast as one, two processes 2."""

_PROVIDER = "CPUExecutionProvider"
_SESSIONS = 8
_ERRORS_ONLY = 3


@dataclass(frozen=True)
class Onnx(Descriptor):
    """What a network makes of a picture: a vector among the outputs of an ONNX model that has a card.

    1. The picture is scaled as the model's card says: to a longest side, squashed, or its middle square.
    2. Its values x become (x - mean) / scale, channels in the card's order.
    3. The network gives the output, a vector, as it is.

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
    def side(self) -> int:  # type: ignore[override]
        """The longest side of the pixels that the card's way of scaling can use."""
        return store.card(self.model).picture().pixels

    @property
    def size(self) -> int:
        """The number of values of a row."""
        card = store.card(self.model)
        made = card.output(self.output)
        if made.kind != "vector":
            vectors = ", ".join(each.name for each in card.outputs if each.kind == "vector")
            raise ModelError(f"{self.output} of {self.model} is a {made.kind}, not a vector; vectors are {vectors}")
        return made.dimension

    @property
    def digest(self) -> str:
        """The model's checksum, and that of how it is fed."""
        return digest(self.model)

    def load(self) -> None:
        """Find the model, check it and open it."""
        _ = self.size
        _session(store.model(self.model), os.getpid())

    def rows(self, images: Sequence[Image]) -> Floats:
        """`(N, size) float32` for N pictures."""
        _ = self.size
        return np.concatenate(list(outputs(self.model, self.output, images)))


def digest(name: str) -> str:
    """The SHA-256 of a model and eight digits for how pictures are fed to it; empty where the file is not known yet."""
    try:
        card = store.card(name)
        sha256 = store.expected(card) or store.model(name).sha256
    except ModelError:
        return ""
    fed = json.dumps(asdict(card.picture()), sort_keys=True)
    return f"sha256:{sha256}/{hashlib.sha256(fed.encode()).hexdigest()[:8]}"


def outputs(name: str, output: str, images: Sequence[Image]) -> Iterator[NDArray[Any]]:
    """An output of a model for each picture, `(1, D)` or `(1, D, h, w)`, in their order.

    Pictures go through it one by one: together they are not faster on a processor, and some models take one only.

    Raises
    ------
    ModelError
        where the model is not there, or is not what its card says
    """
    model = store.model(name)
    wanted, feeding = model.card.output(output), model.card.picture()
    session = _session(model, os.getpid())
    for image in images:
        (made,) = session.run([output], {feeding.name: fed(image, feeding)})
        yield _shaped(made, wanted, name)


def _shaped(made: NDArray[Any], wanted: Output, name: str) -> NDArray[Any]:
    ranks = {"vector": 2, "map": 4}
    if made.ndim != ranks[wanted.kind] or made.shape[1] != wanted.dimension:
        said = f"a {wanted.kind} of {wanted.dimension}"
        raise ModelError(f"the card of {name} says that {wanted.name} is {said}; the model gives {made.shape}")
    return made.astype(np.float32, copy=False)


def fed(image: Image, feeding: Input) -> Floats:
    """One picture as its network takes it, `(1, C, H, W) float32`, or `(1, H, W, C)` where the card says so."""
    pixels = scaled(image, feeding)
    if feeding.colours == "grey":
        pixels = grey(pixels)[:, :, None]
    elif feeding.colours == "BGR":
        pixels = pixels[:, :, ::-1]
    mean, scale = (np.array(each, np.float32) for each in (feeding.mean, feeding.scale))
    values = (pixels.astype(np.float32) - mean) / scale
    ordered = values.transpose(2, 0, 1) if feeding.layout == "NCHW" else values
    return np.ascontiguousarray(ordered[None], np.float32)


def scaled(image: Image, feeding: Input) -> Image:
    """The picture in the size that the network takes."""
    height, width = image.shape[:2]
    if feeding.fit == "inside":
        return squash(image, *(_inside(side, max(width, height), feeding) for side in (width, height)))
    if feeding.fit == "crop":
        side = min(width, height)
        top, left = (height - side) // 2, (width - side) // 2
        image = image[top : top + side, left : left + side]
    return squash(image, feeding.side, feeding.side)


def _inside(side: int, longest: int, feeding: Input) -> int:
    return max(1, round(side * feeding.side / longest / feeding.multiple)) * feeding.multiple


@lru_cache(maxsize=_SESSIONS)
def _session(model: Model, process: int) -> Any:  # noqa: ANN401 - the library has no types
    """The open model; one for each process, made when it is first needed."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = THREADS
    options.log_severity_level = _ERRORS_ONLY
    try:
        session = onnxruntime.InferenceSession(model.path, options, providers=[_PROVIDER])
    except Exception as problem:  # its errors have no common class of their own
        raise ModelError(f"{model.path} is no ONNX model that can be run: {problem}") from problem
    if session.get_providers() != [_PROVIDER]:
        raise ModelError(f"the model {model.card.name} runs on {session.get_providers()} instead of {_PROVIDER}")
    _agree(model.card, session)
    return session


def _agree(card: Card, session: Any) -> None:  # noqa: ANN401
    """Raise ModelError where a network has not what its card says."""
    parts = [("output", [each.name for each in card.outputs], [each.name for each in session.get_outputs()])]
    if card.input is not None:
        parts.append(("input", [card.input.name], [each.name for each in session.get_inputs()]))
    for kind, said, there in parts:
        if missing := sorted({*said} - {*there}):
            raise ModelError(f"the model {card.name} has no {kind} {missing[0]}; it has {', '.join(there)}")
