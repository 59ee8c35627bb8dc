"""Images to ask with."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, Path
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from nearsight.images.decode import NAMELESS
from nearsight.images.pillow import printable
from nearsight.server import schemas
from nearsight.server.colours import Picked
from nearsight.server.decoder import Rendered, shown
from nearsight.server.errors import RefusedError
from nearsight.server.service import Its, Service

LONGEST = 100
"""Characters of a file's name that are said."""

NAMELESS_FILES = ("blob", "image")
"""What browsers, and the page, call what is no file."""

SIDE = 1024
"""The longest side of an upload that is shown."""

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

Ident: TypeAlias = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]

router = APIRouter(prefix="/uploads", tags=["uploads"])


@router.post("", response_model=schemas.Upload, openapi_extra={"requestBody": _BODY})
async def upload(service: Its, request: Request) -> dict[str, Any]:
    """Give an image to ask with, as the field `image` of a form."""
    async with request.form(max_files=1, max_fields=4) as form:
        image = form.get("image")
        if not isinstance(image, UploadFile):
            raise RefusedError(422, "the form has no file named image", "send it as multipart/form-data")
        made = await service.decode.run(partial(_kept, service, image))
    return {"upload": made.digest, "width": made.width, "height": made.height}


@router.get("/{upload}", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}})
async def uploaded(service: Its, upload: Ident) -> Response:
    """An uploaded image, made anew as a JPEG of at most 1024 pixels."""
    jpeg = await service.decode.run(partial(shown, service.kept(upload), SIDE))
    return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})


@router.get("/{upload}/colours", response_model=schemas.PickedColours)
async def colours(service: Its, upload: Ident, picking: Picked) -> dict[str, Any]:
    """The colours at some points of an uploaded image, or its main ones."""
    return {"colours": await service.decode.run(partial(picking.of, service.kept(upload)))}


def _kept(service: Service, image: UploadFile) -> Rendered:
    """Read in the worker's thread, so that as many bodies are in memory as there are threads."""
    return service.keep(image.file.read(), called(image.filename or ""))


def called(filename: str) -> str:
    """What an upload is called: the name of its file without folders, where its sender gave it one."""
    name = printable(filename.replace("\\", "/").rpartition("/")[2], LONGEST)
    return name if name not in ("", *NAMELESS_FILES) else NAMELESS
