"""index: create the collection of a folder, or update it."""

from __future__ import annotations

from typing import Annotated

import typer

from nearsight.cli._options import (
    AgainArgument,
    AgainOption,
    CollectionOption,
    ExcludeOption,
    FileColumnOption,
    FolderArgument,
    FollowLinksOption,
    IncludeOption,
    IndexSensesOption,
    JsonOption,
    MaxDecodedOption,
    RecipesOption,
    ResetRulesOption,
    TagColumnsOption,
    TextColumnsOption,
    TrainedOption,
    WordsFromOption,
    WorkersOption,
    ingest_settings,
)
from nearsight.cli._printing import print_summary, show_progress
from nearsight.errors import UsageError
from nearsight.wording import plural, to_printable


def index_folder_command(
    folder: FolderArgument,
    paths: AgainArgument = None,
    by: IndexSensesOption = None,
    recipe: RecipesOption = None,
    drop: Annotated[
        list[str] | None,
        typer.Option(metavar="RECIPE", help="A sense or recipe to remove, with its vectors; may be repeated."),
    ] = None,
    collection: CollectionOption = None,
    trained: TrainedOption = None,
    workers: WorkersOption = 0,
    max_decoded: MaxDecodedOption = 256,
    exclude: ExcludeOption = None,
    include: IncludeOption = None,
    follow_links: FollowLinksOption = None,
    reset_rules: ResetRulesOption = False,
    again: AgainOption = False,
    words_from: WordsFromOption = None,
    file_column: FileColumnOption = "",
    text_columns: TextColumnsOption = None,
    tag_columns: TagColumnsOption = None,
    json: JsonOption = False,
) -> None:
    """Create or update the collection of a folder of images. Only new and changed images are read.

    Thumbnails, trash and other folders of systems are left out, and what a file named .nearsightignore lists.
    """
    import nearsight as ns
    from nearsight.metadata.sidecars.words_table import column_names
    from nearsight.types.query import split_commas

    if paths and not again:
        hint = "write globs in quotes, as '*.png'" if exclude or include else f"to read {paths[0]} again, add --again"
        raise UsageError(f"index takes one folder, and {paths[0]} stands behind it: {hint}")
    with show_progress(quiet=json) as watch:
        photos = ns.index(
            folder,
            split_commas(by),
            recipe or (),
            drop=drop or (),
            collection=collection,
            trained=trained or (),
            exclude=exclude or (),
            include=include or (),
            follow_links=follow_links,
            reset_rules=reset_rules,
            again=paths or again,
            words_from=words_from,
            file_column=file_column,
            text_columns=[name for each in text_columns or () for name in column_names(each)],
            tag_columns=[name for each in tag_columns or () for name in column_names(each)],
            settings=ingest_settings(workers, max_decoded),
            watch=watch,
        )
    assert photos.summary is not None
    if photos.dropped.recipes and not json:
        typer.echo(
            f"dropped {to_printable(', '.join(photos.dropped.recipes))}: {plural(photos.dropped.bytes, 'byte')} freed"
        )
    print_summary(photos.summary, {**photos.info(), "dropped": vars(photos.dropped)}, photos.skips(), json=json)


COMMANDS = {"index": (index_folder_command, "nearsight index ~/photos --by copy,colour")}
