"""Every command of the pages is run by a test, or says why not; see code_blocks.py."""

from __future__ import annotations

import re

import pytest

from tests.support.forking import REPOSITORY
from tests.unit.structure.code_blocks import (
    COMMANDS,
    LOOKS,
    SHOWN,
    Block,
    Mark,
    blocks,
    commands,
)

MOST_THAT_ARE_NOT_RUN = 11
LIKE_A_COMMAND = re.compile(
    r"^(\$ |curl |docker |helm |kubectl |make |pip |npx? |node |python3? |\.venv/)", re.M
)
SETTING = re.compile(r"^#?([A-Z][A-Z0-9_]+)=", re.M)
OF_APPLICATIONS = (
    "CONTENT_EXTRACTION_", "DOCLING_", "EXTERNAL_DOCUMENT_LOADER_", "OCR_API_KEY", "OCR_BASEURL",
    "OCR_PROVIDER", "PAPERLESS_",
)  # fmt: skip
NOT_RUN = [(block, mark) for block, mark in commands() if mark.place is None]


def test_the_blocks_are_found() -> None:
    assert len([block for block, mark in commands() if mark.place]) > 30


def test_each_is_in_a_language_that_is_run_or_shown() -> None:
    assert {
        str(one): one.language for one in blocks() if one.language not in COMMANDS | SHOWN
    } == {}


def test_none_that_is_only_shown_has_commands_or_a_mark() -> None:
    shown = [block for block in blocks() if block.language in SHOWN]

    assert [str(one) for one in shown if one.mark or LIKE_A_COMMAND.search(one.text)] == []


@pytest.mark.parametrize(("block", "mark"), NOT_RUN, ids=[str(block) for block, _ in NOT_RUN])
def test_one_that_is_not_run_has_the_reason_that_it_gives_and_a_test(
    block: Block, mark: Mark
) -> None:
    assert mark.reason is not None
    assert LOOKS[mark.reason].search(block.text)
    assert (REPOSITORY / mark.covered_by).is_file()
    assert mark.covered_by.startswith("tests/")


def test_few_are_not_run() -> None:
    assert len(NOT_RUN) <= MOST_THAT_ARE_NOT_RUN


def test_settings_that_a_block_shows_are_ours_or_of_an_application() -> None:
    known = set(SETTING.findall((REPOSITORY / ".env.example").read_text()))
    shown = {
        name for one in blocks() if one.language == "ini" for name in SETTING.findall(one.text)
    }

    assert len(shown) > 10
    assert {name for name in shown - known if not name.startswith(OF_APPLICATIONS)} == set()
