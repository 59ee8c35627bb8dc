"""nearsight searches images by what is in them.

>>> import nearsight as ns                                  # doctest: +SKIP
>>> photos = ns.index("photos", by=["copy", "colour"])      # doctest: +SKIP
>>> for hit in photos.search("query.jpg", k=20):            # doctest: +SKIP
...     print(hit.rank, hit.path, hit.score, hit.verdict, hit.why)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nearsight.api.collection import Collection, open
    from nearsight.api.decisions import (
        accept_proposals,
        act_on_decisions,
        decide,
        decisions,
        export_decisions,
        import_decisions,
        restore_duplicates,
        undo_decisions,
    )
    from nearsight.api.describe import describe
    from nearsight.api.duplicates import bursts, check, duplicates, duplicates_across
    from nearsight.api.indexing import index, train
    from nearsight.api.labels import annotate, classify, drop_label, set_label
    from nearsight.applications.duplicates.results import Duplicates
    from nearsight.applications.map import Map
    from nearsight.applications.match import match
    from nearsight.applications.palette import colours
    from nearsight.errors import NearsightError, Reason
    from nearsight.search.results import Hit, Results

__version__ = "0.1.0"
__all__ = [
    "Collection",
    "Duplicates",
    "Hit",
    "Map",
    "NearsightError",
    "Reason",
    "Results",
    "__version__",
    "accept_proposals",
    "act_on_decisions",
    "annotate",
    "bursts",
    "check",
    "classify",
    "colours",
    "decide",
    "decisions",
    "describe",
    "drop_label",
    "duplicates",
    "duplicates_across",
    "export_decisions",
    "import_decisions",
    "index",
    "match",
    "open",
    "restore_duplicates",
    "set_label",
    "train",
    "undo_decisions",
]

_HOMES = {
    **dict.fromkeys(["annotate", "classify", "drop_label", "set_label"], "nearsight.api.labels"),
    **dict.fromkeys(["Collection", "open"], "nearsight.api.collection"),
    **dict.fromkeys(["accept_proposals", "act_on_decisions", "decide", "decisions"], "nearsight.api.decisions"),
    **dict.fromkeys(["export_decisions", "import_decisions"], "nearsight.api.decisions"),
    **dict.fromkeys(["restore_duplicates", "undo_decisions"], "nearsight.api.decisions"),
    "describe": "nearsight.api.describe",
    **dict.fromkeys(["bursts", "check", "duplicates", "duplicates_across"], "nearsight.api.duplicates"),
    "Duplicates": "nearsight.applications.duplicates.results",
    "Map": "nearsight.applications.map",
    **dict.fromkeys(["index", "train"], "nearsight.api.indexing"),
    "match": "nearsight.applications.match",
    "colours": "nearsight.applications.palette",
    **dict.fromkeys(["Hit", "Results"], "nearsight.search.results"),
    **dict.fromkeys(["NearsightError", "Reason"], "nearsight.errors"),
}


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Import the heavy parts on first use, so that `import nearsight` stays quick."""
    if name not in _HOMES:
        raise AttributeError(f"module 'nearsight' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
