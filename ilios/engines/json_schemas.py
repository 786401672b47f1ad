"""JSON Schemas of clients: which ones can be used, and where an answer does not fit one.

Nothing is fetched: a schema refers to itself alone. jsonschema is loaded with the first of them.
"""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final, NoReturn

SCHEMA_MAX_BYTES: Final = 64 * 1024
SCHEMA_MAX_DEPTH: Final = 32
SCHEMA_MAX_VALUES: Final = 5_000
"""Of objects, lists and what stands in them: to look at each takes up to half a millisecond."""
SCHEMA_MAX_RANGES: Final = 500
"""Hyphens in expressions: Python takes five milliseconds to compile a range that is a wide one."""
SCHEMAS_KEPT: Final = 16  #: that were found usable: clients send the same one again and again
PATH_MAX_CHARACTERS: Final = 200  #: of the place of a fault
REASON_MAX_CHARACTERS: Final = 200
_Inner = tuple[str | int, "Place"]
Place = _Inner | None
"""A key, and the place around it: as texts, places would take the square of a schema's bytes."""
_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")
_SAME_VALUE: Final = ("not", "if", "then", "else")
"""Keywords whose schema applies to the value that the schema around it applies to."""
_SAME_VALUE_EACH: Final = ("allOf", "anyOf", "oneOf", "dependentSchemas", "dependencies")
"""Keywords of which each schema does so."""
_EXPRESSIONS: Final = ("pattern", "patternProperties")
_NO_REGEX: Final = (re.error, RecursionError, OverflowError, FutureWarning)
"""What an expression can end with that cannot be used; the last only where warnings are errors."""


class UnusableSchema(ValueError):
    """A text that is no schema, or none that can be used; `path` is a JSON pointer."""

    def __init__(self, why: str, path: str = "") -> None:
        super().__init__(why)
        half = REASON_MAX_CHARACTERS // 2
        self.why = why if len(why) <= REASON_MAX_CHARACTERS else f"{why[:half]}…{why[1 - half :]}"
        self.path = path[:PATH_MAX_CHARACTERS]


@lru_cache(SCHEMAS_KEPT)
def checked(text: str) -> str:
    """Return a schema as it is stored and sent: without blanks that mean nothing.

    Raises UnusableSchema.
    """
    size_bytes = len(text.encode())
    if size_bytes > SCHEMA_MAX_BYTES:
        raise UnusableSchema(f"it has {size_bytes:,} bytes, and may have {SCHEMA_MAX_BYTES:,}")
    try:
        schema = parsed(text.removeprefix("\ufeff"))  # of a file
    except ValueError as error:
        raise UnusableSchema(f"it is no JSON ({error})") from error
    if not isinstance(schema, dict):
        raise UnusableSchema("it is no object")
    references = list(_references(schema))
    _require_few_ranges(schema)
    _require_schema(schema)
    _require_ends(schema, _targets(schema, references))
    plain = json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
    try:
        plain.encode()
    except UnicodeEncodeError as error:
        raise UnusableSchema("it has half of a surrogate pair") from error
    return plain


def misfit(schema: dict[str, Any], value: Any) -> str | None:
    """Return the JSON pointer to the first place where a value does not fit; None if it fits.

    For a parser child: it may take for ever, or all memory. Raises RecursionError, and whatever
    the expressions in a schema lead to.
    """
    from referencing import Registry

    # Its own registry would fetch what it does not have.
    validator = _draft(schema)(schema, registry=Registry())
    error = next(iter(validator.iter_errors(value)), None)
    return None if error is None else _pointer(error.absolute_path)


