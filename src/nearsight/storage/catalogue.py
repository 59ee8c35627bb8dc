"""The catalogue: what, where and when, and the only commit point of a collection. This is how it is read.

Each row is compared with its checksum whenever it is read, and the list of segments carries one over all of it: a row
that vanished is noticed too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nearsight.errors import DamagedError, Reason, UsageError
from nearsight.storage.database import Database
from nearsight.storage.filters import Condition
from nearsight.storage.records import CacheEntry, Label, Note, Picture, SegmentEntry, Sidecar, Skip, State, crc

COUNTED = "SELECT count(*) FROM picture"


class Catalogue(Database):
    """An open catalogue that is only read."""

    def __init__(self, home: Path, *, readonly: bool = True) -> None:
        super().__init__(home, readonly=readonly)
        self._sound = -1

    def meta(self, key: str) -> str | None:
        """A named value, or None."""
        row = self.row("SELECT key, value, crc FROM meta WHERE key=?", (key,))
        return None if row is None else str(row[1])

    def generation(self) -> int:
        """Rises with every commit."""
        return int(self.meta("generation") or 0)

    def recipes(self) -> dict[str, str]:
        """Recipe text by its name: a sense, or the text itself. In the order of their adding."""
        return dict(self.rows("SELECT name, text, crc FROM recipe ORDER BY rowid"))

    def segments(self) -> list[SegmentEntry]:
        """The segments of this generation, checked against the checksum of the whole list."""
        rows = list(self.rows("SELECT id, key, count, length, checksums, crc FROM segment ORDER BY id"))
        if self.meta("segments") != str(crc(rows)) and (rows or self.meta("segments") is not None):
            raise DamagedError(f"the list of segments in {self.path} is damaged: run nearsight repair")
        return [SegmentEntry(*row) for row in rows]

    def caches(self) -> list[CacheEntry]:
        """What the indexes keep; a catalogue of an older format lists nothing."""
        if self.format < 2:
            return []
        rows = self.rows("SELECT id, key, fitted, length, checksums, crc FROM cache ORDER BY id")
        return [CacheEntry(*row) for row in rows]

    def dead(self) -> list[int]:
        """Ids that are still in a segment though their picture is gone."""
        rows = [row[0] for row in self.rows("SELECT id, crc FROM dead ORDER BY id")]
        if self.meta("dead") != str(crc(rows)) and (rows or self.meta("dead") is not None):
            raise DamagedError(f"the list of removed pictures in {self.path} is damaged: run nearsight repair")
        return rows

    def picture(self, ident: int) -> Picture:
        """The picture of an id that an index returned; DamagedError where there is none."""
        row = self.row("SELECT * FROM picture WHERE id=?", (ident,))
        if row is None:
            raise DamagedError(f"picture {ident} is in an index but not in {self.path}: run nearsight repair")
        return Picture(*row)

    def picture_at(self, path: bytes) -> Picture | None:
        """The picture at a path, or None."""
        row = self.row("SELECT * FROM picture WHERE path=?", (path,))
        return None if row is None else Picture(*row)

    def skip_at(self, path: bytes) -> Skip | None:
        """The skipped file at a path, or None."""
        row = self.row("SELECT * FROM skip WHERE path=?", (path,))
        return None if row is None else _skip(row)

    def notes(self, path: bytes) -> list[Note]:
        """What is said in words of the picture at a path; nothing in a catalogue of an older format."""
        if self.format < 3:
            return []
        rows = self.rows(
            "SELECT picture, source, caption, tags, crc FROM note WHERE picture=? ORDER BY source", (path,)
        )
        return [Note(*row) for row in rows]

    def labels(self, path: bytes, *, dropped: bool = False) -> list[Label]:
        """What the picture at a path is labelled as, the surest first; also what somebody `dropped` where wanted."""
        if self.format < 4:
            return []
        rows = self.rows(
            "SELECT picture, label, confidence, model, state, crc FROM label WHERE picture=? "
            "ORDER BY confidence DESC, label",
            (path,),
        )
        made = [Label(picture, label, sure, model, State(state)) for picture, label, sure, model, state in rows]
        return [each for each in made if dropped or each.state is not State.DROPPED]

    def noted(self) -> dict[str, int]:
        """How many sidecars there are, pictures of which something is said, and names in sidecars of no picture."""
        if self.format < 3:
            return {"sidecars": 0, "pictures": 0, "unknown": 0}
        sidecars, unknown = self.values("SELECT count(*), ifnull(sum(unknown), 0) FROM sidecar")[0]
        pictures = self.values("SELECT count(DISTINCT picture) FROM note JOIN picture ON path = picture")[0][0]
        return {"sidecars": sidecars, "pictures": pictures, "unknown": unknown}

    def sidecar_at(self, path: bytes) -> Sidecar | None:
        """The sidecar at a path, or None."""
        row = self.row("SELECT * FROM sidecar WHERE path=?", (path,))
        return None if row is None else Sidecar(*row)

    def sidecars(self) -> Iterator[Sidecar]:
        """All files that say something of pictures, in the order of their paths."""
        rows = self.rows("SELECT * FROM sidecar ORDER BY path") if self.format >= 3 else ()
        return (Sidecar(*row) for row in rows)

    def pictures(self) -> Iterator[Picture]:
        """All pictures in the order of their paths."""
        return (Picture(*row) for row in self.rows("SELECT * FROM picture ORDER BY path"))

    def skips(self) -> Iterator[Skip]:
        """All skipped files in the order of their paths."""
        return (_skip(row) for row in self.rows("SELECT * FROM skip ORDER BY path"))

    def ids(self) -> list[int]:
        """The ids of all pictures, rising."""
        return [row[0] for row in self.values("SELECT id FROM picture ORDER BY id")]

    def sample(self, count: int) -> list[int]:
        """Ids of some pictures, rising: chosen by their content, so that the order of their coming does not matter."""
        return sorted(row[0] for row in self.values("SELECT id FROM picture ORDER BY sha256, id LIMIT ?", (count,)))

    def by_content(self) -> list[int]:
        """The ids of all pictures in an order by their content: the first so many are as good as drawn by lot."""
        return [row[0] for row in self.values("SELECT id FROM picture ORDER BY sha256, id")]

    def count(self) -> int:
        """How many pictures, as of the last commit: SQLite believes the numbers that its pages say."""
        said = self.meta("pictures")
        return int(self.values(COUNTED)[0][0] if said is None else said)

    def skipped(self) -> dict[str, int]:
        """How many files were skipped, by reason."""
        return dict(self.values("SELECT reason, count(*) FROM skip GROUP BY reason ORDER BY 2 DESC, 1"))

    def filtered(self, condition: Condition) -> list[int]:
        """Ids of the pictures that a filter leaves, rising. All rows are compared with their checksums before.

        Raises
        ------
        UsageError
            where it asks for captions or tags in a catalogue of a format that had none
        """
        generation = self.generation()
        if self._sound != generation:
            if sum(1 for _ in self.pictures()) != self.count():
                raise DamagedError(f"the list of pictures in {self.path} is damaged: run nearsight repair")
            for _ in self.rows("SELECT * FROM note") if self.format >= 3 else ():
                pass
            for _ in self.rows("SELECT * FROM label") if self.format >= 4 else ():
                pass
            self._sound = generation
        if condition.noted and self.format < 3:
            raise UsageError("this collection was made before captions and tags were read: run nearsight index again")
        if condition.labelled and self.format < 4:
            raise UsageError("this collection was made before pictures were labelled: run nearsight annotate")
        sql = f"SELECT id FROM picture WHERE {condition.sql} ORDER BY id"  # noqa: S608 (no text of the user's)
        return [row[0] for row in self.values(sql, condition.values)]


def _skip(row: tuple[Any, ...]) -> Skip:
    path, size, mtime_ns, reason, detail = row
    return Skip(path, size, mtime_ns, Reason(reason), detail)
