"""Reads the data of a pickle without the pickle module: lists, dictionaries, texts, numbers and arrays of numbers.

The ground truth of the revisited Oxford and Paris sets comes as a pickle, and a pickle is a program: the library that
loads it imports and calls whatever the file names. Here the file is only split into its instructions, by
`pickletools`, and a few of them are followed by our own code. Names in it are compared with those that NumPy writes for
its arrays, and stay text: nothing is imported, nothing is called. Any other instruction or name is an error.
"""

from __future__ import annotations

import itertools
import pickletools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from nearsight.errors import UsageError

__all__ = ["data_of"]

_CORES = ("numpy.core.multiarray", "numpy._core.multiarray")
_NAMES = {
    ("numpy", "ndarray"): "class",
    ("numpy", "dtype"): "dtype",
    ("_codecs", "encode"): "bytes",
    ("__builtin__", "bytes"): "no bytes",
    ("builtins", "bytes"): "no bytes",
    **{(core, "_reconstruct"): "array" for core in _CORES},
    **{(core, "scalar"): "scalar" for core in _CORES},
    ("numpy.core.numeric", "_frombuffer"): "buffer",
    ("numpy._core.numeric", "_frombuffer"): "buffer",
}
"""What a file may name, and what we take it for."""

_DTYPES = frozenset(("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"))
_MOST = 1 << 20
"""The most values that are remembered, or read in all: a small file can refer to itself without end."""


@dataclass(frozen=True)
class _Name:
    """A name in the file that we know."""

    means: str


@dataclass
class _Type:
    """The type of an array's numbers; the order of its bytes comes after it."""

    code: str

    def build(self, state: Any) -> None:  # noqa: ANN401 - whatever the file says
        """Take the order of the bytes."""
        order = state[1]
        if order not in ("<", ">", "|", "="):
            raise ValueError(f"unknown byte order {order!r}")
        self.code = order + self.code


@dataclass
class _Array:
    """An array, empty at first; its content comes after it."""

    values: Any = None

    def build(self, state: Any) -> None:  # noqa: ANN401
        """Take shape, type and bytes."""
        _, shape, kind, fortran, data = state
        if not isinstance(kind, _Type) or not isinstance(data, bytes):
            raise ValueError("an array of something other than numbers")
        order = "F" if fortran else "C"
        self.values = np.frombuffer(data, np.dtype(kind.code)).reshape(shape, order=order).tolist()  # type: ignore[call-overload]


def data_of(pickled: bytes) -> Any:  # noqa: ANN401 - what the file holds
    """The plain data in a pickle; arrays come as lists.

    Raises
    ------
    UsageError
        where it holds anything else, or is no pickle
    """
    machine = _Machine()
    try:
        for operation, argument, _ in pickletools.genops(pickled):
            machine.follow(operation.name, argument)
        return _plain(machine.stack.pop(), itertools.count())
    except (ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError, RecursionError) as problem:
        raise UsageError(f"not a pickle of plain data: {problem}") from None


