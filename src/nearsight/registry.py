"""The registry: methods, found by file name.

`gist` in a recipe is the class `Gist` of `descriptors/gist.py`. There is no list to edit: a file in one of these
packages is a method. Another package adds its own, a plugin, by an entry point of the group `nearsight.methods`, whose
name is the method's and whose value is its module. A broken plugin is left out of the listings; building it by name
raises the reason.
"""

from __future__ import annotations

import dataclasses
import inspect
import pkgutil
import re
import types
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from nearsight.errors import RecipeError, UsageError, suggestion
from nearsight.recipe import Recipe, Step, Value, parse_recipe
from nearsight.types import Descriptor, Encoder, Index, Kernel, LocalDescriptor, Method, Metric, Reranker, Vocabulary
from nearsight.wording import plural

PLUGIN_GROUP = "nearsight.methods"
PLUGIN_ROLES = (Descriptor, LocalDescriptor, Vocabulary, Encoder, Metric, Index, Reranker)
_METHOD_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

METHOD_KINDS: dict[str, type[Method]] = {
    "descriptors": Descriptor,
    "hashes": Descriptor,
    "features": LocalDescriptor,
    "vocabularies": Vocabulary,
    "encoders": Encoder,
    "kernels": Kernel,
    "metrics": Metric,
    "indexes": Index,
    "rerankers": Reranker,
}


@dataclass(frozen=True)
class Plugin:
    """One entry point: the method's name, its module, and the package that brings it."""

    name: str
    module: str
    package: str


@cache
def installed_plugins() -> tuple[Plugin, ...]:
    """Entry points of other packages, sorted; nothing is imported."""
    points = entry_points(group=PLUGIN_GROUP)
    found = {
        Plugin(each.name, each.value.split(":")[0].strip(), each.dist.name if each.dist else "") for each in points
    }
    return tuple(sorted(found, key=lambda each: (each.name, each.package, each.module)))


def class_name(name: str) -> str:
    """Class name of a method: `MeanColour` for `mean_colour`."""
    return "".join(word.capitalize() for word in name.split("_"))


@cache
def load_plugin(plugin: Plugin) -> type[Method] | str:
    """Load the method of a plugin, or say why it cannot be used."""
    try:
        return _validate_plugin(plugin)
    except (Exception, SystemExit) as problem:
        return f"{type(problem).__name__}: {problem}".strip(": ").split("\n")[0]


def _validate_plugin(plugin: Plugin) -> type[Method] | str:
    if not _METHOD_NAME.fullmatch(plugin.name):
        return f'a method is called by small letters, digits and single underscores; got "{plugin.name}"'
    wanted = class_name(plugin.name)
    cls = vars(import_module(plugin.module)).get(wanted)
    if not isinstance(cls, type):
        return f"{plugin.module} holds no class {wanted}"
    if not issubclass(cls, PLUGIN_ROLES):
        return f"{wanted} derives from none of {', '.join(role.__name__ for role in PLUGIN_ROLES)} of nearsight.types"
    made_by = vars(cls).get("__dataclass_params__")
    if made_by is None or not made_by.frozen:
        return f"{wanted} is no frozen dataclass: write @dataclass(frozen=True) above it"
    return _validate_class(cls)


def _validate_class(cls: type[Method]) -> type[Method] | str:
    """Check that the class can be built with its defaults and has its properties."""
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
    """Plugins by name, and those whose name is taken, each with the reason."""
    own, first, passed = set(reserved), dict[str, Plugin](), dict[Plugin, str]()
    for plugin in installed_plugins():
        if plugin.name in own:
            passed[plugin] = "nearsight uses that name itself"
        elif plugin.name in first:
            passed[plugin] = f"{first[plugin.name].package} brings one of that name, which is used"
        else:
            first[plugin.name] = plugin
    return first, passed


_hints: Callable[[Any], dict[str, Any]] = cache(get_type_hints)
"""Types of a method's parameters; cached, since reading them is the slowest part of a recipe."""


@cache
def method_modules() -> dict[str, str]:
    """Modules of our own packages by their last name; none is imported."""
    found: dict[str, str] = {}
    for package in METHOD_KINDS:
        folder = import_module(f"nearsight.{package}").__path__
        found.update(
            {
                info.name: f"nearsight.{package}.{info.name}"
                for info in pkgutil.iter_modules(folder)
                if info.name[0] != "_"
            }
        )
    return found


@cache
def _external_plugins() -> tuple[dict[str, Plugin], dict[Plugin, str]]:
    return select_plugins(method_modules())


