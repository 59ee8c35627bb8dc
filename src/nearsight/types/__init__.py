"""The contracts that everything composes around.

*A recipe turns images into rows; an index turns rows into hits; everything after maps hits to hits.*

Images are `(H, W, 3) uint8` sRGB arrays, upright. Coordinates are `(x, y)` with pixel centres at .5. Ids are int64
catalogue ids. Scores: larger is better, everywhere; a metric's distance keeps its natural unit for display.

A method is a frozen dataclass: its fields are its parameters, and it keeps no result, so threads may share it.
"""

from nearsight.types.descriptor import Described, Descriptor, LocalDescriptor, LocalFeatures
from nearsight.types.encoder import Encoder, TrainProgress, Vocabulary
from nearsight.types.index import Index, SearchableIndex
from nearsight.types.method import Method
from nearsight.types.metric import Kernel, Metric
from nearsight.types.query import ImageId, ImageSource, Query, colour_shares, make_query
from nearsight.types.reranker import RerankContext, Reranker
from nearsight.types.values import (
    IDENTICAL_FILE,
    NO_ID,
    Arrays,
    Box,
    Change,
    Doubles,
    Explanation,
    Floats,
    Hits,
    Ids,
    Image,
    Mask,
    Match,
)

__all__ = [
    "IDENTICAL_FILE",
    "NO_ID",
    "Arrays",
    "Box",
    "Change",
    "Described",
    "Descriptor",
    "Doubles",
    "Encoder",
    "Explanation",
    "Floats",
    "Hits",
    "Ids",
    "Image",
    "ImageId",
    "ImageSource",
    "Index",
    "Kernel",
    "LocalDescriptor",
    "LocalFeatures",
    "Mask",
    "Match",
    "Method",
    "Metric",
    "Query",
    "RerankContext",
    "Reranker",
    "SearchableIndex",
    "TrainProgress",
    "Vocabulary",
    "colour_shares",
    "make_query",
]
