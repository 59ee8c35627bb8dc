"""What a recipe means for a collection: which rows it needs, how they are searched, what happens to the hits."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np

from nearsight.encoded import TRAINED_PREFIX, DescriptorChain
from nearsight.errors import ModelMissingError, RecipeError, UsageError, suggestion
from nearsight.recipe import Recipe, parse_recipe
from nearsight.registry import build_methods, method_name, natural_metric, require_method, to_recipe
from nearsight.senses import SENSES
from nearsight.types import Descriptor, Encoder, Index, LocalDescriptor, Method, Metric, Reranker


@dataclass(frozen=True)
class Pipeline:
    """A recipe ready to use. `name` is the sense, or the recipe as it was first written.

    Of the plans `beside` it, the first refiner looks at the first hits too, and takes those that it finds alike.
    """

    name: str
    descriptor: Descriptor
    index: Index
    metric: Metric
    rerankers: tuple[Reranker, ...]
    candidate_sources: tuple[Pipeline, ...] = ()

    @property
    def embedding_steps(self) -> tuple[Method, ...]:
        """The steps that make a row of an image."""
        each = self.descriptor
        return (each.base, *each.encoders) if isinstance(each, DescriptorChain) else (each,)

    @cached_property
    def recipe(self) -> str:
        """The recipe with every default written out."""
        return str(to_recipe((*self.embedding_steps, self.index, *self.rerankers)))

    @property
    def is_trained(self) -> bool:
        """Whether it can describe images: nothing is left to be learnt."""
        return not isinstance(self.descriptor, DescriptorChain) or self.descriptor.is_trained

    @property
    def supports_text(self) -> bool:
        """Whether it can be asked with texts: they have rows among its own, and no refiner looks at an image."""
        return not self.rerankers and self.descriptor.encode_texts(()) is not None

    @cached_property
    def metric_name(self) -> str:
        """What the distance is called."""
        return method_name(self.metric)

    @cached_property
    def key(self) -> str:
        """The key of the rows: the steps with every default, the versions and models of all that is in them.

        And a checksum of what was learnt, where something was.
        """
        learnt = (
            [self.descriptor.digest]
            if isinstance(self.descriptor, DescriptorChain) and self.descriptor.is_trained
            else []
        )
        return " ".join([self.untrained_key, *learnt])

    @cached_property
    def untrained_key(self) -> str:
        """The key of the rows whatever was learnt."""
        steps = self.embedding_steps
        versions = "/".join(map(_version_text, steps))
        return " ".join([f"{to_recipe(steps)} @{versions}", *(one for step in steps for one in _digests(step))])

    def is_stale(self, key: str) -> bool:
        """Whether this is the key of rows of its own that were made with something else learnt."""
        return key != self.key and key.startswith(f"{self.untrained_key} {TRAINED_PREFIX}")

    @cached_property
    def cache_key(self) -> str:
        """The key of what the index keeps of the rows: theirs, and its own."""
        return f"{self.key} | {self.index_key}"

    @property
    def index_key(self) -> str:
        """The key of the index whatever the rows: the parameters on which what it keeps depends."""
        step = to_recipe((self.index,)).steps[0]
        kept = tuple(pair for pair in step.kwargs if pair[0] in self.index.cache_params)
        return f"{replace(step, kwargs=kept)} @{self.index.version}"


def build_pipeline(text: str, name: str = "") -> Pipeline:
    """The plan of a recipe's text: a descriptor, encoders, an index, then refiners.

    Where no index is named it is `flat`, or `inverted` for visual words.

    Raises
    ------
    RecipeError
        where the steps do not follow each other
    """
    recipe = parse_recipe(text)
    components = build_methods(recipe)
    rest = list(components[1:])
    descriptor = _build_descriptor(recipe, components[0], rest)
    usual = "inverted" if descriptor.variable_length else "flat"
    index = rest.pop(0) if rest and isinstance(rest[0], Index) else require_method(usual)()
    assert isinstance(index, Index)
    metric = index.metric or natural_metric(descriptor)
    if index.variable_length != descriptor.variable_length:
        at = next((at for at, each in enumerate(components) if each is index), len(components) - 1)
        wanted = (
            "visual words are searched by inverted"
            if descriptor.variable_length
            else "rows are searched by flat or ivf"
        )
        raise _position_error(recipe, at, wanted)
    refiners = tuple(item for item in rest if isinstance(item, Reranker))
    for refiner in refiners:
        if lacking := _unmet_need(refiner, descriptor, metric):
            at = next(at for at, each in enumerate(components) if each is refiner)
            raise _position_error(recipe, at, lacking)
    if len(refiners) < len(rest):
        at = next(i for i, item in enumerate(components) if item in rest and not isinstance(item, Reranker))
        raise _position_error(
            recipe,
            at,
            "after the descriptor come encoders, such as pca, one index, such as flat, then refiners, such as verify",
        )
    return Pipeline(name or str(recipe), descriptor, _with_metric(index, metric), metric, refiners)


def _unmet_need(reranker: Reranker, descriptor: Descriptor, metric: Metric) -> str:
    """What a refiner needs that the rows are not; empty where they serve it."""
    if reranker.variable_length and not descriptor.variable_length:
        return "this compares visual words, of sift | asmk | inverted for example"
    if reranker.vectors and (descriptor.variable_length or np.dtype(descriptor.dtype) != np.float32):
        return "this makes averages of rows of numbers, of gist for example, not of hashes or visual words"
    if reranker.vectors and not _has_euclidean_form(
        metric, 8 if isinstance(descriptor, DescriptorChain) else descriptor.size
    ):
        return f"this compares rows by their directions, as flat(metric=l2) can; {method_name(metric)} cannot"
    return ""


def _has_euclidean_form(metric: Metric, width: int) -> bool:
    try:
        return metric.to_euclidean(np.zeros((1, width), np.float32)) is not None
    except ValueError:
        return False


def _build_descriptor(recipe: Recipe, first: Method, rest: list[Method]) -> Descriptor:
    """The first step with the encoders that follow it, which are taken out of the rest."""
    if not isinstance(first, Descriptor | LocalDescriptor):
        raise _position_error(recipe, 0, "a recipe starts with a descriptor, such as gist, or with local features")
    encoders, made = list[Encoder](), "features" if isinstance(first, LocalDescriptor) else "rows"
    while rest and isinstance(rest[0], Encoder):
        encoder = rest.pop(0)
        assert isinstance(encoder, Encoder)
        at = len(encoders) + 1
        if encoder.input_kind not in (made, "both"):
            raise _position_error(
                recipe, at, f"{encoder.input_kind} are encoded here, and what comes before makes {made}"
            )
        if encoders and encoders[-1].variable_length:
            raise _position_error(recipe, at, "after visual words comes an index")
        encoders.append(encoder)
        made = encoder.output_kind_for(made)
    if isinstance(first, Descriptor):
        return DescriptorChain(first, tuple(encoders)) if encoders else first
    if made == "features":
        problem = "local features are encoded before they are searched: sift | asmk, or sift | vlad"
        raise _position_error(recipe, len(encoders), problem)
    return DescriptorChain(first, tuple(encoders))


def build_sense_pipeline(sense: str) -> Pipeline:
    """The plan of a sense's name.

    Raises
    ------
    UsageError
        where there is no such sense, with the one that was meant
    """
    if sense not in SENSES:
        raise UsageError(f'there is no sense "{sense}"{suggestion(sense, SENSES)}')
    return build_pipeline(SENSES[sense].recipe, sense)


def available_senses() -> list[str]:
    """The senses that this machine can serve: those whose models are on it, and those that need none."""
    found = []
    for name in SENSES:
        with suppress(ModelMissingError):
            build_sense_pipeline(name).descriptor.load()
            found.append(name)
    return found


def build_pipelines(by: Iterable[str] = (), recipes: Iterable[str] = ()) -> list[Pipeline]:
    """The plans of these senses and these recipes' texts, each once."""
    made = [build_sense_pipeline(sense) for sense in by] + [build_pipeline(text) for text in recipes]
    return list({each.recipe: each for each in reversed(made)}.values())[::-1]


