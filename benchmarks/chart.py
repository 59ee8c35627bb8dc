"""A chart of shares as SVG: a row for each name, a column for each kind, a bar with its figure in each cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

LABEL, COLUMN, GAP, ROW, HEAD = 190, 96, 16, 24, 58
"""Pixels: the width of the names and of a column, between columns, the height of a row and of the heads."""
COLOURS = ("#11734b", "#2458a6", "#8a2c8a", "#b34700", "#00727d", "#7a6200")


def chart(
    groups: Mapping[str, Sequence[str]], kinds: Mapping[str, str], shares: Mapping[str, Mapping[str, float]]
) -> str:
    """The chart as the text of a file; it brings its own ground, so that it can be read on any page.

    Parameters
    ----------
    groups : names by the title above their rows; each group has its own colour
    kinds : the head of each column by its kind, with "|" where a new line begins
    shares : per cent by name, then by kind
    """
    rows = sum(1 + len(names) for names in groups.values())
    width, height = LABEL + len(kinds) * COLUMN + GAP, HEAD + rows * ROW + GAP
    lines = [_open(width, height), *_heads(kinds)]
    top = HEAD
    for number, (title, names) in enumerate(groups.items()):
        lines.append(_text(GAP, top + ROW - 7, title, 'class="dim"'))
        for name in names:
            top += ROW
            lines += _row(top, name, [shares[name][kind] for kind in kinds], COLOURS[number % len(COLOURS)])
        top += ROW
    return "\n".join([*lines, "</svg>"]) + "\n"


def _open(width: int, height: int) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="system-ui, sans-serif" font-size="13" fill="#222">\n'
        "<style>.dim { fill: #6b6862; font-size: 12px; } .head { font-weight: 600; font-size: 12px; }</style>\n"
        f'<rect width="{width}" height="{height}" rx="8" fill="#fbfaf8"/>'
    )


def _heads(kinds: Mapping[str, str]) -> list[str]:
    return [
        _text(LABEL + at * COLUMN, 24 + 16 * line, words, 'class="head"')
        for at, head in enumerate(kinds.values())
        for line, words in enumerate(head.split("|"))
    ]


def _row(top: int, name: str, cells: Sequence[float], colour: str) -> list[str]:
    lines = [_text(GAP + 10, top + ROW - 7, name, "")]
    longest = COLUMN - GAP - 26
    for at, share in enumerate(cells):
        left = LABEL + at * COLUMN
        long = longest * share / 100
        lines.append(f'<rect x="{left}" y="{top + 5}" width="{longest}" height="{ROW - 8}" fill="#ece9e3"/>')
        lines.append(f'<rect x="{left}" y="{top + 5}" width="{long:.1f}" height="{ROW - 8}" fill="{colour}"/>')
        lines.append(_text(left + longest + 5, top + ROW - 7, f"{share:.0f}", ""))
    return lines


def _text(x: int, y: int, words: str, more: str) -> str:
    return f'<text x="{x}" y="{y}"{" " + more if more else ""}>{escape(words)}</text>'
