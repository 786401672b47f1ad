"""Limits of archives of documents beside those of any file: web processes name them too."""

from __future__ import annotations

from typing import Final

HEADER_MAX_BYTES: Final = 1024 * 1024
"""Of what a TAR says of one entry, such as a pax header: it is read at once."""
NAME_MAX_BYTES: Final = 1024  #: of a path in an archive, in UTF-8
RATIO_MAX: Final = 200
"""How many times as large as the archive its documents may be, beside RATIO_FREE_BYTES."""
RATIO_FREE_BYTES: Final = 16 * 1024 * 1024
