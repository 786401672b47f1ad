"""RTF documents, as one page."""

from __future__ import annotations

from pathlib import Path

from ilios.engines.base import Source
from ilios.engines.embedded import faults
from ilios.engines.embedded.flow import FlowDocument, FlowPage
from ilios.engines.embedded.image_files import ImageFolder
from ilios.engines.embedded.rtf_reader import RtfReader
from ilios.engines.embedded.rtf_tokens import tokens
from ilios.engines.embedded.text import read_limited

KIND = "RTF document"


def open_document(source: Source, workspace: Path, threads: int) -> FlowDocument:
    del threads
    content = read_limited(source.path, KIND)
    if not content.lstrip().startswith(b"{\\rtf"):
        raise faults.corrupt(KIND)
    images = ImageFolder(workspace)
    reader = RtfReader(images)
    for token in tokens(content.decode("latin-1")):
        reader.take(token)
    text = reader.finish()
    if not text:
        raise faults.empty(KIND)
    return FlowDocument([FlowPage(text, images.take())])
