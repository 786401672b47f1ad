"""What differs between Linux and macOS: no other module asks which of them it runs on.

`python -m ilios.core.platform` says in one line why this machine cannot run Ilios, before anything
is installed: standard library only.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import resource
import signal
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

SUPPORTED: Final = (("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64"))
"""For which every package in the lock files has a wheel; `make wheels` checks it."""
LEAST_GLIBC: Final[tuple[int, ...]] = (2, 28)  #: of those wheels
LEAST_MACOS: Final[tuple[int, ...]] = (14,)

SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108  # files there are made with care: ilios.core.telemetry.process_slots
MAX_SOCKET_PATH: Final = 107 if sys.platform == "linux" else 103
"""Bytes: sockaddr_un.sun_path less its final NUL."""
MAX_DESCRIPTORS: Final = 10_240  #: that macOS lets a process have where its limit says "unlimited"

CAN_FORK: Final = sys.platform == "linux"
"""Whether a process may fork and go on: the system's libraries of macOS do not survive it."""

_PR_SET_PDEATHSIG: Final = 1  #: linux/prctl.h
_PR_SET_NAME: Final = 15  #: linux/prctl.h
_CPUCLOCK_SCHED: Final = 2  #: linux/posix-timers.h: a process's time, to the nanosecond
_STATM_DATA: Final = 5  #: the field of /proc/self/statm, in pages: what RLIMIT_DATA counts
_ZEROS: Final = bytes(1024 * 1024)


def fault() -> str | None:
    """Return a sentence that says why Ilios cannot run here, and what to do; None when it can."""
    system, machine = platform.system(), platform.machine()
    found = f"{system} on {machine}"
    if (system, machine) in SUPPORTED:
        if system == "Linux":
            library, version = platform.libc_ver()
            least, is_good = LEAST_GLIBC, library == "glibc"
            found += f" with {library or 'another C library'} {version}".rstrip()
        else:
            version, least, is_good = platform.mac_ver()[0], LEAST_MACOS, True
            found = f"macOS {version} on {machine}"
        if is_good and _numbers(version) >= least:
            return None
    return (
        f"platform_unsupported: Ilios does not run on {found}: use its container image, Linux on "
        f"x86-64 or arm64 with glibc {'.'.join(map(str, LEAST_GLIBC))} or newer, or macOS "
        f"{LEAST_MACOS[0]} or newer on Apple silicon."
    )


def cpu_count() -> int:
    """Return how many processors this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


# --- processes --------------------------------------------------------------------------------


def request_death_signal(number: signal.Signals = signal.SIGKILL) -> None:
    """Let the kernel signal this process when the thread that spawned it ends; on Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)


def lower_thread_priority(niceness: int) -> None:
    """Add to the niceness of this thread, and of those that it will start; on Linux only."""
    if sys.platform == "linux":
        os.nice(niceness)  # there it is the thread's, not the process's


def set_process_name(name: str) -> None:
    """Set what `ps` and `top` call this process, 15 bytes at most; on Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode())


def group_lives(pid: int) -> bool:
    """Return whether anybody in a process group still runs.

    Who has ended is in it until its parent takes note, which for an orphan is PID 1: that may take
    its time.
    """
    try:
        os.killpg(pid, 0)
    except (ProcessLookupError, PermissionError):  # macOS: nobody in it runs any more
        return False
    if sys.platform != "linux":
        return True
    return any(_runs_in(entry, pid) for entry in Path("/proc").glob("[0-9]*/stat"))


def _runs_in(stat: Path, group: int) -> bool:
    try:
        text = stat.read_text(errors="replace")
    except OSError:  # it has just gone
        return False
    state, _, found = text.rpartition(")")[2].split()[:3]  # the name before may hold anything
    return int(found) == group and state not in "ZX"


def cpu_seconds(pid: int | None) -> float:
    """Return the processor time that a process and its threads have used; 0 when it has ended.

    macOS tells only a process itself: there it is 0.
    """
    if sys.platform != "linux" or pid is None:
        return 0.0
    try:
        return time.clock_gettime(~pid << 3 | _CPUCLOCK_SCHED)  # as clock_getcpuclockid(3) makes it
    except OSError:
        return 0.0


def later_thread_ids(pid: int) -> set[int]:
    """Return the threads of a process beside its first; on Linux only.

    Raises ProcessLookupError or FileNotFoundError when it has ended.
    """
    return {int(thread.name) for thread in Path(f"/proc/{pid}/task").iterdir()} - {pid}


def process_name(pid: int) -> str | None:
    """Return the name of a process's program; None where it cannot be told."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return None


