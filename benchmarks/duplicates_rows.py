"""How long and how much memory do the candidates for copies among a million images take? Writes a table.

    python -m benchmarks.duplicates_rows FOLDER --rows 1000000 --place /tmp/rows

1. The images of a folder are indexed by `copy`.
2. Rows are generated from theirs until there are so many: GIST vectors are mixtures of three, features have
   any of their words and bits at random, thumbnails are smooth noise. No image files are made, so nothing is verified.
3. Copies are planted among them: some in another turn, near as wholes; some that share a third of their features only.
4. The candidates are looked for in a process of its own, which is killed on the way and started again.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread
from typing import Any

import cv2
import numpy as np

import nearsight as ns
from benchmarks.machine import machine, table
from nearsight.applications.duplicates.candidates import find_candidates
from nearsight.applications.duplicates.contents import Contents
from nearsight.files import LocalFileSystem
from nearsight.pipeline import Pipeline
from nearsight.storage.array_file import SEGMENTS_FOLDER, THUMBNAILS
from nearsight.storage.array_file_writer import write_blobs, write_vectors
from nearsight.storage.catalogue_writer import CatalogueWriter
from nearsight.storage.records import ImageRecord
from nearsight.storage.snapshot import Snapshot, SnapshotReader

CHUNK = 20_000
FEATURES, SHARED_BY_WHOLES, SHARED_BY_PARTS = 93, 60, 30
"""Features of an image, and those that a planted copy shares with its original."""
PLANTED = 0.005
"""Share of the rows that are planted copies of each kind."""


def pipelines(index_dir: Path) -> tuple[Pipeline, Pipeline]:
    """Those of `copy` and of `part`."""
    with ns.open(collection=index_dir) as photos:
        return photos.pipeline("copy"), photos.pipeline("part")


class Rows:
    """Generates rows like those of a small collection."""

    def __init__(self, snapshot: Snapshot, whole: Pipeline, part: Pipeline) -> None:
        self.descriptor: Any = whole.descriptor
        ids = snapshot.ids(whole)
        self.vectors = np.concatenate([rows for _, rows in snapshot.iter_vectors(whole, ids)]).astype(np.float32)
        self.records = np.concatenate([each for _, each in snapshot.iter_records(part)])
        self.rng = np.random.default_rng(23)

    def wholes(self, count: int) -> Any:  # noqa: ANN401
        """Mixtures `(count, D)` of three vectors."""
        chosen = self.rng.integers(0, len(self.vectors), (3, count))
        shares = self.rng.dirichlet((1, 1, 1), count).T.astype(np.float32)
        return np.einsum("kn,knd->nd", shares, self.vectors[chosen])

    def copies(self, vectors: Any) -> Any:  # noqa: ANN401
        """Each vector in one of its eight turns, with a little noise."""
        turned = self.descriptor.turned(vectors)
        made = turned[self.rng.integers(0, len(turned), len(vectors)), np.arange(len(vectors))]
        noise = self.rng.normal(0, 0.1 / np.sqrt(made.shape[1]), made.shape)
        return (made + noise).astype(np.float32)

    def features(self, count: int) -> Any:  # noqa: ANN401
        """Records `(count, FEATURES)` of any words that there are, with bits at random."""
        made = self.records[self.rng.integers(0, len(self.records), (count, FEATURES))]
        made["bits"] = self.rng.integers(0, 256, made["bits"].shape, np.uint8)
        return made

    def sharing(self, originals: Any, shared: int) -> Any:  # noqa: ANN401
        """Records of which so many are those of an original, each bit flipped with a probability of a 32nd."""
        made = self.features(len(originals))
        kept = originals[:, :shared].copy()
        flips = self.rng.integers(0, 256, (5, *kept["bits"].shape), np.uint8)
        kept["bits"] ^= np.bitwise_and.reduce(flips)
        made[:, :shared] = kept
        return made

    def thumbnails(self, count: int) -> list[bytes]:
        """JPEGs of smooth noise."""
        small = self.rng.integers(0, 256, (count, 6, 8, 3), np.uint8)
        return [
            cv2.imencode(".jpg", cv2.resize(each, (64, 48), interpolation=cv2.INTER_CUBIC))[1].tobytes()
            for each in small
        ]


def generate(index_dir: Path, n_rows: int) -> dict[str, list[tuple[int, int]]]:
    """Add rows to a collection until there are so many; the planted pairs of ids by kind, the original first."""
    files = LocalFileSystem()
    whole, part = pipelines(index_dir)
    snapshot = SnapshotReader(index_dir, files).snapshot()
    rows = Rows(snapshot, whole, snapshot.trained_pipeline(part))
    keys = {each.key for each in SnapshotReader(index_dir, files).catalogue.segments()}
    whole_key, part_key = whole.key, next(each for each in keys - {whole.key, THUMBNAILS} if "small_sift" in each)
    planted: dict[str, list[tuple[int, int]]] = {"whole": [], "part": []}
    catalogue = CatalogueWriter(index_dir)
    before = catalogue.count_images()
    for start in range(before, n_rows, CHUNK):
        count = min(CHUNK, n_rows - start)
        first, segment = catalogue.next_ids()
        ids = np.arange(first, first + count, dtype=np.int64)
        vectors, features, thumbnails = rows.wholes(count), rows.features(count), rows.thumbnails(count)
        each_kind = max(1, int(PLANTED * count))
        for kind, at in (("whole", 0), ("part", each_kind)):
            originals = slice(count // 2 + at, count // 2 + at + each_kind)
            made = slice(at, at + each_kind)
            if kind == "whole":
                vectors[made] = rows.copies(vectors[originals])
                thumbnails[made] = thumbnails[originals]
            shared = SHARED_BY_WHOLES if kind == "whole" else SHARED_BY_PARTS
            features[made] = rows.sharing(features[originals], shared)
            planted[kind] += zip(ids[originals].tolist(), ids[made].tolist(), strict=True)
        features = np.take_along_axis(features, np.argsort(features["word"], axis=1), axis=1)
        folder = index_dir / SEGMENTS_FOLDER
        entries = [
            write_vectors(folder, segment, whole_key, ids, vectors, files),
            write_blobs(folder, segment + 1, part_key, ids, [each.tobytes() for each in features], files),
            write_blobs(folder, segment + 2, THUMBNAILS, ids, thumbnails, files),
        ]
        with catalogue.transaction():
            for image_id in ids.tolist():
                catalogue.put_image(_record(image_id))
            for entry in entries:
                catalogue.put_segment(entry)
        print(f"{start + count:,} rows", file=sys.stderr)
    catalogue.close()
    return planted


def _record(image_id: int) -> ImageRecord:
    content = image_id.to_bytes(32, "big")
    path = f"{image_id:08d}.jpg".encode()
    return ImageRecord(image_id, path, 1, 1, 1, content, 640, 480, "JPEG", None, None, None, None)


def measure(index_dir: Path, out: Path) -> None:
    """Look for candidates; write the seconds of each step, the memory, and the pairs."""
    peaks, ended = {"RssAnon": 0, "VmRSS": 0}, Event()

    def sample() -> None:
        while not ended.wait(0.2):
            for line in Path("/proc/self/status").read_text().splitlines():
                name, _, value = line.partition(":")
                if name in peaks:
                    peaks[name] = max(peaks[name], int(value.split()[0]))

    Thread(target=sample, daemon=True).start()
    steps, seconds = list[tuple[str, float]](), dict[str, float]()

    def watch(step: str, done: int, total: int) -> None:
        if not steps or steps[-1][0] != step:
            steps.append((step, time.monotonic()))
            print(step, file=sys.stderr, flush=True)

    reader = SnapshotReader(index_dir, LocalFileSystem())
    watch("reading the catalogue", 0, 0)
    contents = Contents(reader.catalogue)
    found = find_candidates(reader.snapshot(), *pipelines(index_dir), contents.ids, contents.firsts, watch, index_dir)
    steps.append(("", time.monotonic()))
    for (step, began), (_, ends) in pairwise(steps):
        seconds[step] = ends - began
    ended.set()
    pairs = [(one, other) for one, others in found.neighbours.items() for other in others if one < other]
    out.write_text(json.dumps({"seconds": seconds, "peaks": peaks, "left_out": found.left_out, "pairs": pairs}))


def run(index_dir: Path, out: Path, kill_after: float | None) -> float:
    """Measure in a process of its own; with `kill_after`, kill it after so many seconds. The seconds it ran."""
    began = time.monotonic()
    command = [sys.executable, "-m", "benchmarks.duplicates_rows", "--measure", str(index_dir), "--out", str(out)]
    with subprocess.Popen(command) as process:
        try:
            process.wait(kill_after)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        else:
            if process.returncode:
                raise SystemExit(process.returncode)
    return time.monotonic() - began


def report(index_dir: Path, planted: dict[str, list[tuple[int, int]]], out: Path, kill_after: float) -> str:
    """The table."""
    killed = run(index_dir, out, kill_after)
    resumed = run(index_dir, out, None)
    told = json.loads(out.read_text())
    pairs = {tuple(each) for each in told["pairs"]}
    shares = {
        kind: np.mean([tuple(sorted(pair)) in pairs for pair in some]) if some else 1.0
        for kind, some in planted.items()
    }
    rows = [
        ["killed after, s", f"{killed:.0f}"],
        ["then to the end, s", f"{resumed:.0f}"],
        *([f"of these, {step}", f"{seconds:.0f}"] for step, seconds in told["seconds"].items()),
        ["memory of its own at most, MiB", f"{told['peaks']['RssAnon'] / 1024:,.0f}"],
        ["with the mapped files, MiB", f"{told['peaks']['VmRSS'] / 1024:,.0f}"],
        ["candidate pairs", f"{len(pairs):,}"],
        *([f"planted {kind}s among them, %", f"{100 * share:.2f}"] for kind, share in shares.items()),
    ]
    return f"Measured on {machine()}.\n\n" + table(["", "value"], rows)


def _folders(place: Path) -> Iterator[Path]:
    yield place / "rows"
    yield place / "planted.json"


def main(arguments: list[str] | None = None) -> None:
    """Generate the rows, unless they are there, and measure."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("folder", nargs="?", type=Path)
    made.add_argument("--rows", type=int, default=1_000_000)
    made.add_argument("--place", type=Path, default=Path("rows"), help="folder for the rows, 6 GB for a million")
    made.add_argument("--kill-after", type=float, default=150.0, help="seconds after which the first run is killed")
    made.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    made.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    given = made.parse_args(arguments)
    if given.measure is not None:
        measure(given.measure, given.out)
        return
    index_dir, noted = _folders(given.place)
    if not noted.exists():
        given.place.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(index_dir, ignore_errors=True)
        ns.index(given.folder, ["copy"], collection=index_dir).close()
        noted.write_text(json.dumps(generate(index_dir, given.rows)))
    planted = json.loads(noted.read_text())
    print(report(index_dir, planted, given.place / "found.json", given.kill_after))
    os.sync()


if __name__ == "__main__":
    main()
