"""`possessive`, and that every expression of Ilios means the same on each version of Python."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from re import _constants as ops
from re import _parser as parser
from typing import Any

import pytest

import ilios
from ilios.core.expressions import possessive
from tests.unit.structure.tree import FOR_FRAMEWORKS

LINE = r"\n(?!-++>)[^\n]*+"
ONE_CHARACTER = {ops.LITERAL, ops.NOT_LITERAL, ops.IN, ops.ANY, ops.CATEGORY}
REPEATS = {ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT}
GROUPS = {ops.ASSERT: 1, ops.ASSERT_NOT: 1, ops.SUBPATTERN: 3}


def test_a_failed_attempt_takes_nothing() -> None:
    found = re.match(f"a{possessive(LINE)}", "a\nb\n--c\n--->d")
    assert found
    assert found[0] == "a\nb\n--c"


@pytest.mark.parametrize(
    ("times", "text", "expected"),
    [("*", "", True), ("+", "", False), ("?", "\nb", True), ("{2,}", "\nb\nc\n->", False)],
)
def test_it_comes_as_often_as_it_may(times: str, text: str, expected: bool) -> None:
    assert (re.fullmatch(possessive(LINE, times), text) is not None) is expected


def test_nothing_is_given_back() -> None:
    assert re.match(possessive("[a-z]b?") + "b", "abab") is None


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (r"(?:[^\"\\]++|\\.)*+", False),
        (r"(?:[ab]*+c)*+", True),
        (r"(?:\n(?!-+>)[^\n]*)*+", True),
        (r"(?:a|(?:b*c)++)*+", True),
        (possessive(r"\n(?!-+>)[^\n]*"), False),
    ],
)
def test_what_may_fail_midway_is_told(expression: str, expected: bool) -> None:
    assert any(fails_midway(body) for body in repeated(parser.parse(expression))) is expected


def test_no_expression_repeats_possessively_what_may_fail_midway() -> None:
    found = list(expressions())
    assert len(found) > 100
    wrong = [
        (module, expression.pattern)
        for module, expression in found
        for body in repeated(parser.parse(expression.pattern, expression.flags))
        if fails_midway(body)
    ]
    assert not wrong, "write them with ilios.core.expressions.possessive"


def expressions() -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Yield the expressions of all modules, also those in tuples and dictionaries."""
    for module in pkgutil.walk_packages(ilios.__path__, "ilios."):
        if module.name in FOR_FRAMEWORKS:
            continue
        for value in vars(importlib.import_module(module.name)).values():
            for pattern in patterns_in(value):
                yield module.name, pattern


def patterns_in(value: object) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif type(value) in (tuple, list, dict):
        for part in value.values() if isinstance(value, dict) else value:  # type: ignore[attr-defined]
            yield from patterns_in(part)


def repeated(parts: Any) -> Iterator[Any]:
    """Yield the bodies of all groups that are repeated possessively."""
    for kind, value in parts:
        if kind is ops.POSSESSIVE_REPEAT:
            yield value[2]
        if kind in REPEATS:
            yield from repeated(value[2])
        elif kind in GROUPS:
            yield from repeated(value[GROUPS[kind]])
        elif kind is ops.BRANCH:
            for alternative in value[1]:
                yield from repeated(alternative)
        elif kind is ops.ATOMIC_GROUP:
            yield from repeated(value)


def fails_midway(body: Any) -> bool:
    """Tell whether an attempt may fail where Python notes a position behind its beginning.

    It notes one at each repeat, assertion and group; a branch begins each alternative anew.
    """
    moved = noted = False
    for kind, value in body:
        if kind is ops.BRANCH:
            if moved or fails_midway(value[1][-1]):
                return True
        elif kind in REPEATS:
            least, _most, inner = value
            is_simple = len(inner) == 1 and inner[0][0] in ONE_CHARACTER
            if not is_simple or (moved and least):
                return True
            noted = True
        elif kind in ONE_CHARACTER:
            if noted:
                return True
        elif kind is not ops.FAILURE and not (kind is ops.ASSERT_NOT and not value[1]):
            return True
        moved = True
    return False
