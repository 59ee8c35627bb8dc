"""Search results, maps and explanations as JSON objects: the counterpart of `schemas`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from nearsight.applications.duplicates.results import DuplicateGroup
from nearsight.applications.map import Map
from nearsight.search.results import Hit, Results
from nearsight.server.collections import ServedCollection
from nearsight.server.errors import RefusedError, escape_surrogates
from nearsight.storage.records import LabelRecord, NoteRecord
from nearsight.types import Box, Change, Doubles, Explanation, Floats


def hits_json(served: ServedCollection, results: Results) -> list[dict[str, Any]]:
    """Return the hits as JSON, without images that were removed since the search."""
    objects = []
    for hit in results:
        with suppress(RefusedError):
            objects.append(hit_json(served, hit))
    return objects


def hit_json(served: ServedCollection, hit: Hit) -> dict[str, Any]:
    """Return one hit as JSON, with the URLs, texts and labels of its image."""
    result = {**finite_json(hit.as_dict()), **image_json(served, hit.id, hit.path)}
    texts = {**texts_json(served.notes(hit.path)), "labels": labels_json(served.labels(hit.path))}
    return {**result, "image": result["thumbnail"].replace("/thumbnail", ""), **texts}


def labels_json(labels: Sequence[LabelRecord]) -> list[dict[str, Any]]:
    """Return the labels of an image as JSON, each with its source and confidence."""
    return [{**each.as_dict(), "label": escape_surrogates(each.label)} for each in labels]


def texts_json(notes: Sequence[NoteRecord]) -> dict[str, Any]:
    """Return caption and tags of an image, without duplicate lines and tags."""
    caption = dict.fromkeys(line for note in notes for line in note.caption.splitlines())
    return {
        "caption": escape_surrogates("\n".join(caption)),
        "tags": [*dict.fromkeys(escape_surrogates(tag) for note in notes for tag in note.tags.splitlines())],
    }


def image_json(served: ServedCollection, image_id: int, path: str) -> dict[str, Any]:
    """Return path, size and thumbnail URL of an image; the URL holds a content hash, so it can be cached forever."""
    image = served.image(image_id)
    return {
        "path": escape_surrogates(path),
        "width": image.width,
        "height": image.height,
        "thumbnail": f"/api/collections/{served.slug}/images/{image_id}/thumbnail?v={image.sha256.hex()[:12]}",
    }


def group_json(served: ServedCollection, number: int, group: DuplicateGroup) -> dict[str, Any]:
    """Return a group of duplicates as JSON, without images that were removed or changed since it was found."""
    members = []
    for each in group.members:
        with suppress(RefusedError):
            if served.image(each.id).sha256.hex() == each.sha256:
                urls = image_json(served, each.id, each.path)
                urls["image"] = urls["thumbnail"].replace("/thumbnail", "")
                members.append({**each.as_dict(), **urls})
    return {"number": number, "keep_why": group.keep_why, "decided": group.decided, "members": members}


def map_json(served: ServedCollection, layout: Map, limit: int) -> list[dict[str, Any]]:
    """Return the first `limit` images of a map, without images that were removed since it was computed."""
    objects = []
    places = zip(layout.ids[:limit].tolist(), layout.paths, layout.positions.tolist(), strict=False)
    for image_id, path, (x, y) in places:
        with suppress(RefusedError):
            objects.append({"id": image_id, "x": x, "y": y, **image_json(served, image_id, path)})
    return objects


def explanation_json(explanation: Explanation, box: Box | None, size: tuple[int, int] | None) -> dict[str, Any]:
    """Return an explanation as JSON; points in a query box are mapped to unit coordinates of the whole query image.

    Shares are not mapped: those of the query cover the box, or the whole image without one.
    """
    to_query = np.eye(3)
    if box is not None and size is not None:
        x0, y0, x1, y1 = (value / side for value, side in zip(box, (*size, *size), strict=True))
        to_query = np.array([[x1 - x0, 0, x0], [0, y1 - y0, y0], [0, 0, 1]])
    points, homography = explanation.query_points, explanation.homography
    return {
        "sentence": explanation.sentence,
        "verdict": explanation.verdict,
        "alike": explanation.alike,
        "query_points": None if points is None else (points @ to_query[:2, :2].T + to_query[:2, 2]).tolist(),
        "hit_points": _to_json_list(explanation.hit_points),
        "homography": None if homography is None else (homography @ np.linalg.inv(to_query)).tolist(),
        "query_shares": _to_json_list(explanation.query_shares),
        "hit_shares": _to_json_list(explanation.hit_shares),
        "changes": [asdict(_map_change(each, to_query)) for each in explanation.changes],
    }


def _map_change(change: Change, to_query: Doubles) -> Change:
    x0, y0, x1, y1 = change.query_box
    (left, top, _), (right, bottom, _) = (to_query @ [x, y, 1] for x, y in ((x0, y0), (x1, y1)))
    return replace(change, query_box=(float(left), float(top), float(right), float(bottom)))


def finite_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with None for infinities and NaN, which JSON lacks."""
    return {
        name: None if isinstance(each, float) and not math.isfinite(each) else each for name, each in values.items()
    }


def _to_json_list(values: Floats | None) -> list[Any] | None:
    return None if values is None else values.tolist()
