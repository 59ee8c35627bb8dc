"""Commands start quickly: what takes long to load is loaded by those that need it."""

from __future__ import annotations

import os
import subprocess
import sys

SLOW = ("scipy.spatial", "scipy.special", "scipy.linalg", "scipy.sparse", "scipy.ndimage", "sklearn", "onnxruntime")
CODE = "import sys, nearsight.api.collection, nearsight.search.engine, nearsight.cli.main; print(*sys.modules)"


def test_opening_a_collection_loads_nothing_slow():
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, filter(None, sys.path)))}
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True, env=env)
    loaded = set(done.stdout.split())
    assert "nearsight.search.engine" in loaded
    assert loaded.isdisjoint(SLOW)


def test_the_command_line_with_all_its_help_loads_no_numbers():
    code = "import sys, nearsight.cli.main as line; line.load_app(); print(*sys.modules)"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, filter(None, sys.path)))}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert "nearsight.senses" in done.stdout.split()
    assert {"numpy", "cv2", "PIL", "sqlite3"}.isdisjoint(done.stdout.split())
