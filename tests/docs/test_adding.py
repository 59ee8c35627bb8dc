"""The files that docs/adding.md prints are methods that meet the contract, the linter and the type checker."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "adding.md").read_text("utf8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf8")
PRINTED = re.findall(r"^`src/nearsight/(\w+)/(\w+)\.py`.*?^```python\n(.*?)^```", PAGE, re.S | re.M)
NAMES = [name for _, name, _ in PRINTED]


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The printed files as a package that is installed: its modules and its entry points."""
    site = tmp_path_factory.mktemp("site")
    about = site / "my_package-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: my_package\nVersion: 1.0\n")
    entries = [f"{name} = my_package.{kind}.{name}" for kind, name, _ in PRINTED]
    (about / "entry_points.txt").write_text("\n".join(["[nearsight.methods]", *entries, ""]))
    for kind, name, source in PRINTED:
        folder = site / "my_package" / kind
        folder.mkdir(parents=True)
        for each in (folder, folder.parent):
            (each / "__init__.py").write_text('"""Methods."""\n')
        (folder / f"{name}.py").write_text(source)
    return site


def run(package, *command):
    path = os.pathsep.join([str(package), str(ROOT / "src"), *map(os.path.abspath, filter(None, sys.path))])
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_one_file_of_each_main_kind_is_printed():
    assert [kind for kind, *_ in PRINTED] == ["descriptors", "metrics", "indexes", "rerankers"]
    assert PAGE.count("```python\n") == len(PRINTED)


def test_the_printed_files_meet_the_contract(package):
    said = run(package, "pytest", "-v", "-p", "no:cacheprovider", "-k", " or ".join(NAMES), "tests/contract")
    for name in NAMES:
        assert f"test_the_example_runs[{name}] PASSED" in said


def test_the_printed_files_are_linted(package):
    pytest.importorskip("ruff", reason='ruff is not installed: pip install ".[dev]"')
    config = ("--config", "pyproject.toml", "--no-cache", str(package / "my_package"))
    run(package, "ruff", "check", *config, "--config", 'lint.isort.known-first-party=["nearsight"]')
    run(package, "ruff", "format", "--check", *config)


def test_the_printed_files_are_typed(package, tmp_path):
    pytest.importorskip("mypy", reason='mypy is not installed: pip install ".[dev]"')
    config = ("--config-file", "pyproject.toml", "--cache-dir", str(tmp_path), "--follow-imports", "silent")
    run(package, "mypy", *config, str(package / "my_package"))


def test_contributing_shows_the_same_file():
    assert re.findall(r"^```python\n(.*?)^```", CONTRIBUTING, re.S | re.M) == [PRINTED[0][2]]


def test_contributing_has_every_room_in_the_order_of_the_layers():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["tool"]["importlinter"]["contracts"]
    layers = next(each for each in contracts if each["type"] == "layers")["layers"]
    wanted = [room.strip() for layer in layers for room in layer.split("|")]
    table = CONTRIBUTING.partition("| layer |")[2].partition("\n\n")[0]
    shown = re.findall(r"`(\w+)(?:/|\.py)`", "\n".join(row.split("|")[1] for row in table.split("\n") if "|" in row))
    assert shown == wanted
    for room in wanted:
        assert any((ROOT / "src" / "nearsight" / each).exists() for each in (room, f"{room}.py")), room
