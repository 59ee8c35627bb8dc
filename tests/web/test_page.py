"""What a person does with the page, and what it answers."""

from __future__ import annotations

import base64
import re
from urllib.parse import parse_qs

import pytest

from tests.conftest import by_default
from tests.web.conftest import ROOT, png

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright").expect

HITS = "ol.grid .open"
CARRY = """([type, data]) => {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], "carried.png", { type: "image/png" }));
  const name = type === "paste" ? "clipboardData" : "dataTransfer";
  const event = type === "paste" ? new ClipboardEvent(type, { [name]: transfer, bubbles: true, cancelable: true })
    : new DragEvent(type, { [name]: transfer, bubbles: true, cancelable: true });
  document.body.dispatchEvent(event);
}"""


def asked(page) -> dict[str, str]:
    """What the address asks, as the page itself has it: page.url comes a moment later."""
    return {name: values[0] for name, values in parse_qs(page.evaluate("location.search.slice(1)")).items()}


def asks(page, **wanted):
    """Waits until the address asks this: True is anything, None nothing of that name."""
    says = """(wanted) => {
      const said = new URLSearchParams(location.search);
      const is = (name, value) => value === true ? said.has(name) : said.get(name) === value;
      return Object.entries(wanted).every(([name, value]) => is(name, value));
    }"""
    page.wait_for_function(says, arg=wanted)


def asks_box(page, wanted, within):
    """Waits until the address asks with a box, each side of it at most so many pixels from what is wanted."""
    says = """([wanted, within]) => {
      const box = new URLSearchParams(location.search).get("box")?.split(",").map(Number);
      return box !== undefined && wanted.every((side, at) => Math.abs(side - box[at]) <= within);
    }"""
    page.wait_for_function(says, arg=[wanted, within])


def settled(page):
    """Waits until the page shows the answer to what is asked."""
    expect(page.locator("main")).to_have_attribute("aria-busy", "false")


def pick(page, path):
    page.locator("input[type=file]").set_input_files(path)
    page.locator(HITS).first.wait_for()
    settled(page)
    return page


def test_a_picked_image_finds_its_copy(visit, images):
    page = pick(visit(), images / "crop.jpg")
    first = page.locator(HITS).first
    expect(page.get_by_role("heading", name="1 copy")).to_be_visible()
    expect(first).to_contain_text("part")
    expect(first).to_contain_text("astronaut.png")
    expect(first).to_contain_text(re.compile(r"the query is \d+ % of this image"))
    expect(page.get_by_role("heading", name="The nearest other images")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="1 copy, 12 other images.")).to_have_count(1)


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_a_dropped_or_pasted_image_is_asked_with(visit, images, way):
    page = visit()
    page.get_by_role("button", name="Choose an image").wait_for()
    page.evaluate(CARRY, [way, base64.b64encode(png(images / "mirror.jpg")).decode()])
    expect(page.locator(HITS).first).to_contain_text("mirrored")


def test_a_box_is_drawn_moved_and_cleared_by_the_pointer(visit, images):
    page = pick(visit(), images / "crop.jpg")
    bounds = page.get_by_role("application").bounding_box()
    at = lambda x, y: (bounds["x"] + x * bounds["width"], bounds["y"] + y * bounds["height"])  # noqa: E731
    drag(page, at(0.25, 0.25), at(0.75, 0.75))
    asks_box(page, [85, 100, 255, 300], 3)
    drag(page, at(0.5, 0.5), at(0.6, 0.5))
    asks_box(page, [119, 100, 289, 300], 3)
    drag(page, at(0.85, 0.75), at(0.95, 0.9))
    asks_box(page, [119, 100, 323, 360], 4)
    page.get_by_role("button", name="Use the whole image").click()
    asks(page, box=None)


def test_a_box_can_be_drawn_as_soon_as_the_image_is_there(visit, images):
    page, held = visit(), []
    page.route(re.compile("/api/uploads/[0-9a-f]+$"), lambda route: held.append(route))
    pick(page, images / "crop.jpg")
    expect(page.get_by_alt_text("Your query")).to_have_count(1)
    expect(page.get_by_role("application")).to_have_count(0)
    held[0].continue_()
    page.get_by_role("application").wait_for()
    places = page.get_by_role("application"), page.get_by_alt_text("Your query")
    area, image = (each.bounding_box() for each in places)
    assert area == pytest.approx(image, abs=0.5)


