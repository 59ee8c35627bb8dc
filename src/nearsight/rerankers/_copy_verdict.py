"""What a comparison of two images over their common part proves: the verdict, in words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import cv2
import numpy as np

from nearsight.geometry.overlap import AGREES, DIFFERS, SILENT, OverlapComparison
from nearsight.types import Change, Doubles, Mask

__all__ = ["CopyVerdict", "Judgement", "judge_comparison", "judge_thumbnail"]

MIN_AGREEING = 12
"""Cells that must agree before anything is said."""
CHANCE_AGREEMENT = 0.3
"""How often a cell of another image is taken to agree by accident, as the transform was chosen because some do."""
WHOLE = 0.95
"""Share of an image that counts as all of it."""
MAX_CHANGED, MAX_CHANGED_CONTENT, MAX_CHANGED_PAGE, MAX_RECOLOURED = 0.33, 0.5, 0.2, 0.6
"""Share of the common part that may differ in an edited copy; of what is not ground in it; of the telling cells of a
page; and of these in colour alone."""
MAX_LETTERED, MAX_LETTERED_PIXELS = 0.45, 0.17
"""The first of these where so few pixels of it differ: letters, between which the image shows."""
MIN_AGREEING_SHARE = 0.3
"""Share of the telling cells from which on form or surroundings are the same."""
MIN_TONES = 6.0
"""Smooth colours from which on an image is a photograph. Of a page, what is written or drawn on it is what matters."""
MAX_REWRITTEN = 0.25
"""Share of the differing cells in which both pages have something."""
MAX_MISFIT = {"copy": 0.02, "part": 0.011, "contains": 0.011, "edited copy": 0.006}
"""Share of the variance of the cells that agree that noise does not explain. In two photographs of one scene more is
left; and where they are taken from one place, as frames of a burst, something has moved: least is allowed there."""
MAX_COARSE_QUALITY = 35
"""The JPEG quality up to which the noise of an edited copy counts as misfit: it may hide what moved."""
MIN_COARSE_CORRELATION = 0.96
"""Correlation of the cells below which nothing is said of an image that such a quality was saved with, unless all its
blocks agree: cells may agree as far as its noise allows, and letters be in one image only."""
MIN_NOISE_CORRELATION, MAX_NOISE_CORRELATION = 0.12, 0.9
"""Correlation of the noise of both below which they are two photographs, as that of one, saved twice, has more; and
above which it is the same noise, so that more may be left unexplained."""
MAX_MISFIT_OF_ONE_NOISE = {"copy": 0.03, "part": 0.03, "contains": 0.03}
MAX_NOISY_MISFIT, MAX_MISFIT_SLOPE = 0.03, 0.005
"""What may be left unexplained of a part where it is about as much in cells of little structure as in those of much:
the noise of a print that was photographed again and compressed, which hides how much it is; and the slope up to which
it is. On a plain ground it must not be steeper."""
BLOCK_PIXELS, MIN_BLOCK_CORRELATION = 4, 0.7
"""Pixels that count as one observation where blocks are compared, as neighbours are alike; and how well they agree."""
MAX_LOST_COLOUR = 0.005
"""Share of the common part that such a quality may give another colour."""
MAX_CHANGES = 8
"""Changed areas that are listed, the largest first."""


class CopyVerdict(StrEnum):
    """What one image is to another. The value is what is printed, and what programs go by."""

    IDENTICAL_FILE = "identical file"
    IDENTICAL_IMAGE = "identical image"
    COPY = "copy"
    EDITED = "edited copy"
    PART = "part"
    CONTAINS = "contains"
    TEMPLATE = "same template"
    SURROUNDINGS = "same surroundings"
    SCENE = "same scene"
    NOT_A_COPY = "not a copy"
    TOO_PLAIN = "too plain to judge"

    @property
    def alike(self) -> bool | None:
        """Whether it is a copy of some kind; None where nothing is said."""
        if self is CopyVerdict.TOO_PLAIN:
            return None
        return self in _ALIKE


_ALIKE = {
    CopyVerdict.IDENTICAL_FILE,
    CopyVerdict.IDENTICAL_IMAGE,
    CopyVerdict.COPY,
    CopyVerdict.EDITED,
    CopyVerdict.PART,
    CopyVerdict.CONTAINS,
}


@dataclass(frozen=True)
class Judgement:
    """A verdict, its sentence, log10 of the false alarms to expect, and the areas that differ."""

    verdict: CopyVerdict
    sentence: str
    log_nfa: float
    changes: tuple[Change, ...] = ()


def judge_comparison(
    comparison: OverlapComparison | None, n_tests: int, *, mirrored: bool = False, alarms: float = 0.01
) -> Judgement:
    """The verdict on two images, among `n_tests` pairs and transforms that were tried, with so many false alarms."""
    if comparison is None:
        return Judgement(CopyVerdict.TOO_PLAIN, "too small to be compared", float("inf"))
    found = _judge_cells(comparison, n_tests, mirrored=mirrored, alarms=alarms)
    if found.verdict is CopyVerdict.TOO_PLAIN:
        return _judge_blocks(comparison, n_tests, mirrored=mirrored, alarms=alarms) or found
    return found


def judge_thumbnail(judgement: Judgement, comparison: OverlapComparison | None) -> Judgement:
    """What remains proved where only the thumbnail is left: nothing of a page, whose letters it does not show."""
    if comparison is None or comparison.n_tones < MIN_TONES:
        sentence = "its file cannot be opened as it was indexed, and a thumbnail does not show enough to judge"
        return Judgement(CopyVerdict.TOO_PLAIN, sentence, judgement.log_nfa)
    sentence = f"{judgement.sentence}; compared by its thumbnail, its file cannot be opened as it was indexed"
    return replace(judgement, sentence=sentence)


def _judge_blocks(comparison: OverlapComparison, n_tests: int, *, mirrored: bool, alarms: float) -> Judgement | None:
    """The verdict on a photograph of which a low JPEG quality left little more than blocks, where these agree."""
    blocks = comparison.blocks
    if blocks is None or comparison.n_tones_whole < MIN_TONES or not _is_unchanged(comparison):
        return None
    log_nfa = float(
        np.log10(max(n_tests, 1)) + blocks.n_pixels / BLOCK_PIXELS / 2 * np.log10(1 - blocks.correlation**2)
    )
    if blocks.correlation < MIN_BLOCK_CORRELATION or log_nfa > np.log10(alarms):
        return None
    evidence = f"all that JPEG quality {blocks.quality} leaves of it agrees"
    return _unchanged(comparison, evidence, log_nfa, mirrored)


def _judge_cells(comparison: OverlapComparison, n_tests: int, *, mirrored: bool, alarms: float) -> Judgement:
    """The verdict by the cells that have structure."""
    on_page = comparison.n_tones < MIN_TONES
    if on_page and comparison.ground:
        return Judgement(CopyVerdict.TOO_PLAIN, "what lies on the plain ground is no photograph", float("inf"))
    told = comparison.fine if on_page else comparison.states != SILENT
    weights = comparison.weights * told
    n_told, n_agreeing = float(weights.sum()), float(weights[comparison.states == AGREES].sum())
    if n_told < MIN_AGREEING:
        sentence = "there is hardly any structure that could differ"
        return Judgement(CopyVerdict.TOO_PLAIN, sentence, float("inf"))
    changes = _changes(comparison)
    log_nfa = expected_alarms(n_agreeing, len(changes), int(comparison.inside.sum()), n_tests)
    differs = told & (comparison.states == DIFFERS)
    share = float(differs.sum() / told.sum())
    if 1 - share < MIN_AGREEING_SHARE:
        return Judgement(CopyVerdict.NOT_A_COPY, f"{100 * share:.0f} % of {told.sum()} compared cells differ", log_nfa)
    if n_agreeing < MIN_AGREEING or log_nfa > 0:
        verdict = CopyVerdict.NOT_A_COPY if share > MAX_CHANGED_PAGE else CopyVerdict.TOO_PLAIN
        return Judgement(verdict, f"too little agrees to tell: {told.sum()} cells have structure", log_nfa)
    if _is_unchanged(comparison):
        found = _unchanged(comparison, f"all of {told.sum()} compared cells agree", log_nfa, mirrored)
    else:
        found = _changed(comparison, differs, share, log_nfa, changes, mirrored=mirrored)
    if found.verdict.alike and log_nfa > np.log10(alarms):
        sentence = f"too plain to judge in so many images ({found.sentence})"
        return Judgement(CopyVerdict.TOO_PLAIN, sentence, log_nfa)
    doubt = _doubt_one_photograph(found.verdict, comparison) if found.verdict.alike else None
    return found if doubt is None else Judgement(*doubt, log_nfa, changes)


def _is_coarse(comparison: OverlapComparison) -> bool:
    """Whether one of both was saved at a low quality."""
    return comparison.quality is not None and comparison.quality <= MAX_COARSE_QUALITY


def _is_unchanged(comparison: OverlapComparison) -> bool:
    """Whether nothing differs, but for the colour of few cells that a low quality took."""
    differing = comparison.states == DIFFERS
    if not differing.any():
        return True
    few = differing.sum() <= MAX_LOST_COLOUR * comparison.inside.sum()
    return bool(few and _is_coarse(comparison) and not (differing & ~comparison.recoloured).any())


def _doubt_one_photograph(verdict: CopyVerdict, comparison: OverlapComparison) -> tuple[CopyVerdict, str] | None:
    """The verdict and its sentence where images that are alike may be two photographs of one scene; None otherwise."""
    coarse = _is_coarse(comparison)
    noise = comparison.noise_correlation
    if noise is not None and noise < MIN_NOISE_CORRELATION and not coarse:
        sentence = "alike, but each has noise of its own: two photographs of one thing, or one of them made anew"
        return CopyVerdict.SCENE, sentence
    if verdict is CopyVerdict.EDITED and coarse and comparison.misfit + comparison.hidden > MAX_MISFIT[verdict]:
        sentence = f"something differs, and JPEG quality {comparison.quality} hides whether all else is the same"
        return CopyVerdict.TOO_PLAIN, sentence
    if coarse and comparison.blocks is None and comparison.correlation < MIN_COARSE_CORRELATION:
        return (
            CopyVerdict.TOO_PLAIN,
            f"alike, but JPEG quality {comparison.quality} hides whether all of it is the same",
        )
    if comparison.misfit > _misfit_limit(verdict, comparison):
        unexplained = f"{100 * comparison.misfit:.0f} % of it is unexplained"
        return CopyVerdict.SCENE, f"alike, but not as one photograph is to itself: {unexplained}"
    return None


def _misfit_limit(verdict: CopyVerdict, comparison: OverlapComparison) -> float:
    """The misfit that images of this verdict may have."""
    if verdict in (CopyVerdict.PART, CopyVerdict.CONTAINS) and np.isfinite(comparison.misfit_slope):
        if comparison.misfit_slope <= MAX_MISFIT_SLOPE:
            return MAX_NOISY_MISFIT
        if comparison.ground:
            return 0.0
    noise = comparison.noise_correlation
    same = noise is not None and noise > MAX_NOISE_CORRELATION
    return (MAX_MISFIT | MAX_MISFIT_OF_ONE_NOISE if same else MAX_MISFIT)[verdict]


def _changed(
    comparison: OverlapComparison,
    differs: Mask,
    share: float,
    log_nfa: float,
    changes: tuple[Change, ...],
    *,
    mirrored: bool,
) -> Judgement:
    """The verdict where a part agrees and a part differs."""
    pose = _changed_pose(comparison, mirrored)
    areas = f"{len(changes)} area{'s' * (len(changes) != 1)}"
    where = f"{100 * comparison.changed_share:.1f} % of the common part, in {areas}"
    if comparison.inverted:
        return Judgement(CopyVerdict.NOT_A_COPY, "like a negative in a part only", log_nfa)
    if not _explained(comparison):
        sentence = f"only a part of both agrees ({100 * comparison.query_share:.0f} % of the query), and not all of it"
        return Judgement(CopyVerdict.SURROUNDINGS, sentence, log_nfa, changes)
    redrawn = differs & ~comparison.recoloured
    if redrawn.sum() <= 0.1 * comparison.recoloured.sum() and share <= MAX_RECOLOURED:
        return Judgement(CopyVerdict.EDITED, f"the same image with another colour in {where}{pose}", log_nfa, changes)
    if min(comparison.n_tones, comparison.n_tones_unchanged) < MIN_TONES and (
        share > MAX_CHANGED_PAGE or _rewritten_share(comparison, redrawn) > MAX_REWRITTEN
    ):
        sentence = f"the ground and the form agree, what is on them differs: {where}"
        return Judgement(CopyVerdict.TEMPLATE, sentence, log_nfa, changes)
    differing, agreeing = comparison.states == DIFFERS, comparison.states == AGREES
    changed_content = differing.sum() / max(1, differing.sum() + (agreeing & comparison.content).sum())
    lettered = comparison.changed_pixels <= MAX_LETTERED_PIXELS
    most = MAX_LETTERED if lettered else MAX_CHANGED
    if comparison.changed_share > most or changed_content > MAX_CHANGED_CONTENT:
        return Judgement(CopyVerdict.SURROUNDINGS, f"a part agrees, but {where} differ", log_nfa, changes)
    return Judgement(CopyVerdict.EDITED, f"the same image, changed in {where}{pose}", log_nfa, changes)


def expected_alarms(n_agreeing: float, n_changes: int, n_cells: int, n_tests: int) -> float:
    """log10 of the number of other images, in `n_tests` trials, that would agree so by chance.

    So many cells agree, outside of `n_changes` boxes, each of which is one of the `n_cells` squared that there are.
    """
    boxes = n_changes * 2 * np.log10(max(n_cells, 2))
    return float(np.log10(max(n_tests, 1)) + boxes + n_agreeing * np.log10(CHANCE_AGREEMENT))


def _unchanged(comparison: OverlapComparison, evidence: str, log_nfa: float, mirrored: bool) -> Judgement:
    """The verdict where nothing differs, as the evidence says: which of both is the whole."""
    query, hit = comparison.query_share, comparison.hit_share
    evidence += _changed_pose(comparison, mirrored)
    if comparison.ground and _explained(comparison):
        return _unchanged_on_ground(comparison, evidence, log_nfa)
    if query >= WHOLE and hit >= WHOLE:
        return Judgement(CopyVerdict.COPY, f"the whole image, {evidence}", log_nfa)
    if query >= WHOLE:
        return Judgement(CopyVerdict.PART, f"the query is {100 * hit:.0f} % of this image, {evidence}", log_nfa)
    if hit >= WHOLE:
        return Judgement(CopyVerdict.CONTAINS, f"this image is {100 * query:.0f} % of the query, {evidence}", log_nfa)
    if _explained(comparison):
        shares = f"{100 * query:.0f} % of the query, {100 * hit:.0f} % of this image"
        sentence = f"both show a part of one image: {shares}, {evidence}"
        return Judgement(CopyVerdict.PART, sentence, log_nfa)
    return Judgement(CopyVerdict.SURROUNDINGS, f"only a part agrees ({100 * query:.0f} % of the query)", log_nfa)


def _unchanged_on_ground(comparison: OverlapComparison, evidence: str, log_nfa: float) -> Judgement:
    """The same, where one of both lies on a plain ground, so that the whole images differ."""
    placed = comparison.ground == "query"
    share = comparison.hit_share if placed else comparison.query_share
    which, other = ("the query", "this image") if placed else ("this image", "the query")
    shown = f"{other} whole" if share >= WHOLE else f"{100 * share:.0f} % of {other}"
    verdict = CopyVerdict.CONTAINS if placed == (share >= WHOLE) else CopyVerdict.PART
    return Judgement(verdict, f"{which} shows {shown} on a plain ground, {evidence}", log_nfa)


MIN_COMMON = 0.5
"""Share of each of two images that is common to both, where neither lies within the other."""


def _explained(comparison: OverlapComparison) -> bool:
    """Whether one of both is whole in the other, or both are largely the same: not some place that looks alike."""
    query, hit = comparison.query_share, comparison.hit_share
    return max(query, hit) >= WHOLE or min(query, hit) >= MIN_COMMON


def _changed_pose(comparison: OverlapComparison, mirrored: bool) -> str:
    """Scale, turn, mirror and negative, as far as there are any: ` (mirrored, scale 0.50)`."""
    linear = comparison.matrix[:2, :2]
    scale = float(np.sqrt(abs(np.linalg.det(linear))))
    turn = round(float(np.degrees(np.arctan2(linear[1, 0] - linear[0, 1], linear[0, 0] + linear[1, 1]))))
    words = ["mirrored"] * mirrored + ["negative"] * comparison.inverted
    words += [f"scale {scale:.2f}"] * (abs(scale - 1) > 0.01) + [f"turned {turn} degrees"] * bool(turn)
    return f" ({', '.join(words)})" if words else ""


def _rewritten_share(comparison: OverlapComparison, redrawn: Mask) -> float:
    """Of the cells that differ in structure, those in which both have some, 0..1."""
    both = comparison.structured[0] & comparison.structured[1]
    return float(both[redrawn].mean()) if redrawn.any() else 0.0


def _changes(comparison: OverlapComparison) -> tuple[Change, ...]:
    """The connected areas that differ, the largest first, as boxes in units of both images."""
    differs = (comparison.states == DIFFERS).astype(np.uint8)
    joined = cv2.morphologyEx(differs, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    areas = np.bincount(labels[differs == 1], minlength=count)
    order = sorted(range(1, count), key=lambda label: -int(areas[label]))
    found = []
    for label in order[:MAX_CHANGES]:
        left, top, width, height, _ = (int(value) for value in stats[label])
        box = np.array([left, top, left + width, top + height], np.float64) * comparison.cell
        found.append((box, int(areas[label]) / max(1, int(comparison.inside.sum()))))
    to_hit = comparison.matrix if comparison.query_is_reference else _inverse(comparison.matrix)
    changes = []
    for box, share in found:
        other = _moved_box(box, to_hit)
        query, hit = (box, other) if comparison.query_is_reference else (other, box)
        changes.append(Change(_unit(query, comparison.query_size), _unit(hit, comparison.hit_size), share))
    return tuple(changes)


def _inverse(matrix: Doubles) -> Doubles:
    return np.asarray(np.linalg.inv(matrix), np.float64)


def _moved_box(box: Doubles, matrix: Doubles) -> Doubles:
    corners = np.array([[box[0], box[1]], [box[2], box[1]], [box[2], box[3]], [box[0], box[3]]], np.float64)
    moved = cv2.perspectiveTransform(corners[None], matrix)[0]
    return np.array([*moved.min(axis=0), *moved.max(axis=0)])


def _unit(box: Doubles, size: tuple[int, int]) -> tuple[float, float, float, float]:
    left, top, right, bottom = np.clip(box / (*size, *size), 0, 1).tolist()
    return left, top, right, bottom
