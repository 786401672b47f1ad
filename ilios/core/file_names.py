"""File names from clients: what is kept of them, and how they are sent back."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import quote

from werkzeug.http import dump_options_header

FALLBACK_NAME: Final = "document"
FILE_NAME_MAX_BYTES: Final = 255  #: in UTF-8; what Linux file systems take
EXTENSION_MAX_BYTES: Final = 16
STEM_MAX_BYTES: Final = 200  #: leaves room for an extension, or for a number
READ_MAX_BYTES: Final = 4096  #: of a client's file name: what Linux takes for a whole path

_SEPARATORS = re.compile(r"[/\\]")
# Controls, lone surrogates, line separators, and the marks that make `exe.pdf` read as `fdp.exe`.
_DECEPTIVE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_UNUSUAL = re.compile(r'[<>:"|?*]')  # Windows takes none of them
_RESERVED = re.compile(r"(CON|PRN|AUX|NUL|COM[0-9¹²³]|LPT[0-9¹²³])(?![^. ])", re.IGNORECASE)
"""Names of devices on Windows, with whatever extension."""
_ATTR_CHARS: Final = "!#$&+-.^_`|~"  # RFC 5987, besides letters and digits


def attachment(file_name: str) -> str:
    """Return a Content-Disposition value (RFC 6266) that saves under any `file_name`.

    A name that is not plain ASCII is given twice: in `filename*`, and as a similar one in
    `filename` for clients that do not know the first.
    """
    name = safe_file_name(file_name)
    ascii_name = _ascii(name)
    options = {"filename": ascii_name}
    if ascii_name != name:
        options["filename*"] = "UTF-8''" + quote(name, safe=_ATTR_CHARS)
    return dump_options_header("attachment", options)


def safe_file_name(raw: str | None) -> str:
    """Return what is kept of a client's file name: its last part, visible, NFC, at most 255 bytes.

    Return `document` when nothing remains.
    """
    last = _SEPARATORS.split(_DECEPTIVE.sub("", raw or ""))[-1].strip()
    # Cut before it is normalised: to order n combining marks takes n² steps.
    cut = _shortened(last, READ_MAX_BYTES)
    name = _shortened(unicodedata.normalize("NFC", cut), FILE_NAME_MAX_BYTES)
    return FALLBACK_NAME if name in ("", ".", "..") else name


def safe_path(raw: str) -> str:
    """Return what is kept of a path in an archive: its parts, each as `safe_file_name` has them.

    Empty when nothing remains, or when it is no path below the archive.
    """
    parts = [part for part in _SEPARATORS.split(raw) if part not in ("", ".")]
    if ".." in parts:
        return ""
    return "/".join(map(safe_file_name, parts))


def visible(name: str) -> str:
    """Return a name without what a reader does not see, or is deceived by."""
    return _DECEPTIVE.sub("", name)


def safe_stem(file_name: str) -> str:
    """Return what a file or folder may be called after a client's file, without its extension.

    It is one segment of a path on any system, not hidden, and of at most STEM_MAX_BYTES.
    """
    stem = _UNUSUAL.sub("_", PurePosixPath(safe_file_name(file_name)).stem)
    stem = _shortened(stem.strip(". "), STEM_MAX_BYTES).rstrip(". ")
    if _RESERVED.match(stem):
        stem = f"_{stem}"
    return stem or FALLBACK_NAME


def _shortened(name: str, max_bytes: int) -> str:
    if len(name.encode()) <= max_bytes:
        return name
    stem, dot, extension = name.rpartition(".")
    if not stem or len(extension.encode()) > EXTENSION_MAX_BYTES:
        stem, dot, extension = name, "", ""
    available_bytes = max_bytes - len((dot + extension).encode())
    return stem.encode()[:available_bytes].decode(errors="ignore").strip() + dot + extension


def _ascii(name: str) -> str:
    """Return the name without accents, and without what old clients get wrong: quotes and `%`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r'["%/\\]', "_", plain).strip()
    return FALLBACK_NAME + plain if plain[:1] in ("", ".") else plain
