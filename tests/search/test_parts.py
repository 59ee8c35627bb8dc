"""What the look of a whole image does not show, `copy` finds by the details that are indexed along with it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from skimage import data

import nearsight as ns
from nearsight.evaluation.attacks import ATTACKS, right_verdicts
from nearsight.ingest.run import IngestSettings
from nearsight.rerankers._copy_verdict import CopyVerdict, Judgement
from nearsight.rerankers.verify import Evidence, Verify
from nearsight.types import Hits
from tests.search.scenes import save, texture

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket", "motorcycle")
ALONE = "gist | flat | verify(n=2)"
HARD = ("crop80", "rotate15", "screenshot")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Five photographs among forty textures of like colours."""
    folder = tmp_path_factory.mktemp("parts")
    for name in PHOTOGRAPHS:
        image = data.stereo_motorcycle()[0] if name == "motorcycle" else getattr(data, name)()
        save(image, folder / f"{name}.png")
    for number in range(40):
        save(texture(200 + number), folder / f"texture{number}.png")
    with ns.index(folder, by=["copy"], settings=IngestSettings(workers=2)) as opened:
        yield opened


@pytest.mark.parametrize("kind", HARD)
def test_copy_finds_what_gist_does_not(photos, kind):
    found = {}
    for name in PHOTOGRAPHS[:3]:
        first = photos.search(ATTACKS[kind](getattr(data, name)()), k=5)[0]
        found[name] = first.path, first.verdict
    assert found == {name: (f"{name}.png", right_verdicts(kind)[0]) for name in PHOTOGRAPHS[:3]}


def test_alone_it_does_not(photos):
    queries = [(name, ATTACKS[kind](getattr(data, name)())) for kind in HARD for name in PHOTOGRAPHS[:3]]
    alone = [photos.search(query, recipe=ALONE, k=1)[0].path == f"{name}.png" for name, query in queries]
    assert sum(alone) < len(alone)


def test_a_mirrored_part_is_found_too(photos):
    query = np.ascontiguousarray(ATTACKS["crop70"](data.chelsea())[:, ::-1])
    for sense in ("copy", "part"):
        first = photos.search(query, by=sense, k=3)[0]
        assert (first.path, first.verdict) == ("chelsea.png", "part")
        assert "mirrored" in first.why


def test_part_asks_without_turned_views_and_copy_with_them(photos):
    """Local features turn with the image: eight views of the query would cost eight times as much."""
    image = data.coffee()
    asked = {}
    for sense in ("copy", "part"):
        pipeline = photos.pipeline(sense)
        views = list[int]()
        describe = type(pipeline.descriptor).encode_queries

        def counted(self, images, describe=describe, views=views):
            views.append(len(images))
            return describe(self, images)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(pipeline.descriptor), "encode_queries", counted)
            photos.search(image, by=sense, k=1)
        asked[sense] = views[0]
    assert asked == {"copy": 8, "part": 2}


def test_the_sense_names_what_looks_further(photos):
    answer = photos.search(np.stack([data.moon()] * 3, axis=2), by="part")
    assert answer.verdict == "nothing like it here"
    assert answer.hint is not None
    assert answer.hint.sense == "object"


def test_what_agrees_in_part_goes_before_what_does_not_agree_at_all():
    order = [CopyVerdict.NOT_A_COPY, CopyVerdict.TOO_PLAIN, CopyVerdict.SURROUNDINGS, CopyVerdict.SCENE]
    order += [CopyVerdict.TEMPLATE, CopyVerdict.EDITED, CopyVerdict.PART, CopyVerdict.COPY]
    method = Verify()

    memo = {method: {at: Evidence(Judgement(verdict, "", -9.0)) for at, verdict in enumerate(order)}}
    context = SimpleNamespace(n_images=len(order), memo=memo, report=None)
    given = Hits(np.arange(len(order))[None], np.linspace(1, 0, len(order), dtype=np.float32)[None])
    found = method.rerank(np.zeros((9, 9, 3), np.uint8), given, context)
    assert found.ids[0].tolist() == [7, 6, 5, 4, 3, 2, 0, 1]
    assert (np.diff(found.scores[0]) < 0).all()


def test_a_piece_of_a_panorama_is_found(tmp_path):
    """A thumbnail of a strip is too narrow for anything to be matched: its file is looked at instead."""
    rows = [data.astronaut()[:300, :400], data.coffee()[50:350, 100:500], data.chelsea()[:300, 20:420]]
    panorama = np.hstack([*rows, data.stereo_motorcycle()[0][150:450, 200:600], data.rocket()[60:360, 100:500]])
    for name, image in (("wide", panorama), ("tall", np.ascontiguousarray(panorama.transpose(1, 0, 2)[::-1]))):
        save(image, tmp_path / f"{name}.png")
    for number in range(6):
        save(texture(300 + number), tmp_path / f"texture{number}.png")
    with ns.index(tmp_path, by=["copy"], settings=IngestSettings(workers=1)) as photos:
        (first, second) = photos.search(np.ascontiguousarray(panorama[:, 500:900]), k=2)
        assert {first.path, second.path} == {"wide.png", "tall.png"}  # the other one is the same, turned and mirrored
        assert (first.verdict, second.verdict) == ("part", "part")
        wholes = photos.search(panorama[::2, ::2], k=2)
        assert {(hit.path, hit.verdict) for hit in wholes} == {("wide.png", "copy"), ("tall.png", "copy")}
