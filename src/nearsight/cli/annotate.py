"""annotate: labels by a model, and what somebody says of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearsight.cli._options import Collection, Json
from nearsight.cli._printing import print_json, shown
from nearsight.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(epilog="Example: nearsight annotate ~/photos --labels names.txt")(annotate)


def annotate(
    folder: Annotated[Path, typer.Argument(help="The folder of images; or one image, whose labels are printed.")],
    labels: Annotated[
        Path | None, typer.Option(help="A file of names to choose from, one a line, by a pair for images and texts.")
    ] = None,
    model: Annotated[
        str, typer.Option(help="A classifier, or with --labels a pair. [default: mobilenetv2, clip_vit_b32]")
    ] = "",
    template: Annotated[
        list[str] | None, typer.Option(help='A sentence with {} for the name, "a photo of a {}."; may be repeated.')
    ] = None,
    at_least: Annotated[float, typer.Option("--at-least", help="Leave out labels that are less sure, 0 to 1.")] = 0.2,
    most: Annotated[int, typer.Option(min=1, help="So many labels an image, at most.")] = 3,
    set_: Annotated[
        tuple[str, str] | None,
        typer.Option("--set", metavar="PATH LABEL", help="Say or confirm that this image shows this; no model runs."),
    ] = None,
    drop: Annotated[
        tuple[str, str] | None,
        typer.Option("--drop", metavar="PATH LABEL", help="Say that this label of this image is wrong; for good."),
    ] = None,
    collection: Collection = None,
    json: Json = False,
) -> None:
    """Label images by a model; search finds the labels as words. What you set or drop stays when it runs again."""
    import nearsight as ns
    from nearsight.applications.zero_shot import TEMPLATES

    if set_ is not None or drop is not None:
        _said(folder, set_, drop, collection, json)
        return
    names = _names(labels)
    asked: Any = {"model": model, "templates": tuple(template or TEMPLATES), "at_least": at_least, "most": most}
    if folder.is_file():
        (found,) = ns.classify([folder], labels=names, **asked)
        if json:
            print_json({"image": str(folder), "labels": found})
        for name, sure in () if json else found.items():
            typer.echo(f"{sure:6.1%}  {shown(name)}")
        return
    done = ns.annotate(folder, labels=names, collection=collection, **asked)
    if json:
        print_json(vars(done))
    else:
        typer.echo(f"{done.labels} labels for {done.images} images, by {done.model}")
        typer.echo(f"find them: nearsight search --in {shown(str(folder))} --words ...")


def _said(
    folder: Path, set_: tuple[str, str] | None, drop: tuple[str, str] | None, collection: Path | None, json: bool
) -> None:
    from nearsight.api import labels

    if drop is not None:
        labels.drop_label(folder, *drop, collection=collection)
    if set_ is not None:
        labels.set_label(folder, *set_, collection=collection)
    if json:
        print_json({"set": set_, "dropped": drop})
        return
    for verb, said in (("dropped", drop), ("set", set_)):
        if said is not None:
            typer.echo(f"{verb}: {shown(said[0])}: {shown(said[1])}")


def _names(file: Path | None) -> Sequence[str]:
    """The lines of a file; none where there is no file."""
    if file is None:
        return ()
    try:
        names = [line.strip() for line in file.read_text("utf8").splitlines() if line.strip()]
    except (OSError, ValueError) as problem:
        raise UsageError(f"--labels takes a text file with a name a line; {file}: {problem}") from None
    if not names:
        raise UsageError(f"--labels takes a text file with a name a line; {file} is empty")
    return names