def test_the_page_is_busy_until_the_answer_is_that_to_what_is_asked(visit, images):
    page = pick(visit(), images / "crop.jpg")
    page.get_by_role("application").focus()
    page.keyboard.press("ArrowRight")
    settled(page)
    page.clock.install()
    page.clock.pause_at("2100-01-01")
    page.keyboard.press("ArrowRight")
    asks(page, box="93,100,263,300")
    expect(page.locator("main")).to_have_attribute("aria-busy", "true")
    page.keyboard.press("ArrowLeft")  # what is asked is what was answered
    settled(page)
    page.keyboard.press("ArrowRight")
    with page.expect_response(re.compile("/search.*box=93")):
        page.clock.run_for(1000)
    settled(page)


def drag(page, start, end):
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=4)
    page.mouse.up()


def test_a_box_by_keyboard(visit, images):
    page = pick(visit(), images / "crop.jpg")
    area = page.get_by_role("application")
    area.focus()
    page.keyboard.press("ArrowRight")
    asks(page, box="85,100,255,300")
    with page.expect_response(lambda response: "box=93,100,263,308" in response.url.replace("%2C", ",")) as found:
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Shift+ArrowDown")
    expect(area).to_have_attribute("aria-label", re.compile("93, 100 to 263, 308"))
    assert found.value.ok
    page.keyboard.press("Escape")
    asks(page, box=None)


def test_the_matched_points_of_a_box_lie_in_the_box(visit, images):
    page = pick(visit(), images / "mirror.jpg")
    area = page.get_by_role("application")
    area.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("main")).to_have_attribute("aria-busy", "false")
    page.locator(HITS).first.click()
    page.locator(".stage line").first.wait_for()
    page.wait_for_function("document.querySelector('.stage svg').width.baseVal.value > 100")
    inside = page.evaluate(
        """() => { const b = document.querySelector(".stage svg svg").getBoundingClientRect();
        return [...document.querySelectorAll(".stage line")].map((line) => {
          const at = document.querySelector(".stage > svg").getBoundingClientRect();
          const x = at.x + line.x1.baseVal.value, y = at.y + line.y1.baseVal.value;
          return x >= b.x - 2 && x <= b.right + 2 && y >= b.y - 2 && y <= b.bottom + 2; }); }"""
    )
    assert inside
    assert all(inside)


def test_a_palette_of_weighted_colours(visit):
    page = visit()
    page.get_by_role("button", name="Colours", exact=True).click()
    page.get_by_role("button", name="Add orange").click()
    page.get_by_role("button", name="Add black").click()
    asks(page, colours="e07b24:50,1c1b19:50")
    page.get_by_role("slider", name="Share of orange").focus()
    with page.expect_response(lambda response: "e07b24%3A0.667" in response.url) as found:
        page.keyboard.press("End")
    assert found.value.ok
    asks(page, colours="e07b24:100,1c1b19:50")
    expect(page.locator(HITS)).not_to_have_count(0)
    page.get_by_role("button", name="Remove orange").click()
    asks(page, colours="1c1b19:50")


def test_the_sense_is_chosen_among_those_there_are(visit, images):
    page = pick(visit(), images / "crop.jpg")
    senses = page.get_by_role("radio")
    assert [each.get_attribute("value") for each in senses.all()] == ["copy", "colour", "scene", "part"]
    expect(page.get_by_role("radio", name="Copy the same image, altered")).to_be_checked()
    with page.expect_response(lambda response: "by=colour" in response.url):
        page.get_by_role("radio", name=re.compile("^Colour")).check()
    asks(page, by="colour")
    expect(page.locator(HITS)).not_to_have_count(0)


def test_words_find_images_by_name(visit):
    page = visit()
    page.get_by_role("button", name="Words").click()
    page.get_by_label("Words", exact=True).fill("china")
    page.keyboard.press("Enter")
    expect(page.locator(HITS).first).to_contain_text("china.jpg")
    asks(page, words="china")


