"""Taking recipes out of a collection, with what is theirs alone: rows, caches of their indexes, what they learnt.

A segment holds rows of one key, so no segment is written anew: those of keys that no other recipe uses go as they are.
One transaction takes all of it off the lists, and the files go after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nearsight.errors import UsageError
from nearsight.files import FileSystem
from nearsight.pipeline import Pipeline, build_pipeline
from nearsight.recipe import parse_recipe
from nearsight.storage import cache_files
from nearsight.storage.catalogue_writer import CatalogueWriter
from nearsight.storage.recipes import owner
from nearsight.storage.segments import SEGMENTS_FOLDER


@dataclass(frozen=True)
class Dropped:
    """The names of the recipes that were taken out, and the bytes on the disk that this freed."""

    recipes: tuple[str, ...] = ()
    bytes: int = 0


def named(wanted: Iterable[str], recipes: Mapping[str, str], asked: Sequence[Pipeline]) -> list[str]:
    """The names of the recipes that are to be dropped, by their names or texts; `asked` are added in the same run.

    Raises
    ------
    UsageError
        where one is not there, is asked for too, or none would be left
    """
    names = list(dict.fromkeys(name for each in wanted for name in _meant(each, recipes)))
    for name in names:
        if any(name == each.name or recipes[name] == each.recipe for each in asked):
            raise UsageError(f"{name} is to be dropped and asked for at once: leave one of the two out")
    if names and not asked and len(names) == len(recipes):
        raise UsageError(
            f"a collection keeps one recipe at least, and this one has: {', '.join(recipes)}; "
            "name another to index by (--by or --recipe) when the last one is dropped"
        )
    return names


def _meant(wanted: str, recipes: Mapping[str, str]) -> list[str]:
    """The recipes of this name, else of this text, as it is or with its defaults written out."""
    if wanted in recipes:
        return [wanted]
    forms = {wanted}
    with suppress(UsageError):
        forms.add(str(parse_recipe(wanted)))
        forms.add(build_pipeline(wanted).recipe)
    found = [name for name, text in recipes.items() if forms & {name, text}]
    if not found:
        raise UsageError(
            f'there is no "{wanted}" to drop: this collection is indexed by {", ".join(recipes) or "nothing yet"}'
        )
    return found


def drop(home: Path, catalogue: CatalogueWriter, files: FileSystem, names: Sequence[str]) -> Dropped:
    """Take recipes out, in one commit, and what no other recipe uses; the caller holds the writer's lock."""
    if not names:
        return Dropped()
    recipes, rows, kept = catalogue.recipes(), catalogue.segments(), catalogue.caches()
    keys = {entry.key for entry in rows} | {entry.key for entry in kept}
    gone = [owner(recipes[name], keys) for name in names]
    left = [owner(text, keys) for name, text in recipes.items() if name not in names]
    unused = {key for key in keys if any(each.uses(key) for each in gone)}
    old = [entry for entry in rows if entry.key in unused and not any(each.uses(entry.key) for each in left)]
    idle = [entry for entry in kept if entry.key in unused and not any(each.needs(entry.key) for each in left)]
    with catalogue.transaction():
        for name in names:
            catalogue.drop_recipe(name)
        for entry in old:
            catalogue.drop_segment(entry.id)
        catalogue.drop_caches(entry.id for entry in idle)
    paths = [home / SEGMENTS_FOLDER / entry.file_name for entry in old]
    paths += [home / cache_files.INDEXES_FOLDER / entry.file_name for entry in idle]
    return Dropped(tuple(names), sum(_removed(path, files) for path in paths))


def _removed(path: Path, files: FileSystem) -> int:
    """Remove a file that is off the lists; the bytes that it had, none where damage has taken it already."""
    if not files.exists(path):
        return 0
    size = files.size(path)
    files.remove(path)
    return size
