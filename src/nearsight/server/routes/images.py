"""Images of a collection, by id; never by path, and never the original bytes."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from nearsight.server.collections import ServedCollection
from nearsight.server.colours import ColourPickParam
from nearsight.server.decoder import DISPLAY_SIDE
from nearsight.server.json_output import labels_json
from nearsight.server.schemas.search import ColoursResponse, LabelResponse
from nearsight.server.service import CollectionParam, ServiceParam, service_etag

JPEG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/jpeg": {}}},
    304: {"description": "not modified"},
}
MAX_LABEL_LENGTH = 200
VERSION_LENGTH = 12
"""Digits of the content hash in the URLs of search results."""
ImageIdParam: TypeAlias = Annotated[int, Path(alias="id", ge=1, le=(1 << 63) - 1)]

router = APIRouter(prefix="/collections/{collection}/images/{id}", tags=["images"])


@router.get("/thumbnail", response_class=Response, responses={**JPEG})
async def get_thumbnail(
    service: ServiceParam, served: CollectionParam, image_id: ImageIdParam, request: Request
) -> Response:
    """Return the stored thumbnail, at most 256 pixels."""
    content, jpeg = await service.read.run(partial(_read_thumbnail, served, image_id))
    return _to_response(request, content, service_etag(jpeg), jpeg)


@router.get("", response_class=Response, responses={**JPEG, 410: {"description": "gone: the file was removed"}})
async def get_image(
    service: ServiceParam, served: CollectionParam, image_id: ImageIdParam, request: Request
) -> Response:
    """Return the image, re-encoded as a JPEG of at most 1600 pixels."""
    content = await service.read.run(lambda: served.image(image_id).sha256.hex()[:32])
    if _etag_matches(request, tag := _image_etag(content)):
        return _to_response(request, content, tag, b"")
    rendered = await service.decode.run(partial(service.render_for_page, served, image_id))
    return _to_response(request, rendered.digest, _image_etag(rendered.digest), rendered.encoded)


@router.get("/colours", response_model=ColoursResponse)
async def pick_image_colours(
    service: ServiceParam, served: CollectionParam, image_id: ImageIdParam, pick: ColourPickParam
) -> dict[str, Any]:
    """Return the colours at points of an image, or its main colours."""
    image = await service.query_image(served, image_id)
    return {"colours": await service.decode.run(partial(pick.read_colours, image))}


LabelParam: TypeAlias = Annotated[
    str, Query(min_length=1, max_length=MAX_LABEL_LENGTH, description="one or several words")
]


@router.put("/labels", response_model=list[LabelResponse])
async def put_label(
    service: ServiceParam, served: CollectionParam, image_id: ImageIdParam, label: LabelParam
) -> list[dict[str, Any]]:
    """Set a label, or confirm one that a model set; return all labels of the image."""
    service.check_writable()
    return labels_json(await service.read.run(partial(served.review_label, image_id, label, right=True)))


@router.delete("/labels", response_model=list[LabelResponse])
async def delete_label(
    service: ServiceParam, served: CollectionParam, image_id: ImageIdParam, label: LabelParam
) -> list[dict[str, Any]]:
    """Reject a label, so that no model sets it again; return all labels of the image."""
    service.check_writable()
    return labels_json(await service.read.run(partial(served.review_label, image_id, label, right=False)))


def _read_thumbnail(served: ServedCollection, image_id: int) -> tuple[str, bytes]:
    """Return the content hash of an image and its thumbnail."""
    content = served.image(image_id).sha256.hex()
    with served.use() as collection:
        return content, collection.thumbnail(image_id)


def _image_etag(content: str) -> str:
    return f'"{content}-{DISPLAY_SIDE}"'


def _etag_matches(request: Request, tag: str) -> bool:
    known = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    return tag in known or known == ["*"]


def _to_response(request: Request, content: str, tag: str, jpeg: bytes) -> Response:
    """Return the JPEG, or 304 if the client has it.

    A URL never expires whose `v=` begins the hash of the content that it returns; after a change it no longer does.
    """
    version = request.query_params.get("v", "")
    permanent = len(version) >= VERSION_LENGTH and content.startswith(version)
    cache_control = "private, max-age=31536000, immutable" if permanent else "private, no-cache"
    headers = {"ETag": tag, "Cache-Control": cache_control}
    if _etag_matches(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(jpeg, media_type="image/jpeg", headers=headers)
