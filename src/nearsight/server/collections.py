"""The collections that are served, each under a short name."""

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
from nearsight.api.labels import drop_label, set_label
from nearsight.errors import CollectionError, DamagedError, ModelError
from nearsight.pipeline import buildable_pipelines
from nearsight.senses import SENSES
from nearsight.server.errors import not_found
from nearsight.storage.catalogue import Catalogue
from nearsight.storage.location import INDEX_DIR_NAME
from nearsight.storage.recipes import default_recipe
from nearsight.storage.records import ImageRecord, LabelRecord, NoteRecord, SkipRecord

WORDS = "words"
"""Stands among the senses for asking with words; it has no recipe."""

WORDS_LINE = "images whose name, folder, camera, date, captions or tags hold the words"


class Shelved:
    """One collection. It is opened when it is first needed, and again after it was found damaged."""

    def __init__(self, slug: str, home: Path) -> None:
        self.slug, self.home, self.name = slug, home, named(home)
        self._lock = Lock()
        self._open: tuple[Collection, Catalogue] | None = None

    @property
    def photos(self) -> Collection:
        """The collection. CollectionError where it cannot be used."""
        return self._opened()[0]

    @contextmanager
    def use(self) -> Iterator[Collection]:
        """The collection, for one piece of work; one that turns out to be damaged is opened anew the next time."""
        try:
            yield self.photos
        except DamagedError:
            self._open = None
            raise

    def generation(self) -> int:
        """The number of the last commit."""
        with self._reading() as catalogue:
            return catalogue.generation()

    def image(self, ident: int) -> ImageRecord:
        """What is known of an image. RefusedError (404) where there is none of this id."""
        with self._reading() as catalogue:
            try:
                return catalogue.image(ident)
            except DamagedError:
                if ident in catalogue.ids():
                    raise
        raise not_found(f"image {ident} in {self.name}", "search again: the collection has changed")

    def notes(self, path: str) -> list[NoteRecord]:
        """What sidecars and the file itself say of the image at a path."""
        with self._reading() as catalogue:
            return catalogue.notes(os.fsencode(path))

    def labels(self, path: str) -> list[LabelRecord]:
        """What models and people say that the image at a path shows."""
        with self._reading() as catalogue:
            return catalogue.labels(os.fsencode(path))

    def judge(self, ident: int, label: str, *, right: bool) -> list[LabelRecord]:
        """Set or confirm a label of an image, or drop it; its labels from now on.

        Raises
        ------
        RefusedError : (404) there is no image of this id
        UsageError : the label is empty, or one to drop is not there
        LockedError : another process or a job writes to the collection
        """
        path = os.fsdecode(self.image(ident).path)
        (set_label if right else drop_label)(self.home.parent, path, label, collection=self.home)
        return self.labels(path)

    def skips(self, reason: str | None, offset: int, limit: int) -> tuple[int, list[SkipRecord]]:
        """How many files were skipped for a reason, or for any; and some of them."""
        with self._reading() as catalogue:
            counts = Counter(catalogue.skip_counts())
            chosen = (skip for skip in catalogue.skips() if reason in (None, skip.reason.value))
            total = counts.total() if reason is None else counts[reason]
            return total, list(islice(chosen, offset, offset + limit))

    def about(self) -> dict[str, Any]:
        """What the list of collections says of it; `problem` where it cannot be used."""
        try:
            with self.use() as photos:
                held = photos.senses
                found = senses(held)
                told = {"senses": found, "default_sense": default(held), "asks": asks(found)}
                return {**self._names(), "images": len(photos), **told}
        except CollectionError as problem:
            empty: dict[str, Any] = {"images": 0, "senses": [], "default_sense": "", "asks": []}
            return {**self._names(), **empty, "problem": discreet(str(problem), [self])}

    def details(self) -> dict[str, Any]:
        """The same, and how much was skipped, how large it is. CollectionError where it cannot be used."""
        with self.use() as photos:
            info = photos.info()
        return {**self.about(), **{name: info[name] for name in ("skipped", "bytes", "generation")}}

    def _names(self) -> dict[str, Any]:
        return {"id": self.slug, "name": self.name}

    @contextmanager
    def _reading(self) -> Iterator[Catalogue]:
        """The catalogue, for one thread at a time."""
        with self.use():
            catalogue = self._opened()[1]
            with self._lock:
                yield catalogue

    def _opened(self) -> tuple[Collection, Catalogue]:
        with self._lock:
            if self._open is None:
                self._open = Collection(self.home), Catalogue(self.home)
            return self._open


class Shelf:
    """All collections that are served."""

    def __init__(self, homes: Sequence[Path]) -> None:
        unique = list(dict.fromkeys(home.resolve() for home in homes))
        self._by_slug = {slug: Shelved(slug, home) for slug, home in zip(slugs(unique), unique, strict=True)}

    def __iter__(self) -> Iterator[Shelved]:
        return iter(self._by_slug.values())

    def __getitem__(self, slug: str) -> Shelved:
        if slug not in self._by_slug:
            raise not_found("such collection", "see /api/collections for those there are")
        return self._by_slug[slug]


def slugs(homes: Sequence[Path]) -> list[str]:
    """A short name for each; those that would be the same get a mark of their place."""
    plain = [re.sub(r"[^a-z0-9]+", "-", named(home).lower()).strip("-")[:40] or "images" for home in homes]
    counts = Counter(plain)
    marks = [hashlib.sha256(os.fsencode(home)).hexdigest()[:6] for home in homes]
    return [name if counts[name] == 1 else f"{name}-{mark}" for name, mark in zip(plain, marks, strict=True)]


def named(home: Path) -> str:
    """What the folder of a collection is called."""
    folder = home.parent if home.name == os.fsdecode(INDEX_DIR_NAME) else home
    return folder.name.encode("utf8", "backslashreplace").decode() or "images"


def senses(held: dict[str, str]) -> list[dict[str, Any]]:
    """What a collection can be asked by, each with a line for its user, and whether it takes texts."""
    lines = {name: SENSES[name].line if name in SENSES else text for name, text in held.items()}
    found = [{"name": name, "line": line, "texts": _speaks(held[name])} for name, line in lines.items()]
    return [*found, {"name": WORDS, "line": WORDS_LINE, "texts": False}]


def _speaks(recipe: str) -> bool:
    with suppress(ModelError):  # its card is gone
        return any(each.supports_text for each in buildable_pipelines([recipe]))
    return False


def default(held: dict[str, str]) -> str:
    """The sense that is used where none is named."""
    return default_recipe(held)


def asks(held: list[dict[str, Any]]) -> list[str]:
    """The ways of asking that senses offer: an image and words always, texts where one takes them."""
    names = {each["name"] for each in held}
    offered = {"image": True, "colours": "colour" in names, "words": True, "sketch": "sketch" in names}
    return [way for way, there in (offered | {"text": any(each["texts"] for each in held)}).items() if there]


def discreet(text: str, shelf: Iterable[Shelved]) -> str:
    """The text without the places on this machine: whoever asks over the network need not know them."""
    for each in shelf:
        for place in (each.home, each.home.parent):
            if place != place.parent:
                text = text.replace(str(place), each.name)
    return text
