"""A folder and a bucket behind one protocol; the bucket is served over TLS, as real ones are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ilios.core import data_folder, ids
from ilios.core.disk_space import DiskReserve
from ilios.core.settings import Settings
from ilios.storage.base import ObjectStore
from ilios.storage.local import LocalStore
from ilios.storage.object_spool import ObjectSpool
from ilios.storage.s3.store import S3Store
from ilios.storage.signed_links import LinkSigner
from tests.support.buckets import bucket_server, make_bucket
from tests.support.storing import (  # noqa: F401  # fixtures are found by name
    certificate,
    impatient,
    make_file,
    trusting,
)
from tests.support.tls import Certificate, served

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

SECRET = "a-secret-that-must-not-be-shown"


@pytest.fixture(scope="session")
def s3_endpoint(certificate: Certificate) -> Iterator[str]:  # noqa: F811
    with bucket_server(certificate) as url:
        yield url


@pytest.fixture
def serve_tls(certificate: Certificate) -> Iterator[Callable[[WSGIApplication], str]]:  # noqa: F811
    """Serve a WSGI application over TLS until the test ends; gives its URL."""
    with ExitStack() as servers:
        yield lambda app: servers.enter_context(served(app, certificate))


@pytest.fixture
def s3_store(s3_endpoint: str, trusting: None) -> S3Store:  # noqa: F811
    bucket = f"test-{ids.new_id()}"
    make_bucket(s3_endpoint, bucket, SECRET)
    return S3Store(bucket, s3_endpoint, "key-id", SECRET, "path")


@pytest.fixture
def local_store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "objects", LinkSigner(b"k" * 32), "https://ocr.example.com")


@pytest.fixture
def spooled_store(s3_store: S3Store, settings: Settings) -> S3Store:
    folder = data_folder.spool(settings)
    folder.mkdir(exist_ok=True)
    spool = ObjectSpool(folder, DiskReserve(settings))
    return S3Store(s3_store.bucket, s3_store.endpoint_url, "key-id", SECRET, "path", spool=spool)


@pytest.fixture(params=["local", "s3", "spooled"])
def store(request: pytest.FixtureRequest) -> ObjectStore:
    found: ObjectStore = request.getfixturevalue(f"{request.param}_store")
    return found
