"""The map of a collection."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query

from nearsight.server import schemas
from nearsight.server.service import Its, Named, map_rows

MOST = 20_000
"""Images of one answer, 4 MB."""

router = APIRouter(prefix="/collections/{collection}", tags=["map"])


@router.get("/map", response_model=schemas.Map)
async def laid_out(
    service: Its,
    shelved: Named,
    by: Annotated[str, Query(max_length=500, description="the sense; the default one where empty")] = "",
    where: Annotated[str, Query(max_length=2000, description="only images of which this holds")] = "",
    limit: Annotated[int, Query(ge=0, le=MOST, description="how many images, drawn by lot")] = 5000,
) -> dict[str, Any]:
    """Where each image lies in a plane in which those that are alike lie near each other."""
    found = await service.layout.run(partial(service.map, shelved, by or None, where.strip()))
    rows = await service.read.run(partial(map_rows, shelved, found, limit))
    return {**found.summary(), "total": len(found), "images": rows}
