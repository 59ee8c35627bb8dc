"""Labels by a model: of the classes that a network was trained for, or of any names by a space of images and texts.

1. The collection is indexed by what the labels are read off: a classifier's output, or the space of both.
2. The stored rows become probabilities: the softmax of the outputs, or of the cosines with the names' rows.
3. The best of them are written to the catalogue, each with its confidence and its model, a batch a commit.

Whatever somebody confirmed, set or dropped stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.api.collection import describe
from nearsight.api.indexing import index
from nearsight.applications.zero_shot import (
    TEMPERATURE,
    TEMPLATES,
    embed_labels,
    label_probabilities,
    softmax,
    top_labels,
)
from nearsight.descriptors.joint import Joint
from nearsight.errors import ModelError, UsageError
from nearsight.files import LocalFileSystem
from nearsight.ingest.run import Settings, Watch
from nearsight.models import registry
from nearsight.pipeline import Pipeline, build_pipeline
from nearsight.storage.catalogue import Catalogue
from nearsight.storage.catalogue_writer import CatalogueWriter
from nearsight.storage.collection_metadata import open_catalogue
from nearsight.storage.location import locate
from nearsight.storage.lock import writer_lock
from nearsight.storage.records import LabelState
from nearsight.storage.snapshot import Snapshot
from nearsight.types import Floats, Ids, Image

CLASSIFIER = "mobilenetv2"
OUTPUT = "logits"
"""The output of a classifier whose place i is the label of line i."""
BATCH = 1000
"""Images a commit."""
AT_LEAST, MOST = 0.2, 3


@dataclass(frozen=True)
class Labeller:
    """What labels images: a model with its plan, the names that it knows, and how rows become probabilities."""

    model: str
    plan: Pipeline
    names: tuple[str, ...]
    probabilities: Callable[[NDArray[Any]], Floats]


@dataclass(frozen=True)
class Annotated:
    """What `annotate` did: how many `images` got how many `labels`, by which model."""

    model: str
    images: int
    labels: int


def annotate(
    folder: str | Path,
    *,
    model: str = "",
    labels: Sequence[str] = (),
    templates: Sequence[str] = TEMPLATES,
    temperature: float = TEMPERATURE,
    at_least: float = AT_LEAST,
    most: int = MOST,
    collection: str | Path | None = None,
    settings: Settings | None = None,
    watch: Watch | None = None,
) -> Annotated:
    """Label all images of a folder by a model, and keep the labels in its collection, where words find them.

    Parameters
    ----------
    model : a classifier, `mobilenetv2` by default; with `labels` a pair of networks for images and texts, by default
        that of `meaning`
    labels : names to choose from, instead of the classes that a classifier was trained for
    templates : sentences with one {} for the name, over whose rows is averaged
    temperature : by which cosines are divided before the softmax
    at_least : labels that are less sure are left out (0 to 1)
    most : so many labels an image, at most

    Raises
    ------
    UsageError : the folder, a label or a template is not there or is wrong
    ModelError : the model is not there, or names no labels
    LockedError, StorageError : as `index`
    """
    _check(at_least, most)
    by = labeller(model, labels, templates, temperature)
    named = by.plan.name == "meaning"
    asked: Any = {"by": [by.plan.name]} if named else {"recipe": by.plan.name}
    with index(folder, **asked, collection=collection, settings=settings, watch=watch) as photos:
        home = photos.home
    files = LocalFileSystem()
    with writer_lock(home, files), open_catalogue(home, files) as catalogue:
        counts = [0, 0]
        for ids, rows in _batches(home, catalogue, by.plan, files):
            chosen = top_labels(by.probabilities(rows), at_least, most)
            with catalogue.transaction():
                for ident, found in zip(ids.tolist(), chosen, strict=True):
                    said = [(by.names[at], sure) for at, sure in found]
                    put = catalogue.put_labels(catalogue.image(ident), by.model, said)
                    counts = [counts[0] + bool(put), counts[1] + put]
    return Annotated(by.model, *counts)


def classify(
    images: Sequence[str | Path | Image],
    *,
    model: str = "",
    labels: Sequence[str] = (),
    templates: Sequence[str] = TEMPLATES,
    temperature: float = TEMPERATURE,
    at_least: float = 0.0,
    most: int = 5,
) -> list[dict[str, float]]:
    """The best labels of each image with their probabilities, the surest first, as `annotate` finds them.

    Raises
    ------
    UsageError : a label or a template is wrong
    ModelError : the model is not there, or names no labels
    ImageError : an image cannot be read
    """
    _check(at_least, most)
    by = labeller(model, labels, templates, temperature)
    by.plan.descriptor.load()
    rows = describe(images, by.plan.name if by.plan.name != "meaning" else by.plan.recipe)
    return [{by.names[at]: sure for at, sure in found} for found in top_labels(by.probabilities(rows), at_least, most)]


def set_label(folder: str | Path, path: str, label: str, *, collection: str | Path | None = None) -> None:
    """Say that an image shows something, or confirm what a model said; it stays when `annotate` runs again.

    Raises
    ------
    UsageError : there is no image at this path, or the label is empty
    """
    if not label.strip():
        raise UsageError("a label is a word or several; got none")
    _judge(folder, path, label.strip(), LabelState.CONFIRMED, collection)


def drop_label(folder: str | Path, path: str, label: str, *, collection: str | Path | None = None) -> None:
    """Say that a label of an image is wrong; no model sets it again.

    Raises
    ------
    UsageError : there is no image at this path, or it has no such label
    """
    _judge(folder, path, label.strip(), LabelState.DROPPED, collection)


def labeller(model: str, labels: Sequence[str], templates: Sequence[str], temperature: float) -> Labeller:
    """What labels images by this model; ModelError, UsageError where it cannot."""
    return _by_names(model, labels, templates, temperature) if labels else _by_classes(model or CLASSIFIER)


def _by_names(model: str, labels: Sequence[str], templates: Sequence[str], temperature: float) -> Labeller:
    descriptor = Joint(model) if model else Joint()
    descriptor.load()
    names = tuple(dict.fromkeys(label.strip() for label in labels))
    try:
        rows = embed_labels(names, descriptor.encode_texts, templates)
        label_probabilities(rows[:1], rows, temperature)
    except ValueError as problem:
        raise UsageError(str(problem)) from None
    usual = descriptor == Joint()
    wanted = build_pipeline("joint | flat", "meaning") if usual else build_pipeline(f"joint(model={descriptor.model})")
    return Labeller(descriptor.model, wanted, names, lambda given: label_probabilities(given, rows, temperature))


def _by_classes(model: str) -> Labeller:
    card = registry.find_card(model)
    if card.texts:
        raise ModelError(f"{model} has no classes of its own: give the names to choose from (--labels FILE)")
    if not card.labels:
        named = ", ".join(each.name for each in registry.all_cards().values() if each.labels)
        raise ModelError(f"the card of {model} names no file of labels; that of {named} does")
    count = card.output(OUTPUT).dimension
    file = registry.require_model(model).path.parent / card.labels
    try:
        names = tuple(line.strip() for line in file.read_text("utf8").splitlines())
    except (OSError, ValueError) as problem:
        raise ModelError(f"the labels of {model} cannot be read: {problem}") from problem
    if len(names) != count:
        raise ModelError(f"{file} has {len(names)} lines for the {count} values of {OUTPUT} of {model}")
    return Labeller(model, build_pipeline(f"onnx(model={model}, output={OUTPUT})"), names, softmax)


def _check(at_least: float, most: int) -> None:
    if not 0 <= at_least <= 1 or most < 1:
        raise UsageError(f"at_least is 0 to 1 and most 1 or more; got {at_least} and {most}")


def _batches(
    home: Path, catalogue: Catalogue, wanted: Pipeline, files: LocalFileSystem
) -> Iterator[tuple[Ids, NDArray[Any]]]:
    """The stored rows of all images that have one, with their ids, a batch at a time."""
    snapshot = Snapshot(home, catalogue, files)
    ids = np.array(catalogue.ids(), np.int64)
    held = np.concatenate([np.empty(0, np.int64), *(some for some, _ in snapshot.iter_vectors(wanted, ids))])
    held = np.sort(held)
    for start in range(0, len(held), BATCH):
        some = held[start : start + BATCH]
        yield some, snapshot.vectors(wanted, some)


def _judge(folder: str | Path, path: str, label: str, state: LabelState, collection: str | Path | None) -> None:
    home, files = locate(folder, collection), LocalFileSystem()
    with writer_lock(home, files), open_catalogue(home, files) as catalogue:
        image = catalogue.image_at(path.encode("utf8", "surrogateescape"))
        if image is None:
            raise UsageError(f"there is no image at {path} in this collection; name paths as hits have them")
        if state is LabelState.DROPPED:
            _held(catalogue, image.path, label)
        with catalogue.transaction():
            catalogue.put_label(image, label, state)


def _held(catalogue: CatalogueWriter, path: bytes, label: str) -> None:
    there = [each.label for each in catalogue.labels(path)]
    if label not in there:
        raise UsageError(f'it is not labelled "{label}"; its labels are: {"; ".join(there) or "none"}')
