"""Words and images in one space, from a folder to the answer, by a pair of networks that knows three colours."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

import nearsight as ns
from nearsight.applications.zero_shot import embed_labels, label_probabilities
from nearsight.descriptors.joint import Joint
from nearsight.errors import ModelError, ModelMissingError, UsageError
from nearsight.metrics.cosine import Cosine
from nearsight.models import inference
from nearsight.pipeline import build_pipeline
from nearsight.search.arithmetic import combine
from nearsight.server.collections import list_senses
from nearsight.types import Query
from nearsight.types.query import split_signs
from tests.api.conftest import COLOURS
from tests.command import nearsight
from tests.models.pairs import WORDS, paired

RECIPE = "joint(model=colours)"


@pytest.fixture
def photos(models, folder):
    with ns.index(folder, ["colour"], [RECIPE, "phash"]) as opened:
        yield opened


def paths(results):
    return [hit.path.removesuffix(".png") for hit in results]


def directions():
    """The rows of the folder's images, on paper."""
    return {name: np.array(colour) / np.linalg.norm(colour) for name, colour in COLOURS.items()}


def order(asked):
    """The names of the images, the nearest to a direction first, by the definition of the cosine."""
    return sorted(COLOURS, key=lambda name: -float(directions()[name] @ asked / np.linalg.norm(asked)))


@pytest.mark.parametrize("masked", [True, False])
def test_a_text_is_the_sum_of_its_tokens(tmp_path, models, masked):
    paired(models, masked=masked, context=8)
    rows = Joint("colours").encode_texts([*WORDS, "red green", "a Red, GREEN thing"])
    expected = np.array([*WORDS.values(), (1, 1, 0), (1, 1, 0)], float)
    assert rows == pytest.approx(expected / np.linalg.norm(expected, axis=1, keepdims=True), abs=1e-6)
    cut = inference.embed_texts("colours_text", ["red red red red red red green"])
    assert cut[0, 1] == 0  # eight tokens: the beginning, six words, the end


def test_words_find_images(photos):
    for name in ("red", "green", "blue"):
        hits = photos.search(text=f"a {name} thing", recipe=RECIPE)
        assert paths(hits) == order(np.array(WORDS[name]))
        assert hits[0].why == f"in the order of the distance to: a {name} thing"
        assert hits.verdict == ""
    assert paths(photos.search(text=["red", "green"], recipe=RECIPE))[0] == "yellow"


def test_images_and_texts_are_added_and_taken_away(photos, folder):
    said = directions()
    yellow, red, green = said["yellow"], np.array(WORDS["red"]), np.array(WORDS["green"])
    cases = [
        ({"image": folder / "yellow.png", "text": "-red"}, yellow - red),
        ({"image": folder / "yellow.png", "minus_text": "green"}, yellow - green),
        ({"image": folder / "yellow.png", "minus_text": "green", "minus_weight": 0.2}, yellow - 0.2 * green),
        ({"text": "+red +grey -blue"}, red + np.array(WORDS["grey"]) / 3**0.5 - np.array(WORDS["blue"])),
        ({"plus": [folder / "red.png", folder / "blue.png"], "text": "red"}, said["red"] + said["blue"] + red),
        ({"plus": folder / "yellow.png", "minus": [folder / "green.png"]}, yellow - said["green"]),
        ({"like": "yellow.png", "minus": folder / "red.png"}, yellow - said["red"]),
    ]
    for asked, direction in cases:
        assert paths(photos.search(**asked, recipe=RECIPE)) == order(direction), asked
    hits = photos.search(folder / "yellow.png", text="-red", recipe=RECIPE)
    assert hits[0].path == "green.png"
    assert hits[0].why == "in the order of the distance to: the image; away from: red"
    stored = photos.search(like="yellow.png", minus_text="red", recipe=RECIPE)
    assert [hit.distance for hit in stored] == pytest.approx([hit.distance for hit in hits], abs=1e-5)


def test_images_are_added_by_any_sense_whose_rows_are_numbers(photos, folder):
    assert paths(photos.search(plus=[folder / "red.png", folder / "blue.png"], by="colour"))[:2] == ["blue", "red"]
    away = photos.search(folder / "red.png", minus=folder / "red.png", minus_weight=0.5, by="colour")
    assert paths(away)[0] == "red"
    rows = np.float32([[0.5, 0.5, 0, 0], [0, 0.5, 0.5, 0]])
    assert combine(rows, rows[:0], amounts=True) == pytest.approx([0.25, 0.5, 0.25, 0])
    assert combine(rows[:1], rows[1:], amounts=True) == pytest.approx([1, 0, 0, 0])
    lines = np.float32([[3, 0], [0, -5]])
    assert combine(lines, np.float32([[7, 0]])) == pytest.approx([0, -4])
    with pytest.raises(UsageError, match="the query cancels out"):
        combine(rows[:1], rows[:1], amounts=True)


