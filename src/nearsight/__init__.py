"""nearsight searches pictures by what is in them.

>>> import nearsight as ns                                  # doctest: +SKIP
>>> photos = ns.index("photos", by=["copy", "colour"])      # doctest: +SKIP
>>> for hit in photos.search("query.jpg", k=20):            # doctest: +SKIP
...     print(hit.rank, hit.path, hit.score, hit.verdict, hit.why)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nearsight.collection.annotating import annotate, classify, drop_label, set_label
    from nearsight.collection.collection import Collection, describe, open
    from nearsight.collection.layout import Map
    from nearsight.collection.making import index, learn
    from nearsight.collection.pair import match
    from nearsight.collection.palette import colours
    from nearsight.collection.search import Hit, Results
    from nearsight.errors import NearsightError, Reason

__version__ = "0.1.0"
__all__ = [
    "Collection",
    "Hit",
    "Map",
    "NearsightError",
    "Reason",
    "Results",
    "__version__",
    "annotate",
    "classify",
    "colours",
    "describe",
    "drop_label",
    "index",
    "learn",
    "match",
    "open",
    "set_label",
]

_HOMES = {
    **dict.fromkeys(["annotate", "classify", "drop_label", "set_label"], "nearsight.collection.annotating"),
    **dict.fromkeys(["Collection", "describe", "open"], "nearsight.collection.collection"),
    "Map": "nearsight.collection.layout",
    **dict.fromkeys(["index", "learn"], "nearsight.collection.making"),
    "match": "nearsight.collection.pair",
    "colours": "nearsight.collection.palette",
    **dict.fromkeys(["Hit", "Results"], "nearsight.collection.search"),
    **dict.fromkeys(["NearsightError", "Reason"], "nearsight.errors"),
}


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Import the heavy parts on first use, so that `import nearsight` stays quick."""
    if name not in _HOMES:
        raise AttributeError(f"module 'nearsight' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
