"""`ilios.client.langchain` with LangChain."""

from __future__ import annotations

from typing import Any

from ilios.client import Ilios
from ilios.client.langchain import IliosLoader
from tests.dialects.drivers.errand import Driver, Errand
from tests.dialects.drivers.passages import joined, require_chunks


def loaded(errand: Errand) -> str:
    """Return the text of the pages, of which the chunks have all words."""
    with Ilios(errand.url, errand.key or None) as client:
        texts = joined(errand, _loaded(errand, client, mode="page"))
        return require_chunks(errand, texts, _loaded(errand, client, mode="chunk"))


def _loaded(errand: Errand, client: Ilios, **options: Any) -> list[tuple[str, dict[str, Any]]]:
    documents = IliosLoader(errand.path, client, **options).load()
    assert all(one.metadata["source"] == str(errand.path) for one in documents)
    return [(one.page_content, one.metadata) for one in documents]


DRIVERS: dict[str, Driver] = {"ilios-langchain": loaded}
