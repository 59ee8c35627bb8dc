"""The collection as its user meets it: index a folder, open it, search it, look after it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from nearsight.api import info
from nearsight.api.sidecars import SidecarLine, list_sidecars
from nearsight.applications import two_file_index
from nearsight.applications.map import Map, build_map
from nearsight.applications.two_file_index import TwoFileSizes
from nearsight.clock import Clock, SystemClock
from nearsight.errors import ImageError, UsageError
from nearsight.files import FileSystem, LocalFileSystem
from nearsight.images import thumbnail
from nearsight.images.decode import FileDecoder, open_image
from nearsight.images.source import read_source, read_sources
from nearsight.ingest import exclude
from nearsight.ingest.run import IngestSummary
from nearsight.pipeline import Pipeline, build_pipeline, build_pipelines, buildable_pipelines, is_available
from nearsight.search.engine import rank
from nearsight.search.results import NOTHING, TOO_PLAIN, Hint, Hit, ImageSummary, Results, image_summary
from nearsight.senses import SENSES
from nearsight.storage import integrity
from nearsight.storage.catalogue import locate
from nearsight.storage.details import Details
from nearsight.storage.drop_recipes import DropSummary
from nearsight.storage.recipes import default_recipe
from nearsight.storage.records import (
    FactRecord,
    ImageRecord,
    LabelRecord,
    NoteRecord,
    Problem,
    SidecarRecord,
    SkipRecord,
)
from nearsight.storage.snapshot import OutdatedError, Snapshot, SnapshotReader
from nearsight.types import Box, Explanation, Ids, Image, ImageId, ImageSource, Query, make_query

if TYPE_CHECKING:
    from nearsight.search.text_search import TextSearch


def open(folder: str | Path = ".", *, collection: str | Path | None = None) -> Collection:
    """Open the collection that holds a folder, found upwards as git does, or the one at `collection`.

    Raises
    ------
    UsageError : there is none
    FormatError, DamagedError : it cannot be used as it is
    """
    return Collection(locate(folder, collection))


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
        decoder: FileDecoder | None = None,
    ) -> None:
        self.index_dir, self.summary, self.dropped = home, summary, dropped or DropSummary()
        self._files, self._clock = files or LocalFileSystem(), clock or SystemClock()
        self._reader = SnapshotReader(home, self._files, decoder)
        self._catalogue, self._lock = self._reader.catalogue, self._reader.lock

    def close(self) -> None:
        """Close the catalogue."""
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
        return self._reader.root

    @property
    def senses(self) -> dict[str, str]:
        """What it can be searched by: names of senses, or texts of recipes, with their recipes in full."""
        with self._lock:
            return self._catalogue.recipes()

    @property
    def unusable(self) -> dict[str, str]:
        """The recipes of `senses` that cannot be used on this machine, by name, with the reason and what to do."""
        with self._lock:
            return info.unusable_recipes(self.index_dir, self._catalogue)

    def search(
        self,
        image: ImageSource | int | None = None,
        *,
        by: str | Sequence[str] | None = None,
        recipe: str | Sequence[str] | None = None,
        fuse: str = "reciprocal",
        k: int = 20,
        box: Box | None = None,
        like: ImageId | Sequence[ImageId] | None = None,
        unlike: ImageId | Sequence[ImageId] = (),
        colours: Mapping[str, float] | None = None,
        histogram: Sequence[float] | None = None,
        sketch: ImageSource | None = None,
        text: str | Sequence[str] = (),
        minus_text: str | Sequence[str] = (),
        plus: ImageSource | Sequence[ImageSource] = (),
        minus: ImageSource | Sequence[ImageSource] = (),
        minus_weight: float = 1.0,
        words: str = "",
        where: str = "",
        watch: Callable[[Results], None] | None = None,
    ) -> Results:
        """The k most similar images, best first, each with the reason.

        Parameters
        ----------
        image : a path, the bytes of a file, a file opened for reading bytes, an image of Pillow, or pixels `(H, W)`,
            `(H, W, 3)` or `(H, W, 4)`; it need not be in the collection
        by : the sense: `copy` by default, or else the first that the collection has and that can be used
        recipe : a recipe instead of a sense; its descriptor must have been indexed
        fuse : how the results of several senses and recipes are fused: `reciprocal` by their ranks, `scores` by
            standardized scores
        k : how many hits
        box : `(x0, y0, x1, y1)` in pixels of the upright query: only this part is the query
        like : the id or the path of an image of the collection as the query, instead of `image`. Of several, the first
            is the query, and the others are positive examples for relevance feedback; all of them are, if there is an
            `image` or colours
        unlike : ids or paths of negative examples: the query moves away from them, and they are left out
        colours : colours as the query, instead of an image, with their weights: {"#c33": .6, "#eee": .4}
        histogram : amounts of the bins as the query, instead of an image, in any unit: a vector of `describe`, or your
            own
        sketch : a drawing as the query, instead of an image; by `sketch`, which compares lines and their places
        text : a description of the content ("a red bicycle"), instead of an image or with one; by `meaning`. A text
            that begins with + or - is split at these signs: "+snow -people"
        minus_text : what the images should not show
        plus, minus : further images that are added to the query, and images that are subtracted from it, as texts are;
            by any sense or recipe that has numeric vectors
        minus_weight : the weight of each `minus` and `minus_text`; what is added has the weight 1
        words : only images whose path, camera, date, captions, tags or labels contain these words; alone, they are the
            query
        where : only images that match this filter, such as "taken >= 2012 and folder like 'moscow/%'"; alone, it lists
            them by path
        watch : gets provisional results while hits are judged: at once those of the index, in its order, then again
            whenever some more hits have been judged, in the order that would be returned if judging ended now. A hit
            that is not judged yet has no verdict and says so; that nothing is alike, only the returned results say.
            It is not called where one sense or recipe alone does not answer, or gives no verdicts; an error that it
            raises ends the search

        Raises
        ------
        UsageError : the collection lacks that sense (the message says what to run), or the query cannot be served
        ImageError : the image cannot be read
        DamagedError : stored bytes do not agree with their checksums
        """
        query = make_query(
            image if image is None or isinstance(image, int) else read_source(image),
            sketch=None if sketch is None else read_source(sketch),
            by=by,
            recipe=recipe,
            like=like,
            unlike=unlike,
            text=text,
            minus_text=minus_text,
            plus=read_sources(plus),
            minus=read_sources(minus),
            minus_weight=minus_weight,
            fuse=fuse,
            k=k,
            box=box,
            colours=colours or {},
            histogram=histogram,
            words=words,
            where=where,
        )
        return self.answer(query, watch)

    def answer(self, query: Query, watch: Callable[[Results], None] | None = None) -> Results:
        """The results of a query made by `make_query`; watches and raises as `search` does."""
        if not query.is_visual:
            with self._lock:
                self._reader.snapshot()  # its segments are there and its own: those of another's catalogue are not
                with self._catalogue.read_transaction():
                    return self._text_search.search(query)
        query = self._with_ids(query)
        senses = query.by or (() if query.recipes or not query.default_sense else (query.default_sense,))
        pipelines = self.pipelines(senses, query.recipes)
        for snapshot in self._reader.attempts():
            with suppress(OutdatedError):
                allow = self._allowed_ids(query, snapshot)
                if len(pipelines) > 1:
                    from nearsight.search.fusion import search_fused

                    results = search_fused(self._reader, snapshot, pipelines, query, allow)
                else:
                    ranking = rank(self._reader, snapshot, pipelines[0], query, query.k, allow=allow, watch=watch)
                    results = self._with_hint(ranking.to_results(query.k, self._reader), pipelines[0].name)
                return results if allow is None or len(allow) else self._with_reason(results, query)
        raise AssertionError("the attempts end with an error of their own")

    def _with_hint(self, results: Results, sense: str) -> Results:
        """The results, with a sense that would look further where nothing is alike by this one."""
        wider = SENSES[sense].wider if results.verdict in (NOTHING, TOO_PLAIN) and sense in SENSES else None
        if wider is None:
            return results
        name, looks_for = wider
        if name in self.senses:
            return replace(results, hint=Hint(name, looks_for))
        if not is_available(name):
            return results
        return replace(results, hint=Hint(name, looks_for, info.index_command(self.root, self.index_dir, "--by", name)))

    def _with_reason(self, results: Results, query: Query) -> Results:
        """The results of a query whose words and filter leave no image, with what left none."""
        with self._lock, self._catalogue.read_transaction():
            return replace(results, empty_because=self._text_search.empty_because(query))

    def _allowed_ids(self, query: Query, snapshot: Snapshot) -> Ids | None:
        """The ids that the words and the filter of a query leave in a generation; None: all. Raises OutdatedError."""
        if not (query.words or query.where):
            return None
        with self._lock, self._catalogue.read_transaction():
            self._reader.check(snapshot)
            return self._text_search.matching_ids(query)

    @cached_property
    def _text_search(self) -> TextSearch:
        """The words and filters of the catalogue; whoever uses it holds the lock, in a transaction."""
        from nearsight.search.text_search import TextSearch

        return TextSearch(self._catalogue)

    def _with_ids(self, query: Query) -> Query:
        """The query with ids instead of paths in its feedback; the first similar image is the query where none is."""
        if not (query.like or query.unlike):
            return query
        like, unlike = ([self._id_at(each) for each in some] for some in (query.like, query.unlike))
        own = query.image is None and not query.by_colour and like
        image = like.pop(0) if own else query.image
        return replace(query, image=image, like=tuple(like), unlike=tuple(unlike))

    def _id_at(self, image: ImageId) -> int:
        """The id of an image by its id or path. UsageError where there is none at the path."""
        if isinstance(image, int):
            return image
        with self._lock:
            found = self._catalogue.image_at(os.fsencode(image))
        if found is None:
            raise UsageError(f"no image at {image} in this collection; give the path as hits print it")
        return found.id

    def explain(self, hit: Hit, image: ImageSource | None = None, query: Image | None = None) -> Explanation:
        """Why a hit was found, with what takes longer to compute: what each region of both images adds to the score.

        Parameters
        ----------
        hit : a hit of `search`
        image : the image of the hit; by default its file, or its thumbnail if the file cannot be read
        query : the pixels of the query; by default those of the search, which for an image of the collection are its
            thumbnail

        Raises
        ------
        DamagedError : stored bytes do not agree with their checksums
        """
        if hit.heat_map is None:
            return hit.explanation
        side = hit.heat_map.descriptor.side
        try:
            pixels = open_image(self.root / hit.path if image is None else image, files=self._files).render(side)
        except ImageError:
            pixels = thumbnail.decode(self.thumbnail(hit.id))
        other = None if query is None else open_image(query).render(side)
        return hit.heat_map.explain(hit.explanation, pixels, other)

    def pipelines(self, by: str | Sequence[str] = (), recipe: str | Sequence[str] = ()) -> list[Pipeline]:
        """The pipelines of senses and recipes; the default one where none is named. Raises as `pipeline` does."""
        senses, recipes = ([each] if isinstance(each, str) else each for each in (by, recipe))
        found = [*map(self.pipeline, senses), *(self.pipeline(recipe=each) for each in recipes)]
        return list({each.recipe: each for each in reversed(found)}.values())[::-1] or [self.pipeline()]

    def pipeline(self, by: str | None = None, recipe: str | None = None) -> Pipeline:
        """The pipeline of a sense or a recipe; UsageError where this collection has no vectors for it."""
        indexed = self.senses
        if recipe is not None:
            return self._recipe_pipeline(recipe, indexed)
        name = by or ("copy" if "copy" in indexed else default_recipe(indexed))
        if name not in indexed:
            if name not in SENSES:
                build_pipelines([name])
            raise UsageError(
                f"this collection is not indexed by {name} (it has: {', '.join(indexed)}); "
                f"add it: {info.index_command(self.root, self.index_dir, '--by', name)}"
            )
        others = [other for other in SENSES[name].candidate_senses if other in indexed] if name in SENSES else []
        sources = tuple(buildable_pipelines(indexed[other] for other in others))
        return replace(build_pipeline(indexed[name], name), candidate_sources=sources)

    def _recipe_pipeline(self, recipe: str, indexed: Mapping[str, str]) -> Pipeline:
        pipeline = build_pipeline(recipe)
        keys = {each.untrained_key for each in buildable_pipelines(indexed.values())}
        if pipeline.recipe not in indexed.values() and pipeline.untrained_key not in keys:
            raise UsageError(
                f"this collection holds no vectors of {pipeline.untrained_key.split('@')[0].strip()}; "
                f"add them: {info.index_command(self.root, self.index_dir, '--recipe', recipe)}"
            )
        return pipeline

    def map(self, by: str | None = None, *, recipe: str | None = None, where: str = "") -> Map:
        """All images laid out in a plane, so that similar ones are near each other.

        Parameters
        ----------
        by : the sense: `copy` by default, or else the first that the collection has and that can be used
        recipe : a recipe instead of a sense; its descriptor must have been indexed
        where : only images that match this filter

        Raises
        ------
        UsageError : the collection lacks that sense, the filter is wrong, or there are too many for a costly metric
        DamagedError : stored bytes do not agree with their checksums
        """
        pipeline, query = self.pipeline(by, recipe), Query(where=where) if where else None
        for snapshot in self._reader.attempts():
            with suppress(OutdatedError):
                ids = self._ids_by_content(None if query is None else self._allowed_ids(query, snapshot))
                paths = self._reader.paths(ids, snapshot)
                return build_map(snapshot, snapshot.trained_pipeline(pipeline), ids, paths)
        raise AssertionError("the attempts end with an error of their own")

    def _ids_by_content(self, allow: Ids | None) -> list[int]:
        """All ids, or those of `allow`, in an order by their content."""
        with self._lock:
            ids = self._catalogue.ids_by_content()
        left = set(ids if allow is None else allow.tolist())
        return [image_id for image_id in ids if image_id in left]

    def thumbnail(self, image_id: int) -> bytes:
        """The stored JPEG thumbnail of an image, 256 pixels at the longest side."""
        return self._reader.snapshot().thumbnail_bytes(image_id)

    def images(self) -> Iterator[ImageRecord]:
        """The catalogue's record of each image, in the order of the paths."""
        return self._catalogue.images()

    def about(self, image: ImageRecord) -> ImageSummary:
        """What the file of an image, its sidecars and its name say of it, together."""
        return image_summary(image, Details(self._catalogue).of(image.id))

    def facts(self, path: str | bytes) -> list[FactRecord]:
        """What each source says of the image at a path relative to the folder, its own file first."""
        return Details(self._catalogue).facts(os.fsencode(path))

    def skips(self) -> Iterator[SkipRecord]:
        """The files that are not in the collection, each with its reason."""
        return self._catalogue.skips()

    def notes(self, path: str | bytes) -> list[NoteRecord]:
        """Captions and tags of the image at a path relative to the folder, from sidecars and from its own file."""
        return self._catalogue.notes(os.fsencode(path))

    def labels(self, path: str | bytes) -> list[LabelRecord]:
        """The labels of the image at a path relative to the folder, by models and by hand, by confidence."""
        return self._catalogue.labels(os.fsencode(path))

    def sidecars(self) -> Iterator[SidecarRecord]:
        """The sidecars of the folder."""
        return self._catalogue.sidecars()

    def sidecar_lines(self) -> Iterator[SidecarLine]:
        """The images that each sidecar means, and the names in sidecars that are in doubt, with the reason."""
        return list_sidecars(self._catalogue)

    def export_two_file(self, base: str | Path, *, by: str | None = None, recipe: str | None = None) -> TwoFileSizes:
        """Write an index of two files, `BASE.paths` and `BASE.hashes`; returns their sizes.

        Raises
        ------
        UsageError : the collection has no vectors of that sense or recipe
        StorageError : the disk refused
        """
        pipeline = self.pipeline(by, recipe)
        with self._lock:
            snapshot = self._reader.snapshot()
            vectors = ((image.path, snapshot.vector(pipeline, image.id)) for image in self._catalogue.images())
            return two_file_index.write_two_file(Path(base), pipeline, vectors, self._files)

    def info(self) -> dict[str, Any]:
        """The numbers of images and of skipped files, the senses and recipes, the size, and more."""
        with self._lock:
            return info.collection_info(self.index_dir, self._catalogue, self._reader.snapshot(), self._files)

    def verify(self) -> list[Problem]:
        """Read everything and compare it with its checksums; an empty list is a clean collection."""
        with self._lock:
            return integrity.verify_storage(self.index_dir, self._catalogue, self._files)

    def remove(self, paths: Sequence[str]) -> int:
        """Remove images for good, by path relative to the folder, or whole subfolders; returns how many.

        The files stay where they are, and later runs of `index` exclude them; `restore` undoes that.
        """
        return exclude.remove_images(self.index_dir, self._files, paths)

    def restore(self, paths: Sequence[str]) -> int:
        """Undo `remove`: the next `index` adds these again; returns how many."""
        return exclude.restore_images(self.index_dir, self._files, paths)
