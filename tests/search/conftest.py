"""Collections are made in the process of the tests."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module", autouse=True)
def _without_workers(in_this_process):
    """A collection is indexed often here, and is small."""
