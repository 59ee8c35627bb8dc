"""Provisional results, while hits are judged: what they show, what they leave open, and that they change nothing."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import nearsight as ns
from nearsight.rerankers import verify
from nearsight.rerankers.verify import Verify
from nearsight.search.engine import NOT_JUDGED_YET
from nearsight.search.results import FOUND, NOTHING
from tests.conftest import thirteen


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    with ns.index(thirteen(tmp_path_factory.mktemp("watch") / "photographs"), by=["copy", "colour"]) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _small_groups(monkeypatch):
    """Four hits at a time, on any machine."""
    monkeypatch.setattr(verify.os, "cpu_count", lambda: 2)


def crop(photos):
    with Image.open(photos.root / "china.jpg") as image:
        return np.asarray(image.crop((40, 30, 600, 400)).resize((400, 264)))


def noise():
    return np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)


def watched(photos, query, **asked):
    """What was shown, and what was returned."""
    shown = []
    return shown, photos.search(query, watch=shown.append, **asked)


def judged(results):
    return [hit.verdict for hit in results if hit.verdict]


@pytest.mark.parametrize("k", [1, 5, 13])
@pytest.mark.parametrize("ask", [crop, lambda photos: noise(), lambda photos: photos.root / "coffee.png"])
def test_the_answer_is_the_same_whether_anybody_watches(photos, ask, k):
    shown, found = watched(photos, ask(photos), k=k)
    alone = photos.search(ask(photos), k=k)
    assert [hit.as_dict() for hit in found] == [hit.as_dict() for hit in alone]
    assert (found.verdict, found.hint, found.recipe, found.total) == (
        alone.verdict,
        alone.hint,
        alone.recipe,
        alone.total,
    )
    assert {(each.recipe, each.total, len(each)) for each in shown} == {(found.recipe, found.total, len(found))}


def test_it_begins_with_the_order_of_the_index_and_claims_nothing(photos, monkeypatch):
    shown, _ = watched(photos, crop(photos))
    first = shown[0]
    monkeypatch.setattr(Verify, "rerank", lambda self, image, hits, context: hits)
    assert [hit.path for hit in first] == [hit.path for hit in photos.search(crop(photos))]
    assert {(hit.verdict, hit.alike, hit.why) for hit in first} == {("", None, NOT_JUDGED_YET)}
    assert first.verdict == ""
    assert [hit.rank for hit in first] == list(range(1, 14))


def test_verdicts_come_in_groups_and_stay_as_they_are(photos):
    shown, found = watched(photos, crop(photos))
    assert [len(judged(each)) for each in shown] == [0, 4, 8, 12, 13]
    last = {hit.id: (hit.verdict, hit.alike, hit.why, hit.score) for hit in found}
    for results in shown:
        for hit in results:
            assert (hit.verdict, hit.alike, hit.why, hit.score) == last[hit.id] or hit.why == NOT_JUDGED_YET
        alike = [hit.alike is True for hit in results]
        assert alike == sorted(alike, reverse=True), "copies come first"
        assert results.verdict == (FOUND if any(alike) else "")
        scores = [hit.score for hit in results]
        assert scores == sorted(scores, reverse=True)


def test_that_nothing_is_alike_is_said_at_the_end_only(photos):
    shown, found = watched(photos, noise())
    assert found.verdict == NOTHING
    assert found.hint is not None
    assert {(each.verdict, each.hint) for each in shown} == {("", None)}


def test_a_copy_far_down_comes_first_as_soon_as_it_is_judged(photos):
    """A part that hardly resembles its image as a whole."""
    with Image.open(photos.root / "flower.jpg") as image:
        shown, found = watched(photos, np.asarray(image.crop((192, 128, 448, 298))))
    ranks = [[hit.path for hit in each].index("flower.jpg") for each in shown]
    assert ranks[0] > 4
    assert ranks == [ranks[0] if len(judged(each)) <= ranks[0] else 0 for each in shown]
    assert (found[0].path, found[0].alike) == ("flower.jpg", True)


def test_an_error_of_the_watcher_ends_the_judging(photos, monkeypatch):
    examined, prove = [], Verify._prove

    def counted(self, query, image_id, *more):
        examined.append(image_id)
        return prove(self, query, image_id, *more)

    class GoneError(Exception):
        pass

    def leave(results):
        if judged(results):
            raise GoneError

    monkeypatch.setattr(Verify, "_prove", counted)
    with pytest.raises(GoneError):
        photos.search(crop(photos), watch=leave)
    assert len(examined) == 4
    photos.search(crop(photos))
    assert len(examined) == 4 + 13


@pytest.mark.parametrize("asked", [{"by": "colour"}, {"by": ["copy", "colour"]}, {"recipe": "gist | flat"}])
def test_where_nothing_is_judged_or_several_answer_nobody_is_shown_anything(photos, asked):
    shown, found = watched(photos, photos.root / "coffee.png", **asked)
    assert shown == []
    assert found[0].path == "coffee.png"


def test_a_list_by_words_is_not_watched(photos):
    shown = []
    assert len(photos.search(words="coffee", watch=shown.append)) == 1
    assert shown == []


def test_excluded_images_are_never_shown(photos):
    shown, _ = watched(photos, crop(photos), unlike="china.jpg")
    assert shown
    assert not any(hit.path == "china.jpg" for each in shown for hit in each)
