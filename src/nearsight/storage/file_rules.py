"""The rules of a collection for the files of its folder, and what they left out at the last ingest.

Both are named values of the catalogue, in JSON.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from nearsight.images.ignore_rules import FileRules, LeavingRule
from nearsight.images.pages import split_page_path
from nearsight.storage.catalogue import Catalogue, load_root
from nearsight.storage.catalogue_writer import CatalogueWriter

_RULES, _LEFT_OUT = "file rules", "left out"


@dataclass(frozen=True)
class LeftOutCount:
    """How many folders, with all below them, and how many files a rule left out."""

    folders: int = 0
    files: int = 0

    def add(self, *, is_folder: bool) -> LeftOutCount:
        """Return the count with one more."""
        return LeftOutCount(self.folders + is_folder, self.files + (not is_folder))


def load_rules(catalogue: Catalogue) -> FileRules:
    """Return the rules that a collection remembers."""
    text = catalogue.meta(_RULES)
    if text is None:
        return FileRules()
    values = json.loads(text)
    return FileRules(tuple(values["exclude"]), tuple(values["include"]), values["follow_links"])


def save_rules(catalogue: CatalogueWriter, rules: FileRules) -> None:
    """Store the rules, as part of a transaction."""
    catalogue.put_meta(_RULES, json.dumps(asdict(rules)))


def load_left_out(catalogue: Catalogue) -> dict[LeavingRule, LeftOutCount]:
    """Return what the last ingest left out, by rule."""
    rows = json.loads(catalogue.meta(_LEFT_OUT) or "[]")
    return {LeavingRule(source, pattern): LeftOutCount(folders, files) for source, pattern, folders, files in rows}


def save_left_out(catalogue: CatalogueWriter, counts: Mapping[LeavingRule, LeftOutCount]) -> None:
    """Store what was left out, as part of a transaction."""
    rows = [(rule.source, rule.pattern, count.folders, count.files) for rule, count in sorted(counts.items())]
    catalogue.put_meta(_LEFT_OUT, json.dumps(rows))


def image_file(catalogue: Catalogue, index_dir: Path, path: bytes) -> bytes:
    """Return where the file of an image may be opened: what a link leads to, if the collection follows links."""
    whole = os.path.join(os.fsencode(load_root(catalogue, index_dir)), path)
    if not load_rules(catalogue).follow_links:
        return whole
    file = whole if os.path.lexists(whole) else split_page_path(whole)[0]
    return os.path.realpath(file) + whole[len(file) :]
