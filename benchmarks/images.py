"""Images to measure with, made from photographs: those inside scikit-image and scikit-learn, or of a folder.

Number and seed decide every pixel, so that two runs measure the same files.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.resources import files
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from nearsight.cli.demo import PHOTOGRAPHS
from nearsight.errors import ImageError
from nearsight.images.decode import decode_image
from nearsight.types import Image

SIDE = 1024
MOST = 400
SENSOR_NOISE = 6
"""Standard deviation of the brightness; an enlarged photograph then takes some 2.4 bits a pixel at quality 90."""
_LEVELS = (512, 256, 128)


def photographs(folder: Path | None = None) -> list[Image]:
    """The photographs, at most 1024 pixels at the longest side; of a folder the first 400 that can be read."""
    return list(itertools.islice(_decode_readable(_read_bundled() if folder is None else _read_folder(folder)), MOST))


def _read_bundled() -> Iterator[bytes]:
    for package, names in PHOTOGRAPHS.items():
        for name in names:
            yield files(package).joinpath(name).read_bytes()


def _read_folder(folder: Path) -> Iterator[bytes]:
    return (path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def _decode_readable(sources: Iterable[bytes]) -> Iterator[Image]:
    for data in sources:
        try:
            yield decode_image(data).render(SIDE)
        except ImageError:
            continue


def crops(photos: list[Image], count: int, side: int, *, first: int = 0) -> Iterator[Image]:
    """Small images, 2/3 of `side` to `side` pixels wide and high: parts of the photographs, turned and re-lit."""
    levels = [[_downscale(photo, longest) for longest in _LEVELS] for photo in photos]
    for number in range(first, first + count):
        rng = np.random.default_rng((number, side))
        part = levels[int(rng.integers(len(levels)))][int(rng.integers(len(_LEVELS)))]
        width, height = (int(each) for each in rng.integers(side * 2 // 3, side, 2, endpoint=True))
        yield _change_light(_part(part, width, height, rng), rng)


def _downscale(photo: Image, longest: int) -> Image:
    scale = min(1, longest / max(photo.shape[:2]))
    size = (round(photo.shape[1] * scale), round(photo.shape[0] * scale))
    return np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.uint8)


def _part(photo: Image, width: int, height: int, rng: np.random.Generator) -> Image:
    """A part around some point, turned by up to 20 degrees, at .7 to 1.4 of its size, perhaps mirrored."""
    angle, scale = math.radians(rng.uniform(-20, 20)), rng.uniform(0.7, 1.4)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]) / scale
    turn[:, 0] *= rng.choice([-1, 1])
    middle = rng.uniform(0.2, 0.8, 2) * (photo.shape[1], photo.shape[0])
    matrix = np.column_stack([turn, middle - turn @ (width / 2, height / 2)])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(photo, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT_101))


def _change_light(image: Image, rng: np.random.Generator) -> Image:
    """Another light: each channel has its own gain."""
    gains = rng.uniform(0.75, 1.2, 3)
    return np.asarray(cv2.multiply(image, (*gains, 1.0)), np.uint8)


def write_crops(folder: Path, photos: list[Image], count: int, side: int) -> None:
    """Write `count` small JPEGs, 1,000 a subfolder, in parallel."""
    for start in range(0, count, 1000):
        (folder / f"{start // 1000:04d}").mkdir(parents=True)
    _write_in_parallel(partial(_write_thousand, folder, photos, count, side), range(0, count, 1000))


def _write_thousand(folder: Path, photos: list[Image], count: int, side: int, start: int) -> None:
    for number, image in enumerate(crops(photos, min(1000, count - start), side, first=start), start):
        _save(folder / f"{start // 1000:04d}" / f"{number:06d}.jpg", image)


def write_enlarged(folder: Path, photos: list[Image], count: int, size: tuple[int, int]) -> None:
    """Write `count` large JPEGs of this width and height, as many bytes as those of a camera, in parallel."""
    folder.mkdir(parents=True)
    _write_in_parallel(partial(_write_enlarged, folder, photos, size), range(count))


def _write_enlarged(folder: Path, photos: list[Image], size: tuple[int, int], number: int) -> None:
    _save(folder / f"{number:04d}.jpg", enlarge(photos[number % len(photos)], size, number))


def enlarge(photo: Image, size: tuple[int, int], seed: int) -> Image:
    """A large part of a photograph in `size` (width, height), and a sensor's noise: else it compresses too well."""
    rng = np.random.default_rng(seed)
    scale = rng.uniform(0.7, 1) * min(have / want for have, want in zip(photo.shape[1::-1], size, strict=True))
    width, height = (max(1, int(scale * side)) for side in size)
    left, top = (
        int(rng.integers(have - each + 1)) for have, each in ((photo.shape[1], width), (photo.shape[0], height))
    )
    large = cv2.resize(photo[top : top + height, left : left + width], size, interpolation=cv2.INTER_CUBIC)
    noise = np.empty(large.shape[:2], np.int16)
    cv2.setRNGSeed(seed)
    cv2.randn(noise, 0, SENSOR_NOISE)
    return np.asarray(cv2.add(large, cv2.merge([noise] * 3), dtype=cv2.CV_8U), np.uint8)


def _save(path: Path, image: Image) -> None:
    done, jpeg = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
    assert done
    path.write_bytes(jpeg.tobytes())


def _write_in_parallel(write: partial[None], items: Iterable[int]) -> None:
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), get_context("spawn")) as pool:
        for _ in pool.map(write, items):
            pass


def link_files(source: Path, target: Path, names: int = 1, most: int | None = None) -> int:
    """Hard links to the first files of a folder, each under so many names; how many there are now."""
    paths = sorted(path for path in source.rglob("*") if path.is_file())[:most]
    for path in paths:
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        for number in range(names):
            os.link(path, place.with_stem(f"{place.stem}-{number}"))
    return len(paths) * names
