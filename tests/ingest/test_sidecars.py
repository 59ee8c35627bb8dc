"""Words from sidecars and from the images' own files, from the folder to the answer."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import sqlite3

import pytest
from PIL import Image

import nearsight as ns
from nearsight.errors import DamagedError
from tests.cli.test_cli import nearsight
from tests.metadata.test_sidecars import XMP


@pytest.fixture
def folder(tmp_path, random_image):
    """Six images in two folders."""
    (tmp_path / "photos" / "sub").mkdir(parents=True)
    for number, name in enumerate(["a.jpg", "b.jpg", "c.jpg", "sub/a.jpg", "sub/d.jpg", "sub/e.jpg"]):
        random_image(tmp_path / "photos" / name, number, side=48)
    return tmp_path / "photos"


def found(photos, words, **more):
    return [hit.path for hit in photos.search(words=words, **more)]


def indexed(folder):
    return ns.index(folder, recipe="phash | flat")


def test_every_kind_of_sidecar_is_searched(folder):
    (folder / "a.jpg.xmp").write_bytes(XMP)
    (folder / "sub" / "d.xmp").write_bytes(XMP.replace(b"Genoa", b"Lisbon"))
    (folder / "b.jpg.supplemental-metadata.json").write_text(json.dumps({"title": "Rex", "description": "A good dog"}))
    (folder / "list.csv").write_text("file,caption,tags\nsub/e.jpg,A tower at night,architecture;night\n")
    (folder / "names.json").write_text(json.dumps([{"file": "c.jpg", "captions": ["Löwe im Zoo"]}]))
    with indexed(folder) as photos:
        assert sorted(found(photos, "storm")) == ["a.jpg", "sub/d.jpg"]
        assert found(photos, "lisbon") == ["sub/d.jpg"]
        assert found(photos, "good dog") == ["b.jpg"]
        assert found(photos, "tower") == found(photos, "architecture") == ["sub/e.jpg"]
        assert found(photos, "lowe zoo") == ["c.jpg"]
        assert found(photos, "tower dog") == []
        assert "its caption says: A tower at night" in photos.search(words="tower")[0].why
        assert "its tags are: architecture, night" in photos.search(words="architecture")[0].why
        assert not photos.verify()
        assert list(photos.skips()) == []
        assert found(photos, "storm", where="tags like '%genoa%'") == ["a.jpg"]
        listed = photos.search(where="caption is known and not caption like '%storm%'")
        assert [hit.path for hit in listed] == ["b.jpg", "c.jpg", "sub/e.jpg"]
        alike = photos.search(folder / "a.jpg", recipe="phash", words="storm")
        assert [hit.path for hit in alike] == ["a.jpg", "sub/d.jpg"]


def test_names_are_found_where_the_images_are(folder):
    """By path from the sidecar's folder, from the indexed one, or by a name that there is only once."""
    (folder / "sub" / "own.json").write_text(json.dumps({"a.jpg": "the inner one", "sub/d.jpg": "from the root"}))
    (folder / "outer.json").write_text(json.dumps({"e.jpg": "only once", "x/a.jpg": "twice", "no.jpg": "nowhere"}))
    with indexed(folder) as photos:
        assert found(photos, "inner") == ["sub/a.jpg"]
        assert found(photos, "from the root") == ["sub/d.jpg"]
        assert found(photos, "only once") == ["sub/e.jpg"]
        assert found(photos, "twice") == found(photos, "nowhere") == []
        assert {each.path: each.unknown for each in photos.sidecars()} == {b"outer.json": 2, b"sub/own.json": 0}


def test_changes_are_followed(folder, random_image):
    (folder / "a.jpg.xmp").write_bytes(XMP)
    (folder / "list.csv").write_text("file,caption\nnew.jpg,it comes later\nb.jpg,always here\n")
    os.utime(folder / "list.csv", (1_600_000_000, 1_600_000_000))  # long ago: read again only where images have come
    indexed(folder).close()
    with indexed(folder) as photos:
        assert photos.summary.unchanged == 6
        assert found(photos, "genoa") == ["a.jpg"]
    random_image(folder / "new.jpg", 77, side=48)
    (folder / "a.jpg.xmp").write_bytes(XMP.replace(b"Genoa", b"Naples"))
    with indexed(folder) as photos:
        assert found(photos, "later") == ["new.jpg"]
        assert (found(photos, "genoa"), found(photos, "naples")) == ([], ["a.jpg"])
    (folder / "a.jpg.xmp").unlink()
    (folder / "b.jpg").unlink()
    with indexed(folder) as photos:
        assert found(photos, "naples") == found(photos, "always here") == []
        assert found(photos, "later") == ["new.jpg"]
        assert not photos.verify()
        assert photos.info()["words"] == {"sidecars": 1, "images": 1, "unknown": 1}  # b.jpg is in the list, and gone


