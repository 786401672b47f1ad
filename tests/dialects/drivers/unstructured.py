"""unstructured-client as Onyx and Dify use it, and langchain-unstructured with it."""

from __future__ import annotations

from langchain_unstructured import UnstructuredLoader
from unstructured_client import UnstructuredClient
from unstructured_client.models import operations, shared
from unstructured_client.utils import BackoffStrategy, RetryConfig

from tests.dialects.drivers.errand import TIMEOUT_S, Driver, Errand


def with_client(errand: Errand) -> str:
    """Return the texts of the elements; each has to say its page."""
    client = _client(errand)  # it closes its connections as soon as nobody holds it
    answer = client.general.partition(
        request=operations.PartitionRequest(
            partition_parameters=shared.PartitionParameters(
                files=shared.Files(content=errand.path.read_bytes(), file_name=errand.path.name),
                strategy=shared.Strategy.FAST,
                split_pdf_page=True,
            )
        )
    )
    elements = answer.elements or []
    if errand.mime_type == "application/pdf":
        assert all(one["metadata"]["page_number"] >= 1 for one in elements)
    return "\n\n".join(str(one["text"]) for one in elements)


def with_langchain(errand: Errand) -> str:
    """Return the texts of the documents that LangChain then has."""
    loader = UnstructuredLoader(
        str(errand.path),
        client=_client(errand),
        partition_via_api=True,
        chunking_strategy="by_title",
    )
    return "\n\n".join(one.page_content for one in loader.load())


def _client(errand: Errand) -> UnstructuredClient:
    """Return one that gives up after seconds: by default it repeats a 5xx for half an hour."""
    return UnstructuredClient(
        api_key_auth=errand.key,
        server_url=errand.url,
        timeout_ms=int(TIMEOUT_S * 1000),
        retry_config=RetryConfig("backoff", BackoffStrategy(500, 2000, 1.5, 6000), True),
    )


DRIVERS: dict[str, Driver] = {
    "unstructured-client": with_client,
    "langchain-unstructured": with_langchain,
}
