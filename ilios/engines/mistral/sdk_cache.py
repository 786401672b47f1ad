"""Caches what the SDK would compute anew for each call.

For each call it builds a pydantic model of each type that it reads or writes, and resolves the
annotations of each request: more than half of the processor time of a call. Both depend on the type
alone, so they are cached. Its packages look up each name that they do not hold as an import, 25 in
a call; here they are made to hold it. If a release of the SDK renames these functions, calls are
slower again and nothing else changes; a test shows it.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from mistralai.client import errors, models, utils
from mistralai.client.utils import queryparams, serializers


def install() -> None:
    """Install the caches for the whole process; idempotent."""
    for module, name in ((serializers, "create_model"), (queryparams, "get_type_hints")):
        function = getattr(module, name, None)
        if function is not None and not isinstance(function, _Cached):
            setattr(module, name, _Cached(function))
    packages: tuple[Any, ...] = (errors, models, utils)
    for package in packages:
        find = getattr(package, "__getattr__", None)
        if find is not None and not isinstance(find, _Held):
            package.__getattr__ = _Held(package, find)


class _Held:
    """A package's look-up of a name, after which the package holds it."""

    def __init__(self, package: ModuleType, find: Callable[[str], Any]) -> None:
        self._package = package
        self._find = find

    def __call__(self, name: str) -> Any:
        value = self._find(name)
        setattr(self._package, name, value)
        return value


class _Cached:
    """A cache over a function whose results depend on its arguments alone and are not mutated."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._results: dict[Any, Any] = {}

    def __call__(self, *positional: Any, **named: Any) -> Any:
        key = (positional, tuple(sorted((name, _key(named[name])) for name in named)))
        try:
            if key not in self._results:
                self._results[key] = self._function(*positional, **named)
            return self._results[key]
        except TypeError:
            return self._function(*positional, **named)  # an argument is not hashable


def _key(value: Any) -> Any:
    return tuple(sorted(value.items())) if isinstance(value, dict) else value
