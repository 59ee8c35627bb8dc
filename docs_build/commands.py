"""The page of the command line: every command with its arguments and options, as in `--help`."""

from __future__ import annotations

import re
from typing import Any

import typer

from docs_build.docstring import escaped, table
from nearsight.cli.main import FindingGroup, help_row, load_app

_LIMITS = re.compile(r"\s*\[([^\]]*)\]$")


def commands() -> dict[str, Any]:
    """The commands by name, in the order of the help."""
    group: Any = typer.main.get_command(load_app())
    return dict(group.commands)


def page() -> str:
    """All commands."""
    rows = [[f"[{name}](#{name})", escaped(_first(each.help))] for name, each in commands().items()]
    parts = [_INTRODUCTION, table(["command", "what it does"], rows), _COMMON]
    return "\n\n".join([*parts, *(_command(name, each) for name, each in commands().items())])


def parts_of(command: Any) -> dict[str, Any]:  # noqa: ANN401
    """The commands of a group by name, but for the one that runs where none is named; none of another command."""
    inner = getattr(command, "commands", {})
    return {name: each for name, each in inner.items() if each is not _meant(command)}


def _meant(command: Any) -> Any:  # noqa: ANN401
    """The command that runs by the name of a group alone, if one does; else the command itself."""
    return command.commands["find"] if isinstance(command, FindingGroup) else command


_INTRODUCTION = "# The command line\n\nThe same texts are shown by `nearsight --help` and `nearsight COMMAND --help`."
_COMMON = """\
**Which collection.** Commands that read one take `--in FOLDER`: an indexed folder or a subfolder of one, as git finds
its repository. It is the current folder by default.

**For programs.** Every command has `--json`, apart from `serve`, which answers programs by [HTTP](http.md). Exit codes:

| code | meaning |
| --- | --- |
| 0 | done; for `search` and `match`: a match |
| 1 | nothing found, no match |
| 2 | invalid input: the message says what would be right |
| 3 | the collection is damaged or locked, or the disk refused |
| 130 | interrupted by Ctrl-C; what was committed is kept |
"""


def _first(text: str) -> str:
    return text.split(". ")[0].rstrip(".") + "."


def _command(name: str, command: Any, head: str = "##") -> str:  # noqa: ANN401
    """One command, and those of a group."""
    meant = _meant(command)
    context = typer.Context(meant, info_name=f"nearsight {name}")
    records = [(each.param_type_name, help_row(each, context)) for each in meant.get_params(context)]
    parts = [f"{head} {name}", escaped(meant.help), f"```sh\n{_example(meant.epilog)}\n```"]
    for kind in ("argument", "option"):
        rows = [_row(*record) for of, record in records if of == kind and "--help" not in record[0]]
        parts += [table([kind, "what it is", "default, limits"], rows)] if rows else []
    inner = parts_of(command).items()
    return "\n\n".join([*parts, *(_command(f"{name} {each}", part, "###") for each, part in inner)])


def _example(epilog: str) -> str:
    return epilog.removeprefix("Example: ")


def _row(name: str, text: str) -> list[str]:
    found = _LIMITS.search(text)
    limits = found[1].removeprefix("default: ").removeprefix(".") if found else ""
    return [f"`{name}`", escaped(_LIMITS.sub("", text)), escaped(limits)]
