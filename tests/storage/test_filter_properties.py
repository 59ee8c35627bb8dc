"""Filters against the same conditions in plain Python, over drawn images in several scripts."""

from __future__ import annotations

import itertools
import math
import os
import unicodedata
from calendar import monthrange

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearsight.errors import UsageError
from nearsight.storage.catalogue_writer import CatalogueWriter
from nearsight.storage.filters import parse_filter
from nearsight.storage.filters.conditions import pattern_test
from nearsight.storage.records import DetailRecord, ImageRecord, LabelState, NoteRecord

FOLDERS = [
    "",
    "Москва",
    "Москва/Старая",
    "moscow",
    "Moscow old",
    "été",
    "e\u0301te\u0301/x",
    "ΑΘΗΝΑ",
    "Straße",
    "写真/夏",
]
TAGS = ["dog", "Dog house", "ΣΚΎΛΟΣ", "собака", "Hund", "İstanbul", "犬", "कुत्ता", "straße", "ﬁsh"]
CAMERAS = [None, "Canon EOS 5D", "NIKON D3", "Зенит", "ＦＵＪＩ X"]
TAKEN = [None, "1993", "1965-07", "1993-05", "1993-05-01", "1993-05-01T10:00:00", "2012-02-29T23:59:59", "2012-12-31"]
PLACES = [(None, None), (48.8584, 2.2945), (48.85, 2.35), (0.0, 179.99), (0.0, -179.99), (89.9, 10.0), (89.9, -170.0)]
SIGNS = ["=", "!=", "<", "<=", ">", ">="]


def drawn_images():
    made = []
    for number in range(1, 181):
        north, east = PLACES[number % 7]
        path = "/".join(filter(None, (FOLDERS[number % 10], f"Foto{number:03}.JPG")))
        width, height = 100 * (number % 5 + 1), 100 * (number % 3 + 1)
        taken, camera = TAKEN[number % 8], CAMERAS[number % 5]
        facts = (number, path.encode(), number * 10, 5, 9, b"x" * 32, width, height)
        made.append(ImageRecord(*facts, ["JPEG", "PNG", "TIFF"][number % 3], taken, camera, north, east))
    return made


IMAGES = drawn_images()
TAGS_OF = {each.id: [TAGS[(each.id + step) % 10] for step in range(each.id % 4)] for each in IMAGES}
LABELS_OF = {each.id: [TAGS[each.id % 10]] if each.id % 6 == 0 else [] for each in IMAGES}
DETAILS = {
    each.id: {
        "iso": [None, 100, 1600][each.id % 3],
        "lens": [None, "EF 50mm", "Гелиос-44"][each.id % 3],
        "rating": [None, -1, 0, 3, 5][each.id % 5],
        "creator": ["Ann", "Анна", None][each.id % 3],
        "altitude": [None, 35.5, -400.0][each.id % 3],
        "city": ["Zürich", "Ann", None, "ZU\u0308RICH"][each.id % 4],
        "country": ["Schweiz", "ann", None][each.id % 3],
        "page": [1, 2, 3][each.id % 3],
        "pages": [3, 4][each.id % 2],
        "read_share": [1.0, 0.97][each.id % 2],
    }
    for each in IMAGES
}


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    made = CatalogueWriter(tmp_path_factory.mktemp("drawn"))
    with made.transaction():
        for image in IMAGES:
            made.put_image(image)
            tags = TAGS_OF[image.id]
            caption = f"A {tags[0]} here.\nТо же: {tags[-1]}" if tags else ""
            note = NoteRecord(image.path, image.path, caption, "\n".join(tags))
            made.put_notes(image.path, [note] if tags else [])
            made.put_labels(image, "model", [(label, 0.5) for label in LABELS_OF[image.id]])
            made.put_label(image, "dropped label", LabelState.DROPPED)
    put_details(made)
    yield made
    made.close()


def put_details(made):
    with made.transaction():
        for image_id, said in DETAILS.items():
            known = {name: value for name, value in said.items() if name != "pages"}
            made.details.put(DetailRecord(image_id, n_pages=said["pages"], **known))


