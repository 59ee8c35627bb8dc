"""Two images side by side: do both show the same, and which points match."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from nearsight.applications._pair_context import PairContext, PixelLoader
from nearsight.descriptor_chain import DescriptorChain
from nearsight.errors import UsageError
from nearsight.files import LocalFileSystem
from nearsight.geometry import matching
from nearsight.geometry.homography import estimate_homography
from nearsight.images import thumbnail
from nearsight.images.decode import Limits, open_image, read_image_file
from nearsight.images.source import read_source
from nearsight.pipeline import build_sense_pipeline
from nearsight.recipe import parse_recipe
from nearsight.registry import build_methods
from nearsight.rerankers.spatial import SpatialEvidence, explain_inliers
from nearsight.rerankers.verify import Verify
from nearsight.search.heat_map import heat_map
from nearsight.senses import COMPARING
from nearsight.types import IDENTICAL_FILE, Box, Explanation, Image, ImageSource, LocalDescriptor, LocalFeatures

FEATURES = "sift(n=2000)"
RATIO = 0.9
"""How much nearer the best match is than the second."""
POSED_CRITERION, PLACED_CRITERION, PAIRED_CRITERION = (8, 0.02), (15, 0.02), (24, 0.006)
"""How many matches must agree, and how far each may miss, in units of the longest side: of features that say how large
they are or how they are turned; of those that do not; and of pairs that a network chose, which agree on much that is
not there. `python -m benchmarks agreement` measures how many do in images of other buildings."""


def match(
    a: ImageSource, b: ImageSource, by: str = "copy", features: str = FEATURES, box: Box | None = None
) -> Explanation:
    """Whether two images show the same, and the points that match.

    Parameters
    ----------
    a, b : as `Collection.search` takes them: paths, bytes, open files, images of Pillow, or pixels
    by : "copy": is b an altered copy of a, or a of b? "object": do both show the same thing or place, from any
        viewpoint? "category": how similar are the things that they show? There is no verdict, because only a
        collection can calibrate one
    features : for "object", the local features to match, such as "akaze" or "sift(n=5000)"
    box : only this part of a is compared, `(x0, y0, x1, y1)` in pixels

    Raises
    ------
    UsageError
        where `by` is another sense, or no local features are named
    ImageError
        where an image cannot be read
    """
    return compare_images(a, b, by, features, box)[0]


def compare_images(
    a: ImageSource, b: ImageSource, by: str, features: str, box: Box | None
) -> tuple[Explanation, tuple[PixelLoader, PixelLoader]]:
    """What `match` gives, and both images to draw on."""
    if by not in COMPARING:
        *others, last = (f'"{sense}"' for sense in COMPARING)
        raise UsageError(f'two images are compared by {", ".join(others)} or {last}; got "{by}"')
    if features != FEATURES and by != "object":
        raise UsageError('features are matched by "object": say so too')
    given = read_source(a, "the first image"), read_source(b, "the second image")
    one = open_image(given[0], full=box is not None or by == "copy", name="the first image")
    two = open_image(given[1], full=by == "copy", name="the second image")
    first, second = partial(one.render, box=box), two.render
    if by == "copy":
        if box is None and _is_one_file(*given):
            return IDENTICAL_FILE, (first, second)
        digests = [None] if box else [each.pixel_digest() for each in (one, two)]
        return explain_copy(first, second, same_pixels=digests[0] is not None and digests[0] == digests[-1]), (
            first,
            second,
        )
    if by == "category":
        descriptor = category_descriptor()
        return explain_category(descriptor, first(descriptor.side), second(descriptor.side)), (first, second)
    local = _parse_local_descriptor(features)
    return explain_object(local, first(local.side), second(local.side)), (first, second)


def _is_one_file(a: Path | bytes | Image, b: Path | bytes | Image) -> bool:
    """Whether both are the same page of files of the same bytes; pixels are of no file."""
    contents = [_file_content(each) for each in (a, b)]
    return contents[0] is not None and contents[0] == contents[1]


def _file_content(image: Path | bytes | Image) -> tuple[bytes, int] | None:
    if isinstance(image, Path):
        return read_image_file(image, LocalFileSystem(), Limits().file)
    return (image, 1) if isinstance(image, bytes) else None


def explain_copy(first: PixelLoader, second: PixelLoader, *, same_pixels: bool = False) -> Explanation:
    """What one image is to the other: the verdict of `verify`. Both are functions of a longest side in pixels."""
    context = PairContext(first, second, lambda make: make(second(thumbnail.SIDE)), lambda: same_pixels)
    return Verify().compare(first(thumbnail.SIDE), 0, context)[0]


def category_descriptor() -> DescriptorChain:
    """What images are described by; ModelMissingError where its model is not on this machine."""
    found = build_sense_pipeline("category").descriptor
    assert isinstance(found, DescriptorChain)
    found.load()
    return replace(found, trained=({},) * len(found.encoders))


def explain_category(descriptor: DescriptorChain, first: Image, second: Image) -> Explanation:
    """How much two images are of one kind: the cosine of their vectors, and what each place contributes."""
    query, hit = descriptor.describe([first, second])
    cosine = float(query @ hit)
    maps = heat_map(descriptor, first, hit), heat_map(descriptor, second, query)
    sentence = f"cosine {cosine:.3f}, where 1 is identical; a verdict needs the distances within a collection"
    return Explanation(sentence, similarity=(1 + cosine) / 2, query_shares=maps[0], hit_shares=maps[1])


def _parse_local_descriptor(text: str) -> LocalDescriptor:
    """The local features of a recipe's text."""
    components = build_methods(parse_recipe(text))
    if len(components) > 1 or not isinstance(components[0], LocalDescriptor):
        raise UsageError(f"features are one method that finds points, such as sift or akaze; got {text}")
    return components[0]


def explain_object(descriptor: LocalDescriptor, first: Image, second: Image) -> Explanation:
    """Whether two images show the same thing, by the local features of both that match."""
    descriptor.load()
    query, hit = descriptor.describe([first, second])
    seen, fewest = match_features(descriptor, query, hit)
    return explain_inliers(seen, fewest, query.size, hit.size)


def match_features(
    descriptor: LocalDescriptor, query: LocalFeatures, hit: LocalFeatures
) -> tuple[SpatialEvidence, int]:
    """How many features match and those that agree on one homography, and how many must."""
    pairs = descriptor.match_pairs(query, hit)
    found = (
        matching.match_mutual_nearest(query, hit, RATIO)
        if pairs is None
        else matching.matches_from_pairs(query, hit, pairs)
    )
    tentative = matching.normalize_by_longest_side(found, query, hit)
    fewest, tolerance = (
        PAIRED_CRITERION if pairs is not None else POSED_CRITERION if tentative.has_pose else PLACED_CRITERION
    )
    return (len(tentative), estimate_homography(tentative, tolerance)), fewest
