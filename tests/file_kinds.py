"""What files, sidecars, names and folders say: a folder of every kind that is known, indexed and compared.

    python -m tests.file_kinds [FOLDER]

1. Hundreds of small files are written, each with what is right for it: words, dates, places and other facts in image
   files; sidecars of many programs; dates in names; pages and frames; deeper samples, cut JPEGs, camera raws; what
   systems leave in folders.
2. The folder is indexed once, and each value in the collection is compared with the right one.
3. A table says of each kind how many cases there are and how many are right; what is wrong is listed below it.

The files and the right values are those of the tests: `tests/metadata/said.py`, `tests/ingest/sidecar_cases.py`, ...
"""

from __future__ import annotations

import argparse
import io
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from benchmarks.machine import table
from PIL import Image as Pillow

import nearsight as ns
from nearsight.metadata.facts import Facts
from tests.images.hostile import photo, saved
from tests.images.raw_files import FILES as RAW_FILES
from tests.images.test_system_folders import FILES_LEFT_OUT, LEFT_OUT
from tests.ingest.sidecar_cases import CASES, IMAGE, Said, make_folder, save_image
from tests.metadata import said_facts, said_words
from tests.metadata.said import formats
from tests.metadata.said_bytes import SaidFile
from tests.metadata.test_name_date import DATED, UNDATED

IMAGE_FILES = {
    "words in EXIF": said_words.exif_words,
    "words in IPTC": said_words.iptc_words,
    "words in XMP": said_words.xmp_words,
    "words in PNG, JPEG and GIF": said_words.other_words,
    "people": said_words.people,
    "what programs write, which is no caption": said_words.defaults,
    "dates": said_facts.dates,
    "places": said_facts.places,
    "lens, ISO, rating, creator, city": said_facts.other_facts,
    "EXIF and XMP by format": formats,
}
FACTS = tuple(Facts.__dataclass_fields__)
NAMES, PAGES, RAWS, SAMPLES, CUT, SYSTEMS = (
    "dates in file names",
    "pages and frames",
    "camera raws",
    "samples of 10 to 16 bits",
    "JPEG cut near its end",
    "folders and files of systems",
)


@dataclass
class Report:
    """How many cases of each kind are right, and what is wrong with the others."""

    counts: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    wrong: list[str] = field(default_factory=list)

    def add(self, kind: str, case: str, found: object, right: object) -> None:
        """Compare one value."""
        self.counts[kind].append(found == right)
        if found != right:
            self.wrong.append(f"{kind}, {case}: {found!r}, right is {right!r}")


@dataclass(frozen=True)
class _Written:
    """A folder of all kinds, and which said file lies where."""

    root: Path
    said: dict[str, tuple[str, SaidFile]]
    names: dict[str, str | None]
    frames: dict[str, int]


def write_folder(root: Path) -> _Written:
    """Write all files."""
    said = {
        f"files/{kind_at:02d}-{at:03d}{each.suffix}": (kind, each)
        for kind_at, (kind, make) in enumerate(IMAGE_FILES.items())
        for at, each in enumerate(make())
    }
    for path, (_, each) in said.items():
        _write(root / path, each.data)
    make_folder(root / "sidecars")
    names = {name: date for name, date in {**DATED, **dict.fromkeys(UNDATED)}.items() if "/" not in name and name}
    for at, name in enumerate(names):
        image = np.full((20, 30, 3), 7 + at % 200, np.uint8)
        image[at % 20, at % 30] = 255
        _write(root / "names" / f"{at:03d}" / name, saved(Pillow.fromarray(image), "PNG"))
    frames = dict(_write_frames(root / "pages"))
    for name, make_raw in RAW_FILES.items():
        _write(root / "raws" / f"photo.{name.lower()}", make_raw(_jpeg(60, 40), _jpeg(400, 300)))
    _write_samples(root / "samples")
    whole = saved(photo(640, 480), "JPEG", quality=90)
    _write(root / "cut" / "cut.jpg", whole[: int(len(whole) * 0.97)])
    for path in LEFT_OUT:
        save_target = root / "systems" / path / "picture.jpg"
        save_target.parent.mkdir(parents=True, exist_ok=True)
        save_image(save_target, path)
    for path in FILES_LEFT_OUT:
        _write(root / "systems" / "files" / path, b"not an image")
    return _Written(root, said, names, frames)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _jpeg(width: int, height: int) -> bytes:
    return saved(photo(width, height), "JPEG")


def _picture(seed: int) -> Pillow.Image:
    noise = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), np.uint8)
    return Pillow.fromarray(np.kron(noise, np.ones((10, 10, 1), np.uint8)))


def _write_frames(folder: Path) -> Iterator[tuple[str, int]]:
    """Files of several pages or frames, with the number of images that they are."""
    folder.mkdir(parents=True)
    for name, seeds, images in (
        ("three pages.tif", (1, 2, 3), 3),
        ("two pictures.gif", (4, 4, 4, 5, 5), 2),
        ("two pictures.webp", (6, 6, 7), 2),
        ("two pictures.png", (8, 8, 9), 2),
        ("one picture.gif", (10, 10, 10), 1),
    ):
        first, *others = map(_picture, seeds)
        options = {} if name.endswith(".tif") else {"duration": 90}
        first.save(folder / name, save_all=True, append_images=others, **options)
        yield name, images


