"""Of which of several images of one stem XMP says that it is: those of Adobe name the ending of the raw file."""

from __future__ import annotations

import os
import re

_ENDING = re.compile(rb"""SidecarForExtension(?:\s*=\s*["']|\s*>)\s*\.?(\w{2,5})""")
_NAME = re.compile(rb"""RawFileName(?:\s*=\s*["']|\s*>)\s*([^"'<]{1,255})""")


def read_xmp_owner(data: bytes) -> str:
    """The ending of the image's file, in lower case; empty where XMP does not say it."""
    if match := _ENDING.search(data):
        return match[1].decode("ascii", "replace").lower()
    if match := _NAME.search(data):
        return os.path.splitext(match[1].decode("utf8", "replace").strip())[1][1:].lower()
    return ""
