"""Folders and files that systems and programs make beside people's pictures: thumbnails, previews, trash, databases.

They are known by their names alone. A pattern with `/` names folders above, too: `.cache/thumbnails` is left out,
another `thumbnails` is not. Originals and edited pictures that a program keeps (`.picasaoriginals`, `Masters`,
`resources/renders`) are pictures, and are not listed.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

FOLDERS = (
    # network storage: Synology, QNAP, Western Digital, NetApp, ZFS, btrfs
    *("@eaDir", "#recycle", "#snapshot", "@Recycle", "@Recently-Snapshot", ".@__thumb", ".@upload_cache", ".wdmc"),
    *(".snapshot", ".snapshots", "~snapshot", ".zfs"),
    # desktops and telephones
    *(".thumbnails", ".thumbnail", ".thumbs", ".xvpics", ".cache/thumbnails", ".Trash", ".Trash-*", ".Trashes"),
    *(".local/share/Trash", "Network Trash Folder", "$RECYCLE.BIN", "System Volume Information"),
    *(".Spotlight-V100", ".fseventsd", ".TemporaryItems", ".DocumentRevisions-V100", ".AppleDouble", "__MACOSX"),
    # programs for photographs
    *("*.lrdata", "*.lrcat-data", ".dtrash", "CaptureOne/Cache"),
    *("*.photoslibrary/resources/derivatives", "*.photoslibrary/resources/proxies", "*.photoslibrary/Thumbnails"),
    *("*.photoslibrary/resources/media/face", "*.photoslibrary/resources/modelresources"),
    *("*.photoslibrary/database", "*.photoslibrary/private", "*.migratedphotolibrary/Thumbnails"),
    *("*.photolibrary/Thumbnails", "*.photolibrary/Data", "*.photolibrary/Data.noindex"),
    *("iPhoto Library/Thumbnails", "iPhoto Library/Data", "iPhoto Library/Data.noindex"),
    *("*.aplibrary/Thumbnails", "*.aplibrary/Previews"),
    # synchronisation
    *(".sync", ".stversions", ".stfolder", ".dropbox.cache", ".tmp.drivedownload", ".tmp.driveupload"),
    *("appdata_*/preview", "files_trashbin", "files_versions"),
    # source code
    *(".git", ".svn", ".hg"),
)
"""Folders left out, with all below them; upper and lower case are one."""

EXACT_FOLDERS = ("lost+found", "node_modules", "RECYCLER")
"""Folders whose names could be an album's in another case."""

FILES = (
    *("._*", ".DS_Store", ".apdisk", ".localized", "Icon\r", ".VolumeIcon.icns"),
    *("Thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", ".directory", ".hidden"),
    *(".picasa.ini", "Picasa.ini", "ZbThumbnail.info", ".BridgeCache", ".BridgeCacheT", ".BridgeLabelsAndRatings"),
    *("thumbnails-digikam.db", ".nomedia", ".database_uuid", ".dropbox", ".stignore", ".gitignore"),
    *(".trashed-*", ".pending-*"),
)
"""Files left out; upper and lower case are one."""

MARKER = b".nomedia"
"""A folder that holds a file of this name is left out, with all below it, as it is on a telephone."""


class _NamePatterns:
    """Patterns by the last of their names, so that most paths cost one look into a table."""

    def __init__(self, patterns: Iterable[str], exact: Iterable[str] = ()) -> None:
        self.by_name: dict[bytes, list[tuple[str, re.Pattern[bytes]]]] = defaultdict(list)
        self.wild: list[tuple[str, re.Pattern[bytes]]] = []
        for flags, some in ((re.IGNORECASE, patterns), (re.NOFLAG, exact)):
            for pattern in some:
                last = pattern.rpartition("/")[2]
                whole = "(?:.*/)?" + re.escape(pattern).replace(r"\*", "[^/]*")
                row = pattern, re.compile(whole.encode(), flags | re.DOTALL)
                (self.wild if "*" in last else self.by_name[last.lower().encode()]).append(row)

    def find(self, path: bytes) -> str | None:
        """Return the first pattern that a path matches."""
        rows = self.by_name.get(path.rpartition(b"/")[2].lower(), ())
        return next((pattern for pattern, regex in (*rows, *self.wild) if regex.fullmatch(path)), None)


_FOLDER_PATTERNS, _FILE_PATTERNS = _NamePatterns(FOLDERS, EXACT_FOLDERS), _NamePatterns(FILES)


def system_pattern(path: bytes, *, is_folder: bool) -> str | None:
    """Return the pattern above that leaves out a path below the indexed folder, or None."""
    return (_FOLDER_PATTERNS if is_folder else _FILE_PATTERNS).find(path)
