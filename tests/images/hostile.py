"""Files made to do harm, written by code: bombs, lies, and things cut short.

`generate(folder)` writes them all and returns, for each, the reasons that may be given for it; `None` stands for an
image that is read. The file names say what each one is.
"""

from __future__ import annotations

import io
import struct
import zlib
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from PIL import PngImagePlugin

from nearsight.errors import Reason

Expected = dict[str, set[Reason | None]]

BROKEN: set[Reason | None] = {Reason.BAD_HEADER, Reason.TRUNCATED, Reason.CORRUPT}
LARGE: set[Reason | None] = {Reason.TOO_MANY_BYTES}


@lru_cache(maxsize=16)
def _waves(width: int, height: int) -> Pillow.Image:
    y, x = np.mgrid[:height, :width].astype(np.float32)
    waves = [np.sin(x / 17 + k) * np.cos(y / 23 - k) + (x + k * y) / (width + height) for k in range(3)]
    return Pillow.fromarray(np.clip(np.stack(waves, axis=-1) * 80 + 128, 0, 255).astype(np.uint8))


def photo(width: int = 320, height: int = 240) -> Pillow.Image:
    """A colourful image that looks the same on every run."""
    return _waves(width, height).copy()


def saved(image: Pillow.Image, format: str, **options: object) -> bytes:
    """The bytes of an image file."""
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, depth: int, colour: int, *, between: bytes = b"", full: bool = True) -> bytes:
    """A PNG of zeros, packed a thousandfold."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = 1 + (width * channels * depth + 7) // 8
    packer, packed = zlib.compressobj(1), []
    if full:
        zeros = bytes(row * max(1, (1 << 20) // row))
        for _ in range(height * row // len(zeros) + 1):
            packed.append(packer.compress(zeros))
    packed.append(packer.flush())
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    palette = chunk(b"PLTE", bytes(6)) if colour == 3 else b""
    body = palette + between + chunk(b"IDAT", b"".join(packed))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


def resized_jpeg(jpeg: bytes, width: int, height: int) -> bytes:
    """A JPEG whose header tells another size."""
    at = next(i for i in range(2, len(jpeg)) if jpeg[i] == 0xFF and jpeg[i + 1] in (0xC0, 0xC1, 0xC2))
    return jpeg[: at + 5] + struct.pack(">HH", height, width) + jpeg[at + 9 :]


def many_scans(scans: int, width: int = 7000, height: int = 7000) -> bytes:
    """A small grey progressive JPEG of many scans, each of which passes over the whole image."""
    jpeg = resized_jpeg(saved(Pillow.new("L", (64, 64), 128), "JPEG", progressive=True), width, height)
    first = jpeg.index(b"\xff\xda")
    table = bytes([0xFF, 0xC4, 0, 20, 0x10, 1, *[0] * 15, 0xE0])  # one code, "0": a run of 2^14 empty blocks
    blocks = -(-width // 8) * -(-height // 8)
    runs = -(-blocks // (1 << 15)) + 1
    scan = b"\xff\xda\0\x08\x01\x01\0\x01\x3f\0" + bytes(2 * runs)  # each run: a zero bit, 14 bits of length
    dc = jpeg[first : jpeg.index(b"\xff", first + 2)]
    return jpeg[:first] + dc + bytes(blocks // 4) + table + scan * scans + b"\xff\xd9"


def tiff_directory(entries: int) -> bytes:
    """A TIFF whose directory has very many entries (BigTIFF: the count is 64 bits)."""
    entry = struct.pack("<HHQQ", 256, 4, 1, 100)
    return b"II+\0" + struct.pack("<HHQQ", 8, 0, 16, entries) + entry * entries + bytes(8)


def gif_canvas(width: int, height: int) -> bytes:
    """A GIF of one pixel on a giant canvas."""
    return (
        b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\0\0" + bytes(6)
        + b"," + struct.pack("<HHHH", 0, 0, 1, 1) + b"\0\x02\x02\x44\x01\0;"
    )  # fmt: skip


def codestream(width: int, height: int, components: int = 3, tile: tuple[int, int] | None = None) -> bytes:
    """The header of a JPEG 2000, with next to nothing behind it."""
    size = struct.pack(
        ">HHIIIIIIIIH", 38 + 3 * components, 0, width, height, 0, 0, *(tile or (width, height)), 0, 0, components
    )
    style = struct.pack(">HHBBHBBBBBB", 0xFF52, 12, 0, 0, 1, 0, 0, 4, 4, 0, 1)
    return b"\xff\x4f\xff\x51" + size + b"\x07\x01\x01" * components + style + b"\xff\x90" + bytes(20)


def targa(width: int, height: int) -> bytes:
    """A packed Targa that promises much."""
    header = b"\0\0\x0a" + bytes(9) + struct.pack("<HHBB", width, height, 24, 0)
    return header + b"\xff\0\0\0" * (1 << 16) + bytes(8) + b"TRUEVISION-XFILE.\0"


def _raf(preview: bytes) -> bytes:
    """A camera raw around this preview."""
    return b"FUJIFILMCCD-RAW 0201".ljust(84, b"\0") + struct.pack(">II", 92, len(preview)) + preview


def _chain(pages: int) -> bytes:
    """A TIFF of very many pages, of which all have the data of the first."""
    entries = [(256, 16), (257, 16), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 16), (279, 256)]
    body = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    size, first = 2 + len(body) + 4, 8 + 256
    chain = (struct.pack("<H", len(entries)) + body + struct.pack("<I", first + size * n) for n in range(1, pages))
    last = struct.pack("<H", len(entries)) + body + bytes(4)
    return b"II*\0" + struct.pack("<I", first) + bytes(256) + b"".join(chain) + last


def generate(folder: Path) -> Expected:
    """Writes every file into `folder`; the reasons that may be given for each."""
    files = {**_bombs(), **_lies(), **_cuts(), **_odd()}
    folder.mkdir(parents=True, exist_ok=True)
    for name, (data, _) in files.items():
        (folder / name).write_bytes(data)
    return {name: reasons for name, (_, reasons) in files.items()}


def _bombs() -> dict[str, tuple[bytes, set[Reason | None]]]:
    text = PngImagePlugin.PngInfo()
    text.add_text("bomb", "A" * (64 << 20), zip=True)
    return {
        "bomb-50k.png": (png(50_000, 50_000, 1, 0, full=False), LARGE),
        "bomb-palette.png": (png(30_000, 30_000, 8, 3, full=False), LARGE),
        "bomb-rgba16.png": (png(7_000, 7_000, 16, 6), LARGE),
        "bomb-text.png": (saved(photo(), "PNG", pnginfo=text), {*BROKEN, None}),
        "bomb-itxt-many.png": (png(9, 9, 8, 2, between=chunk(b"tEXt", b"k\0" + b"v" * 99) * 20_000), {*BROKEN, None}),
        "bomb-directory.tif": (tiff_directory(200_000), {Reason.BAD_HEADER}),
        "bomb-canvas.gif": (gif_canvas(65_535, 65_535), LARGE),
        "bomb-progressive.jpg": (resized_jpeg(saved(photo(), "JPEG", progressive=True), 65_000, 65_000), LARGE),
        "bomb-scans.jpg": (many_scans(20_000, 1_000, 1_000), {Reason.BAD_HEADER}),
        "bomb-lossless.webp": (_webp(16_384, 16_384), LARGE),
        "bomb.j2k": (codestream(60_000, 60_000), LARGE),
        "bomb-tiles.j2k": (codestream(60_000, 60_000, tile=(1, 1)), {Reason.BAD_HEADER}),
        "bomb.tga": (targa(65_535, 65_535), LARGE),
        "bomb-preview.raf": (_raf(resized_jpeg(saved(photo(), "JPEG", progressive=True), 65_000, 65_000)), LARGE),
        "bomb-chain.tif": (_chain(9_000), {*BROKEN, None}),
    }


def _webp(width: int, height: int) -> bytes:
    bits = (width - 1) | (height - 1) << 14
    body = b"VP8L" + struct.pack("<IBI", 30, 0x2F, bits) + bytes(26)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _lies() -> dict[str, tuple[bytes, set[Reason | None]]]:
    svg = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    webp, tiff = saved(photo(), "WEBP"), saved(photo(), "TIFF")
    return {
        "eps.jpg": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) print\n", {Reason.FORMAT_OFF}),
        "svg.png": (svg, {Reason.FORMAT_OFF}),
        "pdf.jpg": (b"%PDF-1.7\n", {Reason.FORMAT_OFF}),
        "text.jpg": (b"this is not an image\n" * 9, {Reason.NOT_AN_IMAGE}),
        "larger.jpg": (resized_jpeg(saved(photo(), "JPEG"), 30_000, 30_000), {*BROKEN, None}),
        "zero.jpg": (resized_jpeg(saved(photo(), "JPEG"), 0, 240), BROKEN),
        "canvas.webp": (webp[:12] + b"VP8X" + struct.pack("<I", 10) + bytes(4) + b"\xff" * 6 + webp[12:], LARGE),
        "short.webp": (webp[:4] + struct.pack("<I", 20) + webp[8:], {*BROKEN, None}),
        "offset.tif": (tiff[:4] + b"\xf0\xff\xff\xff" + tiff[8:], BROKEN),
        "self.tif": (tiff[:4] + b"\x04\0\0\0" + tiff[8:], BROKEN),
        "wide.bmp": (_bmp(1 << 30, 1), LARGE),
        "negative.bmp": (_bmp(-5, 5), {*BROKEN, *LARGE}),
        "box.heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\xff" * 64, {*BROKEN, Reason.NEEDS_HEIF}),
        "box.avif": (b"\0\0\0\x18ftypavif\0\0\0\0mif1avif" + b"\xff" * 64, BROKEN),
        "icc.png": (saved(photo(), "PNG", icc_profile=b"not a profile" * 99), {None}),
        "exif.jpg": (saved(photo(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f" + b"\xff" * 99), {None}),
    }


def _bmp(width: int, height: int) -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 60, 0, 0, 54) + header + bytes(60)


def _cuts() -> dict[str, tuple[bytes, set[Reason | None]]]:
    noise = Pillow.fromarray(np.random.default_rng(7).integers(0, 255, (99, 120, 3), np.uint8))
    cuts = {}
    for format in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"):
        whole = saved(noise, format)
        for part in (2, 13, 40, 70, 95):
            cuts[f"cut-{part}.{format.lower()}"] = whole[: len(whole) * part // 100], {*BROKEN}
    for name in ("cut-95.jpeg", "cut-95.gif"):
        cuts[name][1].add(None)  # what is missing may be only the end mark
    return cuts


def _odd() -> dict[str, tuple[bytes, set[Reason | None]]]:
    magics = {
        "jpeg": b"\xff\xd8\xff", "png": b"\x89PNG\r\n\x1a\n", "gif": b"GIF89a", "tif": b"II*\0", "bmp": b"BM",
        "webp": b"RIFF\0\0\0\0WEBP", "avif": b"\0\0\0\x1cftypavif", "heic": b"\0\0\0\x18ftypheic",
    }  # fmt: skip
    cut = {*BROKEN, Reason.NOT_AN_IMAGE, Reason.NEEDS_HEIF}
    odd: dict[str, tuple[bytes, set[Reason | None]]] = {f"magic.{name}": (data, cut) for name, data in magics.items()}
    odd["empty.jpg"] = b"", {Reason.EMPTY}
    odd["ok.jpg"] = saved(photo(), "JPEG"), {None}
    odd["ok.png"] = saved(photo(), "PNG"), {None}
    return odd
