"""Readers of ground truth over small made folders: nothing is decoded, so the images are empty files."""

import json
import pickle

import numpy as np
import pytest

from nearsight.errors import UsageError
from nearsight.evaluation.dataset_folder import ImageNames, list_images
from nearsight.evaluation.ground_truth import Relevance
from nearsight.evaluation.protocols.registry import PROTOCOLS, load_ground_truth


def lay(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def asked(truth):
    """What is asked, with its right answers and those that do not count, by name and level."""
    return {
        (each.name, level): (sorted(answers.relevant_names), sorted(answers.junk))
        for each in truth.queries
        for level, answers in each.relevance.items()
    }


def test_images_are_found_by_their_ending_and_hidden_folders_left_out(tmp_path):
    lay(tmp_path, "b/x.JPG", "a.png", "notes.txt", ".nearsight/t.jpg", "b/c/ä b.webp")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "a.png")
    assert list_images(tmp_path) == ("a.png", "b/c/ä b.webp", "b/x.JPG", "link.jpg")
    with pytest.raises(UsageError, match="cannot be listed"):
        list_images(tmp_path / "a.png")


def test_names_are_found_with_and_without_folder_and_ending(tmp_path):
    names = ImageNames(["a/x.jpg", "b/y.jpg", "c/y.jpg", "y.jpg"])
    assert [names.find(called, tmp_path) for called in ("x", "x.jpg", "a/x", "a/x.jpg")] == ["a/x.jpg"] * 4
    assert names.find("y.jpg", tmp_path) == "y.jpg"
    with pytest.raises(UsageError, match=r'names the image "y", but 3 images are called so: b/y\.jpg, c/y\.jpg'):
        names.find("y", tmp_path)
    with pytest.raises(UsageError, match='names the image "z", but there is none'):
        names.find("z", tmp_path)


@pytest.mark.parametrize("prefix", ["oxc1_", ""])
def test_oxford_takes_out_junk_and_keeps_the_query_among_the_right_ones(tmp_path, prefix):
    lay(tmp_path, *(f"images/all_souls_00000{n}.jpg" for n in range(6)), "images/other_000001.jpg")
    gt = tmp_path / "gt"
    gt.mkdir()
    (gt / "all_souls_1_query.txt").write_text(f"{prefix}all_souls_000000 136.5 34.1 648.5 955.7\n")
    (gt / "all_souls_1_good.txt").write_text("all_souls_000000\nall_souls_000001\n")
    (gt / "all_souls_1_ok.txt").write_text("all_souls_000002\n")
    (gt / "all_souls_1_junk.txt").write_text("all_souls_000003\n")
    truth = load_ground_truth("oxford5k", tmp_path)
    name = "all_souls_00000{}.jpg".format
    assert asked(truth) == {(name(0), ""): ([name(0), name(1), name(2)], [name(3)])}
    question = truth.queries[0]
    assert question.box == (136.5, 34.1, 648.5, 955.7)
    assert question.image == tmp_path / "images" / name(0)
    assert question.group == "all_souls"
    assert len(truth.images) == 7
    assert truth.name_in_collection(question) is None
    (gt / "all_souls_1_junk.txt").write_text("")
    assert load_ground_truth("paris6k", tmp_path).queries[0].relevance[""].junk == frozenset()
    (gt / "all_souls_1_ok.txt").write_text("nowhere_000002\n")
    with pytest.raises(UsageError, match=r'all_souls_1_ok.txt names the image "nowhere_000002", but there is none'):
        load_ground_truth("paris6k", tmp_path)


