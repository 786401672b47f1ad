"""How much of one answer of the provider is used. What is beyond is cut, with a warning.

Nothing here refuses an answer that can be read: it was paid for.
"""

from __future__ import annotations

from typing import Final

MIB: Final = 1024 * 1024

ANSWER_MAX_BYTES: Final = 256 * MIB
"""Of the body of an answer: five times the largest document, as base64 takes four thirds of it."""
ANSWER_MAX_VALUES: Final = 4_000_000
"""Of lists, objects and what stands in them: a page of 1,000 words with their scores has 4,000."""
ANSWER_MAX_PAGES: Final = 1_000  #: the provider takes no document with more
PAGE_MAX_BYTES: Final = 32 * MIB  #: of a page's Markdown; the same as of the embedded engine
DOCUMENT_MAX_BYTES: Final = 128 * MIB  #: of the Markdown of all pages of an answer
ANSWER_MAX_IMAGES: Final = 10_000  #: of all pages of an answer
PAGE_MAX_BLOCKS: Final = 20_000
ANSWER_MAX_BLOCKS: Final = 500_000  #: of all pages of an answer
EXTRACTION_MAX_CHARACTERS: Final = MIB  #: of the fields of a document by a schema
ANNOTATION_MAX_CHARACTERS: Final = 64 * 1024  #: of those of an image
NAME_MAX_CHARACTERS: Final = 100  #: of the name of a model
SIZE_MAX: Final = 1_000_000  #: of a page or a box on it, in pixels or points
LIST_MAX_BYTES: Final = 16 * MIB  #: of an answer about files, jobs or models
ERROR_MAX_BYTES: Final = 64 * 1024  #: of the body of an error, of which a sentence is shown
RETRY_AFTER_MAX_SECONDS: Final = 3600.0  #: that Retry-After may ask for
