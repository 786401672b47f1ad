"""What a power cut leaves of a local object."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ilios.storage.local import LocalStore
from ilios.storage.object_keys import source_key
from ilios.storage.signed_links import LinkSigner
from tests.support.power_cut import Record

MakeFile = Callable[[bytes], Path]

KEY = "documents/instance/document/images/1.png"


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Record:  # that folder is older
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


def test_an_original_costs_two_fsyncs_and_no_folder(
    record: Record, root: Path, make_file: MakeFile
) -> None:
    store = open_local(root)
    store.put(source_key("instance", "first"), make_file(b"x"), "application/pdf")
    assert record.unsafe_names() == []
    record.events.clear()

    store.put(source_key("instance", "second"), make_file(b"x"), "application/pdf")

    assert [kind for kind, _ in record.events] == ["fsync", "name", "fsync"]
    assert record.unsafe_names() == []
