"""Labels by models and by people: stored, found as words, corrected, kept."""

from __future__ import annotations

import csv
import json
import os
import shutil
import sqlite3

import numpy as np
import pytest
from PIL import Image

import nearsight as ns
from nearsight.applications.zero_shot import softmax, top_labels
from nearsight.errors import DamagedError, ModelError, ModelMissingError, UsageError
from nearsight.models import store
from nearsight.storage.database import CATALOGUE_FILE
from tests.command import nearsight
from tests.models.network import placed
from tests.storage.older_formats import downgrade

NAMES = ["red", "green", "blue"]


def labelled(photos, name):
    return [(each.label, each.model, each.state.value) for each in photos.labels(f"{name}.png")]


def by_colours(folder, **more):
    return ns.annotate(folder, model="colours", labels=NAMES, **{"most": 1, "at_least": 0.0, **more})


def found(photos, words):
    return [hit.path for hit in photos.search(words=words)]


def test_labels_are_stored_and_found_as_words(models, folder):
    done = by_colours(folder)
    assert (done.model, done.images, done.labels) == ("colours", 4, 4)
    with ns.open(folder) as photos:
        assert labelled(photos, "blue") == [("blue", "colours", "automatic")]
        assert labelled(photos, "yellow") == [("red", "colours", "automatic")]
        assert set(found(photos, "red")) == {"red.png", "yellow.png"}
        why = {hit.path: hit.why for hit in photos.search(words="red")}
        sure = photos.labels("yellow.png")[0].confidence
        assert why["yellow.png"] == f"it is labelled: red (by colours, {sure:.0%} sure)"
        assert [hit.path for hit in photos.search(where="labels = 'blue'")] == ["blue.png"]
        assert not photos.verify()
        expected = ns.classify([folder / "yellow.png"], model="colours", labels=NAMES)[0]["red"]
        assert sure == pytest.approx(expected, abs=1e-4)


def test_the_least_sure_are_left_out_and_another_run_replaces(models, folder):
    assert by_colours(folder, at_least=0.9, temperature=0.1).images == 3  # yellow is as red as green
    by_colours(folder, most=3)
    with ns.open(folder) as photos:
        assert len(photos.labels("yellow.png")) == 3
        assert [each.confidence for each in photos.labels("red.png")] == sorted(
            (each.confidence for each in photos.labels("red.png")), reverse=True
        )
    by_colours(folder)
    with ns.open(folder) as photos:
        assert len(photos.labels("yellow.png")) == 1


def test_what_somebody_said_stays(models, folder):
    by_colours(folder)
    ns.set_label(folder, "yellow.png", "lemon")
    ns.drop_label(folder, "yellow.png", "red")
    ns.set_label(folder, "blue.png", "blue")
    for _ in range(2):
        with ns.open(folder) as photos:
            assert ("lemon", "", "confirmed") in labelled(photos, "yellow")
            assert "red" not in [label for label, *_ in labelled(photos, "yellow")]
            assert labelled(photos, "blue") == [("blue", "colours", "confirmed")]
            assert found(photos, "red") == ["red.png"]
            assert photos.search(words="lemon")[0].why == "it is labelled: lemon (by hand)"
            assert photos.search(words="blue")[0].path == "blue.png"
            assert not photos.verify()
        by_colours(folder)
    with pytest.raises(UsageError, match=r"not labelled .grey.; its labels are: lemon"):
        ns.drop_label(folder, "yellow.png", "grey")
    with pytest.raises(UsageError, match="no image at nowhere"):
        ns.set_label(folder, "nowhere", "grey")
    with pytest.raises(UsageError, match="a word or several"):
        ns.set_label(folder, "red.png", "  ")


def test_labels_go_with_an_image_and_a_model_s_go_with_its_content(models, folder):
    by_colours(folder)
    ns.set_label(folder, "red.png", "cherry")
    (folder / "sub").mkdir()
    shutil.move(folder / "red.png", folder / "sub" / "moved.png")
    Image.new("RGB", (40, 30), (20, 45, 230)).save(folder / "green.png")
    ns.set_label(folder, "green.png", "mine")
    with ns.index(folder) as photos:
        moved = {each.label for each in photos.labels("sub/moved.png")}
        assert moved == {"red", "cherry"}
        assert photos.labels("red.png") == []
        assert [each.label for each in photos.labels("green.png")] == ["mine"]
        assert found(photos, "cherry") == ["sub/moved.png"]
        assert not photos.verify()


def test_a_damaged_label_is_noticed_and_dropped(models, folder):
    by_colours(folder)
    with sqlite3.connect(folder / ".nearsight" / CATALOGUE_FILE) as db:
        db.execute("UPDATE label SET confidence=0.123 WHERE label='blue'")
    db.close()
    with ns.open(folder) as photos:
        with pytest.raises(DamagedError):
            photos.labels("blue.png")
        assert any("table label" in each.what for each in photos.verify())
    assert nearsight("repair", "--in", folder).returncode == 0
    with ns.open(folder) as photos:
        assert photos.labels("blue.png") == []
        assert not photos.verify()


def test_a_collection_of_the_format_before_is_read_and_brought_up(models, folder):
    with ns.index(folder, ["colour"]) as photos:
        assert photos.search(where="labels is known").hits == ()
    downgrade(folder / ".nearsight", 3)
    with ns.open(folder) as photos:
        assert photos.labels("red.png") == []
        assert not [each for each in photos.verify() if "label" in each.what]
        assert found(photos, "red") == ["red.png"]
        with pytest.raises(UsageError, match="nearsight annotate"):
            photos.search(where="labels is known")
    by_colours(folder)
    with ns.open(folder) as photos:
        assert labelled(photos, "red") == [("red", "colours", "automatic")]


