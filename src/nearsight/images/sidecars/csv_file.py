"""CSV: a heading line with a column of file names, and columns of captions and tags.

::

    file,caption,tags
    dog.jpg,"A dog runs, far away.",dog;beach
    cat.jpg,A cat.,cat
"""

from __future__ import annotations

import csv
import io

from nearsight.errors import ImageError, Reason
from nearsight.images.image_text import CAPTION_KEYS, NAME_KEYS, TAG_KEYS, ImageText, build_image_text, split_tags

_DELIMITERS = ",;\t|"


def read_csv(data: bytes) -> list[ImageText]:
    """What a CSV file says; nothing where its heading names no file or no words. Raises ImageError."""
    text = _decode_text(data)
    mark = max(_DELIMITERS, key=text.partition("\n")[0].count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    try:
        heading = [cell.strip().lower() for cell in next(rows, [])]
        name = next((heading.index(word) for word in NAME_KEYS if word in heading), None)
        captions = [heading.index(word) for word in CAPTION_KEYS if word in heading]
        tags = [heading.index(word) for word in TAG_KEYS if word in heading]
        if name is None or not (captions or tags):
            return []
        found = [_csv_sidecar_row(row, name, captions, tags) for row in rows if len(row) > name and row[name].strip()]
    except csv.Error as problem:
        raise ImageError(Reason.CORRUPT, f"not CSV, line {rows.line_num}: {problem}") from None
    return [each for each in found if each is not None]


def _decode_text(data: bytes) -> str:
    for encoding in ("utf-8-sig", "utf-16") if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig",):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("cp1252", "replace")


def _csv_sidecar_row(row: list[str], name: int, captions: list[int], tags: list[int]) -> ImageText | None:
    def cells(columns: list[int]) -> list[str]:
        return [row[column] for column in columns if column < len(row)]

    return build_image_text(
        row[name].strip(), cells(captions), [tag for cell in cells(tags) for tag in split_tags(cell)]
    )
