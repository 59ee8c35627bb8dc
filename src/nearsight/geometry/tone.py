"""One change of tone and colour between two images: exposure, contrast, gamma, white balance, saturation, or grey.

It is limited to what a photographer changes for the whole image. A map that may send any colour to any other one would
explain a thing of another colour too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from nearsight.types import Floats

__all__ = ["ToneChange", "fit_tone", "largest_channel"]

Number = TypeVar("Number", bound=np.number[Any])

GAMMAS = (0.45, 0.6, 0.8, 1.0, 1.25, 1.6, 2.2)
SATURATIONS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 1.8)
"""Factors by which colours move from grey. Above 1 they are tried the other way round too."""
MAX_GAIN = 3.0
"""The largest factor of contrast."""
ROUNDS, SCALE, MAX_TRIED = 4, 8.0, 150
"""Rounds of the robust fit, the residual in levels at which a colour counts half, and colours that choose the curve."""
GOOD = 2.0
"""Levels that a plain gain and offset may leave on the mean, for no gamma and saturation to be tried."""
MAX_GREY, MIN_CHROMA, MAX_HUE_AGREEMENT, MAX_THING = 3.0, 16.0, 0.9, 0.5
"""Levels between the channels of grey, up to rounding; those of a colour; the length of the mean direction of hues from
which on they are one; and the share of an image that one coloured thing on a grey ground has at most."""
MAX_LUMA_DIFFERENCE, MIN_HUE_AGREEMENT = 5.0, 0.95
"""Levels by which the luma of one coloured thing in two saturations differs, typically, at most; and the cosine between
its hues."""
CLIPPED, MIN_KEPT = (6, 248), 0.1
"""Colours with a channel beyond these levels may be clipped: they do not count, where enough others are there."""
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class _Balance:
    """By what factor the gain of a channel differs from that of all, at most, and by how many levels its offset."""

    gain: float
    offset: float


WHITE_BALANCE, NO_BALANCE = _Balance(1.35, 45.0), _Balance(1.1, 12.0)
"""That of a photograph; and where a ground is grey in both images, so that nothing but a thing can have changed."""


@dataclass(frozen=True)
class ToneChange:
    """A gamma, a saturation, then a gain and an offset of each channel `(3,)`."""

    gamma: float
    saturation: float
    gains: Floats
    offsets: Floats

    def apply(self, colours: Floats) -> Floats:
        """Colours `(..., 3)`, 0..255, as this changes them, clipped to 0..255."""
        curved = _curve(colours, self.gamma, self.saturation)
        return np.asarray(np.clip(self.gains * curved + self.offsets, 0, 255), np.float32)

    def mean_error(self, source: Floats, target: Floats) -> float:
        """Mean over colours `(n, 3)` of the largest difference of a channel that is left, in levels; outliers less."""
        missed = largest_channel(np.abs(self.apply(source) - target))
        return float(np.minimum(missed, 3 * SCALE).mean()) if len(missed) else 0.0


def fit_tone(source: Floats, target: Floats) -> ToneChange:
    """The change of tone that leaves least of the difference between most colours `(n, 3)` of source and target."""
    is_whole = _may_be_desaturated(source, target)
    balance = WHITE_BALANCE if is_whole else NO_BALANCE
    simple = _fit_balance(source, target, balance)
    if simple.mean_error(source, target) <= GOOD:
        return simple
    if not is_whole and _are_as_bright(source, target):
        plain = [
            ToneChange(1.0, saturation, np.ones(3, np.float32), np.zeros(3, np.float32)) for saturation in SATURATIONS
        ]
        return min((simple, *plain), key=lambda each: each.mean_error(source, target))
    some = slice(None, None, max(1, len(source) // MAX_TRIED))

    def choose(changes: Sequence[tuple[float, float]]) -> tuple[float, float]:
        return changes[int(np.argmin(_fit_balances(source[some], target[some], balance, changes)[1]))]

    saturations = SATURATIONS if is_whole else (1.0,)
    _, saturation = choose([(1.0, each) for each in saturations])
    gamma, _ = choose([(each, 1.0) for each in GAMMAS])
    pairs = [
        choose([(each, saturation) for each in GAMMAS]),
        choose([(gamma, each) for each in saturations]),
    ]
    best = _fit_balance(source, target, balance, *choose(pairs))
    return min((simple, best), key=lambda each: each.mean_error(source, target))


def _may_be_desaturated(source: Floats, target: Floats) -> bool:
    """Whether a change of saturation is one of the whole: the image of more colour has several hues.

    Where one thing alone has a colour, nothing tells such a change from another thing, of a greyer colour.
    """
    chromas = [np.ptp(colours, axis=1) for colours in (source, target)]
    colourful, chroma = (source, chromas[0]) if chromas[0].mean() >= chromas[1].mean() else (target, chromas[1])
    some = colourful[chroma > MIN_CHROMA]
    if not 0 < len(some) < MAX_THING * len(chroma):
        return True
    hues = _hues(some)
    return bool(np.linalg.norm(hues.sum(axis=0)) <= MAX_HUE_AGREEMENT * np.linalg.norm(hues, axis=1).sum())


def _are_as_bright(source: Floats, target: Floats) -> bool:
    """Whether what has a colour in one image is as bright in the other one, and of the same hue if it has one there.

    With any other change of tone a grey thing would pass for a coloured one of another brightness.
    """
    coloured = np.maximum(np.ptp(source, axis=1), np.ptp(target, axis=1)) > MIN_CHROMA
    if float(np.median(np.abs((source - target)[coloured] @ _LUMA))) > MAX_LUMA_DIFFERENCE:
        return False
    hues, others = (_hues(colours[coloured]).sum(axis=0) for colours in (source, target))
    lengths = float(np.linalg.norm(hues) * np.linalg.norm(others))
    greyest = min(float(np.percentile(np.ptp(colours, axis=1), 99)) for colours in (source, target))
    return greyest <= MAX_GREY or bool(hues @ others > MIN_HUE_AGREEMENT * lengths)


def _hues(colours: Floats) -> Floats:
    """Colours `(n, 3)` as their directions from grey `(n, 2)`, longer where there is more colour."""
    return np.stack([colours[:, 0] - colours[:, 1], colours[:, :2].mean(axis=1) - colours[:, 2]], axis=1)


def _curve(colours: Floats, gamma: float, saturation: float) -> Floats:
    curved = colours if gamma == 1 else np.asarray(255 * np.clip(colours / 255, 0, 1) ** gamma, np.float32)
    if saturation == 1:
        return curved
    grey = (curved @ _LUMA)[..., None]
    return np.asarray(grey + np.float32(saturation) * (curved - grey), np.float32)


def _fit_balance(
    source: Floats, target: Floats, balance: _Balance, gamma: float = 1.0, saturation: float = 1.0
) -> ToneChange:
    """A robust gain and offset of each channel, within their limits, after a gamma and a saturation."""
    return _fit_balances(source, target, balance, [(gamma, saturation)])[0][0]


def _fit_balances(
    source: Floats, target: Floats, balance: _Balance, changes: Sequence[tuple[float, float]]
) -> tuple[list[ToneChange], Floats]:
    """The same after each of several gammas and saturations, and the mean error that each leaves.

    Channels come first here, `(changes, 3, n)`: sums along a short last axis take several times as long.
    """
    every = curved = np.ascontiguousarray([_curve(source, *change).T for change in changes], np.float32)
    goal, original = (np.ascontiguousarray(colours.T) for colours in (target, source))
    target, both = goal, np.concatenate([original, goal])
    kept = np.asarray(((both > CLIPPED[0]) & (both < CLIPPED[1])).all(axis=0))
    if kept.sum() >= MIN_KEPT * len(kept):
        curved, target = curved.compress(kept, axis=2), target.compress(kept, axis=1)
    weights: Floats = np.ones((len(changes), target.shape[1]), np.float32)
    gains, offsets = np.ones((len(changes), 3), np.float32), np.zeros((len(changes), 3), np.float32)
    for _ in range(ROUNDS if target.size else 0):
        total = weights.sum(axis=1)[:, None]
        means, goals = (curved @ weights[..., None])[..., 0] / total, weights @ target.T / total
        moved, missing = curved - means[..., None], target - goals[..., None]
        weighted = moved * weights[:, None]
        spread = np.einsum("kcn,kcn->kc", weighted, moved) / total
        shared = np.einsum("kcn,kcn->kc", weighted, missing) / total
        overall = shared.sum(axis=1) / np.maximum(spread.sum(axis=1), 1e-6)
        overall = np.clip(overall, 1 / MAX_GAIN, MAX_GAIN)[:, None]
        own = np.where(spread > 4, shared / np.maximum(spread, 1e-6), overall)
        gains = np.clip(own, overall / balance.gain, overall * balance.gain)
        offsets = goals - gains * means
        middle = np.sort(offsets, axis=1)[:, 1:2]
        offsets = np.clip(offsets, middle - balance.offset, middle + balance.offset)
        left = _miss(curved, target, gains, offsets)
        weights = np.asarray(1 / (1 + (left / SCALE) ** 2), np.float32)
    errors = np.minimum(_miss(every, goal, gains, offsets), 3 * SCALE).sum(axis=1) / max(1, goal.shape[1])
    return [ToneChange(*change, *found) for change, *found in zip(changes, gains, offsets, strict=True)], errors


def _miss(curved: Floats, target: Floats, gains: Floats, offsets: Floats) -> Floats:
    """The largest difference of a channel `(changes, n)` that gains and offsets leave of each colour."""
    missed = gains[..., None] * curved
    missed += offsets[..., None]
    np.clip(missed, 0, 255, out=missed)
    missed -= target
    return np.asarray(np.abs(missed, out=missed).max(axis=1))


def largest_channel(colours: NDArray[Number]) -> NDArray[Number]:
    """The largest of three channels `(..., 3)`; NumPy's own maximum takes ten times as long along so short an axis."""
    return np.asarray(np.maximum(np.maximum(colours[..., 0], colours[..., 1]), colours[..., 2]))
