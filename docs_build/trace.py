"""The page on the way of a query: the files and functions that one search passes: `python -m docs_build.trace`.

`nearsight search` runs in this process, on a few drawn images, with a profiler that notes each function of nearsight
where it is entered first. A lambda or a comprehension belongs to the function that it is written in. What `dataclass`
generates and other packages are left out, and so are imports: the same search ran once before. In between the caches of
nearsight are emptied, so that the way is that of a new process.
"""

from __future__ import annotations

import contextlib
import gc
import inspect
import io
import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from types import CodeType, FrameType
from typing import Any
from unittest.mock import patch

import numpy as np
from PIL import Image as PillowImage

import nearsight as ns
from docs_build.docstring import table
from docs_build.structure.source import room
from nearsight.cli import main as command_line
from nearsight.senses import SENSES
from nearsight.types import Image

PACKAGE = Path(ns.__file__).resolve().parent
FROM = "Collection.search"
TARGETS = {
    "the descriptor": ("embed", "descriptors"),
    "the index": ("search", "indexes"),
    "a re-ranker": ("rerank", "rerankers"),
}
"""By name, the method and its room: what runs between the search and them is counted."""
IMAGES, SIZE, CROP = 4, (640, 480), (60, 40, 600, 440)
_CAMERA = 0x0110


@dataclass(frozen=True)
class Step:
    """A function and the file that it stands in, such as `nearsight/cli/main.py`."""

    file: PurePosixPath
    function: str


Entry = tuple[Step, ...]
"""A function where it is entered, at the end, and before it those that it runs in."""


@dataclass(frozen=True)
class Way:
    """The functions of one run in the order in which they were entered first, and the most that ran in each other."""

    entries: tuple[Entry, ...]
    depth: int

    @property
    def steps(self) -> list[Step]:
        """The functions."""
        return [entry[-1] for entry in self.entries]

    @property
    def files(self) -> list[PurePosixPath]:
        """The files, in the order in which they were reached."""
        return list(dict.fromkeys(step.file for step in self.steps))

    @property
    def rooms(self) -> list[str]:
        """The rooms, in the order in which they were reached."""
        return list(dict.fromkeys(map(room, self.files)))

    def between(self, first: str, method: str, of: str) -> list[Step]:
        """What runs between a function and the first method of this name in a room; ValueError where none runs."""
        for entry in self.entries:
            names, last = [step.function for step in entry], entry[-1]
            if first in names and last.function.endswith(f".{method}") and room(last.file) == of:
                return list(entry[names.index(first) + 1 : -1])
        raise ValueError(f"from {first} no {method} of the room {of} is reached")


def follow(run: Callable[[], object], package: Path) -> Way:
    """What runs of a package, named by its folder, in this thread."""
    entries: dict[Step, Entry] = {}
    depth = 0

    def note(frame: FrameType, event: str, argument: Any) -> None:  # noqa: ANN401
        nonlocal depth
        step = _step(frame.f_code, package) if event == "call" else None
        if step is not None:
            entry = tuple(_running(frame, package))[::-1]
            entries.setdefault(step, entry)
            depth = max(depth, len(entry))

    before = sys.getprofile()
    with _without_collector():
        sys.setprofile(note)
        try:
            run()
        finally:
            sys.setprofile(before)
    return Way(tuple(entries.values()), depth)


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """No garbage is collected: what runs then is not of the way, and may run anywhere."""
    was = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _running(frame: FrameType | None, package: Path) -> Iterator[Step]:
    """The functions that a frame runs in, itself first."""
    while frame is not None:
        if step := _step(frame.f_code, package):
            yield step
        frame = frame.f_back


@cache
def _step(code: CodeType, package: Path) -> Step | None:
    """The function of some code; None where it is of another package, or is no function with a name of its own."""
    file = Path(code.co_filename)
    if not file.is_relative_to(package) or code.co_name.startswith("<") or not code.co_flags & inspect.CO_OPTIMIZED:
        return None
    return Step(PurePosixPath(file.relative_to(package.parent).as_posix()), code.co_qualname.replace("<locals>.", ""))


