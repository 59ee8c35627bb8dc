"""Settings of the service: address, access, and limits of a request."""

from __future__ import annotations

import ipaddress
import os
import socket
from dataclasses import dataclass, field
from pathlib import Path

from nearsight.errors import UsageError

STATIC = Path(__file__).with_name("static")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class ExecutorSettings:
    """Threads of an executor, length of its queue, and seconds a request may take including the wait."""

    threads: int
    queue: int
    seconds: float


def _executor_settings() -> ExecutorSettings:
    return ExecutorSettings(max(2, len(os.sched_getaffinity(0))), 32, 30.0)


@dataclass(frozen=True)
class ServerSettings:
    """Settings of the service.

    Parameters
    ----------
    token : access token of every request; may be empty on a loopback address only
    hosts : further names allowed in the Host header
    body : maximum bytes of an upload; `small_body` of any other request
    body_seconds : time in which a body must arrive
    uploads : query images kept in memory, of at most `upload_bytes` in total
    decoders : isolated decoding processes
    static : folder of the built page
    """

    host: str = "127.0.0.1"
    port: int = 8765
    token: str = ""
    readonly: bool = False
    hosts: tuple[str, ...] = ()
    body: int = 32 << 20
    small_body: int = 64 << 10
    body_seconds: float = 120.0
    uploads: int = 64
    upload_bytes: int = 128 << 20
    decoders: int = 2
    search: ExecutorSettings = field(
        default_factory=lambda: ExecutorSettings(max(2, len(os.sched_getaffinity(0))), 32, 30.0)
    )
    decode: ExecutorSettings = ExecutorSettings(2, 32, 40.0)
    read: ExecutorSettings = ExecutorSettings(4, 128, 15.0)
    layout: ExecutorSettings = ExecutorSettings(1, 8, 60.0)
    static: Path = STATIC

    def __post_init__(self) -> None:
        if not self.token and not is_loopback(self.host):
            raise UsageError(
                f"{self.host} is reachable from other machines, and the token is empty: "
                "leave --token out to generate one, or give one"
            )

    def allows_host(self, host: str) -> bool:
        """Whether a Host header names this service (protection against DNS rebinding)."""
        name = strip_port(host)
        if name in self._names:
            return True
        return is_wildcard(self.host) and _parse_address(name) is not None

    @property
    def _names(self) -> frozenset[str]:
        own = {strip_port(self.host), *map(strip_port, self.hosts)}
        if is_loopback(self.host):
            return LOOPBACK | own
        return frozenset(own | ({*LOOPBACK, socket.gethostname().lower()} if is_wildcard(self.host) else set()))


def strip_port(host: str) -> str:
    """Return the lower-case name of a Host header, without port and brackets."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host if host.count(":") > 1 else host.partition(":")[0]


def is_loopback(host: str) -> bool:
    """Whether the address is reachable from this machine only."""
    address = _parse_address(strip_port(host))
    return strip_port(host) == "localhost" or (address is not None and address.is_loopback)


def is_wildcard(host: str) -> bool:
    """Whether the address stands for all addresses of this machine."""
    address = _parse_address(strip_port(host))
    return not host or (address is not None and address.is_unspecified)


def _parse_address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
