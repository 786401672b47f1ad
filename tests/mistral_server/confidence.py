"""Scores of confidence: made up from the words, but as the SDK's models have them."""

from __future__ import annotations

import re
from statistics import fmean
from typing import Any

Json = dict[str, Any]

SURE, LESS_SURE = 0.99, 0.9  #: of a word of letters, and of any other
TYPE_SURE = 0.97
WORD = re.compile(r"\S+")


def words(text: str) -> list[Json]:
    """Return a score for each word of a page or a table, with its place there."""
    return [
        {"text": word.group(), "confidence": _sure(word.group()), "start_index": word.start()}
        for word in WORD.finditer(text)
    ]


def page_scores(markdown: str, granularity: str) -> Json:
    """Return the scores of a page; those of its words only for the granularity `word`."""
    sure = [_sure(word) for word in WORD.findall(markdown)] or [SURE]
    scores: Json = {
        "average_page_confidence_score": round(fmean(sure), 4),
        "minimum_page_confidence_score": min(sure),
    }
    if granularity == "word":
        scores["word_confidence_scores"] = words(markdown)
    return scores


def block_scores(content: str) -> Json:
    """Return the scores of a block; a block without content has only that of its type."""
    sure = [_sure(word) for word in WORD.findall(content)]
    return {
        "average_content_confidence_score": round(fmean(sure), 4) if sure else None,
        "minimum_content_confidence_score": min(sure) if sure else None,
        "block_type_confidence_score": TYPE_SURE,
    }


def _sure(word: str) -> float:
    return SURE if word.isalpha() else LESS_SURE
