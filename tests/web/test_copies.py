"""Copies, the areas in which they differ, and what is said where there are none."""

from __future__ import annotations

import re
import shutil

import pytest
from PIL import Image, ImageDraw

import nearsight as ns
from tests.conftest import by_default
from tests.web.conftest import ROOT, serving
from tests.web.test_page import HITS, asked, asks, check, pick, settled

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright").expect

SIZE = (451, 300)
SPOTS = ((40, 30, 110, 90), (330, 220, 390, 270))
"""What is painted over a photograph of this size, in its pixels."""
DIFFERS = re.compile(r"2 areas differ: \d+\.\d %, \d+\.\d % of what both have in common")
NO_COPY = "No image of this collection is a copy of yours."
LAID = "document.querySelector('.stage svg').width.baseVal.value > 100"
"""Whether the drawing has the size of its place."""
PLACES = """() => {
  const of = ({ x, y, width, height }) => [x, y, width, height].map((each) => each.baseVal.value);
  const boxes = (select) => [...document.querySelectorAll(select)].map(of).map(([x, y, w, h]) => [x, y, x + w, y + h]);
  const images = boxes(".stage > svg > svg, .stage > svg > image");
  return { images: [images[0], images.at(-1)], frames: boxes(".change .dashes") };
}"""
"""Query, hit and frames as drawn, in pixels: a box on the screen would hold what is clipped, too."""


@pytest.fixture(scope="module")
def folder(images, tmp_path_factory):
    """Two folders of photographs, the first indexed by object too; an edited copy of one of them, and noise."""
    place = tmp_path_factory.mktemp("copies")
    for name in ("Prints", "Slides"):
        shutil.copytree(images / "Glass plates", place / name)
    ns.index(place / "Prints", by=["object"]).close()
    with Image.open(place / "Prints/sub/chelsea.png") as photograph:
        edited = photograph.convert("RGB")
    assert edited.size == SIZE
    draw = ImageDraw.Draw(edited)
    draw.ellipse(SPOTS[0], fill=(30, 60, 190))
    draw.rectangle(SPOTS[1], fill=(220, 220, 40))
    edited.save(place / "edited.jpg", quality=90)
    shutil.copy(images / "noise.png", place)
    return place


@pytest.fixture(scope="module")
def service(folder):
    with serving(str(folder / "Prints"), str(folder / "Slides")) as address:
        yield address


def opened(visit, folder, **options):
    """The page with the edited copy open, and what differs framed in both images."""
    page = pick(visit("?in=prints", **options), folder / "edited.jpg")
    page.locator(HITS).first.click()
    expect(page.locator(".change")).to_have_count(4)
    page.wait_for_function(LAID)
    return page


def altered(page, change):
    """Changes what the service answers to searches from now on."""

    def fulfil(route):
        response = route.fetch(headers={**route.request.headers, "accept": "application/json"})
        answer = response.json()
        change(answer)
        route.fulfill(response=response, json=answer)

    page.route("**/search?*", fulfil)


def spoken(page, text):
    expect(page.get_by_role("status").filter(has_text=text)).to_have_count(1)


def drawn(image, box, part=(0, 0, *SIZE)):
    """Where a box in pixels of an image lies in the drawing, in which this part of the image has this place."""
    scales = [(image[at + 2] - image[at]) / (part[at + 2] - part[at]) for at in (0, 1)]
    return [image[at % 2] + (value - part[at % 2]) * scales[at % 2] for at, value in enumerate(box)]


def holds(frame, box, more=0):
    """Whether a box lies in a frame, or sticks out by no more than so many pixels."""
    return all(frame[at] <= box[at] + more and frame[at + 2] >= box[at + 2] - more for at in (0, 1))


@pytest.mark.parametrize("size", [(1280, 800), (390, 844)], ids=["desktop", "phone"])
def test_what_differs_is_framed_in_both_images(visit, folder, size):
    page = opened(visit, folder, viewport={"width": size[0], "height": size[1]})
    places = page.evaluate(PLACES)
    for image in places["images"]:
        for spot in SPOTS:
            assert sum(holds(frame, drawn(image, spot)) for frame in places["frames"]) == 1
        inside = [frame for frame in places["frames"] if holds(image, frame, more=10)]
        assert len(inside) == 2
        for left, top, right, bottom in inside:
            assert (right - left) < 0.4 * (image[2] - image[0])
            assert (bottom - top) < 0.5 * (image[3] - image[1])


