"""Pages of a document that could not be converted, as its row holds them.

They are ranges `[first, last, code]` of page indexes, both ends included, which rise and do not
overlap; `code` is that of the error. None, rather than an empty list, when there are none. Takes a
session, never commits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import func, null, or_, select, update
from sqlalchemy.orm import Session

from ilios.db.models import Document, PageRow
from ilios.db.models.statuses import READABLE
from ilios.engines import conversion_warnings

FailedPages = list[list[Any]]


def each(failed: FailedPages | None) -> Iterator[tuple[int, str]]:
    """Yield the index and the code of each page."""
    for first, last, code in failed or ():
        yield from ((index, code) for index in range(first, last + 1))


def count(failed: FailedPages | None) -> int:
    return sum(last - first + 1 for first, last, _ in failed or ())


def codes(failed: FailedPages | None) -> list[str]:
    """Return the codes, each once, in the order of the pages."""
    return list(dict.fromkeys(code for _, _, code in failed or ()))


def merged(failed: FailedPages | None, indexes: Iterable[int], code: str) -> FailedPages | None:
    """Return `failed` with these pages: what is noted last of a page holds."""
    return _ranges(dict(each(failed)) | dict.fromkeys(indexes, code))


def without(failed: FailedPages | None, indexes: Collection[int]) -> FailedPages | None:
    """Return `failed` without these pages."""
    return _ranges({index: code for index, code in each(failed) if index not in indexes})


def noting(
    warnings: list[dict[str, Any]], failed: FailedPages | None, stored: int = 0
) -> list[dict[str, Any]]:
    """Return warnings with the one that pages are missing if some have failed, else without it."""
    others = [one for one in warnings if one["code"] != conversion_warnings.PARTIAL_RESULT]
    if failed is None:
        return others
    total = count(failed) + stored
    return [asdict(conversion_warnings.pages_failed(count(failed), total, codes(failed))), *others]


def renew(session: Session, document_id: str) -> None:
    """Have all that show a result which lacks pages say which ones, as its own document does.

    Some may have come since: then they say less, or nothing any more.
    """
    of_result = select(
        Document.failed_pages,
        Document.warnings,
        select(func.count()).where(PageRow.document_id == Document.id).scalar_subquery(),
    )
    failed, warnings, stored = session.execute(of_result.where(Document.id == document_id)).one()
    session.execute(
        update(Document)
        .where(
            or_(Document.id == document_id, Document.result_of == document_id),
            Document.status.in_(READABLE),
            Document.failed_pages.is_not(null()) | (Document.id == document_id),
        )
        .values(
            failed_pages=failed,
            page_count=stored,
            pages_done=stored,
            warnings=noting(warnings, failed, stored),
        )
        .execution_options(synchronize_session=False)
    )


def _ranges(pages: Mapping[int, str]) -> FailedPages | None:
    ranges: FailedPages = []
    for index, code in sorted(pages.items()):
        if ranges and ranges[-1][1:] == [index - 1, code]:
            ranges[-1][1] = index
        else:
            ranges.append([index, index, code])
    return ranges or None
