"""Inference: images and texts through an ONNX model, as its card says. Only this module uses ONNX Runtime."""

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
from nearsight.images.colour import resize_exact, to_grey
from nearsight.models import store
from nearsight.models.card import ImageInput, ModelCard, ModelOutput
from nearsight.models.store import ModelFile
from nearsight.models.tokenizer import Tokenizer
from nearsight.types import Floats, Image

THREADS = 1
"""Of one network: the processes share the cores. Two threads were 1.1 to 1.35 times as fast as one, two processes 2."""

_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
_EXACT: dict[str, dict[str, str]] = {_CPU: {}, _CUDA: {"use_tf32": "0"}}
"""By provider what it is asked for: on a graphics card products in full precision, for rows like those of elsewhere."""
_SESSIONS = 8
_ERRORS_ONLY = 3


def model_digest(name: str) -> str:
    """The SHA-256 of a model and eight digits for how images are fed to it; empty where the file is not known yet."""
    try:
        card = store.find_card(name)
        sha256 = store.expected_sha256(card) or store.require_model(name).sha256
    except ModelError:
        return ""
    if card.input is None:
        return f"sha256:{sha256}"
    fed = json.dumps(asdict(card.input), sort_keys=True)
    return f"sha256:{sha256}/{hashlib.sha256(fed.encode()).hexdigest()[:8]}"


def load_model(name: str) -> None:
    """Find a model, check it and open it; ModelError where that cannot be."""
    _onnx_session(store.require_model(name), os.getpid())


def execution_provider(name: str) -> str:
    """What a model really runs on here, "CPU" or "CUDA"; ModelError where it cannot be opened.

    That is CUDA where the installed ONNX Runtime has it, a graphics card is there and its libraries can be loaded.
    """
    provider: str = _onnx_session(store.require_model(name), os.getpid()).get_providers()[0]
    return provider.removesuffix("ExecutionProvider")


def compute_outputs(
    name: str, output: str, images: Sequence[Image], longest_side: float | None = None
) -> Iterator[NDArray[np.float32]]:
    """An output of a model for each image, `(1, D)` or `(1, D, h, w)`, in their order; of tokens the first, `(1, D)`.

    `longest_side` in pixels overrides the card's, for a card with fit "inside". Images are run one by one: batches are
    no faster on a processor, and some models take one image only.

    Raises
    ------
    ModelError
        where the model is not there, or is not what its card says
    """
    model = store.require_model(name)
    wanted, feeding = model.card.output(output), model.card.image_input()
    session = _onnx_session(model, os.getpid())
    for image in images:
        (made,) = _run_session(session, name, [output], {feeding.name: to_model_input(image, feeding, longest_side)})
        yield _validate_output(made, wanted, name)


