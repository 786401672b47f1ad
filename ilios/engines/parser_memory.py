"""How much memory a parser child may take: little, until it comes to images.

Recognition needs three times what texts need. A hostile text is to be stopped long before that, for
there are as many parsers as workers.
"""

from __future__ import annotations

import os
import resource
from multiprocessing.connection import Connection
from typing import Final

from ilios.core import pipes, platform

KEPT_SHARE: Final = 0.7  #: of what a text may take: with more in use, a child takes no other task
IMAGES_KEPT_BYTES: Final = 256 * 1024**2
"""What a child that has come to images may hold between tasks, with its libraries and models."""
AT_REST_SECONDS: Final = 1.0  #: without a task: then what is free goes back to the system
_MEMORY: Final = resource.RLIMIT_DATA


class _Allowance:
    """What this process may take for a text, and whether it has come to images."""

    def __init__(self) -> None:
        self.first_bytes = 0
        self.has_images = False  #: their libraries and models stay


_allowance: Final = _Allowance()


def limit(first_bytes: int, last_bytes: int) -> None:
    """Let this process take the first, and no more than the last whatever it asks for."""
    _allowance.first_bytes = min(first_bytes, last_bytes)
    platform.limit_data(_allowance.first_bytes, last_bytes)


def begin_task() -> None:
    """Let a task take what the first could, beside the libraries and models for images."""
    _, last = resource.getrlimit(_MEMORY)
    kept = platform.data_bytes() if _allowance.has_images else 0
    platform.limit_data(min(kept + _allowance.first_bytes, last), last)


def allow_images() -> None:
    """Let this process take as much as it needs to draw and recognise pages."""
    _, last = resource.getrlimit(_MEMORY)
    platform.limit_data(last, last)
    _allowance.has_images = True


def allowed_bytes() -> int:
    """Return what this process may take now."""
    return resource.getrlimit(_MEMORY)[0]


def has_grown() -> bool:
    """Return whether its tasks have left this process so large that another one should go on.

    What is freed goes back to the system in part only. After texts, the next might not fit in.
    """
    if not _allowance.has_images:
        return platform.data_bytes() > KEPT_SHARE * _allowance.first_bytes
    if platform.resident_bytes() <= IMAGES_KEPT_BYTES:
        return False
    platform.give_back_memory()
    return platform.resident_bytes() > IMAGES_KEPT_BYTES


def wait_for_task(pipe: Connection, idle_seconds: float) -> bool:
    """Return whether a task comes in time; when none comes at once, give back what is free.

    Not after each task: the next one would have to get it again, a tenth of the time that a small
    picture takes.
    """
    if pipes.is_readable(pipe, min(AT_REST_SECONDS, idle_seconds)):
        return True
    platform.give_back_memory()
    return pipes.is_readable(pipe, idle_seconds)


def spare_threads() -> None:
    """Keep numpy and OpenCV from a thread for each core; before they are loaded.

    Each comes with an OpenBLAS that sets 40 MiB aside for every core, and ends the process when it
    gets less. Nothing here multiplies matrices.
    """
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
