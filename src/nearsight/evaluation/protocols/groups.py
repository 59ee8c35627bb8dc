"""Sets whose names say what belongs together: Holidays, UKBench, Copydays, and pairs of pictures.

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
from nearsight.evaluation.folder import existing, folders, pictures
from nearsight.evaluation.ground_truth import Answers, GroundTruth, Question

__all__ = ["copydays", "holidays", "pairs", "ukbench"]

_NUMBER = re.compile(r"(\d+)(?=\D*$)")
_REFERENCES = ("reference", "references", "original", "originals")


def holidays(data: Path, *, rotated: bool = False) -> GroundTruth:
    """INRIA Holidays: pictures of one place have the same number // 100, and number % 100 == 0 asks for the others.

    The query itself is taken out of the answer. Pictures are turned as their EXIF says; `rotated` takes the folder
    `jpg_rotated` of pictures that were turned upright by hand, which scores some points higher.
    """
    wanted = ("jpg_rotated", "images_rotated") if rotated else ("jpg", "images")
    images = existing(data, wanted, "the pictures")
    groups = _grouped(pictures(images), lambda number: number // 100, images)
    questions = [
        Question(name, images / name, {"": Answers(group, frozenset({name}))}, group=str(key))
        for key, group in groups.items()
        for name in sorted(group)
        if _number(name, images) % 100 == 0 and len(group) > 1
    ]
    name = "holidays-rotated" if rotated else "holidays"
    return GroundTruth(name, images, pictures(images), tuple(questions), ("mAP", "rank 1"))


def ukbench(data: Path) -> GroundTruth:
    """UKBench: four pictures of each thing, by number // 4; each asks for all four, itself among them."""
    images = existing(data, ("full", "images", "ukbench"), "the pictures ukbench00000.jpg ...")
    groups = _grouped(pictures(images), lambda number: number // 4, images)
    questions = [
        Question(name, images / name, {"": Answers(group)}, group=str(key))
        for key, group in groups.items()
        for name in sorted(group)
    ]
    return GroundTruth("ukbench", images, pictures(images), tuple(questions), ("N-S", "mAP"))


def copydays(data: Path) -> GroundTruth:
    """INRIA Copydays: altered copies ask for their original, which has the same number // 100.

    `original/` is searched among, with `distractors/` where there are some. All other folders hold copies: `strong/`,
    `jpegqual/N/`, `crops/N/`.
    """
    originals = existing(data, ("original", "originals"), "the originals")
    others = [name for name in folders(data) if name not in (originals.name, "distractors")]
    root = data if "distractors" in folders(data) else originals
    held = tuple(
        f"{each.name}/{name}" for each in (originals, data / "distractors") if each.is_dir() for name in pictures(each)
    )
    held = tuple(name.removeprefix(f"{originals.name}/") for name in held) if root == originals else held
    by_block = {
        _number(name, data) // 100: name for name in held if root == originals or name.startswith(f"{originals.name}/")
    }
    questions = [_copy(data, f"{folder}/{name}", by_block) for folder in others for name in pictures(data / folder)]
    return GroundTruth("copydays", root, held, tuple(questions), ("mAP", "rank 1", "µAP", "R@P90"))


def pairs(data: Path) -> GroundTruth:
    """One reference of each thing, and photographs of it in other folders under the same number.

    The references lie in `Reference/` (or `original/`); `Phone/017.jpg` asks for `Reference/017.jpg`.
    """
    references = [name for name in folders(data) if name.lower() in _REFERENCES]
    if not references:
        there = ", ".join(folders(data)) or "no folder"
        raise UsageError(f"{data} lacks a folder Reference with one picture of each thing; there is {there}")
    images = data / references[0]
    by_number: dict[int, set[str]] = {}
    for name in pictures(images):
        by_number.setdefault(_number(name, images), set()).add(name)
    questions = [
        Question(
            f"{folder}/{name}",
            data / folder / name,
            {"": Answers(frozenset(by_number.get(_number(name, data / folder), ())))},
            group=folder,
        )
        for folder in folders(data)
        if folder != images.name
        for name in pictures(data / folder)
    ]
    return GroundTruth("pairs", images, pictures(images), tuple(questions), ("mAP", "rank 1", "R@10"))


def _copy(data: Path, name: str, originals: dict[int, str]) -> Question:
    block = _number(name, data) // 100
    if block not in originals:
        raise UsageError(f"{data / name} has no original: expected a picture numbered {block}00 in original/")
    return Question(name, data / name, {"": Answers(frozenset({originals[block]}))}, group=str(Path(name).parent))


def _grouped(names: Iterable[str], key: Callable[[int], int], folder: Path) -> dict[int, frozenset[str]]:
    groups: dict[int, set[str]] = {}
    for name in names:
        groups.setdefault(key(_number(name, folder)), set()).add(name)
    return {group: frozenset(members) for group, members in sorted(groups.items())}


def _number(name: str, folder: Path) -> int:
    """The last number in a picture's name."""
    found = _NUMBER.search(Path(name).stem)
    if found is None:
        raise UsageError(f"{folder / name}: expected a number in its name, which says what it belongs to")
    return int(found[1])
