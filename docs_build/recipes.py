"""The recipes: an overview, and a page for each method, from its documentation."""

from __future__ import annotations

from docs_build import gallery, matches, points
from docs_build.docstring import described, escaped, items, printed, prose, sections, table
from nearsight.cli._recipe_help import output_size
from nearsight.errors import ModelMissingError
from nearsight.registry import method_kind, method_name, method_parameters, method_summary, methods, natural_metric
from nearsight.senses import SENSES
from nearsight.types import Descriptor, Encoder, Index, Kernel, LocalDescriptor, Method, Metric, Reranker, Vocabulary

FOLDER = "recipes"
TO_ROOT = "../"
KINDS = {
    "descriptors": ("Descriptors", "map an image to a vector, so that similar images have near vectors"),
    "hashes": ("Hashes", "map an image to a short string of bits or bytes, to find copies"),
    "features": ("Local features", "detect points in an image and describe the region around each"),
    "encoders": (
        "Encoders",
        "make one vector or visual words of local features, or shorter vectors; most are trained",
    ),
    "vocabularies": ("Vocabularies", "assign a visual word to each descriptor of a local feature"),
    "kernels": ("Kernels", "compare the visual words of two images"),
    "metrics": ("Metrics", "measure the distance between two vectors"),
    "indexes": ("Indexes", "find the nearest vectors to the query"),
    "rerankers": ("Re-rankers", "examine the first hits and re-rank them"),
}


def own() -> dict[str, dict[str, type[Method]]]:
    """The methods of nearsight itself, by kind and name; those of other packages have no place here."""
    found = {package: methods(package) for package in KINDS}
    return {
        package: {name: cls for name, cls in each.items() if cls.__module__.startswith("nearsight.")}
        for package, each in found.items()
    }


def pages() -> dict[str, str]:
    """Every page by its address."""
    made = {f"{FOLDER}/index.md": overview()}
    return made | {f"{FOLDER}/{name}.md": page(name, cls) for each in own().values() for name, cls in each.items()}


def navigation() -> list[dict[str, object]]:
    """The section of the navigation: the overview, then the methods by kind."""
    made: list[dict[str, object]] = [{"Overview": f"{FOLDER}/index.md"}]
    for package, each in own().items():
        made.append({KINDS[package][0]: [{name: f"{FOLDER}/{name}.md"} for name in each]})
    return made


def overview() -> str:
    """What a recipe is, the senses, and every method with one line."""
    senses = table(
        ["sense", "alike means", "recipe"],
        [[f"`{each.name}`", escaped(each.description), f"`{each.recipe}`"] for each in SENSES.values()],
    )
    parts = [_INTRODUCTION, f"## Senses\n\n{senses}"]
    for package, each in own().items():
        heading, line = KINDS[package]
        rows = [[f"[{name}]({name}.md)", escaped(method_summary(cls)), *_output(cls)] for name, cls in each.items()]
        heads = ["name", "what it is", *(["output"] if package in ("descriptors", "hashes", "features") else [])]
        parts.append(f"## {heading}\n\nThey {line}.\n\n{table(heads, rows)}")
    return "\n\n".join(parts)


_INTRODUCTION = """\
# Recipes

A recipe is one line, read from left to right as the data flows: a **descriptor** maps images to vectors, an **index**
finds the nearest vectors by a **metric**, and **re-rankers** re-rank the hits.

```text
gist(square=64) | flat(metric=cosine) | verify
```

Instead of a descriptor there may be **local features** and an **encoder** that makes one vector of them, or visual
words of a **vocabulary**, which a **kernel** compares:

```text
sift(n=1000) | vlad | flat
sift(n=1000) | bow(kmeans(k=1000)) | inverted(tf_idf)
```

The feature map of a network gives local features too, one for each position. Poolings make one vector of them:

```text
mobilenetv2 | rmac | pca(dim=512, whiten=1) | flat
mobilenetv2 | regions | pca(dim=512, whiten=1) | average(unit=true) | flat
```

Omitted parts have defaults: `phash` alone is searched exactly (`flat`) by its natural metric (`hamming`). The same line
works for `nearsight index --recipe`, `nearsight search --recipe`, in Python, over HTTP and on the page. Every method
below has a page with its steps, parameters and source, for descriptors the nearest images, and for local features the
points that they find. `nearsight recipes NAME` prints the same text.
"""


