"""The command line as its user runs it, in the process of the test: a new one each time would take a second to start.

`tests/test_quick_start.py`, `tests/server/test_serve.py` and the faults run real processes.
"""

from __future__ import annotations

import contextlib
import io
import os
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
