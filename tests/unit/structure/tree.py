"""The modules of `ilios/`, as files and as a graph of imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.forking import REPOSITORY

ROOT = REPOSITORY / "ilios"
FOR_FRAMEWORKS = (
    "ilios.client.haystack",
    "ilios.client.langchain",
    "ilios.client.llamaindex",
    "ilios.local.bulk.crew",
    "ilios.local.bulk.parquet",
)
"""Modules that import what their callers have installed, and we have not."""
OF_EXTRAS = (
    *FOR_FRAMEWORKS,
    "ilios.local.mcp.server",
    "ilios.local.mcp.serving",
)
"""Modules that import what a service does not need, and its image does not have."""


def files() -> list[Path]:
    """Return every Python file of `ilios/`."""
    return sorted(ROOT.rglob("*.py"))


def packages() -> set[str]:
    """Return every package and sub-package, as `queue` or `engines/embedded`."""
    return {
        str(path.parent.relative_to(ROOT)) for path in files() if path.name == "__init__.py"
    } - {"."}


def module_name(path: Path) -> str:
    """Return `ilios.queue.jobs` for its file."""
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules() -> set[str]:
    """Return every module that is not a package, by its dotted name."""
    return {module_name(path) for path in files() if path.name != "__init__.py"}


def imported_by(path: Path) -> Iterator[str]:
    """Yield the dotted names that a file imports, whichever of them are modules."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
