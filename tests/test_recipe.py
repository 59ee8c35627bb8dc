from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearsight.errors import RecipeError
from nearsight.recipe import Recipe, Step, parse_recipe

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).filter(
    lambda n: n not in {"true", "false", "none"} and not __import__("keyword").iskeyword(n)
)
LITERALS = st.one_of(
    st.booleans(),
    st.none(),
    st.integers(-(10**9), 10**9),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8),
)


def _steps(values):
    pairs = st.dictionaries(NAMES, values, max_size=3).map(lambda d: tuple(d.items()))
    return st.builds(Step, NAMES, st.lists(values, max_size=2).map(tuple), pairs)


def _recipes(values):
    return st.lists(_steps(values), min_size=1, max_size=3).map(lambda steps: Recipe(tuple(steps)))


VALUES = st.recursive(
    LITERALS, lambda inner: st.one_of(st.lists(inner, max_size=3).map(tuple), _recipes(inner)), max_leaves=6
)


@given(_recipes(VALUES))
def test_what_is_printed_is_read_back(recipe):
    assert parse_recipe(str(recipe)) == recipe


def test_the_steps_are_in_the_order_of_the_data():
    recipe = parse_recipe("sift(n=1000) | vlad(k=64) | pca(dim=128) | flat")
    assert [step.name for step in recipe.steps] == ["sift", "vlad", "pca", "flat"]
    assert recipe.steps[1].kwargs == (("k", 64),)


def test_an_argument_may_be_a_recipe():
    recipe = parse_recipe("fuse(gist | flat, phash, weights=[.7, -.3])")
    first, second = recipe.steps[0].args
    assert isinstance(first, Recipe)
    assert [step.name for step in first.steps] == ["gist", "flat"]
    assert isinstance(second, Recipe)
    assert recipe.steps[0].kwargs == (("weights", (0.7, -0.3)),)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("gist | 5", "5"),
        ("gist(lambda: 1)", "lambda: 1"),
        ("gist(x=a.b)", "a.b"),
        ("gist(**x)", "x"),
        ("__import__('os').system('x')", "__import__('os').system('x')"),
        ("gist(n={1: 2})", "{1: 2}"),
        ("größe(n=-'a')", "-'a'"),
        ("gist(n=-true)", "-true"),
        ("gist(b'x')", "b'x'"),
        ("gist + flat", "gist + flat"),
    ],
)
def test_an_error_points_at_the_wrong_word(text, word):
    with pytest.raises(RecipeError) as caught:
        parse_recipe(text)
    assert caught.value.text[caught.value.position :][: caught.value.length] == word
    marked = str(caught.value).split("\n")[2]
    assert marked.index("^") - 4 == caught.value.position


@pytest.mark.parametrize(
    "text", ["", "  ", "gist |", "gist(", "gist(n=", "|", "1 2", "x" * 5000, "(" * 900, "a\0b", "'"]
)
def test_what_is_no_recipe_is_refused(text):
    with pytest.raises(RecipeError):
        parse_recipe(text)


@pytest.mark.parametrize(
    "text", ["gist(n=" + "-" * 600 + "1)", "f(" * 150 + "g" + ")" * 150, "f(" + "[" * 100 + "]" * 100 + ")"]
)
def test_deep_nesting_is_refused_and_pointed_at(text):
    with pytest.raises(RecipeError, match="nested at most 20 deep"):
        parse_recipe(text)


def test_line_breaks_do_not_matter():
    assert parse_recipe("gist\n  | flat") == parse_recipe("gist | flat")
