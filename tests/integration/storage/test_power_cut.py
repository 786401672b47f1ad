"""What a power cut leaves of a local object.

No test can pull the plug. These record what the store asks of the real file system, in order, and
apply the rules of POSIX to the record: a file's bytes are safe after an fsync of the file, a name
is safe after an fsync of the folder that holds it, and until then either may be lost.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ilios.storage.local import LocalStore
from ilios.storage.signed_links import LinkSigner

MakeFile = Callable[[bytes], Path]

KEY = "documents/instance/document/images/1.png"


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
        """New names that a power cut now may lose."""
        return [
            path
            for number, (kind, path) in enumerate(self.events)
            if kind == "name"
            and path.exists()
            and ("fsync", path.parent) not in self.events[number:]
        ]


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Record:
    return Record(monkeypatch)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "objects"


def open_local(root: Path) -> LocalStore:
    return LocalStore(root, LinkSigner(b"k" * 32), None)


def test_an_object_has_its_bytes_before_it_has_its_name(
    record: Record, root: Path, make_file: MakeFile
) -> None:
    open_local(root).put(KEY, make_file(b"x"), "image/png")

    assert record.bytes_were_safe_before_the_name(root / KEY)


def test_when_put_returns_no_name_on_the_way_can_be_lost(
    record: Record, root: Path, make_file: MakeFile
) -> None:
    store = open_local(root)

    store.put(KEY, make_file(b"x"), "image/png")
    assert record.unsafe_names() == []

    store.put("documents/instance/second/source.pdf", make_file(b"x"), "application/pdf")
    assert record.unsafe_names() == []


def test_a_folder_that_another_process_has_just_made_is_made_safe_too(
    record: Record, root: Path, make_file: MakeFile
) -> None:
    store = open_local(root)
    (root / KEY).parent.mkdir(parents=True)  # the other process has come this far

    store.put(KEY, make_file(b"x"), "image/png")

    assert record.unsafe_names() == []


def test_a_folder_that_went_and_came_back_is_made_safe_again(
    record: Record, root: Path, make_file: MakeFile
) -> None:
    store, other = open_local(root), open_local(root)
    store.put(KEY, make_file(b"x"), "image/png")
    other.delete(KEY)
    (root / KEY).parent.mkdir(parents=True)

    store.put(KEY, make_file(b"x"), "image/png")

    assert record.unsafe_names() == []


def test_when_copy_returns_its_name_cannot_be_lost(
    record: Record, root: Path, make_file: MakeFile
) -> None:
    store = open_local(root)
    store.put("incoming/instance/document", make_file(b"x"), "application/pdf")

    store.copy("incoming/instance/document", KEY)

    assert record.unsafe_names() == []


def test_a_document_costs_three_fsyncs(record: Record, root: Path, make_file: MakeFile) -> None:
    store = open_local(root)
    store.put("documents/instance/first/source.pdf", make_file(b"x"), "application/pdf")
    record.events.clear()

    store.put("documents/instance/second/source.pdf", make_file(b"x"), "application/pdf")

    assert [kind for kind, _ in record.events].count("fsync") == 3
