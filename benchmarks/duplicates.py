"""How well and how fast are planted copies found in a whole folder? Writes the tables of docs/duplicates.md.

    python -m benchmarks.duplicates FOLDER [FOLDER ...] --images 20000 --groups 1000 --out docs/duplicates.md

1. A folder of so many images is made: some of those of the folders, and parts of the others, which overlap in nothing:
   quarters, or ninths or sixteenths where there are not enough; fewer where the folders have not so many.
2. The whole ones get altered copies: of each kind as many, and the same file again.
3. The folder is indexed, and its duplicates are found, by all verdicts. A pair is right where both are of one image.
4. The hashes of `imagehash` and of `imagededup` group the same files (the extra `peers`), where they are installed, or
   in the Python that `--peers` names.
5. A hundred more images, of other folders (`--more`), are added, and the duplicates are found again.
6. So many of the copies, and as many images of other folders, are looked for in the images without copies (`--across`).
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

import nearsight as ns
from benchmarks.copies import BY_HAND, FORMATS
from benchmarks.machine import machine, table
from nearsight.applications.duplicates.find import DEFAULT_VERDICTS, VERDICT_NAMES
from nearsight.evaluation.attacks import ATTACKS
from nearsight.images.decode import open_image
from nearsight.types import Image

SAME = "same file"
MIN_SIDE, DIVISIONS = 80, (2, 3, 4)
"""The shorter side of a part of an image at least, in pixels; and into how many it is divided across and down."""
LOOK_SIDE, MAX_ALIKE = 12, 0.9
"""Pixels along each side at which images of the folders are compared, and their correlation at most."""
LOSSLESS = ("jpeg", "small-jpeg", "noise", "salt")
"""Kinds whose traces another JPEG would blur."""
HASH_DISTANCE, PEER_DISTANCE = 8, 10
"""Bits of 64 in which two perceptual hashes of a pair differ at most; imagededup's own default is the second."""
PEER = """
import json, sys
from imagededup.methods import PHash
hasher = PHash(verbose=False)
codes = hasher.encode_images(image_dir=sys.argv[1])
json.dump(hasher.find_duplicates(encoding_map=codes, max_distance_threshold=int(sys.argv[2])), open(sys.argv[3], "w"))
"""
"""What runs in a Python that has imagededup: it needs PyTorch, even for hashes."""


@dataclass(frozen=True)
class Plant:
    """One file and its copies: the image, its number, the part that is taken of it if any, the kinds of copies.

    A part is its number, and into how many the image is divided across and down.
    """

    source: Path
    number: int
    part: tuple[int, int] | None = None
    kinds: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The file's name; those of all files of one image begin alike."""
        return f"{self.number:06d}{'' if self.part is None else f'-part{self.part[0]}'}.jpg"


