"""The cache of models that other programs share, read by `huggingface_hub`; nothing is downloaded here."""

from __future__ import annotations

from pathlib import Path

from nearsight.models.card import ModelCard


def find_in_hub_cache(card: ModelCard) -> Path | None:
    """A card's file in that cache; None where it is not there."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(card.source.repo, card.source.file, revision=card.source.revision)
    return Path(found) if isinstance(found, str) else None
