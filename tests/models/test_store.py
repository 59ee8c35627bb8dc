from __future__ import annotations

import hashlib
import json
import os
import time

import pytest

from nearsight.errors import ModelError, ModelMissingError
from nearsight.models import inference, store
from tests.command import nearsight
from tests.models.network import card, network, placed, sha256

OTHER = network() + b"\x0a\x00"  # an empty field more: another file


@pytest.fixture
def counted(monkeypatch):
    """How often a checksum was computed."""
    calls = []
    original = hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda file, name: calls.append(file.name) or original(file, name))
    return calls


def long_ago(path):
    """A file that was written long ago, as far as its times tell; the time of its inode cannot be set back."""
    os.utime(path, (1_600_000_000, 1_600_000_000))
    return path


def test_nothing_is_here_and_the_message_says_what_to_type(home):
    with pytest.raises(ModelMissingError, match="nearsight models add mobilenetv2 FILE, or name its folder in NEARSI"):
        store.require_model("mobilenetv2")
    assert not home.exists()
    with pytest.raises(ModelError, match='did you mean "mobilenetv2"'):
        store.require_model("mobilnetv2")


def test_a_source_makes_the_message_say_get(tmp_path, monkeypatch):
    source = '[source]\nrepo = "a/b"\nfile = "c.onnx"'
    (tmp_path / "means.toml").write_text(card().replace("[input]", f"{source}\n[input]"))
    monkeypatch.setenv("NEARSIGHT_MODELS", str(tmp_path))
    assert store.install_hint(store.find_card("means")) == "nearsight models get means"


@pytest.mark.parametrize("place", [".", "means", "others"])
def test_folders_of_the_environment_come_first(tmp_path, monkeypatch, place):
    folders = [tmp_path / "none", placed(tmp_path / "some" / place)]
    monkeypatch.setenv("NEARSIGHT_MODELS", os.pathsep.join([str(folders[0]), str(tmp_path / "some")]))
    store.add_model("means", placed(tmp_path / "other") / "means.onnx")
    found = store.require_model("means")
    assert found.path == folders[1] / "means.onnx"
    assert found.sha256 == sha256(network())
    monkeypatch.setenv("NEARSIGHT_MODELS", str(tmp_path / "none"))
    with pytest.raises(ModelError, match='no model "means"'):
        store.require_model("means")


def test_a_card_and_a_file_of_ones_own_are_taken_in(tmp_path, home):
    folder = placed(tmp_path / "mine")
    made = store.add_model("means", folder / "means.onnx", card_file=folder / "means.toml")
    assert made.path == home / "means" / "means.onnx"
    assert made.path.read_bytes() == network()
    assert "means" in store.all_cards()
    (folder / "means.onnx").unlink()
    assert store.require_model("means") == made


def test_a_verified_card_takes_one_file_only(tmp_path, monkeypatch):
    folder = placed(tmp_path / "mine", data=OTHER, sha256=sha256(network()))
    monkeypatch.setenv("NEARSIGHT_MODELS", str(folder))
    for attempt in (
        lambda: store.require_model("means"),
        lambda: store.add_model("means", folder / "means.onnx"),
        lambda: store.add_model("means", folder / "means.onnx", replace=True),
    ):
        with pytest.raises(ModelError) as caught:
            attempt()
        assert sha256(OTHER) in str(caught.value)
        assert sha256(network()) in str(caught.value)
        assert "--replace" not in str(caught.value)


def test_an_unverified_card_is_pinned_to_what_was_seen_first(tmp_path, monkeypatch):
    folder = placed(tmp_path / "mine")
    monkeypatch.setenv("NEARSIGHT_MODELS", str(folder))
    assert store.expected_sha256(store.find_card("means")) == ""
    assert store.require_model("means").sha256 == store.expected_sha256(store.find_card("means")) == sha256(network())
    (folder / "means.onnx").write_bytes(OTHER)
    for attempt in (
        lambda: store.require_model("means"),
        lambda: store.add_model("means", folder / "means.onnx"),
    ):
        with pytest.raises(ModelError, match="--replace") as caught:
            attempt()
        assert sha256(OTHER) in str(caught.value)
        assert sha256(network()) in str(caught.value)
    assert store.add_model("means", folder / "means.onnx", replace=True).sha256 == sha256(OTHER)
    assert store.require_model("means").sha256 == sha256(OTHER)


def test_a_checksum_is_computed_once(tmp_path, home, counted):
    path = long_ago(placed(tmp_path / "mine") / "means.onnx")
    store.file_sha256(path)
    store.file_sha256(path)
    assert len(counted) == 2  # written a moment ago: a later write might leave the same times
    later = time.time_ns() + 3_000_000_000
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time_ns", lambda: later)
        for _ in range(3):
            assert store.file_sha256(path) == sha256(network())
    assert len(counted) == 3
    store.file_sha256(path)
    assert len(counted) == 3
    store.file_sha256(path, recompute=True)
    assert len(counted) == 4


