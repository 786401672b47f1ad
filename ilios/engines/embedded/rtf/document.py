"""RTF documents, as one page."""

from __future__ import annotations

from pathlib import Path

from ilios.engines import document_errors
from ilios.engines.base import Source
from ilios.engines.embedded.flow import FlowDocument, FlowPage
from ilios.engines.embedded.image_files import ImageFolder
from ilios.engines.embedded.rtf.reader import RtfReader
from ilios.engines.embedded.rtf.tokens import tokens
from ilios.engines.embedded.text.decoding import read_limited

KIND = "RTF document"


def open_document(source: Source, workspace: Path, threads: int) -> FlowDocument:
    del threads
    content = read_limited(source.path, KIND)
    if not content.lstrip().startswith(b"{\\rtf"):
        raise document_errors.corrupt(KIND)
    images = ImageFolder(workspace)
    reader = RtfReader(images)
    for token in tokens(content.decode("latin-1")):
        reader.take(token)
    text = reader.finish()
    if not text:
        raise document_errors.empty(KIND)
    return FlowDocument([FlowPage(text, images.take())])
