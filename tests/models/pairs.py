"""A very small pair of networks for images and texts: colours, and their names.

An image is the mean of its channels, divided by 255. A text is the sum of its tokens' rows: the word "red" is
(1, 0, 0), "green" and "blue" are the others, "grey" is all three; all other tokens are nothing.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nearsight.models.tokenizer import Tokenizer
from tests.models.network import field, integers, network, node, tensor

INT64 = 7
WORDS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1), "grey": (1, 1, 1)}
MERGES = """#version: made by hand
r e
re d</w>
g re
gre y</w>
gre e
gree n</w>
b l
bl u
blu e</w>
"""
IMAGES = """
name = "{name}"
file = "{name}.onnx"
about = "means of the channels"
licence = "CC0-1.0"
texts = "{name}_text"

[input]
name = "image"
side = 4
scale = [255.0, 255.0, 255.0]

[[outputs]]
name = "pooled"
dimension = 3
"""
TEXTS = """
name = "{name}_text"
file = "{name}_text.onnx"
about = "names of colours"
licence = "CC0-1.0"

[text]
name = "ids"
vocabulary = "{name}_words"
context = {context}
{mask}

[[outputs]]
name = "sums"
dimension = 3
"""
VOCABULARY = """
name = "{name}_words"
file = "{name}_words.txt"
about = "pieces of the names of colours"
licence = "CC0-1.0"

[[outputs]]
name = "tokens"
kind = "other"
dimension = 523
"""


def table(tokens: Tokenizer) -> NDArray[np.float32]:
    """The row of each token."""
    rows = np.zeros((tokens.encode("")[-1] + 1, 3), np.float32)
    for word, row in WORDS.items():
        (number,) = tokens.encode(word)[1:-1]
        rows[number] = row
    return rows


def texts(rows: NDArray[np.float32], *, masked: bool = True) -> bytes:
    """A network that adds the rows of the tokens, only those in the mask where it is given one."""
    held = b"".join(field(1, each) for each in rows.shape) + field(2, 1) + field(8, "table")
    held += field(9, np.ascontiguousarray(rows, "<f4").tobytes())
    looked_up = field(1, "table") + field(1, "ids") + field(2, "rows") + field(4, "Gather")
    if masked:
        cast = field(1, "mask") + field(2, "ones") + field(4, "Cast")
        cast += field(5, field(1, "to") + field(3, 1) + field(20, 2))
        added = field(1, "ones") + field(1, "rows") + field(2, "added") + field(4, "MatMul")
        nodes = [looked_up, cast, added, node("Flatten", "added", "sums")]
    else:
        mean = field(1, "rows") + field(2, "sums") + field(4, "ReduceMean")
        mean += field(5, field(1, "axes") + integers([1]))
        mean += field(5, field(1, "keepdims") + field(3, 0) + field(20, 2))
        nodes = [looked_up, mean]
    graph = b"".join(field(1, each) for each in nodes) + field(2, "texts") + field(5, held)
    graph += field(11, tensor("ids", ["n", "tokens"], INT64))
    graph += field(11, tensor("mask", ["n", "tokens"], INT64)) if masked else b""
    graph += field(12, tensor("sums", ["n", 3]))
    return field(1, 8) + field(8, field(2, 13)) + field(7, graph)


def paired(folder: Path, name: str = "colours", *, masked: bool = True, context: int = 77) -> Path:
    """A folder with such a pair, its vocabulary, and their cards."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}_words.txt").write_text(MERGES)
    (folder / f"{name}_words.toml").write_text(VOCABULARY.format(name=name))
    (folder / f"{name}.onnx").write_bytes(network())
    (folder / f"{name}.toml").write_text(IMAGES.format(name=name))
    rows = table(Tokenizer.from_file(folder / f"{name}_words.txt"))
    (folder / f"{name}_text.onnx").write_bytes(texts(rows, masked=masked))
    mask = 'mask = "mask"' if masked else ""
    (folder / f"{name}_text.toml").write_text(TEXTS.format(name=name, mask=mask, context=context))
    return folder