def test_what_cannot_be_asked_says_why(photos, folder):
    for asked, says in (
        ({"text": "red", "by": "colour"}, "colour takes no texts; search by meaning"),
        ({"text": "red"}, "not indexed by meaning .*nearsight index .* --by meaning"),
        ({"plus": folder / "red.png", "recipe": "phash"}, "no float vectors that can be added"),
        ({"minus_text": "red", "recipe": RECIPE}, "at least one positive image or text"),
        ({"text": "+red -red", "recipe": RECIPE}, "the query cancels out"),
        ({"text": "red", "recipe": RECIPE, "minus_weight": 0}, "minus_weight is a number above 0"),
        ({"text": "red", "colours": {"#f00": 1}, "recipe": RECIPE}, "one of them"),
        ({"like": "red.png", "text": "red", "box": (0, 0, 9, 9), "recipe": RECIPE}, "a box needs the image"),
    ):
        with pytest.raises(UsageError, match=says):
            photos.search(**asked)


def test_signs_cut_a_text_only_where_it_begins_with_one():
    assert split_signs("red bicycle - old") == (("red bicycle - old",), ())
    assert split_signs("+snow -people") == (("snow",), ("people",))
    assert split_signs("-well-known people +a cat on a mat") == (("a cat on a mat",), ("well-known people",))
    assert split_signs("  ") == ((), ())


def test_without_the_model_meaning_says_what_to_run_and_all_else_works(tmp_path, monkeypatch, folder):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("NEARSIGHT_MODELS", raising=False)
    with pytest.raises(ModelMissingError, match="nearsight models get clip_vit_b32"):
        ns.index(folder, ["meaning"])
    assert not (folder / ".nearsight").exists()
    with ns.index(folder, ["colour"]) as photos:
        with pytest.raises(UsageError, match="--by meaning"):
            photos.search(text="red")
        assert len(photos.search(folder / "red.png")) == 4
    done = nearsight("index", folder, "--by", "meaning")
    assert (done.returncode, "nearsight models get clip_vit_b32" in done.stderr) == (2, True)


def test_a_pair_without_its_texts_is_refused_before_an_image_is_read(models, folder):
    (models / "colours_text.onnx").unlink()
    with pytest.raises(ModelMissingError, match="colours_text"):
        ns.index(folder, (), [RECIPE])
    with pytest.raises(ModelError, match="of images only; those of images and texts are"):
        ns.index(folder, (), ["joint(model=mobilenetv2)"])


def test_the_command_line_asks_with_texts(photos, folder):
    done = nearsight("search", "--in", folder, "--recipe", RECIPE, "--text", "red", "--minus-text", "blue", "--json")
    answer = json.loads(done.stdout)
    assert answer["hits"][0]["path"] == "red.png"
    assert answer["query"]["text"] == ["red"]
    asked = ("--plus", folder / "yellow.png", "--minus", folder / "red.png", "-k", "1")
    done = nearsight("search", "--in", folder, "--recipe", RECIPE, *asked, "--html", folder.parent / "page.html")
    assert "green.png" in done.stdout
    assert "yellow.png" in (folder.parent / "page.html").read_text()


def test_an_encoder_behind_it_keeps_the_texts(models, folder):
    with ns.index(folder, (), [f"{RECIPE} | pca(dim=3)"]) as photos:
        assert paths(photos.search(text="blue", recipe=f"{RECIPE} | pca(dim=3)"))[0] == "blue"


def test_zero_shot_is_the_softmax_of_cosines():
    def texts(sentences):
        return np.array([[len(each), each.count("a"), 1] for each in sentences], np.float32)

    names, templates = ["cat", "giraffe", "banana"], ["a {}.", "the {} there"]
    rows = embed_labels(names, texts, templates)
    for name, row in zip(names, rows, strict=True):
        each = [texts([t.replace("{}", name)])[0] for t in templates]
        mean = sum(one / np.linalg.norm(one) for one in each) / 2
        assert row == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)
    images = np.float32([[1, 2, 3], [30, 1, 0]])
    found = label_probabilities(images, rows, 0.1)
    for image, likely in zip(images, found, strict=True):
        cosines = [image @ row / np.linalg.norm(image) for row in rows]
        powers = [np.exp(c / 0.1) for c in cosines]
        assert likely == pytest.approx([p / sum(powers) for p in powers], abs=1e-5)
    assert label_probabilities(images, rows, 1e-4).sum(1) == pytest.approx(1)
    for wrong in ({"templates": ["no place"]}, {"templates": []}, {"labels": []}, {"labels": [" "]}):
        with pytest.raises(ValueError, match=r"template|labels"):
            embed_labels(**{"labels": names, "encode_texts": texts, "templates": templates, **wrong})
    with pytest.raises(ValueError, match="temperature"):
        label_probabilities(images, rows, 0)


