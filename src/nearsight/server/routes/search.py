"""Searching, and explaining hits."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query

from nearsight.server import schemas
from nearsight.server.json_output import explanation_json, hits_json
from nearsight.server.params import MAX_ID, SearchQuery, find_hit
from nearsight.server.service import CollectionParam, ServiceParam

router = APIRouter(prefix="/collections/{collection}", tags=["search"])


@router.get("/search", response_model=schemas.SearchResponse)
async def search_images(service: ServiceParam, served: CollectionParam, params: SearchQuery) -> dict[str, Any]:
    """Search for similar images, best first, each with the reason it was found."""
    results, seconds = await service.search_collection(served, params)
    hits = await service.read.run(partial(hits_json, served, results))
    summary = {"recipe": results.recipe, "verdict": results.verdict, "total": results.total}
    summary["hint"] = results.hint and vars(results.hint)
    return {"query": params.as_dict(), **summary, "seconds": seconds, "hits": hits}


@router.get("/explain", response_model=schemas.ExplanationResponse)
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
