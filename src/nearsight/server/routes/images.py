"""Images of a collection, by id, never by path, and never the bytes of their files."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from nearsight.server import schemas
from nearsight.server.collections import Shelved
from nearsight.server.colours import Picked
from nearsight.server.decoder import SHOWN_SIDE
from nearsight.server.service import Its, Named, labels_row, tag

JPEG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/jpeg": {}}},
    304: {"description": "it has not changed"},
}
LONGEST = 200
"""Characters of a label."""
Ident: TypeAlias = Annotated[int, Path(ge=1, le=(1 << 63) - 1)]

router = APIRouter(prefix="/collections/{collection}/images/{ident}", tags=["images"])


@router.get("/thumbnail", response_class=Response, responses={**JPEG})
async def thumbnail(service: Its, shelved: Named, ident: Ident, request: Request) -> Response:
    """The stored thumbnail, 256 pixels at the longest side."""
    jpeg = await service.read.run(partial(_stored, shelved, ident))
    return _cached(request, tag(jpeg), jpeg)


@router.get("", response_class=Response, responses={**JPEG, 410: {"description": "its file is gone"}})
async def image(service: Its, shelved: Named, ident: Ident, request: Request) -> Response:
    """The image, made anew as a JPEG of at most 1600 pixels."""
    content = await service.read.run(lambda: shelved.image(ident).sha256.hex()[:32])
    if _matches(request, mark := _tag(content)):
        return _cached(request, mark, b"")
    made = await service.decode.run(partial(service.shown, shelved, ident))
    return _cached(request, _tag(made.digest), made.encoded)


@router.get("/colours", response_model=schemas.PickedColours)
async def colours(service: Its, shelved: Named, ident: Ident, picking: Picked) -> dict[str, Any]:
    """The colours at some points of an image, or its main ones."""
    kept = await service.own(shelved, ident)
    return {"colours": await service.decode.run(partial(picking.of, kept))}


Word: TypeAlias = Annotated[str, Query(min_length=1, max_length=LONGEST, description="a word or several")]


@router.put("/labels", response_model=list[schemas.Label])
async def set_label(service: Its, shelved: Named, ident: Ident, label: Word) -> list[dict[str, Any]]:
    """Say that an image shows something, or confirm what a model said; all its labels from now on."""
    service.check_writable()
    return labels_row(await service.read.run(partial(shelved.judge, ident, label, right=True)))


@router.delete("/labels", response_model=list[schemas.Label])
async def drop_label(service: Its, shelved: Named, ident: Ident, label: Word) -> list[dict[str, Any]]:
    """Say that a label is wrong: no model sets it again; all labels from now on."""
    service.check_writable()
    return labels_row(await service.read.run(partial(shelved.judge, ident, label, right=False)))


def _stored(shelved: Shelved, ident: int) -> bytes:
    shelved.image(ident)
    with shelved.use() as photos:
        return photos.thumbnail(ident)


def _tag(content: str) -> str:
    return f'"{content}-{SHOWN_SIDE}"'


def _matches(request: Request, mark: str) -> bool:
    known = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    return mark in known or known == ["*"]


def _cached(request: Request, mark: str, jpeg: bytes) -> Response:
    """The image, or 304 where the browser has it. An address with a mark of the content is good for ever."""
    lasting = "private, max-age=31536000, immutable" if "v" in request.query_params else "private, no-cache"
    headers = {"ETag": mark, "Cache-Control": lasting}
    if _matches(request, mark):
        return Response(status_code=304, headers=headers)
    return Response(jpeg, media_type="image/jpeg", headers=headers)
