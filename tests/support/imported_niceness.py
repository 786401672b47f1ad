"""Remembers with which niceness it was imported: the first task of a new interpreter."""

from __future__ import annotations

import os
import threading
from multiprocessing.connection import Connection

AT_IMPORT = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def tell(pipe: Connection) -> None:
    """Say that, and which niceness this thread has."""
    pipe.send((AT_IMPORT, os.getpriority(os.PRIO_PROCESS, threading.get_native_id())))