@cache
def search() -> Way:
    """The way of a search by the recipe of the usual sense, asked with a part of an image of the collection."""
    with TemporaryDirectory() as place:
        query, photos = Path(place, "query.jpg"), Path(place, "photos")
        _lay_out(photos, query)
        recipe = SENSES["copy"].recipe
        ns.index(photos, recipe=recipe).close()
        words = ["nearsight", "search", str(query), "--in", str(photos), "--recipe", recipe]
        _search(words)
        _empty_caches()
        return follow(lambda: _search(words), PACKAGE)


def _search(words: Sequence[str]) -> None:
    """Run the command, which must find the image."""
    out = io.StringIO()
    with patch("sys.argv", list(words)), contextlib.redirect_stdout(out):
        try:
            command_line.main()
        except SystemExit as end:
            if end.code:
                raise RuntimeError(f"{' '.join(words)} ended with {end.code}: {out.getvalue()}") from None


def _empty_caches() -> None:
    """Forget what nearsight's modules remember, but for the commands: they would be there twice."""
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == "nearsight" and module is not command_line:
            for value in vars(module).values():
                if callable(forget := getattr(value, "cache_clear", None)):
                    forget()


def _lay_out(photos: Path, query: Path) -> None:
    """Images as a camera writes them, and a part of one to ask with."""
    photos.mkdir()
    exif = PillowImage.Exif()
    exif[_CAMERA] = "camera"
    for number in range(IMAGES):
        image = PillowImage.fromarray(_image(number))
        image.save(photos / f"{number}.jpg", quality=95, exif=exif)
        if number == 0:
            image.crop(CROP).save(query, quality=95, exif=exif)


def _image(seed: int) -> Image:
    """Rectangles of many sizes and colours, one on the other, `(480, 640, 3) uint8`."""
    rng = np.random.default_rng(seed)
    sheet = np.full((SIZE[1], SIZE[0], 3), rng.integers(0, 256, 3), np.uint8)
    for longest in np.geomspace(300, 20, 150).astype(int).tolist():
        left, top = rng.integers(0, SIZE).tolist()
        width, height = rng.integers(longest // 3, longest, 2).tolist()
        sheet[top : top + height, left : left + width] = rng.integers(0, 256, 3)
    return sheet


def page() -> str:
    """The whole page."""
    way = search()
    return "\n\n".join([_INTRODUCTION, _numbers(way), _READING, "```text\n" + "\n".join(lines(way)) + "\n```"]) + "\n"


_INTRODUCTION = """\
# Trace of a query

What `nearsight search` does with an image by the recipe of the sense `copy`: every function of nearsight that runs,
recorded during a search. The sense asks its second index, that of `part`, by the same steps. A lambda or a
comprehension counts as a part of its function; imports and functions that Python generates are left out."""
_READING = """\
In the order of the first call. A package is a folder of `src/nearsight`; the modules outside of any folder count as one
package. A file appears again where the search returns to it for another function."""


def _numbers(way: Way) -> str:
    rows = [
        ["functions", str(len(way.steps))],
        ["files", str(len(way.files))],
        ["packages", f"{len(way.rooms)}: {', '.join(way.rooms)}"],
        ["depth of calls, at most", str(way.depth)],
    ]
    for name, (method, of) in TARGETS.items():
        calls = [f"`{step.function}`" for step in way.between(FROM, method, of)]
        rows.append([f"between `{FROM}` and `{method}` of {name}", f"{len(calls)}: {', '.join(calls)}"])
    return table(["measure", "value"], rows)


def lines(way: Way) -> list[str]:
    """The way as text, a line for each stay in a file: `cli/main.py: main > load_app`."""
    stays = itertools.groupby(way.steps, key=lambda step: step.file)
    return [f"{'/'.join(file.parts[1:])}: {' > '.join(step.function for step in steps)}" for file, steps in stays]


if __name__ == "__main__":
    sys.stdout.write(page())