def plain(text):
    """Case and normal form folded, by the standard's definition of a caseless match."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return unicodedata.normalize("NFKC", folded.replace("i\u0307", "i").replace("ı", "i"))


def found(catalogue, text):
    return set(catalogue.filter_ids(parse_filter(text)))


def holding(test):
    return {image.id for image in IMAGES if test(image)}


def folder_of(image):
    return plain(os.fsdecode(image.path)).rpartition("/")[0]


COMPARED = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
NUMBERS = {
    "width": lambda p: p.width,
    "height": lambda p: p.height,
    "pixels": lambda p: p.width * p.height,
    "bytes": lambda p: p.size,
    "latitude": lambda p: p.latitude,
    "id": lambda p: p.id,
    **{
        name: (lambda p, name=name: DETAILS[p.id][name])
        for name in ("iso", "rating", "altitude", "page", "pages", "read_share")
    },
    "year": lambda p: int(p.taken[:4]) if p.taken else None,
    "month": lambda p: int(p.taken[5:7]) if p.taken and len(p.taken) > 4 else None,
}
TEXTS = {
    "camera": lambda p: p.camera,
    "format": lambda p: p.format,
    "name": lambda p: os.fsdecode(p.path).rpartition("/")[2],
    **{name: (lambda p, name=name: DETAILS[p.id][name]) for name in ("lens", "creator", "city", "country")},
}


@settings(deadline=None)
@given(st.sampled_from(sorted(NUMBERS)), st.sampled_from(SIGNS), st.sampled_from([-400, 0, 1, 2, 5, 100, 300, 1993]))
def test_numbers(catalogue, name, sign, value):
    wanted = holding(lambda p: (v := NUMBERS[name](p)) is not None and COMPARED[sign](v, value))
    assert found(catalogue, f"{name} {sign} {value}") == wanted


@settings(deadline=None)
@given(st.sampled_from(sorted(NUMBERS)), st.sampled_from(SIGNS), st.sampled_from(sorted(NUMBERS)))
def test_numbers_against_numbers(catalogue, name, sign, other):
    def holds(p):
        pair = NUMBERS[name](p), NUMBERS[other](p)
        return None not in pair and COMPARED[sign](*pair)

    assert found(catalogue, f"{name} {sign} {other}") == holding(holds)


@settings(deadline=None)
@given(
    st.sampled_from(sorted(TEXTS)),
    st.sampled_from(SIGNS),
    st.sampled_from(
        [*filter(None, CAMERAS), "jpeg", "ЗЕНИТ", "fuji x", "ann", "АННА", "zürich", "foto007.jpg", "гелиос-44"]
    ),
)
def test_texts(catalogue, name, sign, value):
    wanted = holding(lambda p: (v := TEXTS[name](p)) is not None and COMPARED[sign](plain(v), plain(value)))
    assert found(catalogue, f'{name} {sign} "{value}"') == wanted


@settings(deadline=None)
@given(st.sampled_from(sorted(TEXTS)), st.sampled_from(SIGNS), st.sampled_from(sorted(TEXTS)))
def test_texts_against_texts(catalogue, name, sign, other):
    def holds(p):
        pair = TEXTS[name](p), TEXTS[other](p)
        return None not in pair and COMPARED[sign](*map(plain, pair))

    assert found(catalogue, f"{name} {sign} {other}") == holding(holds)


@pytest.mark.parametrize("tag", [*TAGS, "DOG", "σκύλος", "СОБАКА", "istanbul", "FISH", "STRASSE", "house", "cat"])
def test_one_of_the_tags_or_labels(catalogue, tag):
    for name, of in (("tags", TAGS_OF), ("labels", LABELS_OF)):
        has = holding(lambda p, of=of: plain(tag) in map(plain, of[p.id]))
        everything = {image.id for image in IMAGES}
        assert found(catalogue, f'{name} = "{tag}"') == has
        assert found(catalogue, f'{name} != "{tag}"') == everything - has
        assert found(catalogue, f'{name} in ("{tag}", nothing)') == has
        assert found(catalogue, f'{name} not in ("{tag}")') == everything - has
        parts = holding(lambda p, of=of: any(plain(tag) in plain(each) for each in of[p.id]))
        assert found(catalogue, f'{name} like "%{tag}%"') == parts
        assert found(catalogue, f'{name} not like "%{tag}%"') == everything - parts
        assert found(catalogue, f"{name} is known") == holding(lambda p, of=of: bool(of[p.id]))
        assert found(catalogue, f"{name} is not known") == holding(lambda p, of=of: not of[p.id])


def test_a_value_without_quotes_in_any_script(catalogue):
    for tag in ("собака", "कुत्ता", "犬", "σκύλος"):
        assert found(catalogue, f"tags = {tag}") == found(catalogue, f'tags = "{tag}"') != set()


def test_quotes_of_all_kinds(catalogue):
    for quoted in ("'Dog house'", "“dog house”", "„dog house“", "«dog house»", "‘dog house’"):
        assert found(catalogue, f"tags = {quoted}") == holding(lambda p: "Dog house" in TAGS_OF[p.id])


def test_a_caption_is_compared_line_by_line(catalogue):
    has = holding(lambda p: "dog" in TAGS_OF[p.id][:1])
    assert found(catalogue, 'caption = "a DOG here."') == has != set()
    assert found(catalogue, 'caption like "то же:%"') == holding(lambda p: bool(TAGS_OF[p.id]))
    assert found(catalogue, 'caption like "a%то же%"') == set()


@pytest.mark.parametrize(
    "typed",
    ["москва", "МОСКВА/", "./Москва", "/Москва/Старая", "Москва\\Старая", ".\\москва\\", "C:\\Москва", "ÉTÉ", "été/X"],
)
def test_a_folder_as_it_is_typed(catalogue, typed):
    wanted = plain(typed.replace("\\", "/").removeprefix("C:")).removeprefix("./").strip("/")
    inside = holding(lambda p: f"{folder_of(p)}/".startswith(f"{wanted}/"))
    assert found(catalogue, f"folder = '{typed}'") == inside != set()
    assert found(catalogue, f"folder != '{typed}'") == {image.id for image in IMAGES} - inside


def test_a_path_as_it_is_typed(catalogue):
    for image in IMAGES:
        path = os.fsdecode(image.path)
        for typed in (
            path.upper(),
            path.replace("/", "\\"),
            f"./{path}",
            f"/{path}",
            unicodedata.normalize("NFD", path),
        ):
            assert found(catalogue, f'path = "{typed}"') == {image.id}


def seconds(text):
    """First and last second of a date."""
    parts = [text[:4], text[5:7], text[8:10], text[11:13], text[14:16], text[17:19]]
    first = [int(part or least) for part, least in zip(parts, (0, 1, 1, 0, 0, 0), strict=True)]
    month = int(parts[1] or 12)
    most = (0, 12, monthrange(first[0], month)[1], 23, 59, 59)
    return first, [int(part or limit) for part, limit in zip(parts, most, strict=True)]


@settings(deadline=None)
@given(
    st.sampled_from(SIGNS),
    st.sampled_from(
        ["1993", "1993-05", "1965-07", "1965", "1993-05-01", "2012-02", "2012-02-29", "2012-12-31T00:00:00"]
    ),
)
def test_dates_compare_by_truth(catalogue, sign, value):
    """It holds where it holds whatever second the image was taken in, of those that its date leaves."""
    low, high = seconds(value)

    def holds(p):
        if p.taken is None:
            return False
        first, last = seconds(p.taken)
        sure = {"<": last < low, "<=": last <= high, ">": first > high, ">=": first >= low}
        return (sure | {"=": low <= first and last <= high, "!=": last < low or first > high})[sign]

    assert found(catalogue, f"taken {sign} {value}") == holding(holds)


def test_a_year_means_its_days(catalogue):
    assert found(catalogue, "taken = 1993") == holding(lambda p: (p.taken or "").startswith("1993"))
    assert found(catalogue, "taken = 1993-05") == holding(lambda p: (p.taken or "").startswith("1993-05"))
    assert found(catalogue, "taken in (1965, 2012-02)") == holding(
        lambda p: (p.taken or "")[:4] in ("1965",) or (p.taken or "").startswith("2012-02")
    )


def chord_km(a, b):
    """The distance of two points along the surface, by the angle between their vectors."""
    vectors = []
    for north, east in (a, b):
        north, east = math.radians(north), math.radians(east)
        vectors.append((math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north)))
    chord = math.dist(*vectors)
    return 6371.0088 * 2 * math.asin(min(1, chord / 2))


POINTS = [*PLACES[1:], (48.0, 2.0), (-90, 0)]


@pytest.mark.parametrize(("point", "reach"), list(itertools.product(POINTS, ["25 km", "4500m", "2000 mi", "1"])))
def test_near_a_point_also_across_the_date_line_and_the_pole(catalogue, point, reach):
    km = float(reach.rstrip("kmi ")) * {"25 km": 1, "4500m": 0.001, "2000 mi": 1.609344, "1": 1}[reach]
    wanted = holding(lambda p: p.latitude is not None and chord_km((p.latitude, p.longitude), point) <= km)
    assert found(catalogue, f"near({point[0]}, {point[1]}, {reach})") == wanted


def test_near_across_the_date_line_finds_the_other_side(catalogue):
    assert found(catalogue, "near(0, 179.99, 3 km)") == holding(lambda p: p.latitude == 0)
    assert found(catalogue, "near(90, 0, 12 km)") == holding(lambda p: p.latitude == 89.9)


def test_orientation(catalogue):
    for name, holds in (
        ("portrait", lambda p: p.height > p.width),
        ("landscape", lambda p: p.height < p.width),
        ("square", lambda p: p.height == p.width),
    ):
        assert found(catalogue, f"orientation = {name}") == holding(holds)
        assert found(catalogue, f"orientation != {name.upper()}") == holding(lambda p, holds=holds: not holds(p))
    assert found(catalogue, "orientation in (portrait, square)") == holding(lambda p: p.height >= p.width)


TERMS = st.sampled_from(
    [
        ("width >= 300", lambda p: p.width >= 300),
        ("tags = dog", lambda p: "dog" in TAGS_OF[p.id]),
        ("camera is unknown", lambda p: p.camera is None),
        ("camera like '%зенит%'", lambda p: p.camera == "Зенит"),
        ("camera not like 'n%'", lambda p: p.camera is not None and p.camera[0] != "N"),
        ("format = jpg", lambda p: p.format == "JPEG"),
        ("rating >= 3", lambda p: (DETAILS[p.id]["rating"] or 0) >= 3),
        ("latitude > 50", lambda p: p.latitude is not None and p.latitude > 50),
    ]
)
TREES = st.recursive(
    TERMS,
    lambda inner: st.one_of(
        inner.map(lambda a: (f"not ({a[0]})", lambda p: not a[1](p))),
        st.tuples(inner, inner).map(lambda ab: (f"({ab[0][0]}) AND {ab[1][0]}", lambda p: ab[0][1](p) and ab[1][1](p))),
        st.tuples(inner, inner).map(
            lambda ab: (f"(({ab[0][0]}) or ({ab[1][0]}))", lambda p: ab[0][1](p) or ab[1][1](p))
        ),
    ),
    max_leaves=6,
)


@settings(deadline=None)
@given(TREES)
def test_combinations(catalogue, tree):
    text, holds = tree
    if " AND (" not in text and ") AND " in text and " or " in text:
        return
    assert found(catalogue, f"({text})") == holding(holds)


@given(st.text("ab%_", max_size=12), st.text("ab\n", max_size=14))
def test_patterns_mean_what_a_slow_comparison_says(pattern, text):
    def like(p, t):
        if not p:
            return not t
        if p[0] == "%":
            return like(p[1:], t) or (bool(t) and like(p, t[1:]))
        return bool(t) and p[0] in (t[0], "_") and like(p[1:], t[1:])

    assert pattern_test(pattern)(text) == like(pattern, text)


def test_a_pattern_takes_no_time_that_grows_with_its_wildcards():
    assert not pattern_test("%a_" * 60 + "b")("a" * 4000)


def test_a_catalogue_without_details_says_what_to_run(tmp_path):
    made = CatalogueWriter(tmp_path)
    made.db.execute("PRAGMA user_version=7")
    with pytest.raises(UsageError, match="before rating was read: run nearsight index"):
        made.filter_ids(parse_filter("rating > 3"))
    made.close()
