"""Errors as HTTP responses: a status and a JSON object `{error, hint}`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse

from nearsight.errors import (
    CollectionError,
    DamagedError,
    FormatError,
    ImageError,
    LockedError,
    NearsightError,
    StorageError,
    UsageError,
)

CLOSE = {"Connection": "close"}
"""For a response before the end of the request body: the rest is not read."""


class RefusedError(NearsightError):
    """A request that the service refuses, with the HTTP status and a hint."""

    def __init__(self, status: int, error: str, hint: str = "", headers: Mapping[str, str] | None = None) -> None:
        self.status, self.hint, self.headers = status, hint, dict(headers or {})
        super().__init__(error)


def not_found_error(what: str, hint: str = "") -> RefusedError:
    """The resource does not exist (404)."""
    return RefusedError(404, f"not found: {what}", hint)


def busy_error() -> RefusedError:
    """The queue is full (503)."""
    return RefusedError(503, "too many requests", "try again in a moment", {"Retry-After": "1"})


def timeout_error(seconds: float) -> RefusedError:
    """The deadline has passed (504)."""
    return RefusedError(504, f"the request took longer than {seconds:g} seconds", "try again")


_STATUS: tuple[tuple[type[NearsightError], int, str], ...] = (
    (ImageError, 422, "send a valid image: JPEG, PNG, WebP, GIF, BMP, TIFF, HEIF or AVIF"),
    (UsageError, 422, "correct the request"),
    (LockedError, 503, "try again when the other process has finished"),
    (DamagedError, 503, "run nearsight repair on the folder"),
    (FormatError, 503, "run nearsight index on the folder, or update nearsight"),
    (StorageError, 503, "check the disk of the collection, then try again"),
    (CollectionError, 503, "run nearsight verify on the folder"),
    (NearsightError, 503, "try again"),
)


def to_response(problem: NearsightError, message: str = "") -> JSONResponse:
    """Return the response to an error; `message` replaces its own."""
    if isinstance(problem, RefusedError):
        return error_response(problem.status, str(problem), problem.hint, headers=problem.headers)
    status, hint = next((status, hint) for kind, status, hint in _STATUS if isinstance(problem, kind))
    reason = {"reason": problem.reason.value} if isinstance(problem, ImageError) else {}
    headers = {"Retry-After": "5"} if status == 503 else None
    return error_response(status, message or str(problem), hint, headers=headers, **reason)


def failure_response(problem: Exception, redact: Callable[[str], str]) -> JSONResponse:
    """Return the response to any error; `redact` removes local paths from its message."""
    if isinstance(problem, NearsightError):
        return to_response(problem, redact(str(problem)))
    return error_response(500, f"internal error: {type(problem).__name__}", "report it with the log of the server")


def error_response(
    status: int, error: str, hint: str, *, headers: Mapping[str, str] | None = None, **more: str
) -> JSONResponse:
    """Return a JSON error response."""
    content = {"error": escape_surrogates(error), "hint": hint, **more}
    return JSONResponse(content, status, dict(headers or {}))


def escape_surrogates(text: str) -> str:
    """Return text that can be encoded: bytes of a name that are not UTF-8 become escapes."""
    return text.encode("utf8", "backslashreplace").decode()


def _location(path: Sequence[str | int]) -> str:
    """The name of an invalid parameter or field; `body` where the whole body is missing."""
    return ".".join(map(str, path[1:] or path))


def _invalid_message(problem: Mapping[str, Any]) -> str:
    """What is wrong with a parameter, without the regular expression that it should match."""
    return "this is not one that was given out" if problem["type"] == "string_pattern_mismatch" else str(problem["msg"])


def register_error_handlers(app: FastAPI, redact: Callable[[str], str]) -> None:
    """Turn every error into a JSON response; `redact` removes local paths from messages."""

    async def handle_error(request: Request, problem: Exception) -> JSONResponse:
        return failure_response(problem, redact)

    async def handle_invalid(request: Request, problem: Exception) -> JSONResponse:
        assert isinstance(problem, RequestValidationError)
        message = "; ".join(f"{_location(each['loc'])}: {_invalid_message(each)}" for each in problem.errors())
        return error_response(422, message, "see /api/openapi.json for the parameters")

    async def handle_http(request: Request, problem: Exception) -> JSONResponse:
        assert isinstance(problem, HTTPException)
        hint = "see /api/openapi.json for the routes"
        return error_response(problem.status_code, str(problem.detail), hint, headers=problem.headers)

    async def handle_disconnect(request: Request, problem: Exception) -> JSONResponse:
        return error_response(400, "the connection was closed before the end of the request", "send it again")

    app.add_exception_handler(NearsightError, handle_error)
    app.add_exception_handler(ClientDisconnect, handle_disconnect)
    app.add_exception_handler(RequestValidationError, handle_invalid)
    app.add_exception_handler(HTTPException, handle_http)
    app.add_exception_handler(Exception, handle_error)
