"""Names that a file may have and nobody expects, and running the command line inside this process."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from unittest import mock

NAMES = [
    b"new\nline.jpg", b"return\r.jpg", b"\x1b]0;owned\x07\x1b[31mred.jpg", "\u202egpj.exe".encode(), b"-rf", b"--help",
    b"x" * 251 + b".jpg", b"\xff\xfe\x80.jpg", "\N{PILE OF POO}.jpg".encode(), "e\u0301.jpg".encode(), b" ", b"~",
    b"a\\b.jpg", b"<img src=x onerror=alert(1)>.jpg", b"'\"&amp;.jpg", b"%2e%2e%2f.jpg", b"$(reboot);`id`.jpg",
    b"=1+1.jpg", b"*?[a].jpg", b"...", b"{{7*7}}.jpg", b"a:b.jpg", b"\xc2\x9b31m.jpg", b"sub\xff\n/-rf.jpg",
]  # fmt: skip


def made(folder, random_image):
    """An image of each name, each another one."""
    folder.mkdir()
    for number, name in enumerate(NAMES):
        place = os.path.join(os.fsencode(folder), name)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        plain = random_image(folder / "plain.jpg", number)
        os.rename(plain, place)
    return folder


def command(*arguments, cwd=None):
    """Run a command inside this process: its exit code, what it printed, what it complained."""
    from nearsight.cli.main import main

    out, said, before = StringIO(), StringIO(), os.getcwd()
    given = mock.patch.object(sys, "argv", ["nearsight", *map(str, arguments)])
    with given, redirect_stdout(out), redirect_stderr(said):
        os.chdir(cwd or before)
        try:
            main()
        except SystemExit as end:
            return end.code or 0, out.getvalue(), said.getvalue()
        finally:
            os.chdir(before)
    return 0, out.getvalue(), said.getvalue()


def on_terminal(*arguments, cwd=None):
    """The exit code and the bytes that a terminal gets, output and complaints together."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "nearsight", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=slave,
        stderr=slave,
        cwd=cwd,
        env=os.environ | {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"},
    )
    os.close(slave)
    data = b""
    try:
        while chunk := os.read(master, 1 << 16):
            data += chunk
    except OSError:  # its other end is closed: the process has ended
        pass
    os.close(master)
    return process.wait(60), data
