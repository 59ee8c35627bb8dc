"""The senses, the kinds of similarity that a collection is searched by: one table, which imports no method."""

from __future__ import annotations

from dataclasses import dataclass

ALIKE = 0.001
"""Default share of random pairs that may be as near as a match."""


@dataclass(frozen=True)
class Sense:
    """One meaning of "alike": its name, a line for its user, the recipe that serves it.

    `said` is what is said of every hit instead of a verdict, where queries are no images like those stored: how near
    these are to each other then does not tell how near a query should be. `alike` is the share of random pairs that
    may be as near as a hit that is alike: kinds have many images, copies few. Of the senses `beside` it,
    where the collection has them, its first refiner looks at the first hits too.
    """

    name: str
    line: str
    recipe: str
    said: str = ""
    alike: float = ALIKE
    beside: tuple[str, ...] = ()


SENSES = {
    sense.name: sense
    for sense in (
        Sense(
            "copy",
            "the same image, altered: re-saved, resized, cropped, mirrored",
            "gist | gistis | verify",
            beside=("category", "object"),
        ),
        Sense("colour", "the same colours in the same amounts", "colour_histogram | ivf"),
        Sense(
            "scene",
            "the same layout of the scene, whatever it shows",
            "gist(orientations=[6, 6, 6, 6, 6], colour=mean) | gistis",
        ),
        Sense(
            "object",
            "the same thing or place, from elsewhere: ask with a box around it",
            "sift | asmk | inverted | spatial | expand | spatial",
            beside=("category",),
        ),
        Sense(
            "category",
            "the same kind of thing, as a neural network sees it",
            "mobilenetv2(side=384) | average | ivf",
            alike=0.01,
        ),
        Sense(
            "sketch",
            "the same lines in the same places: ask with a drawing",
            "hog(cell=16) | ivf(metric=cosine)",
            "the nearest to these lines",
        ),
        Sense("meaning", "what a text says, or the same kind of scene and things: ask with words", "joint | flat"),
    )
}
DEFAULT_SENSES = ("copy", "colour")
COMPARING = {"copy": "one is the other, altered", "object": "both show the same thing", "category": "of a kind"}
"""The senses by which two images are compared, and what is found out by them."""

NAMES = ", ".join(SENSES)
