"""Fixtures of every tier that has an object store over TLS."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ilios.core import ids
from tests.support.tls import Certificate, make_certificate

MakeFile = Callable[[bytes], Path]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def trusting(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let clients of this test, and of its child processes, trust the self-signed certificate."""
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate.certificate))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have boto3 retry without its waits between attempts."""
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)


@pytest.fixture
def make_file(tmp_path: Path) -> MakeFile:
    """Provide a new file with the given bytes, to be given away to a store."""

    def make(content: bytes) -> Path:
        path = tmp_path / f"upload-{ids.new_id()}"
        path.write_bytes(content)
        return path

    return make
