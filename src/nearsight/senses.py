"""The senses, the kinds of similarity that a collection is searched by: one table, which imports no method."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sense:
    """One meaning of "similar": its name, a line for its user, the recipe that serves it.

    `label` stands for the verdict of every hit where queries are unlike the stored images, such as drawings: the
    distances between these then say nothing about a query's. The first re-ranker also looks at the first hits of the
    `candidate_senses` that the collection has; those that it `requires` are indexed along with it. Where nothing is
    alike by this sense, `wider` names one that looks further, and what that looks for.
    """

    name: str
    description: str
    recipe: str
    label: str = ""
    candidate_senses: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    wider: tuple[str, str] | None = None


SENSES = {
    sense.name: sense
    for sense in (
        Sense(
            "copy",
            "the same image, altered: re-saved, resized, cropped, mirrored",
            "gist | gistis | verify",
            candidate_senses=("part", "category", "object"),
            requires=("part",),
            wider=("object", "parts and other views"),
        ),
        Sense(
            "part",
            "a part of the image in others, or others in it: crops, collages, screenshots, turned copies",
            "small_sift | asmk(words=general, several=3, bits=64) | inverted | verify",
            wider=("object", "other views"),
        ),
        Sense("colour", "the same colours in the same amounts", "colour_histogram | ivf"),
        Sense(
            "scene",
            "the same layout of the scene",
            "gist(orientations=[6, 6, 6, 6, 6], colour=mean) | gistis",
        ),
        Sense(
            "object",
            "the same thing or place, from another viewpoint; a box selects it in your image",
            "sift(n=2000) | asmk(words=general) | inverted | spatial | expand | spatial",
            candidate_senses=("category",),
            wider=("category", "the same kind of thing"),
        ),
        Sense(
            "category",
            "the same kind of thing, by a neural network",
            "mobilenetv2(side=384) | average | ivf",
        ),
        Sense(
            "sketch",
            "the same lines in the same places; the query is a drawing",
            "hog(cell=16) | ivf(metric=cosine)",
            "in the order of the distance to these lines",
        ),
        Sense("meaning", "what a text describes, or scenes and things of the same kind", "joint | flat"),
    )
}
DEFAULT_SENSES = ("copy", "colour")
COMPARING = {
    "copy": "one is an altered copy of the other",
    "object": "both show the same thing",
    "category": "how similar in kind, without a verdict",
}
"""The senses by which two images are compared, and what is found out by them."""

NAMES = ", ".join(SENSES)


def required_senses(name: str) -> tuple[str, ...]:
    """The senses that are indexed along with a sense; none for the name of a recipe."""
    return SENSES[name].requires if name in SENSES else ()
