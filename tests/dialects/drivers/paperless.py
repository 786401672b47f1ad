"""paperless-ngx: what its remote parser asks of Azure, or that class itself.

paperless-ngx is in no package registry. `PAPERLESS_NGX` may name a checkout of it, whose own class
then runs on stand-ins for Django's settings; without it, its calls are replayed with the same SDK.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pypdfium2
from azure.ai.documentintelligence import DocumentIntelligenceClient
from azure.ai.documentintelligence.models import (
    AnalyzeDocumentRequest,
    AnalyzeOutputOption,
    DocumentContentFormat,
)
from azure.core.credentials import AzureKeyCredential

from tests.dialects.drivers.errand import Driver, Errand

WORDS_SHARE_MIN = 0.98  #: of the text that has to be found in the archive's text layer
WORD = re.compile(r"\w+")


def read(errand: Errand) -> str:
    """Return the text that is stored. Its words have to be in the archived PDF."""
    checkout = os.environ.get("PAPERLESS_NGX")
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, "archive.pdf")
        text = _parsed(Path(checkout), errand, archive) if checkout else _replayed(errand, archive)
        words, found = WORD.findall(text), set(WORD.findall(_text_layer(archive)))
        there = sum(word in found for word in words)
        assert there >= WORDS_SHARE_MIN * len(words), f"{there} of {len(words)} words"
        return text


def _replayed(errand: Errand, archive: Path) -> str:
    with DocumentIntelligenceClient(errand.url, AzureKeyCredential(errand.key or "none")) as client:
        poller = client.begin_analyze_document(
            model_id="prebuilt-read",
            body=AnalyzeDocumentRequest(bytes_source=errand.path.read_bytes()),
            output_content_format=DocumentContentFormat.TEXT,
            output=[AnalyzeOutputOption.PDF],
            content_type="application/json",
        )
        poller.wait()
        content = str(poller.result().content)
        parts = client.get_analyze_result_pdf(
            model_id="prebuilt-read", result_id=poller.details["operation_id"]
        )
        archive.write_bytes(b"".join(parts))
        return content


def _parsed(checkout: Path, errand: Errand, archive: Path) -> str:
    settings = SimpleNamespace(
        SCRATCH_DIR=archive.parent / "scratch",
        REMOTE_OCR_ENGINE="azureai",
        REMOTE_OCR_API_KEY=errand.key or "none",
        REMOTE_OCR_ENDPOINT=errand.url,
    )
    with _stand_ins(settings):
        path = checkout / "src/paperless/parsers/remote.py"
        spec = importlib.util.spec_from_file_location("paperless_remote", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    with module.RemoteDocumentParser() as parser:
        parser.parse(errand.path, errand.mime_type)
        archive.write_bytes(parser.get_archive_path().read_bytes())
        return str(parser.get_text())


@contextmanager
def _stand_ins(settings: SimpleNamespace) -> Iterator[None]:
    """Let the module find what it imports of Django and of paperless-ngx itself."""
    contents: dict[str, dict[str, object]] = {
        "django": {},
        "django.conf": {"settings": settings},
        "documents": {},
        "documents.parsers": {"ParseError": type("ParseError", (Exception,), {})},
        "paperless": {},
        "paperless.version": {"__full_version_str__": "0"},
    }
    for name, members in contents.items():
        module = ModuleType(name)
        module.__dict__.update(members)
        sys.modules[name] = module
    try:
        yield
    finally:
        for name in contents:
            del sys.modules[name]


def _text_layer(path: Path) -> str:
    """Return what pdftotext finds, as paperless-ngx would; without that program, pdfium."""
    if (program := shutil.which("pdftotext")) is None:
        return _pdfium_text(path)
    command = [program, "-q", "-enc", "UTF-8", str(path), "-"]
    return subprocess.run(command, check=True, capture_output=True).stdout.decode()


def _pdfium_text(path: Path) -> str:
    document = pypdfium2.PdfDocument(path)
    try:
        return "\n".join(page.get_textpage().get_text_range() for page in document)
    finally:
        document.close()


DRIVERS: dict[str, Driver] = {"paperless-ngx": read}
