"""What keeps a client from a page of a document, as classes."""

from __future__ import annotations

from ilios.core.request_errors import NotFound


class PageNotFound(NotFound):
    """The document has no page of this number."""

    code = "page_not_found"

    def __init__(self, number: int, present: object, count: int) -> None:
        pages = "is 1 page" if count == 1 else f"are {count} pages"
        numbers = f": {present!s:.80}" if count else ""
        super().__init__(f"There is no page {number}. There {pages}{numbers}.")


class NoPageImage(NotFound):
    """The document is of a type whose pages have no look of their own."""

    code = "no_page_image"

    def __init__(self, file_name: str, media_type: str) -> None:
        super().__init__(
            f"Only pages of PDFs and images can be shown as they were sent, and {file_name} is "
            f"{media_type}. Take the page's Markdown."
        )
