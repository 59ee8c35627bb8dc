"""What the forked children do. The first argument of each act writes a line to whoever started it.

The pictures are read and described in the writer's own process here, which makes a run quick and each of its system
calls a call of the writer; the acts that are named `pooled` use the isolated workers as every user does.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np

import nearsight as ns
from nearsight.clock import SystemClock
from nearsight.collection import check, collection, ingest
from nearsight.collection.catalogue import Catalogue
from nearsight.errors import FormatError, LockedError, NearsightError, PictureError, StorageError
from nearsight.files import LocalFiles
from nearsight.images.workers import Failure

RECIPES = ("phash | flat",)
GROUP = 4


class Here:
    """Does a pool's work without a worker. The job comes over as it does to a worker: pickled."""

    def __init__(self, job, workers, limits):
        self.job = pickle.loads(pickle.dumps(job))

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        pass

    def run(self, tasks):
        for task in tasks:
            try:
                yield task, self.job.finish([self.job.prepare(task)])[0]
            except PictureError as error:
                yield task, Failure(error.reason, error.detail)


@contextmanager
def here(batch):
    """Ingests run in this process, and commit so many pictures at a time."""
    kept = ingest.Pool, ingest.BATCH_PICTURES, ingest.BATCH_SECONDS
    ingest.Pool, ingest.BATCH_PICTURES, ingest.BATCH_SECONDS = Here, batch, 1e9
    try:
        yield
    finally:
        ingest.Pool, ingest.BATCH_PICTURES, ingest.BATCH_SECONDS = kept


def warm():
    """Import and call everything once, so that a child has nothing left to load."""
    import cv2
    from PIL import Image

    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as box:
        rng = np.random.default_rng(1)
        for number in range(3):
            Image.fromarray(rng.integers(0, 255, (40, 40, 3), np.uint8)).save(f"{box}/{number}.jpg")
        index(lambda **_: None, box, f"{box}/.nearsight", ["phash | flat", "gist | flat", "gist | flat | verify"], 2)
        with ns.open(box) as photos:
            for recipe in photos.senses:
                photos.search(Path(box, "1.jpg"), recipe=recipe)
            photos.search(words="1")
            photos.verify()
            photos.remove(["1.jpg"])
        index(lambda **_: None, box, f"{box}/.nearsight", [], 2)
        collection.repair(box)


def index(report, folder, home, recipes, batch):
    """Index a folder in this process; reports how many of the files to be read are acknowledged."""
    watch = lambda progress: progress.step == "describing" and report(ack=progress.done)  # noqa: E731
    with here(batch):
        ns.index(folder, recipe=recipes, collection=home, watch=watch).close()


def pooled_index(report, folder, home, recipes, batch, pause=0.0):
    """Index a folder as users do, with two workers, in small commits."""
    ingest.BATCH_PICTURES = batch

    def watch(progress):
        report(**{"ack" if progress.step == "describing" else "looked": progress.done})
        time.sleep(pause)

    settings = ingest.Settings(workers=2)
    ns.index(folder, recipe=recipes, collection=home, watch=watch, settings=settings).close()


def remove(report, home, paths):
    """Take pictures out."""
    with ns.open(collection=home) as photos:
        report(ack=photos.remove(paths))


def described(report, folder, recipes):
    """The rows that each picture must have, described one by one, without a collection."""
    names = sorted(name for name in os.listdir(folder) if name.endswith(".jpg"))
    return {name: {recipe: digest(ns.describe([Path(folder, name)], recipe)[0]) for recipe in recipes} for name in names}


def inspect(report, home, asked=()):
    """Everything that the collection says of itself, read back."""
    start = time.monotonic()
    with ns.open(collection=home) as photos:
        pictures = {os.fsdecode(each.path): each.id for each in photos.pictures()}
        seconds = time.monotonic() - start
        first = {name: _first(photos, name) for name in asked if name in pictures}
        return {
            "seconds": seconds,
            "problems": [f"{each.where}: {each.what}" for each in photos.verify()],
            "pictures": pictures,
            "skips": {os.fsdecode(each.path): each.reason.value for each in photos.skips()},
            "rows": rows(photos),
            "first": first,
        }


def _first(photos, name):
    recipe = next(iter(photos.senses.values()))
    return photos.search(photos.root / name, recipe=recipe, k=1)[0].path


def rows(photos):
    """A digest of each stored row, by path and descriptor."""
    names, found = {each.id: os.fsdecode(each.path) for each in photos.pictures()}, {}
    for recipe in photos.senses.values():
        plan = photos.plan(recipe=recipe)
        for ident, name in names.items():
            held = found.setdefault(name, {})
            held[type(plan.descriptor).__name__] = digest(photos._current().row(plan, ident))
    return found


def digest(row):
    """A short name for the bytes of a row."""
    return hashlib.sha256(np.ascontiguousarray(row).tobytes()).hexdigest()[:16]


def dump(db):
    """Everything that a catalogue says, as one text's digest."""
    tables = {name: db.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall() for name in check.TABLES}
    return hashlib.sha256(repr(tables).encode("utf8", "surrogateescape")).hexdigest()[:24]


def catalogue_of(report, home):
    """The digest of a catalogue as it can be read now."""
    opened = Catalogue(Path(home), readonly=True)
    try:
        return dump(opened.db)
    finally:
        opened.close()


