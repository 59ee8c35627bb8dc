"""What a sidecar says of an image, with what the sidecar itself knows of which image that is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nearsight.metadata.facts import Facts
from nearsight.metadata.image_text import NO_FACTS, ImageText, build_image_text


@dataclass(frozen=True)
class ClaimedText(ImageText):
    """What is said of one image, where more than a name says which.

    Attributes
    ----------
    original : the file name of the image where the sidecar was written; the one beside it must fit
    identifier : a number that is a part of the image's file name
    owner : the ending of the image's file name, such as "cr2"
    doubt : why the sidecar itself leaves open which image it means
    """

    original: str = ""
    identifier: str = ""
    owner: str = ""
    doubt: str = ""


def claim_text(
    captions: Iterable[str],
    tags: Iterable[str],
    facts: Facts = NO_FACTS,
    *,
    name: str = "",
    original: str = "",
    identifier: str = "",
    doubt: str = "",
) -> ClaimedText | None:
    """Words and facts as `build_image_text` puts them together, with what says whose they are."""
    text = build_image_text(name, captions, tags, facts)
    if text is None:
        return None
    return ClaimedText(text.name, text.caption, text.tags, text.facts, original, identifier, doubt=doubt)
