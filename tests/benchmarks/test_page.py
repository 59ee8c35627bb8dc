from __future__ import annotations

import importlib
import re
import string

import pytest
from benchmarks import __main__ as every
from benchmarks.page import Options, main, markers, replace_section, wrap_paragraphs

PAGE = "# Benchmarks\n\nBy hand, above.\n\n{one}\n\nBy hand, between.\n\n{two}\n\nBy hand, below.\n"


def section(name, text):
    begin, end = markers(name)
    return f"{begin}\n\n{text}\n\n{end}"


def test_only_the_named_section_changes():
    page = PAGE.format(one=section("one", "old one"), two=section("two", "old two"))
    wanted = PAGE.format(one=section("one", "old one"), two=section("two", "new\n\n| a |"))
    assert replace_section(page, "two", "\nnew\n\n| a |\n") == wanted
    assert replace_section(wanted, "two", "new\n\n| a |") == wanted


def test_new_section_goes_to_the_end():
    assert replace_section("# Benchmarks\n", "one", "text") == f"# Benchmarks\n\n{section('one', 'text')}\n"


def test_section_without_an_end_is_refused():
    begin, end = markers("one")
    with pytest.raises(ValueError, match=f'put the line "{end}"'):
        replace_section(f"{begin}\n\ntext\n", "one", "new")


def test_names_do_not_contain_each_other():
    page = section("search", "first") + "\n\n" + section("research", "second")
    assert "second" in replace_section(page, "search", "new")


def test_command_prints_and_writes(tmp_path, capsys):
    page, seen = tmp_path / "page.md", []
    measured = lambda options: seen.append(options) or "a table"  # noqa: E731
    main("one", "About.", measured, ["--quick", "--folder", str(tmp_path), "--out", str(page)])
    assert seen == [Options(quick=True, folder=tmp_path)]
    assert page.read_text() == f"# Benchmarks\n\n{section('one', 'a table')}\n"
    assert capsys.readouterr().out == "a table\n"


def test_paragraphs_are_filled_and_tables_are_not():
    table = "| " + "x" * 200 + " |\n| --- |"
    text = wrap_paragraphs(f"## Title\n\n{'word ' * 40}\n\n{table}\n")
    title, words, kept = text.split("\n\n")
    assert (title, kept) == ("## Title", table)
    assert max(map(len, words.split("\n"))) == 119  # 24 words
    assert words.split() == ["word"] * 40


PROCESSORS = ["Intel(R) Xeon(R) Processor", "AMD EPYC", "Intel(R) Core(TM) i7-9750H CPU @ 2.60GHz", "aarch64", ""]
BLOCK = re.compile(r"[|>#<:]|[-+*] |\d+[.)] |[-=*_]+$|```|~~~")


class Anything:
    """Fills any field of a text, however it is to be written."""

    def __format__(self, form):
        return "8"


class Fields(string.Formatter):
    def get_value(self, key, args, kwargs):
        return kwargs.get(key, Anything())


def inner_lines(text):
    """The lines of paragraphs that are not the first of theirs."""
    paragraphs = [part for part in text.split("\n\n") if not part.startswith(("#", "|"))]
    return [line for part in paragraphs for line in part.split("\n")[1:]]


@pytest.mark.parametrize("name", every.NAMES + every.JUDGED)
def test_no_line_of_a_section_begins_a_block_whatever_the_processor_is_called(name):
    written = importlib.import_module(f"benchmarks.{name}").TEXT
    for processor in [*PROCESSORS, *("x" * length for length in range(1, 90))]:
        text = wrap_paragraphs(Fields().format(written, machine=f"2026-11-29, {processor}, 2 cores, Python 3.11.7"))
        assert [line for line in inner_lines(text) if BLOCK.match(line)] == []
        assert max(map(len, inner_lines(text))) <= 120


@pytest.mark.parametrize(
    "mark", ["|", "-", "*", "+", "#", "#c33", ">", ">5", "1.", "12)", "---", "===", "<b>", "```sh"]
)
def test_no_line_begins_with_what_would_be_a_block(mark):
    for length in range(100, 125):
        text = f"{'x' * length} {mark} y {'z ' * 80}".strip()
        lines = wrap_paragraphs(text).split("\n")
        assert not [line for line in lines[1:] if BLOCK.match(line)]
        assert " ".join(lines) == text


def test_lists_are_not_filled():
    listed = "1. one\n2. two"
    assert wrap_paragraphs(f"{listed}\n\n- a\n- b\n\n*Peak* is\nhigh") == f"{listed}\n\n- a\n- b\n\n*Peak* is high"


def test_unknown_benchmark_is_named(capsys):
    with pytest.raises(SystemExit):
        every.main(["serach"])
    assert "there is no benchmark serach; there are: indexing, memory" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "ran"),
    [
        (["startup", "search", "--quick"], ["search --quick", "startup --quick"]),
        (["memory", "--quick", "--out", "p.md"], ["memory --quick --out p.md"]),
        (["memory", "--folder", "f"], [f"memory --folder f --out {every.PAGE}"]),
        ([], [f"{name} --out {every.PAGE}" for name in every.NAMES]),
    ],
)
def test_all_or_the_named_ones_run_in_order(arguments, ran, monkeypatch):
    commands = []
    monkeypatch.setattr(every.subprocess, "run", lambda command, check: commands.append((command, check)))
    every.main(arguments)
    assert [(" ".join(command[2:]), check) for command, check in commands] == [(f"benchmarks.{r}", True) for r in ran]
