"""Limits of mails: what is beyond them is left out, which a warning says."""

from __future__ import annotations

from typing import Final

ATTACHMENTS_MAX: Final = 500
"""Of a mail and of all mails attached to it, together."""
ATTACHMENT_MAX_BYTES: Final = 64 * 1024 * 1024
DEPTH_MAX: Final = 5
"""Mails that are attached to one another."""
PARTS_MAX: Final = 10_000
"""Of a mail in the form of MIME; each takes memory, however small it is."""
FIELD_MAX_CHARACTERS: Final = 10_000
"""Of a field of a head; what follows is not looked at."""
PARAMETERS_MAX_CHARACTERS: Final = 2_000
"""Of a field that says what a part is, such as its type and name; likewise."""
HEAD_MAX_FIELDS: Final = 10_000
"""Of a head of MIME; what follows is left out."""
PROPERTIES_MAX: Final = 10_000
"""Of an Outlook message, and of each attachment and recipient."""
OUTLOOK_HEAD_MAX_CHARACTERS: Final = 100_000
"""Of the head of MIME that Outlook keeps beside its properties."""
RECIPIENTS_MAX: Final = 2_000
RTF_MAX_BYTES: Final = 16 * 1024 * 1024
"""Of a compressed body; it is unpacked byte by byte."""
