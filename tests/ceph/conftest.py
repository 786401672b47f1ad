"""A bucket of a real Ceph radosgw, over TLS."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config

from ilios.core import ids
from ilios.core.settings import Settings
from ilios.storage.base import ObjectStore
from ilios.storage.s3.store import S3Store
from tests.ceph.cluster import Cluster, missing_programs
from tests.support.storing import (  # noqa: F401  # fixtures are found by name
    certificate,
    impatient,
    make_file,
    trusting,
)
from tests.support.tls import Certificate

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ACCESS_KEY_ID = "key-id-of-ilios"
SECRET = "a-secret-that-must-not-be-shown"


@pytest.fixture(scope="session")
def cluster(
    certificate: Certificate,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Cluster]:
    if missing := missing_programs():
        reason = f"{', '.join(missing)} not found; see docs/development.md for the packages"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    cluster = Cluster(tmp_path_factory.mktemp("ceph"), certificate)
    try:
        cluster.start()
        cluster.add_user("ilios", ACCESS_KEY_ID, SECRET)
        cluster.add_user("other", "key-id-of-other", SECRET)
        yield cluster
    finally:
        cluster.close()


@pytest.fixture
def admin(cluster: Cluster, trusting: None) -> Iterator[S3Client]:  # noqa: F811
    """Return a plain client with the same key, to look behind the store's back."""
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=cluster.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET,
        config=Config(s3={"addressing_style": "path"}),
    )
    yield client
    client.close()


@pytest.fixture
def s3_store(cluster: Cluster, admin: S3Client) -> S3Store:
    bucket = f"test-{ids.new_id()}"
    admin.create_bucket(Bucket=bucket)
    return S3Store(bucket, cluster.endpoint_url, ACCESS_KEY_ID, SECRET, "path")


@pytest.fixture
def store(s3_store: S3Store) -> ObjectStore:
    """Return what the conformance tests ask for."""
    return s3_store


@pytest.fixture
def bucket(settings: Settings, s3_store: S3Store) -> Settings:
    """Return settings of a service with that bucket."""
    return settings.model_copy(
        update={
            "s3_bucket": s3_store.bucket,
            "aws_access_key_id": ACCESS_KEY_ID,
            "aws_secret_access_key": SECRET,
            "aws_endpoint_url_s3": s3_store.endpoint_url,
        }
    )
