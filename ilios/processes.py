"""What our processes need of the operating system."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing import reduction
from typing import Any

PR_SET_PDEATHSIG = 1  #: linux/prctl.h
EXIT_ORPHANED = 71  #: the parent is gone; nobody reads this code


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel kill this process when the thread that spawned it ends.

    A second line of defence behind reading EOF from the parent's pipe; Linux only.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # it went before the request was made
        os._exit(EXIT_ORPHANED)


class InheritedDescriptor:
    """A file descriptor that a spawned process gets with its arguments, under `number`."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> tuple[Callable[[Any], InheritedDescriptor], tuple[Any]]:
        return _inherit, (reduction.DupFd(self.number),)


def _inherit(duplicate: Any) -> InheritedDescriptor:
    return InheritedDescriptor(duplicate.detach())
