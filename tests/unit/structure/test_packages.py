"""The packages of `ilios/`: which there are, what their modules may be, and how they import."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest

from tests.support.forking import REPOSITORY
from tests.unit.structure.tree import ROOT, files, module_name

PACKAGES = {
    "accounts", "api", "cli", "client", "cluster", "conversion", "core", "db", "documents",
    "engines", "local", "migration", "operations", "outbound", "queue", "replication", "storage",
    "webhooks", "workers",
}  # fmt: skip
LOOSE_MODULES = {"__init__", "__main__", "launch", "probe", "watch"}
MOST_LINES_OF_A_MODULE = 350
MOST_LINES_OF_A_FUNCTION = 60
MOST_PAIRS = 105
SESSION_RULES = ("store no object and use no network", "neither log nor count")


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """Return the imports between modules, also those inside functions; not those for types only."""
    return grimp.build_graph("ilios", exclude_type_checking_imports=True, cache_dir=None)


def test_there_are_these_packages_and_no_loose_module() -> None:
    assert {path.parent.name for path in ROOT.glob("*/__init__.py")} == PACKAGES
    assert {path.stem for path in ROOT.glob("*.py")} == LOOSE_MODULES


def test_every_folder_of_modules_is_a_package() -> None:
    assert {path.parent for path in files() if not (path.parent / "__init__.py").exists()} == set()


def test_a_package_says_what_it_is_for_and_holds_no_logic() -> None:
    packages = [path for path in files() if path.name == "__init__.py"]

    assert [path for path in packages if not ast.get_docstring(_tree(path))] == []
    assert [path for path in packages if _has_logic(path)] == []


def test_no_module_is_too_long() -> None:
    lengths = {str(path.relative_to(REPOSITORY)): _line_count(path) for path in files()}

    assert {path: n for path, n in lengths.items() if n > MOST_LINES_OF_A_MODULE} == {}


def test_no_function_is_too_long() -> None:
    lengths = {name: lines for path in files() for name, lines in _functions(path)}

    assert {name: n for name, n in lengths.items() if n > MOST_LINES_OF_A_FUNCTION} == {}


def test_few_packages_import_each_other(graph: grimp.ImportGraph) -> None:
    pairs = {
        (_package(importer), _package(imported))
        for importer in graph.modules
        for imported in graph.find_modules_directly_imported_by(importer)
    }

    assert len({(a, b) for a, b in pairs if a != b}) <= MOST_PAIRS


def test_no_imports_go_round_in_a_circle(graph: grimp.ImportGraph) -> None:
    imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}

    TopologicalSorter(imports).prepare()  # raises CycleError, which names the modules


def test_a_module_that_takes_sessions_stands_in_the_contracts_of_those() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    contracts = project["tool"]["importlinter"]["contracts"]
    listed = [
        set(one["source_modules"]) for one in contracts if one["name"].endswith(SESSION_RULES)
    ]
    takers = {
        module_name(path)
        for package in ("accounts", "documents", "queue")
        for path in (ROOT / package).rglob("*.py")
        if any(_takes_session(node) for node in _tree(path).body)
    }

    assert len(listed) == len(SESSION_RULES)
    assert [takers - modules for modules in listed] == [set(), set()]


def _takes_session(node: ast.stmt) -> bool:
    """Return whether this is a public function whose first parameter is a session."""
    return (
        isinstance(node, ast.FunctionDef)
        and not node.name.startswith("_")
        and [argument.arg for argument in node.args.args[:1]] == ["session"]
    )


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _has_logic(path: Path) -> bool:
    """Return whether there is more than a docstring, imports, and the names or the version."""
    named = "__version__" if path.parent == ROOT else "__all__"
    return not all(
        isinstance(node, ast.Import | ast.ImportFrom)
        or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == named)
        for node in _tree(path).body[1:]
    )


def _line_count(path: Path) -> int:
    return len(path.read_text().splitlines())


def _functions(path: Path) -> Iterator[tuple[str, int]]:
    """Yield each function with its lines; `path:line name` tells which one it is."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{path.relative_to(REPOSITORY)}:{node.lineno} {node.name}"
            yield name, (node.end_lineno or node.lineno) - node.lineno + 1


def _package(module: str) -> str:
    return ".".join(module.split(".")[:2])
