"""What each process of a service is for, and the processor time of each kind."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator, Sequence

import psutil


def kind(descriptions: Sequence[str]) -> str:
    """Return what a process is for, from its description and its parents', the oldest first.

    A description is a command and a name: forks have the command of what they are forks of, and
    a name of their own; earlier versions have commands of their own and no names.
    """
    supervisor = next(
        (i for i, text in enumerate(descriptions) if "workers.py" in text or "supervisor" in text),
        None,
    )
    if supervisor is None:
        return "web" if any("gunicorn" in text for text in descriptions) else "start"
    below = [text for text in descriptions[supervisor + 1 :] if "resource_tracker" not in text]
    return ("supervisor", "worker", "parser")[min(len(below), 2)]


def kinds(root: psutil.Process) -> dict[int, str]:
    """Return what each process of a tree is for, by its id."""
    return {process.pid: kind(descriptions) for process, descriptions in _tree(root, ())}


def cpu_seconds(root: psutil.Process) -> dict[str, float]:
    """Return the processor seconds of a tree by kind; ended children count with their parents."""
    seconds = defaultdict[str, float](float)
    for process, descriptions in _tree(root, ()):
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            seconds[kind(descriptions)] += sum(
                times[:4]
            )  # own user and system, then its children's
    return dict(seconds)


def _tree(
    process: psutil.Process, parents: tuple[str, ...]
) -> Iterator[tuple[psutil.Process, tuple[str, ...]]]:
    try:
        descriptions = (*parents, " ".join([*process.cmdline(), process.name()]))
        children = process.children()
    except psutil.Error:
        return  # it has just ended
    yield process, descriptions
    for child in children:
        yield from _tree(child, descriptions)
