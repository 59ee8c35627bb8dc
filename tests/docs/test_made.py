"""The pages that are made from the code; nothing here needs mkdocs."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from docs_build import asked, commands, face, gallery, matches, points, recipes
from docs_build.docstring import described, escaped, items, printed, sections, table

import nearsight as ns
from nearsight.errors import ModelMissingError
from nearsight.registry import method_parameters, method_summary, methods
from nearsight.types import Descriptor, LocalDescriptor
from tests.command import nearsight

ROOT = Path(__file__).resolve().parents[2]
OWN = [(name, cls) for each in recipes.own().values() for name, cls in each.items()]


class Documented:
    """Does *this* [and] that.

    1. One step,
       over two lines.

    Parameters
    ----------
    one : the first, 1 to 2
    two : the second,
        in pixels | metres

    Raises
    ------
    ValueError
        where one is 3
    KeyError : where two is lost

    References
    ----------
    A. Author, doi:10.1000/182. Another, doi:10.1023/A:1011139631724.
    """


def test_sections_are_split_at_their_headings():
    found = sections(Documented)
    assert list(found) == ["", "Parameters", "Raises", "References"]
    first, rest = described(found[""])
    assert first == "Does *this* [and] that."
    assert rest.startswith("1. One step,")


def test_items_are_read_in_both_ways_of_writing_them():
    found = sections(Documented)
    assert items(found["Parameters"]) == [("one", "the first, 1 to 2"), ("two", "the second, in pixels | metres")]
    assert items(found["Raises"]) == [("ValueError", "where one is 3"), ("KeyError", "where two is lost")]


def test_text_shows_as_it_stands_and_links_its_sources():
    assert escaped("*a* [b] `c*d` x|y <e>") == r"\*a\* \[b\] `c*d` x\|y \<e>"
    assert escaped("at https://a.org/b_c*d.html.") == "at <https://a.org/b_c*d.html>."
    text = printed(sections(Documented), 2, leave=["Parameters"])
    assert "[doi:10.1000/182](https://doi.org/10.1000/182)." in text
    assert "[doi:10.1023/A:1011139631724](https://doi.org/10.1023/A:1011139631724)." in text
    assert text.startswith(
        "## Raises\n\n- `ValueError`: where one is 3\n- `KeyError`: where two is lost\n\n## References"
    )


def test_tables_are_lines_of_cells():
    assert table(["a", "b"], [["1", "2\n3"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 3 |"


def test_every_method_of_ours_has_a_page_and_a_line(monkeypatch):
    monkeypatch.setattr(recipes, "page", lambda name, cls: f"# {name}")  # what it holds: the next test
    made = recipes.pages()
    ours = {name for name, cls in methods().items() if cls.__module__.startswith("nearsight.")}
    assert set(made) == {"recipes/index.md", *(f"recipes/{name}.md" for name in ours)}
    assert all(made[f"recipes/{name}.md"] == f"# {name}" for name in ours)
    for name, cls in OWN:
        assert f"| [{name}]({name}.md) | {escaped(method_summary(cls))} |" in made["recipes/index.md"]


@pytest.mark.parametrize(("name", "cls"), OWN, ids=[name for name, _ in OWN])
def test_a_page_holds_the_whole_documentation(name, cls):
    page = recipes.page(name, cls)
    for parameter, _, default in method_parameters(cls):
        row = next(line for line in page.split("\n") if line.startswith(f"| `{parameter}` |"))
        assert f"| `{default}` |" in row
        assert len(row.rsplit("|", 2)[1].strip()) > 3
    for heading in ("Returns", "Raises", "References", "Examples"):
        assert f"\n## {heading}\n" in page
    words = re.findall(r"\w+", re.sub(r"\n\w+\n-{3,}\n", "\n", inspect.getdoc(cls)))
    plain = re.sub(r"\\([*<\[\]|_])", r"\1", page)
    assert set(words) <= set(re.findall(r"\w+", plain))
    shown = issubclass(cls, Descriptor) and is_ready(cls())
    assert page.count('<div class="row">') == (len(gallery.QUERIES) if shown else 0)
    drawn = issubclass(cls, LocalDescriptor) and is_ready(cls())
    assert page.count('<figure class="points">') == drawn
    assert page.count('<figure class="matches">') == (drawn or name in matches.REFINERS)


def is_ready(descriptor):
    """Whether the model that it needs, if any, is on this machine."""
    try:
        descriptor.load()
    except ModelMissingError:
        return False
    return True


def test_neighbours_are_those_of_a_slow_search():
    names = list(gallery.gallery())
    rows = ns.describe(list(gallery.gallery().values()), "phash")
    bits = {name: int.from_bytes(row.tobytes(), "big") for name, row in zip(names, rows, strict=True)}
    for query in gallery.QUERIES:
        far = {name: (bits[name] ^ bits[query]).bit_count() for name in names if name != query}
        found = gallery.nearest("phash", query)
        assert [distance for _, distance in found] == sorted(far.values())[:4]
        assert all(far[name] == distance for name, distance in found)


def test_the_colours_asked_with_are_as_wide_as_their_shares():
    row = asked.swatches()[0]
    assert (row == (0xC8, 0x40, 0x18)).all(axis=1).mean() == pytest.approx(0.6, abs=0.01)
    assert (row == (0xF0, 0xD8, 0xC0)).all(axis=1).mean() == pytest.approx(0.4, abs=0.01)
    assert set(gallery.thumbnails()) >= {"images/made/two-colours.jpg", "images/made/a-drawing.jpg"}


def test_the_gallery_is_that_of_the_demo_and_altered_copies():
    assert len(gallery.photographs()) == 18
    assert len(gallery.gallery()) == 18 + 3 * 4
    assert all(max(image.shape) <= gallery.SIDE for image in gallery.photographs().values())
    coffee, mirrored = gallery.gallery()["coffee"], gallery.gallery()["coffee, mirrored"]
    assert np.abs(coffee[:, ::-1].astype(int) - mirrored).mean() < 3


def test_every_image_of_a_figure_is_made():
    shown = set(re.findall(r'src="\.\./([^"]+)"', gallery.neighbours("phash", "../")))
    assert shown
    assert shown <= set(gallery.thumbnails())


def test_features_are_drawn_where_they_are_found():
    features = points.found("sift", "coffee")
    assert 100 < len(features) <= points.MOST
    sheet = points.drawn(gallery.photographs()["coffee"], features)
    blank = points.drawn(
        gallery.photographs()["coffee"],
        points.found("sift", "coffee").__class__(
            *(each[:0] for each in (features.points, features.scales, features.angles, features.descriptors)),
            features.size,
        ),
    )
    inked = (sheet != blank).any(axis=2)
    assert 0 < inked.mean() < 0.3
    for x, y in 2 * features.points:
        assert inked[round(float(y)), round(float(x))]
    shown = re.findall(r'src="\.\./([^"]+)"', points.figure("sift", "../"))
    assert len(shown) == len(points.SHOWN)
    assert set(shown) <= set(points.images())


@pytest.mark.parametrize("name", ["sift", "akaze", *matches.REFINERS])
def test_what_matches_lies_where_the_view_puts_it(name):
    photo, view = matches._pair()
    found = matches._found(name)
    assert found.alike
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    pixels = np.column_stack([corners * photo.shape[1::-1], np.ones(4)]) @ matches._VIEW.T
    moved = np.column_stack([corners, np.ones(4)]) @ found.homography.T
    right = pixels[:, :2] / pixels[:, 2:] / view.shape[1::-1]
    aslant = 0.15 if name == "verify" else 0.04  # whose transform has no vanishing points
    assert moved[:, :2] / moved[:, 2:] == pytest.approx(right, abs=aslant)
    (shown,) = re.findall(r'src="\.\./([^"]+)"', matches.figure(name, "../"))
    assert matches.images()[shown][:2] == b"\xff\xd8"


def test_every_command_is_documented_with_every_option():
    page = commands.page()
    said = nearsight("--help").stdout
    listed = re.findall(r"^  (\w+) ", said.partition("Commands:\n")[2].partition("\n\n")[0], re.M)
    assert listed == list(commands.commands())
    groups = {name: commands.parts_of(each) for name, each in commands.commands().items()}
    assert set(groups["models"]) == {"list", "get", "add", "verify"}
    assert set(groups["duplicates"]) == {"decide", "decisions", "import", "undo", "apply", "restore"}
    for name in [*listed, *(f"{name} {inner}" for name, group in groups.items() for inner in group)]:
        part = re.split("\n##+ ", page.partition(f"# {name}\n")[2])[0]
        told = nearsight(*name.split(), "--help").stdout
        assert f"```sh\nnearsight {name}" in part
        for option in set(re.findall(r"^\s+(--?[a-z][\w-]*)", told, re.M)) - {"--help", "-h"}:
            assert re.search(rf"^\| `{option}[ `]", part, re.M), (name, option)


def test_the_python_face_is_whole():
    page = face.page()
    for name in set(ns.__all__) - {"__version__", "NearsightError"}:
        prefix = "ns." if inspect.isfunction(getattr(ns, name)) else ""
        assert f"\n## {prefix}{name}\n" in page, name
    assert "\nns.colours(\n    image: " in page
    assert "\n## ns.open\n\n```text\nns.open(\n    folder: str | Path = '.',\n    *,\n" in page
    for name, member in vars(ns.Collection).items():
        if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property)):
            assert f"\n### {name}\n" in page, name
    for reason in ns.Reason:
        assert f"| `{reason.name}` | `{reason.value}` |" in page
    assert "└── CollectionError" in page


def test_a_new_file_gets_its_page(tmp_path):
    source = (ROOT / "src/nearsight/descriptors/tiny.py").read_text("utf8")
    (tmp_path / "minute.py").write_text(source.replace("class Tiny", "class Minute").replace("Tiny()", "Minute()"))
    code = (
        f"import nearsight.descriptors; nearsight.descriptors.__path__.append({str(tmp_path)!r})\n"
        "from docs_build import recipes\n"
        "print(recipes.page('minute', recipes.own()['descriptors']['minute']), recipes.navigation())"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, filter(None, sys.path)))}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment, cwd=ROOT
    )
    assert done.stdout.startswith("# minute\n\n**The image itself in 32 x 32 pixels")
    assert '<figure class="neighbours">' in done.stdout
    assert "{'minute': 'recipes/minute.md'}" in done.stdout
