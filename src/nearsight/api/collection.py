"""The collection as its user meets it: index a folder, open it, search it, look after it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from numpy.typing import NDArray

from nearsight.api import info
from nearsight.applications import two_file
from nearsight.applications.map import Map, build_map
from nearsight.applications.two_file import TwoFileSizes
from nearsight.clock import Clock, SystemClock
from nearsight.errors import ImageError, UsageError
from nearsight.files import FileSystem, LocalFileSystem
from nearsight.images import thumbnail
from nearsight.images.decode import Limits
from nearsight.ingest import exclude
from nearsight.ingest.run import IngestSummary
from nearsight.pipeline import Pipeline, build_pipeline, build_pipelines, buildable_pipelines
from nearsight.search.arithmetic import Asking, mixes, texts_of, with_sum
from nearsight.search.engine import Hit, Results, search
from nearsight.search.fused import USUAL, fused, known
from nearsight.search.query import query_pixels
from nearsight.search.reader import Current
from nearsight.senses import SENSES
from nearsight.storage import integrity
from nearsight.storage.collection_metadata import load_root
from nearsight.storage.drop_recipes import DropSummary
from nearsight.storage.location import index_command, locate
from nearsight.storage.recipes import default_recipe
from nearsight.storage.records import ImageRecord, LabelRecord, NoteRecord, Problem, SidecarRecord, SkipRecord
from nearsight.storage.snapshot import Snapshot
from nearsight.types import Box, Explanation, Ids, Image, Query


def open(folder: str | Path = ".", *, collection: str | Path | None = None) -> Collection:
    """Open the collection that holds a folder, found upwards as git does, or the one at `collection`.

    Raises
    ------
    UsageError : there is none
    FormatError, DamagedError : it cannot be used as it is
    """
    return Collection(locate(folder, collection))


def describe(images: Sequence[str | Path | Image], recipe: str) -> NDArray[Any]:
    """Rows of any descriptor on its own: `(N, D)` for N images, in their order.

    Raises
    ------
    ImageError : an image cannot be read
    RecipeError : the recipe does not start with a descriptor
    """
    wanted = build_pipeline(recipe)
    if not wanted.is_trained:
        raise UsageError(f"{recipe} learns from a collection first; describe takes a descriptor on its own")
    descriptor = wanted.descriptor
    files, limits = LocalFileSystem(), Limits()
    pixels = [
        query_pixels(Query(_image(each)), files, limits, nameless=f"image {number}")(descriptor.side)
        for number, each in enumerate(images, 1)
    ]
    return descriptor.describe(pixels)


class Collection:
    """An open collection. Readers never block: each answer comes from one committed generation."""

    def __init__(
        self,
        home: Path,
        *,
        files: FileSystem | None = None,
        clock: Clock | None = None,
        summary: IngestSummary | None = None,
        dropped: DropSummary | None = None,
    ) -> None:
        self.home, self.summary, self.dropped = home, summary, dropped or DropSummary()
        self._files, self._clock = files or LocalFileSystem(), clock or SystemClock()
        self._current = Current(home, self._files)
        self._catalogue, self._lock = self._current.catalogue, self._current.lock

    def close(self) -> None:
        """Let go of the catalogue."""
        self._catalogue.close()

    def __enter__(self) -> Collection:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __len__(self) -> int:
        with self._lock:
            return self._catalogue.count_images()

    @property
    def root(self) -> Path:
        """The folder of the images."""
        with self._lock:
            return load_root(self._catalogue, self.home)

    @property
    def senses(self) -> dict[str, str]:
        """What it can be searched by: recipe by sense, or by the recipe's own text."""
        with self._lock:
            return self._catalogue.recipes()

    @property
    def unusable(self) -> dict[str, str]:
        """The recipes of `senses` that cannot be used on this machine: by their names, why and what to do."""
        with self._lock:
            return info.unusable(self.home, self._catalogue)

    def search(
        self,
        image: str | Path | bytes | Image | None = None,
        *,
        by: str | Sequence[str] | None = None,
        recipe: str | Sequence[str] | None = None,
        fuse: str = USUAL,
        k: int = 20,
        box: Box | None = None,
        like: int | str | Sequence[int | str] | None = None,
        unlike: int | str | Sequence[int | str] = (),
        colours: Mapping[str, float] | None = None,
        histogram: Sequence[float] | None = None,
        sketch: str | Path | None = None,
        text: str | Sequence[str] = (),
        minus_text: str | Sequence[str] = (),
        plus: Asking | Sequence[Asking] = (),
        minus: Asking | Sequence[Asking] = (),
        minus_weight: float = 1.0,
        words: str = "",
        where: str = "",
    ) -> Results:
        """The k images that are most alike, best first, each with its reason.

        Parameters
        ----------
        image : a file, its bytes, or pixels `(H, W, 3) uint8`; it need not be in the collection
        by : the sense of "alike": `copy` by default, or the first that the collection has and that can be used
        recipe : a recipe instead of a sense; its descriptor must have been indexed
        fuse : how the answers by several senses and recipes become one: `reciprocal` by their ranks, `scores` by how
            far each hit stands out
        k : how many hits
        box : `(x0, y0, x1, y1)` in pixels of the upright query: only this part is asked with
        like : the id or the path of an image of the collection to ask with, instead of `image`; of several the first
            asks, and the others, or all beside an `image` or colours, are marked as alike: they draw the answer
            towards them
        unlike : ids or paths of images that are marked as not alike: the answer moves away, and leaves them out
        colours : colours to ask with instead of an image, with their weights: {"#c33": .6, "#eee": .4}
        histogram : amounts of the bins to ask with instead of an image, in any unit: a row of `describe`, or your own
        sketch : a drawing to ask with instead of an image; by `sketch`, where lines and their places matter
        text : what the image shows, in words ("a red bicycle"), instead of an image or beside one; by `meaning`. A
            text that begins with + or - is cut at these signs: "+snow -people"
        minus_text : what it should not show
        plus, minus : further images to ask with, and images to move away from; these and texts are added to the
            image and taken away from it, by any sense or recipe whose rows are numbers
        minus_weight : how much each of what is not wanted counts, where each of what is wanted counts 1
        words : only images whose path, camera, date, captions, tags or labels hold these words; on their own, they
            are the query
        where : only images of which this holds, such as "taken >= 2012 and folder like 'moscow/%'"; on its own, it
            lists them by path

        Raises
        ------
        UsageError : the collection lacks that sense (the message says what to run), or the query cannot be served
        ImageError : the image cannot be read
        DamagedError : stored bytes do not agree with their checksums
        """
        if sketch is not None:
            if image is not None or like is not None or colours or histogram is not None or text:
                raise UsageError(
                    "ask with an image, with a text, with colours, with a histogram or with a sketch: one of them"
                )
            image, by = sketch, by or (None if recipe else "sketch")
        marks, against = self._marks(() if like is None else like), self._marks(unlike)
        by_colour = bool(colours) or histogram is not None
        given = _image(image) if image is not None else marks.pop(0) if marks and not by_colour else None
        query = Query(given, box, colours=colours or {}, histogram=histogram, words=words, where=where)
        query = replace(query, like=tuple(marks), unlike=tuple(against), minus_weight=minus_weight)
        query = with_sum(query, text, minus_text, plus, minus)
        if given is None and not by_colour and not mixes(query):
            if query.unlike:
                raise UsageError("marks refine an answer: ask with an image or with colours too")
            return self._said(query, k)
        known(fuse)
        usual = "colour" if by_colour else "meaning" if texts_of(query) else ""
        chosen = self.plans(by or ([usual] if usual and not recipe else ()), recipe or ())
        return self._current.answered(lambda snapshot: self._found(snapshot, chosen, query, k, fuse))

    def _found(self, snapshot: Snapshot, chosen: Sequence[Pipeline], query: Query, k: int, how: str) -> Results:
        """What was asked for in one generation, by one plan or several."""
        generation = snapshot.generation
        paths = partial(self._current.paths, generation)
        allow = self._current.allowed(query, generation)
        reading: Any = {"files": self._files, "limits": Limits(), "allow": allow}
        if len(chosen) > 1:
            return fused(snapshot, paths, chosen, query, k, how=how, **reading)
        return search(snapshot, paths, chosen[0], query, k, **reading)

    def explain(
        self, hit: Hit, image: str | Path | bytes | Image | None = None, query: Image | None = None
    ) -> Explanation:
        """Why a hit was found, with what takes a while to see: how much each place of both images adds to the score.

        Parameters
        ----------
        hit : one of an answer of `search`
        image : the hit's image; its file where none is given, or its thumbnail where that cannot be read
        query : the query's pixels, instead of those that were asked with: of an image of the collection a thumbnail

        Raises
        ------
        DamagedError : stored bytes do not agree with their checksums
        """
        if hit.trace is None:
            return hit.explanation
        side, limits = hit.trace.descriptor.side, Limits()
        try:
            given = _image(image) if image is not None else self.root / hit.path
            pixels = query_pixels(Query(given), self._files, limits)(side)
        except ImageError:
            pixels = thumbnail.decode(self.thumbnail(hit.id))
        asking = None if query is None else query_pixels(Query(query), self._files, limits)(side)
        return hit.trace.explained(hit.explanation, pixels, asking)

    def _marks(self, given: int | str | Sequence[int | str]) -> list[int]:
        """The ids of marked images; UsageError where there is none at a path."""
        several = [given] if isinstance(given, int | str) else given
        return [each if isinstance(each, int) else self._id(each) for each in several]

    def _id(self, path: str) -> int:
        with self._lock:
            found = self._catalogue.image_at(os.fsencode(path))
        if found is None:
            raise UsageError(f"there is no image at {path} in this collection; name paths as hits have them")
        return found.id

    def _said(self, query: Query, k: int) -> Results:
        """The answer to words or a filter alone."""
        with self._lock:
            self._current.snapshot()  # its segments are there and its own: those of another's catalogue are not
            with self._catalogue.read_transaction():
                return self._current.lookup.results(query, k)

    def plans(self, by: str | Sequence[str] = (), recipe: str | Sequence[str] = ()) -> list[Pipeline]:
        """The plans of senses and recipes; that of the usual sense where none is named. Raises as `plan` does."""
        senses, recipes = ([each] if isinstance(each, str) else each for each in (by, recipe))
        made = [*map(self.plan, senses), *(self.plan(recipe=each) for each in recipes)]
        return list({each.recipe: each for each in reversed(made)}.values())[::-1] or [self.plan()]

    def plan(self, by: str | None = None, recipe: str | None = None) -> Pipeline:
        """The plan of a sense or a recipe; UsageError where this collection has no rows for it."""
        held = self.senses
        if recipe is not None:
            return self._plan_of_recipe(recipe, held)
        name = by or default_recipe(held)
        if name not in held:
            if name not in SENSES:
                build_pipelines([name])
            raise UsageError(
                f"this collection is not indexed by {name} (it has: {', '.join(held)}); "
                f"add it: {index_command(self.root, self.home, '--by', name)}"
            )
        beside = [other for other in SENSES[name].beside if other in held] if name in SENSES else []
        return replace(
            build_pipeline(held[name], name),
            candidate_sources=tuple(buildable_pipelines(held[other] for other in beside)),
        )

    def _plan_of_recipe(self, recipe: str, held: dict[str, str]) -> Pipeline:
        wanted = build_pipeline(recipe)
        rows = {each.untrained_key for each in buildable_pipelines(held.values())}
        if wanted.recipe not in held.values() and wanted.untrained_key not in rows:
            raise UsageError(
                f"this collection holds no rows of {wanted.untrained_key.split('@')[0].strip()}; "
                f"add them: {index_command(self.root, self.home, '--recipe', recipe)}"
            )
        return wanted

    def map(self, by: str | None = None, *, recipe: str | None = None, where: str = "") -> Map:
        """All images laid out in a plane, so that those that are alike lie near each other.

        Parameters
        ----------
        by : the sense of "alike": `copy` by default, or the first that the collection has and that can be used
        recipe : a recipe instead of a sense; its descriptor must have been indexed
        where : only images of which this holds

        Raises
        ------
        UsageError : the collection lacks that sense, the filter is wrong, or there are too many for a costly metric
        DamagedError : stored bytes do not agree with their checksums
        """
        plan = self.plan(by, recipe)

        def drawn(snapshot: Snapshot) -> Map:
            ids = self._by_content(self._current.allowed(Query(where=where), snapshot.generation))
            return build_map(
                snapshot, snapshot.trained_pipeline(plan), ids, self._current.paths(snapshot.generation, ids)
            )

        return self._current.answered(drawn)

    def _by_content(self, allow: Ids | None) -> list[int]:
        """All ids, or those of `allow`, in an order by their content."""
        with self._lock:
            ids = self._catalogue.ids_by_content()
        left = set(ids if allow is None else allow.tolist())
        return [ident for ident in ids if ident in left]

    def thumbnail(self, ident: int) -> bytes:
        """The stored JPEG thumbnail of an image, 256 pixels at the longest side."""
        return self._current.snapshot().thumbnail_bytes(ident)

    def images(self) -> Iterator[ImageRecord]:
        """What the catalogue knows of each image, in the order of their paths."""
        return self._catalogue.images()

    def skips(self) -> Iterator[SkipRecord]:
        """The files that are not in the collection, each with its reason."""
        return self._catalogue.skips()

    def notes(self, path: str | bytes) -> list[NoteRecord]:
        """What sidecars and the file itself say of the image at a path relative to the folder."""
        return self._catalogue.notes(os.fsencode(path))

    def labels(self, path: str | bytes) -> list[LabelRecord]:
        """What models and people say that the image at a path relative to the folder shows, the surest first."""
        return self._catalogue.labels(os.fsencode(path))

    def sidecars(self) -> Iterator[SidecarRecord]:
        """The files of the folder that say something of images."""
        return self._catalogue.sidecars()

    def export_two_file(self, base: str | Path, *, by: str | None = None, recipe: str | None = None) -> TwoFileSizes:
        """Write the search base of two files, `BASE.paths` and `BASE.hashes`; their sizes.

        Raises
        ------
        UsageError : the collection has no rows of that sense or recipe
        StorageError : the disk refused
        """
        wanted = self.plan(by, recipe)
        if not wanted.is_trained:
            raise UsageError(
                f"{wanted.name} learns from its collection, which a search base of two files has not; "
                "name a recipe of a descriptor and an index"
            )
        with self._lock:
            snapshot = self._current.snapshot()
            rows = ((image.path, snapshot.vector(wanted, image.id)) for image in self._catalogue.images())
            return two_file.write_two_file(Path(base), wanted, rows, self._files)

    def info(self) -> dict[str, Any]:
        """How many images and skipped files, by what it can be searched, how large it is."""
        with self._lock:
            return info.info(self.home, self._catalogue, self._current.snapshot(), self._files)

    def verify(self) -> list[Problem]:
        """Read everything and compare it with its checksums; an empty list is a clean collection."""
        with self._lock:
            return integrity.verify_storage(self.home, self._catalogue, self._files)

    def remove(self, paths: Sequence[str]) -> int:
        """Take images out for good, by path relative to the folder, or whole subfolders; how many were taken out.

        The files stay where they are, and later runs of `index` leave them out; `restore` lets them in again.
        """
        return exclude.remove_images(self.home, self._files, paths)

    def restore(self, paths: Sequence[str]) -> int:
        """Undo `remove`: the next `index` takes these in again; how many."""
        return exclude.restore_images(self.home, self._files, paths)


def _image(given: str | Path | bytes | Image) -> Path | bytes | Image:
    return Path(given) if isinstance(given, str) else given
