"""Methods of other packages: entry points of the group `nearsight.methods`, each a name and its module.

A package that is broken takes nothing down: its method is left out of the listings, and who asks for it by name is
told the reason.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from nearsight.types import Descriptor, Encoder, Index, LocalDescriptor, Method, Metric, Reranker, Vocabulary

GROUP = "nearsight.methods"
ROLES = (Descriptor, LocalDescriptor, Vocabulary, Encoder, Metric, Index, Reranker)
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


@dataclass(frozen=True)
class Plugin:
    """One entry point: the method's name, its module, and the package that brings it."""

    name: str
    module: str
    package: str


@cache
def installed_plugins() -> tuple[Plugin, ...]:
    """Every entry point of other packages, sorted; nothing is imported."""
    points = entry_points(group=GROUP)
    found = {
        Plugin(each.name, each.value.split(":")[0].strip(), each.dist.name if each.dist else "") for each in points
    }
    return tuple(sorted(found, key=lambda each: (each.name, each.package, each.module)))


def class_name(name: str) -> str:
    """The class that a method's module holds: `MeanColour` for `mean_colour`."""
    return "".join(word.capitalize() for word in name.split("_"))


@cache
def load_plugin(plugin: Plugin) -> type[Method] | str:
    """The method of a plugin, or why it cannot be used."""
    try:
        return _validate(plugin)
    except (Exception, SystemExit) as problem:
        return f"{type(problem).__name__}: {problem}".strip(": ").split("\n")[0]


def _validate(plugin: Plugin) -> type[Method] | str:
    if not _NAME.fullmatch(plugin.name):
        return f'a method is called by small letters, digits and single underscores; got "{plugin.name}"'
    wanted = class_name(plugin.name)
    cls = vars(import_module(plugin.module)).get(wanted)
    if not isinstance(cls, type):
        return f"{plugin.module} holds no class {wanted}"
    if not issubclass(cls, ROLES):
        return f"{wanted} derives from none of {', '.join(role.__name__ for role in ROLES)} of nearsight.types"
    made_by = vars(cls).get("__dataclass_params__")
    if made_by is None or not made_by.frozen:
        return f"{wanted} is no frozen dataclass: write @dataclass(frozen=True) above it"
    return _validate_instance(cls)


def _validate_instance(cls: type[Method]) -> type[Method] | str:
    """The class, where it can be made with its default parameters and says what it gives."""
    if missing := sorted(getattr(cls, "__abstractmethods__", ())):
        return f"{cls.__name__} lacks {', '.join(missing)}"
    if required := [each.name for each in dataclasses.fields(cls) if _is_required(each)]:  # type: ignore[arg-type]
        return f"each parameter of {cls.__name__} needs a default; {', '.join(required)} has none"
    made = cls()
    if isinstance(made, Descriptor | LocalDescriptor):
        _ = made.size, made.dtype, made.metric, made.side
    return cls


def _is_required(field: dataclasses.Field[object]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def select_plugins(reserved: Iterable[str]) -> tuple[dict[str, Plugin], dict[Plugin, str]]:
    """The plugins by name, and those that are passed over because their name is taken, each with the reason."""
    own, first, passed = set(reserved), dict[str, Plugin](), dict[Plugin, str]()
    for plugin in installed_plugins():
        if plugin.name in own:
            passed[plugin] = "nearsight uses that name itself"
        elif plugin.name in first:
            passed[plugin] = f"{first[plugin.name].package} brings one of that name, which is used"
        else:
            first[plugin.name] = plugin
    return first, passed
