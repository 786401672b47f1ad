"""A provider that lists and sends without end: files and jobs of the batch lane."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from mistralai.client import models

from ilios.core import clock
from ilios.core.conversion_errors import DiskFull, ProviderUnavailable
from ilios.core.settings import Settings
from ilios.engines.mistral.batch import files, jobs
from ilios.engines.mistral.batch.files import BatchFiles
from ilios.engines.mistral.batch.jobs import Batches, Round
from ilios.engines.mistral.client import FILE_LIST_MAX_PAGES, FILES_PER_PAGE, Client

BLOCK = b"0123456789"


class EndlessProvider:
    """Stands for the SDK: its lists are always full, and its files have no end."""

    def __init__(self) -> None:
        self.files = self
        self.batch = SimpleNamespace(jobs=SimpleNamespace(list=self._jobs))
        self.lists = 0
        self.sent = 0
        self.deleted: list[str] = []

    def list(self, **_: Any) -> SimpleNamespace:
        self.lists += 1
        file = SimpleNamespace(id=f"file-{self.lists}", filename="ilios-batch-us-b1-x")
        return SimpleNamespace(data=[file] * FILES_PER_PAGE)

    def delete(self, file_id: str) -> None:
        self.deleted.append(file_id)

    def download(self, **_: Any) -> SimpleNamespace:
        return SimpleNamespace(iter_bytes=self._blocks, close=lambda: None)

    def _jobs(self, **_: Any) -> SimpleNamespace:
        self.lists += 1
        job = SimpleNamespace(metadata=None, created_at=clock.now().timestamp() + 1e6)
        return SimpleNamespace(data=cast("list[models.BatchJob]", [job]))

    def _blocks(self) -> Iterator[bytes]:
        while True:
            self.sent += len(BLOCK)
            yield BLOCK


@pytest.fixture
def provider() -> EndlessProvider:
    return EndlessProvider()


@pytest.fixture
def client(provider: EndlessProvider) -> Client:
    return cast("Client", SimpleNamespace(sdk=provider, require_key=lambda: None))


@pytest.fixture
def batch_files(client: Client) -> BatchFiles:
    return BatchFiles(client, "us", Settings())


def test_results_without_end_are_cut(
    batch_files: BatchFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "RESULTS_MAX_BYTES", 95)

    assert batch_files.download("file-1", tmp_path / "results", lambda: None)

    assert (tmp_path / "results").read_bytes() == BLOCK * 9 + BLOCK[:5]


def test_results_are_fetched_while_there_is_room(
    batch_files: BatchFiles,
    provider: EndlessProvider,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(files, "LOOK_BYTES", 30)

    def require_room() -> None:
        if provider.sent > 100:
            raise DiskFull("There is no room.")

    with pytest.raises(DiskFull):
        batch_files.download("file-1", tmp_path / "results", require_room)

    assert (tmp_path / "results").stat().st_size <= 100 + 30


def test_a_list_of_files_without_end_is_left(
    batch_files: BatchFiles, provider: EndlessProvider
) -> None:
    batch_files.delete("b1", [])

    assert provider.lists == len(files.PURPOSES) * FILE_LIST_MAX_PAGES
    assert len(provider.deleted) == provider.lists


def test_a_job_that_a_list_without_end_may_have_is_not_taken_for_none(
    client: Client, provider: EndlessProvider
) -> None:
    since: datetime = clock.now()

    with pytest.raises(ProviderUnavailable):
        Batches(client, "us", Settings()).find(Round("b1", 1), since)

    assert provider.lists == jobs.JOB_LIST_MAX_PAGES
