"""The command line as its user runs it, in the process of the test: a new one each time would take a second to start.

`tests/test_quick_start.py`, `tests/server/test_serve.py` and the faults run real processes.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from subprocess import CompletedProcess
from unittest.mock import patch

from nearsight.cli.main import main


def nearsight(*arguments: object, cwd: Path | None = None, **environment: str) -> CompletedProcess[str]:
    """What a command printed, and the code that it ended with. An error that is none of ours goes up to the test."""
    words, out, err = [str(each) for each in arguments], _stream(), _stream()
    with contextlib.ExitStack() as stack:
        stack.enter_context(patch.dict(os.environ, {"COLUMNS": "160", **environment}))
        stack.enter_context(patch("sys.argv", ["nearsight", *words]))
        stack.enter_context(contextlib.chdir(cwd or Path.cwd()))
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(err))
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return CompletedProcess(words, code, _written(out), _written(err))


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), "utf-8", newline="", write_through=True)


def _written(stream: io.TextIOWrapper) -> str:
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()


_ONE_BY_ONE = """
import json, sys
from tests.command import nearsight
done = [nearsight(*words) for words in json.loads(sys.argv[1])]
print(json.dumps([(each.returncode, each.stdout, each.stderr) for each in done]))
"""


_EACH_FORKED = """
import importlib, json, os, pkgutil, sys
from nearsight.registry import METHOD_KINDS
from tests.command import nearsight
for kind in METHOD_KINDS:
    package = importlib.import_module(f"nearsight.{kind}")
    for found in pkgutil.iter_modules(package.__path__, f"nearsight.{kind}."):
        importlib.import_module(found.name)
for path, commands in json.loads(sys.argv[1]):
    if not os.fork():
        sys.path.insert(0, path)
        done = [nearsight(*words) for words in commands]
        print(json.dumps([(each.returncode, each.stdout, each.stderr) for each in done]), flush=True)
        os._exit(0)
    assert os.wait()[1] == 0
"""


def in_one_process(commands: Sequence[Sequence[object]], path: Path) -> list[CompletedProcess[str]]:
    """Commands, one after the other, in one new process that has one more package on its path."""
    words = [[str(word) for word in command] for command in commands]
    paths = os.pathsep.join([str(path), *map(os.path.abspath, filter(None, sys.path))])
    (line,) = _lines(_ONE_BY_ONE, words, paths)
    return [CompletedProcess(words, *each) for each in line]


def in_forks(commands: Sequence[Sequence[object]], paths: Sequence[Path]) -> list[list[CompletedProcess[str]]]:
    """Commands in a process for each of several paths, forked from one that has imported what all of them need."""
    words = [[str(word) for word in command] for command in commands]
    given = os.pathsep.join(map(os.path.abspath, filter(None, sys.path)))
    lines = _lines(_EACH_FORKED, [[str(path), words] for path in paths], given)
    return [[CompletedProcess(words, *each) for each in line] for line in lines]


def _lines(program: str, given: object, paths: str) -> list[list[tuple[int, str, str]]]:
    """What a program prints, a JSON value a line."""
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(given)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": paths},
        cwd=Path(__file__).resolve().parent.parent,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
