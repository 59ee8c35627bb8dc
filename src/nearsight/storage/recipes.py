"""The recipes of a collection: which of them can be used on this machine, and which rows and caches are theirs.

A recipe whose method is not installed has no plan, so the keys of its rows cannot be made. Its text can be read all the
same, with every default written out, and the keys of its rows begin with the first steps of that text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from nearsight.errors import RecipeError
from nearsight.pipeline import Pipeline, build_pipeline
from nearsight.recipe import Recipe, Step, parse_recipe
from nearsight.registry import find_method, to_recipe

LEARNT = "learnt: "
"""Before the key of rows, the key of what was learnt for them."""


@dataclass(frozen=True)
class Unusable:
    """A recipe of a collection that cannot be used on this machine, and why."""

    name: str
    text: str
    problem: str

    def remedy(self, drop: str) -> str:
        """Why it cannot be used, and what to do; `drop_text` is the command that takes it out of the collection."""
        return f"{self.problem}; install or update the package that brings the method, or take the recipe out: {drop}"


def sorted_out(recipes: Mapping[str, str]) -> tuple[list[Pipeline], list[Unusable]]:
    """The plans of recipes, by their names and texts, and the recipes that have none."""
    plans, unusable = list[Pipeline](), list[Unusable]()
    for name, text in recipes.items():
        try:
            plans.append(build_pipeline(text, name))
        except RecipeError as problem:
            unusable.append(Unusable(name, text, _reason(problem)))
    return plans, unusable


def usual(recipes: Mapping[str, str]) -> str:
    """The name of the recipe that answers where none is named: `copy`, else the first that can be used."""
    if "copy" in recipes:
        return "copy"
    plans, unusable = sorted_out(recipes)
    names = [each.name for each in plans] or [each.name for each in unusable]
    return names[0] if names else ""


def _reason(problem: RecipeError) -> str:
    """What is wrong, without the names of the methods that there are instead."""
    found = find_method(problem.text[problem.position : problem.position + problem.length])
    return found if isinstance(found, str) and problem.problem.startswith(found) else problem.problem


@dataclass(frozen=True)
class Owner:
    """What a recipe owns: `steps` is its part that makes rows, empty where no rows of it are known.

    The key of its index, without that of the rows, begins with one of `indexes`.
    """

    steps: str
    indexes: tuple[str, ...] = ()

    def uses(self, key: str) -> bool:
        """Whether this is the key of rows of the recipe, of any version and whatever was learnt, or of their caches."""
        return bool(self.steps) and key.removeprefix(LEARNT).startswith(f"{self.steps} @")

    def needs(self, key: str) -> bool:
        """Whether this key of a cache is of something that the recipe needs: what it learnt, and its own index."""
        own = key.startswith(LEARNT) or key[len(self.steps) :].partition(" | ")[2].startswith(self.indexes)
        return own and self.uses(key)


def owner(text: str, keys: Iterable[str]) -> Owner:
    """What the recipe of this text owns, in a collection that has rows and caches of these keys.

    Without a plan, the part that makes rows is the longest that there are rows of.
    """
    with suppress(RecipeError):
        made = build_pipeline(text)
        return Owner(str(to_recipe(made.embedding_steps)), (made.index_key,))
    known = set(keys)
    return next((each for each in _possible(text) if any(map(each.uses, known))), Owner(""))


def _possible(text: str) -> Iterator[Owner]:
    """What a recipe may own, the longest part of its steps first; nothing where its text cannot be read."""
    steps: tuple[Step, ...] = ()
    with suppress(RecipeError):
        steps = parse_recipe(text).steps
    for count in range(len(steps), 0, -1):
        indexes = (f"{step.name}{end}" for step in steps[count : count + 1] for end in ("(", " @"))
        yield Owner(str(Recipe(steps[:count])), tuple(indexes))
