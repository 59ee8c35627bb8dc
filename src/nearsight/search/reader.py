"""The newest committed generation of a collection, for threads that search at once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING

from nearsight.errors import DamagedError, StorageError
from nearsight.files import FileSystem
from nearsight.storage.catalogue import Catalogue
from nearsight.storage.snapshot import Snapshot
from nearsight.types import Ids, Query

if TYPE_CHECKING:
    from nearsight.search.text_search import TextSearch

MAX_ATTEMPTS = 10


class OutdatedError(Exception):
    """A commit came between the reading of vectors and of what the catalogue knows of them: read again."""


class Reader:
    """A catalogue with the segments of its newest generation. Whoever reads the catalogue holds `lock`."""

    def __init__(self, index_dir: Path, files: FileSystem) -> None:
        self.index_dir, self.catalogue, self.lock = index_dir, Catalogue(index_dir), RLock()
        self._files = files
        self._snapshot: Snapshot | None = None

    def snapshot(self) -> Snapshot:
        """The newest generation. A segment that a compaction took away while it was opened is no damage."""
        with self.lock:
            if self._snapshot is not None and self._snapshot.generation == self.catalogue.generation():
                return self._snapshot
            for _ in range(MAX_ATTEMPTS):
                before = self.catalogue.generation()
                try:
                    self._snapshot = Snapshot(self.index_dir, self.catalogue, self._files)
                except DamagedError:
                    if self.catalogue.generation() == before:
                        raise
                else:
                    return self._snapshot
            raise StorageError(f"{self.index_dir} changes too fast to be read; try again")

    def attempts(self) -> Iterator[Snapshot]:
        """The newest generation, again and again, for whoever meets OutdatedError; StorageError after some times."""
        for _ in range(MAX_ATTEMPTS):
            yield self.snapshot()
        raise StorageError(f"{self.index_dir} changes faster than a query is answered; try again")

    def paths(self, ids: Ids | list[int], snapshot: Snapshot) -> dict[int, bytes]:
        """The paths of these ids in a generation. Raises OutdatedError."""
        with self.lock, self.catalogue.read_transaction():
            self._check(snapshot)
            return {image_id: self.catalogue.image(image_id).path for image_id in map(int, ids)}

    def allowed_ids(self, query: Query, snapshot: Snapshot) -> Ids | None:
        """The ids that the words and the filter of a query leave in a generation; None: all. Raises OutdatedError."""
        if not (query.words or query.where):
            return None
        with self.lock, self.catalogue.read_transaction():
            self._check(snapshot)
            return self.text_search.matching_ids(query)

    @cached_property
    def text_search(self) -> TextSearch:
        """The words and filters of the catalogue; whoever uses it holds `lock`, in a transaction."""
        from nearsight.search.text_search import TextSearch

        return TextSearch(self.catalogue)

    def _check(self, snapshot: Snapshot) -> None:
        if self.catalogue.generation() != snapshot.generation:
            raise OutdatedError
