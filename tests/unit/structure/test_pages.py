"""docs/architecture.md and docs/glossary.md say what is so: packages, floors, modules."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.support.forking import REPOSITORY
from tests.unit.structure.pages import code_spans, table
from tests.unit.structure.tree import ROOT, packages

PAGE = REPOSITORY / "docs" / "architecture.md"
GLOSSARY = REPOSITORY / "docs" / "glossary.md"
FAULTS = REPOSITORY / "docs" / "faults.md"
CODE = re.compile(r"`([^`]+)`")
MODULE = re.compile(r"[\w/]+\.py")
TEST = re.compile(r"test_\w+\.py|tests/[\w/]+(?:\.py)?")


def test_every_package_stands_there_and_no_other() -> None:
    rows = table(PAGE, "Packages")

    shown = [CODE.findall(first)[0].removesuffix("/") for first, *_ in rows if "/`" in first]

    assert sorted(shown) == sorted(packages())


def test_its_floors_are_those_of_the_import_contract() -> None:
    rows = [row for row in table(PAGE, "Packages") if row[0].isdecimal()]
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    contracts = project["tool"]["importlinter"]["contracts"]
    (layers,) = (one["layers"] for one in contracts if one.get("containers") == ["ilios"])

    shown = [set(CODE.findall(names)) for _, names in rows]

    assert shown == [set(re.findall(r"\w+", layer)) for layer in layers]
    assert [int(number) for number, _ in rows] == list(range(len(layers), 0, -1))


@pytest.mark.parametrize(("page", "least"), [(PAGE, 50), (GLOSSARY, 20)])
def test_every_module_that_a_page_names_exists(page: Path, least: int) -> None:
    named = {span for span in code_spans(page) if MODULE.fullmatch(span)}

    assert len(named) > least
    assert {name for name in named if not _exists(name)} == set()


def test_every_test_that_the_list_of_faults_names_exists() -> None:
    paths = {span for span in code_spans(FAULTS) if TEST.fullmatch(span)}

    assert len(paths) > 20
    assert {path for path in paths if not _is_test(path)} == set()


def test_the_glossary_is_in_order_and_names_each_word_once() -> None:
    words = [word for word, *_ in table(GLOSSARY, "Glossary")]

    assert words == sorted(set(words))


def _exists(name: str) -> bool:
    return (ROOT / name).is_file() or (REPOSITORY / name).is_file()


def _is_test(name: str) -> bool:
    return (REPOSITORY / name).exists() or (REPOSITORY / "tests" / "faults" / name).is_file()
