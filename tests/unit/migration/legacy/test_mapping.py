"""What single values of the predecessor mean here."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ilios.accounts.keys import ANONYMOUS, owner_of
from ilios.engines.detection import media_types
from ilios.engines.page_text import PAGE_BREAK
from ilios.migration.legacy import value_mapping

PIECES = st.lists(st.sampled_from([PAGE_BREAK, "\n", "---", "text", "", "\n\n"]), max_size=12)


@given(PIECES.map("".join), st.none() | st.integers(1, 6))
def test_pages_joined_are_the_content_again(content: str, extracted: int | None) -> None:
    pages, is_sure = value_mapping.pages(content, extracted)

    assert PAGE_BREAK.join(pages) == content
    assert extracted is None or len(pages) <= extracted
    assert is_sure == (extracted in (None, content.count(PAGE_BREAK) + 1))


@pytest.mark.parametrize(
    ("key", "owner"),
    [
        ("sk-1", owner_of("sk-1")),
        (" sk-1 ", owner_of("sk-1")),
        ("", ANONYMOUS),
        (None, ANONYMOUS),
    ],
)
def test_owners(key: str | None, owner: str) -> None:
    assert value_mapping.owner(key) == owner


@pytest.mark.parametrize(
    ("declared", "name", "kind"),
    [
        ("application/pdf", "a", media_types.PDF),
        ("Text/Plain; charset=utf-8", "a", media_types.PLAIN),
        ("image/jpg", "a.JPEG", media_types.JPEG),
        ("application/octet-stream", "a.docx", media_types.DOCX),
        ("application/octet-stream", "a.exe", "application/octet-stream"),
    ],
)
def test_types(declared: str, name: str, kind: str) -> None:
    assert value_mapping.media_type(declared, name) == kind


@pytest.mark.parametrize(
    ("key", "kept"),
    [
        ("documents/1750-abc.pdf", "documents/1750-abc.pdf"),
        ("convert/1750-Über uns.pdf", "convert/1750-Über uns.pdf"),
        ("convert/1750-../../etc/passwd", "missing/id"),
        ("", "missing/id"),
        ("/absolute", "missing/id"),
    ],
)
def test_object_keys(key: str, kept: str) -> None:
    assert value_mapping.storage_key("id", key) == kept


@pytest.mark.parametrize(("old", "new"), [(None, 5), (0, 5), (1, 1), (10, 10), (99, 10), (-3, 1)])
def test_priorities(old: int | None, new: int) -> None:
    assert value_mapping.priority(old) == new


@pytest.mark.parametrize(("old", "new"), [(None, 365), (0, 365), (-1, 365), (30, 30)])
def test_retention(old: int | None, new: int) -> None:
    assert value_mapping.retention_days(old) == new


@pytest.mark.parametrize(("cents", "micros"), [(None, 0), (0, 0), (7, 70_000), (0.29, 2900)])
def test_cents_become_micro_dollars(cents: float | None, micros: int) -> None:
    assert value_mapping.micros(cents) == micros


@pytest.mark.parametrize("text", [None, "", "{not json", "[1]", "null", '"text"'])
def test_metadata_that_is_no_object_says_nothing(text: str | None) -> None:
    assert value_mapping.metadata_of(text) == {}


def test_a_key_that_begins_with_another_is_removed_whole() -> None:
    said = value_mapping.without_keys("no sk-11, no sk-1", ["sk-11", "sk-1"])

    assert said == "no [key], no [key]"


def test_seconds_are_aware_moments() -> None:
    assert value_mapping.moment(1_750_000_000) == datetime(2025, 6, 15, 15, 6, 40, tzinfo=UTC)
    assert value_mapping.moment(None) is None
