"""Files with dates, places and other facts, each with what must be read of it."""

from __future__ import annotations

from .said_bytes import (
    ASCII,
    BYTE,
    LONG,
    RATIONAL,
    SHORT,
    UNDEFINED,
    Entry,
    SaidFile,
    bag,
    degrees,
    exif_bytes,
    iptc_bytes,
    jpeg,
    jpeg_exif,
    jpeg_iptc,
    jpeg_xmp,
    photoshop_bytes,
    said,
    xmp_bytes,
)


def _times(**times: str) -> bytes:
    tags = {"taken": 0x9003, "digitized": 0x9004, "zone": 0x9011, "changed_zone": 0x9010}
    return jpeg_exif([], [(tags[name], ASCII, text.encode()) for name, text in times.items()])


def dates() -> list[SaidFile]:
    """Dates in EXIF, XMP and IPTC, as much as is known of them."""
    noon = "2012:07:21 10:11:12"
    camera, scanner = (0x110, ASCII, b"NIKON D70"), (0x110, ASCII, b"Perfection V700")
    days = [(0x9003, ASCII, noon.encode()), (0x9004, ASCII, noon.encode())]
    created = 'xmp:CreateDate="2012-07-21T10:11:12"'
    stamp = [(29, ASCII, b"2012:07:21"), (7, RATIONAL, degrees(10, 11, 12))]
    return [
        said("EXIF date", _times(taken=noon, digitized="2013:01:01 00:00:00"), taken="2012-07-21T10:11:12"),
        said(
            "EXIF date with its zone",
            _times(taken=noon, zone="+05:30"),
            taken="2012-07-21T10:11:12",
            time_zone="+05:30",
        ),
        said(
            "EXIF date with the zone of a change",
            _times(taken=noon, changed_zone="+05:30"),
            taken="2012-07-21T10:11:12",
        ),
        said(
            "EXIF date of digitizing by a camera",
            jpeg_exif([camera], days[1:]),
            taken="2012-07-21T10:11:12",
            camera="NIKON D70",
        ),
        said("EXIF date of digitizing by nobody knows what", _times(digitized=noon)),
        said(
            "EXIF date that is blank, and of digitizing by a camera",
            jpeg_exif([camera], [(0x9003, ASCII, b"    :  :     :  :  "), days[1]]),
            taken="2012-07-21T10:11:12",
            camera="NIKON D70",
        ),
        said("EXIF year alone", _times(taken="1993:00:00 00:00:00"), taken="1993"),
        said("EXIF year and month alone", _times(taken="1965:07:  "), taken="1965-07"),
        said("EXIF day alone", _times(taken="2012:07:21"), taken="2012-07-21"),
        *(
            said(f"EXIF date that cannot be: {text}", _times(taken=text))
            for text in (
                "0000:00:00 00:00:00",
                "1970:01:01 00:00:00",
                "1980:01:01 00:00:00",
                "2012:02:30 10:00:00",
                "2012:13:01",
                "0206:07:21",
                "nonsense",
            )
        ),
        said("EXIF day of a change alone", jpeg_exif([(0x132, ASCII, noon.encode())])),
        said("EXIF day of GPS alone", jpeg_exif([], [], stamp)),
        said("a scanner's date is of the scan", jpeg_exif([scanner], days), camera="Perfection V700"),
        said(
            "a scan dated by hand",
            jpeg_exif([scanner], [(0x9003, ASCII, b"1965:07:21 00:00:00"), days[1]]),
            camera="Perfection V700",
            taken="1965-07-21T00:00:00",
        ),
        said(
            "digitized by a film scanner",
            jpeg_exif([camera], [days[1], (0xA300, UNDEFINED, b"\1")]),
            camera="NIKON D70",
        ),
        said(
            "XMP date with its zone",
            jpeg_xmp(xmp_bytes(attributes='exif:DateTimeOriginal="2012-07-21T10:11:12.5-04:00"')),
            taken="2012-07-21T10:11:12",
            taken_from="XMP",
            time_zone="-04:00",
        ),
        said(
            "XMP date without seconds",
            jpeg_xmp(xmp_bytes("<photoshop:DateCreated>2012-07-21T10:11Z</photoshop:DateCreated>")),
            taken="2012-07-21T10:11:00",
            taken_from="XMP",
            time_zone="+00:00",
        ),
        said(
            "XMP year", jpeg_xmp(xmp_bytes(attributes='photoshop:DateCreated="1993"')), taken="1993", taken_from="XMP"
        ),
        said(
            "XMP year and month",
            jpeg_xmp(xmp_bytes(attributes='photoshop:DateCreated="1993-05"')),
            taken="1993-05",
            taken_from="XMP",
        ),
        said("XMP day of a change", jpeg_xmp(xmp_bytes(attributes='xmp:ModifyDate="2012-07-21T10:11:12"'))),
        said("XMP day of creation by no camera", jpeg_xmp(xmp_bytes(attributes=created))),
        said(
            "XMP day of creation by a camera",
            jpeg_xmp(xmp_bytes(attributes=created + ' tiff:Model="NIKON D70"')),
            taken="2012-07-21T10:11:12",
            taken_from="XMP",
            camera="NIKON D70",
        ),
        said(
            "IPTC date with its zone",
            jpeg_iptc([(55, b"20120721"), (60, b"101112+0200")]),
            taken="2012-07-21T10:11:12",
            taken_from="IPTC",
            time_zone="+02:00",
        ),
        said("IPTC day", jpeg_iptc([(55, b"20120721")]), taken="2012-07-21", taken_from="IPTC"),
        said("IPTC year and month", jpeg_iptc([(55, b"19650700")]), taken="1965-07", taken_from="IPTC"),
        said("IPTC year", jpeg_iptc([(55, b"19930000")]), taken="1993", taken_from="IPTC"),
        said(
            "dates of EXIF, XMP and IPTC",
            jpeg(
                (0xE1, exif_bytes([], [days[0]])),
                (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp_bytes(attributes='photoshop:DateCreated="1993"')),
                (0xED, b"Photoshop 3.0\0" + photoshop_bytes(iptc_bytes([(55, b"19930000")]))),
            ),
            taken="2012-07-21T10:11:12",
        ),
    ]


