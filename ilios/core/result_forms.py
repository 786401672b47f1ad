"""The forms of a result, and how files of each are called."""

from __future__ import annotations

from typing import Final

MARKDOWN: Final = "markdown"
TEXT: Final = "text"
SUFFIXES: Final = {
    MARKDOWN: ".md",
    "json": ".json",
    TEXT: ".txt",
    "zip": ".zip",
    "html": ".html",
    "pdf": ".pdf",
    "chunks": ".chunks.jsonl",
}
