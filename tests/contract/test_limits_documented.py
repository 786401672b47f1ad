"""docs/limits.md has the bounds that the code has: each with its value and what happens beyond."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from ilios.core.settings import Settings
from ilios.engines.conversion_warnings import CODES
from tests.support.forking import REPOSITORY
from tests.unit.structure.pages import code_spans

PAGE = REPOSITORY / "docs" / "limits.md"
ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \| `([^`|]+)` \| ([^|]+) \|$", re.MULTILINE)
UNITS = {"": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "s": 1, "min": 60, "h": 3600}
NUMBER = re.compile(r"(\d{1,3}(?:,\d{3})*(?:\.\d+)?)(?: (KiB|MiB|GiB|s|min|h))?")
CODE = re.compile(r"`([a-z_]+)`")
IS_BOUND = re.compile(r"^_?(?:[A-Z0-9]+_)*(?:MAX|AT_MOST|SOUGHT|LOOKED_AT)(?:_|$)")
DECIDE_ONLY = {
    "ilios.conversion.answers.UTF8_MAX_BYTES",
    "ilios.engines.detection.media_types.PDF_JUNK_MAX_BYTES",
    "ilios.engines.embedded.ocr.markdown.HEADING_MAX_CHARACTERS",
    "ilios.engines.embedded.ocr.page_reader.ENLARGED_AT_MOST",
    "ilios.engines.embedded.office.xls.document.WHOLE_MAX",
    "ilios.engines.embedded.office.xlsx.sheet.SPARSE_MAX_SHARE",
    "ilios.engines.embedded.pdf.blocks.PREFIX_MAX_CHARACTERS",
    "ilios.engines.embedded.text.code.LINE_MAX_CHARACTERS",
    "ilios.engines.embedded.text.code_layout.FLAT_MAX_CHARACTERS",
    "ilios.engines.embedded.text.code_pages.LATIN_MAX",
    "ilios.engines.embedded.text.code_pages.SMALL_WORDS_MAX",
    "ilios.engines.embedded.web.html.cleaning.BUTTON_MAX_WORDS",
    "ilios.engines.embedded.web.html.cleaning.NOTICE_MAX_CHARACTERS",
    "ilios.engines.embedded.web.html.cleaning.UNLINKED_MAX_CHARACTERS",
    "ilios.engines.image_references._NAME_MAX_CHARACTERS",
    "ilios.engines.image_references._REFERENCE_MAX_CHARACTERS",
}
"""What bounds no work and no result, but tells one thing from another."""


def rows() -> list[tuple[str, str, str, str]]:
    return ROW.findall(PAGE.read_text())


def stated(bound: str) -> float:
    """Return a bound of the table in bytes, seconds or items."""
    match = NUMBER.fullmatch(bound)
    assert match, f"{bound}: neither a number with commas for thousands nor one with a unit"
    return float(match[1].replace(",", "")) * UNITS[match[2] or ""]


def held(name: str) -> float:
    """Return the value of a constant by its dotted name, or the default of a setting."""
    if name.isupper():
        return float(Settings.model_fields[name.lower()].default)
    module, _, constant = name.rpartition(".")
    holder, _, attribute = module.rpartition(".")
    in_class = attribute[:1].isupper()
    of: Any = importlib.import_module(holder if in_class else module)
    value: Any = getattr(getattr(of, attribute) if in_class else of, constant)
    return value.total_seconds() if isinstance(value, timedelta) else float(value)


@pytest.mark.parametrize(("what", "bound", "held_by", "_beyond"), rows())
def test_a_bound_is_the_one_that_the_code_holds(
    what: str, bound: str, held_by: str, _beyond: str
) -> None:
    assert held(held_by) == stated(bound), what


def test_every_line_of_a_table_is_a_bound() -> None:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]

    assert len(rows()) == len([line for line in lines if not line.startswith("| What |")])


def bounds() -> Iterator[str]:
    """Yield the dotted names of bounds of what reads documents and answers, by their words."""
    for package in ("engines", "conversion"):
        for path in sorted((REPOSITORY / "ilios" / package).rglob("*.py")):
            module = ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
            for node in ast.parse(path.read_text()).body:
                named = node.targets[0] if isinstance(node, ast.Assign) else node
                target = named.target if isinstance(named, ast.AnnAssign) else named
                if isinstance(target, ast.Name) and IS_BOUND.search(target.id):
                    yield f"{module}.{target.id}"


def test_every_bound_of_what_reads_documents_and_answers_stands_there() -> None:
    found = set(bounds())

    assert len(found) > 100
    assert found - {name for _, _, name, _ in rows()} - DECIDE_ONLY == set()
    assert DECIDE_ONLY - found == set()


def test_what_happens_beyond_a_bound_is_a_code_that_is_documented() -> None:
    known = code_spans(REPOSITORY / "docs" / "errors.md") | set(CODES)
    codes = {code for _, _, _, beyond in rows() for code in CODE.findall(beyond)}

    assert {code for code in codes - known if not code.startswith("invalid_")} == set()
