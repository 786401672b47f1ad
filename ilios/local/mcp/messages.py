"""What the tools take and give. Their JSON Schemas are made of these models: clients see them.

Fields have the words of the API (docs/api.md).
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

WAIT_SECONDS: Final = 50  #: for a result, unless told otherwise: many clients give up after 60
WAIT_MAX_SECONDS: Final = 600
QUERY_MAX_CHARACTERS: Final = 1000
PAGE_SEPARATOR: Final = "\n\n<!-- page {} -->\n\n"

Given = Annotated[str | None, BeforeValidator(lambda value: value or None)]
"""Models send "" for what they mean to leave out."""


class _Message(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        extra="forbid",
        use_attribute_docstrings=True,
    )


# --- what they take -----------------------------------------------------------------------------


class ConvertContent(_Message):
    """What `convert` takes where no file of this machine is read."""

    url: Given = None
    """A document at an http or https address. One of this and `content`."""
    content: Given = None
    """The document itself: its bytes in base64 or, with `encoding` text, its text."""
    encoding: Literal["base64", "text"] = "base64"
    """How `content` is written."""
    file_name: Given = None
    """The name of the document. It tells what a text is: table.csv, page.html, notes.md."""
    pages: Given = None
    """Only these pages, as in 1-3,7. Left out, all."""
    wait: int = Field(WAIT_SECONDS, ge=0, le=WAIT_MAX_SECONDS)
    """Seconds to wait for the result. A conversion that takes longer goes on: ask `status`."""


class ConvertFile(ConvertContent):
    """What `convert` takes where it may read files."""

    path: Given = None
    """A file of this machine, by its absolute path. One of this, `url` and `content`."""


class StatusArguments(_Message):
    id: str
    """Of the document, as `convert` or `search` gave it."""
    wait: int = Field(0, ge=0, le=WAIT_MAX_SECONDS)
    """Seconds to wait for the end of its conversion."""


class SearchArguments(_Message):
    query: str = Field(min_length=1, max_length=QUERY_MAX_CHARACTERS)
    """Words that one page has all of, or a part of a file name."""


class ReadPageArguments(_Message):
    id: str
    """Of the document, as `convert` or `search` gave it."""
    page: int = Field(ge=1)
    """The number of the page in the document, from 1."""
    offset: int = Field(0, ge=0)
    """Where to begin, in characters: the `nextOffset` of the part before."""


# --- what they give -----------------------------------------------------------------------------


class Result(_Message):
    """The root of all results."""

    def texts(self) -> list[str]:
        """Return what a model reads, block by block: JSON, then Markdown as it is."""
        return [self.model_dump_json(by_alias=True)]

    def structured(self) -> dict[str, Any]:
        """Return what programs read, which fits the schema."""
        return self.model_dump(mode="json", by_alias=True)


class Warned(_Message):
    """A doubt about a result."""

    code: str
    message: str
    page: int | None
    """Null when the whole document is meant."""


class PageText(_Message):
    number: int
    """Of the page in the document, from 1."""
    markdown: str


class Converted(Result):
    """A document that `convert` was given."""

    id: str
    """For `status` and `read_page`."""
    status: str
    """`completed`, or `pending` or `processing` if it takes longer than was waited."""
    file_name: str
    pages_total: int | None
    """How many pages the result has; null until that is known."""
    pages: list[PageText]
    """The first pages of the result, as many as one answer holds."""
    next_page: int | None
    """The page that `read_page` goes on with; null when all is here."""
    next_offset: int | None
    """Where in that page, if a part of it is here."""
    warnings: list[Warned]
    hint: str | None
    """What to do next, if anything."""

    def texts(self) -> list[str]:
        about = self.model_dump_json(by_alias=True, exclude={"pages"})
        if not self.pages:
            return [about]
        marked = (PAGE_SEPARATOR.format(page.number) + page.markdown for page in self.pages)
        return [about, "".join(marked).strip()]


class DocumentState(Result):
    """How far a document is."""

    id: str
    status: str
    """`pending`, `processing`, `completed`, `failed`, `cancelled` …"""
    file_name: str
    pages_done: int | None
    pages_total: int | None
    """Null until that is known."""
    queue_position: int | None
    """How many documents go first while it waits, if that is known."""
    error_code: str | None
    """Why it failed, for programs."""
    error: str | None
    """Why it failed."""
    warnings: list[Warned]
    hint: str | None
    """What to do next, if anything."""


class Match(_Message):
    page: int
    """The number that `read_page` takes."""
    snippet: str
    """Plain text around the first of the words."""


class FoundDocument(_Message):
    id: str
    file_name: str
    status: str
    pages_total: int | None
    matches: list[Match]
    """Its best pages, at most 3; none if only its name has the words."""


class SearchResult(Result):
    """The documents that have the words, the best first."""

    scope: Literal["session", "service"]
    """Where was searched: `session` is what this server has converted since it began, and still
    keeps; `service` all documents of the key."""
    documents: list[FoundDocument]
    has_more: bool
    """Whether more documents have them than are listed."""


class PageRead(Result):
    """A page, or as much of it as one answer holds."""

    id: str
    page: int
    markdown: str
    offset: int
    """Where in the page the Markdown begins, in characters."""
    next_offset: int | None
    """Where the rest begins; null when this is the end of the page."""

    def texts(self) -> list[str]:
        return [self.model_dump_json(by_alias=True, exclude={"markdown"}), self.markdown]
