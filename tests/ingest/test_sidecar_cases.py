"""Every kind of sidecar, in one folder of all cases: what is said of each image, and what is in doubt."""

from __future__ import annotations

import os

import pytest

import nearsight as ns
from nearsight.metadata.facts import Facts
from tests.ingest.sidecar_cases import CASES, IMAGE, Said, make_folder

FACTS = [name for name in Facts.__dataclass_fields__ if name != "data"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """The collection of all cases."""
    folder = tmp_path_factory.mktemp("cases") / "photos"
    make_folder(folder)
    with ns.index(folder, recipe="phash | flat") as found:
        yield found


@pytest.mark.parametrize("case", CASES, ids=[f"{case.kind}: {case.what}" for case in CASES])
def test_what_is_said_of_each_image(photos, case):
    records = {image.path: image for image in photos.images()}
    for name in (name for name, content in case.files.items() if content is IMAGE):
        path = os.fsencode(f"{case.folder}/{name}")
        expected, notes = case.said.get(name, Said()), [note for note in photos.notes(path) if note.source != path]
        assert "\n".join(note.caption for note in notes if note.caption) == expected.caption, name
        assert tuple(tag for note in notes for tag in note.tags.splitlines()) == expected.tags, name
        about = photos.about(records[path])
        known = {key: value for key in FACTS if (value := getattr(about, key)) not in (None, "")}
        assert known == pytest.approx(expected.facts), name


@pytest.mark.parametrize("case", CASES, ids=[f"{case.kind}: {case.what}" for case in CASES])
def test_what_is_in_doubt(photos, case):
    start = f"{case.folder}/"
    doubts = {
        line.sidecar.removeprefix(start): line.reason
        for line in photos.sidecar_lines()
        if line.reason and line.sidecar.startswith(start)
    }
    assert doubts.keys() == case.doubts.keys()
    assert all(part in doubts[name] for name, part in case.doubts.items()), doubts
    skips = {os.fsdecode(skip.path): skip.detail for skip in photos.skips()}
    assert all(part in skips[start + name] for name, part in case.skipped.items()), skips


def test_the_collection_is_sound_and_doubts_are_counted(photos):
    assert not photos.verify()
    doubts = [line for line in photos.sidecar_lines() if line.reason]
    twice = 1  # p2.jpg stands twice in Photo Details.csv
    assert photos.info()["words"]["unknown"] == len(doubts) + twice