@pytest.mark.parametrize("protocol", [2, 4])
def test_revisited_has_three_levels_and_searches_only_its_list(tmp_path, protocol):
    lay(tmp_path, *(f"jpg/{name}.jpg" for name in ("q1", "q2", "a", "b", "c", "d", "e")))
    truth = {
        "imlist": ["a", "b", "c", "d", "e"],
        "qimlist": ["q1", "q2"],
        "gnd": [
            {"bbx": np.array([1.0, 2.0, 30.0, 40.0]), "easy": np.array([0]), "hard": [1, 2], "junk": [3]},
            {"bbx": [0, 0, 5, 5], "easy": [], "hard": [4], "junk": []},
        ],
    }
    (tmp_path / "gnd_roxford5k.pkl").write_bytes(pickle.dumps(truth, protocol))
    made = load_ground_truth("roxford5k", tmp_path)
    assert made.images == tuple(f"{name}.jpg" for name in "abcde")
    assert made.levels == ("easy", "medium", "hard")
    right = {key: [name[0] for name in wanted] for key, (wanted, _) in asked(made).items()}
    assert right == {
        ("q1.jpg", "easy"): ["a"],
        ("q1.jpg", "medium"): ["a", "b", "c"],
        ("q1.jpg", "hard"): ["b", "c"],
        ("q2.jpg", "easy"): [],
        ("q2.jpg", "medium"): ["e"],
        ("q2.jpg", "hard"): ["e"],
    }
    ignored = {key: [name[0] for name in each] for key, (_, each) in asked(made).items()}
    assert ignored["q1.jpg", "easy"] == ["b", "c", "d"]
    assert ignored["q1.jpg", "medium"] == ["d"]
    assert ignored["q1.jpg", "hard"] == ["a", "d"]
    assert made.queries[0].box == (1.0, 2.0, 30.0, 40.0)


def test_a_malicious_ground_truth_is_refused(tmp_path):
    lay(tmp_path, "jpg/a.jpg")
    trace = tmp_path / "trace"
    path = tmp_path / "gnd_rparis6k.pkl"
    path.write_bytes(b"cos\nsystem\n(S'touch " + bytes(trace) + b"'\ntR.")
    with pytest.raises(UsageError, match="which is no plain data"):
        load_ground_truth("rparis6k", tmp_path)
    assert not trace.exists()
    gnd = {"bbx": [0, 0, 5, 5], "easy": [7], "hard": [], "junk": []}
    for wrong in ({"qimlist": [], "gnd": [gnd]}, {"qimlist": ["a"], "gnd": [gnd]}):
        path.write_bytes(pickle.dumps({"imlist": ["a"], **wrong}))
        with pytest.raises(UsageError, match="does not agree with itself"):
            load_ground_truth("rparis6k", tmp_path)
    path.write_bytes(pickle.dumps({"imlist": []}))
    with pytest.raises(UsageError, match=r"expected gnd \(with bbx, easy, hard, junk\), imlist and qimlist"):
        load_ground_truth("rparis6k", tmp_path)


def test_landmarks_with_and_without_box(tmp_path):
    lay(tmp_path, *(f"images/{name}.jpg" for name in "abcd"))
    rows = [
        {"query": "a", "bbx": [1, 2, 3, 4], "ok": ["a", "b"], "junk": ["c"], "landmark": "tower"},
        {"query": "b.jpg", "ok": ["a"]},
    ]
    (tmp_path / "gt.json").write_text(json.dumps(rows))
    truth = load_ground_truth("landmarks", tmp_path)
    assert asked(truth) == {
        ("a.jpg", ""): (["a.jpg", "b.jpg"], ["c.jpg"]),
        ("b.jpg", ""): (["a.jpg"], ["b.jpg"]),
    }
    assert [each.box for each in truth.queries] == [(1, 2, 3, 4), None]
    assert [truth.name_in_collection(each) for each in truth.queries] == [None, "b.jpg"]
    for wrong in ("{", '[{"ok": []}]', "[3]"):
        (tmp_path / "gt.json").write_text(wrong)
        with pytest.raises(UsageError, match='not a list of objects with "query"'):
            load_ground_truth("landmarks", tmp_path)


def test_holidays_asks_with_every_hundredth_and_leaves_it_out(tmp_path):
    lay(tmp_path, *(f"jpg/{number}.jpg" for number in (100000, 100001, 100002, 100100, 100101, 100200)))
    truth = load_ground_truth("holidays", tmp_path)
    assert asked(truth) == {
        ("100000.jpg", ""): (["100001.jpg", "100002.jpg"], ["100000.jpg"]),
        ("100100.jpg", ""): (["100101.jpg"], ["100100.jpg"]),
    }
    with pytest.raises(UsageError, match="lacks the images: expected jpg_rotated or images_rotated"):
        load_ground_truth("holidays-rotated", tmp_path)
    lay(tmp_path, "jpg_rotated/100000.jpg", "jpg_rotated/100001.jpg")
    assert len(load_ground_truth("holidays-rotated", tmp_path).queries) == 1