def test_only_what_the_collection_offers_is_shown(visit):
    page = visit()
    page.get_by_role("button", name="Words").wait_for()
    poor = {"id": "p", "name": "Poor", "images": 3, "default_sense": "copy", "readonly": True, "job": None}
    poor |= {"senses": [{"name": "copy", "description": "altered"}], "skipped": {}, "bytes": 1, "generation": 1}
    page.route("**/api/collections", lambda route: route.fulfill(json=[poor]))
    page.route("**/api/collections/p", lambda route: route.fulfill(json=poor))
    page.goto(page.url.partition("?")[0])
    page.get_by_role("button", name="3 images").click()
    expect(page.get_by_role("dialog")).to_contain_text("cannot change the collection")
    expect(page.get_by_role("button", name="Look for new images")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    for name in ("Words", "Colours"):
        expect(page.get_by_role("button", name=name, exact=True)).to_have_count(0)


def test_a_hit_shows_its_matched_points_and_gives_the_focus_back(visit, images):
    page = pick(visit(), images / "crop.jpg")
    page.locator(HITS).first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="astronaut.png")).to_be_visible()
    page.locator(".stage line").first.wait_for()
    page.locator(".stage line").nth(7).wait_for()
    assert page.locator(".stage polygon.outline").first.get_attribute("points").count(",") == 4
    expect(dialog).to_contain_text("sub/astronaut.png")
    expect(dialog).to_contain_text("compared cells agree")
    expect(page).to_have_url(re.compile("hit="))
    dialog.get_by_role("checkbox").uncheck()
    expect(page.locator(".stage line")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page).not_to_have_url(re.compile("hit="))
    expect(page.locator(HITS).first).to_be_focused()


def test_more_like_this_asks_with_the_hit(visit, images):
    page = pick(visit(), images / "crop.jpg")
    page.locator(HITS).first.click()
    page.get_by_role("button", name="Search with this image").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator(HITS).first).to_contain_text("astronaut.png")
    asks(page, id=True, upload=None)
    expect(page.get_by_alt_text("Your query")).to_have_js_property("naturalWidth", 512)


def test_nothing_like_it_is_said_clearly(visit, images):
    page = pick(visit(), images / "noise.png")
    expect(page.get_by_role("heading", name="No copy found")).to_be_visible()
    expect(page.get_by_text("No image of this collection is a copy of yours.")).to_be_visible()
    expect(page.get_by_role("heading", name="The nearest images")).to_be_visible()
    expect(page.locator("li.alike")).to_have_count(0)


def test_a_file_that_is_no_image_is_refused_with_a_way_out(visit, tmp_path):
    (tmp_path / "letter.jpg").write_text("Dear Sir")
    page = visit(expected="422")
    page.locator("input[type=file]").set_input_files(tmp_path / "letter.jpg")
    expect(page.get_by_role("alert")).to_contain_text("JPEG")
    expect(page.get_by_role("button", name="Choose an image")).to_be_visible()


def test_the_address_holds_everything(visit, images):
    page = pick(visit(), images / "crop.jpg")
    page.get_by_role("radio", name=re.compile("^Scene")).check()
    settled(page)
    page.locator(HITS).nth(1).click()
    name = page.locator("#hit-title").inner_text()
    page.reload()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.locator("input[value=scene]")).to_be_checked()
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("combobox", name="Collection").select_option(label="Glass plates")
    expect(page).to_have_title("Glass plates · nearsight")
    page.go_back()
    expect(page).to_have_title("Estate of M. Braun · nearsight")
    page.go_back()
    page.go_forward()
    expect(page.locator(HITS)).not_to_have_count(0)


def test_back_closes_a_hit_and_forward_opens_it(visit, images):
    page = pick(visit(), images / "crop.jpg")
    page.locator(HITS).nth(2).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.go_forward()
    expect(page.get_by_role("dialog")).to_be_visible()


