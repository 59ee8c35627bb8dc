from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nearsight import registry
from nearsight.descriptors.gist import Gist
from nearsight.errors import RecipeError, UsageError
from nearsight.pipeline import build_pipeline, build_pipelines, build_sense_pipeline
from nearsight.recipe import parse_recipe
from nearsight.senses import SENSES
from tests.command import in_one_process


def test_every_kind_is_found_by_file_name():
    assert {"gist", "colour_histogram", "tiny"} <= set(registry.methods("descriptors"))
    assert (
        {"phash", "dhash", "combined_hash"}
        <= set(registry.methods("hashes"))
        < set(registry.methods("descriptors", "hashes"))
    )
    assert not set(registry.methods("hashes")) & set(registry.methods("descriptors"))
    assert {"l1", "l2", "cosine", "chi2", "jensen_shannon"} < set(registry.methods("metrics"))
    assert {"flat", "gistis", "inverted", "ivf"} <= set(registry.methods("indexes"))
    assert "verify" in registry.methods("rerankers")
    for kind in registry.METHOD_KINDS:
        folder = Path(registry.__file__).parent / kind
        files = {path.stem for path in folder.glob("*.py") if not path.stem.startswith("_")}
        assert files <= set(registry.methods(kind)), kind


@pytest.mark.parametrize("name", sorted(registry.methods()))
def test_a_component_is_rebuilt_from_its_written_out_recipe(name):
    made = registry.require_method(name)()
    text = str(registry.to_recipe([made]))
    assert registry.build_methods(parse_recipe(text)) == (made,)
    assert registry.method_name(made) == name


@pytest.mark.parametrize("name", sorted(registry.methods()))
def test_a_method_says_what_it_is_and_where_it_is_from(name):
    cls = registry.require_method(name)
    assert registry.method_summary(cls)
    assert registry.method_references(cls)
    assert isinstance(cls(), tuple(registry.METHOD_KINDS.values()))


@pytest.mark.parametrize(
    ("text", "word", "says"),
    [
        ("gits | flat", "gits", '"gist"'),
        ("gist | flot", "flot", '"flat"'),
        ("gist(sqare=32)", "sqare", '"square"'),
        ("gist | flat(metric=chi)", "chi", '"chi2"'),
        ("gist(1, 2, 3, 4, 5, 6, 7, 8, 9)", "gist", "at most"),
        ("gist(square=32, square=64)", "gist", ""),
        ("gist(square=big)", "gist", "whole number"),
        ("gist(square=0)", "gist", "0"),
    ],
)
def test_an_error_points_at_the_word_and_suggests_the_right_one(text, word, says):
    with pytest.raises(RecipeError) as caught:
        build_pipeline(text)
    assert caught.value.text[caught.value.position :].startswith(word) or "repeated" in str(caught.value)
    assert says in str(caught.value)


def test_none_as_a_choice_needs_no_quotes():
    assert (
        build_pipeline("colour_layout(spread=none)").descriptor
        == build_pipeline('colour_layout(spread="none")').descriptor
    )


def test_steps_must_follow_each_other():
    for text in ("flat", "l2 | flat", "gist | gist", "gist | verify | flat", "gist | flat | flat"):
        with pytest.raises(RecipeError):
            build_pipeline(text)


def test_a_bare_descriptor_is_searched_exactly_by_its_own_metric():
    made = build_pipeline("phash")
    assert registry.method_name(made.index) == "flat"
    assert made.metric_name == "hamming"


def test_defaults_are_part_of_the_key():
    assert build_pipeline("gist").key == build_pipeline("gist(square=32) | flat(metric=cosine)").key
    assert build_pipeline("gist").key != build_pipeline("gist(square=64)").key
    assert build_pipeline("gist").key.endswith(f"@{Gist.version}")


def test_the_key_knows_the_versions_of_descriptors_within_descriptors(monkeypatch):
    before = build_pipeline("pyramid(gist, levels=2)").key
    assert before == build_pipeline("pyramid(inner=gist(square=32), levels=2) | flat(metric=l1)").key
    assert before != build_pipeline("pyramid(tiny, levels=2)").key
    monkeypatch.setattr(Gist, "version", Gist.version + 1)
    after = build_pipeline("pyramid(gist, levels=2)").key
    assert after != before
    assert after.startswith(before[: before.index("@")])


def test_senses_have_recipes_and_a_wrong_one_is_suggested():
    for name in SENSES:
        assert build_sense_pipeline(name).name == name
    with pytest.raises(UsageError, match="colour"):
        build_sense_pipeline("color")
    assert len(build_pipelines(["copy", "copy"], ["gist | flat", "gist|flat"])) == 2


PLUGIN = '''
"""A descriptor from outside."""
from dataclasses import dataclass
import numpy as np
from nearsight.types import Descriptor

@dataclass(frozen=True)
class MeanColour(Descriptor):
    """The mean colour of the image.

    Parameters
    ----------
    scale : factor

    Returns
    -------
    `(3,) float32`

    Raises
    ------
    ValueError
        where something is no image

    References
    ----------
    Swain and Ballard, Color indexing, IJCV 1991.

    Examples
    --------
    >>> MeanColour().size
    3
    """
    scale: float = 1.0

    @property
    def size(self) -> int:
        return 3

    def embed(self, images):
        return np.stack([image.reshape(-1, 3).mean(0) * self.scale for image in images]).astype("float32")
'''


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package with one descriptor in one file."""
    package = tmp_path / "site" / "brightest"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "mean_colour.py").write_text(PLUGIN)
    about = tmp_path / "site" / "brightest-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: brightest\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[nearsight.methods]\nmean_colour = brightest.mean_colour\n")
    return package.parent


def test_a_plugin_is_one_file_and_is_everywhere(plugin, photographs):
    commands = [
        ("recipes", "--json"),
        ("recipes", "mean_colour"),
        ("index", photographs, "--recipe", "mean_colour(scale=.5) | flat(metric=l1)", "--json"),
        ("search", photographs / "coffee.png", "--in", photographs, "--recipe", "mean_colour(scale=.5)", "--json"),
    ]
    listed, shown, indexed, asked = in_one_process(commands, plugin)
    assert "mean_colour" in {row["name"] for row in json.loads(listed.stdout)}, listed.stderr
    assert "mean_colour(scale=1.0)" in shown.stdout
    assert json.loads(indexed.stdout)["images"] == 13, indexed.stderr
    assert json.loads(asked.stdout)["hits"][0]["path"] == "coffee.png", asked.stderr


def test_a_plugin_meets_the_contract_tests(plugin):
    contract = Path(__file__).parent / "contract" / "test_methods.py"
    code = (
        f"import sys; sys.path.insert(0, {str(plugin)!r}); import pytest; "
        f"sys.exit(pytest.main([{str(contract)!r}, '-q', '-k', 'mean_colour', '-p', 'no:cacheprovider']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout
