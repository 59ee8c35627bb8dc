"""Very small networks as ONNX files, and their cards, written by hand: what they give can be computed on paper."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CARD = """
name = "{name}"
file = "{name}.onnx"
about = "means of the channels"
licence = "CC0-1.0"
{more}

[input]
name = "image"
side = 4
mean = [1.0, 2.0, 3.0]
scale = [2.0, 4.0, 8.0]
{feeding}

[[outputs]]
name = "pooled"
dimension = 3

[[outputs]]
name = "map"
kind = "map"
dimension = 3
{outputs}
"""


def field(number: int, value: int | bytes | str) -> bytes:
    """One field of a Protocol Buffers message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def tensor(name: str, shape: list[int | str], kind: int = 1) -> bytes:
    """An input or output of a graph, of floats where no other kind of value is named."""
    dims = b"".join(field(1, field(1, each) if isinstance(each, int) else field(2, each)) for each in shape)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, dims)))


def node(kind: str, source: str, target: str) -> bytes:
    return field(1, source) + field(2, target) + field(4, kind)


def network(name: str = "image", last: str = "pooled") -> bytes:
    """A network that averages each channel: `map` (n, 3, 1, 1) and `last` (n, 3)."""
    nodes = [node("GlobalAveragePool", name, "map"), node("Flatten", "map", last)]
    graph = b"".join(field(1, each) for each in nodes) + field(2, "means")
    graph += field(11, tensor(name, ["n", 3, "h", "w"]))
    graph += field(12, tensor("map", ["n", 3, 1, 1])) + field(12, tensor(last, ["n", 3]))
    return field(1, 8) + field(8, field(2, 13)) + field(7, graph)


def convolution(weights: NDArray[np.float32]) -> bytes:
    """A network of one convolution `(D, 3, k, k)` with steps of k: `map` (n, D, h / k, w / k), and its mean, `pool`.

    Values below 0 become 0.
    """
    count, _, _, side = weights.shape
    steps = b"".join(field(5, field(1, name) + integers([side, side])) for name in ("kernel_shape", "strides"))
    convolved = field(1, "image") + field(1, "weights") + field(2, "sums") + field(4, "Conv") + steps
    nodes = [convolved, node("Relu", "sums", "map"), node("GlobalAveragePool", "map", "mean")]
    nodes.append(node("Flatten", "mean", "pooled"))
    held = b"".join(field(1, each) for each in weights.shape) + field(2, 1) + field(8, "weights")
    held += field(9, np.ascontiguousarray(weights, "<f4").tobytes())
    graph = b"".join(field(1, each) for each in nodes) + field(2, "convolution") + field(5, held)
    graph += field(11, tensor("image", ["n", 3, "h", "w"]))
    graph += field(12, tensor("map", ["n", count, "r", "c"])) + field(12, tensor("pooled", ["n", count]))
    return field(1, 8) + field(8, field(2, 13)) + field(7, graph)


def integers(values: list[int]) -> bytes:
    """The value of an attribute that is a list of whole numbers."""
    return b"".join(field(8, each) for each in values) + varint(20 << 3) + varint(7)


def convolving(folder: Path, weights: NDArray[np.float32], name: str = "cells", fit: str = "inside") -> Path:
    """A folder with such a network and its card; an image's values are divided by 255."""
    folder.mkdir(parents=True, exist_ok=True)
    side = weights.shape[-1]
    feeding = f'fit = "{fit}"\nmultiple = {side if fit == "inside" else 1}'
    text = card(name, feeding=feeding).replace("dimension = 3", f"dimension = {len(weights)}")
    text = text.replace("side = 4", f"side = {8 * side}").replace("[1.0, 2.0, 3.0]", "[0.0, 0.0, 0.0]")
    (folder / f"{name}.toml").write_text(text.replace("[2.0, 4.0, 8.0]", "[255.0, 255.0, 255.0]"))
    (folder / f"{name}.onnx").write_bytes(convolution(weights))
    return folder


def card(name: str = "means", *, sha256: str = "", more: str = "", feeding: str = "", outputs: str = "") -> str:
    """The card of such a network; verified where its checksum is given."""
    known = f'status = "verified"\nsha256 = "{sha256}"' if sha256 else ""
    return CARD.format(name=name, more=f"{known}\n{more}", feeding=feeding, outputs=outputs)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def placed(folder: Path, name: str = "means", data: bytes | None = None, **fields: str) -> Path:
    """A folder with a network and its card."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.toml").write_text(card(name, **fields))
    (folder / f"{name}.onnx").write_bytes(network() if data is None else data)
    return folder
