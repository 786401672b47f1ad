"""The fields of requests, in the service's own words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final, Literal, TypedDict

SCHEMAS: Final = ("schema", "imageSchema")


class _OfEach(TypedDict, total=False):
    """What a document is converted with, alone or in a batch."""

    retentionDays: int
    model: str
    includeImages: bool
    tableFormat: Literal["markdown", "html"]
    extractHeader: bool
    extractFooter: bool
    include: Literal["blocks"]
    confidence: Literal["page", "block", "word"]
    imageLimit: int
    imageMinSize: int
    maxCostUsd: str
    allowPartial: str | bool | float
    cache: bool
    schema: str | Mapping[str, Any]
    imageSchema: str | Mapping[str, Any]
    instructions: str
    webhookUrl: str
    priority: int
    password: str


class Conversion(_OfEach, total=False):
    """How a document is converted; what is left out, the service decides."""

    pages: str


class BatchConversion(_OfEach, total=False):
    """How all documents of a batch are converted."""

    useMistralBatch: bool


class _Joined(TypedDict, total=False):
    """How the pages of a result become one text."""

    frontMatter: bool
    pageSeparator: str


class ShownAlone(_Joined, total=False):
    """How a result is shown, in fields that mean nothing to the conversion."""

    embedImages: bool
    chunkSize: int
    chunkOverlap: int


class Shown(ShownAlone, total=False):
    """How a result is shown."""

    include: Literal["blocks"]


class BatchShown(_Joined, total=False):
    """How the results of a batch are shown."""

    include: Literal["blocks"]


class Listed(TypedDict, total=False):
    """Which documents are listed, and how many of them at once."""

    status: str
    batchId: str
    q: str
    cursor: str
    limit: int


class Everything(Conversion, ShownAlone, total=False):
    """The fields of a conversion that waits for its result."""


def of_form(fields: Mapping[str, Any]) -> dict[str, str]:
    """Return fields as a form or a query carries them; those that are None are left out."""
    return dict(_written(fields))


def of_json(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields as JSON carries them beside a URL; those that are None are left out.

    There numbers and booleans are what they are, and schemas are objects.
    """
    return {name: _typed(name, value) for name, value in fields.items() if value is not None}


def _typed(name: str, value: Any) -> Any:
    if name == "allowPartial":  # a share, which the service reads as text
        return of_form({name: value})[name]
    if name in SCHEMAS and isinstance(value, str):
        with suppress(ValueError):  # the service says what is wrong with it
            return json.loads(value)
    return value


def _written(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in fields.items():
        if isinstance(value, bool):
            yield name, "true" if value else "false"
        elif isinstance(value, Mapping):
            yield name, json.dumps(value)
        elif value is not None:
            yield name, str(value)
