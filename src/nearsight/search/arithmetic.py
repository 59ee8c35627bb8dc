"""What is asked for as a sum: images and texts that are wanted, minus those that are not."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nearsight.errors import UsageError
from nearsight.pipeline import Pipeline
from nearsight.types import Floats, Image, Query

Asking: TypeAlias = str | Path | bytes | Image
"""What an image may be asked with as: a path, the bytes of a file, or pixels."""

_TERM = re.compile(r"(?:^|(?<=\s))([+-])(?=\S)")
_NOTHING = 1e-6


def signed(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The wanted and the unwanted texts of one: "red bicycle" as it is, "+snow -people" by its signs.

    Signs count where the text begins with one; then each stands at the beginning of a word.
    """
    text = text.strip()
    if text[:1] not in ("+", "-"):
        return ((text,) if text else ()), ()
    _, *parts = _TERM.split(text)
    terms = [(sign, term.strip()) for sign, term in zip(parts[::2], parts[1::2], strict=True)]
    plus, minus = (tuple(term for sign, term in terms if sign == wanted and term) for wanted in "+-")
    return plus, minus


def with_sum(
    query: Query,
    text: str | Sequence[str],
    minus_text: str | Sequence[str],
    plus: Asking | Sequence[Asking],
    minus: Asking | Sequence[Asking],
) -> Query:
    """The query with texts and images that are wanted, and that are not; a text with signs is both."""
    parts = [signed(each) for each in _several(text, str)]
    unwanted = [each for _, others in parts for each in others] + [t.strip() for t in _several(minus_text, str)]
    images = [
        tuple(
            Path(each) if isinstance(each, str) else each for each in _several(given, str | Path | bytes | np.ndarray)
        )
        for given in (plus, minus)
    ]
    return replace(
        query,
        plus_texts=tuple(each for wanted, _ in parts for each in wanted),
        minus_texts=tuple(filter(None, unwanted)),
        plus_images=images[0],
        minus_images=images[1],
    )


def _several(given: Any, single: Any) -> list[Any]:  # noqa: ANN401 - one or several of a kind
    return [given] if isinstance(given, single) else list(given)


def texts_of(query: Query) -> bool:
    """Whether a query holds texts."""
    return bool(query.plus_texts or query.minus_texts)


def mixes(query: Query) -> bool:
    """Whether a query is a sum of several images and texts, or a text alone."""
    return texts_of(query) or bool(query.plus_images or query.minus_images)


def said(query: Query) -> str:
    """What is said of every hit of such a query."""
    images = [Path(each).name if isinstance(each, str | Path) else "an image" for each in query.plus_images]
    against = [Path(each).name if isinstance(each, str | Path) else "an image" for each in query.minus_images]
    first = ["the image"] if query.image is not None else []
    plus, minus = ", ".join([*first, *query.plus_texts, *images]), ", ".join([*query.minus_texts, *against])
    return f"the nearest to: {plus}" + (f"; away from: {minus}" if minus else "")


def mixed_row(query: Query, plan: Pipeline, own: NDArray[Any] | None, described: Callable[[Any], Image]) -> Floats:
    """The row `(D,)` that such a query asks with; `own` is that of its image, `described` gives others' pixels.

    Raises
    ------
    UsageError
        where the plan's rows cannot be added or have no texts, or nothing is wanted or left
    """
    descriptor = plan.descriptor
    if query.colours or query.histogram is not None:
        raise UsageError("ask with colours, with a histogram, or with texts and several images: one of them")
    spoken = descriptor.encode_texts((*query.plus_texts, *query.minus_texts)) if texts_of(query) else ()
    if spoken is None:
        raise UsageError(f"{plan.name} cannot be asked with texts; ask by meaning")
    if descriptor.variable_length or np.dtype(descriptor.dtype) != np.float32:
        raise UsageError(f"{plan.name} cannot be asked with several images: its rows are no numbers that can be added")
    if plan.rerankers:
        raise UsageError(f"{plan.name} cannot be asked with a sum: its refiners look at one image; leave them out")
    if query.minus_weight <= 0 or not np.isfinite(query.minus_weight):
        raise UsageError(f"minus_weight is a number above 0; got {query.minus_weight}")

    def rows(images: Sequence[Any]) -> list[NDArray[Any]]:
        return list(descriptor.describe([described(each) for each in images]))

    texts = len(query.plus_texts)
    plus = [*([] if own is None else [own]), *spoken[:texts], *rows(query.plus_images)]
    if not plus:
        raise UsageError("something is taken away from nothing: give a text or an image that is wanted too")
    minus = [*spoken[texts:], *rows(query.minus_images)]
    wanted = np.stack(plus)
    unwanted = np.array(minus, np.float32).reshape(len(minus), wanted.shape[1])
    amounts = plan.metric_name != "cosine" and min(wanted.min(), unwanted.min(initial=0)) >= 0
    return mixed(wanted, unwanted, query.minus_weight, amounts=amounts)


def mixed(plus: Floats, minus: Floats, weight: float = 1.0, *, amounts: bool = False) -> Floats:
    """The sum of rows `plus (P, D)`, less `weight` times that of `minus (M, D)`, as one row `(D,)`.

    1. Each row is divided by its length; rows of `amounts`, such as histograms, by their sum.
    2. They are added, and subtracted; amounts below 0 become 0.
    3. The result is brought to the mean length, or sum, of `plus`.

    Raises
    ------
    UsageError
        where nothing is left
    """
    sizes = [_sizes(rows, amounts) for rows in (plus, minus)]
    wanted, unwanted = (
        (rows / np.where(size == 0, 1, size)[:, None]).sum(0) for rows, size in zip((plus, minus), sizes, strict=True)
    )
    total = wanted - weight * unwanted
    if amounts:
        total = np.maximum(total, 0)
    left = float(_sizes(total[None], amounts)[0])
    if left < _NOTHING:
        raise UsageError("nothing is left: what is taken away is all that is asked for")
    return np.asarray(total * (sizes[0].mean() / left), np.float32)


def _sizes(rows: NDArray[Any], amounts: bool) -> NDArray[np.float64]:
    values = rows.astype(np.float64)
    return np.asarray(values.sum(1) if amounts else np.linalg.norm(values, axis=1))
