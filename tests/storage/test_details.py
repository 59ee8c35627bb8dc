from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import nearsight as ns
from nearsight.api.indexing import repair
from nearsight.errors import DamagedError, Reason, UsageError
from nearsight.metadata.facts import Facts
from nearsight.storage.catalogue import Catalogue
from nearsight.storage.catalogue_writer import CatalogueWriter
from nearsight.storage.database import CATALOGUE_FILE
from nearsight.storage.details import Details
from nearsight.storage.records import DetailRecord, DoubtRecord, FactRecord, ImageRecord, SidecarRecord, SkipRecord
from tests.storage.older_formats import downgrade

IMAGE = ImageRecord(1, b"a.jpg", 10, 20, 1_700_000_000_000_000_000, b"s" * 32, 640, 480, "JPEG", None, None, None, None)
OWN = Facts(taken="2012-05-31T14:30:00", taken_from="EXIF", camera="Canon", iso=100)
BESIDE = Facts(taken="2013", taken_from="sidecar", latitude=48.5, longitude=2.5, place_from="sidecar", rating=4)


@pytest.fixture
def catalogue(tmp_path):
    writer = CatalogueWriter(tmp_path)
    with writer.transaction():
        writer.put_facts(b"a.jpg", [FactRecord(b"a.jpg", b"a.jpg", OWN)])
        writer.put_image(IMAGE, DetailRecord(1, 5, 6))
    yield writer
    writer.close()


def put_sidecar(catalogue, facts):
    with catalogue.transaction():
        about = [FactRecord(b"a.jpg", b"a.json", each) for each in facts]
        catalogue.put_sidecar(SidecarRecord(b"a.json", 1, 2, 3, 0), [], about)


def test_an_image_is_what_all_sources_say_and_its_own_file_first(catalogue):
    put_sidecar(catalogue, [BESIDE])
    image, detail = catalogue.image(1), catalogue.details.of(1)
    assert (image.taken, image.camera, image.latitude, image.longitude) == ("2012-05-31T14:30:00", "Canon", 48.5, 2.5)
    assert detail == DetailRecord(1, 5, 6, taken_from="EXIF", place_from="sidecar", iso=100, rating=4)
    assert [each.facts for each in catalogue.details.facts(b"a.jpg")] == [OWN, BESIDE]


def test_what_a_sidecar_said_goes_with_it(catalogue):
    before = catalogue.image(1), catalogue.details.of(1)
    put_sidecar(catalogue, [BESIDE])
    with catalogue.transaction():
        catalogue.drop_sidecar(b"a.json")
    assert (catalogue.image(1), catalogue.details.of(1)) == before


def test_a_moved_image_keeps_its_own_facts_and_leaves_those_of_sidecars(catalogue):
    put_sidecar(catalogue, [BESIDE])
    with catalogue.transaction():
        catalogue.move_image(replace(catalogue.image(1), path=b"z/b.jpg"))
    assert (catalogue.image(1).taken, catalogue.image(1).latitude) == (OWN.taken, None)
    assert [each.source for each in catalogue.details.facts(b"z/b.jpg")] == [b"z/b.jpg"]
    assert [each.source for each in catalogue.details.facts(b"a.jpg")] == [b"a.json"]


@pytest.mark.parametrize(
    ("path", "taken"),
    [(b"2012/IMG-20161224-WA0014.jpg", "2016-12-24"), (b"scan 1962-03-04.tif, page 2", "1962-03-04"), (b"b.jpg", None)],
)
def test_the_date_in_a_name_counts_where_nothing_else_has_one(catalogue, path, taken):
    with catalogue.transaction():
        catalogue.put_image(replace(IMAGE, id=2, path=path), DetailRecord(2))
        catalogue.put_facts(b"a.jpg", [])
    assert (catalogue.image(2).taken, catalogue.details.of(2).taken_from) == (taken, "file name" if taken else "")
    assert catalogue.image(1).taken is None


def test_nothing_is_left_of_a_dropped_image(catalogue):
    with catalogue.transaction():
        catalogue.drop_image(1)
    assert catalogue.details.find(1) is None
    assert catalogue.details.facts(b"a.jpg") == []
    assert catalogue.query("SELECT count(*) FROM fact") == [(0,)]


