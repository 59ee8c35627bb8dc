"""Everything that the routes share while the service runs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any, TypeAlias

from fastapi import Depends
from starlette.requests import Request

from nearsight.applications.map import Map
from nearsight.errors import ImageError, Reason, naming
from nearsight.images import thumbnail
from nearsight.images.decode import Limits
from nearsight.search.results import Hit, Results
from nearsight.server import params as asking
from nearsight.server.collections import Shelf, Shelved
from nearsight.server.decoder import ASKED_SIDE, SHOWN_SIDE, Decoder, Rendered, Source
from nearsight.server.errors import RefusedError, not_found, readable
from nearsight.server.executor import Lane
from nearsight.server.jobs import Jobs
from nearsight.server.params import Question
from nearsight.server.recent import Recent
from nearsight.server.settings import Settings
from nearsight.storage.records import ImageRecord, LabelRecord, NoteRecord
from nearsight.types import Explanation, Image

GONE = {Reason.VANISHED, Reason.UNREADABLE, Reason.NOT_REGULAR, Reason.LINK}
ANSWERS = 32
"""Answers that are kept to be explained."""
MAPS = 4
"""Maps that are kept: one takes seconds to make, and some hundred bytes an image."""


class Service:
    """The collections, the images that are asked with, the decoding processes, the threads, the jobs."""

    def __init__(self, homes: Sequence[Path], settings: Settings) -> None:
        self.settings, self.shelf, self.jobs = settings, Shelf(homes), Jobs()
        self.decoder = Decoder(settings.decoders, Limits(file=max(settings.body, Limits().file)))
        self.images: Recent[str, Rendered] = Recent(settings.uploads, settings.upload_bytes, _bytes)
        self._answers: Recent[tuple[str, int, Question], Results] = Recent(ANSWERS)
        self._maps: Recent[tuple[str, int, str | None, str], Map] = Recent(MAPS)
        self.search = Lane("search", settings.search)
        self.decode = Lane("decode", settings.decode)
        self.read = Lane("read", settings.read)
        self.layout = Lane("layout", settings.layout)

    def close(self) -> None:
        """Cancel the jobs, end the threads and the processes."""
        self.jobs.cancel(seconds=2.0)
        for lane in (self.search, self.decode, self.read, self.layout):
            lane.close()
        self.decoder.close()

    def check_writable(self) -> None:
        """RefusedError (403) where the service only reads."""
        if self.settings.readonly:
            raise RefusedError(403, "this service only reads", "start it without --read-only")

    def keep(self, data: bytes, name: str) -> Rendered:
        """An uploaded image, decoded in isolation and kept. ImageError says why the file cannot be."""
        with naming(name):
            made = self.decoder.render(Source(data))
        self.images.put(made.digest, made)
        return made

    def kept(self, upload: str) -> Rendered:
        """An image that was uploaded. RefusedError (404) where it is not kept any more."""
        made = self.images.get(upload)
        if made is None:
            raise not_found(f"upload {upload}", "only the last ones are kept: upload the image again")
        return made

    def rendered(self, shelved: Shelved, ident: int, side: int) -> Rendered:
        """An image of the collection, decoded in isolation. RefusedError (410) where its file is gone."""
        image = shelved.image(ident)
        with shelved.use() as photos:
            root = photos.root
        try:
            with naming(readable(os.fsdecode(image.path))):
                return self.decoder.file(root, image.path, side)
        except ImageError as problem:
            if problem.reason not in GONE:
                raise
            raise _gone(image) from None

    def shown(self, shelved: Shelved, ident: int) -> Rendered:
        """An image of the collection for the page."""
        return self.rendered(shelved, ident, SHOWN_SIDE)

    async def image(self, shelved: Shelved, question: Question) -> Rendered | None:
        """The image that is asked with, or None where none is needed."""
        if not question.needs_pixels:
            return None
        if question.upload is not None:
            return self.kept(question.upload)
        assert question.id is not None
        return await self.own(shelved, question.id)

    async def own(self, shelved: Shelved, ident: int) -> Rendered:
        """An image of the collection as one that is asked with. RefusedError (404, 410) where there is none."""
        digest = await self.read.run(lambda: shelved.image(ident).sha256.hex()[:32])
        kept = self.images.get(digest)
        return await self.decode.run(partial(self._own, shelved, ident)) if kept is None else kept

    def _own(self, shelved: Shelved, ident: int) -> Rendered:
        made = self.rendered(shelved, ident, ASKED_SIDE)
        self.images.put(made.digest, made)
        return made

    async def ask(self, shelved: Shelved, question: Question) -> tuple[Results, dict[str, float]]:
        """The answer, and the seconds it took."""
        start = perf_counter()
        await self.read.run(partial(self._check, shelved, question))
        image = await self.image(shelved, question)
        decoded = perf_counter()
        results = await self.search.run(partial(self._search, shelved, question, image))
        return results, {"decode": decoded - start, "search": perf_counter() - decoded}

    def _check(self, shelved: Shelved, question: Question) -> None:
        with shelved.use() as photos:
            asking.check(photos, question)
        if question.id is not None:
            shelved.image(question.id)

    def _search(self, shelved: Shelved, question: Question, image: Rendered | None) -> Results:
        key = shelved.slug, shelved.generation(), question
        known = self._answers.get(key)
        if known is not None:
            return known
        with shelved.use() as photos:
            results = asking.ask(photos, question, image)
        self._answers.put(key, results)
        return results

    async def explain(self, shelved: Shelved, question: Question, hit: Hit) -> Explanation:
        """Why a hit was found; of both images more is read where places are to be looked at."""
        if hit.heat_map is None:
            return hit.explanation
        side = hit.heat_map.descriptor.side
        stored = question.id is not None and not question.needs_pixels
        query = await self.decode.run(partial(self._seen, shelved, question.id or 0, side)) if stored else None
        image = await self.decode.run(partial(self._seen, shelved, hit.id, side))
        return await self.search.run(partial(self._explain, shelved, hit, image, query))

    def _seen(self, shelved: Shelved, ident: int, side: int) -> Image:
        """The pixels of an image of the collection, decoded in isolation; its thumbnail where its file is no more."""
        try:
            return self.rendered(shelved, ident, side).pixels()
        except (RefusedError, ImageError):
            with shelved.use() as photos:
                return thumbnail.decode(photos.thumbnail(ident))

    def _explain(self, shelved: Shelved, hit: Hit, image: Image, query: Image | None) -> Explanation:
        with shelved.use() as photos:
            return photos.explain(hit, image, query)

    def map(self, shelved: Shelved, by: str | None, where: str) -> Map:
        """A collection laid out in a plane. RefusedError (422) where it is not indexed by that sense."""
        key = shelved.slug, shelved.generation(), by, where
        known = self._maps.get(key)
        if known is not None:
            return known
        with shelved.use() as photos:
            asking.check_sense(photos, by)
            made = photos.map(by, where=where)
        self._maps.put(key, made)
        return made


def _gone(image: ImageRecord) -> RefusedError:
    name = readable(os.fsdecode(image.path))
    return RefusedError(410, f"the file of image {image.id} is gone: {name}", "bring the collection up to date")


def _bytes(kept: Rendered) -> int:
    return len(kept.encoded)


def hit_rows(shelved: Shelved, results: Results) -> list[dict[str, Any]]:
    """The hits as the page gets them; an image that went since the search is left out."""
    rows = []
    for hit in results:
        with suppress(RefusedError):
            rows.append(hit_row(shelved, hit))
    return rows


def hit_row(shelved: Shelved, hit: Hit) -> dict[str, Any]:
    """A hit as the page gets it."""
    row = {**asking.finite({**hit.as_dict(), "alike": hit.alike}), **image_row(shelved, hit.id, hit.path)}
    said = {**words_row(shelved.notes(hit.path)), "labels": labels_row(shelved.labels(hit.path))}
    return {**row, "image": row["thumbnail"].replace("/thumbnail", ""), **said}


def labels_row(labels: Sequence[LabelRecord]) -> list[dict[str, Any]]:
    """What an image is labelled as, each with who says so and how sure."""
    return [{**each.as_dict(), "label": readable(each.label)} for each in labels]


def words_row(notes: Sequence[NoteRecord]) -> dict[str, Any]:
    """What is said of an image, each line and each tag once."""
    caption = dict.fromkeys(line for note in notes for line in note.caption.splitlines())
    return {
        "caption": readable("\n".join(caption)),
        "tags": [*dict.fromkeys(readable(tag) for note in notes for tag in note.tags.splitlines())],
    }


def image_row(shelved: Shelved, ident: int, path: str) -> dict[str, Any]:
    """An image as the page gets it. Its address carries a mark of the content, so it can be cached for ever."""
    image = shelved.image(ident)
    return {
        "path": readable(path),
        "width": image.width,
        "height": image.height,
        "thumbnail": f"/api/collections/{shelved.slug}/images/{ident}/thumbnail?v={image.sha256.hex()[:12]}",
    }


def map_rows(shelved: Shelved, found: Map, limit: int) -> list[dict[str, Any]]:
    """The first images of a map as the page gets them; one that went since it was made is left out."""
    rows = []
    places = zip(found.ids[:limit].tolist(), found.paths, found.positions.tolist(), strict=False)
    for ident, path, (x, y) in places:
        with suppress(RefusedError):
            rows.append({"id": ident, "x": x, "y": y, **image_row(shelved, ident, path)})
    return rows


def tag(data: bytes) -> str:
    """A strong ETag: what it stands for is these bytes."""
    return f'"{hashlib.sha256(data).hexdigest()[:32]}"'


async def service_of(request: Request) -> Service:
    """The service that a request came to."""
    service: Service = request.app.state.service
    return service


async def shelved_of(request: Request, collection: str) -> Shelved:
    """The collection that an address names."""
    service: Service = request.app.state.service
    return service.shelf[collection]


Its: TypeAlias = Annotated[Service, Depends(service_of)]
Named: TypeAlias = Annotated[Shelved, Depends(shelved_of)]
