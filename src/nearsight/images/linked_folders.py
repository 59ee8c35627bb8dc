"""Symbolic links that are followed: what they lead to, each folder and file of it once, and no way round for ever.

1. What a link leads to within the indexed folder is read at its own place, so the link is not followed.
2. Outside, a folder is known by its device and inode, and is read where it is reached first; so a loop ends.
3. A file that a link leads to is known by its real path, and is read once too.
"""

from __future__ import annotations

import errno
import os

from nearsight.errors import ImageError, Reason


class LinkedFolders:
    """What was reached through links in one walk.

    Parameters
    ----------
    root : the folder that is walked
    """

    def __init__(self, root: bytes) -> None:
        self._root = os.path.realpath(root)
        self._folders: dict[tuple[int, int], bytes] = {}
        self._files: set[bytes] = set()

    def resolve(self, link: bytes) -> os.stat_result:
        """Return the state of what a link leads to.

        Raises
        ------
        ImageError : with the reason why it is not followed
        OSError : what it leads to cannot be looked at
        """
        try:
            state = os.stat(link)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise ImageError(Reason.LINK_LOOP, "it leads back to itself") from error
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                raise ImageError(Reason.BROKEN_LINK, f"it leads to {os.fsdecode(os.readlink(link))}") from error
            raise
        real = os.path.realpath(link)
        if real == self._root:
            raise ImageError(Reason.LINK_LOOP, "it leads to the indexed folder itself")
        if real.startswith(self._root.rstrip(b"/") + b"/"):
            raise _reached_before(link, real, os.fsdecode(os.path.relpath(real, self._root)))
        return state

    def enter(self, folder: bytes) -> None:
        """Note a folder that a link leads to, or one below it. ImageError where it was reached before."""
        state, real = os.stat(folder), os.path.realpath(folder)
        if real == self._root:
            raise ImageError(Reason.LINK_LOOP, "it leads to the indexed folder itself")
        first = self._folders.setdefault((state.st_dev, state.st_ino), real)
        if first is not real:
            raise _reached_before(folder, real, os.fsdecode(first))

    def take(self, file: bytes) -> None:
        """Note a file that a link leads to, or one in such a folder. ImageError where it was reached before."""
        real = os.path.realpath(file)
        if real in self._files:
            raise ImageError(Reason.REACHED_TWICE, f"it is {os.fsdecode(real)}")
        self._files.add(real)


def _reached_before(link: bytes, real: bytes, shown: str) -> ImageError:
    loop, above = False, os.path.dirname(link)
    while not loop and above != os.path.dirname(above):
        loop, above = os.path.realpath(above) == real, os.path.dirname(above)
    return ImageError(Reason.LINK_LOOP if loop else Reason.REACHED_TWICE, f"it leads to {shown}")
