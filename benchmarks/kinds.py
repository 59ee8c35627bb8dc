"""Which kinds of query find their original, by method: a figure and a table of docs/evaluation.md.

    python -m benchmarks kinds --folder IMAGES [--out docs/evaluation.md]

The figure repeats one of a paper on the 136-byte hash. Its queries are misaligned scans, drawings, images with
salt-and-pepper noise, and the stored images; counted is how often the original is the first hit. Images as a person
remembers them are added.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.chart import chart
from benchmarks.machine import machine, table
from benchmarks.page import Options, parser, wrap_paragraphs, write_section
from benchmarks.quality import usable_recipes
from nearsight.errors import UsageError
from nearsight.evaluation.benchmark import evaluate_attacks, open_bench
from nearsight.evaluation.measures import mean
from nearsight.senses import SENSES

KINDS = {
    "stored": "stored|(in memory)",
    "scan-shift": "scan,|shifted",
    "scan-turn": "scan,|turned",
    "scan": "scan,|both",
    "drawn": "drawn,|carefully",
    "drawn-rough": "drawn,|roughly",
    "salt-pepper": "salt and|pepper",
    "memory": "remembered|by a person",
}
GROUPS = {
    "by content": ("colour", "gist", "edge_histogram"),
    "by content and segmentation": ("content_segmentation",),
    "perceptual hashes": ("average_hash", "dhash", "phash", "wavelet_hash", "block_mean_hash"),
    "hashes by convolutions": ("combined_hash", "convolution_hash"),
    "gist, verified by points": ("copy",),
    "lines and their places": ("sketch",),
}
SAMPLE = 100


def first_hit_shares(folder: Path, names: list[str], sample: int) -> tuple[int, dict[str, dict[str, float]]]:
    """How many images there are; per cent of the originals found first, by sense or recipe and kind."""
    senses = [name for name in names if name in SENSES]
    with open_bench(folder, senses, [name for name in names if name not in SENSES]) as ready:
        made = evaluate_attacks(ready, list(KINDS), sample, lambda progress: None)
        total = len(ready.images)
    return total, {
        name: {kind: 100 * mean([0 in each.ranks for each in outcomes if each.query.group == kind]) for kind in KINDS}
        for name, outcomes in made.items()
    }


def measure_section(options: Options) -> tuple[str, str]:
    """The section's text, and the figure."""
    if options.folder is None:
        raise UsageError("--folder says where images lie, a few hundred or more, all different")
    here = usable_recipes([name for names in GROUPS.values() for name in names])
    sample = options.of(SAMPLE, 2)
    total, found = first_hit_shares(options.folder, here, sample)
    rows = [[f"`{name}`", *(f"{found[name][kind]:.0f}" for kind in KINDS)] for name in here]
    groups = {title: [name for name in names if name in here] for title, names in GROUPS.items()}
    text = TEXT.format(machine=machine(), total=total, sample=min(sample, total), rows=table(["method", *KINDS], rows))
    return text, chart({title: names for title, names in groups.items() if names}, KINDS, found)


TEXT = """## By kind of query

Measured on {machine}: {sample} of {total} images are altered in each way and used as queries. The values are the
percentages of queries whose original was the first hit.

![Bars: the percentage of originals at rank 1, by method and kind of query](images/kinds.svg)

{rows}
"""


def main() -> None:
    """Measure, print, and write the section and its figure where a page is named."""
    given = parser(__doc__).parse_args()
    text, figure = measure_section(Options(given.quick, given.folder))
    text = wrap_paragraphs(text)
    print(text)
    if given.out:
        write_section(given.out, "kinds", text)
        place = given.out.parent / "images" / "kinds.svg"
        place.parent.mkdir(exist_ok=True)
        place.write_text(figure, "utf8")


if __name__ == "__main__":
    main()
