"""Running networks: pictures through an ONNX model, by its card. ONNX Runtime is used here and nowhere else."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.errors import ModelError
from nearsight.models import registry
from nearsight.models.card import Card, Input, Output
from nearsight.models.registry import Model
from nearsight.models.tokenizer import Tokenizer
from nearsight.pixels import grey, squash
from nearsight.types import Floats, Image

THREADS = 1
"""Of one network: the processes share the cores. Two threads were 1.1 to 1.35 times as fast as one, two processes 2."""

_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
_EXACT: dict[str, dict[str, str]] = {_CPU: {}, _CUDA: {"use_tf32": "0"}}
"""By provider what it is asked for: on a graphics card products in full precision, for rows like those of elsewhere."""
_SESSIONS = 8
_ERRORS_ONLY = 3


def digest(name: str) -> str:
    """The SHA-256 of a model and eight digits for how pictures are fed to it; empty where the file is not known yet."""
    try:
        card = registry.card(name)
        sha256 = registry.expected(card) or registry.model(name).sha256
    except ModelError:
        return ""
    if card.input is None:
        return f"sha256:{sha256}"
    fed = json.dumps(asdict(card.input), sort_keys=True)
    return f"sha256:{sha256}/{hashlib.sha256(fed.encode()).hexdigest()[:8]}"


def load(name: str) -> None:
    """Find a model, check it and open it; ModelError where that cannot be."""
    _session(registry.model(name), os.getpid())


def runs_on(name: str) -> str:
    """What a model really runs on here, "CPU" or "CUDA"; ModelError where it cannot be opened.

    That is CUDA where the installed ONNX Runtime has it, a graphics card is there and its libraries can be loaded.
    """
    provider: str = _session(registry.model(name), os.getpid()).get_providers()[0]
    return provider.removesuffix("ExecutionProvider")


def outputs(
    name: str, output: str, images: Sequence[Image], longest: float | None = None
) -> Iterator[NDArray[np.float32]]:
    """An output of a model for each picture, `(1, D)` or `(1, D, h, w)`, in their order; of tokens the first, `(1, D)`.

    `longest` is how many pixels the longest side becomes, instead of what the card says, for a card with fit "inside".

    Pictures go through it one by one: together they are not faster on a processor, and some models take one only.

    Raises
    ------
    ModelError
        where the model is not there, or is not what its card says
    """
    model = registry.model(name)
    wanted, feeding = model.card.output(output), model.card.picture()
    session = _session(model, os.getpid())
    for image in images:
        (made,) = session.run([output], {feeding.name: fed(image, feeding, longest)})
        yield _shaped(made, wanted, name)


def run(name: str, given: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """All outputs of a model that is given these arrays, in the order of its card, as they are.

    Raises
    ------
    ModelError
        where the model is not there, is not what its card says, or does not take what it is given
    """
    model = registry.model(name)
    session = _session(model, os.getpid())
    try:
        made: list[NDArray[Any]] = session.run([each.name for each in model.card.outputs], dict(given))
    except Exception as problem:  # its errors have no common class of their own
        raise ModelError(f"the model {name} does not take what it is given: {problem}") from problem
    return made


def of_texts(name: str, texts: Sequence[str]) -> Floats:
    """What a model makes of texts, `(N, D) float32`, one by one.

    Raises
    ------
    ModelError
        where the model or its vocabulary is not there, takes no texts, or is not what its card says
    """
    model = registry.model(name)
    feeding, wanted = model.card.text, model.card.vector()
    if feeding is None:
        raise ModelError(f"the model {name} takes no texts: its card has no [text]")
    tokens, session = tokenizer(feeding.vocabulary), _session(model, os.getpid())
    made = np.empty((len(texts), wanted.dimension), np.float32)
    for at, text in enumerate(texts):
        numbers = tokens.encode(text, feeding.context)
        row = np.array([numbers + [feeding.pad] * (feeding.context - len(numbers))], np.int64)
        given = {feeding.name: row}
        if feeding.mask:
            given[feeding.mask] = (np.arange(feeding.context) < len(numbers)).astype(np.int64)[None]
        try:
            (raw,) = session.run([wanted.name], given)
        except Exception as problem:  # its errors have no common class of their own
            raise ModelError(f"the model {name} does not take a text: {problem}") from problem
        made[at] = _shaped(raw, wanted, name)[0]
    return made


@lru_cache(maxsize=_SESSIONS)
def _tokenizer(vocabulary: Model) -> Tokenizer:
    return Tokenizer.read(vocabulary.path)


def tokenizer(vocabulary: str) -> Tokenizer:
    """The tokenizer of a vocabulary's card; ModelError where its file is not there or is none."""
    return _tokenizer(registry.model(vocabulary))


