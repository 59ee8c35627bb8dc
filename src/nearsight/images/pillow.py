"""Pillow, held at arm's length: opened quietly, with one format at a time, and every error given a reason."""

from __future__ import annotations

import io
import logging
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from importlib import import_module
from typing import ClassVar

from PIL import AvifImagePlugin, ImageFile, UnidentifiedImageError
from PIL import Image as Pillow

from nearsight.errors import ImageError, Reason, Technical, UsageError
from nearsight.wording import printable_text

_CUT_SHORT = re.compile(r"truncat|not enough|unexpected end|premature|end of file|only got \d|eof", re.IGNORECASE)
_NO_ROOM = re.compile(r"out of memory|memory alloc|cannot allocate|insufficient memory", re.IGNORECASE)
_ADDRESS = re.compile(r"<[^<>]* at 0x[0-9a-f]+>")
_NO_MEMORY = -4  # cv2.error.code of "insufficient memory"


@cache
def register_heif() -> bool:
    """Whether HEIF is read here: by `pi_heif`, or by `pillow_heif` where only that is installed."""
    for name in ("pi_heif", "pillow_heif"):
        with suppress(ImportError):
            heif = import_module(name)
            heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)
            return True
    return False


class _PillowSilencer:
    """Turns Pillow's warnings, log and pixel limit off while at least one thread decodes; our own limits hold instead.

    These are settings of the process: the first thread to enter changes them, and the last to leave restores them.
    """

    lock: ClassVar = threading.Lock()
    inside: ClassVar[int] = 0
    restore: ClassVar[ExitStack | None] = None

    @classmethod
    def enter(cls) -> None:
        with cls.lock:
            cls.inside += 1
            if cls.inside == 1:
                cls.restore = ExitStack()
                cls.restore.enter_context(warnings.catch_warnings())
                warnings.simplefilter("ignore")
                log, handler = logging.getLogger("PIL"), logging.NullHandler()
                log.addHandler(handler)  # without any, errors would be printed
                cls.restore.callback(log.removeHandler, handler)
                cls._set(log, "propagate", False)
                cls._set(Pillow, "MAX_IMAGE_PIXELS", None)
                cls._set(AvifImagePlugin, "DEFAULT_MAX_THREADS", 1)

    @classmethod
    def leave(cls) -> None:
        with cls.lock:
            cls.inside -= 1
            if cls.inside == 0 and cls.restore is not None:
                cls.restore.close()

    @classmethod
    def _set(cls, owner: object, name: str, value: object) -> None:
        assert cls.restore is not None
        cls.restore.callback(setattr, owner, name, getattr(owner, name))
        setattr(owner, name, value)


@contextmanager
def silence_pillow() -> Iterator[None]:
    """Nothing that Pillow says about a file reaches the user, or is a limit of its own."""
    _PillowSilencer.enter()
    try:
        yield
    finally:
        _PillowSilencer.leave()


@contextmanager
def open_with_pillow(data: bytes, format: str) -> Iterator[ImageFile.ImageFile]:
    """The image in `data`, with its header read and nothing decoded. Only the code of `format` sees it."""
    with silence_pillow():
        if format == "HEIF":
            register_heif()
        with as_image_errors(Reason.BAD_HEADER):
            try:
                image = Pillow.open(io.BytesIO(data), formats=[format])
            except UnidentifiedImageError as error:  # its message is an address in memory
                raise ImageError(Reason.BAD_HEADER, f"begins as {format} does, but is not one") from error
        with image:
            yield image


@contextmanager
def as_image_errors(default_reason: Reason) -> Iterator[None]:
    """Turns every exception that a decoder raises into a ImageError: Pillow has no one base class for them."""
    try:
        yield
    except UsageError:
        raise
    except Exception as error:
        reason = _pillow_reason(error, default_reason)
        raise ImageError(reason, "" if reason is Reason.OUT_OF_MEMORY else _pillow_detail(error)) from error


def _pillow_reason(error: Exception, default_reason: Reason) -> Reason:
    if isinstance(error, MemoryError) or getattr(error, "code", None) == _NO_MEMORY or _NO_ROOM.search(str(error)):
        return Reason.OUT_OF_MEMORY
    if isinstance(error, EOFError) or _CUT_SHORT.search(str(error)):
        return Reason.TRUNCATED
    return default_reason


def _pillow_detail(error: Exception) -> Technical:
    text = printable_text(_ADDRESS.sub("", str(error)))
    return Technical(f"{type(error).__name__}: {text}" if text else type(error).__name__)
