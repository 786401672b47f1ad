"""JSON that is written while it is read from the database: never whole in memory."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Final

from ilios.engines import json_schemas

WRITTEN_AT_ONCE: Final = 16 * 1024  #: characters, about


class Text:
    """A string that comes in pieces."""

    def __init__(self, pieces: Iterable[str]) -> None:
        self.pieces = pieces


class Written:
    """What is JSON already."""

    def __init__(self, json_text: str) -> None:
        self.text = json_text


class Members:
    """An object whose fields come one by one: a later one may be known by the writing of others."""

    def __init__(self, members: Iterable[tuple[str, Any]]) -> None:
        self.members = members


class Fields:
    """An object whose fields may be Text, Written, Fields, Members or iterators."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.fields = fields


def json_or_text(text: str | None) -> Written | str | None:
    """Return what came by a schema as the JSON that it is, or as a text if it is none."""
    if text is None:
        return None
    try:
        json_schemas.parsed(text)
    except ValueError:
        return text
    return Written(text)


_LAZY: Final = (Text, Fields, Members, Written, Iterator)


def written(value: Any) -> Generator[str]:
    """Yield a value as JSON: one of these, an iterator for an array, or what json.dumps takes."""
    return gathered(_pieces(value))


def gathered(pieces: Iterable[str]) -> Generator[str]:
    """Yield a text whose pieces may be short in longer ones."""
    held: list[str] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= WRITTEN_AT_ONCE:
            yield "".join(held)
            held, size = [], 0
    yield "".join(held)


def _pieces(value: Any) -> Iterator[str]:
    if isinstance(value, Text):
        yield '"'
        for piece in value.pieces:
            yield json.dumps(piece)[1:-1]
        yield '"'
    elif isinstance(value, Fields | Members):
        yield "{"
        before = ""
        members = value.members if isinstance(value, Members) else value.fields.items()
        for name, field in members:
            yield from _after(f"{before}{json.dumps(name)}: ", field)
            before = ", "
        yield "}"
    elif isinstance(value, Iterator):
        yield "["
        before = ""
        for item in value:
            yield from _after(before, item)
            before = ", "
        yield "]"
    elif isinstance(value, Written):
        yield value.text
    else:
        yield json.dumps(value)


def _after(before: str, value: Any) -> Iterable[str]:
    """Return what stands before a value, and its pieces."""
    if isinstance(value, _LAZY):
        return chain((before,), _pieces(value))
    return (before + json.dumps(value),)