@cache
def find_method(name: str) -> type[Method] | str:
    """Find the method of this name, or say why there is none."""
    if name in method_modules():
        found = vars(import_module(method_modules()[name])).get(class_name(name))
        return found if isinstance(found, type) and issubclass(found, Method) else f'there is no method "{name}"'
    plugin = _external_plugins()[0].get(name)
    loaded = load_plugin(plugin) if plugin else f'there is no method "{name}"'
    if plugin is None or not isinstance(loaded, str):
        return loaded
    return f'the method "{name}" of the package {plugin.package} cannot be used: {loaded}'


def natural_metric(descriptor: Descriptor) -> Metric:
    """The natural metric of a descriptor, with its parameters."""
    (metric,) = build_methods(parse_recipe(descriptor.metric))
    assert isinstance(metric, Metric)
    return metric


def unusable_plugins() -> list[str]:
    """One line for each plugin that is not used, with the reason."""
    plugins, passed = _external_plugins()
    reasons = passed | {plugin: why for plugin in plugins.values() if isinstance(why := load_plugin(plugin), str)}
    return [f"{each.name} of the package {each.package}: {why}" for each, why in reasons.items()]


def method_kind(cls: type[Method]) -> str:
    """The kind of a method, such as "descriptors": its package, and for a plugin the first kind with its base class."""
    package = cls.__module__.removeprefix("nearsight.").partition(".")[0]
    if package in METHOD_KINDS:
        return package
    return next(kind for kind, base in METHOD_KINDS.items() if issubclass(cls, base))


def methods(*kinds: str) -> dict[str, type[Method]]:
    """Methods by name, sorted: those of these kinds, or all where none is given."""
    names = sorted({*method_modules(), *_external_plugins()[0]})
    found = {name: cls for name in names if isinstance(cls := find_method(name), type)}
    return {name: cls for name, cls in found.items() if not kinds or method_kind(cls) in kinds}


def method_name(component: Method) -> str:
    """Name of a component in recipes."""
    cls = type(component)
    own = cls.__module__.rpartition(".")[2]  # so that the others need not be imported
    return own if find_method(own) is cls else next(name for name, other in methods().items() if other is cls)


def build_methods(recipe: Recipe) -> tuple[Method, ...]:
    """Build the components of a recipe, in its order.

    Raises
    ------
    RecipeError
        an unknown name or a wrong argument; the message points at it and suggests the right one
    """
    return tuple(_build_recipe_step(step, recipe.text) for step in recipe.steps)


def to_recipe(components: Iterable[Method]) -> Recipe:
    """The recipe of these components with every default written out."""
    return Recipe(tuple(_registered_step(component) for component in components))


def require_method(name: str) -> type[Method]:
    """The method of this name; UsageError where there is none, with the nearest names or what is wrong with it."""
    found = find_method(name)
    if isinstance(found, str):
        raise UsageError(found + _suggest_method(name))
    return found


def _suggest_method(name: str) -> str:
    """The end of an error: the names that exist, unless another package has brought one of this name."""
    return "" if name in _external_plugins()[0] else suggestion(name, methods())


def method_parameters(cls: type[Method]) -> list[tuple[str, str, str]]:
    """Name, type and default of each parameter, as text."""
    hints = _hints(cls)
    return [(f.name, _registry_type_text(hints[f.name]), _registry_default_text(f)) for f in _method_fields(cls)]


def _method_fields(cls: type[Method]) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(cls)  # type: ignore[arg-type]


def _build_recipe_step(step: Step, text: str) -> Method:
    cls = find_method(step.name)
    if isinstance(cls, str):
        raise RecipeError(cls + _suggest_method(step.name), text, step.position, len(step.name))
    arguments = _recipe_arguments(cls, step, text)
    try:
        return cls(**arguments)
    except (ValueError, TypeError) as problem:
        raise RecipeError(f"{step.name}: {problem}", text, step.position, len(step.name)) from None


def _recipe_arguments(cls: type[Method], step: Step, text: str) -> dict[str, Any]:
    names, hints, arguments = [f.name for f in _method_fields(cls)], _hints(cls), dict[str, Any]()
    positional = _wrap_methods(step.args, hints[names[0]]) if names else step.args
    if len(positional) > len(names):
        problem = (
            f"{step.name} takes at most {plural(len(names), 'argument')} ({', '.join(names)}); got {len(positional)}"
        )
        raise RecipeError(problem, text, step.position, len(step.name))
    for name, value in [*zip(names, positional, strict=False), *step.kwargs]:
        if name not in hints or name not in names:
            problem = f'{step.name} has no parameter "{name}"{suggestion(name, names)}'
            at = text.find(name, step.position)
            raise RecipeError(problem, text, at, len(name))
        if name in arguments:
            raise RecipeError(f"{step.name}: {name} is given twice", text, step.position, len(step.name))
        arguments[name] = _convert_argument(value, hints[name], f"{step.name}({name}=…)", text, step.position)
    return arguments


