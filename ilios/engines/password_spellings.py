"""What may be meant by a password: programs differ in the form of its accents."""

from __future__ import annotations

import unicodedata
from typing import Final

_PDF_DOC: Final = str.maketrans(
    "˘ˇˆ˙˝˛˚˜•†‡…—–ƒ⁄‹›−‰„“”‘’‚™ﬁﬂŁŒŠŸŽıłœšž€",
    bytes((*range(0x18, 0x20), *range(0x80, 0x9F), 0xA0)).decode("latin-1"),
)
"""What PDFDocEncoding has where Latin-1 has something else."""


def spellings(password: str) -> list[str]:
    """Return a password as it was sent, then in other forms of its accents."""
    composed = (unicodedata.normalize(form, password) for form in ("NFC", "NFKC"))
    return list(dict.fromkeys((password, *composed)))


def of_pdf(password: str) -> list[str]:
    """Return the spellings of a password, then how they stand in a PDF before AES-256.

    Those are of PDFDocEncoding, each byte as one character: PDFium tries a text as UTF-8, and as
    Latin-1.
    """
    spelled = spellings(password)
    return list(dict.fromkeys((*spelled, *(one.translate(_PDF_DOC) for one in spelled))))
