"""docs/events.md lists every event of the code with its levels and fields, and no other."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.support.forking import REPOSITORY

LEVELS = {name: name for name in ("debug", "info", "warning", "error", "critical")}
LEVELS |= {"exception": "error", "log": "*"}
"""What a method of a log writes; `log` is given one."""
NOT_FIELDS = ("exc_info",)
NAME = re.compile(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*")
LOGGED_BY_SCRIPT = re.compile(r"^\s*say (\w+) (\S+) ", re.MULTILINE)
ROW = re.compile(r"^\| `([^`]+)` \| ([a-z*, ]+) \|([^|]*)\| (.+?) \| (.+?) \|$", re.MULTILINE)

Event = tuple[frozenset[str], frozenset[str]]
"""Levels and fields."""


def sources() -> Iterator[Path]:
    yield from (REPOSITORY / "ilios").rglob("*.py")
    yield from (REPOSITORY / "alembic").rglob("*.py")
    yield from REPOSITORY.glob("*.py")


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Yield calls of a method of `log` or `_log`, with the method's name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if isinstance(node.func.value, ast.Name) and node.func.value.id in ("log", "_log"):
            yield node.func.attr, node


def logged() -> dict[str, Event]:
    """Return every event, as the code writes it."""
    levels: dict[str, set[str]] = defaultdict(set)
    fields: dict[str, set[str]] = defaultdict(set)
    for path in sources():
        for method, call in calls(path):
            where = f"{path.relative_to(REPOSITORY)}:{call.lineno}"
            name = _constant(call.args[-1])
            assert name is not None, f"{where}: the name of an event is a constant"
            assert NAME.fullmatch(name), f"{where}: {name} is not noun.verb"
            assert all(keyword.arg for keyword in call.keywords), f"{where}: fields are written out"
            levels[name].add(LEVELS[method])
            fields[name] |= {str(keyword.arg) for keyword in call.keywords}
    for level, name in LOGGED_BY_SCRIPT.findall((REPOSITORY / "start.sh").read_text()):
        levels[name].add(level)
        fields[name].add("reason")
    return {
        name: (frozenset(levels[name]), frozenset(fields[name].difference(NOT_FIELDS)))
        for name in levels
    }


def _constant(node: ast.expr) -> str | None:
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return ast.literal_eval(node) if is_text else None


def documented() -> dict[str, Event]:
    """Return every event, as docs/events.md has it."""
    rows = ROW.findall((REPOSITORY / "docs/events.md").read_text())
    assert len({name for name, *_ in rows}) == len(rows), "an event has one row"
    return {
        name: (frozenset(levels.split(", ")), frozenset(re.findall(r"`(\w+)`", fields)))
        for name, levels, fields, *_ in rows
    }


def test_every_event_is_documented_with_its_levels_and_fields_and_nothing_else_is() -> None:
    assert documented() == logged()
