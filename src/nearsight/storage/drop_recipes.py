"""Dropping recipes from a collection, with the segments, index caches and trained state that only they use.

A segment holds vectors of one key, so no segment is rewritten. One transaction unlists everything, then the files are
removed.
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
from nearsight.senses import required_senses
from nearsight.storage import cache_files
from nearsight.storage.array_file import SEGMENTS_FOLDER
from nearsight.storage.catalogue_writer import CatalogueWriter
from nearsight.storage.recipes import recipe_owner


@dataclass(frozen=True)
class DropSummary:
    """Names of the dropped recipes, and the freed bytes on the disk."""

    recipes: tuple[str, ...] = ()
    bytes: int = 0


def resolve_names(wanted: Iterable[str], recipes: Mapping[str, str], asked: Sequence[Pipeline]) -> list[str]:
    """Names of the recipes to drop, given by name or text; `asked` are added in the same run.

    The senses that a dropped one requires go with it, unless another one requires them.

    Raises
    ------
    UsageError
        a recipe is not stored, is added in the same run, is required by a sense that stays, or is the last one
    """
    names = list(dict.fromkeys(name for each in wanted for name in _match_dropped_recipes(each, recipes)))
    staying = [*(name for name in recipes if name not in names), *(each.name for each in asked)]
    needed = {sense: name for name in staying for sense in required_senses(name)}
    for name in names:
        if name in needed:
            raise UsageError(f"{name} is required by {needed[name]}: drop both, or neither")
    freed = (sense for name in names for sense in required_senses(name) if sense in recipes and sense not in needed)
    names = list(dict.fromkeys([*names, *freed]))
    for name in names:
        if any(name == each.name or recipes[name] == each.recipe for each in asked):
            raise UsageError(f"{name} is dropped and added in the same run: leave one of the two out")
    if names and not asked and len(names) == len(recipes):
        raise UsageError(
            f"a collection keeps one recipe at least, and this one has: {', '.join(recipes)}; "
            "name another to index by (--by or --recipe) when the last one is dropped"
        )
    return names


def _match_dropped_recipes(wanted: str, recipes: Mapping[str, str]) -> list[str]:
    """Names of the recipes with this name, or else with this text, as written or with its defaults."""
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


def drop(index_dir: Path, catalogue: CatalogueWriter, files: FileSystem, names: Sequence[str]) -> DropSummary:
    """Drop recipes and what no other recipe uses, in one commit; the caller holds the writer's lock."""
    if not names:
        return DropSummary()
    recipes, rows, kept = catalogue.recipes(), catalogue.segments(), catalogue.caches()
    keys = {entry.key for entry in rows} | {entry.key for entry in kept}
    gone = [recipe_owner(recipes[name], keys) for name in names]
    left = [recipe_owner(text, keys) for name, text in recipes.items() if name not in names]
    unused = {key for key in keys if any(each.uses(key) for each in gone)}
    old = [entry for entry in rows if entry.key in unused and not any(each.uses(entry.key) for each in left)]
    idle = [entry for entry in kept if entry.key in unused and not any(each.needs(entry.key) for each in left)]
    with catalogue.transaction():
        for name in names:
            catalogue.drop_recipe(name)
        for entry in old:
            catalogue.drop_segment(entry.id)
        catalogue.drop_caches(entry.id for entry in idle)
    paths = [index_dir / SEGMENTS_FOLDER / entry.file_name for entry in old]
    paths += [index_dir / cache_files.INDEXES_FOLDER / entry.file_name for entry in idle]
    return DropSummary(tuple(names), sum(_remove_dropped_file(path, files) for path in paths))


def _remove_dropped_file(path: Path, files: FileSystem) -> int:
    """Remove an unlisted file; return its size, 0 if it was missing."""
    if not files.exists(path):
        return 0
    size = files.size(path)
    files.remove(path)
    return size
