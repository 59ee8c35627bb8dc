"""serve: the page and the HTTP service."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nearsight.wording import plural, to_printable

if TYPE_CHECKING:
    from nearsight.server.settings import ServerSettings


def serve_command(
    folders: Annotated[
        list[Path] | None, typer.Argument(metavar="FOLDER", help="Folders of images; the current one by default.")
    ] = None,
    collection: Annotated[
        list[Path] | None,
        typer.Option(metavar="FOLDER", help="Index directory other than FOLDER/.nearsight; may be repeated."),
    ] = None,
    host: Annotated[str, typer.Option(metavar="HOST", help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="N", help="The port to listen at; 0 takes any free one.")
    ] = 8765,
    token: Annotated[
        str | None,
        typer.Option(metavar="TOKEN", help="Access token (generated when --host is not loopback)."),
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(metavar="HOST", help="Further host name of this service; may be repeated.")
    ] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Search only: nothing is indexed.")] = False,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Serve folders of images in the browser and over HTTP.

    A folder that is not indexed yet is indexed first.
    """
    from nearsight.server.settings import ServerSettings
    from nearsight.storage.catalogue import locate

    hosts, access = tuple(allow_host or ()), access_token(token, host)
    settings = ServerSettings(host=host, port=port, token=access, readonly=read_only, hosts=hosts)
    homes = [locate(collection=each) for each in collection or ()]
    homes += [_locate_or_index(folder, read_only) for folder in folders or ([] if collection else [Path()])]
    serve_collections(homes, settings, open_=open_)


def serve_collections(homes: list[Path], settings: ServerSettings, *, open_: bool) -> None:
    """Serve until stopped; print the address, and whether it is one of many."""
    from nearsight.server.run import run_server

    def ready(address: str) -> None:
        typer.echo(f"serving {plural(len(homes), 'collection')} at {_reach(settings.host)}{address}   (stop: Ctrl-C)")
        if open_:
            typer.launch(address)

    run_server(homes, settings, ready)


def _reach(host: str) -> str:
    """What comes before the address of this machine where the service listens at all of its addresses."""
    from nearsight.server.settings import is_wildcard

    if not is_wildcard(host):
        return ""
    return f"all {'IPv6' if ':' in host else 'IPv4'} addresses of this machine; open it here at "


def access_token(token: str | None, host: str) -> str:
    """Return the token as given; none for a loopback host; otherwise a new one."""
    import secrets

    from nearsight.server.settings import is_loopback

    if token is not None:
        return token
    return "" if is_loopback(host) else secrets.token_urlsafe(24)


def _locate_or_index(folder: Path, read_only: bool) -> Path:
    """Return the index directory of a folder, which is indexed where it is not yet."""
    import nearsight as ns
    from nearsight.cli._printing import show_progress
    from nearsight.errors import UsageError
    from nearsight.storage.catalogue import locate

    try:
        return locate(folder)
    except UsageError:
        if read_only or not folder.is_dir():
            raise
    typer.echo(f"{to_printable(str(folder))} is not indexed yet; indexing it by copy and colour")
    with show_progress(quiet=False) as watch:
        photos = ns.index(folder, watch=watch)
    typer.echo(plural(len(photos), "image"))
    return photos.index_dir


COMMANDS = {"serve": (serve_command, "nearsight serve ~/photos --open")}
