# ruff: noqa: RUF001
from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearsight.metadata.name_date import date_in_name

DATED = {
    "IMG-20161224-WA0014.jpg": "2016-12-24",
    "2012-05-31 14.30.00.jpg": "2012-05-31T14:30:00",
    "IMG_20120531_143000.jpg": "2012-05-31T14:30:00",
    "PXL_20210101_123456789.jpg": "2021-01-01",
    "PXL_20210101_123456789.PORTRAIT.jpg": "2021-01-01",
    "PXL_20210101_123456789.MP.jpg": "2021-01-01",
    "Screenshot_20200202-101010.png": "2020-02-02T10:10:10",
    "Screenshot_20200202-101010_WhatsApp.jpg": "2020-02-02T10:10:10",
    "Screenshot 2021-03-04 at 10.11.12.png": "2021-03-04T10:11:12",
    "Screenshot 2021-03-04 at 10.11.12 PM.png": "2021-03-04T22:11:12",
    "Screenshot 2021-03-04 at 10.11.12\u202fPM.png": "2021-03-04T22:11:12",
    "Screen Shot 2015-03-04 at 1.02.03 AM.png": "2015-03-04T01:02:03",
    "signal-2020-05-06-101112.jpg": "2020-05-06T10:11:12",
    "signal-2020-05-06-10-11-12-345.jpg": "2020-05-06T10:11:12",
    "20120531_143000.jpg": "2012-05-31T14:30:00",
    "20120531_143000(0).jpg": "2012-05-31T14:30:00",
    "20120531_143000_001.jpg": "2012-05-31T14:30:00",
    "VID_20120531_143000.mp4": "2012-05-31T14:30:00",
    "DSC_20120531.jpg": "2012-05-31",
    "1993-07 holiday.jpg": "1993-07",
    "1965.jpg": "1965",
    "scan 1962-03-04.tif": "1962-03-04",
    "photo_2020-05-06_10-11-12.jpg": "2020-05-06T10:11:12",
    "photo_2020-05-06_10-11-12 (2).jpg": "2020-05-06T10:11:12",
    "WhatsApp Image 2016-12-24 at 10.11.12.jpeg": "2016-12-24T10:11:12",
    "WhatsApp Image 2016-12-24 at 10.11.12 (1).jpeg": "2016-12-24T10:11:12",
    "IMG20120531143000.jpg": "2012-05-31T14:30:00",
    "20120531143000.jpg": "2012-05-31T14:30:00",
    "00000IMG_00000_BURST20190101120000123_COVER.jpg": "2019-01-01T12:00:00",
    "MVIMG_20190101_120000.jpg": "2019-01-01T12:00:00",
    "WIN_20120531_14_30_00_Pro.jpg": "2012-05-31T14:30:00",
    "WP_20140531_001.jpg": "2014-05-31",
    "WP_20140531_12_34_56_Pro.jpg": "2014-05-31T12:34:56",
    "20120531.jpg": "2012-05-31",
    "2012-05-31.jpg": "2012-05-31",
    "2012_05_31.jpg": "2012-05-31",
    "2012.05.31.jpg": "2012-05-31",
    "Screenshot_2020-02-02-10-10-10-123_com.whatsapp.jpg": "2020-02-02T10:10:10",
    "Screenshot from 2021-03-04 10-11-12.png": "2021-03-04T10:11:12",
    "Bildschirmfoto 2021-03-04 um 10.11.12.png": "2021-03-04T10:11:12",
    "Capture d’écran 2021-03-04 à 10.11.12.png": "2021-03-04T10:11:12",
    "スクリーンショット 2021-03-04 10.11.12.png": "2021-03-04T10:11:12",
    "Captura de pantalla 2021-03-04 a las 10.11.12.png": "2021-03-04T10:11:12",
    "31.05.2012.jpg": "2012-05-31",
    "31-12-2012 party.jpg": "2012-12-31",
    "2012-05-31-1.jpg": "2012-05-31",
    "2012-05-31_143000.jpg": "2012-05-31T14:30:00",
    "2012-05-31T14:30:00.jpg": "2012-05-31T14:30:00",
    "20120531T143000.jpg": "2012-05-31T14:30:00",
    "1993.jpg": "1993",
    "1993 holiday in Rome.jpg": "1993",
    "1993_rome.jpg": "1993",
    "July 1993.jpg": "1993-07",
    "Ann, July 1993.jpg": "1993-07",
    "3 May 1998.jpg": "1998-05-03",
    "May 3, 1998.jpg": "1998-05-03",
    "12. Dezember 2004.jpg": "2004-12-12",
    "Summer 1987 003.jpg": "1987",
    "Christmas 1993.jpg": "1993",
    "2012年5月31日.jpg": "2012-05-31",
    "2012年5月.jpg": "2012-05",
    "20230102_030405000_iOS.heic": "2023-01-02",
    "DJI_20230102030405_0001_D.JPG": "2023-01-02T03:04:05",
    "1965-07.jpg": "1965-07",
    "Grandma 1965-07.jpg": "1965-07",
    "IMG_0001_20120531.jpg": "2012-05-31",
    "2012-05-31 birthday.jpg": "2012-05-31",
    "birthday 2012-05-31.jpg": "2012-05-31",
    "birthday_20120531.jpg": "2012-05-31",
    "PANO_20120531_143000.jpg": "2012-05-31T14:30:00",
    "1848-05-06 daguerreotype.jpg": "1848-05-06",
    "20120531_143000_HDR.jpg": "2012-05-31T14:30:00",
    "2012-05-31 14-30-00 Ann.jpg": "2012-05-31T14:30:00",
    "IMG_20210101_123456~2.jpg": "2021-01-01T12:34:56",
    "Resized_20120531_143000.jpeg": "2012-05-31T14:30:00",
    "20120531-143000.jpg": "2012-05-31T14:30:00",
    "2012-05-31 14.30.00-1.jpg": "2012-05-31T14:30:00",
    "Photo 31-05-2012, 14 30 00.jpg": "2012-05-31T14:30:00",
    "5 июля 1998.jpg": "1998-07-05",
    "Juli_1978_Strand.tif": "1978-07",
    "20120531 birthday party.jpg": "2012-05-31",
    "IMG_2012-05-31-14-30-00.jpg": "2012-05-31T14:30:00",
    "photo-2012-05-31.jpg": "2012-05-31",
    "scan 3 May 1962.jpg": "1962-05-03",
    "Ann, 12 Jan 2018.jpg": "2018-01-12",
    "2018 May 12.jpg": "2018-05-12",
    "Scandinavia 20120531.jpg": "2012-05-31",
    "IMG_20120531.jpg": "2012-05-31",
    "VideoCapture_20200506-101112.jpg": "2020-05-06T10:11:12",
    "Polish_20200506_101112345.jpg": "2020-05-06T10:11:12",
    "B612_20170830_123456_789.jpg": "2017-08-30T12:34:56",
    "Snapchat-20120531.jpg": "2012-05-31",
    "2012 July.jpg": "2012-07",
    "1993-07_holiday_012.jpg": "1993-07",
    "20161224.HEIC": "2016-12-24",
    "2016-12-24T10-11-12Z.png": "2016-12-24",
    "IMG_20120531_143000_Bokeh.jpg": "2012-05-31T14:30:00",
    "IMG_20120531_143000.MP.jpg": "2012-05-31T14:30:00",
    "Zrzut ekranu 2021-03-04 o 10.11.12.png": "2021-03-04T10:11:12",
    "Снимок экрана 2021-03-04 в 10.11.12.png": "2021-03-04T10:11:12",
    "截屏2021-03-04 10.11.12.png": "2021-03-04T10:11:12",
    "05-31-2012.jpg": "2012-05-31",
    "05.05.2012.jpg": "2012-05-05",
    "3 mars 2020.jpg": "2020-03-03",
    "1965-07-00 scan.jpg": "1965-07",
    "1965-00-00.jpg": "1965",
    "1965-07-XX.jpg": "1965-07",
    "Ann 2012-05-31.edited.jpg": "2012-05-31",
    "2012-05-31 and 2012-05-31.jpg": "2012-05-31",
}
UNDATED = [
    "Scan_20180709.jpg",
    "Scan_20180709 (2).png",
    "Scan20180709.jpg",
    "scan-20180709_101112.jpg",
    "SCN_20200101.jpg",
    "Scannen_20200101.jpg",
    "Numérisation_20200101.jpg",
    "Escaneo_20200101.jpg",
    "Scan 2020-01-01 12.00.00.jpg",
    "Adobe Scan 01 Feb 2020.jpg",
    "CamScanner 2020-01-01 12.00.00.jpg",
    "save_20200101.jpg",
    "Saved_20200101_101112.jpg",
    "download-20200101.jpg",
    "Brian May 2018.jpg",
    "April 2019.jpg",
    "2019 June.jpg",
    "Jan 2018.jpg",
    "Marco 2018.jpg",
    "Women's March 2017.jpg",
    "Jul 2018.jpg",
    "555-20120531.jpg",
    "0171-20120531.jpg",
    "+4920120531.jpg",
    "DSC01993.JPG",
    "IMG_1993.JPG",
    "12345678.jpg",
    "1920x1080.jpg",
    "wallpaper-1920x1080.png",
    "1920 x 1080.jpg",
    "1920_1080.jpg",
    "31-12-99.jpg",
    "05-06-2012.jpg",
    "05.06.2012.jpg",
    "2012-02-30.jpg",
    "20120230.jpg",
    "2012-13-01.jpg",
    "20121301_101010.jpg",
    "FB_IMG_1480628163915.jpg",
    "1480628163915.jpg",
    "received_10153123456789.jpeg",
    "a20120531b4c5d6e7f80.jpg",
    "d41d8cd98f00b20120531204e9800998.jpg",
    "550e8400-e29b-2012-0531-446655440000.png",
    "v2012.05.31.png",
    "app 1.2012.05.31.png",
    "Chrome 2021.03.04.1.png",
    "version 2012-05.png",
    "Blade Runner 2049.jpg",
    "Boeing 1900.jpg",
    "room 2010.jpg",
    "page 1950.tif",
    "img1993.jpg",
    "image (1993).jpg",
    "_MG_2012.CR2",
    "DSCF2012.jpg",
    "P1010993.JPG",
    "1993-94 season.jpg",
    "1990-2000.jpg",
    "2012-05-31 - 2012-06-02.jpg",
    "2000.5.jpg",
    "31.12.1.jpg",
    "IMG_201205311.jpg",
    "201205311430.jpg",
    "20120531143.jpg",
    "2012053114.jpg",
    "199307.jpg",
    "0000-00-00.jpg",
    "00000000.jpg",
    "19930000.jpg",
    "IMG_99999999_999999.jpg",
    "mmexport1590000000000.jpg",
    "12-05-31.jpg",
    "5-6-12.jpg",
    "Photo on 5-6-12 at 10.11 AM.jpg",
    "",
    "photo.jpg",
    "2012053.jpg",
    "3000-01-01.jpg",
    "IMG_20120531143.jpg",
    "12012-05-31.jpg",
    "2012-05-311.jpg",
    "DSC_2012.JPG",
    "1993_001.jpg",
    "1993-001.jpg",
    "2100-2200.jpg",
    "ISO-2012.05.31.4.jpg",
    "isbn 978-2012-05-31.jpg",
    "1600x1200 2012.jpg",
    "model 1998-4.jpg",
    "1024-768.png",
    "1920-10800.jpg",
    "1200px-Paris.jpg",
    "1920px-Rome_2012.jpg",
    "120531_143000.jpg",
    "20120531a.jpg",
    "IMG_1234567890123.jpg",
    "2019-1.jpg",
    "Screenshot_2021_0304_101112.png",
    "mars 2020 rover.jpg",
    "2000 km.jpg",
    "1920 pixels.jpg",
    "2001 A Space Odyssey.jpg",
    "ca 1965.jpg",
    "1990s.jpg",
    "winter 1985-86.jpg",
]