def run_model(name: str, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """All outputs of a model that is given these arrays, in the order of its card, as they are.

    Raises
    ------
    ModelError
        where the model is not there, is not what its card says, or does not take what it is given
    """
    model = store.require_model(name)
    return _run_session(
        _onnx_session(model, os.getpid()), name, [each.name for each in model.card.outputs], dict(inputs)
    )


def _run_session(session: Any, name: str, outputs: list[str], inputs: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:  # noqa: ANN401 - the library has no types
    try:
        made: list[NDArray[Any]] = session.run(outputs, inputs)
    except Exception as problem:  # its errors have no common base class
        raise ModelError(f"the model {name} does not take what it is given: {problem}") from problem
    return made


def embed_texts(name: str, texts: Sequence[str]) -> Floats:
    """What a model makes of texts, `(N, D) float32`, one by one.

    Raises
    ------
    ModelError
        where the model or its vocabulary is not there, takes no texts, or is not what its card says
    """
    model = store.require_model(name)
    feeding, wanted = model.card.text, model.card.vector()
    if feeding is None:
        raise ModelError(f"the model {name} takes no texts: its card has no [text]")
    tokens, session = load_tokenizer(feeding.vocabulary), _onnx_session(model, os.getpid())
    made = np.empty((len(texts), wanted.dimension), np.float32)
    for at, text in enumerate(texts):
        numbers = tokens.encode(text, feeding.context)
        row = np.array([numbers + [feeding.pad] * (feeding.context - len(numbers))], np.int64)
        given = {feeding.name: row}
        if feeding.mask:
            given[feeding.mask] = (np.arange(feeding.context) < len(numbers)).astype(np.int64)[None]
        (raw,) = _run_session(session, name, [wanted.name], given)
        made[at] = _validate_output(raw, wanted, name)[0]
    return made


@lru_cache(maxsize=_SESSIONS)
def _load_tokenizer(vocabulary: ModelFile) -> Tokenizer:
    return Tokenizer.from_file(vocabulary.path)


def load_tokenizer(vocabulary: str) -> Tokenizer:
    """The tokenizer of a vocabulary's card; ModelError where its file is not there or is none."""
    return _load_tokenizer(store.require_model(vocabulary))


def _validate_output(values: NDArray[Any], output: ModelOutput, name: str) -> Floats:
    ranks = {"vector": 2, "tokens": 3, "map": 4}
    if output.kind == "tokens" and values.ndim == ranks["tokens"]:
        values, ranks = values[:, 0], {"tokens": 2}
    if values.ndim != ranks[output.kind] or values.shape[1] != output.dimension:
        said = f"a {output.kind} of {output.dimension}"
        raise ModelError(f"the card of {name} says that {output.name} is {said}; the model gives {values.shape}")
    return np.asarray(values, np.float32)


def to_model_input(image: Image, spec: ImageInput, longest_side: float | None = None) -> Floats:
    """One image as its network takes it, `(1, C, H, W) float32`, or `(1, H, W, C)` where the card says so."""
    pixels = resize_to_input(image, spec, longest_side)
    if spec.colours == "grey":
        pixels = to_grey(pixels)[:, :, None]
    elif spec.colours == "BGR":
        pixels = pixels[:, :, ::-1]
    made = np.empty((1, spec.channels, *pixels.shape[:2]), np.float32)
    for channel, (mean, scale) in enumerate(zip(spec.mean, spec.scale, strict=True)):  # each in one piece: quick
        np.subtract(pixels[:, :, channel], np.float32(mean), out=made[0, channel], dtype=np.float32)
        made[0, channel] /= np.float32(scale)
    return made if spec.layout == "NCHW" else np.ascontiguousarray(made.transpose(0, 2, 3, 1))


def resize_to_input(image: Image, spec: ImageInput, longest_side: float | None = None) -> Image:
    """The image in the size that the network takes; with fit "inside", its longest side may be asked for."""
    height, width = image.shape[:2]
    if spec.fit == "inside":
        wanted = spec.side if longest_side is None else longest_side
        return resize_exact(
            image, *(_round_input_size(side * wanted / max(width, height), spec) for side in (width, height))
        )
    if spec.fit == "crop":
        side = min(width, height)
        top, left = (height - side) // 2, (width - side) // 2
        image = image[top : top + side, left : left + side]
    return resize_exact(image, spec.side, spec.side)


def _round_input_size(side: float, spec: ImageInput) -> int:
    return max(1, round(side / spec.multiple)) * spec.multiple


@lru_cache(maxsize=_SESSIONS)
def _onnx_session(model: ModelFile, process: int) -> Any:  # noqa: ANN401 - the library has no types
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
    _validate_session(model.card, session)
    return session


def _validate_session(card: ModelCard, session: Any) -> None:  # noqa: ANN401
    """Raise ModelError where a network has not what its card says."""
    parts = [("output", [each.name for each in card.outputs], [each.name for each in session.get_outputs()])]
    said = [card.input.name] if card.input else []
    said += [name for name in (card.text.name, card.text.mask) if name] if card.text else []
    if said:
        parts.append(("input", said, [each.name for each in session.get_inputs()]))
    for kind, said, there in parts:
        if missing := sorted({*said} - {*there}):
            raise ModelError(f"the model {card.name} has no {kind} {missing[0]}; it has {', '.join(there)}")
