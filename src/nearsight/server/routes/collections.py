"""What is served: health, the collections, their skipped files."""

from __future__ import annotations

import os
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query

from nearsight import __version__
from nearsight.server import schemas
from nearsight.server.collections import Shelved
from nearsight.server.errors import readable
from nearsight.server.service import Its, Named, Service

router = APIRouter(tags=["collections"])


@router.get("/health", response_model=schemas.Health)
async def health() -> dict[str, str]:
    """Whether the service runs, and its version."""
    return {"status": "ok", "version": __version__}


@router.get("/collections", response_model=list[schemas.Collection])
async def collections(service: Its) -> list[dict[str, Any]]:
    """All collections that are served."""
    return await service.read.run(lambda: [_row(service, each, each.about()) for each in service.shelf])


@router.get("/collections/{collection}", response_model=schemas.CollectionDetails)
async def collection(service: Its, shelved: Named) -> dict[str, Any]:
    """One collection, with what was skipped and how large it is."""
    return _row(service, shelved, await service.read.run(shelved.details))


@router.get("/collections/{collection}/skipped", response_model=schemas.SkippedFiles)
async def skipped(
    service: Its,
    shelved: Named,
    reason: Annotated[str, Query(max_length=60, examples=["truncated"])] = "",
    offset: Annotated[int, Query(ge=0, le=1 << 40)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """The files that are not in the collection, each with its reason, in the order of their paths."""
    total, skips = await service.read.run(partial(shelved.skips, reason or None, offset, limit))
    rows = [(readable(os.fsdecode(each.path)), each.reason.value, readable(each.detail)) for each in skips]
    return {"total": total, "files": [{"path": path, "reason": why, "detail": detail} for path, why, detail in rows]}


def _row(service: Service, shelved: Shelved, about: dict[str, Any]) -> dict[str, Any]:
    job = service.jobs.running(shelved.slug)
    return {**about, "readonly": service.settings.readonly, "job": None if job is None else job.as_dict()}
