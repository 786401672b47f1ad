"""A small file system of its own, in a mount namespace that lives as long as the test."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.externals import unavailable

BLOCK_BYTES = 1024 * 1024


class SmallDisk:
    """A disk that commands see at `folder` when they are run behind `prefix`."""

    def __init__(self, holder_pid: int, folder: Path) -> None:
        self.prefix = ("nsenter", f"--target={holder_pid}", "--mount", f"--wd={Path.cwd()}")
        self.root = Path(f"/proc/{holder_pid}/root{folder}")  #: where this process sees it

    def free_bytes(self) -> int:
        found = os.statvfs(self.root)
        return found.f_bavail * found.f_frsize

    def spare_bytes(self) -> int:
        """Return the length of the service's spare file."""
        spare = self.root / "ilios.db.spare"
        return spare.stat().st_size if spare.exists() else 0

    def fill(self, left_bytes: int = 0) -> Path:
        """Write ballast until no more than this is free."""
        ballast = self.root / "ballast"
        with ballast.open("ab", buffering=0) as file:
            try:
                while (free := self.free_bytes()) > left_bytes:
                    file.write(bytes(min(BLOCK_BYTES, free - left_bytes)))
            except OSError:
                assert not left_bytes
        return ballast


@contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[SmallDisk]:
    """Mount one; skip the test where that is not permitted."""
    script = f'mount -t tmpfs -o size={size_bytes} none "$1" && echo mounted && exec sleep infinity'
    with subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", script, "sh", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as holder:
        try:
            assert holder.stdout is not None
            if holder.stdout.readline() != "mounted\n":
                unavailable("needs root and a mount namespace")
            yield SmallDisk(holder.pid, folder)
        finally:
            holder.kill()
