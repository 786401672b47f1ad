"""Files that appear whole or not at all, and what of them a power cut leaves.

A file is written under another name and then renamed, so that no reader and no crash of this
process ever sees half of it. A power cut is another matter: a file's bytes are safe after an fsync
of the file, a name after an fsync of its folder, and each costs milliseconds.

- `replace`: whole, but not durable. For what is written often, or can be made again.
- `publish`: durable; takes the place of what had the name.
- `create`: durable; leaves alone what has the name already.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Final

from ilios.core import platform

DRAFT_SUFFIX = ".draft"
LONGEST_NAME_BYTES: Final = 255  #: that file systems take


def draft_of(path: Path) -> Path:
    """Return the name under which `replace` writes a file."""
    name = path.name + DRAFT_SUFFIX
    if len(os.fsencode(name)) > LONGEST_NAME_BYTES:
        name = hashlib.blake2b(os.fsencode(path.name), digest_size=16).hexdigest() + DRAFT_SUFFIX
    return path.with_name(name)


def replace(path: Path, *blocks: bytes, mode: int = 0o666) -> None:
    """Let a file of these blocks take the place of `path`.

    Costs no fsync. One process and thread at a time may do this to a path. `mode` is less the
    umask, for a draft that is not left over from a process that was killed.
    """
    draft = draft_of(path)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        with open(descriptor, "wb", buffering=0) as file:  # noqa: PTH123  # a descriptor
            for block in blocks:
                write_all(file, memoryview(block))
        draft.rename(path)
    except BaseException:
        draft.unlink(missing_ok=True)  # what fills the disk must not keep it full
        raise


def write_all(file: FileIO, view: memoryview) -> int:
    """Write to an unbuffered file, which may take the bytes in pieces; return how many they are."""
    written = 0
    while written < view.nbytes:
        written += file.write(view[written:])
    return written


def publish(draft: Path, path: Path) -> None:
    """Give a complete file its name, in place of what had it; safe from a power cut on return.

    The bytes come first: a power cut must not leave the name without them.
    """
    fsync(draft)
    draft.rename(path)
    fsync(path.parent)


def create(path: Path, content: bytes) -> None:
    """Create a file, for its owner alone to read; safe from a power cut on return.

    A file that has the name already stays as it is: of processes that race, one writes it.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        fsync(draft)
        with suppress(FileExistsError):
            path.hardlink_to(draft)  # a rename would replace what another process has just made
    finally:
        draft.unlink()
    fsync(path.parent)


def fsync(path: Path | str) -> None:
    """Wait until a file's bytes, or a folder's entries, are on the device."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        platform.sync(descriptor)
    finally:
        os.close(descriptor)