class _Machine:
    """The stack, the marks and the memory that the instructions work on."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def follow(self, name: str, argument: Any) -> None:  # noqa: ANN401
        """Do one instruction."""
        if name in _PUSHED:
            self.stack.append(argument)
        elif name in _FIXED:
            self.stack.append(_FIXED[name]())
        elif name in _ACTS:
            _ACTS[name](self, argument)
        else:
            raise ValueError(f"the instruction {name} is not followed")

    def pop(self, count: int) -> tuple[Any, ...]:
        """The last `count` things, which go."""
        if len(self.stack) < count:
            raise ValueError("the stack is empty")
        taken = tuple(self.stack[len(self.stack) - count :])
        del self.stack[len(self.stack) - count :]
        return taken

    def drop(self) -> None:
        """The last thing goes."""
        self.pop(1)

    def marked(self) -> tuple[Any, ...]:
        """All things since the last mark, which go."""
        return self.pop(len(self.stack) - self.marks.pop())

    def remember(self, at: int | None) -> None:
        """Keep the last thing in the memory."""
        if len(self.memo) >= _MOST:
            raise ValueError("more is remembered than such a file holds")
        self.memo[len(self.memo) if at is None else at] = self.stack[-1]

    def name(self, module: str, name: str) -> None:
        """Put a name that we know."""
        if (module, name) not in _NAMES:
            raise ValueError(f"it names {module}.{name}, which is no plain data")
        self.stack.append(_Name(_NAMES[module, name]))

    def reduce(self) -> None:
        """Make what a name and its arguments stand for."""
        name, arguments = self.pop(2)
        if not isinstance(name, _Name) or not isinstance(arguments, tuple):
            raise ValueError("it calls something that is no plain data")
        self.stack.append(_MADE[name.means](*arguments))

    def build(self) -> None:
        """Give the last thing its content."""
        (state,) = self.pop(1)
        thing = self.stack[-1]
        if not isinstance(thing, _Array | _Type):
            raise ValueError("it changes something that is no array")
        thing.build(state)

    def extend(self, items: tuple[Any, ...]) -> None:
        """Append to the last list."""
        if type(self.stack[-1]) is not list:
            raise ValueError("it appends to something that is no list")
        self.stack[-1].extend(items)

    def update(self, items: tuple[Any, ...]) -> None:
        """Put into the last dictionary."""
        if type(self.stack[-1]) is not dict:
            raise ValueError("it puts something into what is no dictionary")
        self.stack[-1].update(_pairs(items))


def _scalar(kind: Any, data: Any) -> Any:  # noqa: ANN401
    array = _Array()
    array.build((0, (1,), kind, False, data))
    return array.values[0]


def _type(code: Any, *_: Any) -> _Type:  # noqa: ANN401
    if code not in _DTYPES:
        raise ValueError(f"arrays of {code!r} are not read")
    return _Type(code)


def _encoded(text: Any, encoding: Any) -> bytes:  # noqa: ANN401
    if encoding != "latin1" or not isinstance(text, str):
        raise ValueError("bytes in an unknown spelling")
    return text.encode("latin1")


def _empty_array(kind: Any, *_: Any) -> _Array:  # noqa: ANN401
    if kind != _Name("class"):
        raise ValueError("an array of an unknown class")
    return _Array()


def _pairs(items: tuple[Any, ...]) -> dict[Any, Any]:
    return dict(zip(items[::2], items[1::2], strict=True))


def _buffer(data: Any, kind: Any, shape: Any, order: Any) -> _Array:  # noqa: ANN401
    array = _Array()
    array.build((0, shape, kind, order == "F", bytes(data)))
    return array


def _plain(value: Any, read: Iterator[int]) -> Any:  # noqa: ANN401
    """Arrays as lists, everything else as it is."""
    if next(read) > _MOST:
        raise ValueError("it holds more than such a file does")
    if isinstance(value, _Array):
        return value.values
    if isinstance(value, list | tuple):
        return [_plain(each, read) for each in value]
    if isinstance(value, dict):
        return {key: _plain(each, read) for key, each in value.items()}
    if value is not None and not isinstance(value, str | bytes | int | float):
        raise ValueError("it holds a name where data should be")
    return value


_MADE: dict[str, Callable[..., Any]] = {
    "array": _empty_array,
    "dtype": _type,
    "bytes": _encoded,
    "no bytes": lambda: b"",
    "scalar": _scalar,
    "buffer": _buffer,
}
_PUSHED = frozenset(
    (
        *("INT", "LONG", "LONG1", "LONG4", "BININT", "BININT1", "BININT2", "FLOAT", "BINFLOAT"),
        *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "STRING", "BINSTRING", "SHORT_BINSTRING"),
        *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    )
)
_FIXED: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple,
}
_ACTS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": lambda machine, argument: None,
    "FRAME": lambda machine, argument: None,
    "STOP": lambda machine, argument: None,
    "MARK": lambda machine, argument: machine.marks.append(len(machine.stack)),
    "POP": lambda machine, argument: machine.drop(),
    "TUPLE": lambda machine, argument: machine.stack.append(machine.marked()),
    "TUPLE1": lambda machine, argument: machine.stack.append(machine.pop(1)),
    "TUPLE2": lambda machine, argument: machine.stack.append(machine.pop(2)),
    "TUPLE3": lambda machine, argument: machine.stack.append(machine.pop(3)),
    "LIST": lambda machine, argument: machine.stack.append(list(machine.marked())),
    "DICT": lambda machine, argument: machine.stack.append(_pairs(machine.marked())),
    "APPEND": lambda machine, argument: machine.extend(machine.pop(1)),
    "APPENDS": lambda machine, argument: machine.extend(machine.marked()),
    "SETITEM": lambda machine, argument: machine.update(machine.pop(2)),
    "SETITEMS": lambda machine, argument: machine.update(machine.marked()),
    "MEMOIZE": lambda machine, argument: machine.remember(None),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), lambda machine, argument: machine.remember(argument)),
    **dict.fromkeys(
        ("GET", "BINGET", "LONG_BINGET"), lambda machine, argument: machine.stack.append(machine.memo[argument])
    ),
    "GLOBAL": lambda machine, argument: machine.name(*argument.split(" ", 1)),
    "STACK_GLOBAL": lambda machine, argument: machine.name(*machine.pop(2)),
    "REDUCE": lambda machine, argument: machine.reduce(),
    "BUILD": lambda machine, argument: machine.build(),
}