def open_descriptors() -> set[int]:
    """Return the descriptors that this process has open."""
    numbers = {int(entry.name) for entry in Path("/dev/fd").iterdir()}
    return {number for number in numbers if _is_open(number)}  # not that of the folder itself


def raise_descriptor_limit() -> None:
    """Let this process open as many files as it may ask for."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = MAX_DESCRIPTORS if most == resource.RLIM_INFINITY else most
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, most))


@contextmanager
def limited_files(most_bytes: int) -> Iterator[None]:
    """Keep every file that this process writes from growing beyond this: OSError, EFBIG."""
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    allowed = min(limit for limit in (most_bytes, before, most) if limit != resource.RLIM_INFINITY)
    resource.setrlimit(resource.RLIMIT_FSIZE, (allowed, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))


# --- memory -----------------------------------------------------------------------------------


def limit_data(soft_bytes: int, hard_bytes: int) -> None:
    """Limit the memory of this process; macOS may refuse to, and then there is no limit."""
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_DATA, (soft_bytes, hard_bytes))
        return
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (soft_bytes, hard_bytes))


def data_bytes() -> int:
    """Return what `limit_data` counts: on macOS the most that this process ever had in memory."""
    if sys.platform == "linux":
        with open("/proc/self/statm", "rb", buffering=0) as file:  # noqa: PTH123  # for each task
            return int(file.read().split()[_STATM_DATA]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def resident_bytes() -> int:
    """Return what of this process lies in memory and in no file; on macOS as `data_bytes`."""
    if sys.platform == "linux":
        _, resident, shared, *_ = Path("/proc/self/statm").read_text().split()
        return (int(resident) - int(shared)) * resource.getpagesize()
    return data_bytes()


def give_back_memory() -> None:
    """Let glibc return its free memory to the system: after pictures 100 MiB; on Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)


# --- files ------------------------------------------------------------------------------------


def sync(descriptor: int) -> None:
    """Wait until a file's bytes, or a folder's entries, are on the device.

    fsync of macOS leaves them in the device's cache, which a power cut empties.
    """
    if sys.platform == "darwin":
        with suppress(OSError):  # a file system that does not know it
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def allocate(descriptor: int, size_bytes: int) -> None:
    """Make a file this long at least, with blocks for all of it. Raises OSError on a full disk."""
    if sys.platform == "linux":
        os.posix_fallocate(descriptor, 0, size_bytes)
    else:
        write_zeros(descriptor, size_bytes)


def write_zeros(descriptor: int, size_bytes: int) -> None:
    """Append zeros to a file until it is this long. Raises OSError on a full disk."""
    end = os.fstat(descriptor).st_size
    while end < size_bytes:
        end += os.pwrite(descriptor, _ZEROS[: size_bytes - end], end)


def lock_holder(descriptor: int, byte: int) -> int:
    """Return the process ID of whoever has a byte locked for writing: 0 for nobody.

    It is -1 for a process of another container.
    """
    if sys.platform == "darwin":  # struct flock: start, length, pid, type, whence
        asked = struct.pack("qqihh", byte, 1, 0, fcntl.F_RDLCK, os.SEEK_SET)
        *_, pid, kind, _ = struct.unpack("qqihh", fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))
    else:  # type, whence, start, length, pid, on every 64-bit Linux
        asked = struct.pack("hhqqi0q", fcntl.F_RDLCK, os.SEEK_SET, byte, 1, 0)
        kind, *_, pid = struct.unpack("hhqqi0q", fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))
    return 0 if kind == fcntl.F_UNLCK else int(pid) or -1


def mounts() -> str:
    """Return the mounted file systems, as proc_mounts(5) has them; nothing on macOS."""
    try:
        return Path("/proc/mounts").read_text(errors="surrogateescape")
    except FileNotFoundError:
        return ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


if __name__ == "__main__":
    sys.exit(fault())


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
