"""What nearsight asks of every method, asked of these two by nearsight's own contract tests."""

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

CHECKOUT = Path(os.environ.get("NEARSIGHT_SOURCE", Path(__file__).resolve().parents[3]))
CONTRACT = CHECKOUT / "tests" / "contract" / "test_methods.py"


def test_the_contract_of_nearsight():
    if not CONTRACT.is_file():
        pytest.skip("set NEARSIGHT_SOURCE to a checkout or an unpacked source distribution of nearsight")
    if not {"projection", "vary"} <= {point.name for point in entry_points(group="nearsight.methods")}:
        pytest.skip("install this package first: pip install -e .")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "projection or vary", CONTRACT]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout
