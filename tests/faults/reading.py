"""What the forked children read back: everything that a collection says, and whether it is right."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path

import numpy as np

import nearsight as ns
from nearsight.api import indexing
from nearsight.errors import FormatError, NearsightError, StorageError
from nearsight.storage import catalogue_checksums
from nearsight.storage.array_file import ArrayFile
from nearsight.storage.catalogue import Catalogue
from nearsight.storage.catalogue_writer import CatalogueWriter
from nearsight.storage.full_text import FullTextIndex
from tests.faults.acts import RECIPES, dump, here


def described(report, folder, recipes):
    """The rows that each image must have, described one by one, without a collection."""
    names = sorted(name for name in os.listdir(folder) if name.endswith(".jpg"))
    return {
        name: {recipe: digest(ns.describe([Path(folder, name)], recipe)[0]) for recipe in recipes} for name in names
    }


def inspect(report, home, asked=()):
    """Everything that the collection says of itself, read back."""
    start = time.monotonic()
    with ns.open(collection=home) as photos:
        images = {os.fsdecode(each.path): each.id for each in photos.images()}
        seconds = time.monotonic() - start
        first = {name: _first(photos, name) for name in asked if name in images}
        return {
            "seconds": seconds,
            "problems": [f"{each.where}: {each.what}" for each in photos.verify()],
            "images": images,
            "skips": {os.fsdecode(each.path): each.reason.value for each in photos.skips()},
            "rows": rows(photos),
            "first": first,
        }


def _first(photos, name):
    recipe = next(iter(photos.senses.values()))
    return photos.search(photos.root / name, recipe=recipe, k=1)[0].path


def rows(photos):
    """A digest of each stored row, by path and descriptor."""
    names, found = {each.id: os.fsdecode(each.path) for each in photos.images()}, {}
    for recipe in photos.senses.values():
        plan = photos.pipeline(recipe=recipe)
        for ident, name in names.items():
            held = found.setdefault(name, {})
            held[type(plan.descriptor).__name__] = digest(photos._reader.snapshot().vector(plan, ident))
    return found


def digest(row):
    """A short name for the bytes of a row."""
    return hashlib.sha256(np.ascontiguousarray(row).tobytes()).hexdigest()[:16]


def catalogue_of(report, home):
    """The digest of a catalogue as it can be read now."""
    opened = Catalogue(Path(home))
    try:
        return dump(opened.db)
    finally:
        opened.close()


def answers(report, home, queries, words, recipes):
    """What is answered to the queries by each recipe, and to words, and everything else that can be read."""
    with ns.open(collection=home) as photos:
        return read_back(photos, queries, words, recipes)


def read_back(photos, queries, words, recipes):
    """All that a collection says, in a form that can be compared."""
    said = {f"{recipe} {Path(query).name}": _said(photos, query, recipe) for recipe in recipes for query in queries}
    return said | {"words": _hits(photos.search(words=words, k=5))} | {"all": everything(photos)}


def _said(photos, query, recipe):
    return _hits(photos.search(query, recipe=recipe, k=5))


def _hits(results):
    return [results.verdict, results.total, [[h.rank, h.id, h.path, h.score, h.distance, h.verdict] for h in results]]


def everything(photos):
    """Every value that is stored, as a digest."""
    parts = [repr(list(photos.images())), repr(list(photos.skips())), repr(photos.senses), str(photos.root)]
    thumbnails = [photos.thumbnail(each.id) for each in photos.images()]
    parts += [json.dumps(rows(photos), sort_keys=True), repr(sorted(map(digest_bytes, thumbnails)))]
    return digest_bytes("\n".join(parts).encode("utf8", "surrogateescape"))


def digest_bytes(data):
    """A short name for bytes."""
    return hashlib.sha256(data).hexdigest()[:24]


def judge(report, home, queries, words, recipes, known):
    """Open, verify and search a harmed collection, and compare with what is right.

    "detected": an error of ours or a problem of `verify`, and no wrong answer. "without effect": nothing noticed, and
    all that can be read is what it was. Anything else is a violation, in words.
    """
    right = json.loads(Path(known).read_text())
    noticed, wrong = [], []

    def tried(name, ask):
        try:
            answer = json.loads(json.dumps(ask()))
        except NearsightError as problem:
            noticed.append(f"{name}: {type(problem).__name__}")
            return
        if answer != right[name]:
            wrong.append(name)

    try:
        photos = ns.open(collection=home)
    except NearsightError as problem:
        return ["detected", [f"open: {type(problem).__name__}: {problem}"]]
    with photos:
        for recipe in recipes:
            for query in queries:
                tried(f"{recipe} {Path(query).name}", lambda query=query, recipe=recipe: _said(photos, query, recipe))
        tried("words", lambda: _hits(photos.search(words=words, k=5)))
        try:
            noticed += [f"verify: {each.where}: {each.what}" for each in photos.verify()]
        except NearsightError as problem:
            noticed.append(f"verify: {type(problem).__name__}")
        if not noticed and not wrong:
            tried("all", lambda: everything(photos))
    if wrong:
        return ["wrong", wrong + noticed]
    return ["detected", noticed] if noticed else ["without effect", []]


def _rows_unchecked(self, sql, values=()):
    for *row, _ in self.query(sql, values):
        yield tuple(row)


class _Agreed(str):
    """A seal that agrees with everything."""

    __hash__ = str.__hash__

    def __ne__(self, other):
        return False


def _meta_unsealed(self, key, meta=Catalogue.meta):
    return _Agreed() if key in ("segments", "deleted") else meta(self, key)


LAYERS = {
    "rows": (Catalogue, "fetch_records", _rows_unchecked),
    "lists": (Catalogue, "meta", _meta_unsealed),
    "words": (FullTextIndex, "check", lambda self: None),
    "blocks": (ArrayFile, "is_valid_block", lambda self, number: True),
    "file": (catalogue_checksums, "find_catalogue_damage", lambda home, catalogue, files: ()),
}
"""Each layer of checksums, and what stands in its place where it is taken away."""


def judge_without(report, layer, *arguments):
    """What `judge` says where a layer of checksums is taken away."""
    setattr(*LAYERS[layer])
    return judge(report, *arguments)


def mended(report, home, queries, words, recipes):
    """Repair, then verify and ask: what was dropped, how many images were decoded, what is answered now."""
    problems, summary = indexing.repair(collection=home)
    decoded = summary.completed + summary.added + summary.changed
    with ns.open(collection=home) as photos:
        left = [f"{each.where}: {each.what}" for each in photos.verify()]
        said = read_back(photos, queries, words, recipes)
    return {"problems": len(problems), "decoded": decoded, "left": left, "said": said}


def mended_here(report, home, queries, words, recipes):
    """As `mended`, in this process."""
    with here(1024):
        return mended(report, home, queries, words, recipes)


def reopened(report, home, folder, recipes, go_on):
    """What a collection says after its power went: the state it is in, None where there is none yet."""
    start = time.monotonic()
    try:
        state = catalogue_of(report, home) if Path(home, "catalogue.sqlite").exists() else None
    except NearsightError as problem:
        report(said=f"{type(problem).__name__}: {problem}")
        if not isinstance(problem, FormatError | StorageError):
            raise
        state = None
    seconds, problems, found = time.monotonic() - start, [], {}
    if state is not None and _has_root(home):
        with ns.open(collection=home) as photos:
            problems = [f"{each.where}: {each.what}" for each in photos.verify()]
            found = rows(photos)
    return {"state": state, "seconds": seconds, "problems": problems, "rows": found, **_gone_on(home, folder, go_on)}


def _has_root(home):
    catalogue = Catalogue(Path(home))
    try:
        return catalogue.meta("root") is not None
    finally:
        catalogue.close()


def _gone_on(home, folder, wanted):
    """The next run over what is left, and whether all is well then."""
    if not wanted:
        return {}
    with here(7), ns.index(folder, recipe=RECIPES, collection=home) as photos:
        stored = {os.fsdecode(each.path) for each in photos.images()}
        out = {os.fsdecode(each.path) for each in (*photos.skips(), *photos.sidecars())}
        lacking = set(os.listdir(folder)) ^ (stored | out)
        return {"after": [*map(str, photos.verify()), *lacking]}


def reopening(report, home, query):
    """Open what a kill left and answer one query; the seconds that it took, and what is there."""
    start = time.monotonic()
    with ns.open(collection=home) as photos:
        if len(photos):
            photos.search(query, recipe="phash", k=1)
        seconds = time.monotonic() - start
        problems = [f"{each.where}: {each.what}" for each in photos.verify()]
        return {
            "seconds": seconds,
            "problems": problems,
            "names": [os.fsdecode(each.path) for each in photos.images()],
        }


def save_rows(report, home, target):
    """The stored rows in the order of the images' paths, a file for each descriptor."""
    Path(target).mkdir(exist_ok=True)
    with ns.open(collection=home) as photos:
        snapshot, idents = photos._reader.snapshot(), [each.id for each in photos.images()]
        for recipe in photos.senses.values():
            plan = photos.pipeline(recipe=recipe)
            held = np.stack([snapshot.vector(plan, ident) for ident in idents])
            np.save(Path(target, type(plan.descriptor).__name__), held, allow_pickle=False)


def warm_up(report, home, queries, words, recipes):
    """Ask, so that whatever is made on the first search is made; then fold the log into the catalogue."""
    answers(report, home, queries, words, recipes)
    CatalogueWriter(Path(home)).close()


def read_on(report, home, query, stop):
    """Ask for all images again and again until a file appears; every answer that differs from the one before."""
    before, count = None, 0
    with ns.open(collection=home) as photos:
        while not os.path.exists(stop) or not count:
            results = photos.search(query, recipe=RECIPES[0], k=1000)
            answer = [results.total, sorted([hit.path, hit.distance] for hit in results)]
            count += 1
            if answer != before:
                report(answer=answer)
            before = answer
    return count
