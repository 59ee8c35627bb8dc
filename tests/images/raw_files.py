"""Camera raws by code: the structures of the makers, around previews and a sensor's data that no decoder reads."""

from __future__ import annotations

import struct

KINDS = {1: "B", 2: "c", 3: "H", 4: "I", 7: "B"}
SENSOR = b"\xff\xd8\xff\xc3\0\x0b\x0e\x0f\xa0\x17\x70\1\1\x11\0" + bytes(range(256)) * 20
"""What begins as a lossless JPEG of 14 bits, as raws store it."""


class Tiff:
    """Directories and blobs, laid out one after another."""

    def __init__(self, order="<", magic=None):
        self.order = order
        self.out = bytearray((magic or (b"II*\0" if order == "<" else b"MM\0*")) + bytes(4))
        self.last = 4

    def blob(self, data):
        """The offset that these bytes now have."""
        self.out += bytes(len(self.out) % 2)
        self.out += data
        return len(self.out) - len(data)

    def directory(self, entries, *, linked=True):
        """The offset of a directory of `(tag, kind, values)`; a linked one is the next of the chain."""
        packed = b""
        for tag, kind, values in sorted(entries):
            body = (
                bytes(values)
                if isinstance(values, bytes)
                else b"".join(struct.pack(self.order + KINDS[kind], value) for value in values)
            )
            count = len(body) // struct.calcsize(KINDS[kind])
            if len(body) > 4:
                body = struct.pack(self.order + "I", self.blob(body))
            packed += struct.pack(self.order + "HHI", tag, kind, count) + body.ljust(4, b"\0")
        at = self.blob(struct.pack(self.order + "H", len(entries)) + packed + bytes(4))
        if linked:
            self.out[self.last : self.last + 4] = struct.pack(self.order + "I", at)
            self.last = at + 2 + len(packed)
        return at

    def bytes(self):
        return bytes(self.out)


def jpeg_entries(tiff, jpeg):
    return [(513, 4, [tiff.blob(jpeg)]), (514, 4, [len(jpeg)])]


def strip_entries(tiff, data, compression):
    return [(259, 3, [compression]), (273, 4, [tiff.blob(data)]), (279, 4, [len(data)])]


def maker(name, turn):
    return [(271, 2, name + b"\0"), (272, 2, b"Model 7\0"), (274, 3, [turn])]


def exif(tiff, notes=None):
    """The directory of the camera's own data."""
    entries = [(0x9003, 2, b"2019:05:04 03:02:01\0")] + ([(37500, 7, notes)] if notes else [])
    return [(34665, 4, [tiff.directory(entries, linked=False)])]


def cr2(small, large, turn=1):
    """Canon: the first directory is the preview, the second a thumbnail, the fourth the sensor."""
    t = Tiff(magic=None)
    t.out += b"CR\2\0" + bytes(4)
    t.directory([*maker(b"Canon", turn), *strip_entries(t, large, 6), *exif(t)])
    t.directory(jpeg_entries(t, small))
    t.directory(strip_entries(t, SENSOR, 6))
    return t.bytes()


def nef(small, large, turn=1, name=b"NIKON CORPORATION"):
    """Nikon: a thumbnail, and below it the preview and the sensor."""
    t = Tiff(">")
    below = [
        t.directory([(254, 4, [1]), (259, 3, [6]), *jpeg_entries(t, large)], linked=False),
        t.directory([(254, 4, [0]), (262, 3, [32803]), *strip_entries(t, SENSOR, 34713)], linked=False),
    ]
    thumbnail = bytes(160 * 120 * 3)
    shape = [(254, 4, [1]), (256, 4, [160]), (257, 4, [120]), (258, 3, [8, 8, 8]), (262, 3, [2]), (277, 3, [3])]
    t.directory([*shape, *maker(name, turn), *strip_entries(t, thumbnail, 1), (330, 4, below), *exif(t)])
    return t.bytes()


