"""The results of the steps of a long computation, as files: a run that was killed goes on after the last one.

They are of one state of a collection: those of another one are dropped. They may be deleted at any time, and a damaged
file counts as missing.
"""

from __future__ import annotations

import os
import shutil
import zipfile
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.files import TEMPORARY_PREFIX

__all__ = ["STEPS_FOLDER", "StepCache"]

STEPS_FOLDER = "steps"
_UNREADABLE = (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error)


class StepCache:
    """Arrays by the name of their step, in a folder of the index that is named by the state that they are of.

    Where the folder cannot be written to, nothing is kept.
    """

    def __init__(self, index_dir: Path, state: str) -> None:
        every = index_dir / STEPS_FOLDER
        self._folder = every / state
        self._writable = os.access(index_dir, os.W_OK)
        if self._writable:
            for other in every.glob("*"):
                if other != self._folder:
                    shutil.rmtree(other, ignore_errors=True)

    def compute(self, name: str, make: Callable[[], Mapping[str, NDArray[Any]]]) -> Mapping[str, NDArray[Any]]:
        """The arrays of a step: as they were kept, or else made and kept."""
        path = self._folder / f"{name}.npz"
        with suppress(*_UNREADABLE), path.open("rb") as file, np.load(file, allow_pickle=False) as held:
            return {each: held[each] for each in held.files}
        made = make()
        if self._writable:
            with suppress(OSError):
                self._folder.mkdir(parents=True, exist_ok=True)
                new = path.with_name(f"{TEMPORARY_PREFIX}{path.name}")
                np.savez(new, allow_pickle=False, **made)
                os.replace(new, path)
        return made
