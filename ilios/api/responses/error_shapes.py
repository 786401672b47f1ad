"""Errors in the shape of a dialect: what its clients parse, below the paths that it has."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from flask import Flask, Response, current_app

_EXTENSION: Final = "ilios.error_shapes"
PARTS_LOOKED_AT: Final = 6  #: of a path; no dialect has a longer one of its own


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a request; `extra` has the fields that a problem document would have.

    A shape has nothing else to go by: where a head was refused, there is no request.
    """

    status: int
    code: str
    title: str
    detail: str
    request_id: str
    extra: dict[str, Any]
    path: str = ""  #: that was asked for, without the token of a link

    @property
    def sentence(self) -> str:
        """Return the detail with the code, for shapes that have one text only."""
        return f"{self.detail} ({self.code})"


Shape = Callable[[Problem], Response]


def register(app: Flask, paths: Iterable[str], shape: Shape) -> None:
    """Answer errors at these paths, and at all below them, in a shape."""
    shapes: dict[str, Shape] = app.extensions.setdefault(_EXTENSION, {})
    for path in paths:
        if path.count("/") >= PARTS_LOOKED_AT:
            raise ValueError(f"{path} has too many parts")
        shapes[path] = shape


def of(path: str) -> Shape | None:
    """Return the shape of errors at a path, of which the longest known part counts."""
    return of_app(current_app, path)


def of_app(app: Flask, path: str) -> Shape | None:
    """Return the same for an application that has no request."""
    shapes: dict[str, Shape] = app.extensions.get(_EXTENSION, {})
    if not shapes:
        return None
    parts = path.split("/", PARTS_LOOKED_AT)[:PARTS_LOOKED_AT]
    known = ("/".join(parts[:count]) for count in range(len(parts), 1, -1))
    return next((shapes[part] for part in known if part in shapes), None)
