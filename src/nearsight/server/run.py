"""Run the service until a signal stops it."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

import uvicorn

from nearsight.errors import UsageError
from nearsight.server.app import create_app
from nearsight.server.service import Service
from nearsight.server.settings import ServerSettings, is_wildcard

SHUTDOWN_SECONDS = 4
"""Seconds that running requests have to finish on shutdown."""

MAX_CONNECTIONS = 256


class Server(uvicorn.Server):
    """A uvicorn server that reports its URL, and cancels the jobs on shutdown."""

    def __init__(self, service: Service, on_ready: Callable[[str], None]) -> None:
        self._service, self._on_ready = service, on_ready
        super().__init__(_config(service))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, then call `on_ready` with the URL of the page."""
        await super().startup(sockets)
        if self.started:
            port = self.servers[0].sockets[0].getsockname()[1]
            self._on_ready(page_url(self._service.settings, port))

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Cancel the jobs, so that their event streams end, then stop."""
        self._service.jobs.cancel()
        super().handle_exit(sig, frame)


def run_server(index_dirs: Sequence[Path], settings: ServerSettings, on_ready: Callable[[str], None]) -> None:
    """Serve collections until a signal; `on_ready` gets the URL. UsageError if the port cannot be bound."""
    with _bind_socket(settings) as listener:
        Server(Service(index_dirs, settings), on_ready).run([listener])


def page_url(settings: ServerSettings, port: int) -> str:
    """Return the URL of the page on this machine, with the token."""
    loopback = "::1" if ":" in settings.host else "127.0.0.1"
    host = loopback if is_wildcard(settings.host) else settings.host
    token = f"/?token={settings.token}" if settings.token else "/"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{token}"


def _config(service: Service) -> uvicorn.Config:
    """Without an access log: URLs may hold the token."""
    return uvicorn.Config(
        create_app(service),
        access_log=False,
        log_level="warning",
        http="h11",
        ws="none",
        server_header=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        timeout_keep_alive=15,
    )


_BIND_PROBLEMS = {
    errno.EADDRINUSE: "is in use by another program",
    errno.EACCES: "may not be used by this user",
    errno.EADDRNOTAVAIL: "is no address of this machine",
}


def _bind_socket(settings: ServerSettings) -> socket.socket:
    try:
        listener = socket.create_server(
            (settings.host, settings.port), family=socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        )
        # Connections inherit it. Without it Nagle's algorithm delays the end of each response by 40 ms.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as problem:
        why = _BIND_PROBLEMS.get(problem.errno or 0, "cannot be listened at here")
        raise UsageError(f"{settings.host} port {settings.port} {why}: choose another with --port or --host") from None
