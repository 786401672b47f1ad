"""A reader for LlamaIndex; its framework is the caller's to install (`llama-index-core`)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Unpack

from llama_index.core.readers.base import BaseReader
from llama_index.core.schema import Document

from ilios.client.fields import Conversion
from ilios.client.passages import Mode, passages, require_mode
from ilios.client.synchronous import Ilios

UNEMBEDDED = ("blocks", "bbox", "width", "height", "unit", "confidence", "document_id")
"""Of the metadata: figures, which mean nothing to a model that reads or embeds the text."""


class IliosReader(BaseReader):
    """Reads files, or URLs, as documents: one for each page, each chunk, or each file.

    It may be a `file_extractor` of SimpleDirectoryReader. `metadata` has what
    `ilios.client.passages` says: pages and boxes.
    """

    def __init__(self, client: Ilios, *, mode: Mode = "page", **fields: Unpack[Conversion]) -> None:
        require_mode(mode)
        self._client = client
        self._mode: Mode = mode
        self._fields = fields

    def lazy_load_data(
        self,
        file: str | os.PathLike[str],
        extra_info: dict[str, Any] | None = None,
        fs: Any = None,
    ) -> Iterable[Document]:
        """Yield the documents of a file, on this machine or of a file system by fsspec."""
        source = file
        if fs is not None:
            with fs.open(os.fspath(file), "rb") as opened:
                source = opened.read()
        name = os.path.basename(os.fspath(file))  # noqa: PTH119  # of whatever file system
        for passage in passages(self._client, source, self._mode, self._fields, file_name=name):
            yield Document(
                text=passage.text,
                metadata={**passage.metadata, **(extra_info or {})},
                excluded_embed_metadata_keys=list(UNEMBEDDED),
                excluded_llm_metadata_keys=list(UNEMBEDDED),
            )