def test_keyboard_alone(visit, images):
    page = visit()
    page.get_by_role("button", name="Choose an image").wait_for()
    page.on("filechooser", lambda _: None)  # the browser hands choosers over from now on, well before the key
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == "Choose an image":
            break
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(images / "crop.jpg")
    page.locator(HITS).first.wait_for()
    page.get_by_role("application").wait_for()
    settled(page)
    for _ in range(20):
        page.keyboard.press("Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        if page.evaluate("document.activeElement.matches('ol.grid .open')"):
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#hit-title")).to_contain_text("2.")
    page.keyboard.press("Escape")
    expect(page.locator(HITS).nth(1)).to_be_focused()


def test_the_state_of_the_collection(visit):
    page = visit()
    page.get_by_role("button", name="13 images, 2 files skipped").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("summary").first.click()
    expect(dialog.locator("details li").first).to_contain_text(".jpg")
    dialog.get_by_role("button", name="Look for new images").click()
    expect(dialog.get_by_role("status")).to_contain_text(re.compile("Done|Cancelled"))
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_an_ingest_shows_its_progress_and_can_be_cancelled(visit):
    page = visit()
    page.get_by_role("button", name=re.compile("^13 images")).wait_for()
    told = 'event: progress\ndata: {"step": "describing", "done": 3, "total": 12}\n\n'
    page.route("**/jobs", lambda route: route.fulfill(status=202, json={"id": "j"}))
    headers = {"content-type": "text/event-stream"}
    page.route("**/jobs/j/events", lambda route: route.fulfill(headers=headers, body=told))
    page.route("**/jobs/j", lambda route: route.fulfill(status=202, json={"id": "j"}))
    page.get_by_role("button", name=re.compile("^13 images")).click()
    page.get_by_role("button", name="Look for new images").click()
    expect(page.get_by_role("progressbar", name="Indexing images: 3 of 12")).to_be_visible()
    with page.expect_request(lambda request: request.method == "DELETE"):
        page.get_by_role("button", name="Cancel").click()


def test_a_service_that_is_gone_is_said_and_found_again(visit):
    page = visit(expected="ERR_FAILED")
    page.get_by_role("button", name="Choose an image").wait_for()
    page.route("**/api/**", lambda route: route.abort())
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("does not respond")
    page.unroute("**/api/**")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("button", name="Choose an image")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_light_and_dark(visit):
    page = visit(color_scheme="dark")
    background = "getComputedStyle(document.documentElement).backgroundColor"
    page.get_by_role("button", name="Use the light theme").wait_for()
    dark = page.evaluate(background)
    page.get_by_role("button", name="Use the light theme").click()
    page.get_by_role("button", name="Use the dark theme").wait_for()
    light = page.evaluate(background)
    assert sum(map(int, re.findall(r"\d+", light))) > sum(map(int, re.findall(r"\d+", dark))) + 300
    page.reload()
    page.get_by_role("button", name="Use the dark theme").wait_for()
    assert page.evaluate(background) == light


@pytest.mark.parametrize("width", by_default([360, 1600], [900]))
def test_nothing_sticks_out_at_any_width(visit, images, width):
    page = visit(viewport={"width": width, "height": 740})
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    page.get_by_role("button", name="Choose an image").wait_for()
    assert page.evaluate(wide) <= 0
    pick(page, images / "crop.jpg")
    assert page.evaluate(wide) <= 0
    if width == 360:
        page.get_by_role("button", name="Similarity: copy (change)").click()
        expect(page.get_by_role("radio")).to_have_count(4)
    page.locator(HITS).first.click()
    bounds = page.get_by_role("dialog").bounding_box()
    assert bounds["x"] >= 0
    assert bounds["x"] + bounds["width"] <= width
    expect(page.get_by_role("button", name="Search with this image")).to_be_in_viewport()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_trouble_for_assistive_technology(visit, images, scheme):
    source = ROOT / "web/node_modules/axe-core/axe.min.js"
    if not source.is_file():
        pytest.skip("axe-core is not installed: cd web && npm ci")
    # The page's policy lets no foreign script in; a test may pass it by.
    page = visit(color_scheme=scheme, bypass_csp=True)
    page.get_by_role("button", name="Choose an image").wait_for()
    page.add_script_tag(path=source)
    check(page, "start")
    pick(page, images / "crop.jpg")
    check(page, "found")
    page.locator(HITS).first.click()
    page.locator(".stage line").first.wait_for()
    check(page, "hit")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name=re.compile("^13 images")).click()
    page.locator("dialog summary").first.click()
    check(page, "collection")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.route(
        "**/search?*",
        lambda route: route.fulfill(
            json={"recipe": "", "verdict": "", "empty_because": "", "total": 0, "seconds": 0, "hits": []}
        ),
    )
    page.get_by_role("button", name="Colours", exact=True).click()
    page.get_by_role("button", name="Add red").click()
    expect(page.get_by_role("heading", name="No images")).to_be_visible()
    check(page, "colours")


def check(page, state):
    found = page.evaluate("axe.run(document).then((result) => result.violations)")
    serious = [each for each in found if each["impact"] in ("serious", "critical")]
    assert not serious, (state, [(each["id"], each["nodes"][0]["html"][:200]) for each in serious])


def test_the_page_is_small(service):
    import gzip

    folder = ROOT / "src/nearsight/server/static"
    size = sum(len(gzip.compress(path.read_bytes())) for path in folder.rglob("*") if path.is_file())
    assert size < 120_000
