"""What the SDK works out anew for each call, worked out once.

It makes a pydantic model of each type that it reads or writes, and resolves the annotations of each
request, every time: more than half of what a call costs. Both depend on nothing but the type, so
they are remembered. Should a release of the SDK name them differently, calls are as slow as they
were, and nothing else changes; a test tells.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mistralai.client.utils import queryparams, serializers


def install() -> None:
    """Let the SDK remember; for the whole process, and more than once does no harm."""
    for module, name in ((serializers, "create_model"), (queryparams, "get_type_hints")):
        function = getattr(module, name, None)
        if function is not None and not isinstance(function, _Remembered):
            setattr(module, name, _Remembered(function))


class _Remembered:
    """A function whose results depend on its arguments alone, and are never changed."""

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
            return self._function(*positional, **named)  # a type that has no hash


def _key(value: Any) -> Any:
    return tuple(sorted(value.items())) if isinstance(value, dict) else value
