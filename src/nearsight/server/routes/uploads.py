"""Uploaded query images."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, Path
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from nearsight.images.decode import NAMELESS
from nearsight.server.colours import ColourPickParam
from nearsight.server.decoder import RenderedImage, decode_and_resize
from nearsight.server.errors import RefusedError
from nearsight.server.schemas.search import ColoursResponse, UploadResponse
from nearsight.server.service import Service, ServiceParam
from nearsight.wording import printable_text

MAX_NAME_LENGTH = 100
"""Characters of a file name in messages."""

PLACEHOLDER_NAMES = ("blob", "image")
"""Names that browsers, and the page, give to images without a file."""

PREVIEW_SIDE = 1024
"""The longest side of a displayed upload."""

_BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["image"],
                "properties": {"image": {"type": "string", "format": "binary"}},
            }
        }
    },
}

UploadId: TypeAlias = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]

router = APIRouter(prefix="/uploads", tags=["uploads"])


@router.post("", response_model=UploadResponse, openapi_extra={"requestBody": _BODY})
async def upload_image(service: ServiceParam, request: Request) -> dict[str, Any]:
    """Upload a query image, as the field `image` of a form."""
    async with request.form(max_files=1, max_fields=4) as form:
        image = form.get("image")
        if not isinstance(image, UploadFile):
            raise RefusedError(422, "the form has no file field named image", "send it as multipart/form-data")
        rendered = await service.decode.run(partial(_read_upload, service, image))
    return {"upload": rendered.digest, "width": rendered.width, "height": rendered.height}


@router.get("/{upload}", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}})
async def get_upload(service: ServiceParam, upload: UploadId) -> Response:
    """Return an uploaded image, re-encoded as a JPEG of at most 1024 pixels."""
    jpeg = await service.decode.run(partial(decode_and_resize, service.get_upload(upload), PREVIEW_SIDE))
    return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})


@router.get("/{upload}/colours", response_model=ColoursResponse)
async def pick_colours(service: ServiceParam, upload: UploadId, pick: ColourPickParam) -> dict[str, Any]:
    """Return the colours at points of an uploaded image, or its main colours."""
    return {"colours": await service.decode.run(partial(pick.read_colours, service.get_upload(upload)))}


def _read_upload(service: Service, image: UploadFile) -> RenderedImage:
    """Runs in an executor thread, so that no more bodies are in memory than there are threads."""
    return service.add_upload(image.file.read(), clean_filename(image.filename or ""))


def clean_filename(filename: str) -> str:
    """Return the file name of an upload without folders, or a placeholder."""
    name = printable_text(filename.replace("\\", "/").rpartition("/")[2], MAX_NAME_LENGTH)
    return name if name not in ("", *PLACEHOLDER_NAMES) else NAMELESS
