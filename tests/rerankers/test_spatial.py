"""Hits whose features lie as those of the query come first, and all others stay in their order."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import skimage.data

from nearsight.rerankers.spatial import Spatial
from nearsight.types import NO_ID, Hits
from tests.geometry.planes import VIEWS, image, moved, viewed

IMAGE = np.zeros((192, 256, 3), np.uint8)
QUERY = image()


def rows(images, question=QUERY):
    """What a refiner may read: these images' records by id, all shown in thumbnails of 256 x 192."""
    return SimpleNamespace(
        n_images=len(images),
        memo={},
        verified={},
        query_vector=question,
        vector=images.__getitem__,
        from_thumbnail=lambda ident, make: make(IMAGE),
    )


def hits(*idents):
    return Hits(np.array([idents], np.int64), -np.linspace(0.1, 0.9, len(idents), dtype=np.float32)[None])


IMAGES = {
    1: image(seed=1),
    2: viewed(QUERY, VIEWS["turned"]),
    3: image(seed=3),
    4: viewed(QUERY[:30], VIEWS["shifted"]),
    5: QUERY[:0],
}


def test_verified_hits_come_first_by_how_many_agree_and_the_others_stay():
    given, seen = hits(3, 4, 1, 5, 2), rows(IMAGES)
    found = Spatial().rerank(IMAGE, given, seen)
    assert found.ids.tolist() == [[2, 4, 3, 1, 5]]
    assert (np.diff(found.scores[0]) < 0).all()
    assert found.scores[0, 2:].tolist() == given.scores[0, [0, 2, 3]].tolist()
    assert set(seen.verified) == {2, 4}
    apart = moved(seen.verified[2].homography, seen.verified[2].query_points) - seen.verified[2].hit_points
    assert np.abs(apart).max() < 0.01


def test_when_time_is_over_the_rest_stays_and_says_so():
    given, seen = hits(3, 4, 1, 5, 2), rows(IMAGES)
    refiner = Spatial(seconds=1e-9)
    found = refiner.rerank(IMAGE, given, seen)
    assert np.array_equal(found.ids, given.ids)
    assert np.array_equal(found.scores, given.scores)
    assert seen.verified == {}
    said = refiner.explain(IMAGE, given.ids[0], seen)
    assert {(each.verdict, each.alike) for each in said} == {("not examined", None)}


def test_nothing_verified_is_nothing_changed():
    given = hits(3, 1, 5)
    found = Spatial().rerank(IMAGE, given, rows(IMAGES))
    assert np.array_equal(found.ids, given.ids)
    assert np.array_equal(found.scores, given.scores)


def test_no_more_hits_than_n_are_looked_at():
    seen = rows(IMAGES)
    assert Spatial(n=2).rerank(IMAGE, hits(3, 1, 2), seen).ids.tolist() == [[3, 1, 2]]
    assert not seen.verified
    assert Spatial(n=2).depth == 2


def test_padding_stays_at_the_end():
    given = Hits(np.array([[3, 2, NO_ID]]), np.array([[-0.1, -0.2, -np.inf]], np.float32))
    found = Spatial().rerank(IMAGE, given, rows(IMAGES))
    assert found.ids.tolist() == [[2, 3, NO_ID]]
    assert found.scores[0, 2] == -np.inf


def test_a_query_without_features_verifies_nothing():
    given = hits(1, 2)
    assert np.array_equal(Spatial().rerank(IMAGE, given, rows(IMAGES, QUERY[:0])).ids, given.ids)


def test_it_says_what_agrees_and_where():
    spatial, seen = Spatial(), rows(IMAGES)
    ids = spatial.rerank(IMAGE, hits(3, 2), seen).ids[0]
    yes, no, unseen = spatial.explain(IMAGE, np.append(ids, 1), seen)
    assert (yes.alike, yes.verdict) == (True, "the same thing")
    assert yes.sentence.startswith(f"{len(yes.query_points)} of ")
    assert 0.5 < yes.similarity < 1
    assert (yes.query_points[:, 1] > 0.8).any()
    assert moved(yes.homography, yes.query_points) == pytest.approx(yes.hit_points, abs=0.02)
    unit = np.diag([1, 4 / 3, 1])
    corners = np.array([[0.2, 0.2], [0.8, 0.8], [0.2, 0.7]])
    right = moved(unit @ VIEWS["turned"] @ np.linalg.inv(unit), corners)
    assert moved(yes.homography, corners) == pytest.approx(right, abs=0.02)
    assert (no.alike, no.verdict, no.similarity) == (False, "not verified", None)
    assert "not verified" in no.sentence
    assert unseen is None


def test_more_agreeing_matches_are_a_higher_score():
    spatial, seen = Spatial(), rows(IMAGES)
    many, few = spatial.explain(IMAGE, spatial.rerank(IMAGE, hits(4, 2), seen).ids[0], seen)
    assert many.similarity > few.similarity


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"n": 0}, "n is how many hits are examined, 1 or more; got 0"),
        ({"inliers": 4}, "inliers is how many matches must agree, 5 or more; got 4"),
        ({"threshold": 1.5}, "threshold is a share of the bits, 0 to 1; got 1.5"),
        ({"tolerance": 0.0}, "above 0 and below 1; got 0.0"),
    ],
)
def test_parameters_out_of_range_are_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        Spatial(**wrong)


def test_rows_that_are_no_words_are_verified_by_thumbnails():
    photo = np.ascontiguousarray(skimage.data.astronaut()[::2, ::2])
    turned = cv2.warpPerspective(photo, np.array([[0.8, 0.1, 20], [-0.1, 0.75, 40], [0.0004, 0, 1]]), (256, 256))
    shown = {1: np.ascontiguousarray(skimage.data.coffee()[::2, ::2]), 2: turned, 3: np.full((20, 30, 3), 7, np.uint8)}
    seen = rows({ident: np.zeros(8, np.float32) for ident in shown}, np.zeros(8, np.float32))
    seen.from_thumbnail = lambda ident, make: make(shown[ident])
    refiner = Spatial(inliers=8)
    found = refiner.rerank(photo, hits(3, 1, 2), seen)
    assert found.ids.tolist() == [[2, 3, 1]]
    assert set(seen.verified) == {2}
    assert [each.alike for each in refiner.explain(photo, found.ids[0], seen)] == [True, False, False]