def _output(cls: type[Method]) -> list[str]:
    return [output_size(cls).replace(" ", " ")] if issubclass(cls, Descriptor | LocalDescriptor) else []


def page(name: str, cls: type[Method]) -> str:
    """The page of one method."""
    found = sections(cls)
    first, rest = described(found[""])
    parts = [f"# {name}", f"**{escaped(first)}**", _facts(name, cls), prose(rest)]
    if issubclass(cls, Descriptor):
        parts.append(f"## Nearest images\n\n{_nearest(name)}")
    if issubclass(cls, LocalDescriptor):
        parts.append(f"## What it finds\n\n{_points(name)}")
    if issubclass(cls, LocalDescriptor) or name in matches.REFINERS:
        parts.append(f"## What matches\n\n{_matches(name)}")
    parts += [_parameters(cls, found), printed(found, 2, leave=["Parameters"])]
    return "\n\n".join(part for part in parts if part)


def _caption() -> str:
    return (
        f"Each photograph on the left was compared with {len(gallery.gallery()) - 1} other images: the photographs "
        "of `nearsight demo`, and four altered copies of each of these three. Its four nearest, with their distances; "
        "a method that tolerates all of the alterations finds just the copies."
    )


def _nearest(name: str) -> str:
    """The figure, or why it cannot be made here."""
    try:
        return f"{_caption()}\n\n{gallery.neighbours(name, TO_ROOT)}"
    except ModelMissingError as problem:
        return f"They are shown if the model is installed when this page is built; here {escaped(str(problem))}."


def _points(name: str) -> str:
    """What is found in two photographs, or why that cannot be shown here."""
    try:
        return f"{_POINTS}\n\n{points.figure(name, TO_ROOT)}"
    except ModelMissingError as problem:
        return f"It is shown if the model is installed when this page is built; here {escaped(str(problem))}."


def _matches(name: str) -> str:
    """What matches in two images, or why that cannot be shown here."""
    try:
        return f"{_MATCHES}\n\n{matches.figure(name, TO_ROOT)}"
    except ModelMissingError as problem:
        return f"It is shown if the model is installed when this page is built; here {escaped(str(problem))}."


_MATCHES = (
    "A photograph, and another image that shows it in perspective: the matched points that agree on one transform, as "
    "`nearsight match` draws them, and the outline of the photograph."
)

_POINTS = (
    f"The strongest {points.MOST} in two photographs of at most {gallery.SIDE} pixels, and how many there are: "
    "a circle of each one's diameter, and a line along its angle."
)


def _facts(name: str, cls: type[Method]) -> str:
    """What kind of method it is, and how a recipe uses it."""
    line, command = _FACTS[method_kind(cls)](name, cls())
    return f"{line}.\n\n```sh\nnearsight {command}\n```"


def example_recipe(name: str, cls: type[Method]) -> str:
    """A recipe that uses the method, as its page shows it."""
    command = _FACTS[method_kind(cls)](name, cls())[1]
    return command.partition('--recipe "')[2].rstrip('"')


def _descriptor(name: str, made: Method) -> tuple[str, str]:
    assert isinstance(made, Descriptor)
    metric = named(made)
    line = (
        f"A descriptor: `{made.size} {made.dtype}` per image, from at most {made.side} pixels at the longest side, "
        f"and compared by [{metric}]({metric}.md) unless the recipe says otherwise"
    )
    return line, f'index ~/photos --recipe "{name}"'


