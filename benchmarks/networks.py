"""How many images a second a network describes, compared with ONNX Runtime alone on prepared tensors.

    python -m benchmarks.networks [--folder FOLDER] [--quick] [--out docs/benchmarks.md]

The parts of the bundled photographs, or of those of the folder, of 384 x 384 pixels, decoded. *Alone* are their tensors
given to ONNX Runtime one by one; *ours* is everything from the pixels to the vectors. With two processes each has one
thread, as when a folder is indexed.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

import numpy as np

from benchmarks import images
from benchmarks.machine import machine, table
from benchmarks.page import Options, main
from benchmarks.timing import best_times
from nearsight.descriptors.onnx import Onnx
from nearsight.errors import ModelMissingError
from nearsight.features.xfeat import Xfeat
from nearsight.models import inference, store
from nearsight.types import Floats, Image

COUNT, ROUNDS = 24, 5
SIDE = 384
THREADS = (1, 2)


def load_images(folder: Any, count: int) -> list[Image]:  # noqa: ANN401 - a path or None
    """Decoded images."""
    return list(images.crops(images.photographs(folder), count, SIDE))


def count_described(name: str, images: list[Image]) -> int:
    """Everything from the pixels to the rows."""
    return len(Onnx().describe(images)) if name == "mobilenetv2" else len(Xfeat().describe(images))


def tensors(name: str, images: list[Image]) -> list[dict[str, Floats]]:
    """What a network is given for each image."""
    if name == "mobilenetv2":
        feeding = store.find_card(name).image_input()
        return [{feeding.name: inference.to_model_input(image, feeding)} for image in images]
    return [{"input": np.random.default_rng(0).normal(size=(1, 1, 640, 640)).astype(np.float32)} for _ in images]


def alone(name: str, given: list[dict[str, Floats]], threads: int) -> Callable[[], None]:
    """ONNX Runtime with so many threads, on tensors that are ready."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(store.require_model(name).path, options, providers=["CPUExecutionProvider"])
    wanted = ["pooled"] if name == "mobilenetv2" else [each.name for each in store.find_card(name).outputs]

    def run() -> None:
        for each in given:
            session.run(wanted, each)

    return run


def line(name: str, images: list[Image], rounds: int) -> list[str]:
    """Images a second of one network."""
    given, count = tensors(name, images), len(images)
    ways: dict[str, Callable[[], Any]] = {str(each): alone(name, given, each) for each in THREADS}
    halves = images[: count // 2], images[count // 2 :]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        ways["ours"] = partial(count_described, name, images)
        ways["two"] = lambda: list(pool.map(partial(count_described, name), halves))
        for way in ways.values():
            way()
        took = {way: count / each.wall for way, each in best_times(ways, rounds).items()}
    rates = [f"{took[each]:.1f}" for each in ("1", "2", "ours", "two")]
    return [f"`{name}`", *rates, f"{took['ours'] / took['1']:.2f}"]


def measure_section(options: Options) -> str:
    """The section's text."""
    images, lines = load_images(options.folder, options.of(COUNT, 2)), []
    for name in ("mobilenetv2", "xfeat"):
        try:
            store.require_model(name)
        except ModelMissingError:
            continue
        lines.append(line(name, images, options.of(ROUNDS, 1)))
    shown_table = table(HEAD, lines) if lines else "No model was on the machine."
    return TEXT.format(machine=machine(), count=len(images), side=SIDE, table=shown_table)


HEAD = ["network", "alone, 1 thread", "alone, 2 threads", "ours, 1 thread", "ours, 2 processes", "ours / alone"]
TEXT = """## Networks

Measured on {machine}; images per second, wall clock, {count} decoded images of {side} x {side} pixels. *Alone* is
ONNX Runtime on prepared tensors, *ours* everything from the pixels to the vectors.

{table}
"""

if __name__ == "__main__":
    main("networks", __doc__, measure_section)
