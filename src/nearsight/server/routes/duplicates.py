"""The copies of a collection: looking for them, their groups, and what is decided about them."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from nearsight.server.collections import ServedCollection
from nearsight.server.errors import escape_surrogates
from nearsight.server.json_output import group_json
from nearsight.server.schemas.collections import JobResponse
from nearsight.server.schemas.duplicates import (
    DecisionResponse,
    DecisionsRequest,
    DecisionsResponse,
    DuplicatesRequest,
    DuplicatesResponse,
)
from nearsight.server.service import CollectionParam, ServiceParam

MAX_GROUPS, MAX_DECISIONS = 100, 1000
"""Groups and decisions of one response."""

router = APIRouter(prefix="/collections/{collection}", tags=["duplicates"])

OffsetParam = Annotated[int, Query(ge=0, le=1 << 40)]


@router.post("/duplicates", status_code=202, response_model=JobResponse)
async def start_finding(service: ServiceParam, served: CollectionParam, request: DuplicatesRequest) -> dict[str, Any]:
    """Bring the collection up to date and look for its copies; return the job."""
    service.check_writable()
    start = partial(service.jobs.start_finding, served, request.verdicts, request.keep)
    return (await service.read.run(start)).as_dict()


@router.get("/duplicates", response_model=DuplicatesResponse)
async def list_duplicates(
    service: ServiceParam,
    served: CollectionParam,
    state: Annotated[Literal["open", "decided", "all"], Query(description="groups with something to decide")] = "open",
    offset: OffsetParam = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_GROUPS)] = 20,
) -> dict[str, Any]:
    """List the groups that the last job found, with what was decided about them until now."""
    return await service.read.run(partial(_groups, served, state, offset, limit))


@router.get("/decisions", response_model=DecisionsResponse)
async def list_decisions(
    service: ServiceParam,
    served: CollectionParam,
    offset: OffsetParam = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_DECISIONS)] = 100,
) -> dict[str, Any]:
    """List what holds of pairs of images."""
    found = await service.read.run(served.standing_decisions)
    return {"total": len(found), "decisions": [_printable(each) for each in found[offset : offset + limit]]}


@router.post("/decisions", status_code=204)
async def post_decisions(service: ServiceParam, served: CollectionParam, request: DecisionsRequest) -> None:
    """Keep decisions about pairs of images, by their contents: all, or none where one is impossible."""
    service.check_writable()
    decisions = [(each.decision, each.image, each.other) for each in request.decisions]
    await service.read.run(partial(served.decide, decisions))


@router.delete("/decisions/last", response_model=list[DecisionResponse])
async def delete_last_decisions(service: ServiceParam, served: CollectionParam) -> list[dict[str, Any]]:
    """Take back the decisions that were made last, at once; return them."""
    service.check_writable()
    return [_printable(each) for each in await service.read.run(served.undo_decisions)]


def _groups(served: ServedCollection, state: str, offset: int, limit: int) -> dict[str, Any]:
    counts: dict[str, Any] = {"total": 0, "n_open": 0, "n_decided": 0, "n_images": 0, "left_out": "", "failures": 0}
    review = served.review
    if review is None:
        return {"found": False, **counts, "groups": []}
    page = review.page(served.decisions(), state, offset, limit)
    return {
        "found": True,
        "total": page.total,
        "n_open": page.n_open,
        "n_decided": page.n_decided,
        "n_images": review.found.n_images,
        "left_out": review.found.left_out,
        "failures": len(review.found.failures),
        "groups": [group_json(served, number, group) for number, group in page.groups],
    }


def _printable(decision: Any) -> dict[str, Any]:  # noqa: ANN401
    told = decision.as_dict()
    return {**told, **{name: escape_surrogates(told[name]) for name in ("path", "other_path")}}
