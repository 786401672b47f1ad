"""Counters of all processes, in memory-mapped files: one set per living process.

The files are those of prometheus-client's multiprocess mode, whose collector adds them up. That
mode names them by pid: each process that ends leaves some behind for ever, or takes its counts
away. Here a process takes a slot, and counts on from where its predecessor there was. Counters
never go back, and there are as many files as there were ever processes at once.

What is mapped is allocated first: writing to the hole of a file on a full disk is SIGBUS. A process
that gets no file counts in its own memory, where nobody reads it.
"""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import Any, Final

from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector

from ilios.core import platform
from ilios.core.durable_files import replace
from ilios.core.telemetry import logs, process_slots
from ilios.core.telemetry.process_slots import ProcessSlot

log = logs.get(__name__)

ALLOCATED_BYTES: Final = 64 * 1024  #: of a new file; it doubles when it is full


class Value:
    """One number of a prometheus-client instrument: its `values.ValueClass`."""

    def __init__(
        self,
        typ: str,
        metric_name: str,
        name: str,
        labelnames: list[str],
        labelvalues: list[str],
        help_text: str,
        multiprocess_mode: str = "",
        **_: Any,
    ) -> None:
        self._kind = f"{typ}_{multiprocess_mode}" if typ == "gauge" else typ
        self._key = mmap_key(metric_name, name, labelnames, labelvalues, help_text)
        with _lock:
            _files.expect(self._kind, self._key)

    def inc(self, amount: float) -> None:
        with _lock:
            counts, value = _files.counts(self._kind, self._key)
            counts.write_value(self._key, value + amount, 0.0)

    def set(self, value: float, timestamp: float | None = None) -> None:
        with _lock:
            counts, _ = _files.counts(self._kind, self._key)
            counts.write_value(self._key, value, timestamp or 0.0)

    def get(self) -> float:
        with _lock:
            _, value = _files.counts(self._kind, self._key)
            return value

    def get_exemplar(self) -> None:
        """Return None: the format of the files cannot hold exemplars."""


def share(*folders: Path) -> None:
    """Let this process and its forks count in the first of these folders that can be used."""
    with _lock:
        _files.close()
        _files.folder = next(
            (folder for folder in folders if process_slots.make_private(folder)), None
        )
    if _files.folder is None:
        log.warning("metrics.not_shared", reason=f"cannot use {[str(one) for one in folders]}")


def close() -> None:
    """Release the slot, and count in memory from now on."""
    with _lock:
        _files.close()
        _files.folder = None


def collector() -> MultiProcessCollector | None:
    """Return a collector of the sums over all processes; None when this one shares nothing."""
    with _lock:
        slot = _files.slot()
    return MultiProcessCollector(None, str(slot.folder)) if slot else None  # type: ignore[no-untyped-call]


class _Memory:
    """The interface of a file of counts, in the memory of one process."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[float, float]] = {}

    def read_value(self, key: str) -> tuple[float, float]:
        return self._values.setdefault(key, (0.0, 0.0))

    def write_value(self, key: str, value: float, timestamp: float) -> None:
        self._values[key] = value, timestamp

    def close(self) -> None:
        """Do nothing: no file is open."""


class _Counts(MmapedDict):
    """A file of numbers by key. Raises OSError when its blocks cannot be allocated."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            _allocate(path)
        super().__init__(str(path))  # type: ignore[no-untyped-call]

    def _init_value(self, key: str) -> None:
        most_bytes = len(key.encode()) + 32
        if self._used + most_bytes > self._capacity:
            platform.allocate(self._f.fileno(), 2 * self._capacity)
        super()._init_value(key)  # type: ignore[no-untyped-call]


class _Files:
    """The files of this process. A process that was forked takes a slot, and files, of its own."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        self._slot: ProcessSlot | None = None
        self._pid = os.getpid()
        self._open: dict[str, _Counts | _Memory] = {}
        self._expected: dict[str, list[str]] = {}  #: keys by kind
        self._memory = _Memory()
        self._has_warned = False

    def expect(self, kind: str, key: str) -> None:
        """Create a number before it is counted: a histogram needs its empty buckets too."""
        self._expected.setdefault(kind, []).append(key)
        if kind in self._open:
            self.counts(kind, key)

    def counts(self, kind: str, key: str) -> tuple[_Counts | _Memory, float]:
        """Return the counts of a kind, in memory when no file can be had, and that of the key."""
        try:
            counts = self._file(kind)
            value, _ = counts.read_value(key)
        except OSError as error:  # no space, no descriptor, no memory
            self._warn(error)
            self._open.setdefault(kind, self._memory)
            value, _ = self._memory.read_value(key)
            return self._memory, value
        return counts, value

    def slot(self) -> ProcessSlot | None:
        """Return this process's slot, taken when it is first needed; None without a folder."""
        if self._pid != os.getpid():
            if self._slot is not None:
                self._slot.close_after_fork()
            self._forget()
        if self._slot is None and self.folder is not None:
            self._slot = process_slots.take(self.folder)
        return self._slot

    def close(self) -> None:
        with contextlib.suppress(OSError):
            if self._slot is not None and self._pid == os.getpid():
                self._slot.release()
            elif self.folder is not None:
                self.folder.rmdir()  # nobody has counted anything
        self._forget()

    def _file(self, kind: str) -> _Counts | _Memory:
        if self._pid == os.getpid() and kind in self._open:
            return self._open[kind]
        slot = self.slot()
        counts = _Counts(slot.folder / f"{kind}_{slot.number}.db") if slot else self._memory
        self._open[kind] = counts
        for key in self._expected.get(kind, ()):
            counts.read_value(key)
        return counts

    def _forget(self) -> None:
        for counts in self._open.values():
            counts.close()
        self._open, self._slot, self._pid = {}, None, os.getpid()

    def _warn(self, error: OSError) -> None:
        if not self._has_warned:
            self._has_warned = True
            log.warning("metrics.not_shared", reason=str(error))


def _allocate(path: Path) -> None:
    # In one step: a reader never sees one without its first bytes.
    replace(path, bytes(ALLOCATED_BYTES), mode=0o600)


_lock = threading.Lock()
_files = _Files()
