"""What other senses find is looked at too: copies that the index of copies alone does not bring to the front."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

import nearsight as ns
from nearsight.errors import DamagedError, ModelMissingError, UsageError
from nearsight.ingest.run import IngestSettings
from nearsight.senses import SENSES
from tests.search.scenes import save, texture

ALONE = "gist | flat | verify(n=1)"
OBJECT = "sift(n=200) | asmk(words=kmeans(k=64), several=1) | inverted | spatial(inliers=8)"


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Nine images by copy, of which one hit is looked at, and by object, with few words."""
    folder = tmp_path_factory.mktemp("beside")
    for number in range(9):
        save(texture(10 + number), folder / f"{number}.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SENSES, "copy", replace(SENSES["copy"], recipe=ALONE))
        patch.setitem(SENSES, "object", replace(SENSES["object"], recipe=OBJECT))
        with ns.index(folder, by=["copy", "object"], settings=IngestSettings(workers=1)) as opened:
            yield opened


def part(number):
    """A third of an image, turned by twenty degrees."""
    image = texture(10 + number)
    height, width = image.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 20, 1.0)
    return np.ascontiguousarray(cv2.warpAffine(image, turn, (width, height))[40:180, 60:230])


def copies(photos, numbers, **asked):
    """Those of the numbers whose part finds its image first, as a copy."""
    found = {number: photos.search(part(number), k=1, **asked)[0] for number in numbers}
    return [number for number, hit in found.items() if hit.alike and hit.path == f"{number}.png"]


def test_a_copy_that_another_sense_finds_is_looked_at_and_comes_first(photos):
    assert len(copies(photos, range(9), recipe=ALONE)) < 5
    assert copies(photos, range(9), by="copy") == list(range(9))
    hits = photos.search(part(3), by="copy", k=9)
    assert len({hit.id for hit in hits}) == len(hits) == 9
    assert [hit.alike for hit in hits] == [True] + [False] * 8
    assert hits[0].verdict in ("copy", "part", "contains")
    assert len(hits[0].explanation.query_points) > 8


def test_what_is_no_copy_stays_where_it_was(photos):
    """Other senses bring nothing that is not verified: the order of all others is that of the sense alone."""
    both = [photos.search(texture(99), **asked) for asked in ({"by": "copy"}, {"recipe": ALONE})]
    beside, alone = ([(hit.path, hit.distance, hit.alike) for hit in hits] for hits in both)
    assert beside == alone
    assert beside[0][2] is False


def test_filters_and_what_is_left_out_hold_for_them_too(photos):
    assert copies(photos, [3], by="copy", where="folder <> 'none'") == [3]
    assert not any(hit.alike for hit in photos.search(part(3), by="copy", where="name <> '3.png'"))
    assert "3.png" not in [hit.path for hit in photos.search(part(3), by="copy", unlike="3.png")]


@pytest.mark.parametrize("error", [ModelMissingError, DamagedError, UsageError])
def test_without_its_model_or_its_rows_another_sense_finds_nothing(photos, monkeypatch, error):
    alone = copies(photos, range(9), recipe=ALONE)

    def missing(*given):
        raise error("it is elsewhere")

    monkeypatch.setattr("nearsight.features.sift.Sift.features", missing)
    assert copies(photos, range(9), by="copy") == alone
    with pytest.raises(error):
        photos.search(part(3), by="object")


def test_what_other_senses_find_is_shown_as_soon_as_it_is_judged(photos):
    known, shown = copies(photos, range(9), recipe=ALONE), []
    number = next(each for each in range(9) if each not in known)
    found = photos.search(part(number), by="copy", k=1, watch=shown.append)
    assert [hit.as_dict() for hit in found] == [hit.as_dict() for hit in photos.search(part(number), by="copy", k=1)]
    first, alone, *others = shown
    assert [hit.verdict for hit in first] == [""]
    assert [hit.alike for hit in alone] == [False], "the index alone does not bring it to the front"
    assert others
    assert [(hit.path, hit.alike) for hit in others[-1]] == [(f"{number}.png", True)]
    assert {len(each) for each in shown} == {1}
