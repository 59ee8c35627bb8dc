"""Running the service until it is told to stop."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

import uvicorn

from nearsight.errors import UsageError
from nearsight.server.app import create
from nearsight.server.service import Service
from nearsight.server.settings import Settings, is_wildcard

GRACE = 4
"""Seconds that requests under way have when the service is told to stop."""

CONNECTIONS = 256


class Server(uvicorn.Server):
    """A server that says where it listens, and ends its jobs as soon as it is told to stop."""

    def __init__(self, service: Service, ready: Callable[[str], None]) -> None:
        self._service, self._ready = service, ready
        super().__init__(_config(service))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        if self.started:
            port = self.servers[0].sockets[0].getsockname()[1]
            self._ready(address(self._service.settings, port))

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop; those who watch a job see it end."""
        self._service.jobs.cancel()
        super().handle_exit(sig, frame)


def serve(homes: Sequence[Path], settings: Settings, ready: Callable[[str], None]) -> None:
    """Serve these collections until a signal comes. `ready` is told the address. UsageError where it is taken."""
    with _listening(settings) as listener:
        Server(Service(homes, settings), ready).run([listener])


def address(settings: Settings, port: int) -> str:
    """What to open in a browser."""
    host = "127.0.0.1" if is_wildcard(settings.host) else settings.host
    token = f"/?token={settings.token}" if settings.token else "/"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{token}"


def _config(service: Service) -> uvicorn.Config:
    """No access log: addresses may hold the token."""
    return uvicorn.Config(
        create(service),
        access_log=False,
        log_level="warning",
        http="h11",
        ws="none",
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=15,
    )


def _listening(settings: Settings) -> socket.socket:
    try:
        listening = socket.create_server(
            (settings.host, settings.port), family=socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        )
        # Connections inherit it. Without it the end of each answer waits 40 ms for the client to confirm its beginning.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening
    except OSError as problem:
        raise UsageError(
            f"{settings.host} port {settings.port} cannot be listened at ({problem.strerror or problem}): "
            "choose another with --port"
        ) from None
