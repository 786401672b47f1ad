"""The clients, what each reads, and what its user sees when something goes wrong."""

from __future__ import annotations

from dataclasses import dataclass

TEXT_PDF, SCAN, DOCX, IMAGE = "text PDF", "scan", "DOCX", "image"
PDFS = (TEXT_PDF, SCAN)
ALL = (TEXT_PDF, SCAN, DOCX, IMAGE)
STATUS_ONLY = r"\b[45]\d\d\b|unprocessable|unauthorized|payment|too many|unavailable|gateway"


@dataclass(frozen=True, slots=True)
class Client:
    """A client, or calls of one that are replayed."""

    name: str
    reads: tuple[str, ...] = ALL  #: kinds of documents that it sends at all
    has_key: bool = True  #: else it can send none, and a service with keys answers 401
    shows_code: bool = True  #: else its user sees status or reason only
    is_patient: bool = False  #: it polls or repeats, and so outlasts an outage of the provider

    def __str__(self) -> str:
        return self.name


CLIENTS = (
    # Our own API
    Client("ilios-langchain", is_patient=True),
    Client("ilios-llamaindex", is_patient=True),
    Client("ilios-haystack", is_patient=True),
    # Mistral
    Client("mistralai"),
    Client("mistralai-js"),
    Client("litellm"),
    Client("haystack-mistral", (TEXT_PDF, SCAN, DOCX)),  # images would have to be chunks of URLs
    Client("open-webui-mistral", PDFS, shows_code=False, is_patient=True),
    Client("open-webui-mistral-base64", PDFS, shows_code=False, is_patient=True),
    Client("librechat"),
    Client("ragflow-mistral", PDFS),
    # docling-serve
    Client("docling-client", is_patient=True),
    Client("langchain-docling", is_patient=True),
    Client("haystack-docling"),
    Client("haystack-docling-async", is_patient=True),
    Client("lightrag", has_key=False, is_patient=True),
    Client("open-webui-docling"),
    Client("ragflow-docling", PDFS, has_key=False, is_patient=True),
    Client("paperless-gpt", PDFS, has_key=False, is_patient=True),
    # Open WebUI's external loader, and Tika
    Client("open-webui-external"),
    Client("open-webui-tika", has_key=False),
    Client("open-webui-tika-4", has_key=False),
    # Unstructured
    Client("unstructured-client"),
    Client("langchain-unstructured"),
    # Azure Document Intelligence
    Client("azure-documentintelligence", is_patient=True),
    Client("open-webui-azure", (TEXT_PDF, SCAN, DOCX), is_patient=True),
    Client("paperless-ngx", (TEXT_PDF, SCAN, IMAGE), is_patient=True),
    # MinerU
    Client("open-webui-mineru", has_key=False),
    Client("dify-mineru"),
    Client("ragflow-mineru", PDFS, has_key=False),
)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that goes wrong, and what of it a user reads: a code or words of the sentence."""

    name: str
    pattern: str

    def __str__(self) -> str:
        return self.name


CORRUPT = Trouble("corrupt file", "corrupt_document|refused_by_provider|damaged|cannot read")
ENCRYPTED = Trouble("encrypted file", "encrypted_document|refused_by_provider|password")
WRONG_KEY = Trouble("wrong key", "unauthorized|API key")
SPENT = Trouble("spent budget", "budget_spent|daily_pages_spent|more than is left of the key's")
OUTAGE = Trouble("outage", "still_running|goes on")
