"""Health, the collections, and their skipped files."""

from __future__ import annotations

import os
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query

from nearsight import __version__
from nearsight.errors import plain_detail
from nearsight.server.collections import ServedCollection
from nearsight.server.errors import escape_surrogates
from nearsight.server.schemas.collections import CollectionDetailsResponse, CollectionResponse, SkippedFilesResponse
from nearsight.server.schemas.common import HealthResponse
from nearsight.server.service import CollectionParam, Service, ServiceParam
from nearsight.storage.records import SkipRecord

router = APIRouter(tags=["collections"])


@router.get("/health", response_model=HealthResponse)
async def get_health() -> dict[str, str]:
    """Return the version of the running service."""
    return {"status": "ok", "version": __version__}


@router.get("/collections", response_model=list[CollectionResponse])
async def list_collections(service: ServiceParam) -> list[dict[str, Any]]:
    """List the served collections."""
    return await service.read.run(
        lambda: [_collection_json(service, each, each.summary()) for each in service.collections]
    )


@router.get("/collections/{collection}", response_model=CollectionDetailsResponse)
async def get_collection(service: ServiceParam, served: CollectionParam) -> dict[str, Any]:
    """Return a collection, with its skipped files and its size."""
    return _collection_json(service, served, await service.read.run(served.details))


@router.get("/collections/{collection}/skipped", response_model=SkippedFilesResponse)
async def list_skipped_files(
    service: ServiceParam,
    served: CollectionParam,
    reason: Annotated[str, Query(max_length=60, examples=["truncated"])] = "",
    offset: Annotated[int, Query(ge=0, le=1 << 40)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """List the files that were skipped, each with its reason, sorted by path."""
    total, skips = await service.read.run(partial(served.skips, reason or None, offset, limit))
    return {"total": total, "files": [_skip_json(each) for each in skips]}


def _skip_json(skip: SkipRecord) -> dict[str, str]:
    return {
        "path": escape_surrogates(os.fsdecode(skip.path)),
        "reason": skip.reason.value,
        "detail": escape_surrogates(plain_detail(skip.detail)),
        "message": f"{skip.reason.sentence}; {skip.reason.advice}",
    }


def _collection_json(service: Service, served: ServedCollection, summary: dict[str, Any]) -> dict[str, Any]:
    job = service.jobs.running_job(served.slug)
    return {**summary, "readonly": service.settings.readonly, "job": None if job is None else job.as_dict()}