def _wrap_methods(values: tuple[Value, ...], parameter_type: Any) -> tuple[Value, ...]:  # noqa: ANN401
    """Methods that stand one by one are a list where the first parameter is one: fuse(gist, phash)."""
    inner = get_args(parameter_type)[0] if get_origin(parameter_type) is tuple else None
    if isinstance(inner, type) and issubclass(inner, Method) and values and isinstance(values[0], Recipe):
        return (values,)
    return values


def _convert_argument(value: Value, target_type: Any, where: str, text: str, position: int) -> Any:  # noqa: ANN401
    """The value as the parameter's type asks for it; a bare name is a text or a method, as the type says."""
    for option in _registry_union_members(target_type):
        fits, converted = _try_convert(value, option, where, text, position)
        if fits:
            return converted
    received = str(value) if isinstance(value, Recipe) else repr(value)
    raise RecipeError(f"{where} takes {_registry_type_text(target_type)}; got {received}", text, position)


def _registry_union_members(target_type: Any) -> tuple[Any, ...]:  # noqa: ANN401
    return get_args(target_type) if get_origin(target_type) in (Union, types.UnionType) else (target_type,)


def _try_convert(value: Value, target_type: Any, where: str, text: str, position: int) -> tuple[bool, Any]:  # noqa: ANN401
    origin = get_origin(target_type)
    if isinstance(target_type, type) and issubclass(target_type, Method):
        return _try_method(value, target_type, text)
    if isinstance(value, Recipe):
        value = str(value)
    if origin is Literal:
        choice = "none" if value is None else value
        return choice in get_args(target_type), choice
    if origin is tuple:
        if not isinstance(value, tuple):
            return False, None
        inner = get_args(target_type)
        each = [inner[0]] * len(value) if inner[-1] is Ellipsis else list(inner)
        if len(each) != len(value):
            return False, None
        return True, tuple(_convert_argument(v, w, where, text, position) for v, w in zip(value, each, strict=True))
    if target_type is float and isinstance(value, int) and not isinstance(value, bool):
        return True, float(value)
    return type(value) is target_type, value


def _try_method(value: Value, target_type: type[Method], text: str) -> tuple[bool, Any]:
    if not isinstance(value, Recipe) or len(value.steps) != 1:
        return False, None
    component = _build_recipe_step(value.steps[0], text)
    return isinstance(component, target_type), component


def _registered_step(component: Method) -> Step:
    fields = [(f.name, _registry_value(getattr(component, f.name))) for f in _method_fields(type(component))]
    return Step(method_name(component), (), tuple(fields))


def _registry_value(value: Any) -> Value:  # noqa: ANN401
    if isinstance(value, Method):
        return Recipe((_registered_step(value),))
    if isinstance(value, str) and value.isidentifier() and value not in ("true", "false", "none"):
        return Recipe((Step(value),))
    return tuple(_registry_value(item) for item in value) if isinstance(value, tuple) else value


def _registry_type_text(target_type: Any) -> str:  # noqa: ANN401
    origin = get_origin(target_type)
    if origin is Literal:
        return " or ".join(str(choice) for choice in get_args(target_type))
    if origin in (Union, types.UnionType):
        return " or ".join(_registry_type_text(option) for option in get_args(target_type))
    if origin is tuple:
        return f"a list of {_registry_type_text(get_args(target_type)[0])}"
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", type(None): "none"}
    if isinstance(target_type, type) and issubclass(target_type, Method):
        return f"a {target_type.__name__.lower()}"
    return names.get(target_type, str(target_type))


def _registry_default_text(field: dataclasses.Field[Any]) -> str:
    if field.default is dataclasses.MISSING:
        return "required"
    return str(Recipe((Step("x", (_registry_value(field.default),)),)))[2:-1]


def method_summary(cls: type[Method]) -> str:
    """The first line of a method's documentation."""
    return (inspect.getdoc(cls) or "").split("\n")[0]


def method_references(cls: type[Method]) -> str:
    """The references of a method's documentation, on one line; empty where it names none."""
    text = inspect.getdoc(cls) or ""
    _, _, after = text.partition("References\n----------\n")
    lines = after.split("\n\n")[0].split("\n")
    return " ".join(line.strip() for line in lines).strip()
