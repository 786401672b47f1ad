"""The documents that the clients send, and words that their users have to find."""

from __future__ import annotations

import hashlib
import io
import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL.PngImagePlugin import PngInfo

from tests.dialects import table
from tests.mistral_server.samples import pdf
from tests.support.forking import REPOSITORY
from tests.support.sample_files import scan

SAMPLES = REPOSITORY / "samples"
LETTER = ("Harbour Library", "46 sheets", "Thomas Leland")
HOURS = ("Monday to Friday", "closed on holidays")
NOTICE = ("Harbour office", *HOURS, "Ring the bell")
"""The stand-in for Mistral takes first and last lines for header and footer of a page."""
PDF = "application/pdf"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
BLOCK_CORNERS = {"top_left_x": 0, "top_left_y": 0, "bottom_right_x": 9, "bottom_right_y": 9}
CORRUPT_BYTES = 4000


@dataclass(frozen=True, slots=True)
class Sample:
    """A file, and phrases of its text; none for what cannot be read."""

    path: Path
    mime_type: str
    phrases: tuple[str, ...] = ()

    def missing_in(self, text: str) -> list[str]:
        """Return the phrases that are not there, whatever stands between their words."""
        plain = _plain(text)
        return [phrase for phrase in self.phrases if _plain(phrase) not in plain]


def write(folder: Path) -> dict[str, Sample]:
    """Return all documents by their kinds; those that are made lie in the folder."""
    image, corrupt = folder / "hours.png", folder / "corrupt.pdf"
    image.write_bytes(_picture())
    corrupt.write_bytes(b"%PDF-1.7\n" + random.Random(0).randbytes(CORRUPT_BYTES))  # noqa: S311
    return {
        table.TEXT_PDF: Sample(
            SAMPLES / "invoice.pdf", PDF, ("Invoice 2026-0417", "Calibration lamp", "6,281.40")
        ),
        table.SCAN: Sample(SAMPLES / "scanned-letter.pdf", PDF, LETTER),
        table.DOCX: Sample(
            SAMPLES / "meeting-notes.docx",
            WORD,
            ("The survey starts on 1 April", "Each site is visited twice", "Wanjiru"),
        ),
        table.IMAGE: Sample(image, "image/png", HOURS),
        table.CORRUPT.name: Sample(corrupt, PDF),
        table.ENCRYPTED.name: Sample(REPOSITORY / "tests/samples/encrypted.pdf", PDF),
    }


def own_of(client: str, folder: Path) -> Sample:
    """Write a PDF that no other client sends."""
    path = folder / f"{client}.pdf"
    phrase = f"Written for {client} alone"
    path.write_bytes(pdf(phrase))
    return Sample(path, PDF, (phrase,))


def reading_of_the_scan() -> dict[str, Any]:
    """Return a rule for the stand-in for Mistral, which sees no letters in images."""
    source = (SAMPLES / "scanned-letter.pdf").read_bytes()
    content = "\n\n".join(LETTER)
    return {
        "on": "ocr",
        "kind": "odd",
        "match": hashlib.sha256(source).hexdigest(),
        "page": {
            "markdown": content,
            "blocks": [{"type": "text", "content": content, **BLOCK_CORNERS}],
        },
    }


def _picture() -> bytes:
    """Return a PNG that the stand-in for Mistral reads by its text chunk."""
    described = PngInfo()
    described.add_text("Text", "\n".join(NOTICE))
    out = io.BytesIO()
    scan(NOTICE).save(out, "PNG", pnginfo=described)
    return out.getvalue()


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text).casefold()
