"""Links to the images of a result: its Markdown has their names alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ilios.engines.image_references import addressed


def folder_of(document_id: str) -> str:
    """Return what stands before the name of an image in a link to it here."""
    return f"/api/documents/{document_id}/images/"


def linked(pieces: Iterable[str], names: frozenset[str], folder: str) -> Iterator[str]:
    """Yield Markdown whose references to these images are links into a folder."""
    return addressed(pieces, names, lambda name: (folder + name,))
