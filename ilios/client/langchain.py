"""A document loader for LangChain; its framework is the caller's to install (`langchain-core`)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Unpack

from langchain_core.document_loaders import BaseLoader
from langchain_core.documents import Document

from ilios.client.fields import Conversion
from ilios.client.passages import Mode, passages, require_mode
from ilios.client.synchronous import Ilios

Path = str | os.PathLike[str]


class IliosLoader(BaseLoader):
    """Loads files, or URLs, as documents: one for each page, each chunk, or each file.

    `metadata` has `source`, and what `ilios.client.passages` says: pages and boxes.
    """

    def __init__(
        self,
        file_path: Path | Sequence[Path],
        client: Ilios,
        *,
        mode: Mode = "page",
        **fields: Unpack[Conversion],
    ) -> None:
        require_mode(mode)
        is_one = isinstance(file_path, str | os.PathLike)
        self._paths: Sequence[Path] = [file_path] if is_one else file_path  # type: ignore[list-item,assignment]
        self._client = client
        self._mode: Mode = mode
        self._fields = fields

    def lazy_load(self) -> Iterator[Document]:
        """Yield documents as they are converted, one file after the other."""
        for path in self._paths:
            for passage in passages(self._client, path, self._mode, self._fields):
                metadata = {"source": os.fspath(path), **passage.metadata}
                yield Document(page_content=passage.text, metadata=metadata)
