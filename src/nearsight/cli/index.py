"""index: create the collection of a folder, or update it."""

from __future__ import annotations

from typing import Annotated

import typer

from nearsight.cli._options import (
    CollectionOption,
    FileColumnOption,
    FolderArgument,
    IndexSensesOption,
    JsonOption,
    MaxDecodedOption,
    RecipesOption,
    TagColumnsOption,
    TextColumnsOption,
    TrainedOption,
    WordsFromOption,
    WorkersOption,
    ingest_settings,
)
from nearsight.cli._printing import print_summary, show_progress
from nearsight.wording import plural, to_printable


def index_folder_command(
    folder: FolderArgument,
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
    words_from: WordsFromOption = None,
    file_column: FileColumnOption = "",
    text_columns: TextColumnsOption = None,
    tag_columns: TagColumnsOption = None,
    json: JsonOption = False,
) -> None:
    """Create or update the collection of a folder of images. Only new and changed images are read."""
    import nearsight as ns
    from nearsight.images.sidecars.words_table import column_names
    from nearsight.types.query import split_commas

    with show_progress(quiet=json) as watch:
        photos = ns.index(
            folder,
            split_commas(by),
            recipe or (),
            drop=drop or (),
            collection=collection,
            trained=trained or (),
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
    print_summary(photos.summary, {**photos.info(), "dropped": vars(photos.dropped)}, json)


COMMANDS = {"index": (index_folder_command, "nearsight index ~/photos --by copy,colour")}