def buildable_pipelines(recipes: Iterable[str]) -> list[Pipeline]:
    """The plans of these recipes; one whose method is gone has none."""
    found: list[Pipeline] = []
    for text in recipes:
        with suppress(RecipeError):
            found.append(build_pipeline(text))
    return found


def _version_text(component: Method) -> str:
    """The version of a component and, after a dot each, of those that are its parameters."""
    return ".".join([str(component.version), *map(_version_text, _nested_methods(component))])


def _digests(component: Method) -> list[str]:
    """The digests of the models of a descriptor and of those that are its parameters."""
    own = [component.digest] if isinstance(component, Descriptor | LocalDescriptor) and component.digest else []
    return own + [digest for inner in _nested_methods(component) for digest in _digests(inner)]


def _nested_methods(component: Method) -> list[Method]:
    values = [getattr(component, field.name) for field in fields(component)]  # type: ignore[arg-type]
    single = [each for value in values for each in (value if isinstance(value, tuple) else [value])]
    return [value for value in single if isinstance(value, Method)]


def _with_metric(index: Index, metric: Metric) -> Index:
    return replace(index, metric=metric)  # type: ignore[type-var]


def _position_error(recipe: Recipe, at: int, problem: str) -> RecipeError:
    step = recipe.steps[at]
    return RecipeError(f"{problem}; {step.name} cannot stand here", recipe.text, step.position, len(step.name))
