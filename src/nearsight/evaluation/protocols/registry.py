"""All protocols by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from nearsight.errors import UsageError
from nearsight.evaluation.ground_truth import GroundTruth
from nearsight.evaluation.protocols import classes, csv_table, groups, oxford_paris

__all__ = ["PROTOCOLS", "Protocol", "load_ground_truth"]


@dataclass(frozen=True)
class Protocol:
    """One protocol: its name, what it is, what its folder holds, and its reader."""

    name: str
    description: str
    expects: str
    read: Callable[[Path], GroundTruth]


PROTOCOLS = {
    each.name: each
    for each in (
        Protocol(
            "oxford5k",
            "parts of buildings in Oxford, 55 queries",
            "images/, gt/*_query.txt, _good, _ok, _junk",
            partial(oxford_paris.read_oxford_paris, "oxford5k"),
        ),
        Protocol(
            "paris6k",
            "parts of buildings in Paris, 55 queries",
            "images/, gt/*_query.txt, _good, _ok, _junk",
            partial(oxford_paris.read_oxford_paris, "paris6k"),
        ),
        Protocol(
            "roxford5k",
            "Oxford revisited: easy, medium, hard",
            "jpg/, gnd_roxford5k.pkl",
            partial(oxford_paris.read_revisited, "roxford5k"),
        ),
        Protocol(
            "rparis6k",
            "Paris revisited: easy, medium, hard",
            "jpg/, gnd_rparis6k.pkl",
            partial(oxford_paris.read_revisited, "rparis6k"),
        ),
        Protocol("landmarks", "any images, scored like Oxford5k", "images/, gt.json", oxford_paris.read_landmarks),
        Protocol("holidays", "500 groups of holiday images", "jpg/100000.jpg ...", groups.read_holidays),
        Protocol(
            "holidays-rotated",
            "the same, turned upright by hand",
            "jpg_rotated/100000.jpg ...",
            partial(groups.read_holidays, rotated=True),
        ),
        Protocol("ukbench", "four images of each of 2550 things", "full/ukbench00000.jpg ...", groups.read_ukbench),
        Protocol(
            "copydays",
            "altered copies of 157 images",
            "original/, strong/, jpegqual/N/, crops/N/, distractors/",
            groups.read_copydays,
        ),
        Protocol(
            "pairs", "photographs of things with one reference each", "Reference/, other folders", groups.read_pairs
        ),
        Protocol("corel1k", "ten classes of 100 images, leave one out", "0.jpg to 999.jpg", classes.read_corel1k),
        Protocol("caltech101", "101 classes, leave one out", "101_ObjectCategories/CLASS/", classes.read_caltech101),
        Protocol("scene15", "fifteen kinds of scenes, leave one out", "CLASS/", classes.read_scene15),
        Protocol("classes", "any folder of classes, leave one out", "CLASS/", partial(classes.read_classes, "classes")),
        Protocol(
            "table", "any images with a table of answers", "queries.csv, or the file itself", csv_table.read_table
        ),
    )
}


def load_ground_truth(name: str, data: Path) -> GroundTruth:
    """The ground truth of a protocol in a folder.

    Raises
    ------
    UsageError
        where there is no such protocol, or a part of its data is missing
    """
    if name not in PROTOCOLS:
        raise UsageError(f'there is no protocol "{name}"; there are: {", ".join(PROTOCOLS)}')
    folder = data.expanduser().resolve()
    if not folder.exists():
        raise UsageError(f"{data} is not there; {name} expects in --data: {PROTOCOLS[name].expects}")
    return PROTOCOLS[name].read(folder)
