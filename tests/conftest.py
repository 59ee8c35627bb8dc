"""Images for tests: the photographs inside scikit-image and scikit-learn, and the folder NEARSIGHT_DATA."""

from __future__ import annotations

import json
import os
import shutil
import time
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

if "PYTEST_XDIST_WORKER" in os.environ:  # the processes share the cores: threads of each would wait for each other
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # idle threads of faiss spin beside busy processes

import numpy as np
import pytest

PHOTOGRAPHS = [
    *(("skimage.data", f"{name}.png") for name in ("astronaut", "brick", "camera", "chelsea", "coffee", "coins")),
    *(("skimage.data", name) for name in ("ihc.png", "moon.png", "rocket.jpg", "retina.jpg", "hubble_deep_field.jpg")),
    *(("sklearn.datasets.images", name) for name in ("china.jpg", "flower.jpg")),
]


def by_default(chosen, *others):
    """Parameters of a test that says the same of each: the chosen ones run always, the others in the long version."""
    return [*chosen, *(pytest.param(*each, marks=pytest.mark.slow) for each in others)]


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real images; tests that need it skip where it is not set."""
    folder = os.environ.get("NEARSIGHT_DATA")
    if not folder:
        pytest.skip("NEARSIGHT_DATA is not set")
    return Path(folder)


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """A folder of thirteen real photographs, two of them in a subfolder."""
    return thirteen(tmp_path / "photographs")


def thirteen(folder: Path) -> Path:
    """The folder with thirteen real photographs in it, two of them in a subfolder."""
    (folder / "sub").mkdir(parents=True)
    for number, (package, name) in enumerate(PHOTOGRAPHS):
        target = folder / ("sub" if number < 2 else "") / name
        with files(package).joinpath(name).open("rb") as source, target.open("wb") as out:
            shutil.copyfileobj(source, out)
        os.utime(target, (1_600_000_000, 1_600_000_000 + number))
    return folder


@pytest.fixture(scope="session")
def random_image():
    """Makes an image file of coloured noise blobs from a seed."""

    def make(path: Path, seed: int, side: int = 96) -> Path:
        from PIL import Image

        rng = np.random.default_rng(seed)
        small = rng.integers(0, 256, (12, 12, 3), np.uint8)
        Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC).save(path, quality=90)
        os.utime(path, (1_600_000_000, 1_600_000_000 + seed))
        return path

    return make


@contextmanager
def without_workers():
    """Small collections are described and learnt from in this process: to start workers would take a second each time.

    What workers are for is tested where files are odd, and in tests/ingest, tests/workers and tests/images.
    """
    from nearsight.applications.duplicates import comparison
    from nearsight.ingest import run, sidecars, train_encoders
    from nearsight.storage import index_refresh
    from tests.faults.acts import Here

    with pytest.MonkeyPatch.context() as patch:
        for module in (run, sidecars, train_encoders, index_refresh, comparison):
            patch.setattr(module, "WorkerPool", Here)
        yield


@pytest.fixture(scope="module")
def in_this_process():
    """No test of a module needs workers."""
    with without_workers():
        yield


@pytest.fixture
def here():
    """A test needs no workers."""
    with without_workers():
        yield


@pytest.fixture
def own_trash(tmp_path, monkeypatch):
    """A home of this test's own, whose trash is empty; send2trash reads where it is once in a process."""
    data = tmp_path / "home" / "data"
    data.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_HOME", str(data))
    monkeypatch.setattr("send2trash.plat_other.XDG_DATA_HOME", os.fsencode(data))
    monkeypatch.setattr("send2trash.plat_other.HOMETRASH_B", os.fsencode(data / "Trash"))


@pytest.fixture
def figures(request):
    """Notes what a long test measured, as a JSON line of the file that NEARSIGHT_FIGURES names, if it is set."""
    began = time.monotonic()

    def note(name: str, **numbers: float) -> None:
        if path := os.environ.get("NEARSIGHT_FIGURES"):
            said = {"bar": name, "test": request.node.nodeid, "seconds": round(time.monotonic() - began, 1), **numbers}
            with open(path, "a") as file:
                file.write(json.dumps(said) + "\n")

    return note
