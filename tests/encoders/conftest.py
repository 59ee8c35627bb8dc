from __future__ import annotations

import pytest

from nearsight.encoders import _word_encoder


@pytest.fixture
def narrow(monkeypatch):
    """Vocabularies of a few words give a feature as many as large ones do."""
    monkeypatch.setattr(_word_encoder, "WORDS_PER_ASSIGNMENT", 1)
