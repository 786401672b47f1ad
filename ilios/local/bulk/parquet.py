"""Parts as Parquet: the names and the nesting of the JSON, with types that are always the same.

What has no type of its own (fields by a schema, annotations) is JSON as a text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from pyarrow import parquet

ROWS_AT_ONCE: Final = 64  #: of which row groups are made, unless they get too large
BYTES_AT_ONCE: Final = 32 * 1024 * 1024  #: of JSON
TEXT: Final = pa.large_string()
BOX: Final = pa.list_(pa.float64())
WARNING: Final = pa.struct([("code", TEXT), ("message", TEXT), ("page", pa.int64())])
LINK: Final = pa.struct([("text", TEXT), ("url", TEXT)])
IMAGE: Final = pa.struct(
    [("name", TEXT), ("url", TEXT), ("bbox", BOX), ("caption", TEXT), ("annotation", TEXT)]
)
TABLE: Final = pa.struct([("id", TEXT), ("markdown", TEXT), ("html", TEXT), ("bbox", BOX)])
BLOCK: Final = pa.struct(
    [
        ("type", TEXT),
        ("text", TEXT),
        ("bbox", BOX),
        ("level", pa.int64()),
        ("confidence", pa.float64()),
        ("tableId", TEXT),
        ("imageName", TEXT),
    ]
)
PAGE: Final = pa.struct(
    [
        ("number", pa.int64()),
        ("engine", TEXT),
        ("markdown", TEXT),
        ("width", pa.float64()),
        ("height", pa.float64()),
        ("unit", TEXT),
        ("dpi", pa.int64()),
        ("confidence", pa.float64()),
        ("header", TEXT),
        ("footer", TEXT),
        ("links", pa.list_(LINK)),
        ("images", pa.list_(IMAGE)),
        ("tables", pa.list_(TABLE)),
        ("warnings", pa.list_(WARNING)),
        ("blocks", pa.list_(BLOCK)),
    ]
)
INFO: Final = pa.struct(
    [
        ("title", TEXT),
        ("author", TEXT),
        ("created", TEXT),
        ("modified", TEXT),
        ("language", TEXT),
        ("pageCount", pa.int64()),
        ("producer", TEXT),
    ]
)
METADATA: Final = pa.struct(
    [
        ("model", TEXT),
        ("extractedPages", pa.int64()),
        ("processingTimeMs", pa.int64()),
        ("fileName", TEXT),
        ("fileSize", pa.int64()),
        ("mimeType", TEXT),
        ("cached", pa.bool_()),
        ("document", INFO),
    ]
)
USAGE: Final = pa.struct(
    [
        ("prompt_tokens", pa.int64()),
        ("completion_tokens", pa.int64()),
        ("total_tokens", pa.int64()),
        ("pages", pa.int64()),
        ("costUsd", pa.float64()),
    ]
)
FAILED_PAGE: Final = pa.struct([("number", pa.int64()), ("code", TEXT)])
SCHEMA: Final = pa.schema(
    [
        ("id", TEXT),
        ("source", TEXT),
        ("sha256", TEXT),
        ("status", TEXT),
        ("error", TEXT),
        ("errorCode", TEXT),
        ("content", TEXT),
        ("metadata", METADATA),
        ("usage", USAGE),
        ("downloadUrl", TEXT),
        ("partial", pa.bool_()),
        ("failedPages", pa.list_(FAILED_PAGE)),
        ("extraction", TEXT),
        ("pages", pa.list_(PAGE)),
        ("warnings", pa.list_(WARNING)),
    ]
)


def write(lines: Path, made: Path) -> None:
    """Write the lines of a part as Parquet, some at a time."""
    with lines.open("rb") as file, parquet.ParquetWriter(made, SCHEMA, compression="zstd") as out:
        for rows in _groups(file):
            out.write_table(pa.Table.from_pylist(rows, schema=SCHEMA))


def _groups(lines: Iterator[bytes]) -> Iterator[list[dict[str, Any]]]:
    rows: list[dict[str, Any]] = []
    size_bytes = 0
    for line in lines:
        rows.append(_row(json.loads(line)))
        size_bytes += len(line)
        if len(rows) >= ROWS_AT_ONCE or size_bytes >= BYTES_AT_ONCE:
            yield rows
            rows, size_bytes = [], 0
    if rows:
        yield rows


def _row(found: dict[str, Any]) -> dict[str, Any]:
    found["extraction"] = _as_text(found["extraction"])
    for page in found["pages"]:
        for image in page["images"]:
            image["annotation"] = _as_text(image["annotation"])
    return found


def _as_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)
