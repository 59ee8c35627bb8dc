"""Bar 7: truncated, missing, extra and swapped files are detected or change nothing; repair mends with little work."""

from __future__ import annotations

import numpy as np
import pytest

from tests.faults.harm import tally

HARMS = ("truncated", "longer", "missing", "extra", "swapped", "zeroed", "of another home")


@pytest.fixture
def others(forks, tmp_path, random_image):
    """The files of another collection, made alike from other images."""
    folder, home = tmp_path / "q", tmp_path / "other"
    folder.mkdir()
    for number in range(60):
        random_image(folder / f"{number:04}.jpg", 900 + number, side=64)
    forks.run("index", folder, home, ["gist | flat", "phash | flat"], 15).result  # noqa: B018
    return {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()}


def harm(harmed, others, kind, rng):
    """Do one harm to the home; the names of the files that it concerns."""
    name, other = (str(each) for each in rng.choice(harmed.files(), 2, replace=False))
    data, path = harmed.sound[name], harmed.home / name
    at = int(rng.integers(len(data)))
    if kind == "truncated":
        path.write_bytes(data[:at])
    elif kind == "longer":
        path.write_bytes(data + rng.bytes(int(rng.integers(1, 5000))))
    elif kind == "missing":
        path.unlink()
    elif kind == "extra":
        source = harmed.sound[other] if rng.random() < 0.5 else rng.bytes(at)
        path.with_name(str(rng.choice(["9999999999.seg", ".tmp-0123", "strange", "x.npy"]))).write_bytes(source)
        return []
    elif kind == "swapped":
        path.write_bytes(harmed.sound[other])
        (harmed.home / other).write_bytes(data)
        return [name, other]
    elif kind == "zeroed":
        path.write_bytes(data[: at // 512 * 512] + bytes(512) + data[at // 512 * 512 + 512 :])
    else:
        path.write_bytes(others.get(name, rng.bytes(len(data))))
    return [name]


def judge_all(harmed, others, cases, seed):
    """So many cases, each judged and then put right again."""
    rng, verdicts = np.random.default_rng(seed), []
    for number in range(cases):
        kind = HARMS[number % len(HARMS)]
        names = harm(harmed, others, kind, rng)
        verdict = harmed.judged((number, kind, names))
        assert kind != "extra" or verdict == "without effect", number
        verdicts.append(verdict)
        harmed.restore(names)
    return verdicts


def test_wrong_files(harmed, others):
    assert judge_all(harmed, others, 42, 7).count("detected") > 15


@pytest.mark.slow
def test_five_hundred_wrong_files(harmed, others, figures):
    verdicts = judge_all(harmed, others, 500, 77)
    figures("wrong files", cases=500, **tally(verdicts), wrong=0)


def mend_all(harmed, others, cases, seed):
    """So many cases, each repaired; afterwards it answers as before, except where the catalogue itself was lost."""
    rng, right = np.random.default_rng(seed), harmed.right()
    for number in range(cases):
        names = harm(harmed, others, HARMS[number % 5], rng)
        if "catalogue.sqlite" not in names:
            result = harmed.mended()
            said = {name: answer for name, answer in result["said"].items() if name != "all"}
            assert plain(said) == plain(right), (number, names)
        for name in [name for name in harmed.sound if not (harmed.home / name).exists()]:
            (harmed.home / name).parent.mkdir(exist_ok=True)
        harmed.restore()


def plain(said):
    """Answers without ids, which rise when an image is taken in anew."""
    return {
        name: [verdict, total, [[rank, path, round(score, 5)] for rank, _, path, score, *_ in hits]]
        for name, (verdict, total, hits) in ((name, each) for name, each in said.items() if name != "all")
    }


def test_repair_mends_wrong_files(harmed, others):
    mend_all(harmed, others, 5, 8)


@pytest.mark.slow
def test_repair_mends_a_hundred_wrong_files(harmed, others, figures):
    mend_all(harmed, others, 100, 88)
    figures("repairs", cases=100, not_as_before=0)


@pytest.mark.slow
def test_repair_of_one_bad_block_decodes_one_image_in_a_hundred(forks, many, tmp_path, figures):
    """Rows of 120 kB, so that a block is a hundredth of the collection; a byte of each of three blocks in turn."""
    folder, home, recipe = many(1100, side=24), tmp_path / "home", "tiny(square=100)"
    forks.run("index", folder, home, [recipe], 1 << 20, seconds=300).result  # noqa: B018
    most = 0
    for share in (0.2, 0.5, 0.9):
        largest = max(home.rglob("*.seg"), key=lambda path: path.stat().st_size)
        flip(largest, int(share * largest.stat().st_size))
        result = forks.run("mended_here", home, [str(folder / "0001.jpg")], "000", [recipe], seconds=300).result
        assert result["left"] == []
        assert 0 < result["decoded"] <= 11
        most = max(most, result["decoded"])
    figures("repair of one bad block", images=1100, decoded=most)


def flip(path, at):
    with path.open("r+b") as file:
        file.seek(at)
        value = file.read(1)[0] ^ 4
        file.seek(at)
        file.write(bytes([value]))


CHANGES = (None, lambda data: data[: len(data) // 2], lambda data: data[:-9] + bytes(9))
"""Ways to harm a file: it is gone, cut, or ends in nothing."""


def test_repair_of_a_missing_index_decodes_nothing(harmed):
    mend_indexes(harmed, CHANGES[:1])


@pytest.mark.slow
def test_repair_of_a_bad_index_decodes_nothing(harmed, figures):
    figures("repair of a bad index", caches=mend_indexes(harmed, CHANGES), decoded=0)


def mend_indexes(harmed, changes):
    """Whatever is neither catalogue nor segment is a cache: each such file harmed in these ways; how many there are."""
    caches = [name for name in harmed.files() if not name.startswith(("segments/", "catalogue.sqlite"))]
    if not caches:
        pytest.skip("no index of this release is kept on the disk")
    right = plain(harmed.right())
    for name in caches:
        for change in changes:
            path, data = harmed.home / name, harmed.sound[name]
            path.write_bytes(change(data)) if change else path.unlink()
            assert harmed.judged((name, change)) in ("detected", "without effect")
            result = harmed.mended()
            assert result["decoded"] == 0
            assert plain(result["said"]) == right
            harmed.restore()
    return len(caches)
