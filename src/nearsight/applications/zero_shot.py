"""Which of some names describes a picture best, where no network was trained for them: by a space of both.

A. Radford et al., Learning Transferable Visual Models From Natural Language Supervision, ICML 2021, section 3.1.4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.types import Floats

TEMPLATES = ("a photo of a {}.",)
"""A name in a sentence is described better than a name alone."""
TEMPERATURE = 0.01
"""What CLIP learnt: cosines are multiplied by 100 before the softmax."""


def names_as_rows(names: Sequence[str], texts: Callable[[Sequence[str]], Floats], templates: Sequence[str]) -> Floats:
    """The rows `(N, D)` of N names, each of length 1: of each the mean over its sentences' rows of length 1.

    `texts` gives the rows of sentences. Raises ValueError where there is no name, or a template has no place for one.
    """
    if not names or not all(name.strip() for name in names):
        raise ValueError("labels are words, one or more, none of them empty")
    if not templates or not all(each.count("{}") == 1 for each in templates):
        raise ValueError(f"a template is a sentence with one {{}} for the label, as {TEMPLATES[0]!r}; got {templates}")
    sentences = [template.replace("{}", name) for name in names for template in templates]
    rows = _unit(texts(sentences)).reshape(len(names), len(templates), -1)
    return _unit(rows.mean(1)).astype(np.float32)


def probabilities(rows: NDArray[Any], names: Floats, temperature: float = TEMPERATURE) -> Floats:
    """How likely each of L names is the one of each picture, `(N, L)`, for rows `(N, D)` and `(L, D)`: rows sum to 1.

    p = softmax(cosine / temperature). Raises ValueError where the temperature is not above 0.
    """
    if not temperature > 0:
        raise ValueError(f"temperature is above 0; got {temperature}")
    return softmax(_unit(rows) @ _unit(names).T / temperature)


def softmax(scores: NDArray[Any]) -> Floats:
    """exp(s) / sum exp(s) of each row of `scores (N, L)`."""
    powers = np.exp(scores.astype(np.float64) - scores.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True), np.float32)


def best(probabilities: NDArray[Any], at_least: float, most: int) -> list[list[tuple[int, float]]]:
    """For each row the places and values of the largest, best first: at most `most`, none below `at_least`."""
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :most]
    return [
        [(int(at), float(row[at])) for at in places if row[at] >= at_least]
        for row, places in zip(probabilities, order, strict=True)
    ]


def _unit(rows: NDArray[Any]) -> NDArray[np.float64]:
    values = rows.astype(np.float64)
    lengths = np.linalg.norm(values, axis=-1, keepdims=True)
    return np.asarray(values / np.where(lengths == 0, 1, lengths))
