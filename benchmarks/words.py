"""How long words and filters take in a large collection.

    python -m benchmarks.words [--quick] [--out docs/benchmarks.md]

A catalogue of generated records: paths, dates, cameras and places, captions of some common and many rare words in
several scripts, tags and labels. No image is made: words and filters read the catalogue only.
"""

from __future__ import annotations

import random
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np

from benchmarks.machine import machine, table
from benchmarks.page import Options, main
from nearsight.files import LocalFileSystem
from nearsight.search.text_search import TextSearch
from nearsight.storage.catalogue import Catalogue
from nearsight.storage.catalogue_checksums import checkpoint_catalogue
from nearsight.storage.catalogue_writer import CatalogueWriter
from nearsight.storage.records import ImageRecord, NoteRecord
from nearsight.types import Query

COUNT, ROUNDS, COLD_ROUNDS = 100_000, 40, 5
BAR = 50
QUERIES = (
    "lantern",
    "dog",
    "jpg",
    "2012",
    "dog beach",
    '"dog on the beach"',
    "dog OR cat",
    "beach -dog",
    "lan*",
    "собака",
    "図書館",
    "고양이",
)
FILTERS = (
    "width >= 4000",
    "height > width",
    "orientation = portrait",
    "taken = 2012",
    "taken >= 2012-05 and taken < 2013",
    "format in (JPEG, PNG) and camera like '%canon%'",
    "folder = 2012",
    "name like '%4711%'",
    "path = '2012/beach/IMG_000012.jpg'",
    "tags = dog",
    "tags != собака",
    "caption like '%ШТОРМ%'",
    "labels in (dog, cat)",
    "near(48.85, 2.35, 25 km)",
)
BOTH = (("dog", "taken = 2012"), ("jpg", "width >= 4000"), ("2012", "tags = dog"))

_EVENTS = ("beach", "mountain", "Geburtstag", "Москва", "旅行", "été", "wedding", "garden")
_SCENES = (
    "a dog on the beach at sunset",
    "two cats and a dog in the garden",
    "Sturm über der Straße nach Köln",
    "собака и кошка на море, шторм",
    "図書館の前の猫",
    "고양이가 창가에서 잔다",
    "le gâteau d'anniversaire de grand-père",
    "an old house with a red door",
)
_TAGS = ("dog", "cat", "sea", "собака", "猫", "family", "storm", "holiday")
_SYLLABLES = ("lan", "tern", "ber", "ka", "mo", "ris", "tel", "vo", "shi", "dur", "pal", "en")


def make_catalogue(index_dir: Path, count: int) -> None:
    """Write a catalogue of generated records, as an ingest leaves it."""
    rng = random.Random(7)
    with closing(CatalogueWriter(index_dir)) as catalogue:
        with catalogue.transaction():
            for number in range(1, count + 1):
                image = _record(number, rng)
                tags = "\n".join(rng.sample(_TAGS, rng.randrange(4)))
                catalogue.put_notes(image.path, [NoteRecord(image.path, image.path, _caption(rng), tags)])
                if number % 3 == 0:
                    catalogue.put_labels(image, "model", [(rng.choice(_TAGS), 0.5)])
                catalogue.put_image(image)
        checkpoint_catalogue(index_dir, catalogue, LocalFileSystem())


def _record(number: int, rng: random.Random) -> ImageRecord:
    year = 2000 + number % 24
    width, height = rng.choice([(4000, 3000), (3000, 4000), (1920, 1080), (1024, 1024)])
    taken = None if number % 10 == 0 else f"{year}-{1 + number % 12:02}-{1 + number % 28:02}T12:{number % 60:02}:00"
    camera = rng.choice([None, "Canon EOS 5D", "NIKON D3", "Pixel 4"])
    north, east = (rng.uniform(-80, 80), rng.uniform(-180, 180)) if number % 3 else (None, None)
    path = f"{year}/{_EVENTS[number % 8]}/IMG_{number:06}.jpg"
    stamps = (number * 37, 5, 9, number.to_bytes(32, "big"))
    return ImageRecord(number, path.encode(), *stamps, width, height, "JPEG", taken, camera, north, east)


def _caption(rng: random.Random) -> str:
    rare = " ".join("".join(rng.choices(_SYLLABLES, k=rng.randint(2, 4))) for _ in range(3))
    return f"{rng.choice(_SCENES)}, {rare}"


def queries() -> list[Query]:
    """What is asked for."""
    words = [Query(words=each) for each in QUERIES]
    filters = [Query(where=each) for each in FILTERS]
    return [*words, *filters, *(Query(words=each, where=where) for each, where in BOTH)]


def ask(catalogue: Catalogue, asked: TextSearch, query: Query) -> float:
    """Seconds that an answer takes."""
    start = time.perf_counter()
    with catalogue.read_transaction():
        asked.search(query)
    return time.perf_counter() - start


def times(index_dir: Path, query: Query, options: Options) -> tuple[int, list[float], list[float]]:
    """How many images pass; seconds of first answers of catalogues just opened, and of one that has answered before."""
    first = []
    for _ in range(options.of(COLD_ROUNDS, 1)):
        with closing(Catalogue(index_dir)) as catalogue:
            first.append(ask(catalogue, TextSearch(catalogue), query))
    with closing(Catalogue(index_dir)) as catalogue:
        asked = TextSearch(catalogue)
        ask(catalogue, asked, query)
        again = [ask(catalogue, asked, query) for _ in range(options.of(ROUNDS, 2))]
        return len(asked.matching_ids(query)), first, again


def measure_section(options: Options) -> str:
    """The section's text."""
    count = options.of(COUNT, 200)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        make_catalogue(Path(folder), count)
        for query in queries():
            passing, first, again = times(Path(folder), query, options)
            said = " and ".join(
                filter(None, (f"words `{query.words}`" * bool(query.words), f"`{query.where}`" * bool(query.where)))
            )
            figures = [float(np.median(again)), float(np.quantile(again, 0.95)), float(np.median(first))]
            rows.append([said, f"{passing:,}", *(f"{1000 * figure:.1f}" for figure in figures)])
    return TEXT.format(machine=machine(), count=count, rounds=options.of(ROUNDS, 2), bar=BAR, table=table(HEAD, rows))


HEAD = ["query", "images", "median, ms", "95 %, ms", "first, ms"]
TEXT = """## Words and filters

Measured on {machine}; a catalogue of {count:,} generated records, {rounds} answers of up to 20 hits each, with the
sentence that says why; no vectors are compared. *Images* is how many hold the words or pass the filter. *First* is the
first answer after opening, median: it includes reading the checksums of the generation, and the fields that the filter
uses. The bar for the median is {bar} ms.

{table}
"""

if __name__ == "__main__":
    main("words", __doc__, measure_section)