def test_what_differs_is_said(visit, folder):
    page = pick(visit("?in=prints"), folder / "edited.jpg")
    expect(page.get_by_role("heading", name="1 copy")).to_be_visible()
    expect(page.locator("li.alike")).to_have_count(1)
    expect(page.locator("li.alike")).to_contain_text("edited copy")
    page.locator(HITS).first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("[aria-live=polite]").filter(has_text=DIFFERS)).to_have_count(1)
    expect(dialog.get_by_role("img", name=re.compile("frames in both where 2 areas differ"))).to_have_count(1)
    dialog.get_by_role("button", name="Next image").click()
    expect(page.locator("#hit-title")).to_contain_text("2.")
    expect(page.locator(".change")).to_have_count(0)
    expect(dialog.get_by_role("checkbox", name="Show the changed areas")).to_have_count(0)


def test_the_frames_are_taken_away_and_put_back(visit, folder):
    page = opened(visit, folder)
    switch = page.get_by_role("checkbox", name="Show the changed areas")
    expect(switch).to_be_checked()
    expect(switch).to_have_attribute("aria-keyshortcuts", "C")
    switch.uncheck()
    expect(page.locator(".change")).to_have_count(0)
    expect(page.locator(".stage line")).not_to_have_count(0)
    expect(page.get_by_role("img", name=re.compile("areas differ"))).to_have_count(0)
    expect(page.get_by_role("dialog")).to_contain_text(DIFFERS)
    page.keyboard.press("c")
    expect(switch).to_be_checked()
    expect(page.locator(".change")).to_have_count(4)
    page.get_by_role("checkbox", name="Show the matched points").uncheck()
    expect(page.locator(".change")).to_have_count(4)
    page.get_by_label("Another label").press_sequentially("cc c")
    expect(switch).to_be_checked()


def test_the_frames_of_a_box_lie_in_the_box(visit, folder):
    page = pick(visit("?in=prints"), folder / "edited.jpg")
    part = (10, 10, 260, 290)
    address = f"?in=prints&upload={asked(page)['upload']}&size={SIZE[0]}x{SIZE[1]}&box={','.join(map(str, part))}"
    page = visit(address)
    page.locator(HITS).first.click()
    expect(page.locator(".change")).to_have_count(2)
    expect(page.get_by_role("dialog")).to_contain_text(re.compile(r"1 area differs: \d+\.\d % of what both"))
    page.wait_for_function(LAID)
    places = page.evaluate(PLACES)
    query, hit = places["images"]
    assert [holds(frame, drawn(query, SPOTS[0], part)) for frame in places["frames"]] == [True, False]
    assert [holds(frame, drawn(hit, SPOTS[0])) for frame in places["frames"]] == [False, True]


def test_where_there_is_no_copy_another_sense_is_one_key_away(visit, folder):
    page = pick(visit("?in=prints"), folder / "noise.png")
    expect(page.get_by_role("heading", name="No copy found")).to_be_visible()
    expect(page.get_by_text(NO_COPY)).to_be_visible()
    spoken(page, "No copy found. Showing the nearest 5 images. A search by object looks for parts and other views.")
    button = page.get_by_role("button", name="Search by object: it looks for parts and other views")
    button.focus()
    with page.expect_response(re.compile("/search.*by=object")):
        page.keyboard.press("Enter")
    expect(page.locator("#results")).to_be_focused()
    asks(page, by="object", upload=True)
    settled(page)
    expect(page.get_by_role("radio", name=re.compile("^Object"))).to_be_checked()
    expect(button).to_have_count(0)
    expect(page.get_by_role("heading", name="No similar images")).to_be_visible()
    spoken(page, "No similar images.")


