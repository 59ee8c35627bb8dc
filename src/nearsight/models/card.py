"""Model cards: everything that is known of a network before its file is opened, as data."""

from __future__ import annotations

import dataclasses
import math
import re
import tomllib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, TypeVar, cast, get_args, get_type_hints

from nearsight.errors import ModelError
from nearsight.wording import plural

T = TypeVar("T")
FitMode = Literal["inside", "squash", "crop"]
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ModelSource:
    """Where a model's file is published: a `file` of a `repo` of Hugging Face, or a `url`; `note` is for people."""

    repo: str = ""
    file: str = ""
    revision: str = "main"
    url: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if bool(self.repo) != bool(self.file):
            raise ValueError("a source is a repo and a file in it, or a url; one of repo and file is missing")
        if self.repo and self.url:
            raise ValueError("a source is a repo and a file in it, or a url; not both")
        if self.url and not self.url.startswith(("https://", "http://")):
            raise ValueError(f"a url begins with https:// or http://; got {self.url}")

    @property
    def location(self) -> str:
        """The source in words; empty where there is none."""
        return f"{self.file} of huggingface.co/{self.repo}" if self.repo else self.url


@dataclass(frozen=True)
class ImageInput:
    """How an image is given to a network.

    Parameters
    ----------
    name : the network's name of its input
    side : pixels
    fit : "inside": the longest side becomes `side`, proportions kept, both sides rounded to a multiple of `multiple`;
        "squash": `side` x `side`, whatever the proportions; "crop": the middle square, as `side` x `side`
    layout : "NCHW" or "NHWC"
    colours : order of the channels: "RGB", "BGR", or "grey" for luma alone
    mean, scale : for each channel; a value x of 0..255 becomes (x - mean) / scale
    """

    name: str
    side: int
    fit: FitMode = "squash"
    multiple: int = 1
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    colours: Literal["RGB", "BGR", "grey"] = "RGB"
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    scale: tuple[float, ...] = (1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        if not 1 <= self.multiple <= self.side <= 4096:
            raise ValueError(f"side is multiple ({self.multiple}) to 4096 pixels; got {self.side}")
        if self.fit == "inside" and self.side % self.multiple:
            raise ValueError(f"side is a multiple of {self.multiple}; got {self.side}")
        if len(self.mean) != self.channels or len(self.scale) != self.channels:
            raise ValueError(f"mean and scale have {plural(self.channels, 'value')} for {self.colours}")
        if not all(math.isfinite(value) for value in self.mean) or not all(0 < s < math.inf for s in self.scale):
            raise ValueError(f"mean is finite and scale above 0; got {self.mean} and {self.scale}")

    @property
    def channels(self) -> int:
        """How many values a pixel has."""
        return 1 if self.colours == "grey" else 3

    @property
    def pixels(self) -> int:
        """The longest side that an image should be given with, so that nothing is enlarged without need."""
        return self.side if self.fit == "inside" else 2 * self.side


@dataclass(frozen=True)
class TextInput:
    """How a text is given to a network: as the numbers of its tokens, by CLIP's byte-pair encoding.

    Parameters
    ----------
    name : the network's name of its input, `(1, context) int64`
    vocabulary : the card of the tokenizer's vocabulary
    mask : the network's name of the input that says which places hold tokens, 1 or 0; empty where it has none
    context : tokens that a text is cut to, those of its beginning and its end among them
    pad : the number that fills the places behind the text
    """

    name: str
    vocabulary: str
    mask: str = ""
    context: int = 77
    pad: int = 0

    def __post_init__(self) -> None:
        if not self.name or not self.vocabulary:
            raise ValueError("a text has the name of an input and that of a vocabulary's card")
        if not 3 <= self.context <= 4096:
            raise ValueError(f"context is 3 to 4096 tokens; got {self.context}")


@dataclass(frozen=True)
class ModelOutput:
    """What a network gives.

    A "vector" `(N, dimension)`; "tokens" `(N, n, dimension)`, the first of which is the vector of the whole image; a
    "map" `(N, dimension, height, width)`; or something "other", read by the method that is made for this network.
    """

    name: str
    dimension: int
    kind: Literal["vector", "tokens", "map", "other"] = "vector"
    about: str = ""

    def __post_init__(self) -> None:
        if self.dimension < 1:
            raise ValueError(f"dimension is 1 or larger; got {self.dimension}")


@dataclass(frozen=True)
class ModelCard:
    """One network. `sha256` is there when its status is "verified", and only then.

    The file of an "unverified" card is pinned when it is first seen: from then on another one is refused. `texts` is
    the card of the network that puts texts into the same space as this one puts images.
    """

    name: str
    file: str
    outputs: tuple[ModelOutput, ...]
    input: ImageInput | None = None
    source: ModelSource = field(default_factory=ModelSource)
    about: str = ""
    licence: str = "unknown"
    status: Literal["verified", "unverified"] = "unverified"
    sha256: str = ""
    labels: str = ""
    text: TextInput | None = None
    texts: str = ""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"a name is small letters, digits and underscores, a letter first; got {self.name!r}")
        if not self.file or "/" in self.file or self.file.startswith("."):
            raise ValueError(f"file is a plain file name; got {self.file!r}")
        if bool(self.sha256) != (self.status == "verified"):
            raise ValueError("a card has a sha256 when it is verified, and only then")
        if self.sha256 and not _SHA256.fullmatch(self.sha256):
            raise ValueError(f"sha256 is 64 small hexadecimal digits; got {self.sha256!r}")
        if not self.outputs or len({each.name for each in self.outputs}) < len(self.outputs):
            raise ValueError("a card has outputs, each of another name")

    @property
    def dependencies(self) -> tuple[str, ...]:
        """The cards of the files that this one is used with."""
        return tuple(filter(None, (self.texts, self.text.vocabulary if self.text else "")))

    def output(self, name: str) -> ModelOutput:
        """The output of this name; ModelError with those that there are."""
        for each in self.outputs:
            if each.name == name:
                return each
        there = ", ".join(f"{each.name} ({each.kind})" for each in self.outputs)
        raise ModelError(f'the model {self.name} has no output "{name}"; it has {there}')

    def image_input(self) -> ImageInput:
        """How it takes images; ModelError where it takes none."""
        if self.input is None:
            raise ModelError(f"the model {self.name} takes no images: its card has no [input]")
        return self.input

    def vector(self) -> ModelOutput:
        """The first output that is a vector; ModelError where there is none."""
        for each in self.outputs:
            if each.kind in ("vector", "tokens"):
                return each
        raise ModelError(f"the model {self.name} has no output that is a vector")