def _shaped(made: NDArray[Any], wanted: Output, name: str) -> Floats:
    ranks = {"vector": 2, "tokens": 3, "map": 4}
    if wanted.kind == "tokens" and made.ndim == ranks["tokens"]:
        made, ranks = made[:, 0], {"tokens": 2}
    if made.ndim != ranks[wanted.kind] or made.shape[1] != wanted.dimension:
        said = f"a {wanted.kind} of {wanted.dimension}"
        raise ModelError(f"the card of {name} says that {wanted.name} is {said}; the model gives {made.shape}")
    return np.asarray(made, np.float32)


def fed(image: Image, feeding: Input, longest: float | None = None) -> Floats:
    """One picture as its network takes it, `(1, C, H, W) float32`, or `(1, H, W, C)` where the card says so."""
    pixels = scaled(image, feeding, longest)
    if feeding.colours == "grey":
        pixels = grey(pixels)[:, :, None]
    elif feeding.colours == "BGR":
        pixels = pixels[:, :, ::-1]
    made = np.empty((1, feeding.channels, *pixels.shape[:2]), np.float32)
    for channel, (mean, scale) in enumerate(zip(feeding.mean, feeding.scale, strict=True)):  # each in one piece: quick
        np.subtract(pixels[:, :, channel], np.float32(mean), out=made[0, channel], dtype=np.float32)
        made[0, channel] /= np.float32(scale)
    return made if feeding.layout == "NCHW" else np.ascontiguousarray(made.transpose(0, 2, 3, 1))


def scaled(image: Image, feeding: Input, longest: float | None = None) -> Image:
    """The picture in the size that the network takes; with fit "inside", its longest side may be asked for."""
    height, width = image.shape[:2]
    if feeding.fit == "inside":
        wanted = feeding.side if longest is None else longest
        return squash(image, *(_rounded(side * wanted / max(width, height), feeding) for side in (width, height)))
    if feeding.fit == "crop":
        side = min(width, height)
        top, left = (height - side) // 2, (width - side) // 2
        image = image[top : top + side, left : left + side]
    return squash(image, feeding.side, feeding.side)


def _rounded(side: float, feeding: Input) -> int:
    return max(1, round(side / feeding.multiple)) * feeding.multiple


@lru_cache(maxsize=_SESSIONS)
def _session(model: Model, process: int) -> Any:  # noqa: ANN401 - the library has no types
    """The open model; one for each process, made when it is first needed."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = THREADS
    options.log_severity_level = _ERRORS_ONLY
    try:
        there = onnxruntime.get_available_providers()
        wanted = [(each, _EXACT[each]) for each in (_CUDA, _CPU) if each in there]
        session = onnxruntime.InferenceSession(model.path, options, providers=wanted)
    except Exception as problem:  # its errors have no common class of their own
        raise ModelError(f"{model.path} is no ONNX model that can be run: {problem}") from problem
    _agree(model.card, session)
    return session


def _agree(card: Card, session: Any) -> None:  # noqa: ANN401
    """Raise ModelError where a network has not what its card says."""
    parts = [("output", [each.name for each in card.outputs], [each.name for each in session.get_outputs()])]
    said = [card.input.name] if card.input else []
    said += [name for name in (card.text.name, card.text.mask) if name] if card.text else []
    if said:
        parts.append(("input", said, [each.name for each in session.get_inputs()]))
    for kind, said, there in parts:
        if missing := sorted({*said} - {*there}):
            raise ModelError(f"the model {card.name} has no {kind} {missing[0]}; it has {', '.join(there)}")
