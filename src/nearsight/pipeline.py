"""Pipelines: recipes as descriptors with encoders, an index, its metric and re-rankers."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np

from nearsight.descriptor_chain import TRAINED_PREFIX, DescriptorChain
from nearsight.errors import ModelMissingError, RecipeError, UsageError, suggestion
from nearsight.recipe import Recipe, parse_recipe
from nearsight.registry import build_methods, method_name, natural_metric, require_method, to_recipe
from nearsight.senses import SENSES
from nearsight.types import Descriptor, Encoder, Index, LocalDescriptor, Method, Metric, Reranker


@dataclass(frozen=True)
class Pipeline:
    """A recipe ready to use. `name` is the sense, or the recipe as it was first written.

    The first re-ranker also looks at the first hits of the `candidate_sources`, and takes those that match.
    """

    name: str
    descriptor: Descriptor
    index: Index
    metric: Metric
    rerankers: tuple[Reranker, ...]
    candidate_sources: tuple[Pipeline, ...] = ()

    @property
    def embedding_steps(self) -> tuple[Method, ...]:
        """The steps that compute the vector of an image."""
        each = self.descriptor
        return (each.base, *each.encoders) if isinstance(each, DescriptorChain) else (each,)

    @cached_property
    def recipe(self) -> str:
        """The recipe with every default written out."""
        return str(to_recipe((*self.embedding_steps, self.index, *self.rerankers)))

    @property
    def is_trained(self) -> bool:
        """Whether it can describe images: no encoder is left to train."""
        return not isinstance(self.descriptor, DescriptorChain) or self.descriptor.is_trained

    @property
    def supports_text(self) -> bool:
        """Whether it takes text queries: they have vectors in its space, and no re-ranker looks at an image."""
        return not self.rerankers and self.descriptor.encode_texts(()) is not None

    @cached_property
    def metric_name(self) -> str:
        """Name of the metric."""
        return method_name(self.metric)

    @cached_property
    def key(self) -> str:
        """Key of the vectors: the steps with all defaults, versions, models, and the digest of a trained state."""
        chain = self.descriptor
        digests = [chain.digest] if isinstance(chain, DescriptorChain) and chain.is_trained else []
        return " ".join([self.untrained_key, *digests])

    @cached_property
    def untrained_key(self) -> str:
        """Key of the vectors without the checksum of a trained state."""
        steps = self.embedding_steps
        versions = "/".join(map(_version_text, steps))
        return " ".join([f"{to_recipe(steps)} @{versions}", *(one for step in steps for one in _method_digests(step))])

    def is_stale(self, key: str) -> bool:
        """Whether this is the key of its vectors under another trained state."""
        return key != self.key and key.startswith(f"{self.untrained_key} {TRAINED_PREFIX}")

    @cached_property
    def cache_key(self) -> str:
        """Key of the index caches: that of the vectors, and that of the index."""
        return f"{self.key} | {self.index_key}"

    @property
    def index_key(self) -> str:
        """Key of the index alone: its parameters that its caches depend on."""
        step = to_recipe((self.index,)).steps[0]
        kept = tuple(pair for pair in step.kwargs if pair[0] in self.index.cache_params)
        return f"{replace(step, kwargs=kept)} @{self.index.version}"


def build_pipeline(text: str, name: str = "") -> Pipeline:
    """Build the pipeline of a recipe's text: a descriptor, encoders, an index, then re-rankers.

    Without an index it is `flat`, or `inverted` for visual words.

    Raises
    ------
    RecipeError
        the steps do not follow each other
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
    rerankers = tuple(item for item in rest if isinstance(item, Reranker))
    for reranker in rerankers:
        if lacking := _unmet_need(reranker, descriptor, metric):
            at = next(at for at, each in enumerate(components) if each is reranker)
            raise _position_error(recipe, at, lacking)
    if len(rerankers) < len(rest):
        at = next(i for i, item in enumerate(components) if item in rest and not isinstance(item, Reranker))
        raise _position_error(
            recipe,
            at,
            "after the descriptor come encoders, such as pca, one index, such as flat, then rerankers, such as verify",
        )
    return Pipeline(name or str(recipe), descriptor, _with_metric(index, metric), metric, rerankers)


