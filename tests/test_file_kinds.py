from __future__ import annotations

import pytest

import nearsight as ns
from tests.file_kinds import compare, write_folder


@pytest.mark.usefixtures("in_this_process")
def test_every_kind_of_file_comes_out_right_of_one_folder(tmp_path):
    written = write_folder(tmp_path / "kinds")
    with ns.index(written.root, recipe="tiny") as photos:
        report = compare(written, photos)
        assert photos.verify() == []
    assert report.wrong == []
    assert len(report.counts) >= 20
    assert min(len(each) for each in report.counts.values()) >= 1
