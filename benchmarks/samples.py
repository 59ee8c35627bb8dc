"""How much results depend on the training images and on the number of features: a table of docs/evaluation.md.

    python -m benchmarks.samples --folder DATA [--quick] [--out docs/evaluation.md]

DATA is that of `python -m benchmarks objects`. The encoders of its table are trained again on parts of the same images.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import nearsight as ns
from benchmarks.machine import machine, table
from benchmarks.objects import LEARNT_FROM, MOST, ROWS
from benchmarks.page import Options, main
from nearsight.errors import UsageError
from nearsight.evaluation.benchmark import evaluate_pipeline, open_bench
from nearsight.evaluation.protocols.registry import load_ground_truth
from nearsight.pipeline import build_pipeline

PARTS = (LEARNT_FROM, LEARNT_FROM[:2], LEARNT_FROM[2:])


def measure_section(options: Options) -> str:
    """The section's text."""
    if options.folder is None:
        raise UsageError(f"--folder names the folder that holds landmarks, {', '.join(LEARNT_FROM)}")
    ways = ROWS | {f"{name}, 2,000 features": text.replace("sift |", "sift(n=2000) |") for name, text in ROWS.items()}
    ways = dict(list(ways.items())[: options.of(len(ways), 1)])
    found = [evaluate_part(options.folder, ways, part, options.of(0, 3)) for part in PARTS]
    lines = [[name, *(f"{each[name]:.1f}" for each in found)] for name in ways]
    return TEXT.format(machine=machine(), table=table(["mAP, %", *(", ".join(part) for part in PARTS)], lines))


def evaluate_part(folder: Path, ways: dict[str, str], learnt_from: tuple[str, ...], some: int) -> dict[str, float]:
    """What each way finds on the places, learnt from these folders."""
    truth = load_ground_truth("landmarks", folder / "landmarks")
    truth = truth.subsample(some) if some else truth
    with tempfile.TemporaryDirectory(prefix="nearsight-") as place:
        learnt = Path(place, "learnt.npz")
        ns.train([folder / name for name in learnt_from], list(ways.values()), learnt)
        with open_bench(truth.folder, (), ways.values(), trained=[learnt]) as ready:
            plans = {each.name: each for each in ready.pipelines}
            return {
                name: evaluate_pipeline(ready, plans[build_pipeline(text).name], truth, lambda progress: None).figures[
                    MOST
                ]
                for name, text in ways.items()
            }


TEXT = """
## Effect of the training images

Measured on {machine}. *Places* as above, without geometry; visual words and mixtures trained on all images, and on
parts of them, with at most 1,000 features per image, and with 2,000.

{table}
"""

if __name__ == "__main__":
    main("samples", __doc__, measure_section)