def _unmet_need(reranker: Reranker, descriptor: Descriptor, metric: Metric) -> str:
    """Say what a re-ranker needs that the vectors are not; empty if they serve it."""
    if reranker.variable_length and not descriptor.variable_length:
        return "this compares visual words, of sift | asmk | inverted for example"
    if reranker.vectors and (descriptor.variable_length or np.dtype(descriptor.dtype) != np.float32):
        return "this makes averages of rows of numbers, of gist for example, not of hashes or visual words"
    if reranker.vectors and not _pipeline_is_euclidean(
        metric, 8 if isinstance(descriptor, DescriptorChain) else descriptor.size
    ):
        return f"this compares rows by their directions, as flat(metric=l2) can; {method_name(metric)} cannot"
    return ""


def _pipeline_is_euclidean(metric: Metric, width: int) -> bool:
    try:
        return metric.to_euclidean(np.zeros((1, width), np.float32)) is not None
    except ValueError:
        return False


def _build_descriptor(recipe: Recipe, first: Method, rest: list[Method]) -> Descriptor:
    """Build the descriptor with the encoders that follow it, and remove these from `rest`."""
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
    """Build the pipeline of a sense; those that it requires are its candidate sources.

    Raises
    ------
    UsageError
        there is no such sense; the message suggests one
    """
    if sense not in SENSES:
        raise UsageError(f'there is no sense "{sense}"{suggestion(sense, SENSES)}')
    sources = tuple(map(build_sense_pipeline, SENSES[sense].requires))
    return replace(build_pipeline(SENSES[sense].recipe, sense), candidate_sources=sources)


def available_senses() -> list[str]:
    """Senses that this machine can serve: their models are installed, or they need none."""
    return [name for name in SENSES if is_available(name)]


def is_available(sense: str) -> bool:
    """Whether this machine can serve a sense: its models are installed, or it needs none."""
    with suppress(ModelMissingError):
        build_sense_pipeline(sense).descriptor.load()
        return True
    return False


def build_pipelines(by: Iterable[str] = (), recipes: Iterable[str] = ()) -> list[Pipeline]:
    """Build the pipelines of these senses and recipes, each once."""
    made = [build_sense_pipeline(sense) for sense in by] + [build_pipeline(text) for text in recipes]
    return list({each.recipe: each for each in reversed(made)}.values())[::-1]


def buildable_pipelines(recipes: Iterable[str]) -> list[Pipeline]:
    """Build the pipelines of these recipes, except those whose method is missing."""
    found: list[Pipeline] = []
    for text in recipes:
        with suppress(RecipeError):
            found.append(build_pipeline(text))
    return found


def _version_text(component: Method) -> str:
    """Version of a component and, after dots, of the components among its parameters."""
    return ".".join([str(component.version), *map(_version_text, _nested_methods(component))])


def _method_digests(component: Method) -> list[str]:
    """Digests of the models of a component and of the components among its parameters."""
    own = [component.digest] if isinstance(component, Descriptor | LocalDescriptor) and component.digest else []
    return own + [digest for inner in _nested_methods(component) for digest in _method_digests(inner)]


def _nested_methods(component: Method) -> list[Method]:
    values = [getattr(component, field.name) for field in fields(component)]  # type: ignore[arg-type]
    single = [each for value in values for each in (value if isinstance(value, tuple) else [value])]
    return [value for value in single if isinstance(value, Method)]


def _with_metric(index: Index, metric: Metric) -> Index:
    return replace(index, metric=metric)  # type: ignore[type-var]


def _position_error(recipe: Recipe, at: int, problem: str) -> RecipeError:
    step = recipe.steps[at]
    return RecipeError(f"{problem}; {step.name} cannot stand here", recipe.text, step.position, len(step.name))
