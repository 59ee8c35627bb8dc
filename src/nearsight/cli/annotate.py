"""annotate: labels by a model, and by hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearsight.cli._options import CollectionOption, JsonOption
from nearsight.cli._printing import print_json
from nearsight.errors import UsageError
from nearsight.wording import plural, to_printable

if TYPE_CHECKING:
    from collections.abc import Sequence


def annotate_command(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The folder of images; or one image, to print its labels.")
    ],
    labels: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Names to choose from, one per line; needs an image-text model.")
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="A classifier, or with --labels an image-text model. [default: mobilenetv2, clip_vit_b32]",
        ),
    ] = "",
    template: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help='A sentence with {} for the name, "a photo of a {}."; may be repeated.'),
    ] = None,
    at_least: Annotated[
        float, typer.Option("--at-least", metavar="N", help="Minimum confidence of a label, 0 to 1.")
    ] = 0.2,
    most: Annotated[int, typer.Option(min=1, metavar="N", help="Maximum labels per image.")] = 3,
    set_: Annotated[
        tuple[str, str] | None,
        typer.Option("--set", metavar="PATH LABEL", help="Add or confirm a label of an image; no model runs."),
    ] = None,
    drop: Annotated[
        tuple[str, str] | None,
        typer.Option("--drop", metavar="PATH LABEL", help="Reject a label of an image for good; no model runs."),
    ] = None,
    collection: CollectionOption = None,
    json: JsonOption = False,
) -> None:
    """Label images by a model; search finds the labels as words.

    Labels that you set or dropped stay as they are when it runs again.
    """
    import nearsight as ns
    from nearsight.applications.zero_shot import TEMPLATES

    if set_ is not None or drop is not None:
        _edit_labels(folder, set_, drop, collection, json)
        return
    names = _read_names(labels)
    options: Any = {"model": model, "templates": tuple(template or TEMPLATES), "at_least": at_least, "most": most}
    if folder.is_file():
        (found,) = ns.classify([folder], labels=names, **options)
        if json:
            print_json({"image": str(folder), "labels": found})
        for name, confidence in () if json else found.items():
            typer.echo(f"{confidence:6.1%}  {to_printable(name)}")
        return
    done = ns.annotate(folder, labels=names, collection=collection, **options)
    if json:
        print_json(vars(done))
    else:
        typer.echo(f"{plural(done.labels, 'label')} for {plural(done.images, 'image')}, by {done.model}")
        typer.echo(f"find them: nearsight search --in {to_printable(str(folder))} --words ...")


def _edit_labels(
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
    for verb, label in (("dropped", drop), ("set", set_)):
        if label is not None:
            typer.echo(f"{verb}: {to_printable(label[0])}: {to_printable(label[1])}")


def _read_names(file: Path | None) -> Sequence[str]:
    """Return the lines of a file; none where no file is named."""
    if file is None:
        return ()
    try:
        names = [line.strip() for line in file.read_text("utf8").splitlines() if line.strip()]
    except (OSError, ValueError) as problem:
        why = getattr(problem, "strerror", None) or problem
        raise UsageError(f"--labels takes a text file with one name per line; {file}: {why}") from None
    if not names:
        raise UsageError(f"--labels takes a text file with one name per line; {file} is empty")
    return names


COMMANDS = {"annotate": (annotate_command, "nearsight annotate ~/photos --labels names.txt")}
