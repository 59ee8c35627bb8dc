"""serve: the page and the HTTP service."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nearsight.cli._printing import shown

if TYPE_CHECKING:
    from nearsight.server.settings import ServerSettings


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(epilog="Example: nearsight serve ~/photos --open")(serve)


def serve(
    folders: Annotated[list[Path] | None, typer.Argument(help="Folders of images; the current one by default.")] = None,
    collection: Annotated[
        list[Path] | None, typer.Option(help="A collection that does not lie in FOLDER/.nearsight; may be repeated.")
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any that is free.")] = 8765,
    token: Annotated[
        str | None, typer.Option(help="What every request must show; made and printed beyond this machine.")
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="Another name that this service goes by; may be repeated.")
    ] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Search only: nothing is indexed.")] = False,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Search folders of images in the browser, and by HTTP. A folder that is not indexed yet is indexed first."""
    from nearsight.server.settings import ServerSettings
    from nearsight.storage.location import locate

    settings = ServerSettings(
        host=host, port=port, token=made(token, host), readonly=read_only, hosts=tuple(allow_host or ())
    )
    given = folders or ([] if collection else [Path()])
    homes = [locate(collection=each) for each in collection or ()]
    homes += [_home(folder, read_only) for folder in given]
    run(homes, settings, open_=open_)


def run(homes: list[Path], settings: ServerSettings, *, open_: bool) -> None:
    """Serve until stopped; print the address."""
    from nearsight.server.run import run_server as serve_until_stopped

    def ready(address: str) -> None:
        typer.echo(f"serving {len(homes)} collection{'s' * (len(homes) != 1)} at {address}   (stop: Ctrl-C)")
        if open_:
            typer.launch(address)

    serve_until_stopped(homes, settings, ready)


def made(token: str | None, host: str) -> str:
    """The token: as given; none on this machine alone; otherwise a new one."""
    import secrets

    from nearsight.server.settings import is_loopback

    if token is not None:
        return token
    return "" if is_loopback(host) else secrets.token_urlsafe(24)


def _home(folder: Path, read_only: bool) -> Path:
    """The collection of a folder, which is made where there is none."""
    import nearsight as ns
    from nearsight.cli.index import _progress
    from nearsight.errors import UsageError
    from nearsight.storage.location import locate

    try:
        return locate(folder)
    except UsageError:
        if read_only or not folder.is_dir():
            raise
    typer.echo(f"{shown(str(folder))} is not indexed yet; indexing it by copy and colour")
    with _progress(quiet=False) as watch:
        photos = ns.index(folder, watch=watch)
    typer.echo(f"{len(photos)} images")
    return photos.home
