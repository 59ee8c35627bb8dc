"""ASGI middleware: checks of Host, Origin and token, security headers, and a limit on request bodies."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from abc import ABC, abstractmethod
from http.cookies import SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nearsight.server.errors import CLOSE, RefusedError, to_response
from nearsight.server.settings import ServerSettings

POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
READING = frozenset({"GET", "HEAD", "OPTIONS"})


class HttpMiddleware(ABC):
    """Base of the middleware below: passes everything but HTTP requests through."""

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self.app, self.settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        handle = self.handle if scope["type"] == "http" else self.app
        await handle(scope, receive, send)

    @abstractmethod
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""


class AccessMiddleware(HttpMiddleware):
    """The outermost layer: checks Host, Origin and token, and adds the security headers to every response."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request, or refuse it."""
        request, cookie = Request(scope), ""
        try:
            check_host(request, self.settings)
            check_origin(request)
            cookie = check_token(request, self.settings.token)
        except RefusedError as refused:
            await to_response(refused)(scope, receive, _add_headers(send, ""))
            return
        app = _redirect_without_token(request) if cookie and _is_page(request) else self.app
        await app(scope, receive, _add_headers(send, cookie))


def check_host(request: Request, settings: ServerSettings) -> None:
    """Refuse (421) an unknown Host: through DNS rebinding a foreign page could read the responses."""
    host = request.headers.get("host", "")
    if not settings.allows_host(host):
        hint = "use the address that nearsight serve printed, or start it with --allow-host NAME"
        raise RefusedError(421, f"unknown host {host!r}", hint, CLOSE)


def check_origin(request: Request) -> None:
    """Refuse (403) cross-origin writes; clients other than browsers send no Origin."""
    if request.method in READING:
        return
    origin = request.headers.get("origin")
    own = origin is None or urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower()
    if not own or request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        raise RefusedError(
            403, f"forbidden: cross-origin request from {origin!r}", "use the page of this service", CLOSE
        )


def check_token(request: Request, token: str) -> str:
    """Return the cookie to set if the token is in the URL, else "". RefusedError (401) without a valid token."""
    if not token:
        return ""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and _token_equals(bearer.strip(), token):
        return ""
    name, value = _session_cookie(token)
    if _token_equals(request.cookies.get(name, ""), value):
        return ""
    if _token_equals(request.query_params.get("token", ""), token):
        return _set_cookie(name, value)
    hint = "open the printed URL with ?token=, or send Authorization: Bearer TOKEN"
    raise RefusedError(401, "missing or wrong token", hint, {**CLOSE, "WWW-Authenticate": "Bearer"})


def _token_equals(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf8", "surrogatepass"), wanted.encode("utf8", "surrogatepass"))


def _session_cookie(token: str) -> tuple[str, str]:
    """Name and value; the name depends on the token because servers on several ports share cookies."""
    value = hashlib.sha256(b"nearsight cookie " + token.encode()).hexdigest()
    return f"nearsight-{value[:8]}", value[8:]


def _set_cookie(name: str, value: str) -> str:
    cookie = SimpleCookie({name: value})
    for attribute, setting in {"httponly": "1", "samesite": "Strict", "path": "/"}.items():
        cookie[name][attribute] = setting
    return cookie[name].OutputString()


def _is_page(request: Request) -> bool:
    return request.method in READING and not request.url.path.startswith("/api/")


def _redirect_without_token(request: Request) -> Response:
    """Redirect to the same page, so that the token stays out of the browser history."""
    left = urlencode([pair for pair in parse_qsl(request.url.query) if pair[0] != "token"])
    path = "/" + request.url.path.lstrip("/")
    return RedirectResponse(f"{path}?{left}" if left else path, 303)


def _add_headers(send: Send, cookie: str) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(HEADERS)
            headers.setdefault("Cache-Control", "no-store")
            if cookie:
                headers.append("Set-Cookie", cookie)
        await send(message)

    return send_with_headers


class BodyLimitMiddleware(HttpMiddleware):
    """Refuses request bodies that are too large (413) or arrive too slowly (408), while they arrive."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request, or refuse its body."""
        limit = self.settings.body if scope["path"] == "/api/uploads" else self.settings.small_body
        body = _LimitedBody(receive, send, limit, self.settings.body_seconds)
        declared = Request(scope).headers.get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > limit:
            body.refused = too_large_error(limit)
        else:
            try:
                await self.app(scope, body.receive, body.send)
            except RefusedError:
                if body.refused is None:
                    raise
        if body.refused is not None and not body.started:
            await to_response(body.refused)(scope, receive, send)


def too_large_error(limit: int) -> RefusedError:
    """The body exceeds the limit (413)."""
    return RefusedError(413, f"the request is larger than {limit} bytes", "send a smaller image", CLOSE)


class _LimitedBody:
    """The body of one request as it arrives; once it is refused, the response of the application is dropped."""

    def __init__(self, receive: Receive, send: Send, limit: int, seconds: float) -> None:
        self._receive, self._send, self._left = receive, send, limit
        self._limit, self._deadline = limit, time.monotonic() + seconds
        self._whole = self.started = False
        self.refused: RefusedError | None = None

    async def receive(self) -> Message:
        """Return the next message. RefusedError (413, 408) past the limit or the deadline."""
        if self._whole:
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, self._deadline - time.monotonic()))
        except TimeoutError:
            self.refused = RefusedError(408, "request timeout: the body did not arrive in time", "try again", CLOSE)
            raise self.refused from None
        self._left -= len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._left < 0:
            self.refused = too_large_error(self._limit)
            raise self.refused
        return message

    async def send(self, message: Message) -> None:
        """Pass the response on, unless the body was refused before the response began."""
        if self.refused is None or self.started:
            self.started = True
            await self._send(message)
