"""How the service runs: where it listens, who may ask, and what one request may cost."""

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
class Lane:
    """Threads that do one kind of work, how many requests may wait for them, and how long one may take in all."""

    threads: int
    queue: int
    seconds: float


@dataclass(frozen=True)
class Settings:
    """Everything that can be set.

    Parameters
    ----------
    token : what every request must show; none where empty, which only a loopback address may do
    hosts : names besides the address itself that the Host header may carry
    body : bytes of the largest upload; `small_body` of any other request
    body_seconds : within which a body must have arrived
    uploads : images that are kept in memory to be asked with, of at most `upload_bytes` in all
    decoders : isolated processes that decode
    static : the folder of the built page
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
    search: Lane = field(default_factory=lambda: Lane(max(2, len(os.sched_getaffinity(0))), 32, 30.0))
    decode: Lane = Lane(2, 32, 40.0)
    read: Lane = Lane(4, 128, 15.0)
    layout: Lane = Lane(1, 8, 60.0)
    static: Path = STATIC

    def __post_init__(self) -> None:
        if not self.token and not is_loopback(self.host):
            raise UsageError(
                f"{self.host} can be reached from other machines, and the token is empty: "
                "leave --token out to get one made, or give one of your own"
            )

    def admits(self, host: str) -> bool:
        """Whether a Host header names this service, so that no other site's name leads here."""
        name = bare(host)
        if name in self._names:
            return True
        return is_wildcard(self.host) and _address(name) is not None

    @property
    def _names(self) -> frozenset[str]:
        own = {bare(self.host), *map(bare, self.hosts)}
        if is_loopback(self.host):
            return LOOPBACK | own
        return frozenset(own | ({*LOOPBACK, socket.gethostname().lower()} if is_wildcard(self.host) else set()))


def bare(host: str) -> str:
    """A Host header's name without port and brackets, in small letters."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host if host.count(":") > 1 else host.partition(":")[0]


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    address = _address(bare(host))
    return bare(host) == "localhost" or (address is not None and address.is_loopback)


def is_wildcard(host: str) -> bool:
    """Whether the address stands for all addresses of this machine."""
    address = _address(bare(host))
    return not host or (address is not None and address.is_unspecified)


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
