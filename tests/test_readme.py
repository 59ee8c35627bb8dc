"""What the README says must run."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"


def test_the_python_block_runs(photographs, tmp_path, monkeypatch, capsys):
    (block,) = re.findall(r"^```python\n(.*?)^```", README.read_text("utf8"), re.S | re.M)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(photographs, tmp_path / "photos")
    for name, source in (("found.jpg", "china.jpg"), ("a.jpg", "rocket.jpg"), ("b.jpg", "flower.jpg")):
        shutil.copy(photographs / source, tmp_path / name)
    names: dict[str, object] = {}
    exec(compile(block, str(README), "exec"), names)
    assert capsys.readouterr().out.startswith("1 china.jpg 1.0 copy ")
    assert names["rows"].shape == (2, 960)


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", README.read_text("utf8")))
def test_every_link_leads_somewhere(link):
    assert (README.parent / link).exists()