def test_ukbench_counts_the_query_itself(tmp_path):
    lay(tmp_path, *(f"full/ukbench{number:05}.jpg" for number in range(8)))
    answers = asked(load_ground_truth("ukbench", tmp_path))
    assert len(answers) == 8
    group = [f"ukbench{number:05}.jpg" for number in range(4, 8)]
    assert answers["ukbench00006.jpg", ""] == (group, [])


def test_copydays_searches_the_originals_and_distractors(tmp_path):
    lay(tmp_path, "original/200000.jpg", "original/200100.jpg", "strong/200001.jpg", "crops/10/200100.jpg")
    truth = load_ground_truth("copydays", tmp_path)
    assert truth.folder == tmp_path / "original"
    assert truth.images == ("200000.jpg", "200100.jpg")
    expected = {"crops/10/200100.jpg": "200100.jpg", "strong/200001.jpg": "200000.jpg"}
    assert {name: answers[0] for (name, _), answers in asked(truth).items()} == {k: [v] for k, v in expected.items()}
    assert {each.group for each in truth.queries} == {"crops/10", "strong"}
    lay(tmp_path, "distractors/77.jpg")
    truth = load_ground_truth("copydays", tmp_path)
    assert truth.folder == tmp_path
    assert truth.images == ("original/200000.jpg", "original/200100.jpg", "distractors/77.jpg")
    assert asked(truth)["strong/200001.jpg", ""] == (["original/200000.jpg"], [])
    lay(tmp_path, "strong/900000.jpg")
    with pytest.raises(UsageError, match="has no original: expected an image numbered 900000"):
        load_ground_truth("copydays", tmp_path)


def test_pairs_belong_together_by_their_number(tmp_path):
    lay(tmp_path, "Reference/001.jpg", "Reference/002.jpg", "E63/001.jpg", "Palm/cover_002.png")
    truth = load_ground_truth("pairs", tmp_path)
    assert truth.folder == tmp_path / "Reference"
    assert asked(truth) == {("E63/001.jpg", ""): (["001.jpg"], []), ("Palm/cover_002.png", ""): (["002.jpg"], [])}
    assert {each.group for each in truth.queries} == {"E63", "Palm"}
    lay(tmp_path, "Palm/nameless.jpg")
    with pytest.raises(UsageError, match=r"nameless.jpg: expected a number in its name"):
        load_ground_truth("pairs", tmp_path)
    with pytest.raises(UsageError, match="lacks a folder Reference"):
        load_ground_truth("pairs", tmp_path / "E63")


def test_corel_has_ten_classes_of_a_hundred(tmp_path):
    lay(tmp_path, *(f"{number}.jpg" for number in range(1000)))
    truth = load_ground_truth("corel1k", tmp_path)
    assert len(truth.queries) == len(truth.images) == 1000
    answers = truth.queries[truth.images.index("357.jpg")].relevance[""]
    assert answers.relevant_names == {f"{number}.jpg" for number in range(300, 400)} - {"357.jpg"}
    assert truth.labels["357.jpg"] == "buses"
    (tmp_path / "999.jpg").unlink()
    with pytest.raises(UsageError, match=r"expected the images 0.jpg to 999.jpg of Corel-1k; there are 999 such"):
        load_ground_truth("corel1k", tmp_path)


def test_folders_of_classes(tmp_path):
    root = tmp_path / "101_ObjectCategories"
    lay(root, "ant/1.jpg", "ant/2.jpg", "bee/1.jpg", "BACKGROUND_Google/1.jpg", "loose.jpg")
    truth = load_ground_truth("caltech101", tmp_path)
    assert truth.images == ("ant/1.jpg", "ant/2.jpg", "bee/1.jpg")
    assert asked(truth) == {
        ("ant/1.jpg", ""): (["ant/2.jpg"], ["ant/1.jpg"]),
        ("ant/2.jpg", ""): (["ant/1.jpg"], ["ant/2.jpg"]),
    }
    assert set(load_ground_truth("classes", root).labels.values()) == {"ant", "bee", "BACKGROUND_Google"}
    with pytest.raises(UsageError, match="expected fifteen folders of scenes; there are 3"):
        load_ground_truth("scene15", root)
    lay(root, *(f"scene{number}/{image}.jpg" for number in range(12) for image in (1, 2)))
    assert len(load_ground_truth("scene15", root).queries) == 2 + 24
    with pytest.raises(UsageError, match="a folder for each class"):
        load_ground_truth("classes", root / "ant")