def arw(small, large, turn=1):
    """Sony: the preview in the first directory, the sensor below it."""
    t = Tiff()
    below = t.directory([(254, 4, [0]), (262, 3, [32803]), *strip_entries(t, SENSOR, 32767)], linked=False)
    t.directory([(254, 4, [1]), *maker(b"SONY", turn), *jpeg_entries(t, large), (330, 4, [below]), *exif(t)])
    t.directory([(254, 4, [1]), *jpeg_entries(t, small)])
    return t.bytes()


def dng(small, large, turn=1):
    """Adobe: a thumbnail, and below it the sensor and the preview as a strip."""
    t = Tiff()
    below = [
        t.directory([(254, 4, [0]), (262, 3, [32803]), *strip_entries(t, SENSOR, 7)], linked=False),
        t.directory([(254, 4, [1]), (262, 3, [6]), *strip_entries(t, large, 7)], linked=False),
    ]
    entries = [(254, 4, [1]), (330, 4, below), (50706, 1, b"\1\4\0\0"), *strip_entries(t, small, 7)]
    t.directory([*entries, *maker(b"Some", turn), *exif(t)])
    return t.bytes()


def pef(small, large, turn=1):
    """Pentax: the sensor first, previews behind it."""
    t = Tiff(">")
    t.directory([(254, 4, [0]), (262, 3, [32803]), *maker(b"PENTAX", turn), *strip_entries(t, SENSOR, 65535), *exif(t)])
    t.directory(jpeg_entries(t, small))
    t.directory(jpeg_entries(t, large))
    return t.bytes()


def srw(small, large, turn=1):
    return nef(small, large, turn, b"SAMSUNG")


def rw2(small, large, turn=1):
    """Panasonic: a tag of its own holds the preview."""
    t = Tiff(magic=b"IIU\0")
    t.directory([*maker(b"Panasonic", turn), (0x2E, 7, large), *exif(t)])
    return t.bytes()


def orf(small, large, turn=1):
    """Olympus: the preview is named by the notes of the camera, from their own beginning on."""
    t = Tiff(magic=b"IIRO")
    main = struct.pack("<HHHIII", 1, 0x2020, 4, 1, 30, 0)
    camera = struct.pack("<HHHIIHHIII", 2, 0x101, 4, 1, 60, 0x102, 4, 1, len(large), 0)
    notes = b"OLYMPUS\0II\3\0" + main + camera + large
    t.directory([*maker(b"OLYMPUS CORPORATION", turn), *jpeg_entries(t, small), *exif(t, notes)])
    return t.bytes()


def raf(small, large, turn=None):
    """Fujifilm: a header that names a whole JPEG."""
    head = b"FUJIFILMCCD-RAW 0201FF383501Model".ljust(84, b"\0")
    return head + struct.pack(">II", 160, len(large)) + bytes(160 - 92) + large + SENSOR


def box(kind, body):
    return struct.pack(">I", 8 + len(body)) + kind + body


def cr3(small, large, turn=None):
    """Canon's newer: boxes, of which one has a preview and the first track a JPEG at full size."""
    ftyp = box(b"ftyp", b"crx \0\0\0\1crx isom")
    preview = box(
        b"uuid", bytes.fromhex("eaf42b5e1c984b88b9fbb7dc406e4d16") + bytes(8) + box(b"PRVW", bytes(16) + small)
    )

    def moov(offset):
        tables = box(b"stsz", struct.pack(">III", 0, len(large), 1)) + box(b"co64", struct.pack(">IIQ", 0, 1, offset))
        return box(b"moov", box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", tables)))))

    start = len(ftyp) + len(moov(0)) + len(preview) + 8
    return ftyp + moov(start) + preview + box(b"mdat", large + SENSOR)


def unnamed(small, large, turn=None):
    """A raw that names no JPEG where anybody looks."""
    return b"\0MRM" + bytes(500) + small + bytes(99) + large + SENSOR


FILES = {
    "CR2": cr2, "NEF": nef, "ARW": arw, "DNG": dng, "PEF": pef, "SRW": srw, "RW2": rw2, "ORF": orf, "RAF": raf,
    "CR3": cr3, "MRW": unnamed,
}  # fmt: skip
