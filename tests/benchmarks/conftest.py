"""The bundled photographs, decoded once, and small sets of places that are made of them."""

from __future__ import annotations

import json

import pytest
from benchmarks import images


@pytest.fixture(scope="session")
def photos():
    """The bundled photographs; nobody writes to their pixels."""
    return images.photographs()


@pytest.fixture
def places(tmp_path, photos):
    """Makes small sets in folders of the test's own: of each place one image, which a box in it asks for."""

    def make(count, side, box, learnt_from):
        for folder in ("landmarks/images", *learnt_from):
            images.write_crops(tmp_path / folder, photos, count, side)
        names = sorted(path.stem for path in (tmp_path / "landmarks" / "images").rglob("*.jpg"))
        asked = [{"query": each, "bbx": box, "ok": [each], "junk": [], "landmark": each} for each in names]
        (tmp_path / "landmarks" / "gt.json").write_text(json.dumps(asked))
        return tmp_path

    return make


@pytest.fixture(scope="module", autouse=True)
def _without_workers(in_this_process):
    """A collection is indexed often here, and is small."""
