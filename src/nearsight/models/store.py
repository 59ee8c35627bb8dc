"""Where models' files are found, and that each is the file its card means.

1. Cards are ours (`descriptors/models/*.toml`), the user's own (`models add --card`), or lie in a folder that the
   environment variable NEARSIGHT_MODELS names. Ours cannot be replaced.
2. A file is looked for in the folders of NEARSIGHT_MODELS and the folders in these, then among those that were added or
   downloaded, then in the cache that other programs share (`huggingface_hub`).
3. Its SHA-256 must be the card's. A card that knows none is pinned to the file that is seen first.

A checksum is computed once: it is kept with the file's size, times and inode, and computed again when one differs.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

import platformdirs

from nearsight.errors import ModelError, ModelMissingError, StorageError, suggestion
from nearsight.files import CHUNK_BYTES, LocalFileSystem
from nearsight.models import card as cards_
from nearsight.models.card import ModelCard

FOLDERS = "NEARSIGHT_MODELS"
"""The environment variable that names folders of models, with the path separator between them."""

_SETTLED_NS = 2_000_000_000
_FILES = LocalFileSystem()


@dataclass(frozen=True)
class ModelFile:
    """A model's file that was found, and is the one that its card means."""

    card: ModelCard
    path: Path
    sha256: str


def models_dir() -> Path:
    """Where nearsight keeps models that were added or downloaded, their pins and their checksums."""
    return platformdirs.user_cache_path("nearsight") / "models"


def model_folders() -> list[Path]:
    """The folders that NEARSIGHT_MODELS names."""
    return [Path(each).expanduser() for each in os.environ.get(FOLDERS, "").split(os.pathsep) if each]


def all_cards() -> dict[str, ModelCard]:
    """The cards that can be read, by name; of one name, the built-in card wins, then that of NEARSIGHT_MODELS."""
    found = dict(builtin_cards())
    for card in _read_user_cards()[0]:
        found.setdefault(card.name, card)
    return dict(sorted(found.items()))


def stored_card_problems() -> dict[str, str]:
    """What is wrong with each card of the user that cannot be read, by the path of its file."""
    return _read_user_cards()[1]


@cache
def builtin_cards() -> dict[str, ModelCard]:
    """The cards that come with nearsight, by name."""
    found = [cards_.parse_card(text, where) for text, where in _builtin_card_texts()]
    return {card.name: card for card in found}


def find_card(name: str) -> ModelCard:
    """The card of this name; ModelError with the names that there are."""
    known = builtin_cards()
    if name not in known:
        known = all_cards()
    if name not in known:
        problems = "".join(f"; {problem}" for problem in stored_card_problems().values())
        raise ModelError(f'there is no model "{name}"{suggestion(name, known)}{problems}')
    return known[name]


def _read_model_chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(CHUNK_BYTES):
            yield part


def _builtin_card_texts() -> Iterator[tuple[str, str]]:
    folder = resources("nearsight.descriptors") / "models"
    for each in sorted(folder.iterdir(), key=lambda each: each.name):
        yield each.read_text("utf8"), each.name


def _read_user_cards() -> tuple[list[ModelCard], dict[str, str]]:
    """The user's cards, and what is wrong with each that cannot be read; TOML files of other programs are no cards."""
    found, problems = [], {}
    for folder in [*model_folders(), models_dir()]:
        for path in sorted([*folder.glob("*.toml"), *folder.glob("*/*.toml")]):
            try:
                text = read_stored_card(path)
                if cards_.is_card(text, str(path)):
                    found.append(cards_.parse_card(text, str(path)))
            except ModelError as problem:
                problems[str(path)] = str(problem)
    return found, problems


def read_stored_card(path: Path) -> str:
    """The text of a card's file. Raises ModelError where it cannot be read or is not UTF-8."""
    try:
        return path.read_text("utf8")
    except (OSError, UnicodeDecodeError) as problem:
        raise ModelError(f"{path} is no model card: {problem}") from problem


def find_model_file(card: ModelCard) -> Path | None:
    """The file of a card, wherever it is; None where it is nowhere. It is not checked."""
    for folder in model_folders():
        own = [folder / card.file, folder / card.name / card.file, *sorted(folder.glob(f"*/{glob.escape(card.file)}"))]
        if found := next((path for path in own if path.is_file()), None):
            return found
    if (models_dir() / card.name / card.file).is_file():
        return models_dir() / card.name / card.file
    return _find_stored_in_hub(card) if card.source.repo else None


def _find_stored_in_hub(card: ModelCard) -> Path | None:
    """A card's file in the cache that other programs share; nothing is downloaded."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(card.source.repo, card.source.file, revision=card.source.revision)
    return Path(found) if isinstance(found, str) else None


def require_model(name: str) -> ModelFile:
    """The model of this name, found and checked.

    Raises
    ------
    ModelMissingError
        where its file is not on this machine, with the command that brings it
    ModelError
        where there is no such card, or the file is not the one that the card means
    """
    wanted = find_card(name)
    path = find_model_file(wanted)
    if path is None:
        raise ModelMissingError(f"the model {name} is not on this machine: {install_hint(wanted)}")
    return verify_file(wanted, path)


def install_hint(card: ModelCard) -> str:
    """What to type to get a card's file."""
    own = f"nearsight models add {card.name} FILE, or name its folder in {FOLDERS}"
    return f"nearsight models get {card.name}" if card.source.location else own


