"""Filters: conditions on the catalogue's fields that restrict a search.

::

    taken >= 2012 and folder = moscow
    (width >= 4000 or format = TIFF) and not camera like "%scanner%"
    tags = dog and height > width and near(48.85, 2.35, 25 km)

`parse` reads the text into conditions; `columns` reads the fields that they use from the catalogue, once in each
generation; a condition says of every image whether it holds.
"""

from nearsight.storage.filters.columns import FilterColumns
from nearsight.storage.filters.conditions import Condition
from nearsight.storage.filters.parse import parse_filter

__all__ = ["Condition", "FilterColumns", "parse_filter"]
