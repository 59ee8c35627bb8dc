"""The map of a collection."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query

from nearsight.server.json_output import map_json
from nearsight.server.schemas.map import MapResponse
from nearsight.server.service import CollectionParam, ServiceParam

MAX_IMAGES = 20_000
"""Images of one response, 4 MB."""

router = APIRouter(prefix="/collections/{collection}", tags=["map"])


@router.get("/map", response_model=MapResponse)
async def get_map(
    service: ServiceParam,
    served: CollectionParam,
    by: Annotated[str, Query(max_length=500, description="the sense, the default one if empty")] = "",
    where: Annotated[str, Query(max_length=2000, description="filter expression")] = "",
    limit: Annotated[int, Query(ge=0, le=MAX_IMAGES, description="number of images, a random sample")] = 5000,
) -> dict[str, Any]:
    """Lay the images out in a plane, similar ones near each other."""
    layout = await service.layout.run(partial(service.map, served, by or None, where.strip()))
    images = await service.read.run(partial(map_json, served, layout, limit))
    return {**layout.summary(), "total": len(layout), "images": images}
