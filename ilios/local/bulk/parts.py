"""Parts of a target while they are written: one line of JSON a document, in a file of their own.

What stands in a file is safe from the death of whatever writes it: the lines that are whole are
taken over. A part goes to the target when it is closed, as it is or as Parquet.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from ilios.core import durable_files, platform
from ilios.local.bulk.messages import Form

PART: Final = "part"  #: before the name of one with results
FAILED: Final = "failed"  #: before the name of one with documents that cannot be converted
SAME: Final = "same"  #: before the name of an index of documents that are the same as others
LINES: Final = ".jsonl"  #: of what is being written
BLOCK_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is whole: whose it is, and where it stands in its file."""

    id: str
    source: str
    start: int
    end: int


class PartWriter:
    """Appends lines to the file of a part, which is made with the first of them."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.path = path_of(folder, name)
        self.lines = 0
        self.size_bytes = 0
        self._file = self.path.open("xb", buffering=BLOCK_BYTES)

    def append(self, pieces: Iterable[str]) -> None:
        """Write one line, whole or not at all."""
        try:
            for piece in pieces:
                self._file.write(piece.encode())
            self._file.flush()
        except BaseException:
            self._cut()
            raise
        self.lines += 1
        self.size_bytes = self._file.tell()

    def close(self) -> None:
        """Write what there is to the disk, safe from a power cut."""
        self._file.flush()
        platform.sync(self._file.fileno())
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Leave the lines as they are: whoever finds them takes them over."""
        self._file.close()

    def _cut(self) -> None:
        """Take back what was written of a line."""
        with suppress(OSError):  # a full disk: what it holds is gone
            self._file.close()
        os.truncate(self.path, self.size_bytes)
        self._file = self.path.open("ab", buffering=BLOCK_BYTES)


def path_of(folder: Path, name: str) -> Path:
    """Return where the lines of a part are written."""
    return folder / (name + LINES)


def finished(lines: Path, form: Form) -> Path:
    """Return the file of a part in its form, beside its lines, safe from a power cut."""
    if form == "jsonl":
        return lines
    from ilios.local.bulk import parquet

    made = lines.with_suffix(".parquet")
    parquet.write(lines, made)
    durable_files.fsync(made)
    return made


def whole_lines(path: Path) -> Iterator[Line]:
    """Yield the lines of a part that are whole; the last of a writer that died may not be."""
    place = 0
    with path.open("rb") as file:
        for line in file:
            start, place = place, place + len(line)
            try:
                if not line.endswith(b"\n"):
                    return
                found: dict[str, Any] = json.loads(line)
                yield Line(found["id"], found["source"], start, place)
            except (ValueError, KeyError, TypeError):
                return


def taken_over(path: Path, name: str, is_wanted: Callable[[Line], bool]) -> list[Line]:
    """Move the whole lines that are wanted from a file that nobody writes any more to a new part.

    They are copied: a process that is believed dead may still have the old file open. The new part
    has the name; there is none when no line is wanted.
    """
    wanted = list({line.id: line for line in whole_lines(path) if is_wanted(line)}.values())
    if wanted:
        with path.open("rb") as file, PartWriter(path.parent, name) as writer:
            for line in wanted:
                file.seek(line.start)
                writer.append(_decoded(file.read(line.end - line.start)))
            writer.close()
    path.unlink()
    return wanted


def _decoded(line: bytes) -> Iterator[str]:
    for start in range(0, len(line), BLOCK_BYTES):  # JSON of ours is ASCII
        yield line[start : start + BLOCK_BYTES].decode("ascii")