def _gps(north: object = None, east: object = None, *more: Entry, letters: bytes = b"NE") -> bytes:
    north, east = north or degrees(48, 51, (2952, 100)), east or degrees(2, 21, (788, 100))
    place = [(1, ASCII, letters[:1]), (2, RATIONAL, north), (3, ASCII, letters[1:]), (4, RATIONAL, east), *more]
    return jpeg_exif([], [], [entry for entry in place if entry[2] != b""])


PARIS = {"latitude": 48 + 51 / 60 + 29.52 / 3600, "longitude": 2 + 21 / 60 + 7.88 / 3600}


def places() -> list[SaidFile]:
    """Places in EXIF and XMP."""
    paris = 'exif:GPSLatitude="48,51.492N" exif:GPSLongitude="2,21,7.88E"'
    altitude = ' exif:GPSAltitude="353/10" exif:GPSAltitudeRef="1"'
    south = {"latitude": -PARIS["latitude"], "longitude": -PARIS["longitude"]}
    return [
        said("EXIF place", _gps(), **PARIS),
        said("EXIF place, south and west", _gps(letters=b"SW"), **south),
        said("EXIF place, small letters", _gps(letters=b"sw"), **south),
        said(
            "EXIF place and height",
            _gps(None, None, (5, BYTE, b"\0"), (6, RATIONAL, ((353, 10),))),
            **PARIS,
            altitude=35.3,
        ),
        said(
            "EXIF place below the sea",
            _gps(None, None, (5, BYTE, b"\1"), (6, RATIONAL, ((4301, 10),))),
            **PARIS,
            altitude=-430.1,
        ),
        said("EXIF height that is no number", _gps(None, None, (6, RATIONAL, ((1, 0),))), **PARIS),
        said("EXIF place 0, 0", _gps(degrees(0, 0, 0), degrees(0, 0, 0))),
        said("EXIF place on the equator", _gps(degrees(0, 0, 0), degrees(6, 30, 0)), latitude=0.0, longitude=6.5),
        said("EXIF place with one half missing", _gps(letters=b"N")),
        said("EXIF place that is no number", _gps(((0, 0),) * 3)),
        said("EXIF place beyond the pole", _gps(degrees(91, 0, 0))),
        said("XMP place", jpeg_xmp(xmp_bytes(attributes=paris)), **PARIS, place_from="XMP"),
        said(
            "XMP place below the sea",
            jpeg_xmp(xmp_bytes(attributes=paris + altitude)),
            **PARIS,
            place_from="XMP",
            altitude=-35.3,
        ),
        said(
            "XMP place with its letters apart",
            jpeg_xmp(
                xmp_bytes(
                    "<exif:GPSLatitude>34.05</exif:GPSLatitude><exif:GPSLatitudeRef>S</exif:GPSLatitudeRef>"
                    "<exif:GPSLongitude>118.25</exif:GPSLongitude><exif:GPSLongitudeRef>W</exif:GPSLongitudeRef>"
                )
            ),
            latitude=-34.05,
            longitude=-118.25,
            place_from="XMP",
        ),
        said("XMP place 0, 0", jpeg_xmp(xmp_bytes(attributes='exif:GPSLatitude="0,0.0N" exif:GPSLongitude="0,0.0E"'))),
        said("XMP place with one half missing", jpeg_xmp(xmp_bytes(attributes='exif:GPSLatitude="48,51.5N"'))),
    ]