def test_a_classifier_labels_by_the_softmax_of_its_logits(tmp_path, monkeypatch, folder):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    where = placed(tmp_path / "models", more='labels = "classes.txt"')
    text = (where / "means.toml").read_text().replace('name = "pooled"', 'name = "logits"')
    (where / "means.toml").write_text(text.replace("[2.0, 4.0, 8.0]", "[50.0, 50.0, 50.0]"))
    from tests.models.network import network

    (where / "means.onnx").write_bytes(network(last="logits"))
    monkeypatch.setenv("NEARSIGHT_MODELS", str(where))
    with pytest.raises(ModelError, match="the labels of means cannot be read"):
        ns.annotate(folder, model="means")
    (where / "classes.txt").write_text("crimson\nemerald\n")
    with pytest.raises(ModelError, match="2 lines for the 3 values"):
        ns.annotate(folder, model="means")
    (where / "classes.txt").write_text("crimson\nemerald\nazure\n")
    ns.annotate(folder, model="means", at_least=0.05)
    logits = (np.array([230, 220, 20]) - [1, 2, 3]) / 50
    expected = np.exp(logits) / np.exp(logits).sum()
    with ns.open(folder) as photos:
        got = {each.label: each.confidence for each in photos.labels("yellow.png")}
        assert got == pytest.approx({"crimson": expected[0], "emerald": expected[1]}, rel=1e-4)


def test_the_best_of_probabilities():
    sure, less = (pytest.approx(value, abs=1e-3) for value in (0.665, 0.245))
    made = softmax(np.array([[1000.0, 1000, 0], [0, 1, 2]]))
    assert made[0].tolist() == [0.5, 0.5, 0]
    assert top_labels(made, 0.1, 2) == [
        [(0, 0.5), (1, 0.5)],
        [(2, sure), (1, less)],
    ]
    assert top_labels(made, 0.6, 5) == [[], [(2, sure)]]


def test_the_command_line_labels_corrects_and_shows(models, folder):
    (folder.parent / "names.txt").write_text("\n".join(NAMES) + "\n\n")
    given = ("--labels", folder.parent / "names.txt", "--model", "colours", "--most", "1", "--at-least", "0")
    assert "4 labels for 4 images, by colours" in nearsight("annotate", folder, *given).stdout
    assert nearsight("annotate", folder / "blue.png", *given).stdout.split()[-1] == "blue"
    nearsight("annotate", folder, "--set", "blue.png", "sea")
    nearsight("annotate", folder, "--drop", "yellow.png", "red")
    rows = {
        row["path"]: row["labels"] for row in csv.DictReader(nearsight("export", "--in", folder).stdout.splitlines())
    }
    assert rows["yellow.png"] == ""
    assert "sea (by hand)" in rows["blue.png"]
    answer = json.loads(nearsight("search", "--in", folder, "--words", "sea", "--json").stdout)
    (hit,) = answer["hits"]
    assert {each["label"]: each["state"] for each in hit["labels"]} == {"sea": "confirmed", "blue": "automatic"}
    for wrong, says in (
        (("--labels", folder / "nothing.txt"), "nothing.txt: No such file"),
        (("--drop", "red.png", "sea"), "not labelled"),
        (("--model", "colours"), "no classes of its own"),
        ((*given, "--template", "no place"), "a template is a sentence"),
        ((*given, "--at-least", "2"), "at_least is 0 to 1"),
    ):
        done = nearsight("annotate", folder, *wrong)
        assert (done.returncode, says in done.stderr) == (2, True), done.stderr


def test_without_a_model_annotate_says_what_to_run(tmp_path, monkeypatch, folder):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("NEARSIGHT_MODELS", raising=False)
    with pytest.raises(ModelMissingError, match="mobilenetv2"):
        ns.annotate(folder)
    with pytest.raises(ModelMissingError, match="nearsight models get clip_vit_b32"):
        ns.annotate(folder, labels=NAMES)
    assert not (folder / ".nearsight").exists()


def test_a_real_classifier_knows_real_images(photographs):
    try:
        store.require_model("mobilenetv2")
    except ModelMissingError as problem:
        pytest.skip(str(problem))
    found = ns.classify([photographs / "coffee.png", photographs / "sub" / "astronaut.png"], most=5)
    assert any("espresso" in label or "cup" in label for label in found[0]), found[0]
    assert os.path.exists(store.require_model("mobilenetv2").path.parent / "imagenet_labels.txt")


def test_http_answers_texts_and_shows_labels(models, folder):
    from nearsight.server.json_output import labels_json
    from nearsight.server.params import SearchParams, search_with_params

    by_colours(folder)
    ns.set_label(folder, "blue.png", "sea")
    with ns.open(folder) as photos:
        question = SearchParams(text=("red",), minus_text=("blue",), by=("joint(model=colours)",))
        assert search_with_params(photos, question, None)[0].path == "red.png"
        shown = labels_json(photos.labels("blue.png"))
        assert {each["label"]: (each["model"], each["state"]) for each in shown} == {
            "sea": ("", "confirmed"),
            "blue": ("colours", "automatic"),
        }