@pytest.mark.parametrize(("name", "date"), DATED.items())
def test_dates_that_names_hold(name, date):
    assert date_in_name(name) == date


@pytest.mark.parametrize("name", UNDATED)
def test_names_that_hold_no_date(name):
    assert date_in_name(name) is None


def test_a_date_after_today_is_none():
    assert date_in_name("2031-05-01.jpg", "2031-05-01") == "2031-05-01"
    assert date_in_name("2031-05-02.jpg", "2031-05-01") is None
    assert date_in_name("2032.jpg", "2031-05-01") is None
    assert date_in_name("20310501_235959.jpg", "2031-05-01") == "2031-05-01T23:59:59"


def test_every_day_in_the_common_forms():
    for year in (1965, 1993, 2000, 2012, 2024):
        for month in range(1, 13):
            for day in (1, 9, 28):
                date = f"{year}-{month:02}-{day:02}"
                digits = date.replace("-", "")
                for name in (f"{date}.jpg", f"IMG-{digits}-WA0001.jpg", f"IMG_{digits}.jpg", f"trip {date} Ann.jpg"):
                    assert date_in_name(name) == date
                assert date_in_name(f"{digits}_235959.jpg") == f"{date}T23:59:59"


@given(st.text(alphabet="0129-_. :Tvx年IMGPXLa()", max_size=40))
def test_any_name_is_read(name):
    date = date_in_name(name)
    assert date is None or (1826 <= int(date[:4]) <= 2100 and date[:4] in name)


@pytest.mark.parametrize("part", ["1", "-", "a_", "2012-", "20", "january ", "1 ", "2012-05-31 ", "IMG_", "年"])
def test_long_names_take_no_time(part):
    start = time.monotonic()
    date_in_name(part * 2000)
    assert time.monotonic() - start < 1
