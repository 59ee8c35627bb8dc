"""Help and lists as they stand on a terminal of 80 columns."""

from __future__ import annotations

import json
import re

import pytest
from docs_build.commands import commands, parts_of

from tests.command import nearsight

EVERY = [*commands(), *(f"{name} {inner}" for name, each in commands().items() for inner in parts_of(each))]


def helped(command=""):
    return nearsight(*command.split(), "--help", COLUMNS="80").stdout


@pytest.mark.parametrize("command", ["", "models"])
def test_the_list_of_commands_has_whole_sentences(command):
    listed = helped(command).partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    names = [line.split()[0] for line in listed]
    assert names == list(parts_of(commands()[command]) if command else commands())
    assert all(re.fullmatch(r"  [a-z]+ +[A-Z][^.]+\.", line) for line in listed), listed


@pytest.mark.parametrize("command", ["", *EVERY])
def test_help_is_not_cut_and_names_no_types(command):
    text = helped(command)
    usage, _, rest = text.partition("\n\n")
    assert usage.startswith("Usage: nearsight")
    assert not re.search(r"\.\.\.|…|<", rest)
    assert "<" not in usage
    assert max(map(len, text.splitlines())) <= 80
    assert not re.search(r"(?m)^  (-\w|--[\w-]+) [a-z]+(?!\|)\b(?=  )", text), "a value that is named by its type"


def test_search_groups_its_options():
    headings = re.findall(r"(?m)^([A-Z]\w+):$", helped("search"))
    assert headings == ["Arguments", "Query", "Filter", "Options", "Output"]
    groups = dict(zip(headings, re.split(r"(?m)^[A-Z]\w+:\n", helped("search"))[1:], strict=True))
    for heading, options in {
        "Query": ("--by SENSE", "--recipe RECIPE", "--box X0,Y0,X1,Y1", "--sketch IMAGE", "--minus IMAGE"),
        "Filter": ("--words WORDS", "--where EXPR"),
        "Options": ("--in FOLDER", "--collection FOLDER", "--help"),
        "Output": ("-k N", "--html FILE", "--json"),
    }.items():
        assert all(option in groups[heading] for option in options), groups[heading]


def test_usage_names_the_arguments():
    assert helped("search").startswith("Usage: nearsight search [OPTIONS] [IMAGE]\n")
    assert helped("index").startswith("Usage: nearsight index [OPTIONS] FOLDER [PATH...]\n")
    assert helped("remove").startswith("Usage: nearsight remove [OPTIONS] PATH...\n")


def test_recipes_are_listed_in_80_columns():
    rows = {row["name"]: row["summary"] for row in json.loads(nearsight("recipes", "--json").stdout)}
    lines = nearsight("recipes", COLUMNS="80").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    entries = [at for at, line in enumerate(lines) if re.match(r"  \w", line)]
    found = {}
    for at in entries:
        name, text = lines[at].split(maxsplit=1)
        while lines[at + 1].startswith("   "):
            at += 1
            text += f" {lines[at].strip()}"
        found[name] = text
    assert rows.keys() <= found.keys()
    for name, summary in rows.items():
        whole, shown = summary.rstrip("."), found[name].rstrip(".")
        assert whole == shown or re.match(re.escape(shown) + r"([:;]| \()", whole), (name, found[name])
    assert "nearsight recipes NAME" in lines[-1]


def test_one_recipe_is_explained_whole():
    text = nearsight("recipes", "gist", COLUMNS="80").stdout
    assert text.startswith("gist(orientations=[8, 8, 4]")
    assert "output: 960 float32" in text
    assert "References" in text
