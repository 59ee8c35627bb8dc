"""What the forked children do. The first argument of each act writes a line to whoever started it.

The images are read and described in the writer's own process here, which makes a run quick and each of its system
calls a call of the writer; the acts that are named `pool` use the isolated workers as every user does.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np

import nearsight as ns
from nearsight.api import collection, indexing
from nearsight.applications.duplicates.comparison import CompareJob
from nearsight.clock import SystemClock
from nearsight.errors import ImageError, LockedError
from nearsight.files import LocalFileSystem
from nearsight.ingest import run
from nearsight.storage import integrity
from nearsight.storage.catalogue_writer import CatalogueWriter
from nearsight.workers.pool import Failure
from nearsight.workers.worker import BatchJob

RECIPES = ("phash | flat",)
GROUP = 4


class Here:
    """Does a pool's work without a worker. The job comes over as it does to a worker: pickled."""

    def __init__(self, job, workers, limits):
        self.job = pickle.loads(pickle.dumps(job))
        if isinstance(self.job, CompareJob):
            self.job.start()

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        pass

    def run(self, tasks):
        for task in tasks:
            try:
                item = self.job.prepare(task)
                yield task, self.job.finish([item])[0] if isinstance(self.job, BatchJob) else item
            except ImageError as error:
                yield task, Failure(error.reason, error.detail)


@contextmanager
def here(batch):
    """Ingests run in this process, and commit so many images at a time."""
    kept = run.WorkerPool, run.BATCH_IMAGES, run.BATCH_SECONDS
    run.WorkerPool, run.BATCH_IMAGES, run.BATCH_SECONDS = Here, batch, 1e9
    try:
        yield
    finally:
        run.WorkerPool, run.BATCH_IMAGES, run.BATCH_SECONDS = kept


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
        drop(lambda **_: None, box, f"{box}/.nearsight", ["gist | flat | verify"])
        index(lambda **_: None, box, f"{box}/.nearsight", [], 2)
        indexing.repair(box)


def index(report, folder, home, recipes, batch):
    """Index a folder in this process; reports how many of the files to be read are acknowledged."""
    watch = lambda progress: progress.step == "describing" and report(ack=progress.done)  # noqa: E731
    with here(batch):
        ns.index(folder, recipe=recipes, collection=home, watch=watch).close()


def pooled_index(report, folder, home, recipes, batch, pause=0.0):
    """Index a folder as users do, with two workers, in small commits."""
    run.BATCH_IMAGES = batch

    def watch(progress):
        report(**{"ack" if progress.step == "describing" else "looked": progress.done})
        time.sleep(pause)

    settings = run.IngestSettings(workers=2)
    ns.index(folder, recipe=recipes, collection=home, watch=watch, settings=settings).close()


def drop(report, folder, home, recipes):
    """Take recipes out; the bytes that this freed."""
    with here(1024), ns.index(folder, drop=recipes, collection=home) as photos:
        return photos.dropped.bytes


def remove(report, home, paths):
    """Take images out."""
    with ns.open(collection=home) as photos:
        report(ack=photos.remove(paths))


def dump(db):
    """Everything that a catalogue says, as one text's digest."""
    tables = {name: db.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall() for name in integrity.TABLE_COLUMNS}
    return hashlib.sha256(repr(tables).encode("utf8", "surrogateescape")).hexdigest()[:24]


def careless_life(report, *arguments):
    """A life without any of our own syncs: the power must be able to harm it."""
    LocalFileSystem._fsync = lambda *_: None
    return life(report, *arguments)


def life(report, folder, home, script, recipes, batch):
    """Several runs, one after another; reports every committed state, and acknowledges what is durable by promise.

    A step of the script is `["index"]`, `["remove", paths]` or `["take", source, names]`, which puts images in.
    """
    states = []
    real = CatalogueWriter.transaction

    @contextmanager
    def transaction(self):
        with real(self):
            yield
        states.append(dump(self.db))

    CatalogueWriter.transaction = transaction
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
    CatalogueWriter.transaction = real
    return states


def _take(folder, source, names):
    for name in names:
        os.link(Path(source, name), Path(folder, name))


class Failing(LocalFileSystem):
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
        return (LocalFileSystem, ())


def failing_index(report, folder, home, recipes, batch, call, number, code):
    """Index while one call of the seam fails; how many calls of that kind there were."""
    files = Failing(call, number, code)
    try:
        with here(batch):
            ns.index(folder, recipe=recipes, collection=home, files=files).close()
    finally:
        report(count=files.count)


def failing_remove(report, home, paths, call, number, code):
    """Take images out while one call of the seam fails."""
    files = Failing(call, number, code)
    photos = collection.Collection(Path(home), files=files, clock=SystemClock())
    try:
        photos.remove(paths)
    finally:
        report(count=files.count)


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
    """Put images in and take them out at random, a run each time; the images of each committed state."""
    rng, states, real = np.random.default_rng(seed), [], CatalogueWriter.transaction
    names = sorted(os.listdir(source))

    @contextmanager
    def transaction(self):
        with real(self):
            yield
        states.append([os.fsdecode(path) for (path,) in self.db.execute("SELECT path FROM image ORDER BY path")])

    CatalogueWriter.transaction = transaction
    with here(1024):
        for number in range(rounds):
            for name in rng.choice(names, 6, replace=False):
                place = Path(folder, name)
                place.unlink() if place.exists() else os.link(Path(source, name), place)
            ns.index(folder, recipe=RECIPES, collection=home).close()
            report(round=number, states=len(states))
    return states


def pooled_surprise(report, folder, home, recipes, surprises):
    """Index with two workers; between the walk and the reading, some files turn into something else."""

    def watch(progress):
        if progress.step == "describing" and not progress.done:
            for name, what in surprises.items():
                _turn(Path(folder, name), what)

    settings = run.IngestSettings(workers=2)
    ns.index(folder, recipe=recipes, collection=home, watch=watch, settings=settings).close()


def _turn(path, what):
    path.unlink()
    if what == "fifo":
        os.mkfifo(path)
    elif what == "link":
        path.symlink_to("/etc/passwd")
    elif what == "folder":
        path.mkdir()
