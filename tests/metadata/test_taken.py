from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearsight.metadata.facts import Facts
from nearsight.metadata.taken import parse_iptc_taken, parse_taken, parse_time_zone


@pytest.mark.parametrize(
    ("text", "taken", "zone"),
    [
        ("2012:07:21 10:11:12", "2012-07-21T10:11:12", None),
        ("2012-07-21T10:11:12.345+02:00", "2012-07-21T10:11:12", "+02:00"),
        ("2012-07-21T10:11Z", "2012-07-21T10:11:00", "+00:00"),
        ("2012/07/21 10:11:12", "2012-07-21T10:11:12", None),
        ("2012.07.21 9:05:00", "2012-07-21T09:05:00", None),
        ("2012:7:1 10:11:12 -0330", "2012-07-01T10:11:12", "-03:30"),
        ("2012:07:21 24:00:00", "2012-07-21", None),
        ("2012:07:21 10:11:60", "2012-07-21", None),
        ("2012:07:21", "2012-07-21", None),
        ("2012-07-21+02:00", "2012-07-21", None),
        ("1993", "1993", None),
        ("1993-05", "1993-05", None),
        ("1993:00:00 00:00:00", "1993", None),
        ("1965:07:00 00:00:00", "1965-07", None),
        ("1965:07:  ", "1965-07", None),
        ("1965:  :     :  :  ", "1965", None),
        ("1826", "1826", None),
        ("1825", None, None),
        ("2101:01:01", None, None),
        ("0000:00:00 00:00:00", None, None),
        ("1970:01:01 00:00:00", None, None),
        ("1970:01:01 10:00:00", "1970-01-01T10:00:00", None),
        ("1980:01:01 00:00:00", None, None),
        ("1980:01:02 00:00:00", "1980-01-02T00:00:00", None),
        ("2012:02:30", None, None),
        ("2012:13:01", None, None),
        ("20120721", None, None),
        ("", None, None),
        ("day", None, None),
    ],
)
def test_dates_as_exif_and_xmp_write_them(text, taken, zone):
    expected = Facts(taken=taken, taken_from="XMP", time_zone=zone) if taken else Facts()
    assert parse_taken(text, "XMP") == expected


def test_a_zone_that_is_written_apart_counts_for_times():
    assert parse_taken("2012:07:21 10:11:12", "EXIF", "+02:00").time_zone == "+02:00"
    assert parse_taken("2012-07-21T10:11:12Z", "EXIF", "+02:00").time_zone == "+00:00"
    assert parse_taken("2012:07:21", "EXIF", "+02:00").time_zone is None


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("+02:00", "+02:00"),
        ("-0930", "-09:30"),
        ("Z", "+00:00"),
        (" +14:00 ", "+14:00"),
        ("+15:00", None),
        ("+02:75", None),
        ("   :  ", None),
        ("", None),
        ("CET", None),
    ],
)
def test_time_zones(text, zone):
    assert parse_time_zone(text) == zone


@pytest.mark.parametrize(
    ("date", "time", "taken", "zone"),
    [
        ("20120721", "101112+0200", "2012-07-21T10:11:12", "+02:00"),
        ("20120721", "101112", "2012-07-21T10:11:12", None),
        ("2012-07-21", "10:11:12", "2012-07-21T10:11:12", None),
        ("20120721", "", "2012-07-21", None),
        ("19650700", "", "1965-07", None),
        ("19930000", "000000+0000", "1993", None),
        ("1993", "", "1993", None),
        ("00000000", "", None, None),
        ("20121321", "", None, None),
        ("", "101112", None, None),
        ("yesterday", "", None, None),
    ],
)
def test_dates_as_iptc_writes_them(date, time, taken, zone):
    expected = Facts(taken=taken, taken_from="IPTC", time_zone=zone) if taken else Facts()
    assert parse_iptc_taken(date, time) == expected


@given(st.text(alphabet="0123456789:-/ TZ+.", max_size=30), st.text(max_size=8))
def test_any_text_is_a_date_or_none(text, more):
    for found in (parse_taken(text, "EXIF", more), parse_iptc_taken(text, more)):
        assert found == Facts() or 1826 <= int(str(found.taken)[:4]) <= 2100
