"""Options and arguments that several commands share."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from nearsight.errors import UsageError
from nearsight.senses import DEFAULT_SENSES, NAMES

if TYPE_CHECKING:
    from nearsight.ingest.run import IngestSettings

DECODER_SHARE = 2.5
"""A worker may hold this many times the decoded image."""

HERE = Path()
STANDARD_INPUT = Path("-")
BOX = "X0,Y0,X1,Y1"
QUERY, FILTER, FILES, WORDS, OUTPUT = "Query", "Filter", "Files", "Words", "Output"
"""Groups of options in the help of a command."""

InOption: TypeAlias = Annotated[
    Path, typer.Option("--in", metavar="FOLDER", help="Indexed folder or a subfolder of one.")
]
FolderArgument: TypeAlias = Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of images.")]
IndexedArgument: TypeAlias = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="Indexed folder or a subfolder of one.")
]
CollectionOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--collection", metavar="FOLDER", help="Index directory. [default: FOLDER/.nearsight]"),
]
CacheOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--collection", metavar="FOLDER", help="Keep the vectors here; the next run reuses them."),
]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.", rich_help_panel=OUTPUT)]
WorkersOption: TypeAlias = Annotated[
    int, typer.Option(min=0, metavar="N", help="Number of processes; 0 starts one per core.")
]
MaxDecodedOption: TypeAlias = Annotated[
    int, typer.Option("--max-decoded", min=1, metavar="N", help="Largest image, decoded, in MiB.")
]
TrainedOption: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        "--trained", metavar="FILE", help="File of nearsight train, used instead of training; may be repeated."
    ),
]
RecipesOption: TypeAlias = Annotated[
    list[str] | None, typer.Option(metavar="RECIPE", help='A recipe, such as "phash | flat"; may be repeated.')
]
SensesOption: TypeAlias = Annotated[
    list[str] | None, typer.Option(metavar="SENSE", help=f"Similarity modes, with commas: {NAMES}.")
]
IndexSensesOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="SENSE", help=f"Similarity modes, with commas: {NAMES}. [default: {','.join(DEFAULT_SENSES)}]"
    ),
]
AgainArgument: TypeAlias = Annotated[
    list[Path] | None, typer.Argument(metavar="PATH", help="With --again: files or subfolders, all by default.")
]
AgainOption: TypeAlias = Annotated[
    bool, typer.Option("--again", help="Read files again although nothing seems changed.", rich_help_panel=FILES)
]
ExcludeOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="GLOB",
        help="Leave out files and folders, such as '*.png' or 'private/'; may be repeated. Later runs keep to it.",
        rich_help_panel=FILES,
    ),
]
IncludeOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="GLOB",
        help="Take what a rule leaves out, such as '@eaDir'; may be repeated. Later runs keep to it.",
        rich_help_panel=FILES,
    ),
]
FollowLinksOption: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--follow-links/--no-follow-links",
        help="Follow symbolic links. Later runs keep to it.",
        show_default=False,
        rich_help_panel=FILES,
    ),
]
ResetRulesOption: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--reset-rules",
        help="Forget --exclude, --include and --follow-links of earlier runs first.",
        rich_help_panel=FILES,
    ),
]
WordsFromOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="A table with words about the images (CSV, TSV). Later runs read it again; none forgets all tables.",
        rich_help_panel=WORDS,
    ),
]
FileColumnOption: TypeAlias = Annotated[
    str, typer.Option(metavar="COLUMN", help="Its column of file names.", rich_help_panel=WORDS)
]
TextColumnsOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMNS", help='Its columns of captions, such as "Object Name",artist.', rich_help_panel=WORDS
    ),
]
TagColumnsOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(metavar="COLUMNS", help="Its columns of tags.", rich_help_panel=WORDS),
]
WhereOption: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="EXPR",
        help='Only images that match, such as "taken >= 2012 and tags = dog and height > width".',
        rich_help_panel=FILTER,
    ),
]
HtmlOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write a self-contained page.", rich_help_panel=OUTPUT),
]


def ingest_settings(workers: int, max_decoded: int = 256) -> IngestSettings:
    """Return the settings of an ingest; `max_decoded` is in MiB, 0 workers stand for one per core."""
    from dataclasses import replace

    from nearsight.ingest.run import IngestSettings

    usual, decoded = IngestSettings(), max_decoded << 20
    file = max(usual.limits.file, decoded)
    memory = max(usual.worker_limits.memory, int(DECODER_SHARE * decoded))
    changed = replace(
        usual,
        limits=replace(usual.limits, file=file, decoded=decoded),
        worker_limits=replace(usual.worker_limits, memory=memory),
    )
    return replace(changed, workers=workers) if workers else changed


def read_image_argument(image: Path) -> Path | bytes:
    """The path, or the bytes of standard input where it is `-`.

    Raises
    ------
    UsageError : nothing comes in
    ImageError : it is empty or too large
    """
    if image != STANDARD_INPUT:
        return image
    from nearsight.images.source import read_source

    if sys.stdin.isatty():
        raise UsageError("- stands for an image on standard input, such as: nearsight search - < found.jpg")
    read = read_source(sys.stdin.buffer, image_argument_name(image))
    assert isinstance(read, bytes)
    return read


def image_argument_name(image: Path) -> str:
    """What messages and pages call the image."""
    return "standard input" if image == STANDARD_INPUT else str(image)