def test_doubts_are_kept_with_their_sidecar(catalogue):
    doubts = [DoubtRecord(b"a.json", "dog.jpg", "two images have this name")]
    with catalogue.transaction():
        catalogue.put_sidecar(SidecarRecord(b"a.json", 1, 2, 3, 1), [], [], doubts)
    assert list(catalogue.details.doubts()) == doubts
    with catalogue.transaction():
        catalogue.drop_sidecar(b"a.json")
    assert list(catalogue.details.doubts()) == []


@pytest.mark.parametrize("change", ["UPDATE detail SET iso=200", "UPDATE fact SET taken='1999'"])
def test_a_changed_row_is_noticed(catalogue, change):
    catalogue.db.execute(change)
    with pytest.raises(DamagedError):
        catalogue.details.find(1), catalogue.details.facts(b"a.jpg")


@pytest.fixture
def folder(tmp_path):
    exif = Image.Exif()
    exif[0x110] = "Canon EOS 5D"
    Image.new("RGB", (60, 40), "red").save(tmp_path / "a.jpg", exif=exif)
    (tmp_path / "a.jpg.json").write_text('{"title": "Rex"}')
    return tmp_path


def index(folder):
    return ns.index(folder, recipe="tiny")


def test_a_collection_of_the_format_before_is_read_and_the_next_index_brings_the_facts(folder):
    index(folder).close()
    home = folder / ".nearsight"
    downgrade(home, 7)
    with ns.open(folder) as photos:
        hit = photos.search(words="rex")[0]
        assert (hit.camera, hit.page, hit.lens) == ("Canon EOS 5D", 1, None)
        assert photos.facts("a.jpg") == []
    with index(folder) as photos:
        assert photos.summary.migrated_from == 7
        assert photos.facts("a.jpg")[0].facts.camera == "Canon EOS 5D"
        assert photos.verify() == []
    with index(folder) as photos:
        assert (photos.summary.unchanged, photos.summary.completed) == (1, 0)


def test_what_is_read_now_and_was_skipped_before_is_tried_again(folder):
    index(folder).close()
    home = folder / ".nearsight"
    with closing(CatalogueWriter(home)) as catalogue, catalogue.transaction():
        image = catalogue.image_at(b"a.jpg")
        catalogue.drop_image(image.id)
        catalogue.put_skip(SkipRecord(b"a.jpg", image.size, image.mtime_ns, Reason.TRUNCATED, ""))
    with index(folder) as photos:
        assert len(photos) == 0
    downgrade(home, 7)
    with index(folder) as photos:
        assert len(photos) == 1


def test_a_damaged_fact_is_read_again_from_the_file(folder):
    index(folder).close()
    with sqlite3.connect(folder / ".nearsight" / CATALOGUE_FILE) as db:
        db.execute("UPDATE fact SET camera='Nikon'")
    db.close()
    problems, _ = repair(folder)
    assert any("table fact" in each.what for each in problems)
    catalogue = Catalogue(folder / ".nearsight")
    assert [each.facts.camera for each in Details(catalogue).facts(b"a.jpg")] == ["Canon EOS 5D"]
    catalogue.close()


def test_a_filter_says_nothing_of_files_that_were_not_read_for_it(folder):
    index(folder).close()
    downgrade(folder / ".nearsight", 7)
    with ns.open(folder) as photos, pytest.raises(UsageError, match="run nearsight index"):
        photos.search(where="rating = 5")
    CatalogueWriter(folder / ".nearsight").close()  # migrated, and not indexed
    with ns.open(folder) as photos, pytest.raises(UsageError, match="not all files were read for rating yet"):
        photos.search(where="rating = 5")
    with index(folder) as photos:
        assert photos.search(where="rating = 5").hits == ()


def test_samples_of_16_bits_are_described_anew_after_a_format_that_read_them_otherwise(folder):
    deep = np.arange(600, dtype=np.uint16).reshape(20, 30) * 6
    Image.fromarray(deep).save(folder / "xray.png")
    Image.fromarray(deep).save(folder / "xray.tif")
    with index(folder) as photos:
        before = {image.path: image.id for image in photos.images()}
    downgrade(folder / ".nearsight", 7)
    with index(folder) as photos:
        after = {image.path: image.id for image in photos.images()}
        assert {path for path in before if before[path] != after[path]} == {b"xray.png", b"xray.tif"}
        assert photos.verify() == []
