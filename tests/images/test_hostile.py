"""Everything hostile goes through real workers: each file ends with a picture or a reason, and the same one twice."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from nearsight.errors import Reason
from nearsight.images.workers import Failure, Pool

from .hostile import generate
from .jobs import Measured


def judged(paths):
    """The verdict, peak memory and seconds for each file; a Failure's verdict is its reason."""
    with Pool(Measured(), 2) as pool:
        return dict(pool.run(paths))


def verdict(result):
    return (result.reason, result.detail) if isinstance(result, Failure) else result[0]


def reason(result):
    """None for a picture."""
    if isinstance(result, Failure):
        return result.reason
    return None if result[0].isupper() else Reason(result[0].split(":")[0])


def check(paths, seconds, memory):
    first, second = judged(paths), judged(paths)
    assert list(first) == paths
    assert {path: verdict(result) for path, result in first.items()} == {p: verdict(r) for p, r in second.items()}
    measured = [result for result in first.values() if not isinstance(result, Failure)]
    assert max(result[2] for result in measured) <= seconds
    assert max(result[1] for result in measured) <= memory
    return {path: reason(result) for path, result in first.items()}


def test_generated_files_get_the_expected_reason(tmp_path):
    expected = generate(tmp_path)
    reasons = check([bytes(tmp_path / name) for name in expected], 5, 512 << 20)
    wrong = {
        name: reasons[bytes(tmp_path / name)]
        for name, allowed in expected.items()
        if reasons[bytes(tmp_path / name)] not in allowed
    }
    assert wrong == {}


def hostile():
    folder = os.environ.get("NEARSIGHT_DATA")
    if not folder:
        pytest.skip("NEARSIGHT_DATA is unset: the hostile files lie there")
    found = [path for path in (Path(folder) / "hostile").rglob("*") if path.is_file() and path.name != "manifest.csv"]
    return sorted(map(bytes, found))


def test_a_slice_of_the_hostile_files():
    paths = hostile()
    reasons = check(paths[:: max(1, len(paths) // 150)], 10, 1 << 30)
    assert len(Counter(reasons.values())) >= 4


@pytest.mark.slow
def test_all_hostile_files():
    reasons = Counter(check(hostile(), 10, 1 << 30).values())
    assert reasons[None] > 900
    assert not reasons.keys() & {Reason.TIMEOUT, Reason.CRASHED}
    assert reasons[Reason.OUT_OF_MEMORY] < 60  # damaged WebPs that claim to be very large