def part_of(image: Image, number: int, across: int) -> Image:
    """A part of an image that is divided so many times across and down, smaller, so that they share nothing."""
    height, width = (side // across for side in image.shape[:2])
    top, left = (number // across) * height, (number % across) * width
    return np.ascontiguousarray(image[top + 2 : top + height - 2, left + 2 : left + width - 2])


def plan(folders: list[Path], n_images: int, n_groups: int, seed: int = 7) -> list[Plant]:
    """The files of the folder, in all about so many: the first images with copies, and parts of the others."""
    files = sorted(path for folder in folders for path in folder.rglob("*") if path.suffix.lower() in FORMATS)
    rng = np.random.default_rng(seed)
    sizes = {
        path: min(1024 * side // max(1, *size), side)
        for path in files
        for size in [open_size(path)]
        for side in [min(size)]
    }
    sources = distinct([files[at] for at in rng.permutation(len(files)) if sizes[files[at]] >= MIN_SIDE])
    kinds = cycle(rng.permutation([SAME, *ATTACKS]).tolist())
    made = [
        Plant(source, number, kinds=tuple(islice(kinds, int(rng.integers(1, 4)))))
        for number, source in enumerate(sources[:n_groups])
    ]
    rest, missing = list(enumerate(sources))[n_groups:], n_images - sum(1 + len(each.kinds) for each in made)
    parts = list[Plant]()
    for across in DIVISIONS:
        large = [each for each in rest if sizes[each[1]] >= MIN_SIDE * across]
        smaller = [Plant(source, number, (at, across)) for at in range(across**2) for number, source in large]
        parts = max(parts, smaller, key=len) if len(parts) < missing else parts
    return [*made, *parts[: max(0, missing)]]


def distinct(files: list[Path]) -> list[Path]:
    """The files without those that look like an earlier one: the folders have images in common, and frames of films."""
    with ProcessPoolExecutor() as pool:
        looks = np.array(list(pool.map(_look, files, chunksize=32)))
    kept = list[int]()
    for at in range(len(files)):
        if not kept or (looks[kept] @ looks[at]).max() < MAX_ALIKE:
            kept.append(at)
    return [files[at] for at in kept]


def _look(path: Path) -> NDArray[np.float32]:
    """An image in a few pixels, of length 1."""
    with PillowImage.open(path) as image:
        small = np.asarray(image.convert("L").resize((LOOK_SIDE, LOOK_SIDE)), np.float32).ravel()
    small -= small.mean()
    return small / max(float(np.linalg.norm(small)), 1e-6)


def open_size(path: Path) -> tuple[int, int]:
    """Width and height, 0 where it cannot be read."""
    try:
        with PillowImage.open(path) as image:
            return image.size
    except OSError:
        return 0, 0


def write(target: Path, plant: Plant) -> dict[str, str]:
    """The image and its copies as files: the kind of each copy by its name."""
    image, made = open_image(plant.source).render(1024), dict[str, str]()
    if plant.part is not None:
        image = part_of(image, *plant.part)
    original = target / plant.name
    PillowImage.fromarray(image).save(original, quality=92)
    for kind in plant.kinds:
        name = f"{plant.number:06d}-{kind.replace(' ', '-')}{'.png' if kind.startswith(LOSSLESS) else '.jpg'}"
        if kind == SAME:
            shutil.copy(original, target / name)
        else:
            PillowImage.fromarray(ATTACKS[kind](image)).save(target / name, quality=92)
        made[name] = kind
    return made


def make_folder(target: Path, plants: list[Plant]) -> dict[str, str]:
    """All files; the kind of each copy by its name."""
    with ProcessPoolExecutor() as pool:
        found = pool.map(write, [target] * len(plants), plants, chunksize=16)
        return {name: kind for made in found for name, kind in made.items()}


def pairs_of(groups: list[list[str]]) -> Iterator[tuple[str, str]]:
    """The first of each group with each of the others."""
    for first, *others in groups:
        yield from ((first, other) for other in others)


def judge(groups: list[list[str]], kinds: dict[str, str]) -> tuple[float, int, dict[str, float]]:
    """The share of the pairs that are of one image, the number of the others, and for each kind the share found."""
    same = [one[:6] == other[:6] for one, other in pairs_of(groups)]
    group = {name: at for at, names in enumerate(groups) for name in names}
    found = defaultdict(list)
    for name, kind in kinds.items():
        found[kind].append(group.get(name, -1) == group.get(f"{name[:6]}.jpg", -2))
    recall = {kind: float(np.mean(found[kind])) for kind in sorted(found)}
    return float(np.mean(same)) if same else 1.0, same.count(False), recall


def by_nearsight(folder: Path, verdicts: tuple[str, ...]) -> list[list[str]]:
    """The groups of `nearsight duplicates`, in a collection that is up to date."""
    found = ns.duplicates(folder, verdicts=verdicts, update=False)
    return [[each.path for each in group.members] for group in found.groups]


def by_imagehash(folder: Path, _: tuple[str, ...]) -> list[list[str]]:
    """Images whose perceptual hashes of 64 bits differ in few bits from the first of a group."""
    import imagehash  # type: ignore[import-not-found,unused-ignore]

    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    with ProcessPoolExecutor() as pool:
        hashes = np.array(list(pool.map(_hash, [folder / name for name in names], chunksize=64)), np.uint64)
    del imagehash
    left, groups = np.ones(len(names), bool), list[list[str]]()
    for at in range(len(names)):
        if left[at]:
            near = np.flatnonzero((np.bitwise_count(hashes ^ hashes[at]) <= HASH_DISTANCE) & left)
            left[near] = False
            groups.append([names[at], *(names[other] for other in near if other != at)])
    return [group for group in groups if len(group) > 1]


def _hash(path: Path) -> int:
    import imagehash

    with PillowImage.open(path) as image:
        return int(str(imagehash.phash(image)), 16)


def by_imagededup(folder: Path, python: str) -> list[list[str]]:
    """What the perceptual hash of imagededup finds, as groups of an image and others that are in no earlier group."""
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        command = [python, "-c", PEER, str(folder), str(PEER_DISTANCE), out.name]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        found = json.loads(Path(out.name).read_text("utf8"))
    left, groups = set(found), list[list[str]]()
    for name in sorted(found):
        if name in left:
            left.discard(name)
            near = [other for other in found[name] if other in left]
            left.difference_update(near)
            groups.append([name, *near])
    return [group for group in groups if len(group) > 1]


def has_imagededup(python: str) -> bool:
    """Whether a Python can run it."""
    command = [python, "-c", "from imagededup.methods import PHash"]
    return subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def timed(find: Callable[[], list[list[str]]]) -> tuple[list[list[str]], float]:
    """What is found, and the seconds that it took."""
    started = time.monotonic()
    return find(), time.monotonic() - started


def main(arguments: list[str] | None = None) -> None:
    """Make the folder, find its duplicates, print or write the tables."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("folders", nargs="+", type=Path)
    made.add_argument("--images", type=int, default=20_000, help="files in all")
    made.add_argument("--groups", type=int, default=1_000, help="images with copies")
    made.add_argument("--peers", default=sys.executable, help="a Python with imagededup, which needs PyTorch")
    made.add_argument("--more", nargs="*", type=Path, default=[], help="folders of other images")
    made.add_argument("--across", type=int, default=0, help="copies, and new images, that are looked for")
    made.add_argument("--out", type=Path, help="page whose part above the remark by hand is written")
    given = made.parse_args(arguments)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "images"
        folder.mkdir()
        kinds = make_folder(folder, plan(given.folders, given.images, given.groups))
        _, indexing = timed(lambda: [ns.index(folder, ["copy"]).close() or []])  # type: ignore[func-returns-value]
        text = report(folder, kinds, given.folders, indexing, given.peers)
        if given.more:
            text += "\n" + report_added(folder, given.more)
        if given.across:
            text += "\n" + report_across(Path(place), folder, kinds, given.more, given.across)
    if given.out is None:
        print(text)
        return
    by_hand = given.out.read_text("utf8").partition(BY_HAND) if given.out.exists() else ("", "", "")
    given.out.write_text(text + "".join(by_hand[1:]), "utf8")


def report_added(folder: Path, more: list[Path]) -> str:
    """How long it takes after a hundred images were added."""
    files = sorted(path for each in more for path in each.rglob("*") if path.suffix.lower() in FORMATS)[:100]
    for number, path in enumerate(files):
        shutil.copy(path, folder / f"more-{number:03d}{path.suffix.lower()}")
    _, indexing = timed(lambda: [ns.index(folder, ["copy"]).close() or []])  # type: ignore[func-returns-value]
    _, finding = timed(lambda: by_nearsight(folder, tuple(VERDICT_NAMES)))
    return f"After {len(files)} more images: indexing took {indexing:.0f} s, finding {finding:.0f} s.\n"


def report_across(place: Path, folder: Path, kinds: dict[str, str], more: list[Path], count: int) -> str:
    """Of how many copies, and of how many new images, `--across` says rightly whether they are there."""
    archive, card = place / "archive", place / "card"
    archive.mkdir()
    card.mkdir()
    for path in folder.iterdir():
        if path.is_file() and path.name not in kinds and not path.name.startswith("more-"):
            shutil.copy(path, archive)
    chosen = np.random.default_rng(11).permutation(sorted(kinds))[:count].tolist()
    for name in chosen:
        shutil.copy(folder / name, card)
    files = sorted(path for each in more for path in each.rglob("*") if path.suffix.lower() in FORMATS)
    for number, path in enumerate(files[100 : 100 + count]):
        shutil.copy(path, card / f"new-{number:04d}{path.suffix.lower()}")
    ns.index(archive, ["copy"]).close()
    found, seconds = timed_across(card, archive)
    there = np.mean([found.get(name, "")[:6] == name[:6] for name in chosen])
    new = [path.name for path in card.iterdir() if path.name.startswith("new-")]
    lacking = np.mean([name not in found for name in new])
    right = (there * len(chosen) + lacking * len(new)) / (len(chosen) + len(new))
    return (
        f"Across: {100 * there:.1f} % of {len(chosen):,} copies are found with their original, {100 * lacking:.2f} % "
        f"of {len(new):,} new images are not found: {100 * right:.1f} % are right, in {seconds:.0f} s with indexing.\n"
    )


def timed_across(card: Path, archive: Path) -> tuple[dict[str, str], float]:
    """What of a folder is in another one, by name, and the seconds."""
    started = time.monotonic()
    found = ns.duplicates_across(card, archive, update=False)
    return {each.path: each.other for each in found.found}, time.monotonic() - started


def report(folder: Path, kinds: dict[str, str], folders: list[Path], indexing: float, peers: str) -> str:
    """The tables."""
    n_files = sum(path.is_file() for path in folder.iterdir())
    ways: list[tuple[str, Callable[[Path, tuple[str, ...]], list[list[str]]], tuple[str, ...]]] = [
        ("`nearsight duplicates --verdict identical,copy,edited,part`", by_nearsight, tuple(VERDICT_NAMES)),
        ("again", by_nearsight, tuple(VERDICT_NAMES)),
        ("`nearsight duplicates`, with what is remembered", by_nearsight, DEFAULT_VERDICTS),
    ]
    try:
        import imagehash  # noqa: F401

        ways.append((f"imagehash: phash, up to {HASH_DISTANCE} of 64 bits", by_imagehash, ()))
    except ImportError:
        pass
    if has_imagededup(peers):
        ways.append(
            (f"imagededup: PHash, up to {PEER_DISTANCE} of 64 bits", lambda folder, _: by_imagededup(folder, peers), ())
        )
    rows, recalls = [], dict[str, dict[str, float]]()
    for name, find, verdicts in ways:
        groups, seconds = timed(lambda find=find, verdicts=verdicts: find(folder, verdicts))  # type: ignore[misc]
        precision, wrong, recall = judge(groups, kinds)
        print(name, [pair for pair in pairs_of(groups) if pair[0][:6] != pair[1][:6]][:50], file=sys.stderr)
        recalls[name] = recall
        found = np.mean([recall[kind] for kind in kinds.values()])
        rows.append([name, f"{seconds:.0f}", f"{100 * precision:.2f}", str(wrong), f"{100 * found:.1f}"])
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    by_kind = [
        [kind, *(f"{100 * recalls[name][kind]:.0f}" for name in recalls)] for kind in sorted(set(kinds.values()))
    ]
    sets = ", ".join(each.name for each in folders)
    return "\n\n".join(
        [
            f"Measured on {machine()}. {n_files:,} files: images of {sets} with {len(kinds):,} altered copies, and "
            f"parts of others. Indexing took {indexing:.0f} s; the largest process had {peak:,.0f} MiB.",
            table(["way", "seconds", "pairs right, %", "wrong pairs", "copies found, %"], rows),
            table(["alteration", *recalls], by_kind),
            "",
        ]
    )


if __name__ == "__main__":
    main()