def life(report, folder, home, script, recipes, batch):
    """Several runs, one after another; reports every committed state, and acknowledges what is durable by promise.

    A step of the script is `["index"]`, `["remove", paths]` or `["take", source, names]`, which puts pictures in.
    """
    states = []
    real = Catalogue.transaction

    @contextmanager
    def transaction(self):
        with real(self):
            yield
        states.append(dump(self.db))

    Catalogue.transaction = transaction
    report(ack=0)
    with here(batch):
        for what, *arguments in script:
            if what == "take":
                _take(folder, *arguments)
            elif what == "remove":
                with ns.open(collection=home) as photos:
                    photos.remove(*arguments)
            else:
                ns.index(folder, recipe=recipes, collection=home, watch=lambda _: report(ack=len(states))).close()
            report(ack=len(states))
    Catalogue.transaction = real
    return states


def _take(folder, source, names):
    for name in names:
        os.link(Path(source, name), Path(folder, name))


class Failing(LocalFiles):
    """Fails the n-th call of a kind, or writes it short; in this process, not in the workers."""

    def __init__(self, call, number, code):
        self.count, real = 0, getattr(self, call)

        def failing(*arguments):
            self.count += 1
            if self.count != number:
                return real(*arguments)
            if code == "short":
                return real(arguments[0], arguments[1][: max(1, len(arguments[1]) // 2)])
            raise OSError(code, os.strerror(code))

        setattr(self, call, failing)

    def __reduce__(self):
        return (LocalFiles, ())


def failing_index(report, folder, home, recipes, batch, call, number, code):
    """Index while one call of the seam fails; how many calls of that kind there were."""
    files = Failing(call, number, code)
    try:
        with here(batch):
            ns.index(folder, recipe=recipes, collection=home, files=files).close()
    finally:
        report(count=files.count)


def failing_remove(report, home, paths, call, number, code):
    """Take pictures out while one call of the seam fails."""
    files = Failing(call, number, code)
    photos = collection.Collection(Path(home), files=files, clock=SystemClock())
    try:
        photos.remove(paths)
    finally:
        report(count=files.count)


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
    parts = [repr(list(photos.pictures())), repr(list(photos.skips())), repr(photos.senses), str(photos.root)]
    thumbnails = [photos.thumbnail(each.id) for each in photos.pictures()]
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
            assert str(problem)
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


def mended(report, home, queries, words, recipes):
    """Repair, then verify and ask: what was dropped, how many pictures were decoded, what is answered now."""
    problems, summary = collection.repair(collection=home)
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
    catalogue = Catalogue(Path(home), readonly=True)
    try:
        return catalogue.meta("root") is not None
    finally:
        catalogue.close()


def _gone_on(home, folder, wanted):
    """The next run over what is left, and whether all is well then."""
    if not wanted:
        return {}
    with here(7):
        with ns.index(folder, recipe=RECIPES, collection=home) as photos:
            stored = {os.fsdecode(each.path) for each in photos.pictures()}
            out = {os.fsdecode(each.path) for each in photos.skips()}
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
        return {"seconds": seconds, "problems": problems, "names": [os.fsdecode(each.path) for each in photos.pictures()]}


def save_rows(report, home, target):
    """The stored rows in the order of the pictures' paths, a file for each descriptor."""
    Path(target).mkdir()
    with ns.open(collection=home) as photos:
        snapshot, idents = photos._current(), [each.id for each in photos.pictures()]
        for recipe in photos.senses.values():
            plan = photos.plan(recipe=recipe)
            held = np.stack([snapshot.row(plan, ident) for ident in idents])
            np.save(Path(target, type(plan.descriptor).__name__), held, allow_pickle=False)


def warm_up(report, home, queries, words, recipes):
    """Ask, so that whatever is made on the first search is made; then fold the log into the catalogue."""
    answers(report, home, queries, words, recipes)
    Catalogue(Path(home), readonly=False).close()


def race(report, folder, home, at, hold):
    """Index as soon as the time has come, and hold the lock for a while; who won, and what the loser heard."""
    while time.monotonic() < at:
        pass
    start = time.monotonic()
    try:
        with here(1024):
            ns.index(folder, recipe=RECIPES, collection=home, watch=lambda _: time.sleep(hold)).close()
    except LockedError as problem:
        return ["lost", time.monotonic() - start, str(problem)]
    return ["won", time.monotonic() - start, ""]


def toggle(report, folder, home, source, rounds, seed):
    """Put pictures in and take them out at random, a run each time; the pictures of each committed state."""
    rng, states, real = np.random.default_rng(seed), [], Catalogue.transaction
    names = sorted(os.listdir(source))

    @contextmanager
    def transaction(self):
        with real(self):
            yield
        states.append([os.fsdecode(path) for (path,) in self.db.execute("SELECT path FROM picture ORDER BY path")])

    Catalogue.transaction = transaction
    with here(1024):
        for number in range(rounds):
            for name in rng.choice(names, 6, replace=False):
                place = Path(folder, name)
                place.unlink() if place.exists() else os.link(Path(source, name), place)
            ns.index(folder, recipe=RECIPES, collection=home).close()
            report(round=number, states=len(states))
    return states


def read_on(report, home, query, stop):
    """Ask for all pictures again and again until a file appears; every answer that differs from the one before."""
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


def pooled_surprise(report, folder, home, recipes, surprises):
    """Index with two workers; between the walk and the reading, some files turn into something else."""

    def watch(progress):
        if progress.step == "describing" and not progress.done:
            for name, what in surprises.items():
                _turn(Path(folder, name), what)

    settings = ingest.Settings(workers=2)
    ns.index(folder, recipe=recipes, collection=home, watch=watch, settings=settings).close()


def _turn(path, what):
    path.unlink()
    if what == "fifo":
        os.mkfifo(path)
    elif what == "link":
        path.symlink_to("/etc/passwd")
    elif what == "folder":
        path.mkdir()
