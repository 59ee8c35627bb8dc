"""What a recipe means for a collection: which rows it needs, how they are searched, what happens to the hits."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np

from nearsight.encoded import LEARNT, Encoded
from nearsight.errors import ModelMissingError, RecipeError, UsageError
from nearsight.recipe import Recipe, parse
from nearsight.registry import build, look_up, metric_of, name_of, suggestion, written_out
from nearsight.senses import SENSES
from nearsight.types import Descriptor, Encoder, Index, LocalDescriptor, Method, Metric, Refiner


@dataclass(frozen=True)
class Plan:
    """A recipe ready to use. `name` is the sense, or the recipe as it was first written.

    Of the plans `beside` it, the first refiner looks at the first hits too, and takes those that it finds alike.
    """

    name: str
    descriptor: Descriptor
    index: Index
    metric: Metric
    refiners: tuple[Refiner, ...]
    beside: tuple[Plan, ...] = ()

    @property
    def described(self) -> tuple[Method, ...]:
        """The steps that make a row of a picture."""
        each = self.descriptor
        return (each.first, *each.encoders) if isinstance(each, Encoded) else (each,)

    @cached_property
    def recipe(self) -> str:
        """The recipe with every default written out."""
        return str(written_out((*self.described, self.index, *self.refiners)))

    @property
    def ready(self) -> bool:
        """Whether it can describe pictures: nothing is left to be learnt."""
        return not isinstance(self.descriptor, Encoded) or self.descriptor.ready

    @property
    def speaks(self) -> bool:
        """Whether it can be asked with texts: they have rows among its own, and no refiner looks at a picture."""
        return not self.refiners and self.descriptor.texts(()) is not None

    @cached_property
    def metric_name(self) -> str:
        """What the distance is called."""
        return name_of(self.metric)

    @cached_property
    def key(self) -> str:
        """The key of the rows: the steps with every default, the versions and models of all that is in them.

        And a checksum of what was learnt, where something was.
        """
        learnt = [self.descriptor.digest] if isinstance(self.descriptor, Encoded) and self.descriptor.ready else []
        return " ".join([self.unlearnt_key, *learnt])

    @cached_property
    def unlearnt_key(self) -> str:
        """The key of the rows whatever was learnt."""
        steps = self.described
        versions = "/".join(map(_versions, steps))
        return " ".join([f"{written_out(steps)} @{versions}", *(one for step in steps for one in _digests(step))])

    def outdated(self, key: str) -> bool:
        """Whether this is the key of rows of its own that were made with something else learnt."""
        return key != self.key and key.startswith(f"{self.unlearnt_key} {LEARNT}")

    @cached_property
    def cache_key(self) -> str:
        """The key of what the index keeps of the rows: theirs, and its own."""
        return f"{self.key} | {self.index_key}"

    @property
    def index_key(self) -> str:
        """The key of the index whatever the rows: the parameters on which what it keeps depends."""
        step = written_out((self.index,)).steps[0]
        kept = tuple(pair for pair in step.kwargs if pair[0] in self.index.kept_by)
        return f"{replace(step, kwargs=kept)} @{self.index.version}"


def plan(text: str, name: str = "") -> Plan:
    """The plan of a recipe's text: a descriptor, encoders, an index, then refiners.

    Where no index is named it is `flat`, or `inverted` for visual words.

    Raises
    ------
    RecipeError
        where the steps do not follow each other
    """
    recipe = parse(text)
    components = build(recipe)
    rest = list(components[1:])
    descriptor = _descriptor(recipe, components[0], rest)
    usual = "inverted" if descriptor.ragged else "flat"
    index = rest.pop(0) if rest and isinstance(rest[0], Index) else look_up(usual)()
    assert isinstance(index, Index)
    metric = index.metric or metric_of(descriptor)
    if index.ragged != descriptor.ragged:
        at = next((at for at, each in enumerate(components) if each is index), len(components) - 1)
        wanted = "visual words are searched by inverted" if descriptor.ragged else "rows are searched by flat or ivf"
        raise _misplaced(recipe, at, wanted)
    refiners = tuple(item for item in rest if isinstance(item, Refiner))
    for refiner in refiners:
        if lacking := _lacking(refiner, descriptor, metric):
            at = next(at for at, each in enumerate(components) if each is refiner)
            raise _misplaced(recipe, at, lacking)
    if len(refiners) < len(rest):
        at = next(i for i, item in enumerate(components) if item in rest and not isinstance(item, Refiner))
        raise _misplaced(
            recipe,
            at,
            "after the descriptor come encoders, such as pca, one index, such as flat, then refiners, such as verify",
        )
    return Plan(name or str(recipe), descriptor, _with_metric(index, metric), metric, refiners)


def _lacking(refiner: Refiner, descriptor: Descriptor, metric: Metric) -> str:
    """What a refiner needs that the rows are not; empty where they serve it."""
    if refiner.ragged and not descriptor.ragged:
        return "this compares visual words, of sift | asmk | inverted for example"
    if refiner.vectors and (descriptor.ragged or np.dtype(descriptor.dtype) != np.float32):
        return "this makes averages of rows of numbers, of gist for example, not of hashes or visual words"
    if refiner.vectors and not _straight(metric, 8 if isinstance(descriptor, Encoded) else descriptor.size):
        return f"this compares rows by their directions, as flat(metric=l2) can; {name_of(metric)} cannot"
    return ""


def _straight(metric: Metric, width: int) -> bool:
    try:
        return metric.flattened(np.zeros((1, width), np.float32)) is not None
    except ValueError:
        return False


def _descriptor(recipe: Recipe, first: Method, rest: list[Method]) -> Descriptor:
    """The first step with the encoders that follow it, which are taken out of the rest."""
    if not isinstance(first, Descriptor | LocalDescriptor):
        raise _misplaced(recipe, 0, "a recipe starts with a descriptor, such as gist, or with local features")
    encoders, made = list[Encoder](), "features" if isinstance(first, LocalDescriptor) else "rows"
    while rest and isinstance(rest[0], Encoder):
        encoder = rest.pop(0)
        assert isinstance(encoder, Encoder)
        at = len(encoders) + 1
        if encoder.takes not in (made, "both"):
            raise _misplaced(recipe, at, f"{encoder.takes} are encoded here, and what comes before makes {made}")
        if encoders and encoders[-1].ragged:
            raise _misplaced(recipe, at, "after visual words comes an index")
        encoders.append(encoder)
        made = encoder.made_of(made)
    if isinstance(first, Descriptor):
        return Encoded(first, tuple(encoders)) if encoders else first
    if made == "features":
        problem = "local features are encoded before they are searched: sift | asmk, or sift | vlad"
        raise _misplaced(recipe, len(encoders), problem)
    return Encoded(first, tuple(encoders))


def plan_of(sense: str) -> Plan:
    """The plan of a sense's name.

    Raises
    ------
    UsageError
        where there is no such sense, with the one that was meant
    """
    if sense not in SENSES:
        raise UsageError(f'there is no sense "{sense}"{suggestion(sense, SENSES)}')
    return plan(SENSES[sense].recipe, sense)


def served() -> list[str]:
    """The senses that this machine can serve: those whose models are on it, and those that need none."""
    found = []
    for name in SENSES:
        with suppress(ModelMissingError):
            plan_of(name).descriptor.load()
            found.append(name)
    return found


def plans(by: Iterable[str] = (), recipes: Iterable[str] = ()) -> list[Plan]:
    """The plans of these senses and these recipes' texts, each once."""
    made = [plan_of(sense) for sense in by] + [plan(text) for text in recipes]
    return list({each.recipe: each for each in reversed(made)}.values())[::-1]


