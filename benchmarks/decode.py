"""Which decoder? Each reads the same JPEGs at the same scale, one thread. Needs `pip install ".[bench]"`.

python -m benchmarks.decode FOLDER_OF_LOSSLESS_IMAGES
"""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "VIPS_CONCURRENCY": "1"}

import cv2
import numpy as np
import pyvips
import simplejpeg
from PIL import Image as PillowImage

from benchmarks.machine import machine, table
from nearsight.types import Image


def divisor(width: int, height: int, side: int) -> int:
    """The largest of 1, 2, 4, 8 that keeps the longest side at `side` or more."""
    return max(d for d in (1, 2, 4, 8) if d == 1 or max(width, height) / d >= side)


def downscale(image: Image, side: int) -> Image:
    """The image with a longest side of `side`, by averaging areas."""
    height, width = image.shape[:2]
    scale = min(1, side / max(width, height))
    small: Image = cv2.resize(image, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    return small


def by_pillow(data: bytes, side: int) -> Image:
    """Pillow with draft."""
    image = PillowImage.open(io.BytesIO(data), formats=["JPEG"])
    d = divisor(*image.size, side)
    image.draft("RGB", (image.width // d, image.height // d))
    return downscale(np.asarray(image), side)


def by_simplejpeg(data: bytes, side: int) -> Image:
    """libjpeg-turbo by simplejpeg."""
    height, width, _, _ = simplejpeg.decode_jpeg_header(data)
    d = divisor(width, height, side)
    return downscale(simplejpeg.decode_jpeg(data, "RGB", min_height=height // d, min_width=width // d), side)


def by_pyvips(data: bytes, side: int) -> Image:
    """Libvips with its own shrink-on-load."""
    made: Image = pyvips.Image.thumbnail_buffer(data, side, height=side, size="down").numpy()
    return made


def by_opencv(data: bytes, side: int) -> Image:
    """OpenCV with its reduced modes."""
    height, width, _, _ = simplejpeg.decode_jpeg_header(data)
    flags = {1: cv2.IMREAD_COLOR, 2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4}
    flag = flags.get(divisor(width, height, side), cv2.IMREAD_REDUCED_COLOR_8)
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    assert decoded is not None
    return downscale(decoded[..., ::-1], side)


DECODERS: dict[str, Callable[[bytes, int], Image]] = {
    "Pillow": by_pillow,
    "simplejpeg": by_simplejpeg,
    "pyvips": by_pyvips,
    "OpenCV": by_opencv,
}


def encode_enlarged(path: Path, longest: int) -> bytes:
    """The image enlarged to a longest side, with a little noise, as a JPEG of quality 88."""
    image = PillowImage.open(path).convert("RGB")
    scale = longest / max(image.size)
    image = image.resize((round(image.width * scale), round(image.height * scale)), PillowImage.Resampling.LANCZOS)
    noise = np.random.default_rng(0).normal(0, 3, (image.height, image.width, 1))
    noisy = (np.asarray(image) + noise).clip(0, 255).astype(np.uint8)
    stream = io.BytesIO()
    PillowImage.fromarray(noisy).save(stream, "JPEG", quality=88)
    return stream.getvalue()


def main() -> None:
    """Print the table."""
    cv2.setNumThreads(1)
    pyvips.cache_set_max(0)
    paths = sorted(Path(sys.argv[1]).iterdir())[:8]
    rows = []
    for longest, side in ((3264, 1024), (3264, 512), (512, 1024)):
        images = [encode_enlarged(path, longest) for path in paths]
        best = dict.fromkeys(DECODERS, float("inf"))
        for _ in range(5):
            for name, decoder in DECODERS.items():
                start = time.perf_counter()
                for data in images:
                    decoder(data, side)
                best[name] = min(best[name], (time.perf_counter() - start) / len(images))
        rows.append([f"longest side {longest}", str(side), *(f"{1000 * each:.2f}" for each in best.values())])
    print(machine())
    print(table(["JPEG", "longest side kept", *(f"{name}, ms" for name in DECODERS)], rows))


if __name__ == "__main__":
    main()
