"""What a client of docling-serve wants: forms, images, pages, chunks; read from its options."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from ilios.api.dialects.options import Options, whole
from ilios.core.request_errors import InvalidField, OptionUnavailable
from ilios.documents import chunks
from ilios.engines.page_selection import MAX_PAGE_NUMBER

MARKDOWN: Final = "md"
JSON: Final = "json"
HTML: Final = "html"
TEXT: Final = "text"
FORMATS: Final = (MARKDOWN, JSON, HTML, TEXT)
INBODY: Final = "inbody"
ZIP: Final = "zip"
PLACEHOLDER: Final = "placeholder"
EMBEDDED: Final = "embedded"
REFERENCED: Final = "referenced"
IMAGE_MODES: Final = (PLACEHOLDER, EMBEDDED, REFERENCED)

PAGE_BREAK_MAX_CHARACTERS: Final = 64
LAST_PAGE_MAX: Final = 2**63 - 1  #: what clients send for the last page, whichever that is
TOKENS_MAX: Final = 1_000_000
CHARACTERS_OF_TOKEN: Final = 4  #: about; chunks are measured in characters here

PREFIX_OF_CONVERSION: Final = "convert_"
PREFIX_OF_CHUNKING: Final = "chunking_"
_ELSEWHERE: Final = ("presigned_url", "put", "s3")  #: targets of docling-serve in other places
_EXPECTED: Final = "Input should be 'inbody' or 'zip'"
"""As docling-serve says it, by which its client knows that it has to send another target."""


@dataclass(frozen=True, slots=True)
class ResultForms:
    """How a result is to be shown; it changes nothing that is stored."""

    formats: tuple[str, ...] = (MARKDOWN,)
    is_zip: bool = False
    images: str = PLACEHOLDER
    page_break: str | None = None

    @property
    def needs_blocks(self) -> bool:
        """Whether the conversion has to tell where each part of a page stands."""
        return JSON in self.formats

    @property
    def needs_images(self) -> bool:
        return self.images != PLACEHOLDER

    @classmethod
    def of(cls, options: Options, prefix: str = "") -> ResultForms:
        """Read the options of a request, whose names may have a prefix.

        Raise InvalidField, and OptionUnavailable for a target elsewhere.
        """
        formats = options.choices(f"{prefix}to_formats", FORMATS)
        return cls(
            tuple(formats) or (MARKDOWN,),
            _target(options) == ZIP,
            options.choice(f"{prefix}image_export_mode", IMAGE_MODES, PLACEHOLDER) or PLACEHOLDER,
            options.text(f"{prefix}md_page_break_placeholder", most=PAGE_BREAK_MAX_CHARACTERS),
        )

    def as_options(self) -> dict[str, Any]:
        """Return the options that `of` reads this from."""
        return {
            "to_formats": list(self.formats),
            "target_type": ZIP if self.is_zip else INBODY,
            "image_export_mode": self.images,
            "md_page_break_placeholder": self.page_break,
        }


@dataclass(frozen=True, slots=True)
class Chunking:
    """How a result is to be cut."""

    size: int = chunks.SIZE  #: characters
    has_raw_text: bool = False
    has_document: bool = False

    @classmethod
    def of(cls, options: Options) -> Chunking:
        """Read the options of a request. Raise InvalidField."""
        tokens = options.whole(f"{PREFIX_OF_CHUNKING}max_tokens", 1, TOKENS_MAX)
        size = chunks.SIZE if tokens is None else tokens * CHARACTERS_OF_TOKEN
        return cls(
            min(max(size, chunks.SIZE_MIN), chunks.SIZE_MAX),
            options.flag(f"{PREFIX_OF_CHUNKING}include_raw_text", False),
            options.flag("include_converted_doc", False),
        )

    def as_options(self) -> dict[str, Any]:
        """Return the options that `of` reads this from."""
        return {
            f"{PREFIX_OF_CHUNKING}max_tokens": self.size // CHARACTERS_OF_TOKEN,
            f"{PREFIX_OF_CHUNKING}include_raw_text": self.has_raw_text,
            "include_converted_doc": self.has_document,
        }


def page_range(options: Options, prefix: str = "") -> tuple[int, int] | None:
    """Return the first and the last page that are wanted; None for all. Raise InvalidField."""
    name = f"{prefix}page_range"
    ends = options.values(name)
    if not ends:
        return None
    if len(ends) != 2:  # a range has two ends
        raise InvalidField(name, ends, "the numbers of the first and of the last page")
    first = whole(name, ends[0], 1, MAX_PAGE_NUMBER)
    last = whole(name, ends[1], first, LAST_PAGE_MAX)
    return None if first == 1 and last >= MAX_PAGE_NUMBER else (first, last)


def seconds(options: Options, name: str, most: float) -> float:
    """Return how long to wait, at most so many seconds. Raise InvalidField."""
    value = options.value(name)
    if value is None:
        return 0.0
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not 0 <= found < math.inf:
        raise InvalidField(name, value, "a number of seconds")
    return min(found, most)


def _target(options: Options) -> str:
    value = options.value("target_type")
    if value is None or value == INBODY:
        return INBODY
    if value in _ELSEWHERE:
        raise OptionUnavailable(f"target_type is {value!r}, which is not to be had. {_EXPECTED}.")
    if value != ZIP:
        raise InvalidField("target_type", value, _EXPECTED)
    return ZIP
