"""Where results go: one file for each document, written whole or not at all."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import BinaryIO
from urllib.parse import quote

from ilios.core import durable_files
from ilios.local.inputs import Document, real


def paths(documents: Sequence[Document], folder: Path, suffix: str) -> list[Path]:
    """Return the file of each document's result: no two alike, and none of them an input.

    `STEM.md`; `STEM.EXT.md` where two stems are alike, or where a document would be written over;
    with a number where even those are. Case does not tell names apart, for not every disk does so.
    """
    inputs = {real(document.path) for document in documents if document.path}
    stems = Counter(_key(document, _stem(document)) for document in documents)
    taken: set[tuple[PurePath, str]] = set()
    chosen = []
    for document in documents:
        place = folder / document.folder
        base = _stem(document)
        if stems[_key(document, base)] > 1 or real(place / (base + suffix)) in inputs:
            base = document.name
        name, number = base, 1
        while _key(document, name) in taken or real(place / (name + suffix)) in inputs:
            number += 1
            name = f"{base}-{number}"
        taken.add(_key(document, name))
        chosen.append(place / (name + suffix))
    return chosen


def is_current(document: Document, output: Path) -> bool:
    """Return whether a result is there already that is newer than its document.

    Where that cannot be seen, it is not: to read or to write it says what is wrong.
    """
    if document.path is None:
        return False
    try:
        found, source = output.stat(), document.path.stat()
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_mtime_ns > source.st_mtime_ns


def write(output: Path, blocks: Sequence[bytes]) -> None:
    """Let a result appear, whole, in place of an earlier one."""
    output.parent.mkdir(parents=True, exist_ok=True)
    durable_files.replace(output, *blocks)


class ImageFolder:
    """The folder of the images of one result, beside its file; made with the first of them."""

    def __init__(self, output: Path) -> None:
        self._folder = output.with_name(f"{output.stem}-images")

    def link(self, name: str) -> str:
        """Return what stands in the Markdown for an image."""
        return f"{quote(os.fsencode(self._folder.name))}/{name}"  # which may be no UTF-8

    def keep(self, name: str, file: BinaryIO) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        durable_files.replace(self._folder / name, file.read())


def _stem(document: Document) -> str:
    return PurePath(document.name).stem


def _key(document: Document, name: str) -> tuple[PurePath, str]:
    return PurePath(str(document.folder).casefold()), name.casefold()
