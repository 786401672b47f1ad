"""Every module of `ilios/` is imported by a test file, or tests/coverage.toml names its tests."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.support.forking import REPOSITORY
from tests.unit.structure.tree import imported_by, modules, packages

TESTS = REPOSITORY / "tests"


@pytest.fixture(scope="module")
def table() -> dict[str, str]:
    """Return the folder or file of tests by the module or package that it covers."""
    return tomllib.loads((TESTS / "coverage.toml").read_text())


@pytest.fixture(scope="module")
def unnamed() -> set[str]:
    """Return the modules that no test file imports, as `queue/jobs`."""
    imported = {name for path in TESTS.rglob("test_*.py") for name in imported_by(path)}
    return {_as_path(name) for name in modules() - imported}


def test_every_module_is_imported_by_a_test_or_stands_in_the_table(
    table: dict[str, str], unnamed: set[str]
) -> None:
    assert {module for module in unnamed if not _covers(table, module)} == set()


def test_every_entry_of_the_table_names_a_module_or_package_and_tests_that_exist(
    table: dict[str, str],
) -> None:
    known = {_as_path(name) for name in modules()} | packages()

    assert table.keys() - known == set()
    assert {tests for tests in table.values() if not _has_tests(REPOSITORY / tests)} == set()


def test_no_entry_of_the_table_could_be_left_out(table: dict[str, str], unnamed: set[str]) -> None:
    needed = {entry for module in unnamed for entry in _covers(table, module)}

    assert table.keys() - needed == set()
    assert {module for module in unnamed if len(_covers(table, module)) > 1} == set()


def _covers(table: dict[str, str], module: str) -> list[str]:
    """Return the entries that stand for a module: its own, or that of a package around it."""
    return [entry for entry in table if module == entry or module.startswith(f"{entry}/")]


def _has_tests(path: Path) -> bool:
    return path.is_file() or any(path.rglob("test_*.py"))


def _as_path(name: str) -> str:
    return name.removeprefix("ilios.").replace(".", "/")
