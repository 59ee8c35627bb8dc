"""What mkdocs calls: it adds what is made, and leaves out of the navigation what is not there."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
_WANTED = re.compile(r"^<!-- made: (\S+) -->$", re.M)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is made, then name all of it in the navigation."""
    from docs_build import commands, coverage, face, gallery, matches, points, recipes, trace, verdicts

    made: dict[str, str | bytes] = {
        "commands.md": commands.page(),
        "coverage.md": coverage.page(),
        "python.md": face.page(),
        "trace.md": trace.page(),
    }
    made.update(recipes.pages())
    made.update(gallery.thumbnails())
    made.update(points.images())
    made.update(matches.images())
    made.update(verdicts.images())
    made["images/icon.svg"] = (ROOT / "web" / "public" / "icon.svg").read_bytes()
    for address, content in made.items():
        files.append(File.generated(config, address, content=content))
    config.nav = [each for each in (_kept(entry, files) for entry in config.nav or []) if each]
    return files


def _kept(entry: Any, files: Files) -> Any:  # noqa: ANN401
    """An entry of the navigation with the recipes written out, without the pages that are not there (yet)."""
    from docs_build import recipes

    (title, value) = next(iter(entry.items()))
    if value == "recipes/index.md":
        return {title: recipes.navigation()}
    if isinstance(value, list):
        inner = [each for each in (_kept(one, files) for one in value) if each]
        return {title: inner} if inner else None
    return entry if files.get_file_from_path(value) or value not in OPTIONAL else None


OPTIONAL = ("reliability.md", "benchmarks.md")
"""Pages that are shown where they are."""


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put the figures where a page asks for them."""

    def put(found: re.Match[str]) -> str:
        from docs_build import senses

        if found[1] not in senses.made():
            raise PluginError(
                f"{page.file.src_uri} asks for the figure {found[1]}; there are {', '.join(senses.made())}"
            )
        return senses.made()[found[1]]

    return _WANTED.sub(put, markdown)
