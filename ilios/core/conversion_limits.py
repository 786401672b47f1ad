"""The limits of conversions where no setting says otherwise.

They stand apart from the settings for what runs without those, and starts sooner so.
"""

from __future__ import annotations

from typing import Final

_MIB: Final = 1024 * 1024

PARSER_MEMORY_BYTES: Final = 208 * _MIB
LARGE_PARSER_MEMORY_BYTES: Final = 528 * _MIB
WORKER_MEMORY_BYTES: Final = 1536 * _MIB
JOB_SECONDS: Final = 3600
MAX_CRASHES: Final = 2  #: of the parser child, for one document
INFO_TEXT_MAX_CHARACTERS: Final = 1_000
"""Of each thing that a file says of itself; cut beyond."""
