"""The served collections, each under a slug."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any

from nearsight.api.collection import Collection
from nearsight.api.decisions import Decision, decide_all, decisions, undo_decisions
from nearsight.api.labels import drop_label, set_label
from nearsight.errors import CollectionError, DamagedError, ModelError
from nearsight.images.decode import FileDecoder
from nearsight.pipeline import buildable_pipelines
from nearsight.senses import SENSES
from nearsight.server.errors import not_found_error
from nearsight.server.review import Review
from nearsight.storage.catalogue import INDEX_DIR_NAME, Catalogue
from nearsight.storage.file_rules import image_file
from nearsight.storage.recipes import default_recipe
from nearsight.storage.records import DecisionRecord, ImageRecord, LabelRecord, NoteRecord, SkipRecord

WORDS = "words"
"""The sense that stands for full-text search; it has no recipe."""

WORDS_DESCRIPTION = "images whose name, folder, camera, date, captions or tags contain the words"


class ServedCollection:
    """One collection; opened at first use, and again after it was found damaged."""

    def __init__(self, slug: str, index_dir: Path, decoder: FileDecoder | None = None) -> None:
        self.slug, self.index_dir, self.name = slug, index_dir, display_name(index_dir)
        self._decoder = decoder
        self._lock = Lock()
        self._open: tuple[Collection, Catalogue] | None = None
        self.review: Review | None = None

    @property
    def collection(self) -> Collection:
        """The open collection. CollectionError if it cannot be opened."""
        return self._open_once()[0]

    @contextmanager
    def use(self) -> Iterator[Collection]:
        """Yield the collection; if it proves damaged, the next use reopens it."""
        try:
            yield self.collection
        except DamagedError:
            self._open = None
            raise

    def generation(self) -> int:
        """Return the number of the last commit."""
        with self._lock_catalogue() as catalogue:
            return catalogue.generation()

    def image(self, image_id: int) -> ImageRecord:
        """Return the record of an image. RefusedError (404) for an unknown id."""
        with self._lock_catalogue() as catalogue:
            try:
                return catalogue.image(image_id)
            except DamagedError:
                if image_id in catalogue.ids():
                    raise
        raise not_found_error(f"image {image_id} in {self.name}", "the collection has changed: search again")

    def image_file(self, image: ImageRecord) -> bytes:
        """Return where the file of an image may be opened."""
        with self._lock_catalogue() as catalogue:
            return image_file(catalogue, self.index_dir, image.path)

    def notes(self, path: str) -> list[NoteRecord]:
        """Return the texts of an image, from its file and its sidecars."""
        with self._lock_catalogue() as catalogue:
            return catalogue.notes(os.fsencode(path))

    def labels(self, path: str) -> list[LabelRecord]:
        """Return the labels of an image, set by models or people."""
        with self._lock_catalogue() as catalogue:
            return catalogue.labels(os.fsencode(path))

    def review_label(self, image_id: int, label: str, *, right: bool) -> list[LabelRecord]:
        """Set, confirm or reject a label of an image; return its new labels.

        Raises
        ------
        RefusedError : (404) no image has this id
        UsageError : the label is empty, or a rejected one is not set
        LockedError : another process or a job is writing to the collection
        """
        path = os.fsdecode(self.image(image_id).path)
        (set_label if right else drop_label)(self.index_dir.parent, path, label, collection=self.index_dir)
        return self.labels(path)

    def decisions(self) -> list[DecisionRecord]:
        """Return what was decided about pairs of images, the oldest first."""
        with self._lock_catalogue() as catalogue:
            return catalogue.decisions()

    def standing_decisions(self) -> list[Decision]:
        """Return those that hold, the oldest first."""
        return decisions(self.index_dir.parent, collection=self.index_dir)

    def decide(self, decided: Iterable[tuple[str, int, int]]) -> None:
        """Keep decisions about images by their ids; one `undo_decisions` takes all of them back.

        Raises
        ------
        RefusedError : (404) no image has this id
        UsageError : there is no such decision, or it cannot be said of these two
        LockedError : another process or a job is writing to the collection
        """

        def path(image_id: int) -> str:
            return os.fsdecode(self.image(image_id).path)

        named = [(kind, path(image), path(other)) for kind, image, other in decided]
        decide_all(self.index_dir.parent, named, collection=self.index_dir)

    def undo_decisions(self) -> list[Decision]:
        """Take back the last decisions that were made at once. UsageError if there are none."""
        return undo_decisions(self.index_dir.parent, collection=self.index_dir)

    def skips(self, reason: str | None, offset: int, limit: int) -> tuple[int, list[SkipRecord]]:
        """Return the number of files skipped for a reason (None: any), and `limit` of them from `offset`."""
        with self._lock_catalogue() as catalogue:
            counts = Counter(catalogue.skip_counts())
            chosen = (skip for skip in catalogue.skips() if reason in (None, skip.reason.value))
            total = counts.total() if reason is None else counts[reason]
            return total, list(islice(chosen, offset, offset + limit))

    def summary(self) -> dict[str, Any]:
        """Return the entry in the list of collections; `problem` says why it cannot be opened, if so."""
        try:
            with self.use() as collection:
                senses = list_senses(collection.senses)
                return {
                    **self._names(),
                    "images": len(collection),
                    "senses": senses,
                    "default_sense": default_recipe(collection.senses),
                    "query_types": list_query_types(senses),
                }
        except CollectionError as problem:
            empty: dict[str, Any] = {"images": 0, "senses": [], "default_sense": "", "query_types": []}
            return {**self._names(), **empty, "problem": hide_paths(str(problem), [self])}

    def details(self) -> dict[str, Any]:
        """Return `summary` with skipped files, size and generation. CollectionError if it cannot be opened."""
        with self.use() as collection:
            info = collection.info()
        return {**self.summary(), **{name: info[name] for name in ("skipped", "bytes", "generation")}}

    def _names(self) -> dict[str, Any]:
        return {"id": self.slug, "name": self.name}

    @contextmanager
    def _lock_catalogue(self) -> Iterator[Catalogue]:
        """Yield the catalogue, to one thread at a time."""
        with self.use():
            catalogue = self._open_once()[1]
            with self._lock:
                yield catalogue

    def _open_once(self) -> tuple[Collection, Catalogue]:
        with self._lock:
            if self._open is None:
                self._open = Collection(self.index_dir, decoder=self._decoder), Catalogue(self.index_dir)
            return self._open


class ServedCollections:
    """All served collections, by slug."""

    def __init__(self, index_dirs: Sequence[Path], decoder: FileDecoder | None = None) -> None:
        unique = list(dict.fromkeys(each.resolve() for each in index_dirs))
        slugs = make_slugs(unique)
        self._by_slug = {slug: ServedCollection(slug, each, decoder) for slug, each in zip(slugs, unique, strict=True)}

    def __iter__(self) -> Iterator[ServedCollection]:
        return iter(self._by_slug.values())

    def __getitem__(self, slug: str) -> ServedCollection:
        if slug not in self._by_slug:
            raise not_found_error(f"collection {slug[:60]!r}", "see /api/collections for the list")
        return self._by_slug[slug]


def make_slugs(index_dirs: Sequence[Path]) -> list[str]:
    """Return a slug for each collection; equal ones get a hash of their path appended."""
    plain = [re.sub(r"[^a-z0-9]+", "-", display_name(each).lower()).strip("-")[:40] or "images" for each in index_dirs]
    counts = Counter(plain)
    hashes = [hashlib.sha256(os.fsencode(each)).hexdigest()[:6] for each in index_dirs]
    return [name if counts[name] == 1 else f"{name}-{digest}" for name, digest in zip(plain, hashes, strict=True)]


def display_name(index_dir: Path) -> str:
    """Return the name of the folder of a collection."""
    folder = index_dir.parent if index_dir.name == os.fsdecode(INDEX_DIR_NAME) else index_dir
    return folder.name.encode("utf8", "backslashreplace").decode() or "images"


def list_senses(recipes: dict[str, str]) -> list[dict[str, Any]]:
    """Return the senses of a collection as JSON; `recipes` are theirs, by name."""
    senses = [
        {
            "name": name,
            "description": SENSES[name].description if name in SENSES else recipe,
            "supports_text": _supports_text(recipe),
        }
        for name, recipe in recipes.items()
    ]
    return [*senses, {"name": WORDS, "description": WORDS_DESCRIPTION, "supports_text": False}]


def _supports_text(recipe: str) -> bool:
    with suppress(ModelError):  # the card of its model was removed
        return any(each.supports_text for each in buildable_pipelines([recipe]))
    return False


def list_query_types(senses: list[dict[str, Any]]) -> list[str]:
    """Return the query types that senses support: images and words always, texts if one supports them."""
    names = {each["name"] for each in senses}
    supported = {
        "image": True,
        "colours": "colour" in names,
        "words": True,
        "sketch": "sketch" in names,
        "text": any(each["supports_text"] for each in senses),
    }
    return [query_type for query_type, is_supported in supported.items() if is_supported]


def hide_paths(text: str, collections: Iterable[ServedCollection]) -> str:
    """Replace absolute paths of this machine in a message by names of collections."""
    for each in collections:
        for path in (each.index_dir, each.index_dir.parent):
            if path != path.parent:
                text = text.replace(str(path), each.name)
    return text
