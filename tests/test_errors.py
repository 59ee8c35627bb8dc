"""What is said of an image that cannot be read: which one, and what is wrong with it, in plain words."""

from __future__ import annotations

import pickle
import re

import numpy as np
import pytest
from PIL import Image

import nearsight as ns
from nearsight.errors import ImageError, Reason, Technical, UsageError
from nearsight.files import LocalFileSystem
from nearsight.images.decode import decode_image, naming
from tests.images.hostile import saved


@pytest.fixture
def folder(tmp_path):
    Image.effect_noise((90, 60), 50).convert("RGB").save(tmp_path / "a.png")
    ns.index(tmp_path, by=["colour"]).close()
    return tmp_path


def cut(size=(400, 300)):
    whole = saved(Image.effect_noise(size, 90).convert("RGB"), "JPEG")
    return whole[: len(whole) // 2]


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_sentence_of_words(reason):
    assert re.fullmatch(r"[A-Za-z ,:]+", reason.sentence)
    assert reason.value not in reason.sentence or reason.value == "empty"
    assert str(ImageError(reason, name="a.jpg")) == f"a.jpg: {reason.sentence}"


def test_what_libraries_say_is_recorded_and_not_told():
    with pytest.raises(ImageError) as caught:
        decode_image(cut())
    assert "OSError" in caught.value.detail
    assert isinstance(caught.value.detail, Technical)
    assert str(caught.value) == Reason.TRUNCATED.sentence
    again = pickle.loads(pickle.dumps(ImageError(caught.value.reason, caught.value.detail, "a.jpg")))
    assert str(again) == f"a.jpg: {Reason.TRUNCATED.sentence}"
    assert again.detail == caught.value.detail


def test_what_is_ours_is_told():
    assert str(ImageError(Reason.FORMAT_OFF, "PDF is not read")) == f"{Reason.FORMAT_OFF.sentence} (PDF is not read)"
    with pytest.raises(ImageError, match=r"^a\.pdf: .* \(PDF is not read\)$"), naming("a.pdf"):
        decode_image(b"%PDF-1.7")


def test_bytes_and_pixels_are_the_query_image(folder):
    with ns.open(folder) as photos:
        with pytest.raises(ImageError, match=r"^the query image: the image is cut short: its end is missing$"):
            photos.search(cut())
        with pytest.raises(UsageError, match=r"^the query image is \(H, W\), .* uint8, .*; got \(4, 4, 2\) float64$"):
            photos.search(np.zeros((4, 4, 2)))
    with pytest.raises(ImageError, match=r"^the query image: this is not an image"):
        ns.colours(b"no image")


def test_of_several_it_is_said_which(folder):
    good = folder / "a.png"
    with pytest.raises(ImageError, match=f"^{folder}/none.png: no such file$"):
        ns.describe([good, folder / "none.png", good], "tiny")
    with pytest.raises(UsageError, match=r"^image 2 is \(H, W\), \(H, W, 3\) or \(H, W, 4\) uint8"):
        ns.describe([good, np.zeros((4, 4, 2))], "tiny")
    with pytest.raises(ImageError, match=f"^{folder}/none.png: no such file$"):
        ns.match(good, folder / "none.png")
    with ns.open(folder) as photos, pytest.raises(ImageError, match=f"^{folder}/none.png: no such file$"):
        photos.search(good, plus=folder / "none.png")


def test_an_error_of_the_system_without_words_names_no_class(tmp_path):
    class Failing(LocalFileSystem):
        def _open(self, path, flags):
            raise OSError

    (tmp_path / "a").write_bytes(b"a")
    with pytest.raises(ImageError) as caught:
        Failing().read(str(tmp_path / "a").encode(), 10)
    assert str(caught.value) == Reason.UNREADABLE.sentence
