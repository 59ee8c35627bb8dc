"""Each of the other benchmarks, as small as it can be."""

from __future__ import annotations

import sys
import time

import cv2
import numpy as np
import pytest
from benchmarks import alone, descriptors, images, indexing, layout, memory, startup, vocabularies
from benchmarks.page import Options, main, markers
from benchmarks.timing import Times

from nearsight.errors import ModelMissingError
from nearsight.images.decode import decode_image
from nearsight.registry import methods, require_method


def test_descriptors_and_metrics(tmp_path, monkeypatch):
    monkeypatch.setattr(descriptors, "BATCH", 4)
    page = tmp_path / "page.md"
    main("descriptors", descriptors.__doc__, descriptors.measure_section, ["--quick", "--out", str(page)])
    written = page.read_text()
    assert markers("descriptors")[1] in written
    lines = [line.split(" | ") for line in written.splitlines() if line.startswith("| `")]
    named = {line[0].strip("| ").split("`")[1]: line for line in lines}
    lacking = {name for name, cls in methods("descriptors", "hashes").items() if lacks(cls())}
    assert lacking <= {"onnx", "combined_hash", "joint"}
    assert set(named) >= {*methods("descriptors", "hashes"), *methods("metrics")} - lacking
    assert named["phash"][4] == "8 |"
    assert all(float(line[2].strip("*")) > 0 for line in lines if len(line) == 5 and "side" in line[1])


def lacks(descriptor):
    """Whether the model that it needs is not on this machine."""
    try:
        descriptor.load()
    except ModelMissingError:
        return True
    return False


def test_time_is_that_of_one_image():
    class Slow(require_method("tiny")):
        def embed(self, images):
            end = time.process_time() + 0.01 * len(images)
            while time.process_time() < end:
                pass
            return super().embed(images)

    assert 10 <= descriptors.per_image(Slow(), [np.zeros((8, 8, 3), np.uint8)] * 4, 1) < 20


def test_metrics_are_asked_with_the_descriptor_they_are_natural_for():
    asked = {name: descriptors.descriptor_for(name)[0] for name in ("jensen_shannon", "chi2", "hamming")}
    assert asked == {"jensen_shannon": "colour_histogram", "chi2": "colour_histogram", "hamming": "dhash"}


@pytest.fixture(scope="module")
def files(photos, tmp_path_factory):
    """Six small JPEGs."""
    folder = tmp_path_factory.mktemp("files") / "all"
    images.write_crops(folder, photos, 6, 96)
    return folder


def test_indexing_is_compared_with_decoding(files, tmp_path):
    each = indexing.Set("small", files, 6)
    row = indexing.comparison_row(each, tmp_path, dict.fromkeys(indexing.ways(files, tmp_path), Times(0.0, 0.0)), 1)
    assert row[:2] == ["small", "6"]
    assert all(float(cell.strip("*")) > 0 for cell in row[3:])
    assert float(row[6].strip("*")) == pytest.approx(float(row[3]) / float(row[4]), abs=0.06)
    assert len(row) == len(indexing.HEAD)


def test_decoding_alone_makes_the_pixels_of_the_working_sides(files):
    path = next(files.rglob("*.jpg"))
    assert alone.sides(["copy", "colour"]) == (256, 384)
    image = decode_image(path.read_bytes())
    job = alone.DecodeAlone((64, 256))
    assert job.prepare(str(path).encode()) == image.render(64).size + image.render(256).size


def test_generated_sets(tmp_path, monkeypatch):
    monkeypatch.setattr(indexing, "SETS", [("wide", (400, 300), 60, 3), ("small", (90, 60), 2000, 1)])
    sets = indexing.generate_sets(tmp_path, Options(quick=True))
    assert [(each.name, each.count, len(list(each.folder.iterdir()))) for each in sets] == [
        ("wide", 4, 4),
        ("small", 4, 4),
    ]
    sizes = [path.stat().st_size for path in sets[0].folder.iterdir()]
    assert sets[0].megabytes == pytest.approx(np.mean(sizes) / 1e6)
    assert {cv2.imread(str(path)).shape for path in sets[0].folder.iterdir()} == {(300, 400, 3)}


