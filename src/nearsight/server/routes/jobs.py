"""Jobs: indexing, and how each of any kind goes on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from fastapi import APIRouter
from starlette.responses import StreamingResponse

from nearsight.server.errors import escape_surrogates
from nearsight.server.jobs import Job
from nearsight.server.schemas.collections import JobRequest, JobResponse
from nearsight.server.service import CollectionParam, ServiceParam

POLL_SECONDS = 0.1
"""Seconds between two polls of a job."""

KEEPALIVE_POLLS = 150
"""Polls without change after which a comment is sent, so that no proxy drops the connection."""

EVENTS: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}}}

router = APIRouter(tags=["jobs"])


@router.post("/collections/{collection}/jobs", status_code=202, response_model=JobResponse)
async def start_job(service: ServiceParam, served: CollectionParam, request: JobRequest) -> dict[str, Any]:
    """Update the collection from its folder, and index it by further senses."""
    service.check_writable()
    return (await service.read.run(partial(service.jobs.start_indexing, served, request.by))).as_dict()


@router.get("/jobs/{job}", response_model=JobResponse)
async def get_job(service: ServiceParam, job: str) -> dict[str, Any]:
    """Return the state of a job."""
    return service.jobs[job].as_dict()


@router.get("/jobs/{job}/events", response_class=StreamingResponse, responses={**EVENTS})
async def stream_job(service: ServiceParam, job: str) -> StreamingResponse:
    """Stream a job as events: `progress` with {step, done, total} at each change, then `done` with the job."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_stream_events(service.jobs[job]), media_type="text/event-stream", headers=headers)


@router.delete("/jobs/{job}", status_code=202, response_model=JobResponse)
async def cancel_job(service: ServiceParam, job: str) -> dict[str, Any]:
    """Cancel a job; committed work is kept."""
    service.check_writable()
    service.jobs[job].cancel_requested.set()
    return service.jobs[job].as_dict()


async def _stream_events(job: Job) -> AsyncIterator[str]:
    last, quiet = None, 0
    while not job.ended.is_set():
        if (now := job.progress) != last:
            last, quiet = now, 0
            yield _event("progress", vars(now))
        elif (quiet := quiet + 1) % KEEPALIVE_POLLS == 0:
            yield ": keep-alive\n\n"
        await asyncio.sleep(POLL_SECONDS)
    yield _event("done", job.as_dict())


def _event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {escape_surrogates(json.dumps(data))}\n\n"
