"""Children that share the memory of what their parent has imported.

On Linux they are forks of it; elsewhere, where the system's own libraries do not survive a fork,
they are spawned and import everything again.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Collection
from multiprocessing.process import BaseProcess
from typing import Any, Final

from ilios.core import platform

STANDARD_STREAMS: Final = frozenset((0, 1, 2))
HANDLED: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)  #: signals

Target = Callable[..., None]


def start(
    target: Target,
    name: str,
    args: tuple[Any, ...],
    kept: Collection[int] = (),
    *,
    leads_group: bool = False,
) -> BaseProcess:
    """Start a child that runs `target(*args)`; of our descriptors it has those in `kept` only.

    With `leads_group` it is in a process group of its own. The caller has no other threads: what
    they hold at the fork would stay locked in the child. Raises OSError when the system gives no
    process.
    """
    context = multiprocessing.get_context("fork" if platform.CAN_FORK else "spawn")
    foreign = (
        platform.open_descriptors() - STANDARD_STREAMS - set(kept) if platform.CAN_FORK else set()
    )
    begin = (name, foreign, leads_group, target, args)
    process: BaseProcess = context.Process(target=_begin, args=begin, name=name)  # type: ignore[attr-defined]  # each context has it
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    if leads_group and process.pid:
        with contextlib.suppress(OSError):  # it has done so itself, or has ended
            os.setpgid(process.pid, process.pid)
    return process


def _begin(
    name: str,
    foreign: Collection[int],
    leads_group: bool,
    target: Target,
    args: tuple[Any, ...],
) -> None:
    if leads_group:
        os.setpgid(0, 0)
    platform.set_process_name(name)
    signal.set_wakeup_fd(-1)
    for number in HANDLED:  # the handlers are the parent's
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
    _let_go(foreign)
    target(*args)


def _let_go(descriptors: Collection[int]) -> None:
    """Let descriptors of the parent lead nowhere.

    They are not closed: objects that came along have their numbers, and might close them when
    something else has got them.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in descriptors:
        with contextlib.suppress(OSError):
            os.dup2(nowhere, number, inheritable=False)
    os.close(nowhere)
