"""Bringing collections up to date."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from fastapi import APIRouter
from starlette.responses import StreamingResponse

from nearsight.server import schemas
from nearsight.server.errors import readable
from nearsight.server.jobs import Job
from nearsight.server.service import Its, Named

PAUSE = 0.1
"""Seconds between two looks at a job."""

ALIVE = 150
"""Looks without news after which a comment is sent, so that no proxy takes the connection for dead."""

EVENTS: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}}}

router = APIRouter(tags=["jobs"])


@router.post("/collections/{collection}/jobs", status_code=202, response_model=schemas.Job)
async def start(service: Its, shelved: Named, wanted: schemas.Start) -> dict[str, Any]:
    """Look through the folder again, and index it by these senses too."""
    service.check_writable()
    return (await service.read.run(partial(service.jobs.start, shelved, wanted.by))).as_dict()


@router.get("/jobs/{job}", response_model=schemas.Job)
async def state(service: Its, job: str) -> dict[str, Any]:
    """How a job stands."""
    return service.jobs[job].as_dict()


@router.get("/jobs/{job}/events", response_class=StreamingResponse, responses={**EVENTS})
async def events(service: Its, job: str) -> StreamingResponse:
    """The job as it goes: `progress` with {step, done, total} at each change, then `done` with the whole job."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_told(service.jobs[job]), media_type="text/event-stream", headers=headers)


@router.delete("/jobs/{job}", status_code=202, response_model=schemas.Job)
async def cancel(service: Its, job: str) -> dict[str, Any]:
    """End a job as soon as can be; what it has committed stays."""
    service.check_writable()
    service.jobs[job].wanted.set()
    return service.jobs[job].as_dict()


async def _told(job: Job) -> AsyncIterator[str]:
    last, quiet = None, 0
    while not job.ended.is_set():
        if (now := job.progress) != last:
            last, quiet = now, 0
            yield _event("progress", vars(now))
        elif (quiet := quiet + 1) % ALIVE == 0:
            yield ": still at it\n\n"
        await asyncio.sleep(PAUSE)
    yield _event("done", job.as_dict())


def _event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {readable(json.dumps(data))}\n\n"
