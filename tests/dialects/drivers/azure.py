"""azure-ai-documentintelligence: the layout model, with Markdown and the document's parts."""

from __future__ import annotations

from azure.ai.documentintelligence import DocumentIntelligenceClient
from azure.ai.documentintelligence.models import DocumentContentFormat
from azure.core.credentials import AzureKeyCredential

from tests.dialects.drivers.errand import TIMEOUT_S, Driver, Errand


def read(errand: Errand) -> str:
    """Return the content; every line and paragraph has to stand where its span says."""
    with DocumentIntelligenceClient(
        errand.url, AzureKeyCredential(errand.key or "none"), retry_total=2
    ) as client:
        with errand.path.open("rb") as file:
            poller = client.begin_analyze_document(
                "prebuilt-layout",
                body=file,
                content_type="application/octet-stream",
                output_content_format=DocumentContentFormat.MARKDOWN,
                string_index_type="unicodeCodePoint",
                polling_interval=1,
            )
        found = poller.result(TIMEOUT_S)
    content = str(found.content)
    for page in found.pages:
        for line in page.lines or []:
            for span in line.spans:
                assert span.offset + span.length <= len(content), "a span is out of bounds"
    return content


DRIVERS: dict[str, Driver] = {"azure-documentintelligence": read}
