from __future__ import annotations

import pytest

from nearsight.encode import wording


@pytest.fixture
def narrow(monkeypatch):
    """Vocabularies of a few words give a feature as many as large ones do."""
    monkeypatch.setattr(wording, "WIDE", 1)
