"""A converter for Haystack; its framework is the caller's to install (`haystack-ai`).

Annotations are not postponed here: Haystack reads those of `run`.
"""

import os
from collections.abc import Sequence
from typing import Any

from haystack import Document, component, default_from_dict, default_to_dict
from haystack.components.converters.utils import normalize_metadata
from haystack.dataclasses import ByteStream
from haystack.utils import Secret

from ilios.client.fields import Conversion
from ilios.client.passages import Mode, passages, require_mode
from ilios.client.synchronous import Ilios


@component
class IliosConverter:
    """Converts files, or URLs, to documents: one for each page, each chunk, or each file.

    `meta` has what `ilios.client.passages` says: pages and boxes. An error ends the run.
    """

    def __init__(
        self,
        base_url: str = "http://localhost:1337",
        api_key: Secret | None = None,
        *,
        mode: Mode = "page",
        fields: Conversion | None = None,
    ) -> None:
        require_mode(mode)
        self.base_url = base_url
        self.api_key = api_key
        self.mode: Mode = mode
        self.fields: Conversion = fields or {}

    @component.output_types(documents=list[Document])
    def run(
        self,
        sources: list[Any],
        meta: dict[str, Any] | list[dict[str, Any]] | None = None,
    ) -> dict[str, list[Document]]:
        """Convert paths, URLs and ByteStreams, one after the other."""
        found: list[Document] = []
        given: Sequence[dict[str, Any]] = normalize_metadata(meta, len(sources))
        key = self.api_key.resolve_value() if self.api_key else None
        with Ilios(self.base_url, key) as client:
            for source, own in zip(sources, given, strict=True):
                found += self._documents(client, source, own)
        return {"documents": found}

    def to_dict(self) -> dict[str, Any]:
        """Return what a pipeline is saved as; a secret is saved as the name of its variable."""
        saved: dict[str, Any] = default_to_dict(
            self,
            base_url=self.base_url,
            api_key=self.api_key.to_dict() if self.api_key else None,
            mode=self.mode,
            fields=self.fields,
        )
        return saved

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "IliosConverter":
        """Return what `to_dict` has saved."""
        given = data["init_parameters"]
        if given.get("api_key"):
            given = {**given, "api_key": Secret.from_dict(given["api_key"])}
        made: IliosConverter = default_from_dict(cls, {**data, "init_parameters": given})
        return made

    def _documents(self, client: Ilios, source: Any, own: dict[str, Any]) -> list[Document]:
        is_stream = isinstance(source, ByteStream)
        file = source.data if is_stream else source
        of_stream = source.meta if is_stream else {}
        name = of_stream.get("file_name") or of_stream.get("file_path")
        name = os.path.basename(name) if name else None  # noqa: PTH119  # of whatever system
        return [
            Document(content=passage.text, meta={**of_stream, **own, **passage.metadata})
            for passage in passages(client, file, self.mode, self.fields, file_name=name)
        ]