def test_a_file_that_changed_under_the_same_time_is_read_again(tmp_path, counted):
    path = long_ago(placed(tmp_path / "mine") / "means.onnx")
    later = time.time_ns() + 3_000_000_000
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time_ns", lambda: later)
        before = store.file_sha256(path)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    time.sleep(0.02)
    path.write_bytes(data)
    long_ago(path)
    assert store.file_sha256(path) == sha256(bytes(data)) != before


def test_a_damaged_record_is_no_trouble(tmp_path, home, counted):
    path = placed(tmp_path / "mine") / "means.onnx"
    later = time.time_ns() + 3_000_000_000
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time_ns", lambda: later)
        store.file_sha256(path)
    (record,) = (home / "checked").iterdir()
    assert json.loads(record.read_bytes())["sha256"] == sha256(network())
    for text in (b"", b"[]", b"{", b"\xff"):
        record.write_bytes(text)
        assert store.file_sha256(path) == sha256(network())
    assert len(counted) == 5


def test_a_place_that_cannot_be_written_to_costs_only_time(tmp_path, monkeypatch):
    (tmp_path / "cache").write_text("a file in the place of the folder")
    folder = placed(tmp_path / "mine")
    monkeypatch.setenv("NEARSIGHT_MODELS", str(folder))
    assert store.require_model("means").sha256 == sha256(network())


def test_what_cannot_be_taken_in(tmp_path):
    folder = placed(tmp_path / "mine")
    with pytest.raises(ModelError, match="is not a file"):
        store.add_model("mobilenetv2", folder)
    with pytest.raises(ModelError, match="is not a file"):
        store.add_model("means", folder / "means.onnx", card_file=folder / "none.toml")
    with pytest.raises(ModelError, match="is the card of means, not of medians"):
        store.add_model("medians", folder / "means.onnx", card_file=folder / "means.toml")
    placed(folder, "mobilenetv2")
    with pytest.raises(ModelError, match="itself: choose another name"):
        store.add_model("mobilenetv2", folder / "means.onnx", card_file=folder / "mobilenetv2.toml")
    with pytest.raises(ModelError, match="is not the model mobilenetv2"):
        store.add_model("mobilenetv2", folder / "means.onnx")


def test_our_cards_cannot_be_replaced(tmp_path, monkeypatch):
    monkeypatch.setenv("NEARSIGHT_MODELS", str(placed(tmp_path / "mine", "mobilenetv2")))
    assert store.find_card("mobilenetv2").output("pooled").dimension == 1280
    assert store.all_cards()["mobilenetv2"] == store.find_card("mobilenetv2")
    with pytest.raises(ModelError, match="its card says 2b80c674"):
        store.require_model("mobilenetv2")


def test_files_that_are_no_cards_hide_no_model(tmp_path, monkeypatch):
    folder = placed(tmp_path / "mine")
    (folder / "repo").mkdir()
    (folder / "repo" / "pyproject.toml").write_text('[project]\nname = "other"\n')
    monkeypatch.setenv("NEARSIGHT_MODELS", str(folder))
    assert store.stored_card_problems() == {}
    (folder / "latin.toml").write_bytes(b'name = "caf\xe9"\nfile = "a.onnx"')
    (folder / "cut.toml").write_text('name = "cut')
    (folder / "wrong.toml").write_text(card("wrong").replace("side = 4", "side = 0"))
    broken = {str(folder / name) for name in ("latin.toml", "cut.toml", "wrong.toml")}
    assert store.require_model("means").path == folder / "means.onnx"
    assert {"means", "mobilenetv2"} <= set(store.all_cards())
    assert set(store.stored_card_problems()) == broken
    for path, problem in store.stored_card_problems().items():
        assert problem.startswith(f"{path} is no model card: ")
    with pytest.raises(ModelError, match=r'no model "wrong".*wrong.toml is no model card: .*side is'):
        store.find_card("wrong")
    assert store.verify_models() == {**store.stored_card_problems(), "means": ""}
    with pytest.raises(ModelError, match=r"latin.toml is no model card: 'utf-8' codec"):
        store.add_model("means", folder / "means.onnx", card_file=folder / "latin.toml")


def test_verify_reads_every_byte(tmp_path, monkeypatch):
    folder = placed(tmp_path / "mine")
    monkeypatch.setenv("NEARSIGHT_MODELS", str(folder))
    assert store.verify_models() == {"means": ""}
    (folder / "means.onnx").write_bytes(OTHER)
    problems = store.verify_models()
    assert sha256(OTHER) in problems["means"]


def test_a_vocabulary_is_verified_and_not_opened_as_a_network(monkeypatch):
    def refuse(name):
        raise AssertionError(name)

    monkeypatch.setattr(store, "verify_models", lambda: {"clip_vocabulary": ""})
    monkeypatch.setattr(inference, "execution_provider", refuse)
    done = nearsight("models", "verify")
    assert (done.returncode, done.stdout) == (0, "1 of 1 model matches its card\n")
