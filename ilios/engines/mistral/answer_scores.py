"""Scores of confidence in an answer: of a page, of a block, of words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ilios.engines.mistral import answer_fields
from ilios.engines.mistral.numbers import share
from ilios.engines.page_structure import Word
from ilios.engines.page_words import Words


def of_page(fields: dict[str, Any]) -> float | None:
    scores = answer_fields.inner(fields, "confidence_scores")
    return share(scores.get("average_page_confidence_score"))


def of_block(fields: dict[str, Any]) -> float | None:
    """Return how sure the provider is of a block's text, which says nothing of its type."""
    scores = answer_fields.inner(fields, "confidence_scores")
    return share(scores.get("average_content_confidence_score"))


def words(fields: dict[str, Any]) -> Words:
    """Return the words of a page in their order, then those of each of its separate tables."""
    page = answer_fields.inner(fields, "confidence_scores")
    listed = [page, *answer_fields.objects(fields, "tables")]
    return Words.of(word for scored in listed for word in _words(scored))


def _words(scored: dict[str, Any]) -> Iterator[Word]:
    for entry in answer_fields.objects(scored, "word_confidence_scores"):
        text = answer_fields.text(entry, "text")
        if text:
            yield Word(text, share(entry.get("confidence")), None)
