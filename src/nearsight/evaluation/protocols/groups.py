"""Sets whose names say what belongs together: Holidays, UKBench, Copydays, and pairs of images.

References
----------
H. Jegou, M. Douze, C. Schmid, "Hamming embedding and weak geometric consistency for large scale image search",
ECCV 2008, doi:10.1007/978-3-540-88682-2_24: Holidays.
D. Nister, H. Stewenius, "Scalable recognition with a vocabulary tree", CVPR 2006, doi:10.1109/CVPR.2006.264: UKBench.
M. Douze, H. Jegou, H. Sandhawalia, L. Amsaleg, C. Schmid, "Evaluation of GIST descriptors for web-scale image search",
CIVR 2009, doi:10.1145/1646396.1646421: Copydays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from nearsight.errors import UsageError
from nearsight.evaluation.dataset_folder import find_first, list_images, list_subfolders
from nearsight.evaluation.ground_truth import EvaluationQuery, GroundTruth, Relevance

__all__ = ["read_copydays", "read_holidays", "read_pairs", "read_ukbench"]

_NUMBER = re.compile(r"(\d+)(?=\D*$)")
_REFERENCES = ("reference", "references", "original", "originals")


def read_holidays(data: Path, *, rotated: bool = False) -> GroundTruth:
    """INRIA Holidays: images of one place have the same number // 100, and number % 100 == 0 asks for the others.

    The query itself is taken out of the answer. Images are turned as their EXIF says; `rotated` takes the folder
    `jpg_rotated` of images that were turned upright by hand, which scores some points higher.
    """
    wanted = ("jpg_rotated", "images_rotated") if rotated else ("jpg", "images")
    images = find_first(data, wanted, "the images")
    groups = _group_by_number(list_images(images), lambda number: number // 100, images)
    queries = [
        EvaluationQuery(name, images / name, {"": Relevance(group, frozenset({name}))}, group=str(key))
        for key, group in groups.items()
        for name in sorted(group)
        if _last_number(name, images) % 100 == 0 and len(group) > 1
    ]
    name = "holidays-rotated" if rotated else "holidays"
    return GroundTruth(name, images, list_images(images), tuple(queries), ("mAP", "rank 1"))


def read_ukbench(data: Path) -> GroundTruth:
    """UKBench: four images of each thing, by number // 4; each asks for all four, itself among them."""
    images = find_first(data, ("full", "images", "ukbench"), "the images ukbench00000.jpg ...")
    groups = _group_by_number(list_images(images), lambda number: number // 4, images)
    queries = [
        EvaluationQuery(name, images / name, {"": Relevance(group)}, group=str(key))
        for key, group in groups.items()
        for name in sorted(group)
    ]
    return GroundTruth("ukbench", images, list_images(images), tuple(queries), ("N-S", "mAP"))


def read_copydays(data: Path) -> GroundTruth:
    """INRIA Copydays: altered copies ask for their original, which has the same number // 100.

    `original/` is searched among, with `distractors/` where there are some. All other folders hold copies: `strong/`,
    `jpegqual/N/`, `crops/N/`.
    """
    originals = find_first(data, ("original", "originals"), "the originals")
    others = [name for name in list_subfolders(data) if name not in (originals.name, "distractors")]
    root = data if "distractors" in list_subfolders(data) else originals
    held = tuple(
        f"{each.name}/{name}"
        for each in (originals, data / "distractors")
        if each.is_dir()
        for name in list_images(each)
    )
    held = tuple(name.removeprefix(f"{originals.name}/") for name in held) if root == originals else held
    by_block = {
        _last_number(name, data) // 100: name
        for name in held
        if root == originals or name.startswith(f"{originals.name}/")
    }
    queries = [
        _copy_query(data, f"{folder}/{name}", by_block) for folder in others for name in list_images(data / folder)
    ]
    return GroundTruth("copydays", root, held, tuple(queries), ("mAP", "rank 1", "µAP", "R@P90"))


def read_pairs(data: Path) -> GroundTruth:
    """One reference of each thing, and photographs of it in other folders under the same number.

    The references lie in `Reference/` (or `original/`); `Phone/017.jpg` asks for `Reference/017.jpg`.
    """
    references = [name for name in list_subfolders(data) if name.lower() in _REFERENCES]
    if not references:
        there = ", ".join(list_subfolders(data)) or "no folder"
        raise UsageError(f"{data} lacks a folder Reference with one image of each thing; there is {there}")
    images = data / references[0]
    by_number: dict[int, set[str]] = {}
    for name in list_images(images):
        by_number.setdefault(_last_number(name, images), set()).add(name)
    queries = [
        EvaluationQuery(
            f"{folder}/{name}",
            data / folder / name,
            {"": Relevance(frozenset(by_number.get(_last_number(name, data / folder), ())))},
            group=folder,
        )
        for folder in list_subfolders(data)
        if folder != images.name
        for name in list_images(data / folder)
    ]
    return GroundTruth("pairs", images, list_images(images), tuple(queries), ("mAP", "rank 1", "R@10"))


def _copy_query(data: Path, name: str, originals: dict[int, str]) -> EvaluationQuery:
    block = _last_number(name, data) // 100
    if block not in originals:
        raise UsageError(f"{data / name} has no original: expected an image numbered {block}00 in original/")
    return EvaluationQuery(
        name, data / name, {"": Relevance(frozenset({originals[block]}))}, group=str(Path(name).parent)
    )


def _group_by_number(names: Iterable[str], key: Callable[[int], int], folder: Path) -> dict[int, frozenset[str]]:
    groups: dict[int, set[str]] = {}
    for name in names:
        groups.setdefault(key(_last_number(name, folder)), set()).add(name)
    return {group: frozenset(members) for group, members in sorted(groups.items())}


def _last_number(name: str, folder: Path) -> int:
    """The last number in an image's name."""
    found = _NUMBER.search(Path(name).stem)
    if found is None:
        raise UsageError(f"{folder / name}: expected a number in its name, which says what it belongs to")
    return int(found[1])
