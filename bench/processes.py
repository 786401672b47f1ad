"""What each process of a service is for, and the processor time of each kind."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator, Sequence

import psutil


def kind(commands: Sequence[str]) -> str:
    """Return what a process is for, from its command and those of its parents, the oldest first."""
    supervisor = next((i for i, command in enumerate(commands) if "workers.py" in command), None)
    if supervisor is None:
        return "web" if any("gunicorn" in command for command in commands) else "start"
    below = [c for c in commands[supervisor + 1 :] if "resource_tracker" not in c]
    if below and "forkserver" in below[0]:
        del below[0]  # what it forks has its command line
    return ("supervisor", "worker", "parser")[min(len(below), 2)]


def cpu_seconds(root: psutil.Process) -> dict[str, float]:
    """Return the processor seconds of a tree by kind; ended children count with their parents."""
    seconds = defaultdict[str, float](float)
    for process, commands in _tree(root, ()):
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            seconds[kind(commands)] += sum(times[:4])  # own user and system, then its children's
    return dict(seconds)


def _tree(
    process: psutil.Process, parents: tuple[str, ...]
) -> Iterator[tuple[psutil.Process, tuple[str, ...]]]:
    try:
        commands = (*parents, " ".join(process.cmdline()))
        children = process.children()
    except psutil.Error:
        return  # it has just ended
    yield process, commands
    for child in children:
        yield from _tree(child, commands)
