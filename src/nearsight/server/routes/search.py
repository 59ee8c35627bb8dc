"""Searching, and explaining hits."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import StreamingResponse

from nearsight.errors import NearsightError
from nearsight.server.collections import ServedCollection, hide_paths
from nearsight.server.errors import failure_response
from nearsight.server.json_output import explanation_json, hits_json
from nearsight.server.params import MAX_ID, SearchParams, SearchQuery, find_hit
from nearsight.server.schemas.search import ExplanationResponse, SearchResponse
from nearsight.server.service import Answer, CollectionParam, Service, ServiceParam

NDJSON = "application/x-ndjson"
STREAM_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""No proxy holds lines back."""
STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": f"The answer; with `Accept: {NDJSON}` one in each line, the last of them final, or an error.",
        "content": {NDJSON: {"schema": {"$ref": "#/components/schemas/SearchResponse"}}},
    }
}

router = APIRouter(prefix="/collections/{collection}", tags=["search"])


@router.get("/search", response_model=SearchResponse, responses=STREAM)
async def search_images(service: ServiceParam, served: CollectionParam, params: SearchQuery, request: Request) -> Any:  # noqa: ANN401 - an answer, or a stream of them
    """Search for similar images, best first, each with the reason it was found.

    Accept `application/x-ndjson` to get provisional answers while hits are judged, one in each line.
    """
    if NDJSON not in request.headers.get("accept", ""):
        return await _answer_json(service, served, params, await service.search_collection(served, params), final=True)
    lines = _answer_lines(service, served, params)
    # An error before the first line is an ordinary response.
    content = _chain(await anext(lines), lines)
    # What a client that went away left unread is closed at once, which ends the search.
    close = BackgroundTask(lines.aclose)
    return StreamingResponse(content, headers=STREAM_HEADERS, media_type=NDJSON, background=close)


async def _answer_json(
    service: Service, served: ServedCollection, params: SearchParams, answer: Answer, *, final: bool
) -> dict[str, Any]:
    results, seconds = answer
    hits = await service.read.run(partial(hits_json, served, results))
    summary = {"recipe": results.recipe, "verdict": results.verdict, "total": results.total}
    summary |= {"empty_because": results.empty_because, "hint": results.hint and vars(results.hint)}
    return {"query": params.as_dict(), "final": final, **summary, "seconds": seconds, "hits": hits}


async def _answer_lines(service: Service, served: ServedCollection, params: SearchParams) -> AsyncGenerator[str, None]:
    """Yield the answers of a search as lines of JSON; an error after the first one is the last line."""
    begun = False
    try:
        async with aclosing(service.stream_search(served, params)) as answers:
            async for answer, final in answers:
                content = await _answer_json(service, served, params, answer, final=final)
                yield f"{SearchResponse.model_validate(content).model_dump_json()}\n"
                begun = True
    except Exception as problem:
        if not begun:
            raise
        if not isinstance(problem, NearsightError):
            logging.getLogger("uvicorn.error").exception("a search failed after its first answer")
        response = failure_response(problem, lambda text: hide_paths(text, list(service.collections)))
        yield f"{bytes(response.body).decode()}\n"


async def _chain(first: str, lines: AsyncIterator[str]) -> AsyncIterator[str]:
    yield first
    async for line in lines:
        yield line


@router.get("/explain", response_model=ExplanationResponse)
async def explain_hit(
    service: ServiceParam,
    served: CollectionParam,
    params: SearchQuery,
    hit: Annotated[int, Query(ge=1, le=MAX_ID, description="id of a hit of this search")],
) -> dict[str, Any]:
    """Explain one hit of a search: its matched points, or what each region adds to the score."""
    results, _ = await service.search_collection(served, params)
    explanation = await service.explain(served, params, find_hit(results, hit))
    image = await service.load_query_image(served, params) if params.box is not None else None
    return explanation_json(explanation, params.box, None if image is None else (image.width, image.height))