@lru_cache(maxsize=256)
def is_card(text: str, where: str) -> bool:
    """Whether a TOML text is meant as a card: it names a file or outputs. Raises ModelError where it is no TOML."""
    try:
        return not {"file", "outputs"}.isdisjoint(tomllib.loads(text))
    except ValueError as problem:
        raise ModelError(f"{where} is no model card: {problem}") from problem


@lru_cache(maxsize=256)
def parse_card(text: str, where: str) -> ModelCard:
    """The card of a TOML text, read once; ModelError that says what is wrong with it and where it lies."""
    try:
        return _build_from_table(ModelCard, tomllib.loads(text), "")
    except (ValueError, TypeError) as problem:
        raise ModelError(f"{where} is no model card: {problem}") from problem


def _build_from_table(cls: type[T], table: dict[str, Any], where: str) -> T:
    """A dataclass of a table; ValueError for a key that it does not know, or a value of another type."""
    if not isinstance(table, dict):
        raise ValueError(f"{where.rstrip('.')} is a table; got {table!r}")
    hints = get_type_hints(cls)
    if unknown := sorted(table.keys() - hints.keys()):
        raise ValueError(f"there is no {where}{unknown[0]}; there are {', '.join(hints)}")
    required = [each.name for each in dataclasses.fields(cast(Any, cls)) if _has_no_default(each)]
    if missing := [name for name in required if name not in table]:
        raise ValueError(f"{where}{missing[0]} is missing")
    return cls(**{key: _convert_value(value, hints[key], where + key) for key, value in table.items()})


def _has_no_default(each: dataclasses.Field[Any]) -> bool:
    return each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING


_PARTS: dict[Any, Any] = {ModelSource: ModelSource, ImageInput | None: ImageInput, TextInput | None: TextInput}


def _convert_value(value: Any, expected_type: Any, where: str) -> Any:  # noqa: ANN401
    if expected_type in _PARTS:
        return _build_from_table(_PARTS[expected_type], value, f"{where}.")
    if expected_type == tuple[ModelOutput, ...]:
        return tuple(_build_from_table(ModelOutput, each, f"{where}.") for each in value)
    if expected_type == tuple[float, ...]:
        return tuple(_convert_value(each, float, where) for each in value)
    if expected_type is float and type(value) is int:
        return float(value)
    fits = type(value) is expected_type if expected_type in (str, int, float) else value in get_args(expected_type)
    if not fits:
        said = expected_type.__name__ if isinstance(expected_type, type) else " or ".join(get_args(expected_type))
        raise ValueError(f"{where} is {said}; got {value!r}")
    return value