def test_a_sense_that_came_later_is_found(visit, folder):
    page = visit("?in=prints")
    earlier = {"senses": [{"name": "copy", "description": "altered", "supports_text": False}], "id": "prints"}
    earlier |= {"name": "Prints", "images": 5, "default_sense": "copy", "readonly": False, "job": None}
    page.route("**/api/collections", lambda route: route.fulfill(json=[earlier]))
    page.route("**/api/collections/prints", lambda route: route.fulfill(json=earlier))
    page.reload()
    pick(page, folder / "noise.png")
    expect(page.get_by_role("radio")).to_have_count(1)
    page.unroute("**/api/collections/prints")
    with page.expect_response(re.compile("/search.*by=object")):
        page.get_by_role("button", name=re.compile("^Search by object")).click()
    expect(page.get_by_role("radio", name=re.compile("^Object"))).to_be_checked()


def test_where_the_collection_lacks_that_sense_the_command_is_shown(visit, folder):
    page = pick(visit("?in=slides"), folder / "noise.png")
    hint = page.locator("p", has_text="adds a search that looks for parts and other views.")
    command = hint.locator("code")
    expect(command).to_have_text(re.compile(r"^nearsight index .*Slides.* --by object$"))
    expect(page.get_by_role("button", name=re.compile("^Search by object"))).to_have_count(0)
    spoken(page, "A command is shown that adds a search for parts and other views.")
    page.locator("#results").focus()
    page.keyboard.press("Tab")
    expect(command).to_be_focused()
    assert page.evaluate("String(getSelection())") == command.inner_text()


def test_too_little_structure_is_no_denial(visit, folder):
    page = visit("?in=prints")

    def plain(answer):
        answer["verdict"] = "too plain to judge"
        for hit in answer["hits"]:
            hit |= {"verdict": "too plain to judge", "alike": None}

    altered(page, plain)
    pick(page, folder / "noise.png")
    expect(page.get_by_role("heading", name="Too plain to judge")).to_be_visible()
    said = "Your image has too little structure to tell copies of it from other images."
    expect(page.get_by_text(said)).to_be_visible()
    expect(page.get_by_role("heading", name="The nearest images")).to_be_visible()
    expect(page.get_by_text("No copy")).to_have_count(0)
    expect(page.get_by_role("button", name=re.compile("^Search by object"))).to_be_visible()
    spoken(page, "Too plain to judge. Showing the nearest 5 images. A search by object")


def test_what_was_not_judged_stands_under_the_line(visit, folder):
    page = visit("?in=prints")
    altered(page, lambda answer: answer["hits"][1].update(verdict="too plain to judge", alike=None))
    pick(page, folder / "edited.jpg")
    expect(page.get_by_role("heading", name="1 copy")).to_be_visible()
    expect(page.locator("ol.grid.best li")).to_have_count(1)
    expect(page.locator("ol.grid.below li")).to_have_count(4)
    expect(page.locator("ol.grid.below li").first).to_contain_text("too plain to judge")
    expect(page.locator("li.alike")).to_have_count(1)
    spoken(page, "1 copy, 4 other images.")


def test_a_sense_that_ranks_denies_nothing(visit, folder):
    page = pick(visit("?in=slides&by=colour"), folder / "noise.png")
    expect(page.get_by_role("heading", name="The nearest images")).to_be_visible()
    expect(page.locator(HITS)).to_have_count(5)
    expect(page.locator("li.alike")).to_have_count(0)
    for denial in ("No similar", "No copy", "No image of", "Less similar"):
        expect(page.get_by_text(denial)).to_have_count(0)
    spoken(page, "5 images found, nearest first.")


@pytest.mark.parametrize(
    ("width", "scheme"), by_default([(390, "light"), (1280, "dark")], (390, "dark"), (1280, "light"))
)
def test_frames_and_hints_fit_and_serve_assistive_technology(visit, folder, width, scheme):
    source = ROOT / "web/node_modules/axe-core/axe.min.js"
    if not source.is_file():
        pytest.skip("axe-core is not installed: cd web && npm ci")
    options = {"bypass_csp": True, "color_scheme": scheme, "viewport": {"width": width, "height": 800}}
    page = opened(visit, folder, **options)
    page.add_script_tag(path=source)
    check(page, f"frames {width}")
    bounds = page.get_by_role("dialog").bounding_box()
    assert bounds["x"] + bounds["width"] <= width
    for name in ("prints", "slides"):
        page = pick(visit(f"?in={name}", **options), folder / "noise.png")
        page.add_script_tag(path=source)
        check(page, f"hint {name} {width}")
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
