"""What the call for a part of a document asks for (ilios.documents.options)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ilios.db.models import Document
from ilios.documents.options import options_of, options_of_part
from ilios.engines.base import DocumentInfo, Part, Source

SOURCE = Source(Path("a.pdf"), "application/pdf", "a.pdf")


def document(limit: int | None, **fields: Any) -> Document:
    options = {} if limit is None else {"image_limit": limit}
    return Document(options={**options, **fields.pop("options", {})}, **fields)


def limits(of: Document, *parts: tuple[int, ...]) -> list[int | None]:
    return [limit_of(of, Part(SOURCE, indexes)) for indexes in parts]


def limit_of(of: Document, part: Part) -> int | None:
    return options_of_part(options_of(of), of, part).image_limit


RANGES = [tuple(range(first, min(first + 50, 120))) for first in (0, 50, 100)]


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(0, [0, 0, 0]), (1, [1, 0, 0]), (3, [2, 1, 0]), (12, [5, 5, 2]), (10_000, None), (None, None)],
)
def test_the_ranges_of_a_document_share_its_limit_of_images(
    limit: int | None, expected: list[int] | None
) -> None:
    shares = limits(document(limit, info={"page_count": 120}), *RANGES)

    if limit is None:
        assert shares == [None] * 3
    else:
        assert expected in (None, shares)
        assert sum(share or 0 for share in shares) == limit


@pytest.mark.parametrize(
    "known",
    [
        {"page_count": 120},
        {"info": {"page_count": 120}, "page_count": 7},
        {"options": {"pages": "1-120"}},
    ],
)
def test_pages_that_are_asked_for_alone_have_the_same_share(known: dict[str, Any]) -> None:
    of = document(12, **known)

    assert sum(share or 0 for share in limits(of, *((index,) for index in range(120)))) == 12
    assert limits(of, (0, 60), (1, 119), (4,)) == [2, 0, 0]


def test_a_document_that_is_one_call_has_its_limit() -> None:
    whole = Part(SOURCE, (0, 1), DocumentInfo(page_count=2))

    assert limit_of(document(5), whole) == 5
    assert limits(document(5, options={"pages": "3,9"}), (2, 8)) == [5]
    assert limit_of(document(5), Part(SOURCE, None)) == 5


def test_missing_pages_have_what_is_left_of_the_limit() -> None:
    rest = Part(SOURCE, (3,), DocumentInfo(page_count=4))

    assert limit_of(document(8), rest) == 2
