"""Zero-shot classification: which label describes an image best, by a joint space of images and texts.

A. Radford et al., Learning Transferable Visual Models From Natural Language Supervision, ICML 2021, section 3.1.4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.types import Floats

TEMPLATES = ("a photo of a {}.",)
"""A sentence is embedded better than a label alone."""
TEMPERATURE = 0.01
"""CLIP's trained value: cosines are multiplied by 100 before the softmax."""


def embed_labels(
    labels: Sequence[str], encode_texts: Callable[[Sequence[str]], Floats], templates: Sequence[str]
) -> Floats:
    """The unit vectors `(N, D)` of N labels: the normalized mean of the unit vectors of each label's sentences.

    `encode_texts` gives the vectors of sentences. Raises ValueError for no label or a template without a place for one.
    """
    if not labels or not all(name.strip() for name in labels):
        raise ValueError("labels are words, one or more, none of them empty")
    if not templates or not all(each.count("{}") == 1 for each in templates):
        raise ValueError(f"a template is a sentence with one {{}} for the label, as {TEMPLATES[0]!r}; got {templates}")
    sentences = [template.replace("{}", name) for name in labels for template in templates]
    rows = _unit_text_vectors(encode_texts(sentences)).reshape(len(labels), len(templates), -1)
    return _unit_text_vectors(rows.mean(1)).astype(np.float32)


def label_probabilities(vectors: NDArray[Any], label_vectors: Floats, temperature: float = TEMPERATURE) -> Floats:
    """The probability of each of L labels for each image, `(N, L)`, from vectors `(N, D)` and `(L, D)`; rows sum to 1.

    p = softmax(cosine / temperature). Raises ValueError where the temperature is not above 0.
    """
    if not temperature > 0:
        raise ValueError(f"temperature is above 0; got {temperature}")
    return softmax(_unit_text_vectors(vectors) @ _unit_text_vectors(label_vectors).T / temperature)


def softmax(scores: NDArray[Any]) -> Floats:
    """exp(s) / sum exp(s) of each row of `scores (N, L)`."""
    powers = np.exp(scores.astype(np.float64) - scores.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True), np.float32)


def top_labels(probabilities: NDArray[Any], min_probability: float, max_labels: int) -> list[list[tuple[int, float]]]:
    """For each image the best labels as (index, probability): at most `max_labels`, none below `min_probability`."""
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :max_labels]
    return [
        [(int(at), float(row[at])) for at in places if row[at] >= min_probability]
        for row, places in zip(probabilities, order, strict=True)
    ]


def _unit_text_vectors(vectors: NDArray[Any]) -> NDArray[np.float64]:
    values = vectors.astype(np.float64)
    lengths = np.linalg.norm(values, axis=-1, keepdims=True)
    return np.asarray(values / np.where(lengths == 0, 1, lengths))
