"""duplicates and check: the copies in a folder, what was decided about them, and what becomes of them."""

from __future__ import annotations

from nearsight.cli.duplicates import decisions, find

GROUP = {**find.GROUP, **decisions.GROUP}
"""Commands of `nearsight duplicates`; the first runs where none is named."""
COMMANDS = find.COMMANDS
