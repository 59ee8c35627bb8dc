"""Who may ask at all: the checks before every route, the limit of a body, the headers after every route."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from http.cookies import SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nearsight.server.errors import CLOSE, RefusedError, answer
from nearsight.server.settings import Settings

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


class Guard:
    """The outermost layer: Host, Origin and token are checked, and every answer carries the headers."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request, cookie = Request(scope), ""
        try:
            check_host(request, self.settings)
            check_origin(request)
            cookie = check_token(request, self.settings.token)
        except RefusedError as refused:
            await answer(refused)(scope, receive, _dressed(send, ""))
            return
        app = _without_token(request) if cookie and _is_page(request) else self.app
        await app(scope, receive, _dressed(send, cookie))


def check_host(request: Request, settings: Settings) -> None:
    """No other site's name may lead here: a page of that site could then read what we answer."""
    host = request.headers.get("host", "")
    if not settings.admits(host):
        hint = "use the address that nearsight serve printed, or start it with --allow-host NAME"
        raise RefusedError(421, f"this service does not go by the name {host!r}", hint, CLOSE)


def check_origin(request: Request) -> None:
    """Only our own page may change anything; programs that are no browser send no Origin."""
    if request.method in READING:
        return
    origin = request.headers.get("origin")
    own = origin is None or urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower()
    if not own or request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        raise RefusedError(403, f"a page of {origin!r} may not do this", "use the page of this service", CLOSE)


def check_token(request: Request, token: str) -> str:
    """The cookie to set, where the token came in the address. RefusedError (401) where there is no right token."""
    if not token:
        return ""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and _same(bearer.strip(), token):
        return ""
    name, value = _cookie(token)
    if _same(request.cookies.get(name, ""), value):
        return ""
    if _same(request.query_params.get("token", ""), token):
        return _set_cookie(name, value)
    hint = "open the address with ?token= that was printed, or send Authorization: Bearer TOKEN"
    raise RefusedError(401, "the token is missing or wrong", hint, {**CLOSE, "WWW-Authenticate": "Bearer"})


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf8", "surrogatepass"), wanted.encode("utf8", "surrogatepass"))


def _cookie(token: str) -> tuple[str, str]:
    """Name and value; the name differs by token, for servers on several ports share their cookies."""
    value = hashlib.sha256(b"nearsight cookie " + token.encode()).hexdigest()
    return f"nearsight-{value[:8]}", value[8:]


def _set_cookie(name: str, value: str) -> str:
    cookie = SimpleCookie({name: value})
    for attribute, setting in {"httponly": "1", "samesite": "Strict", "path": "/"}.items():
        cookie[name][attribute] = setting
    return cookie[name].OutputString()


def _is_page(request: Request) -> bool:
    return request.method in READING and not request.url.path.startswith("/api/")


def _without_token(request: Request) -> Response:
    """To the same page, so that the token stays out of the history."""
    left = urlencode([pair for pair in parse_qsl(request.url.query) if pair[0] != "token"])
    path = "/" + request.url.path.lstrip("/")
    return RedirectResponse(f"{path}?{left}" if left else path, 303)


def _dressed(send: Send, cookie: str) -> Send:
    async def dressed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(HEADERS)
            headers.setdefault("Cache-Control", "no-store")
            if cookie:
                headers.append("Set-Cookie", cookie)
        await send(message)

    return dressed


class Body:
    """Cuts bodies off at the limit, while they arrive, and those that take too long."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self.settings.body if scope["path"] == "/api/uploads" else self.settings.small_body
        counted = _Counted(receive, send, limit, self.settings.body_seconds)
        declared = Request(scope).headers.get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > limit:
            counted.refused = too_large(limit)
        else:
            try:
                await self.app(scope, counted.receive, counted.send)
            except RefusedError:
                if counted.refused is None:
                    raise
        if counted.refused is not None and not counted.started:
            await answer(counted.refused)(scope, receive, send)


def too_large(limit: int) -> RefusedError:
    """413."""
    return RefusedError(413, f"the request is larger than {limit} bytes", "send a smaller image", CLOSE)


class _Counted:
    """One request's body as it arrives, and the answer to it, which is ours once the body was refused."""

    def __init__(self, receive: Receive, send: Send, limit: int, seconds: float) -> None:
        self._receive, self._send, self._left = receive, send, limit
        self._limit, self._deadline = limit, time.monotonic() + seconds
        self._whole = self.started = False
        self.refused: RefusedError | None = None

    async def receive(self) -> Message:
        """The next part. RefusedError where it is one too many, or comes too late."""
        if self._whole:
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, self._deadline - time.monotonic()))
        except TimeoutError:
            self.refused = RefusedError(408, "the request did not arrive in time", "try again", CLOSE)
            raise self.refused from None
        self._left -= len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._left < 0:
            self.refused = too_large(self._limit)
            raise self.refused
        return message

    async def send(self, message: Message) -> None:
        """Pass the answer on, unless the body was refused before it began."""
        if self.refused is None or self.started:
            self.started = True
            await self._send(message)
