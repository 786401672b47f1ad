"""What a power cut would leave, from a record of what was asked of the file system.

No test can pull the plug: the calls go through to the real file system, and the rules of POSIX are
applied to their record. A file's bytes are safe after an fsync of the file, a name is safe after an
fsync of the folder that holds it, and until then either may be lost.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest


class Record:
    """The order of fsyncs and of new names, while the calls go through to the file system."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events: list[tuple[str, Path]] = []
        self.sources: dict[Path, Path] = {}
        really = {name: getattr(os, name) for name in ("fsync", "rename", "mkdir", "link")}

        def fsync(descriptor: int) -> None:
            really["fsync"](descriptor)
            path = Path(f"/proc/self/fd/{descriptor}").readlink()
            self.events.append(("fsync", path))

        def rename(source: Any, target: Any) -> None:
            really["rename"](source, target)
            self._named(Path(target), Path(source))

        def link(source: Any, target: Any) -> None:
            really["link"](source, target)
            self._named(Path(target), Path(source))

        def mkdir(path: Any, mode: int = 0o777) -> None:
            really["mkdir"](path, mode)
            self.events.append(("name", Path(path)))

        for double in (fsync, rename, link, mkdir):
            monkeypatch.setattr(os, double.__name__, double)

    def _named(self, target: Path, source: Path) -> None:
        self.sources[target] = source
        self.events.append(("name", target))

    def bytes_were_safe_before_the_name(self, target: Path) -> bool:
        before = self.events[: self.events.index(("name", target))]
        return ("fsync", self.sources[target]) in before

    def unsafe_names(self) -> list[Path]:
        """Return new names that a power cut now may lose."""
        return [
            path
            for number, (kind, path) in enumerate(self.events)
            if kind == "name"
            and path.exists()
            and ("fsync", path.parent) not in self.events[number:]
        ]
