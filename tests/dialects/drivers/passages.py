"""What a user of a loader of ours looks for beside the text: where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.dialects.drivers.errand import ClientError, Errand

PDF = "application/pdf"


def joined(errand: Errand, found: Sequence[tuple[str, dict[str, Any]]]) -> str:
    """Return the texts of pages. Raises ClientError where it is not said where they stand."""
    for place, (_, metadata) in enumerate(found, start=1):
        boxes = [block["bbox"] for block in metadata["blocks"] or ()]
        has_place = errand.mime_type != PDF or (boxes and all(len(box) == 4 for box in boxes))
        if metadata["page"] != place or metadata["file_name"] != errand.path.name or not has_place:
            raise ClientError(f"page {place} has no place: {metadata}")
    return "\n\n".join(text for text, _ in found)


def require_chunks(errand: Errand, texts: str, chunks: Sequence[tuple[str, dict[str, Any]]]) -> str:
    """Return the text of pages if the chunks have all of its words, each with its pages."""
    words = set(" ".join(text for text, _ in chunks).split())
    if lost := set(texts.split()) - words:
        raise ClientError(f"chunks of {errand.path.name} lack {sorted(lost)[:10]}")
    if not all(metadata["pages"] for _, metadata in chunks):
        raise ClientError(f"chunks of {errand.path.name} are on no page")
    return texts
