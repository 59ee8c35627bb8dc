"""What was decided about copies: to decide, to undo, to exchange, and to act on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nearsight.cli._options import HERE, OUTPUT, CollectionOption, InOption, JsonOption
from nearsight.cli._printing import print_json, print_table
from nearsight.errors import UsageError
from nearsight.wording import plural, to_printable

if TYPE_CHECKING:
    from nearsight.api.decisions import Acted, Decision


def decide_command(
    decision: Annotated[
        str, typer.Argument(metavar="DECISION", help="duplicate (the first is to go), keep-both or not-a-duplicate.")
    ],
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="An image, as the groups name it.")],
    other: Annotated[str, typer.Argument(metavar="OTHER", help="Another one; of a duplicate, the one to keep.")],
    in_: InOption = HERE,
    collection: CollectionOption = None,
    json: JsonOption = False,
) -> None:
    """Decide about two images.

    It is kept by their contents, wherever they are moved, and not asked again. Nothing is deleted.
    """
    import nearsight as ns

    ns.decide(in_, decision.replace("-", " "), image, other, collection=collection)
    (made,) = ns.decisions(in_, collection=collection)[-1:]
    if json:
        print_json(made.as_dict())
    else:
        typer.echo(_sentence(made))


def decisions_command(
    in_: InOption = HERE,
    collection: CollectionOption = None,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write them for import elsewhere.", rich_help_panel=OUTPUT)
    ] = None,
    json: JsonOption = False,
) -> None:
    """List what was decided.

    Exit code 1: nothing.
    """
    import nearsight as ns

    found = ns.decisions(in_, collection=collection)
    if csv is not None:
        ns.export_decisions(in_, csv, collection=collection)
    if json:
        print_json([each.as_dict() for each in found])
    else:
        for each in found:
            typer.echo(f"{each.made}  {_sentence(each)}")
        typer.echo(plural(len(found), "decision") + ("" if csv is None else f": {to_printable(str(csv))}"))
    if not found:
        raise typer.Exit(1)


def import_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV, as nearsight duplicates decisions writes it.")],
    in_: InOption = HERE,
    collection: CollectionOption = None,
    json: JsonOption = False,
) -> None:
    """Add decisions that were exported elsewhere.

    They hold for the same contents, whatever the files are called.
    """
    import nearsight as ns

    added = ns.import_decisions(in_, file, collection=collection)
    if json:
        print_json({"added": added})
    else:
        typer.echo(f"{plural(added, 'new decision')}")


def undo_command(in_: InOption = HERE, collection: CollectionOption = None, json: JsonOption = False) -> None:
    """Take back the last decision, or all that were accepted or imported at once.

    Files that were let go are brought back by restore.
    """
    import nearsight as ns

    undone = ns.undo_decisions(in_, collection=collection)
    if json:
        print_json([each.as_dict() for each in undone])
        return
    for each in undone:
        typer.echo(f"not decided any more: {_sentence(each)}")


def apply_command(
    to: Annotated[
        str,
        typer.Option(
            metavar="WAY",
            help="trash: the desktop's; hardlink or reflink: a link to the image to keep, for equal files; "
            "list: print the paths.",
        ),
    ] = "trash",
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this it is only shown.")] = False,
    in_: InOption = HERE,
    collection: CollectionOption = None,
    json: JsonOption = False,
) -> None:
    """Let the files go that you decided are duplicates.

    Each is compared byte for byte with what was decided, and so is the image to keep, which stays. Exit code 1: none
    can go.
    """
    import nearsight as ns

    done = ns.act_on_decisions(in_, to, dry_run=not yes, collection=collection)
    if json:
        print_json({**done.as_dict(), "done": yes and to != "list"})
    elif to == "list":
        _print_paths(done)
    else:
        _print_acted(done, to, yes=yes)
    if all(each.problem for each in done.files):
        raise typer.Exit(1)


def restore_command(
    journal: Annotated[
        Path | None, typer.Argument(metavar="JOURNAL", help="The journal of an apply. [default: the last one]")
    ] = None,
    in_: InOption = HERE,
    collection: CollectionOption = None,
    json: JsonOption = False,
) -> None:
    """Bring back what apply let go.

    The decisions stay; undo takes them back. Exit code 1: a file could not be brought back.
    """
    import nearsight as ns

    found = ns.restore_duplicates(in_, journal, collection=collection)
    if json:
        print_json([{"path": path, "problem": problem} for path, problem in found])
    else:
        for path, problem in found:
            typer.echo(f"{to_printable(path)}: {to_printable(problem) or 'restored'}")
        typer.echo(f"{sum(not problem for _, problem in found):,} of {plural(len(found), 'file')} restored")
    if any(problem for _, problem in found):
        raise typer.Exit(1)


def _sentence(decision: Decision) -> str:
    path, other = to_printable(decision.path), to_printable(decision.other_path)
    if decision.decision == "duplicate":
        return f"{path} is a duplicate of {other}, which is kept"
    if decision.decision == "keep both":
        return f"{path} and {other} are both kept"
    return f"{path} and {other} are no duplicates"


def _print_paths(done: Acted) -> None:
    """The paths of the files that would go, a line each."""
    if broken := next((each.path for each in done.files if not each.problem and "\n" in each.path), None):
        raise UsageError(f"a line break in the name {broken!r} cannot stand in a list of lines; use --json")
    for each in done.files:
        if each.problem:
            typer.echo(f"stays: {to_printable(each.path)}: {to_printable(each.problem)}", err=True)
        else:
            typer.echo(each.path)


def _print_acted(done: Acted, to: str, *, yes: bool) -> None:
    """What goes, or would go, what stays, and how to go on."""
    going = [each for each in done.files if not each.problem]
    _print_rows("goes" if yes else "would go", [(each.path, f"kept: {each.kept}") for each in going])
    _print_rows("stays", [(each.path, each.problem) for each in done.files if each.problem])
    megabytes = sum(each.bytes for each in going) / 1e6
    where = {"trash": "to the trash", "hardlink": "as hard links", "reflink": "as files that share data"}[to]
    if not yes:
        typer.echo(f"nothing was done: {plural(len(going), 'file')}, {megabytes:,.1f} MB would go {where} with --yes")
        return
    typer.echo(f"{plural(len(going), 'file')}, {megabytes:,.1f} MB went {where}")
    if done.journal:
        typer.echo(f"bring them back: nearsight duplicates restore {to_printable(done.journal)}")


def _print_rows(mark: str, rows: Sequence[tuple[str, str]]) -> None:
    if rows:
        print_table((mark, "image", ""), [(mark, *row) for row in rows], left=3)


GROUP = {
    "decide": (decide_command, "nearsight duplicates decide duplicate small.jpg large.jpg --in ~/photos"),
    "decisions": (decisions_command, "nearsight duplicates decisions --in ~/photos --csv decided.csv"),
    "import": (import_command, "nearsight duplicates import decided.csv --in ~/photos"),
    "undo": (undo_command, "nearsight duplicates undo --in ~/photos"),
    "apply": (apply_command, "nearsight duplicates apply --to trash --in ~/photos --yes"),
    "restore": (restore_command, "nearsight duplicates restore --in ~/photos"),
}
