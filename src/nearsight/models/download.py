"""Downloading models, by `huggingface_hub`: progress, resumption, and a cache that other programs share.

A card names a file of a repository of Hugging Face, which goes into that cache, or a plain address, which goes into
nearsight's own. A connection that breaks is taken up where it broke. Nothing waits for ever: whether the other side
answers at all is known within seconds.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from nearsight.errors import ModelError, ModelMissingError
from nearsight.files import LocalFileSystem
from nearsight.models import store
from nearsight.models.card import ModelCard
from nearsight.models.store import ModelFile

TIMEOUT_SECONDS = 6.0
"""How long the other side may take to answer at all."""

_FILES = LocalFileSystem()


def download_models(name: str, *, quiet: bool = False) -> list[ModelFile]:
    """The model of this name and those that it is used with, downloaded where they are not on this machine yet.

    Raises
    ------
    ModelError
        where its card names no source, it cannot be downloaded, or what came is not what the card says
    """
    first = _find_or_download(name, quiet)
    return [first, *(model for needed in first.card.dependencies for model in download_models(needed, quiet=quiet))]


def _find_or_download(name: str, quiet: bool) -> ModelFile:
    try:
        return store.require_model(name)
    except ModelMissingError:
        card = store.find_card(name)
    if not card.source.location:
        raise ModelError(
            f"the model {name} cannot be downloaded: {card.source.note} Bring it: {store.install_hint(card)}"
        )
    try:
        path = _fetch(card, quiet=quiet or not sys.stderr.isatty())
    except ModelError:
        raise
    except Exception as problem:  # each version of the library has errors of its own
        raise ModelError(_download_error_message(card, problem)) from problem
    try:
        return store.verify_file(card, path)
    except ModelError:
        if not card.source.repo:
            _FILES.remove(path)
        raise


def _fetch(card: ModelCard, *, quiet: bool) -> Path:
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    silenced = quiet and not are_progress_bars_disabled()
    if silenced:
        disable_progress_bars()
    try:
        return _download_from_url(card) if card.source.url else _download_from_hub(card)
    finally:
        if silenced:
            enable_progress_bars()


def _download_from_hub(card: ModelCard) -> Path:
    """The file of a repository, in the cache that other programs share.

    The library asks again and again, for minutes; so it is asked only after the other side has answered once.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url

    source = card.source
    get_hf_file_metadata(hf_hub_url(source.repo, source.file, revision=source.revision), timeout=TIMEOUT_SECONDS)
    return Path(hf_hub_download(source.repo, source.file, revision=source.revision, etag_timeout=TIMEOUT_SECONDS))


def _download_from_url(card: ModelCard) -> Path:
    """The file of a plain address, in nearsight's own cache.

    What came of a download that was broken off is kept and gone on with next time, where the card knows the checksum
    that the whole must have.
    """
    from huggingface_hub import get_hf_file_metadata
    from huggingface_hub.file_download import http_get

    folder = store.models_dir() / card.name
    _FILES.make_folder(folder)
    about = get_hf_file_metadata(card.source.url, token=False, timeout=TIMEOUT_SECONDS)
    part = folder / f"{card.file}.part"
    if not card.sha256:
        _FILES.remove(part)
    if about.size is not None and part.exists() and part.stat().st_size > about.size:
        _FILES.remove(part)
    with part.open("ab") as file:
        http_get(card.source.url, file, resume_size=file.tell(), expected_size=about.size, displayed_filename=card.file)
    _FILES.rename(part, folder / card.file)
    return folder / card.file


def _download_error_message(card: ModelCard, problem: Exception) -> str:
    """What went wrong, and what else can be done."""
    first: BaseException = problem
    while first.__cause__ is not None:
        first = first.__cause__
    detail = (str(first) or type(first).__name__).strip().split("\n")[0]
    offline = "HF_HUB_OFFLINE is set" if type(first).__name__ == "OfflineModeIsEnabled" or _is_offline() else detail
    return (
        f"the model {card.name} could not be downloaded from {card.source.location}: {offline}. "
        f"Without a network, bring the file from elsewhere: nearsight models add {card.name} FILE"
    )


def _is_offline() -> bool:
    from huggingface_hub import constants

    module: Any = constants
    return bool(module.HF_HUB_OFFLINE)
