"""How long a search takes over HTTP on loopback, end to end, and in which parts.

    python -m benchmarks.service FOLDER

Indexes the folder by `copy`, serves it, uploads halved copies of some of its images, and asks with each.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import numpy as np
from PIL import Image as PillowImage

import nearsight as ns
from benchmarks.machine import machine, table

QUERIES = 40


def halve_image(path: Path) -> bytes:
    """A copy of half the size, as a JPEG."""
    stream = io.BytesIO()
    with PillowImage.open(path) as image:
        image.convert("RGB").reduce(2).save(stream, "JPEG", quality=70)
    return stream.getvalue()


def time_requests(client: httpx.Client, path: Path, collection: str) -> tuple[float, float, float, bool]:
    """Seconds of the upload, of the search end to end, of the search inside the service; whether it was found."""
    start = time.perf_counter()
    upload = client.post("/api/uploads", files={"image": ("q.jpg", halve_image(path))}).json()["upload"]
    between = time.perf_counter()
    answer = client.get(f"/api/collections/{collection}/search", params={"upload": upload, "by": "copy"}).json()
    end = time.perf_counter()
    first = answer["hits"][0]
    return between - start, end - between, answer["seconds"]["search"], bool(first["alike"])


def main() -> None:
    """Print the table."""
    folder = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as box:
        with ns.index(folder, by=["copy"], collection=Path(box) / "home") as photos:
            total, paths = len(photos), [folder / each.path.decode() for each in photos.images()]
        command = [sys.executable, "-m", "nearsight", "serve", "--collection", str(Path(box) / "home"), "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            found = (re.search(r"http://\S+?:\d+", line) for line in iter(process.stdout.readline, ""))
            address = next(each[0] for each in found if each)
            with httpx.Client(base_url=address, timeout=60) as client:
                collection = client.get("/api/collections").json()[0]["id"]
                time_requests(client, paths[0], collection)
                step = max(1, len(paths) // QUERIES)
                rows = np.array([time_requests(client, path, collection) for path in paths[::step]])
            process.terminate()
    print(f"{machine()}; {total} images, {len(rows)} queries, original accepted {100 * rows[:, 3].mean():.0f} %")
    names = ["upload (encode, send, decode)", "search, end to end", "of it inside the service"]
    middle, slow = (1000 * np.percentile(rows[:, :3], share, axis=0) for share in (50, 95))
    cells = [[name, f"{m:.0f}", f"{s:.0f}"] for name, m, s in zip(names, middle, slow, strict=True)]
    print(table(["part", "median, ms", "95 %, ms"], cells))


if __name__ == "__main__":
    main()
