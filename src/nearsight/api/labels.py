"""Labels by a model: a classifier's classes, or any names by a joint space of images and texts (zero-shot).

1. The collection is indexed by the classifier's output, or by the joint space.
2. The stored vectors become probabilities: the softmax of the outputs, or of the cosines with the names' vectors.
3. The best labels are written to the catalogue, each with its confidence and its model, one commit a batch.

Labels that a person set, confirmed or dropped stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.api.describe import describe
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
from nearsight.ingest.run import IngestSettings, Watch
from nearsight.models import store
from nearsight.pipeline import Pipeline, build_pipeline
from nearsight.storage.catalogue import Catalogue, locate
from nearsight.storage.catalogue_writer import CatalogueWriter
from nearsight.storage.collection_metadata import open_catalogue
from nearsight.storage.lock import writer_lock
from nearsight.storage.records import LabelState
from nearsight.storage.snapshot import Snapshot
from nearsight.types import Floats, Ids, Image
from nearsight.wording import plural

CLASSIFIER = "mobilenetv2"
OUTPUT = "logits"
"""Output of a classifier whose value i is for the label of line i."""
BATCH = 1000
"""Images a commit."""
MIN_CONFIDENCE, MAX_LABELS = 0.2, 3


@dataclass(frozen=True)
class Labeller:
    """A model with its pipeline, its label names, and the function from vectors to probabilities."""

    model: str
    pipeline: Pipeline
    names: tuple[str, ...]
    probabilities: Callable[[NDArray[Any]], Floats]


@dataclass(frozen=True)
class AnnotationSummary:
    """Numbers of images and labels that `annotate` stored, and the model."""

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
    at_least: float = MIN_CONFIDENCE,
    most: int = MAX_LABELS,
    collection: str | Path | None = None,
    settings: IngestSettings | None = None,
    watch: Watch | None = None,
) -> AnnotationSummary:
    """Label all images of a folder by a model; store the labels in its collection, where text search finds them.

    Parameters
    ----------
    model : a classifier, `mobilenetv2` by default; with `labels` a pair of networks for images and texts, by default
        that of `meaning`
    labels : names to choose from, instead of the classes that a classifier was trained for
    templates : sentences with one {} for the name; their vectors are averaged
    temperature : divisor of the cosines before the softmax
    at_least : minimum confidence, 0 to 1
    most : maximum number of labels an image

    Raises
    ------
    UsageError : the folder, a label or a template is not there or is wrong
    ModelError : the model is not there, or names no labels
    LockedError, StorageError : as `index`
    """
    _validate_limits(at_least, most)
    by = build_labeller(model, labels, templates, temperature)
    named = by.pipeline.name == "meaning"
    asked: Any = {"by": [by.pipeline.name]} if named else {"recipe": by.pipeline.name}
    with index(folder, **asked, collection=collection, settings=settings, watch=watch) as photos:
        index_dir = photos.index_dir
    files = LocalFileSystem()
    with writer_lock(index_dir, files), open_catalogue(index_dir, files) as catalogue:
        counts = [0, 0]
        for ids, rows in _label_batches(index_dir, catalogue, by.pipeline, files):
            chosen = top_labels(by.probabilities(rows), at_least, most)
            with catalogue.transaction():
                for image_id, found in zip(ids.tolist(), chosen, strict=True):
                    said = [(by.names[at], sure) for at, sure in found]
                    put = catalogue.put_labels(catalogue.image(image_id), by.model, said)
                    counts = [counts[0] + bool(put), counts[1] + put]
    return AnnotationSummary(by.model, *counts)


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
    """The best labels of each image with their probabilities, the most probable first, as `annotate` finds them.

    Raises
    ------
    UsageError : a label or a template is wrong
    ModelError : the model is not there, or names no labels
    ImageError : an image cannot be read
    """
    _validate_limits(at_least, most)
    by = build_labeller(model, labels, templates, temperature)
    by.pipeline.descriptor.load()
    rows = describe(images, by.pipeline.name if by.pipeline.name != "meaning" else by.pipeline.recipe)
    return [{by.names[at]: sure for at, sure in found} for found in top_labels(by.probabilities(rows), at_least, most)]


def set_label(folder: str | Path, path: str, label: str, *, collection: str | Path | None = None) -> None:
    """Set a label of an image, or confirm a model's; it stays when `annotate` runs again.

    Raises
    ------
    UsageError : there is no image at this path, or the label is empty
    """
    if not label.strip():
        raise UsageError("a label is a word or several; got none")
    _store_label_state(folder, path, label.strip(), LabelState.CONFIRMED, collection)


def drop_label(folder: str | Path, path: str, label: str, *, collection: str | Path | None = None) -> None:
    """Drop a wrong label of an image; no model sets it again.

    Raises
    ------
    UsageError : there is no image at this path, or it has no such label
    """
    _store_label_state(folder, path, label.strip(), LabelState.DROPPED, collection)


def build_labeller(model: str, labels: Sequence[str], templates: Sequence[str], temperature: float) -> Labeller:
    """Build the labeller of a model. ModelError or UsageError says why it cannot label."""
    return (
        _zero_shot_labeller(model, labels, templates, temperature)
        if labels
        else _classifier_labeller(model or CLASSIFIER)
    )


def _zero_shot_labeller(model: str, labels: Sequence[str], templates: Sequence[str], temperature: float) -> Labeller:
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


def _classifier_labeller(model: str) -> Labeller:
    card = store.find_card(model)
    if card.texts:
        raise ModelError(f"{model} has no classes of its own: give the names to choose from (--labels FILE)")
    if not card.labels:
        named = ", ".join(each.name for each in store.all_cards().values() if each.labels)
        raise ModelError(f"the card of {model} names no file of labels; that of {named} does")
    count = card.output(OUTPUT).dimension
    file = store.require_model(model).path.parent / card.labels
    try:
        names = tuple(line.strip() for line in file.read_text("utf8").splitlines())
    except (OSError, ValueError) as problem:
        raise ModelError(f"the labels of {model} cannot be read: {problem}") from problem
    if len(names) != count:
        raise ModelError(
            f"{file} has {plural(len(names), 'line')} for the {plural(count, 'value')} of {OUTPUT} of {model}"
        )
    return Labeller(model, build_pipeline(f"onnx(model={model}, output={OUTPUT})"), names, softmax)


def _validate_limits(at_least: float, most: int) -> None:
    if not 0 <= at_least <= 1 or most < 1:
        raise UsageError(f"at_least is 0 to 1 and most 1 or more; got {at_least} and {most}")


def _label_batches(
    index_dir: Path, catalogue: Catalogue, wanted: Pipeline, files: LocalFileSystem
) -> Iterator[tuple[Ids, NDArray[Any]]]:
    """Yield the ids and stored vectors of all images that have one, a batch at a time."""
    snapshot = Snapshot(index_dir, catalogue, files)
    ids = np.array(catalogue.ids(), np.int64)
    held = np.concatenate([np.empty(0, np.int64), *(some for some, _ in snapshot.iter_vectors(wanted, ids))])
    held = np.sort(held)
    for start in range(0, len(held), BATCH):
        some = held[start : start + BATCH]
        yield some, snapshot.vectors(wanted, some)


def _store_label_state(
    folder: str | Path, path: str, label: str, state: LabelState, collection: str | Path | None
) -> None:
    index_dir, files = locate(folder, collection), LocalFileSystem()
    with writer_lock(index_dir, files), open_catalogue(index_dir, files) as catalogue:
        image = catalogue.image_at(path.encode("utf8", "surrogateescape"))
        if image is None:
            raise UsageError(f"there is no image at {path} in this collection; name paths as hits have them")
        if state is LabelState.DROPPED:
            _require_label(catalogue, image.path, label)
        with catalogue.transaction():
            catalogue.put_label(image, label, state)


def _require_label(catalogue: CatalogueWriter, path: bytes, label: str) -> None:
    there = [each.label for each in catalogue.labels(path)]
    if label not in there:
        raise UsageError(f'it is not labelled "{label}"; its labels are: {"; ".join(there) or "none"}')
