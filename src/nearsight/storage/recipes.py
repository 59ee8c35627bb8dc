"""The recipes of a collection: which of them can be used on this machine, and which segments and caches they own.

A recipe whose method is not installed has no pipeline, so the keys of its vectors are unknown. But its stored text has
all defaults, and the keys of its vectors begin with the first steps of that text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from nearsight.errors import RecipeError
from nearsight.pipeline import Pipeline, build_pipeline
from nearsight.recipe import Recipe, Step, parse_recipe
from nearsight.registry import find_method, to_recipe

TRAINED_KEY_PREFIX = "learnt: "
"""Prefix that makes the key of a trained state of the key of vectors. Stored."""


@dataclass(frozen=True)
class UnusableRecipe:
    """A recipe of a collection that cannot be used on this machine, and why."""

    name: str
    text: str
    problem: str

    def remedy(self, drop: str) -> str:
        """Say why it cannot be used and what to do; `drop` is the command that drops it."""
        return f"{self.problem}; install or update the package that brings the method, or take the recipe out: {drop}"


def partition_recipes(recipes: Mapping[str, str]) -> tuple[list[Pipeline], list[UnusableRecipe]]:
    """Split recipes into the pipelines of the usable ones, and the unusable ones."""
    pipelines, unusable = list[Pipeline](), list[UnusableRecipe]()
    for name, text in recipes.items():
        try:
            pipelines.append(build_pipeline(text, name))
        except RecipeError as problem:
            unusable.append(UnusableRecipe(name, text, _unusable_reason(problem)))
    return pipelines, unusable


def default_recipe(recipes: Mapping[str, str]) -> str:
    """Name of the default recipe: `copy`, else the first that can be used."""
    if "copy" in recipes:
        return "copy"
    pipelines, unusable = partition_recipes(recipes)
    names = [each.name for each in pipelines] or [each.name for each in unusable]
    return names[0] if names else ""


def _unusable_reason(problem: RecipeError) -> str:
    """The problem without its suggestion of other methods."""
    found = find_method(problem.text[problem.position : problem.position + problem.length])
    return found if isinstance(found, str) and problem.problem.startswith(found) else problem.problem


@dataclass(frozen=True)
class Owner:
    """What a recipe owns: `steps` is its part that computes vectors, empty if no vectors of it are stored.

    The key of its index, without that of the vectors, begins with one of `indexes`.
    """

    steps: str
    indexes: tuple[str, ...] = ()

    def uses(self, key: str) -> bool:
        """Whether this is the key of vectors of the recipe, of any version and trained state, or of their caches."""
        return bool(self.steps) and key.removeprefix(TRAINED_KEY_PREFIX).startswith(f"{self.steps} @")

    def needs(self, key: str) -> bool:
        """Whether this is the key of a cache that the recipe needs: its trained state, or its own index."""
        own = key.startswith(TRAINED_KEY_PREFIX) or key[len(self.steps) :].partition(" | ")[2].startswith(self.indexes)
        return own and self.uses(key)


def recipe_owner(text: str, keys: Iterable[str]) -> Owner:
    """What the recipe of this text owns, in a collection with vectors and caches of these keys.

    Without a pipeline, `steps` is the longest prefix of the recipe that has stored vectors.
    """
    with suppress(RecipeError):
        made = build_pipeline(text)
        return Owner(str(to_recipe(made.embedding_steps)), (made.index_key,))
    known = set(keys)
    return next((each for each in _recipe_owners(text) if any(map(each.uses, known))), Owner(""))


def _recipe_owners(text: str) -> Iterator[Owner]:
    """Yield what a recipe may own, the longest prefix of its steps first; nothing if its text cannot be parsed."""
    steps: tuple[Step, ...] = ()
    with suppress(RecipeError):
        steps = parse_recipe(text).steps
    for count in range(len(steps), 0, -1):
        indexes = (f"{step.name}{end}" for step in steps[count : count + 1] for end in ("(", " @"))
        yield Owner(str(Recipe(steps[:count])), tuple(indexes))
