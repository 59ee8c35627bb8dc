"""What an image's own file says of it, in words and facts. Nothing in here can make an image fail."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from PIL import Image as Pillow

from nearsight.metadata.embedded_text import read_embedded_text
from nearsight.metadata.facts import Facts
from nearsight.metadata.image_text import NO_FACTS


@dataclass(frozen=True)
class Metadata:
    """What the camera and its owner wrote; captions are a line each."""

    caption: str = ""
    tags: tuple[str, ...] = ()
    facts: Facts = NO_FACTS

    @property
    def taken(self) -> str | None:
        """When it was taken, as far as the file says."""
        return self.facts.taken

    @property
    def camera(self) -> str | None:
        """With what it was taken."""
        return self.facts.camera

    @property
    def latitude(self) -> float | None:
        """Degrees, positive north."""
        return self.facts.latitude

    @property
    def longitude(self) -> float | None:
        """Degrees, positive east."""
        return self.facts.longitude


def read_metadata(image: Pillow.Image, data: bytes = b"") -> Metadata:
    """The metadata of an opened image; the texts of a GIF are read from its file, `data`."""
    found = read_embedded_text(image, data)
    return Metadata(found.caption, found.tags, found.facts)


def drop_own_name(metadata: Metadata, name: str) -> Metadata:
    """The metadata without captions that are only the name of the file, with or without its ending."""
    own = {name.casefold(), os.path.splitext(name)[0].casefold()}
    kept = [line for line in metadata.caption.splitlines() if line.casefold() not in own]
    return replace(metadata, caption="\n".join(kept))
