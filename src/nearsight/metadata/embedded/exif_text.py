"""What EXIF says of an image: words, and when, where, with what and by whom it was taken."""

from __future__ import annotations

from nearsight.metadata.camera import camera_name, is_scanner, lens_name, parse_iso, parse_rating
from nearsight.metadata.embedded import exif_entries as tag
from nearsight.metadata.embedded.exif_entries import ExifEntries
from nearsight.metadata.facts import Facts, merge_facts
from nearsight.metadata.image_text import ImageText, split_tags
from nearsight.metadata.machine_text import build_human_text, creator_name
from nearsight.metadata.place import exif_place, parse_number
from nearsight.metadata.taken import parse_taken


def read_exif_text(exif: ExifEntries) -> ImageText:
    """The words and facts of EXIF."""
    captions = [
        exif.xp_text(tag.XP_TITLE),
        exif.text(tag.DESCRIPTION),
        exif.xp_text(tag.XP_SUBJECT),
        exif.xp_text(tag.XP_COMMENT),
        exif.comment,
    ]
    return build_human_text(captions, split_tags(exif.xp_text(tag.XP_KEYWORDS)), _exif_facts(exif), exif_names(exif))


def exif_names(exif: ExifEntries) -> list[str]:
    """What the file names as its camera and its programs: no caption either."""
    names = [exif.text(each) for each in (tag.MAKE, tag.MODEL, tag.SOFTWARE, tag.HOST, tag.LENS_MODEL)]
    return [*names, f"{names[0]} {names[1]}"]


def exif_digitized(exif: ExifEntries, camera: str | None) -> Facts:
    """When the image was digitized: that is when it was taken where a camera did it, and no source says better."""
    if not camera or is_scanner(camera, exif.text(tag.SOFTWARE), _file_source(exif)):
        return Facts()
    return parse_taken(exif.text(tag.DIGITIZED), "EXIF", exif.text(tag.ZONE_DIGITIZED))


def _exif_facts(exif: ExifEntries) -> Facts:
    camera = camera_name(exif.text(tag.MAKE), exif.text(tag.MODEL))
    about = Facts(
        camera=camera,
        lens=lens_name(exif.text(tag.LENS_MAKE), exif.text(tag.LENS_MODEL)),
        iso=parse_iso(*(exif.about.get(each) for each in (tag.ISO, *tag.OTHER_ISOS))),
        rating=parse_rating(exif.about.get(tag.RATING), exif.about.get(tag.RATING_PERCENT)),
        creator=creator_name(exif.xp_text(tag.XP_AUTHOR) or exif.text(tag.ARTIST), exif_names(exif)),
    )
    return merge_facts([about, exif_place(exif.place), _exif_taken(exif, camera)])


def _exif_taken(exif: ExifEntries, camera: str | None) -> Facts:
    """When the shutter opened; never the day of a scan or of a change."""
    taken = parse_taken(exif.text(tag.TAKEN), "EXIF", exif.text(tag.ZONE_TAKEN))
    if is_scanner(camera, exif.text(tag.SOFTWARE), _file_source(exif)):
        digitized = parse_taken(exif.text(tag.DIGITIZED), "EXIF")
        return Facts() if taken.taken == digitized.taken and taken.taken and "T" in taken.taken else taken
    return taken


def _file_source(exif: ExifEntries) -> float | None:
    value = exif.about.get(tag.SOURCE)
    return parse_number(value[0] if isinstance(value, bytes) and value else value)
