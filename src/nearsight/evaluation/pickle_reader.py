"""Reads the data of a pickle without running it: lists, dictionaries, texts, numbers and arrays of numbers.

The ground truth of the revisited Oxford and Paris sets comes as a pickle, and a pickle is a program: it imports and
calls whatever it names. Here every name is looked up in a list of our own, of those that NumPy writes for its arrays,
and each stands for a function of this module: nothing is imported, and no code of the file runs. NumPy's own functions
are not called either, for they believe the sizes that they are told. Any other name is an error.
"""

from __future__ import annotations

import io
import itertools
import math
import pickle
import pickletools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from nearsight.errors import UsageError

__all__ = ["load_plain_data"]

_DTYPES = frozenset(("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"))
_MAX_VALUES = 1 << 20
"""The most values that are remembered, or read in all: a small file can refer to itself without end."""
_MAX_OPCODES = 4 * _MAX_VALUES
"""The most instructions: a value takes one to three. Each of them may make an object of a hundred bytes."""
_FORBIDDEN_OPCODES = frozenset(
    ("INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4", "PERSID", "BINPERSID", "NEXT_BUFFER")
)
"""Instructions that call something, or fetch it, in another way than by its name in our list."""
_PICKLE_ERRORS = (
    *(pickle.UnpicklingError, EOFError, ValueError, TypeError, LookupError),
    *(AttributeError, OverflowError, RecursionError),
)


def load_plain_data(pickled: bytes) -> Any:  # noqa: ANN401 - what the file holds
    """The plain data in a pickle; arrays come as lists.

    Raises
    ------
    UsageError
        where it holds anything else, or is no pickle
    """
    try:
        _validate_opcodes(pickled)
        return _to_plain(_RestrictedUnpickler(io.BytesIO(pickled), encoding="latin1").load(), itertools.count())
    except _PICKLE_ERRORS as problem:
        raise UsageError(f"not a pickle of plain data: {problem}") from None


def _validate_opcodes(pickled: bytes) -> None:
    """Raise ValueError for an instruction that is not followed, or that makes the library reserve what is not there."""
    for done, (operation, argument, _) in enumerate(pickletools.genops(pickled)):
        if done > _MAX_OPCODES:
            raise ValueError("it has more instructions than such a file needs")
        if operation.name in _FORBIDDEN_OPCODES:
            raise ValueError(f"the instruction {operation.name} is not followed")
        if operation.name.endswith("PUT") and (argument or 0) >= _MAX_VALUES:
            raise ValueError("more is remembered than such a file holds")


class _RestrictedUnpickler(pickle.Unpickler):
    """The library's reader, which finds the names of our list."""

    def find_class(self, module: str, name: str, /) -> Any:  # noqa: ANN401
        """What a name stands for; ValueError for one that is not in the list."""
        if (module, name) not in _CONSTRUCTORS:
            raise ValueError(f"it names {module}.{name}, which is no plain data")
        return _Constructor(_CONSTRUCTORS[module, name])


class _Constructor:
    """What the file calls. It is made anew for each name, and cannot be changed by the file."""

    __slots__ = ("_build",)

    def __init__(self, made: Callable[..., Any]) -> None:
        self._build = made

    def __call__(self, *arguments: Any) -> Any:  # noqa: ANN401
        return self._build(*arguments)

    def __setstate__(self, state: object) -> None:
        raise ValueError("it changes something that is no array")


class _Array:
    """An array, empty at first; its content comes after it."""

    __slots__ = ("values",)

    def __init__(self, *_: Any) -> None:  # noqa: ANN401 - whatever the file says
        self.values: Any = None

    def __setstate__(self, state: Any) -> None:  # noqa: ANN401
        """Take shape, type and bytes. A Python 2 wrote the bytes as text."""
        _, shape, kind, fortran, data = state
        data = data.encode("latin1") if isinstance(data, str) else data
        if not isinstance(kind, _Type) or not isinstance(data, bytes):
            raise ValueError("an array of something other than numbers")
        if math.prod(side or 1 for side in shape) > _MAX_VALUES:
            raise ValueError("it holds more than such a file does")
        order = "F" if fortran else "C"
        self.values = np.frombuffer(data, np.dtype(kind.code)).reshape(shape, order=order).tolist()  # type: ignore[call-overload]


@dataclass(slots=True)
class _Type:
    """The type of an array's numbers; the order of its bytes comes after it."""

    code: str

    def __setstate__(self, state: Any) -> None:  # noqa: ANN401
        """Take the order of the bytes."""
        if state[1] not in ("<", ">", "|", "="):
            raise ValueError(f"unknown byte order {state[1]!r}")
        self.code = state[1] + self.code


def _make_type(code: Any, *_: Any) -> _Type:  # noqa: ANN401
    if code not in _DTYPES:
        raise ValueError(f"arrays of {code!r} are not read")
    return _Type(code)


def _make_scalar(kind: Any, data: Any) -> Any:  # noqa: ANN401
    return _make_array(data, kind, (1,), "C").values[0]


def _make_array(data: Any, kind: Any, shape: Any, order: Any) -> _Array:  # noqa: ANN401
    array = _Array()
    array.__setstate__((0, shape, kind, order == "F", bytes(data) if isinstance(data, bytearray) else data))
    return array


def _make_bytes(text: Any = "", encoding: Any = "latin1") -> bytes:  # noqa: ANN401
    if encoding != "latin1" or not isinstance(text, str):
        raise ValueError("bytes in an unknown spelling")
    return text.encode("latin1")


def _reject_class(*_: Any) -> None:  # noqa: ANN401
    raise ValueError("it calls a class of arrays")


_CONSTRUCTORS: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "ndarray"): _reject_class,
    ("numpy", "dtype"): _make_type,
    ("_codecs", "encode"): _make_bytes,
    ("__builtin__", "bytes"): _make_bytes,
    ("builtins", "bytes"): _make_bytes,
}
for _core in ("numpy.core", "numpy._core"):
    _CONSTRUCTORS |= {
        (f"{_core}.multiarray", "_reconstruct"): _Array,
        (f"{_core}.multiarray", "scalar"): _make_scalar,
        (f"{_core}.numeric", "_frombuffer"): _make_array,
    }


def _to_plain(value: Any, counter: Iterator[int]) -> Any:  # noqa: ANN401
    """Arrays as lists, everything else as it is."""
    if next(counter) > _MAX_VALUES:
        raise ValueError("it holds more than such a file does")
    if isinstance(value, _Array):
        return value.values
    if isinstance(value, list | tuple):
        return [_to_plain(each, counter) for each in value]
    if isinstance(value, dict):
        return {_to_plain(key, counter): _to_plain(each, counter) for key, each in value.items()}
    if value is not None and not isinstance(value, str | bytes | int | float):
        raise ValueError("it holds a name where data should be")
    return value