def expected_sha256(card: ModelCard) -> str:
    """The SHA-256 that a card's file must have: the card's, or that of the file that was seen first; else empty."""
    if card.sha256:
        return card.sha256
    pinned = _read_record(_stored_pin_path(card))
    return str(pinned.get("sha256", ""))


def verify_file(card: ModelCard, path: Path) -> ModelFile:
    """The file as a model, pinned if it is the first of its card; ModelError where it is another one."""
    try:
        got = file_sha256(path)
    except (OSError, StorageError) as problem:
        raise ModelError(f"the model {card.name} cannot be read: {problem}") from problem
    wanted = expected_sha256(card)
    if wanted and got != wanted:
        raise ModelError(_stored_mismatch_message(card, path, got, wanted))
    if not wanted:
        pin_file(card, got, str(path))
    return ModelFile(card, path, got)


def _stored_mismatch_message(card: ModelCard, path: Path, got: str, wanted: str) -> str:
    says = "its card says" if card.sha256 else "the file that was seen first had"
    way = "" if card.sha256 else f"; to use it all the same: nearsight models add {card.name} FILE --replace"
    return f"{path} is not the model {card.name}: its SHA-256 is {got}, {says} {wanted}{way}"


def pin_file(card: ModelCard, sha256: str, origin: str) -> None:
    """Remember which file an unverified card stands for."""
    _write_record(_stored_pin_path(card), {"sha256": sha256, "origin": origin})


def add_model(name: str, path: Path, *, card_file: Path | None = None, replace: bool = False) -> ModelFile:
    """Copy a model's file to where nearsight finds it, with its card where it is a new one.

    Raises
    ------
    ModelError
        where the file or the card is not there or is not right, or the name is taken
    """
    if not path.is_file():
        raise ModelError(f"{path} is not a file")
    wanted = _read_card_file(name, card_file) if card_file else find_card(name)
    got, before = file_sha256(path), expected_sha256(wanted)
    if before and got != before and (wanted.sha256 or not replace):
        raise ModelError(_stored_mismatch_message(wanted, path, got, before))
    folder = models_dir() / name
    _FILES.make_folder(folder)
    if card_file:
        _FILES.write_new(folder / f"{name}.toml", [card_file.read_bytes()])
    _FILES.write_new(folder / wanted.file, _read_model_chunks(path))
    if not wanted.sha256:
        pin_file(wanted, got, str(path))
    return verify_file(wanted, folder / wanted.file)


def _read_card_file(name: str, card_file: Path) -> ModelCard:
    if not card_file.is_file():
        raise ModelError(f"{card_file} is not a file")
    card = cards_.parse_card(read_stored_card(card_file), str(card_file))
    if card.name != name:
        raise ModelError(f"{card_file} is the card of {card.name}, not of {name}")
    if name in builtin_cards():
        raise ModelError(f"nearsight has a card of the name {name} itself: choose another name")
    return card


def file_sha256(path: Path, *, recompute: bool = False) -> str:
    """The SHA-256 of a file, in hexadecimal; computed anew where the file has changed, or `recompute` asks for it."""
    state = path.stat()
    if not stat.S_ISREG(state.st_mode):
        raise OSError(f"{path} is not a regular file")
    record = models_dir() / "checked" / f"{hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:32]}.json"
    marks = [state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino, state.st_dev]
    kept = _read_record(record)
    if not recompute and kept.get("marks") == marks:
        return str(kept["sha256"])
    began = time.time_ns()
    with path.open("rb") as file:
        made = hashlib.file_digest(file, "sha256").hexdigest()
    if max(state.st_mtime_ns, state.st_ctime_ns) < began - _SETTLED_NS:  # else a later write may leave the same times
        _write_record(record, {"path": str(path), "marks": marks, "sha256": made})
    return made


def verify_models() -> dict[str, str]:
    """What is wrong with each model on this machine, by name, and with each unreadable card, by path; else empty.

    Every byte is read.
    """
    problems = stored_card_problems()
    for name, card in all_cards().items():
        if path := find_model_file(card):
            try:
                file_sha256(path, recompute=True)
                verify_file(card, path)
                problems[name] = ""
            except (OSError, ModelError) as problem:
                problems[name] = str(problem)
    return problems


def model_summary(card: ModelCard) -> dict[str, Any]:
    """What is known of a card and its file, for printing."""
    path = find_model_file(card)
    return {**asdict(card), "path": path and str(path), "pinned": expected_sha256(card), "get": install_hint(card)}


def _stored_pin_path(card: ModelCard) -> Path:
    return models_dir() / "pins" / f"{card.name}.json"


def _read_record(path: Path) -> dict[str, Any]:
    """A record; empty where there is none that can be read."""
    with suppress(OSError, ValueError):
        found = json.loads(path.read_bytes())
        if isinstance(found, dict):
            return found
    return {}


def _write_record(path: Path, record: dict[str, Any]) -> None:
    """Keep a record, where the disk lets us; without it the work is done again next time."""
    with suppress(OSError, StorageError):
        _FILES.make_folder(path.parent)
        _FILES.write_new(path, [json.dumps(record).encode()])
