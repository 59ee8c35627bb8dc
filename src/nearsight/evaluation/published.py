"""Figures that papers report, to read one's own beside."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PUBLISHED", "Published"]


@dataclass(frozen=True)
class Published:
    """Figures of one paper by method and measure, with their source and what is to be known of them."""

    source: str
    note: str
    figures: dict[str, dict[str, float]]


PUBLISHED = {
    "corel1k": Published(
        "T. Deselaers, D. Keysers, H. Ney, Features for image retrieval: an experimental comparison, Information "
        "Retrieval 11(2), 2008, doi:10.1007/s10791-007-9039-3",
        "the same protocol: leave one out, all 1000 images as queries; its mAP is rectangular",
        {
            "colour histogram": {"mAP, rect.": 50.5, "1-NN error": 16.9},
            "patches of pixels, histogram": {"mAP, rect.": 48.3, "1-NN error": 17.9},
            "SIFT, histogram": {"mAP, rect.": 48.2, "1-NN error": 25.6},
            "invariant features, histogram": {"mAP, rect.": 47.6, "1-NN error": 19.2},
            "32 x 32 pixels": {"mAP, rect.": 37.6, "1-NN error": 47.2},
        },
    ),
}
"""By protocol. Only figures that were compared under the same protocol."""
