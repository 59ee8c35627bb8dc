"""Data sets of classes, each image a query for the others of its class: Corel-1k, Caltech-101, scene-15, any folders.

References
----------
T. Deselaers, D. Keysers, H. Ney, "Features for image retrieval: an experimental comparison", Information Retrieval
11(2), 2008, doi:10.1007/s10791-007-9039-3: leave one out, all 1000 images of Corel-1k as queries.
L. Fei-Fei, R. Fergus, P. Perona, "Learning generative visual models from few training examples", CVPR Workshop 2004,
doi:10.1109/CVPR.2004.383: Caltech-101.
S. Lazebnik, C. Schmid, J. Ponce, "Beyond bags of features", CVPR 2006, doi:10.1109/CVPR.2006.68: fifteen scenes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from nearsight.errors import UsageError
from nearsight.evaluation.dataset_folder import find_first, list_images, list_subfolders
from nearsight.evaluation.ground_truth import EvaluationQuery, GroundTruth, Relevance

__all__ = ["leave_one_out", "read_caltech101", "read_classes", "read_corel1k", "read_scene15"]

CLASS_MEASURES = ("mAP", "mAP, rect.", "1-NN error", "10-NN accuracy", "P@10")
_COREL = ("africa", "beach", "buildings", "buses", "dinosaurs", "elephants", "flowers", "horses", "mountains", "food")
_NOT_A_CLASS = frozenset({"BACKGROUND_Google"})


def read_corel1k(data: Path) -> GroundTruth:
    """Corel-1k, also called Wang: images 0.jpg to 999.jpg, whose class is their number // 100."""
    held = list_images(find_first(data, (".",), "the images"))
    numbered = {name: int(Path(name).stem) for name in held if Path(name).stem.isdecimal()}
    if sorted(numbered.values()) != list(range(1000)):
        raise UsageError(f"{data}: expected the images 0.jpg to 999.jpg of Corel-1k; there are {len(numbered)} such")
    return leave_one_out("corel1k", data, {name: _COREL[number // 100] for name, number in numbered.items()})


def read_caltech101(data: Path) -> GroundTruth:
    """Caltech-101: a folder for each class; the background, which is none, is left out."""
    root = next((data / name for name in ("101_ObjectCategories", "caltech101") if (data / name).is_dir()), data)
    return read_classes("caltech101", root, excluded=_NOT_A_CLASS)


def read_scene15(data: Path) -> GroundTruth:
    """Fifteen scenes: a folder for each."""
    truth = read_classes("scene15", data)
    if len(set(truth.labels.values())) != 15:
        raise UsageError(f"{data}: expected fifteen folders of scenes; there are {len(set(truth.labels.values()))}")
    return truth


def read_classes(name: str, data: Path, excluded: Iterable[str] = ()) -> GroundTruth:
    """Any folder of folders: the images below each belong together, those that lie loose are left out."""
    found = [each for each in list_subfolders(find_first(data, (".",), "the classes")) if each not in set(excluded)]
    labels = {f"{each}/{image}": each for each in found for image in list_images(data / each)}
    if len(set(labels.values())) < 2:
        raise UsageError(f"{data}: expected a folder for each class with its images, two or more; got {len(found)}")
    return leave_one_out(name, data, labels)


def leave_one_out(name: str, folder: Path, labels: Mapping[str, str]) -> GroundTruth:
    """Each image is a query for the others of its class, itself junk; classes of one image have no query."""
    members: dict[str, set[str]] = {}
    for image, label in labels.items():
        members.setdefault(label, set()).add(image)
    groups = {label: frozenset(each) for label, each in members.items()}
    counts = Counter(labels.values())
    queries = tuple(
        EvaluationQuery(image, folder / image, {"": Relevance(groups[label], frozenset({image}))}, group=label)
        for image, label in sorted(labels.items())
        if counts[label] > 1
    )
    return GroundTruth(name, folder, tuple(sorted(labels)), queries, CLASS_MEASURES, dict(labels))
