"""docling-client, and langchain-docling with it: a valid DoclingDocument becomes Markdown there."""

from __future__ import annotations

from docling.service_client import DoclingServiceClient
from langchain_docling import DoclingLoader
from langchain_docling.loader import ExportType

from tests.dialects.drivers.errand import TIMEOUT_S, Driver, Errand


def with_client(errand: Errand) -> str:
    """Return what docling-core writes of the document."""
    with _client(errand) as client:
        return str(client.convert(errand.path).document.export_to_markdown())


def with_langchain(errand: Errand) -> str:
    """Return the texts of the documents that LangChain then has."""
    with _client(errand) as client:
        loader = DoclingLoader(str(errand.path), converter=client, export_type=ExportType.MARKDOWN)
        return "\n\n".join(one.page_content for one in loader.load())


def _client(errand: Errand) -> DoclingServiceClient:
    return DoclingServiceClient(
        errand.url,
        api_key=errand.key,
        job_timeout=TIMEOUT_S,
        http_read_timeout=TIMEOUT_S,
        poll_server_wait=1.0,
    )


DRIVERS: dict[str, Driver] = {
    "docling-client": with_client,
    "langchain-docling": with_langchain,
}
