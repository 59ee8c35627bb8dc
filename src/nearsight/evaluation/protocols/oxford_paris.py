"""Oxford5k and Paris6k, as first published and as revisited: parts of buildings to look for.

References
----------
J. Philbin, O. Chum, M. Isard, J. Sivic, A. Zisserman, "Object retrieval with large vocabularies and fast spatial
matching", CVPR 2007, doi:10.1109/CVPR.2007.383172.
F. Radenovic, A. Iscen, G. Tolias, Y. Avrithis, O. Chum, "Revisiting Oxford and Paris: large-scale image retrieval
benchmarking", CVPR 2018, doi:10.1109/CVPR.2018.00598.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from nearsight.errors import UsageError
from nearsight.evaluation.dataset_folder import ImageNames, find_first, list_images, read_list_bytes
from nearsight.evaluation.ground_truth import EvaluationQuery, GroundTruth, Relevance, box_from_numbers
from nearsight.evaluation.pickle_reader import load_plain_data

__all__ = ["read_landmarks", "read_oxford_paris", "read_revisited"]

_IMAGES = ("images", "jpg", "oxbuild_images", "paris")
_LISTS = ("gt", "groundtruth", "lab", "gt_files_170407", "paris_120310")
_PREFIX = re.compile(r"^oxc\d_")
_LEVELS = {
    "easy": (("easy",), ("junk", "hard")),
    "medium": (("easy", "hard"), ("junk",)),
    "hard": (("hard",), ("junk", "easy")),
}


def read_oxford_paris(name: str, data: Path) -> GroundTruth:
    """Oxford5k or Paris6k as first published.

    1. `gt/LANDMARK_N_query.txt` names an image and a box of it; `_good`, `_ok` and `_junk` list images by name.
    2. Good and ok images are positives; junk is removed from the ranking. The query image is among the positives.

    Raises
    ------
    UsageError
        where a part is missing
    """
    images, lists = find_first(data, _IMAGES, "the images"), find_first(data, _LISTS, "the lists *_query.txt")
    held = list_images(images)
    names = ImageNames(held)
    paths = sorted(lists.glob("*_query.txt"))
    queries = tuple(_read_query(path, images, names) for path in paths)
    return GroundTruth(name, images, held, queries, ("mAP", "P@10", "rank 1"))


def read_revisited(name: str, data: Path) -> GroundTruth:
    """The revisited Oxford or Paris: three levels of the same 70 queries.

    1. `gnd_NAME.pkl` lists the images, the queries, and for each query a box and images that are easy, hard, junk.
    2. Positives at level easy: the easy ones, with junk and hard ones removed; medium: easy and hard ones; hard: the
       hard ones, with junk and easy ones removed. A query without positives at a level is left out there.
    3. The query images are not in the database.

    The file is read as plain data: see `pickle_reader`.
    """
    images, path = find_first(data, _IMAGES, "the images"), find_first(data, (f"gnd_{name}.pkl",), "the ground truth")
    truth = _validate_ground_truth(load_plain_data(read_list_bytes(path)), path)
    names = ImageNames(list_images(images))
    try:
        held = [names.find(str(each), path) for each in truth["imlist"]]
        both = zip(truth["qimlist"], truth["gnd"], strict=True)
        queries = tuple(_revisited_query(str(called), gnd, held, names, (images, path)) for called, gnd in both)
    except (ValueError, TypeError, IndexError) as problem:
        raise UsageError(f"{path} does not agree with itself: {problem}") from None
    return GroundTruth(name, images, tuple(held), queries, ("mAP", "mP@1", "mP@5", "mP@10"))


def read_landmarks(data: Path) -> GroundTruth:
    """A folder of images with `gt.json`, scored like Oxford5k.

    The file is a list of objects with `query`, `bbx` (x0, y0, x1, y1 in pixels; may lack), `ok`, `junk` (may lack) and
    `landmark` (may lack); images are named with or without ending.
    """
    images, path = find_first(data, _IMAGES, "the images"), find_first(data, ("gt.json",), "the ground truth")
    held = list_images(images)
    names = ImageNames(held)
    try:
        rows = json.loads(read_list_bytes(path))
        queries = tuple(_query_of_row(row, images, names, path) for row in rows)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as problem:
        raise UsageError(f'{path} is not a list of objects with "query" and "ok": {problem!r}') from None
    return GroundTruth("landmarks", images, held, queries, ("mAP", "P@10", "rank 1"))


def _revisited_query(
    query_name: str, gnd: Mapping[str, Any], image_names: Sequence[str], names: ImageNames, paths: tuple[Path, Path]
) -> EvaluationQuery:
    """One revisited query; `paths` are the images' folder and the file."""
    images, path = paths
    found = names.find(query_name, path)
    answers = {level: _relevance_at_level(gnd, image_names, *parts) for level, parts in _LEVELS.items()}
    return EvaluationQuery(found, images / found, answers, box_from_numbers(gnd["bbx"], path), query_name)


def _query_of_row(row: Mapping[str, Any], images: Path, names: ImageNames, path: Path) -> EvaluationQuery:
    find = partial(names.find, where=path)
    query = find(row["query"])
    right = frozenset(map(find, row["ok"]))
    ignored = frozenset(map(find, row.get("junk", ()))) | ({query} - right)
    box = box_from_numbers(row["bbx"], path) if row.get("bbx") else None
    return EvaluationQuery(query, images / query, {"": Relevance(right, ignored)}, box, str(row.get("landmark", "")))


def _read_query(path: Path, images: Path, names: ImageNames) -> EvaluationQuery:
    """Read one query from its lists."""
    called, *numbers = read_list_bytes(path).decode("utf8", "replace").split() or [""]
    stem = path.name.removesuffix("_query.txt")
    query = names.find(_PREFIX.sub("", called), path)
    good, ok, junk = (_read_list(path.with_name(f"{stem}_{kind}.txt"), names) for kind in ("good", "ok", "junk"))
    answers = Relevance(good | ok, junk - good - ok)
    return EvaluationQuery(
        query, images / query, {"": answers}, box_from_numbers(numbers, path), re.sub(r"_\d+$", "", stem)
    )


def _read_list(path: Path, names: ImageNames) -> frozenset[str]:
    """The images of a list."""
    return frozenset(names.find(called, path) for called in read_list_bytes(path).decode("utf8", "replace").split())


def _relevance_at_level(
    gnd: Mapping[str, Any], image_names: Sequence[str], positive_lists: Sequence[str], junk_lists: Sequence[str]
) -> Relevance:
    return Relevance(
        *(
            frozenset(image_names[int(at)] for part in parts for at in gnd[part])
            for parts in (positive_lists, junk_lists)
        )
    )


def _validate_ground_truth(truth: Any, path: Path) -> dict[str, Any]:  # noqa: ANN401 - whatever the file holds
    """The ground truth, if it has all its parts."""
    lacking = [key for key in ("gnd", "imlist", "qimlist") if not isinstance(truth, dict) or key not in truth]
    parts = ("bbx", "easy", "hard", "junk")
    if lacking or any(not isinstance(each, dict) or set(parts) - set(each) for each in truth["gnd"]):
        raise UsageError(f"{path} is no ground truth: expected gnd (with {', '.join(parts)}), imlist and qimlist")
    return dict(truth)