def test_names_are_chosen_for_images(models, folder):
    (found,) = ns.classify([folder / "red.png"], model="colours", labels=["blue", "red", "green"], most=2)
    assert next(iter(found)) == "red"
    assert 0.99 < sum(found.values()) <= 1.0001


@pytest.fixture(scope="module")
def frozen():
    """CLIP ViT-B/32's vectors of seven images and of the names of COCO's and LVIS's categories."""
    for place in os.environ.get("NEARSIGHT_MODELS", "").split(":"):
        if (Path(place) / "clip-frozen").is_dir():
            held = np.load(Path(place) / "clip-frozen" / "image_embeddings_vitb32.npz")
            lvis = json.loads((Path(place) / "clip-frozen" / "lvis_categories.json").read_text())
            texts = [np.load(Path(place) / "clip-frozen" / f"{name}_text_vitb32.npy") for name in ("lvis", "coco")]
            return dict(zip(held["names"].tolist(), held["embs"], strict=True)), [each["name"] for each in lvis], *texts
    pytest.skip("the frozen vectors of CLIP are not on this machine")


CATS, PALMS, MOTEL, LEAVES = ("123_456", "456_123"), "321_421", "389_535", "416_264"
COCO_CAT, COCO_POTTED_PLANT = 15, 58


def test_real_vectors_of_images_find_the_right_names(frozen):
    images, lvis, rows, coco = frozen

    def named(image):
        found = label_probabilities(np.float32(images[image])[None], rows.astype(np.float32))[0]
        return [lvis[at] for at in np.argsort(-found)]

    for cat in CATS:
        assert label_probabilities(np.float32(images[cat])[None], coco)[0].argmax() == COCO_CAT
        assert {"cat", "kitten"} & set(named(cat)[:2])
    assert named(MOTEL)[0] == "street_sign"
    assert "coconut" in named(PALMS)[:2]
    assert COCO_POTTED_PLANT in np.argsort(-label_probabilities(np.float32(images[LEAVES])[None], coco)[0])[:2]


def test_real_vectors_of_names_find_the_right_images(frozen):
    images, lvis, rows, _ = frozen
    names, held = list(images), np.stack(list(images.values())).astype(np.float32)

    def found(*plus, minus=()):
        asked = combine(*(rows[[lvis.index(name) for name in each]].astype(np.float32) for each in (plus, minus)))
        return [names[at] for at in np.argsort(Cosine().distances(asked[None], held)[0])]

    assert set(found("cat")[:2]) == set(found("kitten", "cat")[:2]) == set(CATS)
    assert found("street_sign")[0] == MOTEL
    assert found("coconut")[0] == found("date_(fruit)", "coconut")[0] == PALMS
    assert found("cat", "street_sign", minus=("kitten",))[0] == MOTEL


def test_a_query_says_what_it_is():
    from nearsight.search.arithmetic import sum_label

    asked = Query(image=3, plus_texts=("snow",), minus_texts=("people",), plus_images=(Path("a/b.jpg"), b"x"))
    assert sum_label(asked) == "in the order of the distance to: the image, snow, b.jpg, an image; away from: people"


def test_what_takes_texts_says_so_and_opens_no_network(models, monkeypatch):
    for each in ("colours", "colours_text"):
        (models / f"{each}.onnx").unlink()
    assert Joint("colours").encode_texts(()).shape == (0, 3)
    recipes = (RECIPE, f"{RECIPE} | pca(dim=2)", "phash", f"{RECIPE} | flat | aqe")
    assert [build_pipeline(each).supports_text for each in recipes] == [True, True, False, False]
    assert [each["supports_text"] for each in list_senses({"mine": RECIPE, "copy": "phash | flat"})] == [
        True,
        False,
        False,
    ]
    monkeypatch.setenv("NEARSIGHT_MODELS", "")
    assert [each["supports_text"] for each in list_senses({"mine": RECIPE})] == [False, False]
