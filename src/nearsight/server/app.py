"""The application: routes, errors, guards, put together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.types import ASGIApp

from nearsight import __version__
from nearsight.server import errors, schemas, static_files
from nearsight.server.collections import discreet
from nearsight.server.middleware import Body, Guard
from nearsight.server.routes import collections, images, jobs, map, search, uploads
from nearsight.server.service import Service
from nearsight.server.settings import Settings

ERRORS = {
    400: "the request is broken",
    401: "the token is missing or wrong",
    403: "this may not be done",
    404: "there is no such thing",
    408: "the request did not arrive in time",
    409: "this is being done already",
    410: "the file is gone",
    413: "the request is too large",
    421: "the Host header names another service",
    422: "this cannot be served; the message says why",
    503: "the collection cannot be used now, or too many requests are waiting",
    504: "the deadline has passed",
}


def create(service: Service) -> ASGIApp:
    """The application of a service, with its guards; it closes the service when it ends."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        service.close()

    app = FastAPI(
        title="nearsight",
        version=__version__,
        summary="Search images by what is in them.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
        responses={status: {"model": schemas.Error, "description": text} for status, text in ERRORS.items()},
    )
    app.state.service = service
    for module in (collections, uploads, search, map, images, jobs):
        app.include_router(module.router, prefix="/api")
    app.include_router(static_files.router(service.settings.static))
    errors.register(app, lambda text: discreet(text, list(service.shelf)))
    return Guard(Body(app, service.settings), service.settings)


def application(homes: Sequence[Path], settings: Settings | None = None) -> ASGIApp:
    """The application that serves these collections."""
    return create(Service(homes, settings or Settings()))
