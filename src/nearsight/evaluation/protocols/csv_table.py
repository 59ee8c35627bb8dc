"""Ground truth of one's own: a CSV file of queries and their right answers."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nearsight.errors import UsageError
from nearsight.evaluation.dataset_folder import ImageNames, find_first, list_images, read_list_bytes
from nearsight.evaluation.ground_truth import EvaluationQuery, GroundTruth, Relevance, box_from_numbers
from nearsight.types import Box

__all__ = ["read_table"]

_COLUMNS = frozenset({"query", "positive", "junk", "x0", "y0", "x1", "y1"})
_BOX = ("x0", "y0", "x1", "y1")


@dataclass
class _QueryRelevance:
    """What the lines about one query have said so far."""

    positives: set[str] = field(default_factory=set)
    junk: set[str] = field(default_factory=set)


def read_table(data: Path) -> GroundTruth:
    """A folder of images with `queries.csv`, or such a file anywhere among its images.

    1. Each line says one thing about one query. Columns: `query`; `positive`, a right answer; `junk`, one that counts
       neither way; `x0`, `y0`, `x1`, `y1`, the box in pixels to ask with. All but `query` may lack or be empty.
    2. Lines with the same query and the same box belong together.
    3. The query's own image is taken out of the answer, unless a line says that it is positive.

    Images are named by their path from the file's folder, or by as much of its end as is unambiguous.

    Raises
    ------
    UsageError
        that names the line where it is wrong
    """
    path = data if data.is_file() else find_first(data, ("queries.csv",), "the ground truth")
    folder = path.parent
    held = list_images(folder)
    names = ImageNames(held)
    asked: dict[tuple[str, Box | None], _QueryRelevance] = {}
    for number, row in _read_rows(path):
        where = Path(f"{path}, line {number}")
        query = names.find(row["query"], where)
        of = asked.setdefault((query, _parse_box(row, where)), _QueryRelevance())
        of.positives |= {names.find(row["positive"], where)} if row.get("positive") else set()
        of.junk |= {names.find(row["junk"], where)} if row.get("junk") else set()
    queries = tuple(_make_query(folder, query, box, said) for (query, box), said in asked.items() if said.positives)
    return GroundTruth("table", folder, held, queries, ("mAP", "rank 1", "P@10", "R@10", "NDCG@10"))


def _read_rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """The lines with their numbers."""
    text = read_list_bytes(path).decode("utf-8-sig", "surrogateescape")
    reader = csv.DictReader(io.StringIO(text), restkey="", restval="")
    columns = set(reader.fieldnames or ())
    if not {"query", "positive"} <= columns or columns - _COLUMNS:
        wanted = "query, positive and, where wanted, junk, x0, y0, x1, y1"
        raise UsageError(f"{path} has the columns {', '.join(sorted(columns)) or 'none'}; expected {wanted}")
    try:
        return [(reader.line_num, row) for row in reader]
    except csv.Error as problem:
        raise UsageError(f"{path}, line {reader.line_num}: {problem}") from None


def _make_query(folder: Path, query: str, box: Box | None, relevance: _QueryRelevance) -> EvaluationQuery:
    answers = Relevance(frozenset(relevance.positives), frozenset((relevance.junk | {query}) - relevance.positives))
    return EvaluationQuery(query, folder / query, {"": answers}, box)


def _parse_box(row: Mapping[str, str], where: Path) -> Box | None:
    given = [row.get(column) or "" for column in _BOX]
    if not any(given):
        return None
    return box_from_numbers(given, where)
