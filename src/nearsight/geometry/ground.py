"""An image that lies on a plain ground: a print on a table, or turned in a larger frame.

The other image shows more of the scene where this one shows its ground, so that both differ there. A first comparison
says where; the plain colours found there, along the edge, are those of the ground.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from nearsight.geometry.overlap import DIFFERS, ComparedImage, OverlapComparison, compare_overlap
from nearsight.geometry.registration import common_shares, image_frame
from nearsight.geometry.tone import largest_channel
from nearsight.types import Doubles, Floats, Image, Mask

__all__ = ["compare_on_ground", "find_outline"]

SIDE = 512
"""The longest side at which the ground is looked for, in pixels."""
N_GROUNDS = 3
"""Grounds that may lie around each other, such as a table and the paper on it."""
RING, EDGE = 8, 4
"""The width in pixels of the ring along the edge that shows the colours of the ground; and how far inside of an outline
it begins, as both sides are mixed there."""
MAX_DEVIATION = 5.0
"""Levels by which a smoothed image varies at most where it is plain."""
COLOUR_BIN, MAX_COLOUR_DIFFERENCE = 12, 14
"""Levels within which plain colours are one; and within which a pixel is of the colour of the ground."""
MIN_COLOUR_SHARE, MAX_COLOURS = 0.1, 3
"""Share of the ring from which on a colour is that of the ground, and how many it has at most."""
MIN_PART, MIN_SIDE = 0.05, 32
"""Size of a part of the content, as a share of the largest one, below which it is a stain; and the shorter side of a
rectangle around the content at least, in pixels."""
N_TRIED, MAX_OFF_LINE, MIN_ON_LINE, MAX_SPECKS = 24, 1.5, 0.35, 0.05
"""Points of a side that lines are drawn through; pixels by which a point of it may be off its line; the share of a
side that is on it at least; and the share outside of it at most."""
MAX_STAINS = 0.02
"""Share of the ground that is of another colour at most."""
MIN_CONTENT = 0.4
"""Share of the image that lies inside of the outline, at least."""
MIN_PLAIN = 0.85
"""Share of what differs outside of the outline that is ground, at least."""


def compare_on_ground(
    query: ComparedImage, hit: ComparedImage, comparison: OverlapComparison
) -> Iterator[OverlapComparison]:
    """Both images compared again, without the ground that either of them lies on: none where neither does.

    Each such comparison is made with an affine and with a projective correction; either may fit better.
    """
    for ground, image in (("query", query), ("hit", hit)):
        differs, compared = _cells_as_pixels(comparison, in_query=ground == "query")
        outline = find_outline(image.image, differs, compared)
        if outline is None:
            continue
        frames = (outline, image_frame(hit.image)) if ground == "query" else (image_frame(query.image), outline)
        within = outline
        if ground == "hit":
            within = np.asarray(
                cv2.perspectiveTransform(outline[None], np.linalg.inv(comparison.matrix))[0], np.float64
            )
        for projective in (False, True):
            each = compare_overlap(query, hit, comparison.matrix, projective=projective, within=within)
            if each is not None:
                shares = common_shares(*frames, each.matrix)
                yield replace(each, query_share=shares[0], hit_share=shares[1], ground=ground)


def _cells_as_pixels(comparison: OverlapComparison, *, in_query: bool) -> tuple[Mask, Mask]:
    """Where an image differs from the other one, or nearly, and where they were compared: each `(H, W)`."""
    width, height = comparison.query_size if in_query else comparison.hit_size
    matrix = comparison.matrix if comparison.query_is_reference else np.asarray(np.linalg.inv(comparison.matrix))
    if in_query == comparison.query_is_reference:
        matrix = np.eye(3)
    matrix = matrix @ np.diag([comparison.cell, comparison.cell, 1.0])
    around, centres = np.ones((3, 3), np.uint8), np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
    differs, compared = (
        cv2.warpPerspective(cells, centres @ matrix @ np.linalg.inv(centres), (width, height), flags=cv2.INTER_NEAREST)
        > 0
        for cells in (
            cv2.dilate((comparison.states == DIFFERS).astype(np.uint8), around),
            comparison.inside.astype(np.uint8),
        )
    )
    return differs, compared


def find_outline(image: Image, differs: Mask, compared: Mask) -> Doubles | None:
    """The corners `(4, 2)` of what lies on a plain ground, in pixels of the image; None without any.

    1. The plain colours of the ring along the edge are those of the ground, as far as it is not known to agree.
    2. What has one of these colours, and is connected with the ring, is ground. What is left ends on four lines, about.
    3. The same is done inside of them, as a print may lie on a paper that lies on a table.

    Parameters
    ----------
    image : `(H, W, 3)`
    differs, compared : `(H, W)`, where it differs from the image that it was compared with, and where it was compared
    """
    height, width = differs.shape
    scale = SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    smooth = cv2.blur(cv2.resize(image, size, interpolation=cv2.INTER_AREA), (3, 3)).astype(np.float32)
    different, known = (
        cv2.resize(each.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST).astype(bool)
        for each in (differs, compared)
    )
    telling = (different | ~known) & _is_plain(smooth)
    outline, content, ground = None, np.ones(different.shape, np.uint8), np.zeros(different.shape, bool)
    for edge in (0, *[EDGE] * (N_GROUNDS - 1)):
        inner = _shrink(content, edge)
        found = _peel(smooth, telling, inner)
        if found is None:
            break
        outline, ground = found[0], ground | found[1]
        content = inner & cv2.fillConvexPoly(np.zeros_like(content), np.rint(outline).astype(np.int32), 1)
    if outline is None or content.mean() < MIN_CONTENT or not _is_ground(different & (content == 0), ground):
        return None
    return np.asarray((outline + 0.5) * (width / size[0], height / size[1]), np.float64)


def _is_plain(smooth: Floats) -> Mask:
    """Where hardly anything varies around a pixel, in any channel."""
    mean = cv2.blur(smooth, (5, 5))
    variance = cv2.blur(smooth * smooth, (5, 5)) - mean * mean
    return np.asarray(largest_channel(variance) < MAX_DEVIATION**2)


def _shrink(content: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """What is further inside than so many pixels; the edge of the image is one too."""
    around = np.ones((2 * width + 1, 2 * width + 1), np.uint8)
    return np.asarray(cv2.erode(content, around, borderType=cv2.BORDER_CONSTANT, borderValue=0), np.uint8)


def _is_ground(outside: Mask, ground: Mask) -> bool:
    """Whether most of what differs outside of an outline is ground, up to its edges."""
    near = cv2.dilate(ground.astype(np.uint8), np.ones((2 * EDGE + 3, 2 * EDGE + 3), np.uint8))
    return bool(outside.any() and near[outside].mean() >= MIN_PLAIN)


def _peel(smooth: Floats, telling: Mask, content: NDArray[np.uint8]) -> tuple[Floats, Mask] | None:
    """The corners of what is left of the content without its outermost ground, and that ground; None without one.

    All colours that the ring shows are tried first; where the content has the last of them too, the others alone.
    """
    ring = content > _shrink(content, RING)
    colours = _frequent_colours(smooth[ring & telling], int(ring.sum()))
    for count in range(len(colours), 0, -1):
        ground = _flood(smooth, ring, colours[:count])
        corners = _find_corners((content > 0) & ~ground)
        if corners is not None and _stains(content, corners, ground) <= MAX_STAINS:
            return corners, ground
    return None


def _stains(content: NDArray[np.uint8], corners: Floats, ground: Mask) -> float:
    """Share of what lies outside of the corners that is not ground, 0..1: words, for instance."""
    inside = cv2.fillConvexPoly(np.zeros_like(content), np.rint(corners).astype(np.int32), 1)
    outside = (_shrink(content, EDGE) > 0) & (cv2.dilate(inside, np.ones((2 * EDGE + 3, 2 * EDGE + 3), np.uint8)) == 0)
    return float((outside & ~ground).sum() / max(1, outside.sum()))


def _frequent_colours(colours: Floats, n_pixels: int) -> list[Floats]:
    """The most frequent of some colours `(n, 3)`, each at least that of a share of so many pixels."""
    found = list[Floats]()
    while len(found) < MAX_COLOURS and len(colours) >= MIN_COLOUR_SHARE * n_pixels:
        bins = (colours // COLOUR_BIN).astype(np.int64) @ [1, 64, 4096]
        values, counts = np.unique(bins, return_counts=True)
        colour = np.median(colours[bins == values[counts.argmax()]], axis=0)
        near = np.abs(colours - colour).max(axis=1) < MAX_COLOUR_DIFFERENCE
        if near.sum() < MIN_COLOUR_SHARE * n_pixels:
            break
        found.append(colour)
        colours = colours[~near]
    return found


def _flood(smooth: Floats, ring: Mask, colours: list[Floats]) -> Mask:
    """The pixels that have one of some colours and are connected with the ring."""
    close = np.zeros(ring.shape, bool)
    for colour in colours:
        close |= cv2.inRange(smooth, *(colour + sign * MAX_COLOUR_DIFFERENCE for sign in (-1, 1))) > 0
    count, labels = cv2.connectedComponents(close.astype(np.uint8))
    connected = np.zeros(count, bool)
    connected[labels[ring & close]] = True
    return np.asarray(close & connected[labels])


def _find_corners(content: Mask) -> Floats | None:
    """The corners `(4, 2)` of the quadrilateral on whose sides most of the content ends; None without one.

    Each side is looked for from that of the smallest rectangle around the content. Where the content has the colour of
    the ground it ends further inside, but not on one line.
    """
    upright = _upright(_without_stains(content))
    if upright is None:
        return None
    turned, back = upright
    sides = [_find_side(each) for each in (turned, turned.T[::-1], turned[::-1], turned.T)]
    (height, width), lines = turned.shape, list[Doubles]()
    for side, place in zip(sides, ("top", "right", "bottom", "left"), strict=True):
        if side is None:
            return None
        ends = {
            "top": ((0, side[0]), (width - 1, side[1])),
            "right": ((width - 1 - side[0], 0), (width - 1 - side[1], height - 1)),
            "bottom": ((0, height - 1 - side[0]), (width - 1, height - 1 - side[1])),
            "left": ((side[0], 0), (side[1], height - 1)),
        }[place]
        lines.append(np.cross((*ends[0], 1.0), (*ends[1], 1.0)))
    crossings = np.array([np.cross(lines[at - 1], lines[at]) for at in range(4)])
    if np.abs(crossings[:, 2]).min() < 1e-6:  # lines that are parallel
        return None
    corners = cv2.transform((crossings[:, :2] / crossings[:, 2:]).astype(np.float32)[None], back)[0]
    return np.asarray(corners, np.float32) if cv2.isContourConvex(corners) else None


def _without_stains(content: Mask) -> NDArray[np.uint8]:
    """Its large parts, without what is as thin as a line."""
    opened = cv2.morphologyEx(content.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(opened)
    areas = stats[:, cv2.CC_STAT_AREA] * (np.arange(len(stats)) > 0)
    kept = (areas >= MIN_PART * areas.max()) & (areas > 0)
    return np.asarray(kept[labels], np.uint8)


def _upright(content: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], Doubles] | None:
    """The smallest rectangle around the content, turned upright, and the affine transform `(2, 3)` back."""
    rows = np.flatnonzero(content.any(axis=1))
    if not len(rows):
        return None
    filled = content[rows] > 0
    ends = filled.argmax(axis=1), content.shape[1] - 1 - filled[:, ::-1].argmax(axis=1)
    places = np.concatenate([np.stack([end, rows], axis=1) for end in ends]).astype(np.float32)
    corners = cv2.boxPoints(cv2.minAreaRect(cv2.convexHull(places)))[:3]
    width, height = (round(float(np.linalg.norm(corners[at] - corners[1]))) + 1 for at in (2, 0))
    if min(width, height) < MIN_SIDE:
        return None
    target = np.array([[0, height - 1], [0, 0], [width - 1, 0]], np.float32)
    turned = cv2.warpAffine(content, cv2.getAffineTransform(corners, target), (width, height))
    return np.asarray(turned, np.uint8), np.asarray(cv2.getAffineTransform(target, corners), np.float64)


def _find_side(content: NDArray[np.uint8]) -> tuple[float, float] | None:
    """How deep below the upper edge most of the content begins, on one line, at its left and at its right end.

    None where too little begins on one line, or where more than specks lie outside of it.
    """
    across = np.flatnonzero(content.any(axis=0))
    depths = content[:, across].argmax(axis=0).astype(np.float64)
    some = np.arange(0, len(across), max(1, len(across) // N_TRIED))
    first, second = (each.ravel() for each in np.meshgrid(some, some))
    apart = across[second] - across[first] > len(across) / 4
    first, second = first[apart], second[apart]
    if not len(first):
        return None
    slopes = (depths[second] - depths[first]) / (across[second] - across[first])
    below = depths - (depths[first, None] + slopes[:, None] * (across - across[first, None]))
    on_line = np.abs(below) <= MAX_OFF_LINE
    scores = np.where((below < -2 * MAX_OFF_LINE).mean(axis=1) <= MAX_SPECKS, on_line.sum(axis=1), 0)
    best = int(scores.argmax())
    if scores[best] < MIN_ON_LINE * content.shape[1]:
        return None
    slope, start = np.polyfit(across[on_line[best]], depths[on_line[best]], 1)
    return float(start), float(start + slope * (content.shape[1] - 1))
