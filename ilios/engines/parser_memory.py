"""How much memory a parser child may take: little, until it comes to images.

Recognition needs three times what texts need. A hostile text is to be stopped long before that, for
there are as many parsers as workers.
"""

from __future__ import annotations

import resource

_MEMORY = resource.RLIMIT_DATA


def limit(first_bytes: int, last_bytes: int) -> None:
    """Let this process take the first, and no more than the last whatever it asks for."""
    resource.setrlimit(_MEMORY, (min(first_bytes, last_bytes), last_bytes))


def allow_images() -> None:
    """Let this process take as much as it needs to draw and recognise pages."""
    _, last = resource.getrlimit(_MEMORY)
    resource.setrlimit(_MEMORY, (last, last))


def allowed_bytes() -> int:
    """Return what this process may take now."""
    return resource.getrlimit(_MEMORY)[0]
