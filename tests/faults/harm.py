"""A collection to be harmed, the bytes of all its files, and what it must answer."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

CELLS = "(cells=4, probes=4, exact_below=1)"
"""Few enough for a small collection, and all of them looked into: the answer is the exact one."""
RECIPES = ["phash | flat", "gist | flat", f"gist | ivf{CELLS}", f"gist | gistis{CELLS}"]
"""Every kind of index, so that whatever one of them keeps on the disk is harmed too."""
WORDS = "000"
LOCKS = {"write.lock", "writer.json"}
"""What belongs to the lock and holds nothing of the collection."""


@dataclass(frozen=True)
class Victim:
    """A collection of which every file is known by heart."""

    forks: object
    folder: Path
    home: Path
    queries: list[Path]
    sound: dict[str, bytes]
    known: Path

    def restore(self, names=None):
        """Put back what was harmed; everything where no names are given. What should not be there goes."""
        for path in [path for path in self.home.rglob("*") if not path.is_dir()]:
            if str(path.relative_to(self.home)) not in self.sound:
                path.unlink()
        for name in self.sound if names is None else names:
            (self.home / name).parent.mkdir(exist_ok=True)
            (self.home / name).write_bytes(self.sound[name])

    def files(self):
        """The names of all files that hold something of the collection."""
        return [name for name in sorted(self.sound) if name not in LOCKS]

    def kinds(self):
        """The files by the folder that they lie in; the catalogue for itself."""
        kinds: dict[str, list[str]] = {}
        for name in self.files():
            kinds.setdefault(os.path.dirname(name) or name, []).append(name)
        return kinds

    def judged(self, told):
        """The verdict over the home as it is now; fails on a signal, a wrong answer, or an error of another kind."""
        ending = self.forks.run("judge", self.home, self.queries, WORDS, RECIPES, self.known, seconds=60)
        assert ending.code == 0, (told, ending)
        verdict, details = ending.result
        assert verdict in ("detected", "without effect"), (told, verdict, details)
        return verdict

    def mended(self, act="mended_here"):
        """Repair it; what was dropped, how much was decoded. Fails where it does not answer as before."""
        ending = self.forks.run(act, self.home, self.queries, WORDS, RECIPES)
        result = ending.result
        assert result["left"] == []
        return result

    def right(self):
        return json.loads(self.known.read_text())


def victim(forks, many, tmp_path, count=60):
    """A collection of several commits, with removed images and skipped files, closed, and what it answers."""
    folder, home = many(count, side=64), tmp_path / "home"
    (folder / "zz-broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut short")
    (folder / "zz-notes.txt").write_text("no image")
    told = (f"{number:04}.jpg,000 of a lantern {number},light;night" for number in range(count))
    (folder / "said.csv").write_text("\n".join(["file,caption,tags", *told]))
    forks.run("index", folder, home, RECIPES, count // 4).result  # noqa: B018
    forks.run("remove", home, ["0003.jpg", "0007.jpg"]).result  # noqa: B018
    queries = [str(folder / f"{number:04}.jpg") for number in (1, 3, 11)]
    forks.run("warm_up", home, queries, WORDS, RECIPES).result  # noqa: B018
    sound = {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()}
    sound = {name: data for name, data in sound.items() if not name.endswith(("-shm", "-wal"))}
    made = Victim(forks, folder, home, queries, sound, tmp_path / "known.json")
    made.restore()
    said = forks.run("answers", home, queries, WORDS, RECIPES).result
    made.known.write_text(json.dumps(said))
    return made


def tally(verdicts):
    """How many were detected and how many had no effect."""
    counted = Counter(verdicts)
    names = {"detected": "detected", "without_effect": "without effect"}
    return {name: counted[verdict] for name, verdict in names.items()}
