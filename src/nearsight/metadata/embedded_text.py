"""What an image's own file says of it in words: EXIF, XMP, IPTC, texts of a PNG, comments. Nothing here can fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TypeVar

from PIL import Image as Pillow

from nearsight.metadata.embedded import exif_entries
from nearsight.metadata.embedded.exif_entries import ExifEntries, read_exif_entries
from nearsight.metadata.embedded.exif_text import exif_digitized, exif_names, read_exif_text
from nearsight.metadata.embedded.gif_blocks import read_gif_texts
from nearsight.metadata.embedded.iptc import find_iptc, read_iptc
from nearsight.metadata.embedded.png_text import png_profile, png_texts, read_png_text
from nearsight.metadata.embedded.xmp_packet import find_xmp_packets
from nearsight.metadata.facts import merge_facts
from nearsight.metadata.image_text import NO_FACTS, ImageText
from nearsight.metadata.machine_text import build_human_text, join_data
from nearsight.metadata.sidecars.xmp_file import read_xmp
from nearsight.metadata.text_encoding import decode_text

_Found = TypeVar("_Found")
_IPTC_RESOURCE = 0x0404
_MAX_COMMENTS, _MAX_RESOURCES = 100, 1 << 22


def read_embedded_text(image: Pillow.Image, data: bytes = b"") -> ImageText:
    """The words and facts of an opened image, in order of trust: EXIF, XMP, IPTC, the rest, EXIF's day of digitizing.

    Parameters
    ----------
    data : the image's file, of which the texts of a GIF are read
    """
    texts: Mapping[str, str] = _or_empty(lambda: png_texts(image), {})
    exif = read_exif_entries(image, texts)
    nothing = ImageText("")
    own = _or_empty(lambda: read_exif_text(exif), nothing)
    comments, packet = read_gif_texts(data)
    sources = [own, *_xmp_texts(image, texts, packet, own.facts.camera)]
    sources += [_or_empty(lambda: read_iptc(_iptc_bytes(image, exif, texts)), nothing)]
    sources += [_or_empty(lambda: read_png_text(texts), nothing)]
    sources += [_or_empty(lambda: build_human_text(_comments(image, comments), ()), nothing)]
    camera = next((each.facts.camera for each in sources if each.facts.camera), None)
    sources.append(ImageText("", facts=_or_empty(lambda: exif_digitized(exif, camera), NO_FACTS)))
    return _merge_texts(sources, exif_names(exif))


def _merge_texts(sources: Iterable[ImageText], names: list[str]) -> ImageText:
    """All words, without what is the name of the camera or a program by any source, and the facts of the first."""
    sources = list(sources)
    facts = replace(merge_facts(each.facts for each in sources), data=join_data(each.facts.data for each in sources))
    lines = (line for each in sources for line in each.caption.splitlines())
    captions = [line for line in lines if facts.data.count(f'"{line}') < 2]  # what a program calls its own data
    tags = [word for each in sources for word in each.tags]
    return build_human_text(captions, tags, facts, [*names, facts.camera or "", facts.lens or ""])


def _or_empty(read: Callable[[], _Found], empty: _Found) -> _Found:
    """What a source says; nothing where it is broken in a way that nobody has thought of."""
    try:
        return read()
    except MemoryError:
        raise
    except Exception:
        return empty


def _xmp_texts(image: Pillow.Image, texts: Mapping[str, str], of_gif: bytes, camera: str | None) -> Iterator[ImageText]:
    packets: list[bytes] = _or_empty(lambda: list(find_xmp_packets(image, texts, of_gif)), [])
    for packet in packets:
        found: list[ImageText] = _or_empty(partial(read_xmp, packet, "XMP", camera), [])
        yield from found


def _iptc_bytes(image: Pillow.Image, exif: ExifEntries, texts: Mapping[str, str]) -> bytes:
    """The records of IPTC, wherever the format keeps them."""
    resources = image.info.get("photoshop")
    of_jpeg = resources.get(_IPTC_RESOURCE) if isinstance(resources, dict) else None
    profile = png_profile(texts, ("iptc", "8bim", "APP13"))
    found = (
        of_jpeg,
        exif.raw(exif_entries.IPTC, _MAX_RESOURCES),
        find_iptc(exif.raw(exif_entries.PHOTOSHOP, _MAX_RESOURCES)),
        find_iptc(profile),
        profile,
    )
    return next((data for data in found if isinstance(data, bytes) and data), b"")


def _comments(image: Pillow.Image, of_gif: list[bytes]) -> Iterator[str]:
    """The comments of a JPEG and of a GIF."""
    segments = [body for name, body in getattr(image, "applist", ()) if name == "COM"]
    for comment in [*segments[:_MAX_COMMENTS], *of_gif]:
        yield decode_text(comment)
