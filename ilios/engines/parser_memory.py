"""How much memory a parser child may take: little, until it comes to images.

Recognition needs three times what texts need. A hostile text is to be stopped long before that, for
there are as many parsers as workers.
"""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Final

KEPT_SHARE: Final = 0.5  #: of what a child may take: with more of it in use, it takes no other task
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


def has_grown() -> bool:
    """Return whether a task has left this process so large that the next might not fit in.

    What is freed goes back to the system in part only. A process that has come to images stays:
    what it keeps are the models, and it may take much more.
    """
    first, last = resource.getrlimit(_MEMORY)
    return first != last and _data_bytes() > KEPT_SHARE * first


def _data_bytes() -> int:
    """Return what RLIMIT_DATA counts; see proc_pid_statm(5)."""
    pages = int(Path("/proc/self/statm").read_text().split()[5])
    return pages * resource.getpagesize()


def spare_threads() -> None:
    """Keep numpy and OpenCV from a thread for each core; before they are loaded.

    Each comes with an OpenBLAS that sets 40 MiB aside for every core, and ends the process when it
    gets less. Nothing here multiplies matrices.
    """
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