def test_real_images_are_copied(files, tmp_path):
    each = indexing.copy_folder(tmp_path, files)
    assert each.count == 6
    assert {path.read_bytes() for path in each.folder.iterdir()} == {path.read_bytes() for path in files.rglob("*.jpg")}


def test_memory_of_a_process_and_its_children():
    child = "import time; held = b'x' * (40 << 20); time.sleep(.4)"
    program = f"import subprocess, sys; held = b'x' * (90 << 20); subprocess.run([sys.executable, '-c', {child!r}])"
    peaks = memory.run_and_watch([sys.executable, "-c", program])
    assert 90 << 20 <= peaks.parent_own <= peaks.parent < 130 << 20
    assert 40 << 20 <= peaks.worker == peaks.workers < 70 << 20
    assert peaks.samples >= 4


def test_process_that_fails_is_said():
    with pytest.raises(RuntimeError, match="no such thing"):
        memory.run_and_watch([sys.executable, "-c", "raise SystemExit('no such thing')"])


def test_memory_of_an_ingest_and_a_search():
    with memory.collections((5, 20), None) as laid_out:
        assert [count for count, _, _ in laid_out] == [5, 20]
        _, folder, home = laid_out[1]
        peaks, taken = memory.measure_ingest(folder, home)
        assert taken > 0
        assert min(peaks.parent_own, peaks.worker) > 10 << 20
        assert memory.measure_search(folder, home).parent > 50 << 20
        assert float(memory.segment_size(home)) >= 0


def test_startup(monkeypatch):
    monkeypatch.setattr(startup, "commands", lambda box, options: {"none": ["-c", "pass"], "nap": ["-c", NAP]})
    text = startup.measure_section(Options(quick=True))
    base, nap = (line.split(" | ") for line in text.splitlines() if line.startswith(("| none", "| nap")))
    assert float(nap[1]) >= 0.2
    assert float(nap[2]) == pytest.approx(float(nap[1]) - float(base[1]), abs=0.0015)
    assert base[2] == "0.000"


NAP = "import time; time.sleep(.2)"


def test_startup_measures_a_search_that_answers(files, photos, tmp_path):
    startup.run(*startup.index_crops(tmp_path / "few", photos, 3))
    with pytest.raises(RuntimeError, match="nowhere"):
        startup.run("-m", "nearsight", "search", str(next(files.rglob("*.jpg"))), "--in", str(tmp_path / "nowhere"))


def test_layout(tmp_path):
    page = tmp_path / "page.md"
    main("layout", layout.__doc__, layout.measure_section, ["--quick", "--out", str(page)])
    lines = [line.strip("| ").split(" | ") for line in page.read_text().splitlines() if line.startswith("| `")]
    assert [line[:3] for line in lines] == [
        [name, count, count]
        for name in ("`gist`, l2", "`colour_histogram`, jensen_shannon")
        for count in ("10", "20", "200")
    ]
    assert all(0 < float(line[5]) <= 1 and 0 < float(line[6]) < 1 and 0.5 < float(line[7]) <= 1 for line in lines)


def test_vocabularies(tmp_path):
    page = tmp_path / "page.md"
    main("vocabularies", vocabularies.__doc__, vocabularies.measure_section, ["--quick", "--out", str(page)])
    lines = [line.strip("| ").split(" | ") for line in page.read_text().splitlines() if line.startswith("| `")]
    assert [line[0].split("(")[0].strip("`") for line in lines] == ["kmeans", "akm", "hkm"] * 2
    assert [line[1] for line in lines] == ["36", "36", "36", "100", "100", "100"]
    assert all(0 < float(line[5]) < 1 and 0.5 < float(line[6]) <= 1 for line in lines)
    assert [line[6] for line in lines if not line[0].startswith("`hkm")] == ["1.000"] * 4


def test_error_of_words_is_that_by_hand():
    centres, rows = np.float32([[0, 0], [4, 0]]), np.float32([[1, 0], [3, 1], [0, 2]])
    words = np.array([0, 0, 0])
    assert vocabularies.error(rows, centres, words) == pytest.approx((1 + 10 + 4) / 3)
    assert vocabularies.hits(rows, centres, words) == pytest.approx(2 / 3)
