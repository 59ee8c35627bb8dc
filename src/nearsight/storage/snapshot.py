"""One generation of a collection, as a reader sees it: whatever is committed meanwhile, its answers stay its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.calibration import SAMPLE, Background, sampled
from nearsight.errors import DamagedError
from nearsight.files import Files
from nearsight.images import thumbnail
from nearsight.indexes.flat import Flat
from nearsight.pipeline import Plan
from nearsight.storage.catalogue import Catalogue
from nearsight.storage.index_store import Caches, rows_of
from nearsight.storage.segments import FOLDER, THUMBNAILS, Segment
from nearsight.storage.trained_state import learnt, with_learnt
from nearsight.types import Descriptor, Ids, Image, Searchable

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
            self._caches = Caches(home, catalogue, files)
        self._segments: dict[str, list[Segment]] = {}
        for entry in entries:
            self._segments.setdefault(entry.key, []).append(Segment(home / FOLDER, entry, files))
        self._indexes: dict[str, Searchable] = {}
        self._learnt: dict[str, Descriptor] = {}
        self._backgrounds: dict[str, Background] = {}
        self._spreads: dict[str, tuple[Ids, NDArray[Any]]] = {}
        self._lock = Lock()
        self.derived = lru_cache(maxsize=KEPT)(self._derive)

    def index(self, plan: Plan) -> Searchable:
        """The index of a plan over this generation's rows: exact where what its own needs is not there."""
        with self._lock:
            name = f"{plan.key} {plan.recipe}"
            if name not in self._indexes:
                held = self._caches.load(plan, self.total)
                if held:
                    index = plan.index.empty(plan.metric, *held)
                else:
                    index = (plan.index if plan.descriptor.ragged else Flat()).empty(plan.metric)
                for each in self._segments.get(plan.key, []):
                    ids, rows = each.ids, rows_of(each, plan)
                    if plan.descriptor.ragged:  # those of the dead would be read, since nothing is kept of them
                        live = np.flatnonzero(~np.isin(ids, self.dead))
                        ids, rows = ids[live], rows[live]
                    index = index.add(ids, rows)
                self._indexes[name] = index.remove(self.dead)
            return self._indexes[name]

    def answers(self, plan: Plan) -> str:
        """Which index answers for a plan, and why it is not its own."""
        return self._caches.answers(self.ready(plan), self.total)

    def ready(self, plan: Plan) -> Plan:
        """The plan with what its encoders have learnt; UsageError where they have not."""
        if plan.ready:
            return plan
        if plan.unlearnt_key not in self._learnt:
            held = learnt(self._caches.entries, plan, self._caches.folder, self._caches.files)
            self._learnt[plan.unlearnt_key] = with_learnt(plan, held).descriptor
        return replace(plan, descriptor=self._learnt[plan.unlearnt_key])

    def background(self, plan: Plan) -> Background:
        """What a plan's distances mean here, from a sample spread evenly over the rows."""
        with self._lock:
            name = f"{plan.key} {plan.metric}"
            if name not in self._backgrounds:
                self._backgrounds[name] = sampled(self._sample(plan), plan.metric)
            return self._backgrounds[name]

    def _sample(self, plan: Plan) -> Any:  # noqa: ANN401 - rows (n, D), or a list of records
        parts = self._segments.get(plan.key, [])
        live = [np.flatnonzero(~np.isin(each.ids, self.dead)) for each in parts]
        step = max(1, sum(map(len, live)) // SAMPLE)
        chosen: list[Any] = [rows_of(each, plan)[at[::step]] for each, at in zip(parts, live, strict=True)]
        if plan.descriptor.ragged:
            return [row for rows in chosen for row in rows]
        return np.concatenate(chosen) if chosen else np.empty((0, plan.descriptor.size), plan.descriptor.dtype)

    def row(self, plan: Plan, ident: int) -> NDArray[Any]:
        """The stored row `(D,)` of one picture."""
        for each in self._segments.get(plan.key, []):
            if (at := each.find(ident)) is not None:
                row: NDArray[Any] = rows_of(each, plan)[at : at + 1][0]
                return row
        raise DamagedError(f"picture {ident} has no row of {plan.name}: run nearsight repair")

    def holds(self, plan: Plan, ident: int) -> bool:
        """Whether there is a picture of this id, with a row of a plan."""
        found = any(each.find(ident) is not None for each in self._segments.get(plan.key, []))
        return found and ident not in self.dead

    def rows(self, plan: Plan, ids: Ids) -> NDArray[Any]:
        """The stored rows `(n, D)` of these pictures, in the order of `ids`, each named once."""
        made = np.empty((len(ids), plan.descriptor.size), plan.descriptor.dtype)
        order, lacking = np.argsort(ids, kind="stable"), set(ids.tolist())
        for each in self._segments.get(plan.key, []):
            at = np.flatnonzero(np.isin(each.ids, ids))
            made[order[np.searchsorted(ids[order], each.ids[at])]] = each.rows[at]
            lacking.difference_update(each.ids[at].tolist())
        if lacking:
            raise DamagedError(f"picture {min(lacking)} has no row of {plan.name}: run nearsight repair")
        return made

    def spread(self, plan: Plan, count: int) -> tuple[Ids, NDArray[Any]]:
        """Ids and rows of at most so many pictures, evenly spread over the rows of a plan; kept for later queries."""
        with self._lock:
            name = f"{plan.key} {count}"
            if name not in self._spreads:
                held = (each.ids for each in self._segments.get(plan.key, []))
                live = np.setdiff1d(np.concatenate([np.empty(0, np.int64), *held]), self.dead)
                chosen = live[np.unique(np.linspace(0, len(live) - 1, min(count, len(live))).astype(int))]
                self._spreads[name] = chosen, self.rows(plan, chosen)
            return self._spreads[name]

    def pieces(self, plan: Plan, ids: Ids) -> Iterator[tuple[Ids, NDArray[Any]]]:
        """The stored rows of these pictures (ids, rising), about a megabyte at a time, each piece with its ids."""
        for each in self._segments.get(plan.key, []):
            kept = np.isin(each.ids, ids)
            held, start = each.ids[kept], 0
            for rows in each.pieces(kept):
                yield held[start : start + len(rows)], rows
                start += len(rows)

    def thumbnail_bytes(self, ident: int) -> bytes:
        """The stored JPEG of one picture, 256 pixels at the longest side."""
        for each in self._segments.get(THUMBNAILS, []):
            if (at := each.find(ident)) is not None:
                return each.bytes_at(at)
        raise DamagedError(f"picture {ident} has no thumbnail: run nearsight repair")

    def _derive(self, ident: int, make: Callable[[Image], Any]) -> Any:  # noqa: ANN401 - whatever it makes
        return make(thumbnail.decode(self.thumbnail_bytes(ident)))
