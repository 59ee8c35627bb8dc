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


def in_one_process(commands: Sequence[Sequence[object]], path: Path) -> list[CompletedProcess[str]]:
    """Commands, one after the other, in one new process that has one more package on its path."""
    root = Path(__file__).resolve().parent.parent
    paths = os.pathsep.join([str(path), *map(os.path.abspath, filter(None, sys.path))])
    words = json.dumps([[str(word) for word in command] for command in commands])
    done = subprocess.run(
        [sys.executable, "-c", _ONE_BY_ONE, words],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": paths},
        cwd=root,
    )
    assert done.returncode == 0, done.stderr
    return [CompletedProcess(words, *each) for each in json.loads(done.stdout)]
