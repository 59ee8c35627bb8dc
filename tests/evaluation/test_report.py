import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from nearsight.evaluation.ground_truth import EvaluationQuery, Relevance
from nearsight.evaluation.published import PUBLISHED
from nearsight.evaluation.report import EvaluationReport, Example, ExampleHit, best_and_worst
from nearsight.evaluation.scoring import Cost, Outcome, ScoredAnswer, Trial

NASTY = '<script>alert("1")</script>\u202e\x1b[2J.jpg'
COST = Cost(1.25, 0.5, 3840)


def outcome(name, ranks, positives=1, level="", group="", altered=""):
    question = EvaluationQuery(
        name, Path("/p") / name, {level: Relevance(frozenset("x"))}, group=group, alteration=altered
    )
    return Outcome(question, level, tuple(ranks), positives, (ScoredAnswer(NASTY, -0.5, True),))


def report(trials, **more):
    return EvaluationReport(f"set {NASTY}", "two questions", tuple(trials), {"images": 2}, **more)


class Seen(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def full():
    outcomes = [outcome("a", [0]), outcome("b", [3], 2, group=NASTY), outcome("c", [0], group="x", altered="grey")]
    trials = [
        Trial(
            f"gist {NASTY}",
            "gist(square=32) | flat",
            {"mAP": 12.345, "N-S": 3.5},
            COST,
            tuple(outcomes),
            {"grey": 50.0},
        ),
        Trial("phash", "phash | flat", {"mAP": 50.0, "N-S": 2.25}, COST, tuple(outcomes), {"grey": 100.0}),
    ]
    examples = [Example("phash", outcomes[1], b"\xff\xd8q", (ExampleHit(NASTY, b"\xff\xd8h", False),))]
    return report(trials, published=PUBLISHED["corel1k"], examples=tuple(examples))


def test_rows_round_percentages_to_tenths_and_scores_to_hundredths(full):
    assert full.headers() == ["recipe", "mAP, %", "N-S", "ms a query", "ms to describe", "bytes an image"]
    assert full.rows()[1] == ["phash", "50.0", "2.25", "1.2", "0.50", "3,840"]
    assert full.rows()[0][1] == "12.3"


def test_the_page_escapes_names_and_asks_for_nothing(full):
    page = full.html()
    seen = Seen(page)
    assert "script" not in {tag for tag, _ in seen.tags}
    assert "\u202e" not in page
    assert "\x1b" not in page
    links = [value for _, given in seen.tags for key, value in given.items() if key in ("src", "href")]
    assert len(links) == 2
    assert all(link.startswith("data:image/jpeg;base64,") for link in links)
    assert 'alert("1")</script>\\u202e\\x1b[2J.jpg' in seen.text
    assert "default-src 'none'" in page


def test_the_page_shows_figures_curves_bars_and_examples(full):
    seen = Seen(full.html())
    for said in (
        "12.3",
        "2.25",
        "50.5",
        "first right answer at rank 4",
        "average precision 0.06",
        "1. wrong",
        "Deselaers",
    ):
        assert said in seen.text
    assert sum(tag == "polyline" for tag, _ in seen.tags) == 2
    heights = [float(given["height"]) for tag, given in seen.tags if tag == "rect"]
    assert heights == [130.0, 260.0]


def test_of_many_recipes_the_best_curves_are_drawn_and_no_bars():
    ranks = [[0, 1], [1], [5], [0], [2], [9], [3], [7], [4], [6]]
    trials = [
        Trial(f"r{rank}", "gist | flat", {}, COST, (outcome("a", rank, 2),), {"grey": 50.0, "crop": 100.0})
        for rank in ranks
    ]
    seen = Seen(report(trials).html())
    assert sum(tag == "polyline" for tag, _ in seen.tags) == 8
    assert "the 8 largest areas" in seen.text
    assert sum(tag == "rect" for tag, _ in seen.tags) == 0
    assert sum("--share:50.0" in given.get("style", "") for tag, given in seen.tags if tag == "td") == 10


def test_a_recipe_has_one_colour_on_the_whole_page():
    """Also where another has no curve, and where only some of many are drawn, at several levels."""
    altered = outcome("c", [0], group="x", altered="grey")
    trials = [
        Trial(name, "gist | flat", {}, COST, (*outcomes, altered), {"grey": 50.0})
        for name, outcomes in (("none", ()), ("one", (outcome("a", [0]),)), ("two", (outcome("a", [1]),)))
    ]
    colours = colours_by_name(report(trials).html())
    assert {name: sorted(each) for name, each in colours.items()} == {"none": [0], "one": [1], "two": [2]}
    many = [
        Trial(f"r{at}", "gist | flat", {}, COST, (outcome("a", [at], level="x"), outcome("a", [12 - at], level="y")))
        for at in range(10)
    ]
    colours = colours_by_name(report(many).html())
    assert len(colours) == 8
    assert sorted(number for each in colours.values() for number in each) == list(range(8))


def colours_by_name(page):
    """The numbers of the colours in which each recipe stands in the charts and legends."""
    found = {}
    for number, name in re.findall(r'class="[lfk](\d)"[^>]*>(?:<title>|</span>)(\w+)', page):
        found.setdefault(name, set()).add(int(number))
    return found


def test_a_page_of_little_has_no_empty_headings():
    text = Seen(report([Trial("gist", "gist | flat", {"rank 1": 1.0}, COST)]).html()).text
    assert "Precision and recall" not in text
    assert "By kind" not in text
    assert "Published" not in text
    assert "Answered best" not in text


def test_json_holds_everything(full):
    made = json.loads(json.dumps(full.as_dict()))
    first = made["trials"][0]
    assert made["images"] == 2
    assert first["figures"] == {"mAP": 12.345, "N-S": 3.5}
    assert first["kinds"] == {"grey": 50.0}
    assert (first["ask_ms"], first["describe_ms"], first["row_bytes"]) == (1.25, 0.5, 3840)
    assert first["questions"][1]["places"] == [3]
    assert first["questions"][1]["average_precision"] == pytest.approx((0 / 3 + 1 / 4) / 2 / 2)
    assert first["questions"][0]["first"] == [{"name": NASTY, "score": -0.5, "right": True}]
    assert len(first["curves"]["all"]) == 101
    assert first["curves"]["all"][0] == pytest.approx((1 + 0.25) / 2)
    assert made["published"]["figures"]["colour histogram"] == {"mAP, rect.": 50.5, "1-NN error": 16.9}
    assert "trapezoids" in made["measures"]["mAP"]


def test_levels_have_their_own_curves():
    outcomes = (outcome("a", [0], level="easy"), outcome("a", [1], level="hard"))
    made = report([Trial("gist", "gist | flat", {"mAP easy": 1.0, "mAP hard": 2.0}, COST, outcomes)])
    assert list(made.as_dict()["trials"][0]["curves"]) == ["easy", "hard"]
    assert made.headers()[1:3] == ["mAP easy, %", "mAP hard, %"]
    assert sum(tag == "polyline" for tag, _ in Seen(made.html()).tags) == 2


def test_best_and_worst_come_from_different_groups_where_possible():
    ranks = (4, 0, 2, 9, 1, 7, 30, 31, 32, 33, 34, 35)
    given = [outcome(str(rank), [rank], group="b" if rank in (1, 33) else "a") for rank in ranks]
    chosen = [each.query.name for each in best_and_worst(given, 2, 2)]
    assert chosen == ["0", "1", "35", "33"]
    same = [outcome(str(rank), [rank], group="a") for rank in (4, 0, 2)]
    assert [each.query.name for each in best_and_worst(same, 1, 2)] == ["0", "4", "2"]
    assert len(best_and_worst(same, 2, 9)) == 3


def test_what_was_answered_well_is_not_among_the_worst_for_its_group():
    given = [outcome(str(at), [0], group=str(at)) for at in range(20)] + [outcome("z", [9], group="z")] * 5
    assert [each.query.name for each in best_and_worst(given, 1, 3)][1:] == ["z", "z", "z"]
