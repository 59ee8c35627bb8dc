"""Make the vocabulary that comes along, `src/nearsight/vocabularies/general.npz`.

    python tools/general_vocabulary.py FOLDER [FOLDER ...] [--out FILE]

1. The images of the folders are described by RootSIFT, as the sense `object` describes them, and as they are at half
   the size, for features of other scales.
2. `akm` is trained on all descriptors, and its centres are rounded to bytes.

docs/models.md says which photographs the file that comes along was made of, and by which licence.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from nearsight.errors import ImageError
from nearsight.features.sift import Sift
from nearsight.images.decode import open_image
from nearsight.vocabularies.akm import Akm
from nearsight.vocabularies.general import FILE, save_general

OUT = Path(__file__).resolve().parent.parent / "src" / "nearsight" / "vocabularies" / FILE
WORDS, FEATURES, SIDE = 20_000, 2000, 1024


def describe(folders: list[Path]) -> np.ndarray:
    """The descriptors `(N, 128)` of all images that can be read."""
    sift, found = Sift(n=FEATURES), []
    for path in sorted(each for folder in folders for each in folder.rglob("*") if each.is_file()):
        try:
            image = open_image(path).render(SIDE)
        except ImageError as problem:
            print(f"skipped: {problem}")
            continue
        small = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        found += [sift.features(each).descriptors for each in (image, small)]
    return np.concatenate(found)


def main() -> None:
    """Describe, train, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    sample = describe(given.folders)
    print(f"{len(sample):,} descriptors")
    centres = Akm(k=WORDS).train(sample, lambda done, total: print(f"round {done} of {total}", end="\r"))["centres"]
    save_general(centres, given.out)
    print(f"{len(centres):,} words, {given.out.stat().st_size:,} bytes: {given.out}")


if __name__ == "__main__":
    main()