def _features(name: str, made: Method) -> tuple[str, str]:
    assert isinstance(made, LocalDescriptor)
    line = (
        f"Local features: at most {made.n} per image, `{made.size} {made.dtype}` each, from at most {made.side} pixels "
        f"at the longest side; compared by [{made.metric}]({made.metric}.md)"
    )
    encoder = "vlad" if made.dtype == "float32" else "bow"
    return line, f'index ~/photos --recipe "{name} | {encoder}"'


def _encoder(name: str, made: Method) -> tuple[str, str]:
    assert isinstance(made, Encoder)
    taken = {
        "features": "local features",
        "rows": "vectors",
        "both": "vectors, or the descriptors of local features,",
    }[made.input_kind]
    if made.output_kind == "features":
        line = "An encoder: it maps local features to other local features, which the next encoder maps to a vector"
        return line, f'index ~/photos --recipe "mobilenetv2 | {name} | average(unit=true)"'
    made_of = "lists of visual words" if made.variable_length else "vectors"
    first, by = "sift | vlad" if made.input_kind != "features" else "sift", made.metric.split("(")[0]
    line = f"An encoder: it maps {taken} to {made_of}, compared by [{by}]({by}.md) unless the recipe says otherwise"
    return line, f'index ~/photos --recipe "{first} | {name}"'


def _vocabulary(name: str, made: Method) -> tuple[str, str]:
    assert isinstance(made, Vocabulary)
    line = f"A vocabulary of {made.n_words:,} words by default"
    return line, f'index ~/photos --recipe "sift | bow({name})"'


def _kernel(name: str, made: Method) -> tuple[str, str]:
    assert isinstance(made, Kernel)
    users = [each for each, cls in own()["encoders"].items() if cls().metric.split("(")[0] == name]  # type: ignore[attr-defined]
    natural = ", ".join(f"[{each}]({each}.md)" for each in users)
    line = "A kernel of visual words" + (f"; the natural one of {natural}" if users else "")
    return line, f'index ~/photos --recipe "sift | {users[0] if users else "bow"} | inverted({name})"'


def named(descriptor: Descriptor) -> str:
    """The name of a descriptor's natural metric, without its parameters."""
    return method_name(natural_metric(descriptor))


def _metric(name: str, made: Method) -> tuple[str, str]:
    assert isinstance(made, Metric)
    users = [
        each
        for kind in ("descriptors", "hashes")
        for each, cls in own()[kind].items()
        if issubclass(cls, Descriptor) and named(cls()) == name
    ]
    natural = ", ".join(f"[{each}]({each}.md)" for each in users)
    line = f"A metric, shown as {escaped(made.symbol)}" + (f"; the natural one of {natural}" if users else "")
    return line, f'search found.jpg --in ~/photos --recipe "{users[0] if users else "gist"} | flat(metric={name})"'


def _index(name: str, made: Method) -> tuple[str, str]:
    assert isinstance(made, Index)
    return "An index", f'index ~/photos --recipe "{"sift | bow" if made.variable_length else "gist"} | {name}"'


def _reranker(name: str, made: Method) -> tuple[str, str]:
    assert isinstance(made, Reranker)
    before = "sift | bow | inverted" if made.variable_length else "gist | flat"
    return "A re-ranker", f'search found.jpg --in ~/photos --recipe "{before} | {name}"'


_FACTS = {
    "descriptors": _descriptor,
    "hashes": _descriptor,
    "features": _features,
    "encoders": _encoder,
    "vocabularies": _vocabulary,
    "kernels": _kernel,
    "metrics": _metric,
    "indexes": _index,
    "rerankers": _reranker,
}


def _parameters(cls: type[Method], found: dict[str, str]) -> str:
    said = dict(items(found.get("Parameters", "")))
    rows = [
        [f"`{name}`", escaped(wanted), f"`{default}`", escaped(said.get(name, ""))]
        for name, wanted, default in method_parameters(cls)
    ]
    return f"## Parameters\n\n{table(['name', 'takes', 'default', 'what it is'], rows)}" if rows else ""
