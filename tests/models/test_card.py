from __future__ import annotations

import dataclasses

import pytest

from nearsight.errors import ModelError, UsageError
from nearsight.models import store
from nearsight.models.card import ImageInput, ModelCard, ModelOutput, ModelSource, parse_card
from tests.models.network import card, network, sha256


def test_a_card_is_read_whole():
    text = card(sha256=sha256(network()), feeding='fit = "inside"\nmultiple = 2\ncolours = "BGR"\nlayout = "NHWC"')
    assert parse_card(text, "means.toml") == ModelCard(
        name="means",
        file="means.onnx",
        about="means of the channels",
        licence="CC0-1.0",
        status="verified",
        sha256=sha256(network()),
        source=ModelSource(),
        input=ImageInput("image", 4, "inside", 2, "NHWC", "BGR", (1.0, 2.0, 3.0), (2.0, 4.0, 8.0)),
        outputs=(ModelOutput("pooled", 3), ModelOutput("map", 3, "map")),
    )


def test_whole_numbers_are_numbers_too():
    made = parse_card(card().replace("[1.0, 2.0, 3.0]", "[1, 2, 3]"), "means.toml")
    assert made.input.mean == (1.0, 2.0, 3.0)
    assert all(type(value) is float for value in made.input.mean)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('name = "means"', 'nam = "means"', "there is no nam; there are name, "),
        ('name = "means"', 'name = "../means"', "a name is small letters"),
        ('name = "means"', "name = 7", "name is str; got 7"),
        ('name = "means"', "", "name is missing"),
        ('file = "means.onnx"', 'file = "../means.onnx"', "plain file name"),
        ('licence = "CC0-1.0"', 'status = "verified"', "a sha256 when it is verified, and only then"),
        ('licence = "CC0-1.0"', f'sha256 = "{"0" * 64}"', "a sha256 when it is verified, and only then"),
        ('licence = "CC0-1.0"', 'status = "verified"\nsha256 = "abc"', "64 small hexadecimal digits; got 'abc'"),
        ('licence = "CC0-1.0"', 'status = "sure"', "status is verified or unverified; got 'sure'"),
        ("side = 4", "side = 5000", "4096 pixels; got 5000"),
        ("side = 4", 'side = 5\nmultiple = 2\nfit = "inside"', "a multiple of 2; got 5"),
        ("side = 4", "side = 4.5", "input.side is int; got 4.5"),
        ("side = 4", 'side = 4\nfit = "around"', "input.fit is inside or squash or crop; got 'around'"),
        ("side = 4", 'side = 4\ncolours = "grey"', "1 value for grey"),
        ("[2.0, 4.0, 8.0]", "[2.0, 0.0, 8.0]", "scale above 0"),
        ("[1.0, 2.0, 3.0]", "[nan, 0.0, 8.0]", "mean is finite"),
        ("dimension = 3", "dimension = 0", "dimension is 1 or larger; got 0"),
        ('name = "map"', 'name = "pooled"', "each of another name"),
        ("[input]", '[source]\nrepo = "a/b"\n[input]', "one of repo and file is missing"),
        ("[input]", '[source]\nrepo = "a/b"\nfile = "c"\nurl = "https://d/c"\n[input]', "not both"),
        ("[input]", '[source]\nurl = "ftp://d/c"\n[input]', "https:// or http://; got ftp://d/c"),
        ("[input]", "[input", "is no model card"),
    ],
)
def test_a_wrong_card_says_what_is_wrong(old, new, says):
    with pytest.raises(ModelError) as caught:
        parse_card(card().replace(old, new, 1), "somewhere/means.toml")
    assert says in str(caught.value)
    assert str(caught.value).startswith("somewhere/means.toml is no model card: ")
    assert isinstance(caught.value, UsageError)


def test_an_unknown_output_is_named_with_those_there_are():
    made = parse_card(card(), "means.toml")
    assert made.output("map").kind == "map"
    with pytest.raises(ModelError, match=r"has no output \"pool\"; it has pooled \(vector\), map \(map\)"):
        made.output("pool")


def test_a_network_without_images_says_so():
    made = dataclasses.replace(parse_card(card(), "means.toml"), input=None)
    with pytest.raises(ModelError, match="takes no images"):
        made.image_input()


def test_our_cards_are_whole():
    own = store.builtin_cards()
    assert own["mobilenetv2"].output("pooled").dimension == 1280
    for made in own.values():
        assert made.about
        assert made.licence != "unknown"
        assert made.source.location or made.source.note
