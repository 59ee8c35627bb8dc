from __future__ import annotations

import pytest
from benchmarks import __main__ as every
from benchmarks.page import Options, filled, main, markers, with_section

PAGE = "# Benchmarks\n\nBy hand, above.\n\n{one}\n\nBy hand, between.\n\n{two}\n\nBy hand, below.\n"


def section(name, text):
    begin, end = markers(name)
    return f"{begin}\n\n{text}\n\n{end}"


def test_only_the_named_section_changes():
    page = PAGE.format(one=section("one", "old one"), two=section("two", "old two"))
    wanted = PAGE.format(one=section("one", "old one"), two=section("two", "new\n\n| a |"))
    assert with_section(page, "two", "\nnew\n\n| a |\n") == wanted
    assert with_section(wanted, "two", "new\n\n| a |") == wanted


def test_new_section_goes_to_the_end():
    assert with_section("# Benchmarks\n", "one", "text") == f"# Benchmarks\n\n{section('one', 'text')}\n"


def test_section_without_an_end_is_refused():
    begin, end = markers("one")
    with pytest.raises(ValueError, match=f'put the line "{end}"'):
        with_section(f"{begin}\n\ntext\n", "one", "new")


def test_names_do_not_contain_each_other():
    page = section("search", "first") + "\n\n" + section("research", "second")
    assert "second" in with_section(page, "search", "new")


def test_command_prints_and_writes(tmp_path, capsys):
    page, seen = tmp_path / "page.md", []
    measured = lambda options: seen.append(options) or "a table"  # noqa: E731
    main("one", "About.", measured, ["--quick", "--folder", str(tmp_path), "--out", str(page)])
    assert seen == [Options(quick=True, folder=tmp_path)]
    assert page.read_text() == f"# Benchmarks\n\n{section('one', 'a table')}\n"
    assert capsys.readouterr().out == "a table\n"


def test_paragraphs_are_filled_and_tables_are_not():
    table = "| " + "x" * 200 + " |\n| --- |"
    text = filled(f"## Title\n\n{'word ' * 40}\n\n{table}\n")
    title, words, kept = text.split("\n\n")
    assert (title, kept) == ("## Title", table)
    assert max(map(len, words.split("\n"))) == 119  # 24 words
    assert words.split() == ["word"] * 40


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