def other_facts() -> list[SaidFile]:
    """Cameras, lenses, sensitivities, ratings, creators, cities and countries."""
    camera = [(0x10F, ASCII, b"Canon"), (0x110, ASCII, b"Canon EOS 5D"), (0x13B, ASCII, "Jörg Müller".encode())]
    lens = [(0xA433, ASCII, b"Canon"), (0xA434, ASCII, b"EF24-105mm f/4L"), (0x8827, SHORT, 400)]
    stars = {-1: "-1", 1: "1", 4: "4", 5: "5.0", None: "0"}
    percent = {1: 1, 2: 25, 3: 50, 4: 75, 5: 99, None: 0}
    shown = '<Iptc4xmpExt:LocationShown><rdf:Bag><rdf:li rdf:parseType="Resource">'
    shown += "<Iptc4xmpExt:City>Genova</Iptc4xmpExt:City><Iptc4xmpExt:CountryName>Italia</Iptc4xmpExt:CountryName>"
    shown += "</rdf:li></rdf:Bag></Iptc4xmpExt:LocationShown>"
    in_xmp = 'tiff:Make="Canon" tiff:Model="Canon EOS 5D" aux:Lens="EF24-105mm f/4L" '
    in_xmp += 'photoshop:City="Zürich" photoshop:Country="Schweiz" xmp:Rating="4"'
    more = bag("dc:creator", "Ann", "Bob", kind="Seq") + bag("exif:ISOSpeedRatings", "400", kind="Seq")
    return [
        said(
            "camera, lens, sensitivity and creator in EXIF",
            jpeg_exif(camera, lens),
            camera="Canon EOS 5D",
            lens="Canon EF24-105mm f/4L",
            iso=400,
            creator="Jörg Müller",
        ),
        said("sensitivity above 65535", jpeg_exif([], [(0x8827, SHORT, 65535), (0x8832, LONG, 102400)]), iso=102400),
        said("a lens that is not known", jpeg_exif([], [(0xA434, ASCII, b"----")])),
        said(
            "the same in XMP",
            jpeg_xmp(xmp_bytes(more, in_xmp)),
            camera="Canon EOS 5D",
            lens="EF24-105mm f/4L",
            iso=400,
            creator="Ann; Bob",
            city="Zürich",
            country="Schweiz",
            rating=4,
        ),
        said("city and country of what is shown", jpeg_xmp(xmp_bytes(shown)), city="Genova", country="Italia"),
        *(
            said(f"XMP rating {text}", jpeg_xmp(xmp_bytes(attributes=f'xmp:Rating="{text}"')), rating=rating)
            for rating, text in stars.items()
        ),
        *(
            said(
                f"Windows' rating of {share} per cent",
                jpeg_xmp(xmp_bytes(attributes=f'MicrosoftPhoto:Rating="{share}"')),
                rating=rating,
            )
            for rating, share in percent.items()
        ),
        said("EXIF rating", jpeg_exif([(0x4746, SHORT, 3), (0x4749, SHORT, 50)]), rating=3),
        said("EXIF rating in per cent", jpeg_exif([(0x4749, SHORT, 99)]), rating=5),
        said("a rating by nobody", jpeg_exif([(0x4746, SHORT, 0)])),
    ]
