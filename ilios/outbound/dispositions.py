"""Names of files in `Content-Disposition`, as servers write them (RFC 6266)."""

from __future__ import annotations

from contextlib import suppress

from werkzeug.http import parse_options_header

from ilios.core.file_names import FALLBACK_NAME, READ_MAX_BYTES, safe_file_name


def file_name(header: str | None) -> str | None:
    """Return the name that a header gives; None when it gives none."""
    if not header:
        return None
    _, options = parse_options_header(header[:READ_MAX_BYTES])
    sent = options.get("filename")
    if not sent:
        return None
    with suppress(UnicodeError):  # http.client reads each byte as a character
        sent = sent.encode("latin-1").decode()
    name = safe_file_name(sent)
    return None if name == FALLBACK_NAME else name
