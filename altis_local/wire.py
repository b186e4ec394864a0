"""Values of the model to JSON-able data and back: files in control's volume, bodies of its API, saved runs.

Both sides of the API and the records use it. It reads strictly (a text is no number, "false" is no boolean), ignores
keys it does not know, so that an older record stays readable, and never touches files or sockets.
"""

from __future__ import annotations

import typing
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, TypeVar

from cattrs import ClassValidationError, Converter, IterableValidationError, transform_error
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn

from altis_local.errors import UsageError
from altis_local.model import actions
from altis_local.model.gtid import GtidSet

T = TypeVar("T")

ACTIONS = {kind.__name__: kind for kind in typing.get_args(actions.Action)}
TAG = "action"
"""The key that names an action's class."""


def dump(value: object) -> Any:
    """JSON-able data for a value of the model."""
    return _converter().unstructure(value)


def load(kind: type[T], data: object) -> T:
    """The value that `dump` wrote. Raises UsageError naming every field that does not fit."""
    return typing.cast("T", _structure(kind, data))


def load_action(data: object) -> actions.Action:
    """Any action, by the class name it carries."""
    return typing.cast("actions.Action", _structure(actions.Action, data))


def _structure(kind: object, data: object) -> object:
    try:
        return _converter().structure(data, typing.cast("Any", kind))
    except (ClassValidationError, IterableValidationError) as error:
        raise UsageError(f"not readable: {'; '.join(transform_error(error))}") from error
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise UsageError(f"not readable: {error}") from error


@cache
def _converter() -> Converter:
    converter = Converter(unstruct_collection_overrides={frozenset: _ordered})
    converter.register_unstructure_hook(GtidSet, str)
    converter.register_structure_hook(GtidSet, lambda data, _: GtidSet.parse(_exactly(data, str)))
    converter.register_structure_hook(bool, _exactly)
    converter.register_structure_hook(int, _exactly)
    # This one gets the text enums too, as subclasses of str.
    converter.register_structure_hook(str, lambda data, kind: kind(_exactly(data, str)))
    converter.register_structure_hook(float, lambda data, _: _number(data))
    converter.register_unstructure_hook_func(_is_mapping, lambda value: _text_keys(converter, value))
    converter.register_structure_hook_func(_is_int_mapping, lambda data, kind: _int_keys(converter, data, kind))
    for kind in ACTIONS.values():
        converter.register_unstructure_hook(kind, _tagged(converter, kind))
        converter.register_structure_hook(kind, make_dict_structure_fn(kind, converter))
    converter.register_structure_hook_func(
        lambda kind: kind == actions.Action, lambda data, _: _load_tagged(converter, data)
    )
    converter.register_unstructure_hook_func(lambda kind: kind == actions.Action, converter.unstructure)
    return converter


def _ordered(items: Iterable[Any]) -> list[Any]:
    """A set's members as a list that is the same for equal sets; members may be documents."""
    listed = list(items)
    try:
        return sorted(listed)
    except TypeError:
        return sorted(listed, key=repr)


def _exactly(data: Any, kind: type[T]) -> T:
    if type(data) is not kind:
        raise ValueError(f"expected {kind.__name__}, got {data!r:.60}")
    return data


def _number(data: Any) -> float:
    if isinstance(data, bool) or not isinstance(data, int | float):
        raise ValueError(f"expected a number, got {data!r:.60}")
    return float(data)


def _is_mapping(kind: Any) -> bool:
    origin = typing.get_origin(kind) or kind
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _is_int_mapping(kind: Any) -> bool:
    return _is_mapping(kind) and typing.get_args(kind)[:1] == (int,)


def _text_keys(converter: Converter, value: Mapping[Any, Any]) -> dict[str, Any]:
    # JSON has text keys only; unordered input must not make two equal values look different.
    return {str(key): converter.unstructure(item) for key, item in sorted(value.items())}


def _int_keys(converter: Converter, data: Any, kind: Any) -> dict[int, Any]:
    item = typing.get_args(kind)[1]
    return {int(key): converter.structure(value, item) for key, value in _exactly(data, dict).items()}


def _tagged(converter: Converter, kind: type) -> Any:
    plain: Any = make_dict_unstructure_fn(kind, converter)
    return lambda value: {TAG: kind.__name__, **plain(value)}


def _load_tagged(converter: Converter, data: Any) -> Any:
    name = _exactly(data, dict).get(TAG)
    if name not in ACTIONS:
        raise ValueError(f"unknown action {name!r:.60}")
    return converter.structure(data, ACTIONS[name])
