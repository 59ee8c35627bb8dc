"""One generation of a collection, as a reader sees it: whatever is committed meanwhile, its answers stay its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.collection.catalogue import Catalogue
from nearsight.collection.plan import Plan
from nearsight.collection.segment import FOLDER, THUMBNAILS, Segment
from nearsight.errors import DamagedError
from nearsight.files import Files
from nearsight.images import thumbnail
from nearsight.rank.calibration import SAMPLE, Background, sampled
from nearsight.types import Ids, Image, Searchable

KEPT = 256
"""Derived things that are kept, some 150 kB each: the same pictures come up for similar queries."""


class Snapshot:
    """The segments of one generation, open; indexes over them are made on first use and kept."""

    def __init__(self, home: Path, catalogue: Catalogue, files: Files) -> None:
        with catalogue.reading():
            self.generation = catalogue.generation()
            self.dead: Ids = np.array(catalogue.dead(), np.int64)
            self.total = catalogue.count()
            entries = catalogue.segments()
        self._segments: dict[str, list[Segment]] = {}
        for entry in entries:
            self._segments.setdefault(entry.key, []).append(Segment(home / FOLDER, entry, files))
        self._indexes: dict[str, Searchable] = {}
        self._backgrounds: dict[str, Background] = {}
        self._lock = Lock()
        self.derived = lru_cache(maxsize=KEPT)(self._derive)

    def index(self, plan: Plan) -> Searchable:
        """The index of a plan over this generation's rows."""
        with self._lock:
            name = f"{plan.key} {plan.recipe}"
            if name not in self._indexes:
                index = plan.index.empty(plan.metric)
                for each in self._segments.get(plan.key, []):
                    index = index.add(each.ids, each.rows())
                self._indexes[name] = index.remove(self.dead)
            return self._indexes[name]

    def background(self, plan: Plan) -> Background:
        """What a plan's distances mean here, from a sample spread evenly over the rows."""
        with self._lock:
            name = f"{plan.key} {plan.metric}"
            if name not in self._backgrounds:
                self._backgrounds[name] = sampled(self._sample(plan), plan.metric)
            return self._backgrounds[name]

    def _sample(self, plan: Plan) -> NDArray[Any]:
        parts = self._segments.get(plan.key, [])
        live = [np.flatnonzero(~np.isin(each.ids, self.dead)) for each in parts]
        step = max(1, sum(map(len, live)) // SAMPLE)
        chosen = [each.rows()[at[::step]] for each, at in zip(parts, live, strict=True)]
        return np.concatenate(chosen) if chosen else np.empty((0, plan.descriptor.size), plan.descriptor.dtype)

    def row(self, plan: Plan, ident: int) -> NDArray[Any]:
        """The stored row `(D,)` of one picture."""
        for each in self._segments.get(plan.key, []):
            if len(at := np.flatnonzero(each.ids == ident)):
                return np.asarray(each.rows()[at[0]])
        raise DamagedError(f"picture {ident} has no row of {plan.name}: run nearsight repair")

    def thumbnail_bytes(self, ident: int) -> bytes:
        """The stored JPEG of one picture, 256 pixels at the longest side."""
        ids, parts, positions = self._thumbnail_table
        at = int(np.searchsorted(ids, ident))
        if at == len(ids) or int(ids[at]) != ident:
            raise DamagedError(f"picture {ident} has no thumbnail: run nearsight repair")
        return self._segments[THUMBNAILS][int(parts[at])].bytes_at(int(positions[at]))

    def _derive(self, ident: int, make: Callable[[Image], Any]) -> Any:  # noqa: ANN401 - whatever it makes
        return make(thumbnail.decode(self.thumbnail_bytes(ident)))

    @cached_property
    def _thumbnail_table(self) -> tuple[Ids, NDArray[np.int64], NDArray[np.int64]]:
        parts = self._segments.get(THUMBNAILS, [])
        if not parts:
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64)
        ids = np.concatenate([each.ids for each in parts])
        number = np.concatenate([np.full(len(each.ids), i) for i, each in enumerate(parts)])
        position = np.concatenate([np.arange(len(each.ids)) for each in parts])
        order = np.argsort(ids, kind="stable")
        return ids[order], number[order], position[order]
