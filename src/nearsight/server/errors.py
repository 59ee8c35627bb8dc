"""What went wrong, as a status and a JSON object `{error, what_to_do}`: the one place that knows both."""

from __future__ import annotations

from collections.abc import Callable, Mapping

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
"""For an answer that comes before the whole body: what is still on its way is not waited for."""


class RefusedError(NearsightError):
    """The service itself will not do this; `status` and `what_to_do` say why and what would help."""

    def __init__(self, status: int, error: str, what_to_do: str = "", headers: Mapping[str, str] | None = None) -> None:
        self.status, self.what_to_do, self.headers = status, what_to_do, dict(headers or {})
        super().__init__(error)


def not_found(what: str, what_to_do: str = "") -> RefusedError:
    """404."""
    return RefusedError(404, f"there is no {what}", what_to_do)


def busy() -> RefusedError:
    """503: the queue is full."""
    return RefusedError(503, "too many requests are waiting", "try again in a moment", {"Retry-After": "1"})


def late(seconds: float) -> RefusedError:
    """504: the deadline has passed."""
    return RefusedError(504, f"this took longer than {seconds:g} seconds and was given up", "try again")


_STATUS: tuple[tuple[type[NearsightError], int, str], ...] = (
    (ImageError, 422, "send an image that other programs open: JPEG, PNG, WebP, GIF, BMP, TIFF, HEIF or AVIF"),
    (UsageError, 422, "change what is asked for as the message says"),
    (LockedError, 503, "try again when the other process has finished"),
    (DamagedError, 503, "run nearsight repair on the folder"),
    (FormatError, 503, "run nearsight index on the folder, or update nearsight"),
    (StorageError, 503, "look after the disk of the collection, then try again"),
    (CollectionError, 503, "run nearsight verify on the folder"),
    (NearsightError, 503, "try again"),
)


def answer(problem: NearsightError, said: str = "") -> JSONResponse:
    """The response to an error of ours; `said` instead of its own message."""
    if isinstance(problem, RefusedError):
        return refusal(problem.status, str(problem), problem.what_to_do, headers=problem.headers)
    status, what_to_do = next((status, hint) for kind, status, hint in _STATUS if isinstance(problem, kind))
    reason = {"reason": problem.reason.value} if isinstance(problem, ImageError) else {}
    headers = {"Retry-After": "5"} if status == 503 else None
    return refusal(status, said or str(problem), what_to_do, headers=headers, **reason)


def refusal(
    status: int, error: str, what_to_do: str, *, headers: Mapping[str, str] | None = None, **more: str
) -> JSONResponse:
    """A JSON error; characters that are not text become escapes."""
    content = {"error": readable(error), "what_to_do": what_to_do, **more}
    return JSONResponse(content, status, dict(headers or {}))


def readable(text: str) -> str:
    """Text that can be sent: the bytes of a name that are not UTF-8 come out as escapes."""
    return text.encode("utf8", "backslashreplace").decode()


def register(app: FastAPI, worded: Callable[[str], str]) -> None:
    """Every error becomes its answer; `worded` takes out of a message what only this machine should know."""

    async def ours(request: Request, problem: Exception) -> JSONResponse:
        assert isinstance(problem, NearsightError)
        return answer(problem, worded(str(problem)))

    async def malformed(request: Request, problem: Exception) -> JSONResponse:
        assert isinstance(problem, RequestValidationError)
        said = "; ".join(f"{'.'.join(map(str, each['loc'][1:]))}: {each['msg']}" for each in problem.errors())
        return refusal(422, said, "see /api/openapi.json for what can be asked")

    async def theirs(request: Request, problem: Exception) -> JSONResponse:
        assert isinstance(problem, HTTPException)
        hint = "see /api/openapi.json for what there is"
        return refusal(problem.status_code, str(problem.detail), hint, headers=problem.headers)

    async def unexpected(request: Request, problem: Exception) -> JSONResponse:
        return refusal(500, f"an error of nearsight: {type(problem).__name__}", "report it, with the server's log")

    async def hung_up(request: Request, problem: Exception) -> JSONResponse:
        return refusal(400, "the request ended in the middle", "send it again")

    app.add_exception_handler(NearsightError, ours)
    app.add_exception_handler(ClientDisconnect, hung_up)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, theirs)
    app.add_exception_handler(Exception, unexpected)
