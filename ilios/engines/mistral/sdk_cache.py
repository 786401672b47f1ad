"""Caches what the SDK would compute anew for each call.

For each call it builds a pydantic model of each type that it reads or writes, and resolves the
annotations of each request: more than half of the processor time of a call. Both depend on the type
alone, so they are cached. If a release of the SDK renames these functions, calls are slower again
and nothing else changes; a test shows it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mistralai.client.utils import queryparams, serializers


def install() -> None:
    """Install the caches for the whole process; idempotent."""
    for module, name in ((serializers, "create_model"), (queryparams, "get_type_hints")):
        function = getattr(module, name, None)
        if function is not None and not isinstance(function, _Cached):
            setattr(module, name, _Cached(function))


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
