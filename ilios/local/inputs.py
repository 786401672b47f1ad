"""What is to be converted: files, folders, patterns, standard input and URLs of a command line."""

from __future__ import annotations

import glob
import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Final
from urllib.parse import unquote

from ilios.engines.detection.media_types import NAMED

STANDARD_INPUT: Final = "-"
HERE: Final = PurePath()
_URL: Final = re.compile(r"https?://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Document:
    """One document; of `path` and `url` one is set, and neither for standard input."""

    shown: str  #: as people know it
    name: str  #: of the file
    path: Path | None = None
    url: str | None = None
    folder: PurePath = HERE  #: in which its result lies, below that of the results


@dataclass(frozen=True, slots=True)
class Missing:
    """An argument that names nothing, and the sentence that says so."""

    shown: str
    reason: str


@dataclass(frozen=True, slots=True)
class Results:
    """Where results go, and how their files end: what a search must not take for documents."""

    folder: Path
    suffix: str

    def has(self, path: Path) -> bool:
        """Return whether a file may be a result of an earlier run."""
        return path.name.endswith(self.suffix) and real(path).is_relative_to(real(self.folder))


@dataclass(slots=True)
class Found:
    """What the arguments name, in their order, each file once."""

    documents: list[Document] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)


def find(arguments: Iterable[str], *, stdin_name: str, results: Results | None) -> Found:
    """Return what the arguments name.

    Of folders and patterns, hidden files, files that no engine reads by their name, and results of
    earlier runs are left out; a folder is searched with all below it.
    """
    found, seen = Found(), set[Path | str]()
    for argument in arguments:
        for item in _of_argument(argument, stdin_name, results):
            if isinstance(item, Missing):
                found.missing.append(item)
                continue
            place = real(item.path) if item.path else item.url or STANDARD_INPUT
            if place not in seen:
                seen.add(place)
                found.documents.append(item)
    return found


def below(folder: Path) -> Iterator[Document | Missing]:
    """Yield the documents of a folder as `find` does, without holding them."""
    return _searched(str(folder), folder, _below(folder), None)


def is_url(argument: str) -> bool:
    return _URL.match(argument) is not None


def real(path: Path) -> Path:
    """Return where a path leads. Never raises, as `Path.resolve` does for links in a circle."""
    return Path(os.path.realpath(path))


def _of_argument(
    argument: str, stdin_name: str, results: Results | None
) -> Iterator[Document | Missing]:
    path = Path(argument)
    mode = _mode(path)
    if not argument:  # a variable of a shell that has no value, not the folder where it stands
        yield Missing("''", "It names nothing.")
    elif argument == STANDARD_INPUT:
        yield Document(shown=stdin_name, name=stdin_name)
    elif is_url(argument):
        yield Document(shown=argument, name=name_of_url(argument), url=argument)
    elif stat.S_ISDIR(mode):
        yield from _searched(argument, path, _below(path), results)
    elif mode and not stat.S_ISREG(mode):  # a pipe can be read once, and it is opened twice
        yield Missing(argument, f"It is no file. Pipe it in, and name {STANDARD_INPUT} for it.")
    elif mode or not glob.has_magic(argument):
        yield Document(shown=argument, name=path.name, path=path)  # to open it says what is wrong
    else:
        root = _root_of(argument)
        names = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207
        files = (path for path in map(Path, names) if stat.S_ISREG(_mode(path)))
        yield from _searched(argument, root, files, results)


def _searched(
    argument: str, root: Path, paths: Iterable[Path | Missing], results: Results | None
) -> Iterator[Document | Missing]:
    """Yield those of the paths that are documents; Missing when none is."""
    is_empty = True
    for path in paths:
        if isinstance(path, Missing):
            is_empty = False
            yield path
        elif path.suffix.lower() in NAMED and not (results and results.has(path)):
            is_empty = False
            folder = path.relative_to(root).parent
            yield Document(shown=str(path), name=path.name, path=path, folder=folder)
    if is_empty:
        yield Missing(argument, "There is no document of a type that can be converted.")


def _below(folder: Path) -> Iterator[Path | Missing]:
    """Yield the files below a folder, in the order of their names, but for hidden ones.

    What cannot be searched comes last.
    """
    refused: list[OSError] = []
    for place, folders, files in os.walk(folder, onerror=refused.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith("."):
                yield Path(place, name)
    for error in refused:
        yield Missing(str(error.filename), f"{error.strerror}.")


def _mode(path: Path) -> int:
    """Return what a path is, as `stat` has it; 0 for one that cannot be looked at."""
    try:
        return path.stat().st_mode
    except OSError:
        return 0


def _root_of(pattern: str) -> Path:
    """Return the folder before the first part of a pattern that stands for several names."""
    parts = Path(pattern).parts
    fixed = next(place for place, part in enumerate(parts) if glob.has_magic(part))
    return Path(*parts[:fixed])


def name_of_url(url: str) -> str:
    path = re.split(r"[?#]", url, maxsplit=1)[0].split("/", 3)
    last = path[3].rstrip("/").rpartition("/")[2] if len(path) > 3 else ""
    if not last:
        return path[2]
    from ilios.core.file_names import safe_file_name  # loads Werkzeug, which files do not need

    return safe_file_name(unquote(last))