def parsed(text: str) -> Any:
    """Return the value of JSON. Raises ValueError, also for NaN and what is nested too deeply."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"it has {constant}")


def _references(schema: dict[str, Any]) -> Iterator[tuple[str, _Inner]]:
    """Yield the references of a schema and their places; all lead to itself.

    Raises UnusableSchema for another, and as `_values` does.
    """
    for value, place in _values(schema):
        if place and place[0] in _REFERENCES and isinstance(value, str):
            if not value.startswith("#"):
                raise UnusableSchema("it may refer to itself alone (#…)", _path_of(place))
            yield value, place


def _values(schema: dict[str, Any]) -> Iterator[tuple[Any, Place]]:
    """Yield a schema and all values in it, with their places.

    Raises UnusableSchema for what lies too deep, for too many, and for a number that JSON cannot
    be written with.
    """
    left: list[tuple[Any, Place, int]] = [(schema, None, 1)]
    count = 0
    while left:
        value, place, depth = left.pop()
        count += 1
        if count > SCHEMA_MAX_VALUES:
            raise UnusableSchema(f"it has more than {SCHEMA_MAX_VALUES:,} values")
        if isinstance(value, float) and not math.isfinite(value):
            raise UnusableSchema("it has a number that is too large", _path_of(place))
        yield value, place
        if not isinstance(value, dict | list):
            continue
        if depth > SCHEMA_MAX_DEPTH:
            raise UnusableSchema(f"it is more than {SCHEMA_MAX_DEPTH} deep", _path_of(place))
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        left += ((one, (key, place), depth + 1) for key, one in inner)


def _require_few_ranges(schema: dict[str, Any]) -> None:
    """Raise UnusableSchema for expressions that would take long to be compiled."""
    found = (value for value, place in _values(schema) if place and place[0] in _EXPRESSIONS)
    ranges = sum(text.count("-") for value in found for text in _texts(value))
    if ranges > SCHEMA_MAX_RANGES:
        raise UnusableSchema(f"its expressions have more than {SCHEMA_MAX_RANGES} ranges (-)")


def _texts(value: Any) -> Iterable[str]:
    """Return the text that a value is, or the keys that it has."""
    if isinstance(value, str):
        return (value,)
    return value if isinstance(value, dict) else ()


def _require_schema(schema: dict[str, Any]) -> None:
    """Raise UnusableSchema for what its draft of JSON Schema does not allow."""
    from jsonschema.exceptions import SchemaError

    draft = _draft(schema)
    if draft is None:
        raise UnusableSchema("it is of a draft of JSON Schema that is not known", "/$schema")
    try:
        draft.check_schema(schema, format_checker=_formats())
    except SchemaError as error:
        raise UnusableSchema(error.message, _pointer(error.absolute_path)) from error


def _targets(schema: dict[str, Any], references: Sequence[tuple[str, _Inner]]) -> dict[_Inner, Any]:
    """Return what references lead to, by their places. Raises UnusableSchema for one to nowhere."""
    from referencing import Registry, Resource
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    resource = Resource.from_contents(schema, default_specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource("", resource)
    try:
        resolver = registry.crawl().resolver()
    except (ValueError, TypeError) as error:  # of addresses that are none
        raise UnusableSchema("its parts cannot be told apart by their `$id`") from error
    targets = {}
    for reference, place in references:
        try:
            targets[place] = resolver.lookup(reference).contents
        except (Unresolvable, ValueError, TypeError) as error:
            raise UnusableSchema("it refers to what is not there", _path_of(place)) from error
    return targets


def _require_ends(schema: dict[str, Any], targets: dict[_Inner, Any]) -> None:
    """Raise UnusableSchema for a reference that leads back to where it stands with the same value.

    To compare a value would never end. One that goes into the value before, by `properties` or
    `items`, ends with the value.
    """
    places = {id(value): place for value, place in _values(schema) if isinstance(value, dict)}
    leads: defaultdict[Place, list[Place]] = defaultdict(list)
    for place in places.values():
        match place:
            case (key, around) if key in _SAME_VALUE:
                leads[around].append(place)
            case (_, (key, around)) if key in _SAME_VALUE_EACH:
                leads[around].append(place)
    for (_, around), target in targets.items():
        if id(target) in places:  # else it is true or false
            leads[around].append(places[id(target)])
    try:
        TopologicalSorter(leads).prepare()
    except CycleError as error:
        circle = error.args[1]
        first = next(place for place in targets if place[1] in circle)
        why = "it leads in a circle, and never deeper into an answer"
        raise UnusableSchema(why, _path_of(first)) from error


def _draft(schema: dict[str, Any]) -> Any:
    """Return what checks by the draft that a schema names, else the latest; None if not known."""
    from jsonschema import validators

    if "$schema" not in schema:
        return validators.Draft202012Validator
    try:
        return validators.validator_for(schema, default=None)
    except (ValueError, TypeError, AttributeError):  # it takes the name for an address
        return None


@cache
def _formats() -> Any:
    """Return what checks that expressions are some; other formats need no look."""
    from jsonschema import FormatChecker

    formats = FormatChecker(formats=())
    formats.checks("regex", raises=_NO_REGEX)(_is_expression)
    return formats


def _is_expression(value: object) -> bool:
    return not isinstance(value, str) or bool(re.compile(value))


def _path_of(place: Place) -> str:
    keys: list[str | int] = []
    while place is not None:
        key, place = place
        keys.append(key)
    return _pointer(keys[::-1])


def _pointer(keys: Sequence[str | int]) -> str:
    """Return a JSON pointer (RFC 6901)."""
    written = (str(key).replace("~", "~0").replace("/", "~1") for key in keys)
    return "".join(f"/{key}" for key in written)