def _write_samples(folder: Path) -> None:
    """One picture with samples of 8 bits, and with more that use 10, 12, 14 and 16 bits of 16."""
    grey = np.asarray(photo(120, 90).convert("L"))
    stretched = ((grey.astype(np.float64) - grey.min()) / (grey.max() - grey.min())).clip(0, 1)
    _write(folder / "8.png", saved(Pillow.fromarray((stretched * 255).round().astype(np.uint8)), "PNG"))
    for bits in (10, 12, 14, 16):
        deep = (stretched * (2**bits - 1)).round().astype(np.uint16)
        _write(folder / f"{bits}.png", saved(Pillow.fromarray(deep), "PNG"))
        _write(folder / f"{bits}.tif", saved(Pillow.fromarray(deep), "TIFF"))


def compare(written: _Written, photos: ns.Collection) -> Report:
    """Compare the collection with what is right."""
    report = Report()
    records = {os.fsdecode(image.path): image for image in photos.images()}
    for path, (kind, each) in written.said.items():
        own = next((note for note in photos.notes(path) if note.source == os.fsencode(path)), None)
        facts = next((found.facts for found in photos.facts(path)), Facts())
        found = ("", ()) if own is None else (own.caption, tuple(own.tags.splitlines()))
        right = (each.expected.caption, each.expected.tags)
        report.add(kind, each.kind, (found, _rounded(facts)), (right, _rounded(each.expected.facts)))
    _compare_sidecars(photos, report)
    for at, (name, date) in enumerate(written.names.items()):
        report.add(NAMES, name, photos.about(records[f"names/{at:03d}/{name}"]).taken, date)
    for name, count in written.frames.items():
        report.add(PAGES, name, sum(path.startswith(f"pages/{name}") for path in records), count)
    for name in RAW_FILES:
        image = records.get(f"raws/photo.{name.lower()}")
        report.add(RAWS, name, image and (image.format, image.width, image.height), (name, 400, 300))
    shown = {
        name: _thumbnail(photos, records[f"samples/{name}"].id) for name in sorted(os.listdir(written.root / "samples"))
    }
    for name, pixels in shown.items():
        report.add(SAMPLES, name, bool(np.abs(pixels - shown["8.png"]).mean() < 2), True)
    cut = records.get("cut/cut.jpg")
    report.add(CUT, "3 % cut off", cut is not None and 0.9 < photos.about(cut).read_share < 1, True)
    counted = {each["pattern"]: each["folders"] + each["files"] for each in photos.info()["left_out"]}
    report.add(SYSTEMS, "images indexed of them", [path for path in records if path.startswith("systems/")], [])
    for path, pattern in {**LEFT_OUT, **FILES_LEFT_OUT}.items():
        report.add(SYSTEMS, path, counted.get(pattern, 0) > 0, True)
    return report


def _compare_sidecars(photos: ns.Collection, report: Report) -> None:
    records = {image.path: image for image in photos.images()}
    for case in CASES:
        found, right = {}, {}
        for name in (name for name, content in case.files.items() if content is IMAGE):
            path = os.fsencode(f"sidecars/{case.folder}/{name}")
            wanted = case.said.get(name, Said())
            notes = [note for note in photos.notes(path) if note.source != path]
            about = photos.about(records[path])
            known = {key: value for key in FACTS if (value := getattr(about, key, None)) not in (None, "")}
            caption = "\n".join(note.caption for note in notes if note.caption)
            found[name] = caption, tuple(tag for note in notes for tag in note.tags.splitlines()), _rounded(known)
            right[name] = wanted.caption, wanted.tags, _rounded(wanted.facts)
        report.add(f"sidecars: {case.kind}", case.what, found, right)


def _rounded(facts: object) -> dict[str, object]:
    """Facts by name, without those that are not known, positions to a centimetre."""
    values = facts if isinstance(facts, dict) else vars(facts)
    known = {name: value for name, value in values.items() if value not in (None, "")}
    return {name: round(value, 7) if isinstance(value, float) else value for name, value in known.items()}


def _thumbnail(photos: ns.Collection, image_id: int) -> np.ndarray:
    with Pillow.open(io.BytesIO(photos.thumbnail(image_id))) as image:
        return np.asarray(image.convert("L"), np.float32)


def main() -> None:
    """Write, index, compare, print."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("folder", nargs="?", type=Path, help="where the files are written; a temporary folder by default")
    given = made.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        written = write_folder((given.folder or Path(temporary)) / "kinds")
        with ns.index(written.root, recipe="tiny") as photos:
            report = compare(written, photos)
    rows = [[kind, str(len(each)), str(sum(each))] for kind, each in report.counts.items()]
    total = [each for some in report.counts.values() for each in some]
    print(table(["kind", "cases", "right"], [*rows, ["all", str(len(total)), str(sum(total))]]))
    for line in report.wrong:
        print(f"- {line}")


if __name__ == "__main__":
    main()