def test_an_unchanged_sidecar_is_not_read_again(folder, monkeypatch):
    from nearsight.ingest import sidecars

    (folder / "a.jpg.xmp").write_bytes(XMP)
    indexed(folder).close()
    os.utime(folder / "a.jpg.xmp", (1_600_000_000, 1_600_000_000))
    indexed(folder).close()
    monkeypatch.setattr(sidecars, "WorkerPool", None)
    with indexed(folder) as photos:
        assert found(photos, "genoa") == ["a.jpg"]


def test_broken_ones_are_skipped_with_a_reason(folder):
    (folder / "bad.json").write_text("{")
    (folder / "other.csv").write_text("a,b\n1,2\n")
    (folder / "a.xmp").write_bytes(XMP[:300])
    for _ in range(2):
        with indexed(folder) as photos:
            assert {skip.path: skip.reason.value for skip in photos.skips()} == {
                b"bad.json": "corrupt",
                b"other.csv": "not-an-image",
                b"a.xmp": "corrupt",
            }
    (folder / "bad.json").write_text('{"a.jpg": "mended"}')
    with indexed(folder) as photos:
        assert found(photos, "mended") == ["a.jpg"]
        assert sorted(skip.path for skip in photos.skips()) == [b"a.xmp", b"other.csv"]


def test_a_names_file_cannot_reach_out_of_the_folder(folder):
    names = dict.fromkeys(["../photos/b.jpg", "/etc/passwd", "a\u0000.jpg", "../../x"], "out")
    (folder / "list.json").write_text(json.dumps(names))
    with indexed(folder) as photos:
        assert found(photos, "out") == ["b.jpg"]  # by its name, which no other image has
        assert len(photos) == 6


def test_words_of_the_files_themselves(folder):
    exif = Image.Exif()
    exif[0x10E] = "A lighthouse in fog"
    exif[0x9C9E] = "coast;harbour".encode("utf-16-le")
    with Image.open(folder / "a.jpg") as image:
        image.save(folder / "exif.jpg", exif=exif)
        image.save(folder / "packet.jpg", xmp=XMP)
        image.save(folder / "machine.jpg", exif=_exif("OLYMPUS DIGITAL CAMERA"))
    with indexed(folder) as photos:
        assert found(photos, "lighthouse") == found(photos, "harbour") == ["exif.jpg"]
        assert found(photos, "genoa") == ["packet.jpg"]
        assert found(photos, "olympus") == []
    (folder / "exif.jpg").rename(folder / "sub" / "moved.jpg")
    with indexed(folder) as photos:
        assert photos.summary.moved == 1
        assert found(photos, "lighthouse") == ["sub/moved.jpg"]
        assert not photos.verify()
    (folder / "sub" / "moved.jpg").unlink()
    with indexed(folder) as photos:
        assert found(photos, "lighthouse") == []
        assert photos.info()["words"] == {"sidecars": 0, "images": 1, "unknown": 0}


def _exif(description):
    exif = Image.Exif()
    exif[0x10E] = description
    return exif


def test_a_changed_note_is_noticed(folder):
    (folder / "a.jpg.xmp").write_bytes(XMP)
    photos = indexed(folder)
    photos.close()
    with sqlite3.connect(photos.index_dir / "catalogue.sqlite") as db:
        db.execute("UPDATE note SET caption='another'")
    db.close()
    with ns.open(folder) as again:
        assert any("note" in each.what for each in again.verify())
        with pytest.raises(DamagedError):
            again.search(words="genoa")
        with pytest.raises(DamagedError):
            again.search(where="caption is known")


def test_real_captions(data, tmp_path):
    """239 photographs with five sentences each, in a file that lies beside their folder."""
    shutil.copytree(data / "captions", tmp_path / "captions")
    told = {each["file"]: each["captions"] for each in json.loads((data / "captions" / "captions.json").read_text())}
    with indexed(tmp_path / "captions") as photos:
        assert photos.info()["words"] == {"sidecars": 1, "images": len(told), "unknown": 0}
        for words in ("dog", "man skis", "birthday cake", "train station"):
            hits = [hit.path.split("/")[-1] for hit in photos.search(words=words, k=300)]
            right = {
                name
                for name, lines in told.items()
                if all(re.search(rf"\b{word}", " ".join(lines).lower()) for word in words.split())
            }
            assert right
            assert right <= set(hits)


def test_exported_and_listed(folder, tmp_path):
    (folder / "a.jpg.xmp").write_bytes(XMP)
    indexed(folder).close()
    out = tmp_path / "list.csv"
    assert nearsight("export", "--in", folder, "--out", out).returncode == 0
    with out.open(newline="") as file:
        rows = {row["path"]: row for row in csv.DictReader(file)}
    assert rows["a.jpg"]["tags"] == "sea; weather; places; Genoa"
    assert "Waves break on the mole." in rows["a.jpg"]["caption"]
    assert rows["b.jpg"]["caption"] == ""
