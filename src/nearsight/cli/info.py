"""info: what a collection holds."""

from __future__ import annotations

import shlex

import typer

from nearsight.cli._left_out import print_left_out, print_rules, print_skipped
from nearsight.cli._options import HERE, CollectionOption, InOption, JsonOption
from nearsight.cli._printing import print_json
from nearsight.wording import plural, to_printable


def info_command(in_: InOption = HERE, collection: CollectionOption = None, json: JsonOption = False) -> None:
    """Show what a collection holds: images, recipes, skipped files."""
    import nearsight as ns

    photos = ns.open(in_, collection=collection)
    found = photos.info()
    if json:
        print_json(found)
        return
    typer.echo(f"{plural(found['images'], 'image')} of {to_printable(found['folder'])}")
    if found["pages"]:
        typer.echo(f"  {found['pages']:,} of them further pages or frames of files: --where 'page > 1'")
    if found["damaged"]:
        typer.echo(f"  {found['damaged']:,} of them damaged, read in part: --where 'read_share < 1'")
    typer.echo(f"{found['bytes'] / 1e6:.1f} MB in {to_printable(found['collection'])}")
    for name, text in found["recipes"].items():
        typer.echo(f"  by {name:<10} {text}" if name != text else f"  by {text}")
        typer.echo(f"     {to_printable(found['unusable'].get(name, found['indexes'][name]))}")
    if any(found["words"].values()) or found["tables"]:
        words = found["words"]
        typer.echo(f"  words: {plural(words['sidecars'], 'sidecar')}, {plural(words['images'], 'image')} described")
        for table in found["tables"]:
            typer.echo(f"     words from {to_printable(table)}")
        if words["unknown"]:
            noun = "sidecar entry matches" if words["unknown"] == 1 else "sidecar entries match"
            where = shlex.quote(to_printable(found["folder"]))
            typer.echo(f"     {words['unknown']:,} {noun} no image: nearsight export --sidecars --in {where}")
    print_rules(found)
    print_left_out(found)
    print_skipped(found, photos.skips())


COMMANDS = {"info": (info_command, "nearsight info --in ~/photos")}
