"""Whether a script of alembic/ does only what nodes of the version before can work beside."""

from __future__ import annotations

import ast
from typing import Final

ADDS: Final = frozenset({"add_column", "create_index", "create_table", "f"})
REASON: Final = "out_of_use"
"""What a script sets that does more: what it changes, and since which version no node uses it."""


def breaking(source: str) -> list[str]:
    """Return what the upgrade of a script does that takes a reason, if it gives none."""
    tree = ast.parse(source)
    if any(isinstance(one, ast.Assign) and _names(one) == [REASON] for one in tree.body):
        return []
    upgrades = [one for one in tree.body if isinstance(one, ast.FunctionDef)]
    calls = [
        call
        for one in upgrades
        if one.name != "downgrade"
        for call in ast.walk(one)
        if isinstance(call, ast.Call)
    ]
    return [f"line {call.lineno}: {name}" for call in calls if (name := _breaks(call))]


def _names(assignment: ast.Assign) -> list[str]:
    return [one.id for one in assignment.targets if isinstance(one, ast.Name)]


def _breaks(call: ast.Call) -> str | None:
    function = call.func
    if not isinstance(function, ast.Attribute) or not isinstance(function.value, ast.Name):
        return None
    if function.value.id != "op":
        return None
    if function.attr == "add_column" and not _may_be_left_out(call.args[1]):
        return "add_column without a default"
    return None if function.attr in ADDS else function.attr


def _may_be_left_out(column: ast.expr) -> bool:
    given = column.keywords if isinstance(column, ast.Call) else []
    words = {one.arg: one.value for one in given}
    nullable = words.get("nullable")
    may_be_empty = nullable is None or (isinstance(nullable, ast.Constant) and nullable.value)
    return bool(may_be_empty) or "server_default" in words
