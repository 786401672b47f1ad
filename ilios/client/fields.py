"""The fields of requests, in the service's own words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypedDict


class Conversion(TypedDict, total=False):
    """How a document is converted; what is left out, the service decides."""

    pages: str
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
    priority: int


class BatchConversion(Conversion, total=False):
    useMistralBatch: bool


class ShownAlone(TypedDict, total=False):
    """How a result is shown, in fields that mean nothing to the conversion."""

    frontMatter: bool
    pageSeparator: str
    embedImages: bool
    chunkSize: int
    chunkOverlap: int


class Shown(ShownAlone, total=False):
    """How a result is shown."""

    include: Literal["blocks"]


class Everything(Conversion, ShownAlone, total=False):
    """The fields of a conversion that waits for its result."""


def of_form(fields: Mapping[str, Any]) -> dict[str, str]:
    """Return fields as a form or a query carries them; those that are None are left out."""
    return dict(_written(fields))


def _written(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in fields.items():
        if isinstance(value, bool):
            yield name, "true" if value else "false"
        elif isinstance(value, Mapping):
            yield name, json.dumps(value)
        elif value is not None:
            yield name, str(value)
