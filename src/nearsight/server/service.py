"""State shared by the routes: collections, uploads, caches, decoders, executors and jobs."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator, Callable, Sequence
from functools import partial
from pathlib import Path
from threading import Event
from time import perf_counter
from typing import Annotated, TypeAlias

from fastapi import Depends
from starlette.requests import Request

from nearsight.applications.map import Map
from nearsight.errors import ImageError, Reason
from nearsight.images import thumbnail
from nearsight.images.decode import Limits, naming
from nearsight.search.results import Hit, Results
from nearsight.server.collections import ServedCollection, ServedCollections
from nearsight.server.decoder import DISPLAY_SIDE, QUERY_SIDE, Decoder, RenderedImage, Source
from nearsight.server.errors import RefusedError, escape_surrogates, not_found_error
from nearsight.server.executor import BoundedExecutor
from nearsight.server.jobs import Jobs
from nearsight.server.params import SearchParams, require_sense, require_senses, search_with_params
from nearsight.server.recent import RecentCache
from nearsight.server.settings import ServerSettings
from nearsight.storage.records import ImageRecord
from nearsight.types import Explanation, Image

GONE = {Reason.VANISHED, Reason.UNREADABLE, Reason.NOT_REGULAR, Reason.LINK}
MAX_RESULTS = 32
"""Search results that are cached, to be explained."""
MAX_MAPS = 4
"""Maps that are cached: one takes seconds to compute, and some hundred bytes per image."""

Answer: TypeAlias = tuple[Results, dict[str, float]]
"""Results, and the seconds of each step so far."""


class _GoneError(Exception):
    """Raised inside a search to end it: nobody waits for the answer any more."""


class Service:
    """The collections, query images, decoding processes, executors and jobs of a running server."""

    def __init__(self, index_dirs: Sequence[Path], settings: ServerSettings) -> None:
        self.settings, self.jobs = settings, Jobs()
        self.decoder = Decoder(settings.decoders, Limits(file=max(settings.body, Limits().file)))
        self.collections = ServedCollections(index_dirs, self.decoder)
        self.images: RecentCache[str, RenderedImage] = RecentCache(
            settings.uploads, settings.upload_bytes, _image_bytes
        )
        self._results: RecentCache[tuple[str, int, SearchParams], Results] = RecentCache(MAX_RESULTS)
        self._maps: RecentCache[tuple[str, int, str | None, str], Map] = RecentCache(MAX_MAPS)
        self.search = BoundedExecutor("search", settings.search)
        self.decode = BoundedExecutor("decode", settings.decode)
        self.read = BoundedExecutor("read", settings.read)
        self.layout = BoundedExecutor("layout", settings.layout)

    def close(self) -> None:
        """Cancel the jobs, stop the threads and the processes."""
        self.jobs.cancel(seconds=2.0)
        for executor in (self.search, self.decode, self.read, self.layout):
            executor.close()
        self.decoder.close()

    def check_writable(self) -> None:
        """RefusedError (403) if the service is read-only."""
        if self.settings.readonly:
            raise RefusedError(403, "forbidden: this service is read-only", "start it without --read-only")

    def add_upload(self, data: bytes, name: str) -> RenderedImage:
        """Decode an uploaded image in isolation and cache it. ImageError if it cannot be decoded."""
        with naming(name):
            image = self.decoder.render(Source(data))
        self.images.put(image.digest, image)
        return image

    def get_upload(self, upload: str) -> RenderedImage:
        """Return an uploaded image. RefusedError (404) if it is no longer in the cache."""
        image = self.images.get(upload)
        if image is None:
            raise not_found_error(f"upload {upload}", "only recent uploads are kept: upload the image again")
        return image

    def render(self, served: ServedCollection, image_id: int, side: int) -> RenderedImage:
        """Decode an image of the collection in isolation. RefusedError (410) if its file is gone."""
        image = served.image(image_id)
        path = served.image_file(image)
        try:
            with naming(escape_surrogates(os.fsdecode(image.path))):
                return self.decoder.render_file(path, side)
        except ImageError as problem:
            if problem.reason not in GONE:
                raise
            raise _missing_file_error(image) from None

    def render_for_page(self, served: ServedCollection, image_id: int) -> RenderedImage:
        """Decode an image of the collection for display."""
        return self.render(served, image_id, DISPLAY_SIDE)

    async def load_query_image(self, served: ServedCollection, params: SearchParams) -> RenderedImage | None:
        """Return the query image of a search, or None if no pixels are needed."""
        if not params.needs_pixels:
            return None
        if params.upload is not None:
            return self.get_upload(params.upload)
        assert params.id is not None
        return await self.query_image(served, params.id)

    async def query_image(self, served: ServedCollection, image_id: int) -> RenderedImage:
        """Return an image of the collection as a query image. RefusedError (404, 410) if there is none."""
        digest = await self.read.run(lambda: served.image(image_id).sha256.hex()[:32])
        cached = self.images.get(digest)
        return await self.decode.run(partial(self._render_query, served, image_id)) if cached is None else cached

    def _render_query(self, served: ServedCollection, image_id: int) -> RenderedImage:
        image = self.render(served, image_id, QUERY_SIDE)
        self.images.put(image.digest, image)
        return image

    async def search_collection(
        self, served: ServedCollection, params: SearchParams, watch: Callable[[Answer], None] | None = None
    ) -> Answer:
        """Return the answer of a search; `watch` gets provisional ones while hits are judged, in another thread."""
        start = perf_counter()
        await self.read.run(partial(self._check, served, params))
        image = await self.load_query_image(served, params)
        decoded = perf_counter()

        def with_seconds(results: Results) -> Answer:
            return results, {"decode": decoded - start, "search": perf_counter() - decoded}

        def show(results: Results) -> None:
            assert watch is not None
            watch(with_seconds(results))

        work = partial(self._search, served, params, image, show if watch is not None else None)
        return with_seconds(await self.search.run(work))

    async def stream_search(
        self, served: ServedCollection, params: SearchParams
    ) -> AsyncGenerator[tuple[Answer, bool], None]:
        """Yield the newest answer as often as there is one, and whether it is final; nobody left ends the search."""
        loop, gone, answers = asyncio.get_running_loop(), Event(), asyncio.Queue[Answer | None]()

        def watch(answer: Answer) -> None:
            if gone.is_set():
                raise _GoneError
            loop.call_soon_threadsafe(answers.put_nowait, answer)

        search = asyncio.create_task(self.search_collection(served, params, watch))
        search.add_done_callback(lambda _: answers.put_nowait(None))
        try:
            while (answer := await answers.get()) is not None:
                if answers.empty():
                    yield answer, False
            yield search.result(), True
        finally:
            gone.set()
            search.cancel()

    def _check(self, served: ServedCollection, params: SearchParams) -> None:
        with served.use() as collection:
            require_senses(collection, params)
        if params.id is not None:
            served.image(params.id)

    def _search(
        self,
        served: ServedCollection,
        params: SearchParams,
        image: RenderedImage | None,
        watch: Callable[[Results], None] | None,
    ) -> Results:
        key = served.slug, served.generation(), params
        cached = self._results.get(key)
        if cached is not None:
            return cached
        with served.use() as collection:
            results = search_with_params(collection, params, image, watch)
        self._results.put(key, results)
        return results

    async def explain(self, served: ServedCollection, params: SearchParams, hit: Hit) -> Explanation:
        """Explain a hit; both images are decoded if the explanation needs their pixels."""
        if hit.heat_map is None:
            return hit.explanation
        side = hit.heat_map.descriptor.side
        stored = params.id is not None and not params.needs_pixels
        query = await self.decode.run(partial(self._load_pixels, served, params.id or 0, side)) if stored else None
        image = await self.decode.run(partial(self._load_pixels, served, hit.id, side))
        return await self.search.run(partial(self._explain, served, hit, image, query))

    def _load_pixels(self, served: ServedCollection, image_id: int, side: int) -> Image:
        """Return the pixels of an image, decoded in isolation; those of its thumbnail if the file cannot be read."""
        try:
            return self.render(served, image_id, side).pixels()
        except (RefusedError, ImageError):
            with served.use() as collection:
                return thumbnail.decode(collection.thumbnail(image_id))

    def _explain(self, served: ServedCollection, hit: Hit, image: Image, query: Image | None) -> Explanation:
        with served.use() as collection:
            return collection.explain(hit, image, query)

    def map(self, served: ServedCollection, by: str | None, where: str) -> Map:
        """Lay a collection out in a plane. RefusedError (422) if it is not indexed by that sense."""
        key = served.slug, served.generation(), by, where
        cached = self._maps.get(key)
        if cached is not None:
            return cached
        with served.use() as collection:
            require_sense(collection, by)
            layout = collection.map(by, where=where)
        self._maps.put(key, layout)
        return layout


def _missing_file_error(image: ImageRecord) -> RefusedError:
    name = escape_surrogates(os.fsdecode(image.path))
    return RefusedError(410, f"the file of image {image.id} is gone: {name}", "update the collection")


def _image_bytes(image: RenderedImage) -> int:
    return len(image.encoded)


def service_etag(data: bytes) -> str:
    """Return a strong ETag of these bytes."""
    return f'"{hashlib.sha256(data).hexdigest()[:32]}"'


async def get_service(request: Request) -> Service:
    """Return the service of a request."""
    service: Service = request.app.state.service
    return service


async def get_served_collection(request: Request, collection: str) -> ServedCollection:
    """Return the collection named in the URL."""
    service: Service = request.app.state.service
    return service.collections[collection]


ServiceParam: TypeAlias = Annotated[Service, Depends(get_service)]
CollectionParam: TypeAlias = Annotated[ServedCollection, Depends(get_served_collection)]