def test_tables_gather_lines_by_query_and_box(tmp_path):
    lay(tmp_path, "a.jpg", "b.jpg", "sub/c.jpg", "d.jpg")
    table = tmp_path / "queries.csv"
    table.write_text(
        "query,positive,junk,x0,y0,x1,y1\na.jpg,b,,,,,\na.jpg,sub/c.jpg,d,,,,\na.jpg,b.jpg,,1,2,3.5,4\nb,b,,,,,\n"
    )
    truth = load_ground_truth("table", tmp_path)
    assert [(each.name, each.box) for each in truth.queries] == [
        ("a.jpg", None),
        ("a.jpg", (1.0, 2.0, 3.5, 4.0)),
        ("b.jpg", None),
    ]
    assert truth.queries[0].relevance[""] == Relevance(frozenset({"b.jpg", "sub/c.jpg"}), frozenset({"a.jpg", "d.jpg"}))
    assert truth.queries[2].relevance[""].relevant_names == {"b.jpg"}
    assert load_ground_truth("table", table).queries == truth.queries


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("query\na.jpg\n", "has the columns query; expected query, positive"),
        ("query,positive,weight\n", "has the columns positive, query, weight"),
        ("query,positive\na.jpg,z\n", 'line 2 names the image "z"'),
        (
            "query,positive,x0,y0,x1,y1\na.jpg,a.jpg,1,2,3\n",
            "line 2: a box is four numbers x0, y0, x1, y1 in pixels; got 1, 2, 3, $",
        ),
        ("query,positive,x0,y0,x1,y1\na.jpg,a.jpg,5,2,3,4\n", "got 5, 2, 3, 4$"),
        ("query,positive,x0,y0,x1,y1\na.jpg,a.jpg,1,2,inf,4\n", "got 1, 2, inf, 4$"),
        ("query,positive\na.jpg," + "b" * 140_000 + "\n", "line 1: field larger"),
        ("query,positive\na.jpg,\n", "1 image and 0 queries"),
        ("", "has the columns none"),
    ],
)
def test_wrong_tables_say_what_is_wrong(tmp_path, text, why):
    lay(tmp_path, "a.jpg")
    (tmp_path / "queries.csv").write_text(text)
    with pytest.raises(UsageError, match=why):
        load_ground_truth("table", tmp_path)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_protocol_says_what_lacks(tmp_path, name):
    with pytest.raises(UsageError, match=r"expected|lacks"):
        load_ground_truth(name, tmp_path)
    with pytest.raises(UsageError, match=f"is not there; {name} expects in --data: "):
        load_ground_truth(name, tmp_path / "nowhere")


def test_an_unknown_protocol_lists_all(tmp_path):
    with pytest.raises(UsageError, match='there is no protocol "oxford"; there are: oxford5k, paris6k'):
        load_ground_truth("oxford", tmp_path)


def test_some_queries_are_spread_evenly(tmp_path):
    lay(tmp_path, *(f"{number}.jpg" for number in range(1000)))
    truth = load_ground_truth("corel1k", tmp_path)
    assert {each.group for each in truth.subsample(10).queries} == set(truth.labels.values())
    assert len(truth.subsample(10).queries) == 10
    assert truth.subsample(5000) == truth
    with pytest.raises(UsageError, match="at least 1 query; got 0"):
        truth.subsample(0)


def test_the_real_sets_are_read(data):
    landmarks = load_ground_truth("landmarks", data / "landmarks")
    assert len(landmarks.queries) == 25
    assert len(landmarks.images) == 183
    assert all(each.name in each.relevance[""].relevant_names for each in landmarks.queries)
    assert len(load_ground_truth("pairs", data / "dvd-covers").queries) == 100
    assert len(load_ground_truth("corel1k", data / "corel1k").queries) == 1000