def usable(recipes: Iterable[str]) -> list[Plan]:
    """The plans of these recipes; one whose method is gone has none."""
    found: list[Plan] = []
    for text in recipes:
        with suppress(RecipeError):
            found.append(plan(text))
    return found


def _versions(component: Method) -> str:
    """The version of a component and, after a dot each, of those that are its parameters."""
    return ".".join([str(component.version), *map(_versions, _inner(component))])


def _digests(component: Method) -> list[str]:
    """The digests of the models of a descriptor and of those that are its parameters."""
    own = [component.digest] if isinstance(component, Descriptor | LocalDescriptor) and component.digest else []
    return own + [digest for inner in _inner(component) for digest in _digests(inner)]


def _inner(component: Method) -> list[Method]:
    values = [getattr(component, field.name) for field in fields(component)]  # type: ignore[arg-type]
    single = [each for value in values for each in (value if isinstance(value, tuple) else [value])]
    return [value for value in single if isinstance(value, Method)]


def _with_metric(index: Index, metric: Metric) -> Index:
    return replace(index, metric=metric)  # type: ignore[type-var]


def _misplaced(recipe: Recipe, at: int, problem: str) -> RecipeError:
    step = recipe.steps[at]
    return RecipeError(f"{problem}; {step.name} cannot stand here", recipe.text, step.position, len(step.name))
